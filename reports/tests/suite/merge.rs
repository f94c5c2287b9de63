//! Merging: the parts of a whole make the whole.

use proptest::prelude::*;
use reports::merge::{MergeError, merge};
use reports::record::{Case, Run, Seeds, Selection, Volatile};

use crate::fixture::{case, fail, header, pass, run, run_of};

fn part(partition: &str, cases: impl IntoIterator<Item = Case>) -> Run {
    run_of(Some(Selection { restrictions: vec![], partition: Some(partition.parse().unwrap()) }), cases)
}

#[test]
fn disjoint_selections_stay_partial_and_say_how_they_were_cut() {
    let of = |filter: &str, id: &str| {
        run_of(Some(Selection { restrictions: vec![filter.into()], partition: None }), [case(id, "rtc", [pass("x")])])
    };
    let merged = merge(vec![of("turn/", "turn/a"), of("ice/", "ice/a")]).unwrap();
    assert_eq!(merged.selection.iter().map(ToString::to_string).collect::<Vec<_>>(), ["ice/", "turn/"]);
    assert!(merged.partial && merged.complete);
    merged.validate().unwrap();
}

#[test]
fn one_case_with_two_results_is_a_conflict_unless_only_volatile_facts_differ() {
    let with = |wall_ms| Case { volatile: Volatile { wall_ms, ..Volatile::default() }, ..case("turn/a", "rtc", [pass("x")]) };
    assert_eq!(merge(vec![run([with(1)]), run([with(2)])]).unwrap(), run([with(1)]));
    let other = run([case("turn/a", "rtc", [fail("x")])]);
    assert_eq!(merge(vec![run([with(1)]), other]), Err(MergeError::Conflict("turn/a".into())));
}

#[test]
fn reports_of_different_origin_are_refused() {
    let here = || run([case("turn/a", "rtc", [pass("x")])]);
    let mut suite = here();
    suite.suite = "2020.01".into();
    let mut build = here();
    build.tool.build = "dead10".into();
    let mut seed = here();
    seed.seed = Seeds::one(2);
    for (other, complaint) in [(suite, "suite"), (build, "tool"), (seed, "seed")] {
        let error = merge(vec![here(), other]).unwrap_err().to_string();
        assert!(error.starts_with(&format!("reports differ in {complaint}")), "{error}");
    }
    assert_eq!(merge(vec![]), Err(MergeError::Empty));
}

#[test]
fn one_incomplete_part_makes_the_whole_incomplete() {
    let mut unfinished = Run::started(header(), ["turn/a".to_owned(), "turn/b".to_owned()].into());
    unfinished.record(case("turn/b", "rtc", [pass("x")])).unwrap();
    unfinished.finish();
    let merged = merge(vec![run([case("turn/c", "rtc", [pass("x")])]), unfinished]).unwrap();
    assert!(!merged.complete);
    assert_eq!(merged.planned, ["turn/a".to_owned()].into());
    merged.validate().unwrap();
}

proptest! {
    #[test]
    fn merging_all_partitions_gives_the_whole_in_any_order(
        ids in prop::collection::btree_map("[ab]/[abc]/[abc]", (0_usize..4, any::<bool>()), 0..20), of in 1_usize..4, turn in 0_usize..4,
    ) {
        let made = |id: &str, fails: bool| case(id, "rtc", [if fails { fail("x") } else { pass("x") }]);
        let whole = run(ids.iter().map(|(id, (_, fails))| made(id, *fails)));
        let mut parts: Vec<Run> = (0..of)
            .map(|number| {
                let mine = ids.iter().filter(|(_, (at, _))| at % of == number).map(|(id, (_, fails))| made(id, *fails));
                part(&format!("{}/{of}", number + 1), mine)
            })
            .collect();
        parts.rotate_left(turn % of);
        prop_assert_eq!(merge(parts.clone()).unwrap(), whole);
        if of > 1 {
            parts.pop();
            prop_assert!(merge(parts).unwrap().partial);
        }
    }
}
