//! `--bless` writes entries after which the gate is green, and no more than that.

use proptest::prelude::*;
use reports::exit::Exit;
use reports::expectation::{Blessing, Expectation, Expectations, NaiveDate, bless, evaluate};
use reports::record::{Case, Cause, Check, Outcome, Run, Selection, Verdict};

use crate::fixture::{case, check, entry, expectations, fail, options, pair, pass, run, run_of};

fn blessed(run: &Run, files: &Expectations) -> (Blessing, Expectations) {
    let blessing = bless(run, files, &options());
    let mut entries = files.to_files();
    entries.extend(blessing.files.clone());
    (blessing, Expectations::new(entries).unwrap())
}

/// Blesses, shows the difference, and asserts that the gate is green afterwards and that blessing again changes nothing.
fn diff(run: &Run, files: &Expectations) -> String {
    let (blessing, after) = blessed(run, files);
    let gate = evaluate(run, &after, &options());
    assert_eq!(gate.exit(), Exit::AsExpected, "{blessing}\n{:#?}", gate.findings);
    assert_eq!(bless(run, &after, &options()), Blessing::default(), "{blessing}");
    blessing.to_string()
}

#[test]
fn a_run_that_departs_as_listed_needs_no_change() {
    let run = run([case("turn/allocate", "rtc", [fail("turn.code"), pass("turn.other")])]);
    assert_eq!(diff(&run, &expectations([("rtc", vec![entry(&fail("turn.code"), "turn/*")])])), "");
}

#[test]
fn new_departures_become_the_fewest_entries_that_spare_what_passes() {
    let run = run([
        case("turn/allocate/udp", "rtc", [fail("turn.code"), fail("turn.always")]),
        case("turn/allocate/tcp", "rtc", [fail("turn.code"), fail("turn.always")]),
        case("turn/refresh/udp", "rtc", [pass("turn.code"), fail("turn.always")]),
    ]);
    insta::assert_snapshot!(diff(&run, &expectations([])), @"
    expected/rtc.yaml
      + turn.always on turn/*/*: fail, `RFC8656-9-1: error response 400 from <addr> after <time>`
          why: departs in 3 cases and was not listed so
      + turn.code on turn/allocate/*: fail, `RFC8656-9-1: error response 400 from <addr> after <time>`
          why: departs in 2 cases and was not listed so
    ");
}

#[test]
fn a_departure_that_stopped_everywhere_loses_its_entry() {
    let run = run([case("turn/allocate", "rtc", [pass("turn.code")])]);
    insta::assert_snapshot!(diff(&run, &expectations([("rtc", vec![entry(&fail("turn.code"), "turn/*")])])), @"
    expected/rtc.yaml
      - turn.code on turn/*: fail, `RFC8656-9-1: error response 400 from <addr> after <time>`
          why: passed in 1 cases, departs otherwise in 0, is as listed in 0
    ");
}

#[test]
fn a_departure_that_stopped_somewhere_has_its_entry_narrowed_and_keeps_its_reason() {
    let run = run([case("turn/allocate", "rtc", [fail("turn.code")]), case("turn/refresh", "rtc", [pass("turn.code")])]);
    let files = expectations([("rtc", vec![Expectation { reason: "issue 7".into(), ..entry(&fail("turn.code"), "turn/*") }])]);
    insta::assert_snapshot!(diff(&run, &files), @"
    expected/rtc.yaml
      - turn.code on turn/*: fail, `RFC8656-9-1: error response 400 from <addr> after <time>`
      + turn.code on turn/allocate: fail, `RFC8656-9-1: error response 400 from <addr> after <time>`
          why: passed in 1 cases, departs otherwise in 0, is as listed in 1
    ");
    assert_eq!(blessed(&run, &files).0.files["rtc"][0].reason, "issue 7");
}

#[test]
fn a_changed_fingerprint_is_updated_in_place() {
    let now = check("turn.code", "a", Verdict::Fail, "error response 500 from 192.0.2.1:3478");
    let run = run([case("turn/allocate", "rtc", [now.clone()]), case("turn/refresh", "rtc", [now])]);
    insta::assert_snapshot!(diff(&run, &expectations([("rtc", vec![entry(&fail("turn.code"), "turn/*")])])), @"
    expected/rtc.yaml
      - turn.code on turn/*: fail, `RFC8656-9-1: error response 400 from <addr> after <time>`
      + turn.code on turn/*: fail, `RFC8656-9-1: error response 500 from <addr>`
          why: departs in another way in all 2 cases
    ");
}

#[test]
fn one_more_case_of_the_same_departure_widens_the_entry() {
    let run = run([
        case("turn/allocate/udp", "rtc", [fail("turn.code")]),
        case("turn/allocate/tcp", "rtc", [fail("turn.code")]),
        case("turn/refresh/udp", "rtc", [pass("turn.code")]),
    ]);
    insta::assert_snapshot!(diff(&run, &expectations([("rtc", vec![entry(&fail("turn.code"), "turn/allocate/udp")])])), @"
    expected/rtc.yaml
      - turn.code on turn/allocate/udp: fail, `RFC8656-9-1: error response 400 from <addr> after <time>`
      + turn.code on turn/allocate/*: fail, `RFC8656-9-1: error response 400 from <addr> after <time>`
          why: departs so in 1 more cases
    ");
}

#[test]
fn a_joint_departure_goes_to_the_file_of_the_first_node() {
    let joint = |verdict| check("ice.connects", "a+b", verdict, "no application packet arrived");
    let run = run([
        pair("ice/pairs/rtc+str0m/open+open", ["rtc", "str0m"], Outcome::Failed, [joint(Verdict::Fail)]),
        pair("ice/pairs/rtc+rtc/open+open", ["rtc", "rtc"], Outcome::Direct, [joint(Verdict::Pass)]),
    ]);
    insta::assert_snapshot!(diff(&run, &expectations([])), @"
    expected/rtc.yaml
      + ice.connects on ice/pairs/rtc+str0m/open+open with str0m: fail, `RFC8656-9-1: no application packet arrived`
          why: departs in 1 cases and was not listed so
    ");
}

#[test]
fn a_partial_run_adds_plain_ids_and_leaves_wider_entries_alone() {
    let selection = Some(Selection { restrictions: vec!["turn/allocate".into()], partition: None });
    let run = run_of(selection, [case("turn/allocate", "rtc", [pass("turn.code"), fail("turn.new")])]);
    let (blessing, _) = blessed(&run, &expectations([("rtc", vec![entry(&fail("turn.code"), "turn/*")])]));
    insta::assert_snapshot!(blessing, @"
    expected/rtc.yaml
      + turn.new on turn/allocate: fail, `RFC8656-9-1: error response 400 from <addr> after <time>`
          why: departs in 1 cases and was not listed so
    left for you:
      ! expected/rtc.yaml, `turn.code` on `turn/*`: stale, but reaches beyond this run: bless a whole run
    ");
}

#[test]
fn what_a_person_must_decide_is_left() {
    let fault = Check { cause: Some(Cause::Harness), ..check("run.survives", "a", Verdict::Error, "backstop reached") };
    let run = run([
        case("turn/allocate", "rtc", [fail("turn.code"), fault]),
        case("turn/refresh", "rtc", [check("stun.answers", "server", Verdict::Fail, "no response")]),
    ]);
    let expired = Expectation { until: NaiveDate::from_ymd_opt(2020, 1, 1), ..entry(&fail("turn.code"), "turn/*") };
    insta::assert_snapshot!(blessed(&run, &expectations([("rtc", vec![expired])])).0, @"
    left for you:
      ! expected/rtc.yaml, `turn.code`: was to be settled by 2020-01-01 (known since the first run): settle it or move the day
      ! run.survives on a in turn/allocate: a fault of the harness is never expected
      ! stun.answers on server in turn/refresh: no implementation under test plays the subject, so no file can list it
    ");
}

fn cases() -> impl Strategy<Value = Vec<Case>> {
    let verdict =
        prop::sample::select(vec![Verdict::Pass, Verdict::Fail, Verdict::Deviates, Verdict::Inconclusive, Verdict::NotApplicable]);
    let said = (verdict, prop::sample::select(vec!["answered 400", "answered 438"]));
    let judged = prop::collection::vec(prop::option::of(said), 2);
    prop::collection::btree_map("[ab]/[ab]/[abc](/seed-[12])?", (prop::sample::select(vec!["rtc", "str0m"]), judged), 1..12).prop_map(
        |cases| {
            let checks = |said: Vec<Option<(Verdict, &'static str)>>| {
                let numbered = said.into_iter().enumerate();
                numbered
                    .filter_map(|(number, said)| said.map(|(verdict, observed)| check(&format!("check.{number}"), "a", verdict, observed)))
            };
            cases.into_iter().map(|(id, (name, said))| case(&id, name, checks(said).collect::<Vec<_>>())).collect()
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn blessing_any_run_over_entries_for_any_other_makes_the_gate_green(before in cases(), after in cases()) {
        let (_, listed) = blessed(&run(before), &expectations([]));
        diff(&run(after), &listed);
    }
}
