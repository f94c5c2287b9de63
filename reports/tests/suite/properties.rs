//! What holds for any run.

use std::collections::BTreeMap;

use proptest::prelude::*;
use reports::expectation::{Gate, evaluate};
use reports::record::{Case, Cause, Check, Level, Outcome, Run, Selection, Verdict};
use reports::render::{html, json, junit, markdown};

use crate::fixture::{case, check, expectations, options, pair, run, run_of};

fn checks() -> impl Strategy<Value = Vec<Check>> {
    let text = || prop_oneof![".{0,40}", "[`|<&@#\"]{0,9}", "[a\u{10ffff}\u{1b}]{1500}"];
    let one = (prop::sample::select(Verdict::ALL.to_vec()), text(), text(), any::<bool>(), prop::collection::vec(any::<u64>(), 0..40));
    prop::collection::vec(one, 0..4).prop_map(|list| {
        let made = list.into_iter().enumerate().map(|(number, (verdict, expected, observed, implementation, packets))| {
            let cause = if implementation { Cause::Implementation } else { Cause::Harness };
            Check {
                cause: (verdict == Verdict::Error).then_some(cause),
                level: if implementation { Level::Unmarked } else { Level::May },
                clauses: if implementation { vec![] } else { vec![observed.clone()] },
                expected_text: expected,
                packets,
                ..check(&format!("check.{number}"), if implementation { "a" } else { "a+b" }, verdict, &observed)
            }
        });
        made.collect()
    })
}

fn case_of() -> impl Strategy<Value = Case> {
    let nat = || prop::sample::select(vec!["open", "symmetric", "cgn", "udp-blocked"]);
    let name = || prop::sample::select(vec!["rtc", "str0m", "webrtc"]);
    let outcome = prop::option::of(prop::sample::select(vec![Outcome::Direct, Outcome::Relayed, Outcome::Failed]));
    ("[a-d]{1,2}/[a-z]{1,30}", nat(), nat(), name(), name(), outcome, checks()).prop_map(
        |(scenario, nat_a, nat_b, a, b, outcome, checks)| match outcome {
            Some(outcome) => pair(&format!("{scenario}/{a}+{b}/{nat_a}+{nat_b}"), [a, b], outcome, checks),
            None => case(&scenario, a, checks),
        },
    )
}

fn any_run() -> impl Strategy<Value = (Run, Gate)> {
    (prop::collection::vec(case_of(), 0..16), prop::option::of("[a-z /,]{1,3000}")).prop_map(|(cases, restriction)| {
        let cases: BTreeMap<String, Case> = cases.into_iter().map(|case| (case.id.clone(), case)).collect();
        let mut run = match restriction {
            Some(text) => run_of(Some(Selection { restrictions: vec![text], partition: None }), cases.into_values()),
            None => run(cases.into_values()),
        };
        let gate = evaluate(&run, &expectations([]), &options());
        gate.mark(&mut run);
        (run, gate)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn a_report_reads_back_as_it_was_written((run, _) in any_run()) {
        prop_assert_eq!(Run::from_json(&json::report(&run)).unwrap(), run);
    }

    #[test]
    fn markdown_always_fits_into_a_comment((run, gate) in any_run()) {
        prop_assert!(markdown::render(&run, &gate).len() < markdown::LIMIT);
    }

    #[test]
    fn junit_is_always_well_formed_and_counts_every_case((run, gate) in any_run()) {
        let report = quick_junit::Report::deserialize_from_str(&junit::render(&run, &gate)).unwrap();
        let about_the_run = usize::from(run.partial);
        prop_assert_eq!(report.tests, run.cases.len() + about_the_run);
        prop_assert_eq!((report.failures + report.errors) as u64, run.summary.unexpected + about_the_run as u64);
    }

    #[test]
    fn the_page_shows_every_case((run, gate) in any_run()) {
        let page = html::render(&run, &gate, &BTreeMap::new());
        prop_assert_eq!(page.matches("<details class=\"case\"").count(), run.cases.len());
    }

    #[test]
    fn the_gate_is_red_exactly_where_something_departs((run, gate) in any_run()) {
        let departs = run.cases.iter().any(|case| case.verdict.is_departure());
        prop_assert_eq!(gate.findings.iter().any(|finding| finding.fails), departs || run.partial);
    }
}
