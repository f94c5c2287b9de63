//! Each rule of the gate, with the twin in which it stays silent.

use reports::exit::Exit;
use reports::expectation::{
    Departure, EntryErrorKind, Expectation, Expectations, FindingKind, Gate, GateOptions, NaiveDate, evaluate, evaluate_case,
};
use reports::record::{Case, Cause, Check, Outcome, Run, Selection, Verdict};

use crate::fixture::{case, check, entry, expectations, fail, header, options, pair, pass, run, run_of};

fn kinds(gate: &Gate) -> Vec<FindingKind> {
    gate.findings.iter().map(|finding| finding.kind).collect()
}

fn gate_with(run: &Run, entries: Vec<Expectation>, options: &GateOptions) -> Gate {
    evaluate(run, &expectations([("rtc", entries)]), options)
}

fn gate(run: &Run, entries: Vec<Expectation>) -> Gate {
    gate_with(run, entries, &options())
}

#[test]
fn a_run_that_passes_everything_is_green_without_entries() {
    let gate = gate(&run([case("turn/allocate", "rtc", [pass("turn.code")])]), vec![]);
    assert_eq!((kinds(&gate), gate.exit()), (vec![], Exit::AsExpected));
}

#[test]
fn every_unlisted_departure_is_new() {
    for (verdict, kind) in [
        (Verdict::Fail, FindingKind::NewDeviation),
        (Verdict::Deviates, FindingKind::NewDeviation),
        (Verdict::Error, FindingKind::NewDeviation),
        (Verdict::Inconclusive, FindingKind::Inconclusive),
    ] {
        let run = run([case("turn/allocate", "rtc", [check("turn.code", "a", verdict, "seen")])]);
        let gate = gate(&run, vec![]);
        assert_eq!((kinds(&gate), gate.exit()), (vec![kind], Exit::Unexpected), "{verdict}");
    }
}

#[test]
fn what_departs_from_nothing_needs_no_entry() {
    for verdict in [Verdict::Pass, Verdict::Unsupported, Verdict::NotApplicable] {
        let run = run([case("turn/allocate", "rtc", [check("turn.code", "a", verdict, "seen")])]);
        assert_eq!(kinds(&gate(&run, vec![])), []);
    }
}

#[test]
fn a_listed_departure_is_green_and_removing_its_entry_is_not() {
    let run = run([case("turn/allocate", "rtc", [fail("turn.code")])]);
    let listed = gate(&run, vec![entry(&fail("turn.code"), "turn/*")]);
    assert_eq!((kinds(&listed), listed.exit()), (vec![], Exit::AsExpected));
    assert_eq!(gate(&run, vec![]).exit(), Exit::Unexpected);
}

#[test]
fn an_entry_applies_to_its_own_implementation_only() {
    let run = run([case("turn/allocate", "str0m", [fail("turn.code")])]);
    assert_eq!(kinds(&gate(&run, vec![entry(&fail("turn.code"), "turn/*")])), [FindingKind::NewDeviation]);
}

#[test]
fn a_star_stays_within_a_segment_and_two_cross_them() {
    let run = run([case("turn/allocate/udp", "rtc", [fail("turn.code")])]);
    for (glob, covers) in [("turn/*", false), ("turn/*/*", true), ("turn/**", true), ("**", true), ("turn/allocate/{udp,tcp}", true)] {
        let gate = gate(&run, vec![entry(&fail("turn.code"), glob)]);
        assert_eq!(gate.exit() == Exit::AsExpected, covers, "{glob}");
    }
}

#[test]
fn a_departure_listed_with_another_verdict_is_new() {
    let run = run([case("turn/allocate", "rtc", [fail("turn.code")])]);
    let listed = Expectation { verdict: Departure::Deviates, ..entry(&fail("turn.code"), "turn/*") };
    let gate = gate(&run, vec![listed]);
    assert_eq!(kinds(&gate), [FindingKind::NewDeviation]);
    assert!(gate.findings[0].text.starts_with("listed as deviates, is fail"));
}

#[test]
fn departing_in_another_way_is_a_changed_fingerprint() {
    let code = |code| check("turn.code", "a", Verdict::Fail, &format!("error response {code} from 192.0.2.1:3478"));
    let run = run([case("turn/allocate", "rtc", [code(400)])]);
    assert_eq!(kinds(&gate(&run, vec![entry(&code(438), "turn/*")])), [FindingKind::ChangedFingerprint]);
    assert_eq!(kinds(&gate(&run, vec![entry(&code(438), "turn/*"), entry(&code(400), "turn/allocate")])), [FindingKind::MatchesNothing]);
}

#[test]
fn a_listed_check_that_passes_has_stopped() {
    let listed = vec![entry(&fail("turn.code"), "turn/*")];
    let stopped = run([case("turn/allocate", "rtc", [fail("turn.code")]), case("turn/refresh", "rtc", [pass("turn.code")])]);
    let gate_of_stopped = gate(&stopped, listed.clone());
    assert_eq!(kinds(&gate_of_stopped), [FindingKind::Stopped]);
    assert_eq!(gate_of_stopped.findings[0].at[0].case, "turn/refresh");

    let silent = check("turn.code", "a", Verdict::NotApplicable, "no allocation");
    let neutral = run([case("turn/allocate", "rtc", [fail("turn.code")]), case("turn/refresh", "rtc", [silent])]);
    assert_eq!(kinds(&gate(&neutral, listed)), []);
}

#[test]
fn one_departing_seed_speaks_for_all_seeds_of_its_case() {
    let seeds = [case("turn/allocate/seed-1", "rtc", [fail("turn.code")]), case("turn/allocate/seed-2", "rtc", [pass("turn.code")])];
    assert_eq!(kinds(&gate(&run(seeds.clone()), vec![entry(&fail("turn.code"), "turn/allocate")])), []);
    assert_eq!(
        kinds(&gate(&run(seeds), vec![entry(&fail("turn.code"), "turn/allocate/seed-2")])),
        [FindingKind::NewDeviation, FindingKind::Stopped]
    );
}

#[test]
fn an_entry_counts_on_its_last_day_and_not_after() {
    let run = run([case("turn/allocate", "rtc", [fail("turn.code")])]);
    let until = |day| vec![Expectation { until: NaiveDate::from_ymd_opt(2026, 11, day), ..entry(&fail("turn.code"), "turn/*") }];
    assert_eq!(kinds(&gate(&run, until(22))), []);
    assert_eq!(kinds(&gate(&run, until(21))), [FindingKind::Expired]);
}

#[test]
fn an_expired_entry_is_judged_only_where_it_was_reached() {
    let past = NaiveDate::from_ymd_opt(2020, 1, 1);
    let entries = vec![Expectation { until: past, ..entry(&fail("turn.code"), "turn/*") }];
    assert_eq!(kinds(&gate(&run([case("stun/binding", "rtc", [pass("stun.a")])]), entries.clone())), []);
    assert_eq!(kinds(&gate(&run([case("turn/allocate", "str0m", [pass("turn.code")])]), entries)), []);
}

#[test]
fn an_entry_that_matches_nothing_is_judged_only_where_it_could_match() {
    let stale = vec![entry(&fail("turn.typo"), "turn/*")];
    let checks = || [pass("turn.code")];
    assert_eq!(kinds(&gate(&run([case("turn/allocate", "rtc", checks())]), stale.clone())), [FindingKind::MatchesNothing]);
    // Not its implementation, not one of its cases: nothing can be said.
    assert_eq!(kinds(&gate(&run([case("turn/allocate", "str0m", checks())]), stale.clone())), []);
    assert_eq!(kinds(&gate(&run([case("stun/binding", "rtc", checks())]), stale)), []);
}

#[test]
fn an_entry_of_an_implementation_that_was_not_built_in_is_left_alone() {
    let unbuilt = || check("run.unsupported", "a", Verdict::Unsupported, "not built in");
    let unsupported = |id: &str| Case { trace_sha256: None, ..case(id, "rtc", [unbuilt()]) };
    let stale = || vec![entry(&fail("turn.typo"), "turn/*")];
    assert_eq!(kinds(&gate(&run([unsupported("turn/allocate"), case("turn/refresh", "str0m", [pass("turn.code")])]), stale())), []);
    // It plays elsewhere, so it is there, and this case cannot be its excuse.
    let elsewhere = run([unsupported("turn/allocate"), case("stun/binding", "rtc", [pass("stun.a")])]);
    assert_eq!(kinds(&gate(&elsewhere, stale())), [FindingKind::MatchesNothing]);
}

#[test]
fn a_partial_run_calls_an_entry_stale_only_when_it_finished_all_it_speaks_about() {
    let selection = Some(Selection { restrictions: vec!["turn/allocate".into()], partition: None });
    let run = run_of(selection, [case("turn/allocate", "rtc", [pass("turn.code")])]);
    let let_through = GateOptions { allow_partial: true, ..options() };
    assert_eq!(kinds(&gate_with(&run, vec![entry(&fail("turn.typo"), "turn/*")], &let_through)), []);
    assert_eq!(kinds(&gate_with(&run, vec![entry(&fail("turn.typo"), "turn/allocate")], &let_through)), [FindingKind::MatchesNothing]);

    let catalogue = |ids: &[&str]| Some(ids.iter().map(|id| (*id).to_owned()).collect());
    let known = GateOptions { catalogue: catalogue(&["turn/allocate"]), ..let_through.clone() };
    assert_eq!(kinds(&gate_with(&run, vec![entry(&fail("turn.typo"), "turn/*")], &known)), [FindingKind::MatchesNothing]);
    let more = GateOptions { catalogue: catalogue(&["turn/allocate", "turn/refresh"]), ..let_through };
    assert_eq!(kinds(&gate_with(&run, vec![entry(&fail("turn.typo"), "turn/*")], &more)), []);
}

#[test]
fn a_glob_that_no_case_of_the_suite_fits_is_stale_whatever_ran() {
    let run = run([case("turn/allocate", "str0m", [pass("turn.code")])]);
    let known = GateOptions { catalogue: Some(["turn/allocate".to_owned()].into()), ..options() };
    assert_eq!(kinds(&gate_with(&run, vec![entry(&fail("turn.code"), "trun/*")], &known)), [FindingKind::MatchesNothing]);
}

fn joint(verdict: Verdict) -> Check {
    check("ice.connects", "a+b", verdict, "no application packet arrived")
}

#[test]
fn a_joint_departure_is_listed_under_the_first_node_with_the_second() {
    let failing = || pair("ice/pairs/rtc+str0m/open+open", ["rtc", "str0m"], Outcome::Failed, [joint(Verdict::Fail)]);
    let listed = |with: Option<&str>| Expectation { with: with.map(str::to_owned), ..entry(&joint(Verdict::Fail), "ice/**") };
    let under = |file: &str, with| evaluate(&run([failing()]), &expectations([(file, vec![listed(with)])]), &options());
    assert_eq!(kinds(&under("rtc", Some("str0m"))), []);
    assert_eq!(kinds(&under("rtc", None)), [FindingKind::NewDeviation, FindingKind::MatchesNothing]);
    assert_eq!(kinds(&under("rtc", Some("webrtc"))), [FindingKind::NewDeviation]);
    assert_eq!(kinds(&under("str0m", Some("rtc"))), [FindingKind::NewDeviation]);
}

#[test]
fn with_narrows_the_entry_of_a_single_node_to_one_partner() {
    let a_fails = |other| pair(&format!("ice/pairs/rtc+{other}/open+open"), ["rtc", other], Outcome::Failed, [fail("ice.nominates")]);
    let run = run([a_fails("str0m"), a_fails("webrtc")]);
    let gate = gate(&run, vec![Expectation { with: Some("str0m".into()), ..entry(&fail("ice.nominates"), "ice/**") }]);
    assert_eq!(kinds(&gate), [FindingKind::NewDeviation]);
    assert!(gate.findings[0].at[0].case.contains("webrtc"));
}

#[test]
fn a_fault_of_the_harness_is_never_expected() {
    let fault = Check { cause: Some(Cause::Harness), ..check("run.survives", "a", Verdict::Error, "backstop reached") };
    let listed = Expectation { verdict: Departure::Error, ..entry(&fault, "turn/*") };
    let gate = gate(&run([case("turn/allocate", "rtc", [fault])]), vec![listed]);
    assert_eq!(kinds(&gate), [FindingKind::HarnessFault, FindingKind::MatchesNothing]);
    assert_eq!(gate.exit(), Exit::HarnessFault);
}

#[test]
fn a_crash_of_the_implementation_can_be_listed() {
    let crash = check("run.survives", "a", Verdict::Error, "killed by signal 6");
    let run = run([case("turn/allocate", "rtc", [crash.clone()])]);
    assert_eq!(gate(&run, vec![entry(&crash, "turn/*")]).exit(), Exit::AsExpected);
    assert_eq!(gate(&run, vec![]).exit(), Exit::Unexpected);
}

#[test]
fn strict_counts_deviates_as_fail() {
    let deviates = check("turn.lifetime", "a", Verdict::Deviates, "LIFETIME absent");
    let run = run([case("turn/allocate", "rtc", [deviates.clone()])]);
    let listed = entry(&deviates, "turn/*");
    let strict = GateOptions { strict: true, ..options() };
    assert_eq!(kinds(&gate(&run, vec![listed.clone()])), []);
    assert_eq!(kinds(&gate_with(&run, vec![listed.clone()], &strict)), [FindingKind::NewDeviation]);
    assert_eq!(kinds(&gate_with(&run, vec![Expectation { verdict: Departure::Fail, ..listed }], &strict)), []);
}

#[test]
fn new_checks_are_a_class_of_their_own() {
    let run = run([case("turn/allocate", "rtc", [fail("turn.code")])]);
    let new = GateOptions { new_checks: ["turn.code".to_owned()].into(), ..options() };
    let refused = gate_with(&run, vec![], &new);
    assert_eq!((kinds(&refused), refused.exit()), (vec![FindingKind::NewCheck], Exit::Unexpected));
    let accepted = gate_with(&run, vec![], &GateOptions { accept_new: true, ..new });
    assert_eq!((kinds(&accepted), accepted.exit()), (vec![FindingKind::NewCheck], Exit::AsExpected));
    // The flag lets nothing else through.
    assert_eq!(gate_with(&run, vec![], &GateOptions { accept_new: true, ..options() }).exit(), Exit::Unexpected);
}

#[test]
fn an_incomplete_or_partial_report_is_refused_unless_allowed() {
    let passing = || case("turn/allocate", "rtc", [pass("turn.code")]);
    let mut incomplete = Run::started(header(), ["turn/allocate".to_owned(), "turn/refresh".to_owned()].into());
    incomplete.record(passing()).unwrap();
    incomplete.finish();
    let partial = run_of(Some(Selection { restrictions: vec!["turn/".into()], partition: None }), [passing()]);
    for (run, kind) in [(incomplete, FindingKind::Incomplete), (partial, FindingKind::Partial)] {
        assert_eq!(kinds(&gate(&run, vec![])), [kind]);
        assert_eq!(gate(&run, vec![]).exit(), Exit::Unexpected);
        assert_eq!(kinds(&gate_with(&run, vec![], &GateOptions { allow_partial: true, ..options() })), []);
    }
}

#[test]
fn marking_sets_expected_for_exactly_the_cases_that_turned_the_gate_red() {
    let mut run = run([
        case("turn/listed", "rtc", [fail("turn.code")]),
        case("turn/new", "rtc", [fail("turn.other")]),
        case("turn/passes", "rtc", [pass("turn.code")]),
        case("turn/stopped", "rtc", [pass("turn.lifetime")]),
    ]);
    let listed = Expectation { until: NaiveDate::from_ymd_opt(2020, 1, 1), ..entry(&fail("turn.code"), "turn/listed") };
    gate(&run, vec![listed, entry(&fail("turn.lifetime"), "turn/stopped")]).mark(&mut run);
    let unexpected: Vec<&str> = run.cases.iter().filter(|case| !case.expected).map(|case| case.id.as_str()).collect();
    assert_eq!(unexpected, ["turn/new", "turn/stopped"]);
    assert_eq!(run.summary.unexpected, 2);
}

#[test]
fn one_case_is_judged_as_in_its_run() {
    let entries = || expectations([("rtc", vec![entry(&fail("turn.code"), "turn/*"), entry(&fail("turn.lifetime"), "turn/*")])]);
    let alone = |case: &Case| kinds(&evaluate_case(case, &entries(), &options()));
    assert_eq!(alone(&case("turn/a", "rtc", [fail("turn.code")])), []);
    assert_eq!(alone(&case("turn/a", "rtc", [fail("turn.new")])), [FindingKind::NewDeviation]);
    assert_eq!(alone(&case("turn/a", "rtc", [pass("turn.code")])), [FindingKind::Stopped]);
}

#[test]
fn all_mistakes_of_all_files_are_reported_at_once() {
    let good = entry(&fail("turn.code"), "turn/*");
    let files = [
        ("rtc", vec![good.clone(), Expectation { cases: "turn/{a".into(), ..good.clone() }, good.clone()]),
        ("str0m", vec![Expectation { reason: "  ".into(), ..good }]),
    ];
    let errors = Expectations::new(files.map(|(name, entries)| (name.to_owned(), entries)).into()).unwrap_err();
    assert!(matches!(errors[0].kind, EntryErrorKind::Glob(_)), "{errors:?}");
    assert_eq!(errors[1].kind, EntryErrorKind::Duplicate(0));
    assert_eq!(errors[2].to_string(), "expected/str0m.yaml, entry 1: `reason` is empty");
}

#[test]
fn an_entry_reads_from_yaml_and_refuses_what_it_does_not_know() {
    let yaml = "check: turn.code\ncases: turn/*\nverdict: fail\nreason: r\nuntil: 2027-01-31\nfingerprint: 'RFC8656-9-1: error 400'\n";
    let parsed: Expectation = serde_yaml::from_str(yaml).unwrap();
    assert_eq!(parsed.until, NaiveDate::from_ymd_opt(2027, 1, 31));
    for (from, to, complaint) in [
        ("verdict: fail", "verdict: pass", "unknown variant"),
        ("until: 2027-01-31", "until: 2027-02-30", "out of range"),
        ("reason: r", "reasons: r", "unknown field"),
    ] {
        let error = serde_yaml::from_str::<Expectation>(&yaml.replace(from, to)).unwrap_err().to_string();
        assert!(error.contains(complaint), "{error}");
    }
}
