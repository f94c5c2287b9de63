//! Small cases to build runs from, and one run with every kind of verdict.

use std::collections::BTreeMap;

use reports::expectation::{Departure, Expectation, Expectations, GateOptions, NaiveDate, fingerprint};
use reports::record::{
    CandidateType, Case, Cause, Check, Clock, Driver, Level, Outcome, Run, RunHeader, Seeds, Selection, Tool, Verdict, Volatile,
};

pub(crate) fn header() -> RunHeader {
    let tool = Tool { name: "natproof".into(), version: "0.1.0".into(), build: "c0ffee".into() };
    RunHeader { tool, suite: "2026.11".into(), seed: Seeds::one(1), selection: None }
}

/// A complete run of these cases.
pub(crate) fn run(cases: impl IntoIterator<Item = Case>) -> Run {
    run_of(None, cases)
}

/// A complete run of what `selection` selected.
pub(crate) fn run_of(selection: Option<Selection>, cases: impl IntoIterator<Item = Case>) -> Run {
    let cases: Vec<Case> = cases.into_iter().collect();
    let planned = cases.iter().map(|case| case.id.clone()).collect();
    let mut run = Run::started(RunHeader { selection, ..header() }, planned);
    for case in cases {
        run.record(case).unwrap();
    }
    run.finish();
    run
}

/// A case of one peer `a` that runs `implementation`, with these checks.
pub(crate) fn case(id: &str, implementation: &str, checks: impl IntoIterator<Item = Check>) -> Case {
    let scenario = id.split('/').take(2).collect::<Vec<_>>().join("/");
    let node = |name: &str| BTreeMap::from([("a".to_owned(), name.to_owned())]);
    let mut case = Case {
        id: id.into(),
        scenario,
        seed: 1,
        implementations: node(implementation),
        roles: node("peer"),
        nat: node("open"),
        outcome: None,
        selected_pair: None,
        driver: Driver::Sim,
        clock: Clock::Virtual,
        deterministic: true,
        seedless: false,
        verdict: Verdict::Pass,
        expected: true,
        checks: checks.into_iter().collect(),
        virtual_ms: 1_234,
        trace_sha256: Some("0f".repeat(32)),
        replay: format!("1:c0ffee:1:{id}"),
        volatile: Volatile { wall_ms: 7, ..Volatile::default() },
    };
    case.seal();
    case
}

/// A case of two peers behind NATs; the id ends with their NATs, joined by `+`.
pub(crate) fn pair(id: &str, peers: [&str; 2], outcome: Outcome, checks: impl IntoIterator<Item = Check>) -> Case {
    use CandidateType::{Host, Prflx, Relay, Srflx};
    let [a, b] = peers;
    let nodes = |one: &str, other: &str| BTreeMap::from([("a".to_owned(), one.to_owned()), ("b".to_owned(), other.to_owned())]);
    let nats = id.split('/').filter_map(|segment| segment.split_once('+')).next_back().unwrap_or(("open", "open"));
    let selected_pair = match outcome {
        Outcome::Failed => None,
        Outcome::Relayed => Some([Relay, Srflx]),
        Outcome::Direct if nats == ("open", "open") => Some([Host, Host]),
        Outcome::Direct => Some([Srflx, Prflx]),
    };
    Case {
        implementations: nodes(a, b),
        roles: nodes("peer", "peer"),
        nat: nodes(nats.0, nats.1),
        outcome: Some(outcome),
        selected_pair,
        driver: Driver::Tokio,
        ..case(id, a, checks)
    }
}

pub(crate) fn check(id: &str, subject: &str, verdict: Verdict, observed: &str) -> Check {
    Check {
        id: id.into(),
        subject: subject.into(),
        clauses: vec!["RFC8656-9-1".into()],
        level: if verdict == Verdict::Deviates { Level::Should } else { Level::Must },
        verdict,
        cause: (verdict == Verdict::Error).then_some(Cause::Implementation),
        expected_text: "an error response with code 437".into(),
        observed_text: observed.into(),
        packets: vec![12, 15],
    }
}

pub(crate) fn pass(id: &str) -> Check {
    check(id, "a", Verdict::Pass, "as expected")
}

pub(crate) fn fail(id: &str) -> Check {
    check(id, "a", Verdict::Fail, "error response 400 from 192.0.2.1:3478 after 1.5s")
}

/// An entry that lists `check` as it is on these cases.
pub(crate) fn entry(check: &Check, cases: &str) -> Expectation {
    let verdict = match check.verdict {
        Verdict::Fail => Departure::Fail,
        Verdict::Deviates => Departure::Deviates,
        Verdict::Inconclusive => Departure::Inconclusive,
        Verdict::Error => Departure::Error,
        other => panic!("{other} cannot be listed"),
    };
    Expectation {
        check: check.id.clone(),
        cases: cases.into(),
        verdict,
        reason: "known since the first run".into(),
        link: None,
        until: None,
        fingerprint: fingerprint(check),
        with: None,
    }
}

pub(crate) fn expectations<'a>(files: impl IntoIterator<Item = (&'a str, Vec<Expectation>)>) -> Expectations {
    Expectations::new(files.into_iter().map(|(name, entries)| (name.to_owned(), entries)).collect()).unwrap()
}

pub(crate) fn today() -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, 11, 22).unwrap()
}

pub(crate) fn options() -> GateOptions {
    GateOptions::on(today())
}
