//! What `diff A B` calls new, resolved, changed and ongoing.

use proptest::prelude::*;
use reports::diff::diff;
use reports::record::{Run, Verdict};

use crate::fixture::{case, check, fail, pass, run};

#[test]
fn each_departure_is_sorted_by_what_happened_to_it() {
    let other = |observed| check("turn.changed", "a", Verdict::Fail, observed);
    let silent = check("turn.silent", "a", Verdict::NotApplicable, "no allocation");
    let before = run([
        case("turn/a", "rtc", [pass("turn.new"), fail("turn.resolved"), other("answered 400"), fail("turn.ongoing"), fail("turn.silent")]),
        case("turn/gone", "rtc", [fail("turn.ongoing")]),
    ]);
    let after = run([
        case("turn/a", "rtc", [fail("turn.new"), pass("turn.resolved"), other("answered 438"), fail("turn.ongoing"), silent]),
        case("turn/b", "rtc", [fail("turn.ongoing"), pass("turn.new")]),
    ]);
    insta::assert_snapshot!(diff(&before, &after));
}

#[test]
fn what_a_seed_changes_is_no_change() {
    let at = |address| run([case("turn/a", "rtc", [check("turn.code", "a", Verdict::Fail, &format!("answered 400 from {address}"))])]);
    assert!(diff(&at("192.0.2.1:3478"), &at("192.0.2.9:40000")).is_quiet());
}

proptest! {
    #[test]
    fn a_run_differs_in_nothing_from_itself(said in prop::collection::vec(prop::sample::select(Verdict::ALL.to_vec()), 0..9)) {
        let checks = said.iter().enumerate().map(|(number, verdict)| check(&format!("check.{number}"), "a", *verdict, "seen"));
        let run: Run = run([case("turn/a", "rtc", checks)]);
        let diff = diff(&run, &run);
        prop_assert!(diff.is_quiet() && diff.resolved.is_empty() && diff.unjudged.is_empty());
        prop_assert_eq!(diff.ongoing.len(), said.iter().filter(|verdict| verdict.is_departure()).count());
    }
}
