//! Planted faults: whatever the harness's TURN server does wrong, a check of the suite catches under the right clause, and what it does right passes.
//!
//! The server stands where a scenario has an implementation under test, so it is judged as one. A fault that nothing catches means a check that never fires;
//! a variation that something catches means a check that accuses the innocent.

mod catches;
mod planted;

use catches::CATCHES;
use harness::scenario::turn_server::{TurnFault, TurnServerActor, TurnVariation};
use planted::{run, scenarios};
use reports::record::Verdict;
use std::collections::BTreeSet;

/// What is wrong with a server in all scenarios that a server alone can play.
fn complaints(options: &TurnServerActor, right: &[Verdict]) -> Vec<String> {
    let mut complaints = Vec::new();
    for scenario in scenarios() {
        for case in run(&scenario, options) {
            let wrong = case.checks.iter().filter(|check| !right.contains(&check.verdict));
            complaints.extend(wrong.map(|check| {
                format!("{}: {} {} (expected {}; observed {})", case.id, check.verdict, check.id, check.expected_text, check.observed_text)
            }));
        }
    }
    complaints
}

#[test]
fn the_clean_server_passes_everything() {
    let complaints = complaints(&TurnServerActor::default(), &[Verdict::Pass]);
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

#[test]
fn no_legal_variation_is_called_wrong() {
    let mut wrong = Vec::new();
    for variation in TurnVariation::ALL {
        let options = TurnServerActor { variations: vec![*variation], ..TurnServerActor::default() };
        // What a variation does not offer, its probe says.
        let complaints = complaints(&options, &[Verdict::Pass, Verdict::Unsupported]);
        wrong.extend(complaints.into_iter().map(|complaint| format!("{variation:?}: {complaint}")));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_fault_is_caught_by_a_check_that_names_the_clause() {
    let mut missed = Vec::new();
    for (fault, scenario, check, clause) in CATCHES {
        let options = TurnServerActor { faults: vec![*fault], ..TurnServerActor::default() };
        let cases = run(scenario, &options);
        let caught = cases.iter().flat_map(|case| &case.checks).any(|found| {
            let verdict = matches!(found.verdict, Verdict::Fail | Verdict::Deviates);
            verdict && found.id.ends_with(check) && found.clauses.iter().any(|own| own == clause)
        });
        if !caught {
            let seen = cases.iter().flat_map(|case| &case.checks).filter(|check| check.verdict != Verdict::Pass);
            let seen: Vec<String> = seen.map(|check| format!("{} {} {}", check.verdict, check.id, check.clauses_text())).collect();
            missed.push(format!("{fault:?} in {scenario}: not caught by {check} ({clause}), only: {}", seen.join("; ")));
        }
    }
    assert!(missed.is_empty(), "{}", missed.join("\n"));
}

#[test]
fn the_table_names_every_fault() {
    let caught: BTreeSet<_> = CATCHES.iter().map(|(fault, ..)| *fault).collect();
    let missing: Vec<_> = TurnFault::ALL.iter().filter(|fault| !caught.contains(fault)).collect();
    assert!(missing.is_empty(), "no check is named for {missing:?}");
}
