//! `junit.xml`: one test suite per scenario, one test case per case.
//!
//! How verdicts map, and why:
//! - `<failure>`: whatever turns the gate red, crashes of an implementation and stopped deviations included. Some readers on GitHub count
//!   only failures, so nothing that must be seen is anything else;
//! - `<error>`: the harness broke, or a planned case did not finish: nothing was learned about the implementation;
//! - `<skipped>` with a message: a listed departure (as pytest writes an expected failure), unsupported and not applicable. A pass with
//!   text in `system-out` would show as plain green; readers print skipped cases with their message and do not fail on them;
//! - the time of a case is its wall time, because readers use it to find slow tests.

use std::collections::BTreeMap;
use std::time::Duration;

use quick_junit::{NonSuccessKind, Property, Report, TestCase, TestCaseStatus, TestSuite};

use super::summary::{Unexpected, plural};
use crate::expectation::{Finding, FindingKind, Gate, Instance};
use crate::record::{Case, Check, Run, Verdict};

/// The text of `junit.xml`.
pub fn render(run: &Run, gate: &Gate) -> String {
    let mut suites: BTreeMap<&str, TestSuite> = BTreeMap::new();
    let findings = gate.by_case();
    for case in &run.cases {
        let suite = suites.entry(&case.scenario).or_insert_with(|| TestSuite::new(case.scenario.as_str()));
        suite.add_test_case(test_case(case, findings.get(case.id.as_str()).map(Vec::as_slice).unwrap_or_default(), gate));
    }
    let mut report = Report::new("natproof");
    report.add_test_suites(suites.into_values());
    if let Some(suite) = run_suite(run, gate) {
        report.add_test_suite(suite);
    }
    report.to_string().expect("writing to memory does not fail, and invalid characters are filtered")
}

fn test_case(case: &Case, findings: &[&Finding], gate: &Gate) -> TestCase {
    let name = if case.axes().is_empty() { case.id.as_str() } else { case.axes() };
    let mut test = TestCase::new(name, status(case, findings, gate));
    test.set_classname(case.scenario.as_str()).set_time(Duration::from_millis(case.volatile.wall_ms)).set_assertions(case.checks.len());
    test.add_properties([
        Property::new("id", case.id.as_str()),
        Property::new("verdict", case.verdict.as_str()),
        Property::new("seed", case.seed.to_string()),
        Property::new("driver", case.driver.to_string()),
        Property::new("replay", case.replay.as_str()),
    ]);
    test
}

fn status(case: &Case, findings: &[&Finding], gate: &Gate) -> TestCaseStatus {
    if let Some(finding) = findings.iter().find(|finding| finding.fails) {
        let kind = if finding.kind == FindingKind::HarnessFault { NonSuccessKind::Error } else { NonSuccessKind::Failure };
        let mut status = TestCaseStatus::non_success(kind);
        status.set_type(finding.kind.to_string()).set_message(format!("{}: {}", finding.kind, finding.text));
        status.set_description(description(case, findings));
        return status;
    }
    let departing = case.checks.iter().find(|check| check.verdict.is_departure());
    let message = match case.verdict {
        Verdict::Pass => return TestCaseStatus::success(),
        verdict if verdict.is_departure() => departing.map(|check| listed(case, check, gate)).unwrap_or_default(),
        verdict => case
            .checks
            .iter()
            .find(|check| check.verdict == verdict)
            .map_or_else(|| verdict.to_string(), |check| format!("{verdict}: {}", check.observed_text)),
    };
    let mut status = TestCaseStatus::skipped();
    status.set_type(if departing.is_some() { "natproof.listed" } else { "natproof.not-judged" }).set_message(message);
    status
}

fn listed(case: &Case, check: &Check, gate: &Gate) -> String {
    let reason = gate.listed(&Instance::of(case, check)).map_or("new in this suite, accepted", |entry| &entry.reason);
    format!("expected {}: {} on {}: {reason}", check.verdict, check.id, check.subject)
}

fn description(case: &Case, findings: &[&Finding]) -> String {
    let places = findings.iter().filter(|finding| finding.fails).flat_map(|finding| finding.at.iter().map(move |at| (*finding, at)));
    let here = places.filter(|(_, at)| at.case == case.id);
    let blocks = here.filter_map(|(finding, at)| Some(Unexpected { finding, case, check: case.check(&at.check, &at.subject)? }));
    blocks.map(|unexpected| super::text::block(&unexpected, super::text::Style::plain())).collect()
}

/// What concerns no single case: unfinished cases as errors, stale entries and the like as failures.
fn run_suite(run: &Run, gate: &Gate) -> Option<TestSuite> {
    let mut suite = TestSuite::new("natproof");
    if !run.complete {
        let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
        let message = format!("{} did not finish", plural(run.planned.len() as u64, "planned case"));
        status.set_type(FindingKind::Incomplete.to_string()).set_message(message);
        status.set_description(run.planned.iter().map(|id| format!("{id}\n")).collect::<String>());
        suite.add_test_case(TestCase::new("every planned case finished", status));
    }
    for finding in super::summary::placeless(gate).filter(|finding| finding.kind != FindingKind::Incomplete) {
        let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
        status.set_type(finding.kind.to_string()).set_message(finding.text.as_str());
        let file = finding.entry.as_ref().map(|at| format!("expected/{}.yaml, entry {}: ", at.implementation, at.index + 1));
        suite.add_test_case(TestCase::new(format!("{}{}", file.unwrap_or_default(), finding.kind), status));
    }
    (!suite.test_cases.is_empty()).then_some(suite)
}
