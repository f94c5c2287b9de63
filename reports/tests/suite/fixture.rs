//! Small cases to build runs from, and one run with every kind of verdict.

use std::collections::BTreeMap;

use reports::expectation::{Departure, Expectation, Expectations, Gate, GateOptions, NaiveDate, evaluate, fingerprint};
use reports::record::{
    Attempt, CandidateType, Case, CaseFile, Cause, Check, Clock, Driver, Hop, Ladder, LadderKind, LadderRow, Lane, LaneKind, Level,
    NatMapping, NatTable, Outcome, Run, RunHeader, Seeds, Selection, Tool, Verdict, Volatile,
};
use reports::render::html;

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

/// A run with every verdict, every kind of finding in a case or an entry, two NAT grids, and ladders.
pub(crate) struct Everything {
    pub(crate) run: Run,
    pub(crate) gate: Gate,
    pub(crate) files: BTreeMap<String, CaseFile>,
}

pub(crate) fn everything() -> Everything {
    let mut run = run(single_cases().into_iter().chain(nat_cases()));
    let gate = evaluate(&run, &listed(), &options());
    gate.mark(&mut run);
    let wanted = html::wanted_ladders(&run).into_iter().map(str::to_owned).collect::<Vec<_>>();
    let files = wanted.into_iter().map(|id| (id.clone(), case_file(run.case(&id).unwrap()))).collect();
    Everything { run, gate, files }
}

fn single_cases() -> Vec<Case> {
    let fault =
        Check { cause: Some(Cause::Harness), ..check("run.finishes", "a", Verdict::Error, "wall-clock backstop reached after 60s") };
    let code = |code| check("turn.mismatch.code", "a", Verdict::Fail, &format!("error response {code} from 192.0.2.1:3478"));
    let attempts = [Verdict::Inconclusive, Verdict::Pass].map(|verdict| Attempt { verdict, wall_ms: 2_000 }).to_vec();
    vec![
        Case {
            seedless: true,
            ..case(
                "stun/binding",
                "str0m",
                [pass("stun.binding.answered"), check("stun.fingerprint", "a", Verdict::NotApplicable, "no FINGERPRINT was sent")],
            )
        },
        case("turn/allocate/rtc", "rtc", [code(400), pass("turn.lifetime")]),
        case(
            "turn/allocate/str0m",
            "str0m",
            [code(400), check("turn.nonce", "a", Verdict::Fail, "NONCE `<b>` reused | twice & once more")],
        ),
        case("turn/changed", "rtc", [code(500)]),
        case("turn/crash", "rtc", [check("run.survives", "a", Verdict::Error, "killed by signal 6 (SIGABRT) after 12ms")]),
        case("turn/expired", "rtc", [check("turn.software", "a", Verdict::Fail, "SOFTWARE of 800 bytes")]),
        case("turn/harness", "rtc", [fault]),
        case(
            "turn/permission",
            "rtc",
            [check("turn.permission.expires", "a", Verdict::Inconclusive, "no data arrived before the permission expired either")],
        ),
        case("turn/refresh", "rtc", [check("turn.refresh.early", "a", Verdict::Deviates, "refreshed 2s before expiry")]),
        case("turn/stopped", "rtc", [pass("turn.channel.range")]),
        case("turn/tcp", "rtc", [check("turn.tcp", "a", Verdict::Unsupported, "no TCP allocations")]),
        case("turn/v6", "rtc", [check("turn.v6", "a", Verdict::NotApplicable, "the topology has no IPv6")]),
        Case {
            driver: Driver::Live,
            clock: Clock::Wall,
            deterministic: false,
            trace_sha256: None,
            volatile: Volatile { wall_ms: 4_000, attempts, ..Volatile::default() },
            ..case("turn/live", "coturn", [pass("turn.lifetime")])
        },
    ]
}

fn nat_cases() -> Vec<Case> {
    let nats = ["open", "port-restricted", "symmetric"];
    let mut cases = Vec::new();
    for (a, b) in nats.into_iter().flat_map(|a| nats.map(|b| (a, b))) {
        for turn in [true, false] {
            let hard = (a == "symmetric" && b != "open") || (b == "symmetric" && a != "open");
            let outcome = match (hard, turn) {
                (false, _) => Outcome::Direct,
                (true, true) => Outcome::Relayed,
                (true, false) => Outcome::Failed,
            };
            let wrong = turn && (a, b) == ("symmetric", "symmetric");
            let connects = if wrong { Verdict::Fail } else { Verdict::Pass };
            let seen = if wrong { Outcome::Failed } else { outcome };
            let told = Check { expected_text: outcome.to_string(), ..check("ice.outcome", "a+b", connects, &seen.to_string()) };
            let checks = [told, pass("ice.nominates")];
            let id = format!("ice/nat-pairs/rtc+str0m/{a}+{b}{}", if turn { "/turn" } else { "" });
            let mut case = pair(&id, ["rtc", "str0m"], seen, checks);
            for (facts, fact) in
                [(&mut case.roles, "turn-server"), (&mut case.implementations, "turn-server-proto"), (&mut case.nat, "open")]
            {
                facts.insert("turn".into(), fact.into());
            }
            cases.push(case);
        }
    }
    cases
}

fn listed() -> Expectations {
    let code = check("turn.mismatch.code", "a", Verdict::Fail, "error response 400 from 192.0.2.1:3478");
    let software = check("turn.software", "a", Verdict::Fail, "SOFTWARE of 800 bytes");
    let early = check("turn.refresh.early", "a", Verdict::Deviates, "refreshed 2s before expiry");
    let explained = Expectation {
        reason: "answers 400 for 437".into(),
        link: Some("https://example.org/issues/7".into()),
        ..entry(&code, "turn/{allocate/rtc,changed}")
    };
    expectations([(
        "rtc",
        vec![
            explained,
            entry(&early, "turn/**"),
            entry(&fail("turn.channel.range"), "turn/stopped"),
            Expectation { until: NaiveDate::from_ymd_opt(2026, 1, 31), ..entry(&software, "turn/expired") },
            entry(&fail("turn.typo"), "turn/*"),
        ],
    )])
}

/// A `case.json` with one row of every kind.
pub(crate) fn case_file(case: &Case) -> CaseFile {
    let lane = |id: &str, label: &str, kind| Lane { id: id.into(), label: label.into(), kind };
    let lanes = vec![
        lane("a", "rtc", LaneKind::Host),
        lane("nat-a", "symmetric", LaneKind::Nat),
        lane("turn", "turn-server-proto", LaneKind::Host),
        lane("nat-b", "symmetric", LaneKind::Nat),
        lane("b", "str0m", LaneKind::Host),
    ];
    let out = Hop { lane: "nat-a".into(), before: "10.0.0.2:5000".into(), after: "203.0.113.1:40001".into() };
    let inward = Hop { lane: "nat-a".into(), before: "203.0.113.1:40001".into(), after: "10.0.0.2:5000".into() };
    let row = |at_ms: u64, from: &str, to: &str, kind, text: &str| LadderRow {
        at_ns: at_ms * 1_000_000,
        from: from.into(),
        to: to.into(),
        via: vec![],
        text: text.into(),
        note: String::new(),
        kind,
        packets: vec![],
        skipped: 0,
    };
    let rows = vec![
        row(0, "a", "a", LadderKind::Step, "gather: start"),
        row(0, "", "", LadderKind::Step, "wait 20s"),
        row(0, "nat-a", "nat-a", LadderKind::Nat, "mapping 10.0.0.2:5000 = 203.0.113.1:40001"),
        LadderRow { via: vec![out.clone()], packets: vec![1, 2, 3], ..row(1, "a", "turn", LadderKind::Packet, "Allocate request") },
        LadderRow {
            via: vec![inward],
            packets: vec![12, 15],
            note: "turn.mismatch.code: fail".into(),
            ..row(21, "turn", "a", LadderKind::Packet, "Allocate error response 400")
        },
        LadderRow { skipped: 41, ..row(30, "b", "b", LadderKind::Api, "candidate 10.0.0.2:5000 typ host") },
        LadderRow {
            via: vec![out],
            note: "drop:nat.filtered".into(),
            packets: vec![60, 61],
            ..row(50, "a", "nat-b", LadderKind::Drop, "Binding request")
        },
        row(9_000, "b", "a", LadderKind::Packet, "ChannelData 0x4000, 1200 bytes of application data"),
    ];
    let mapping = NatMapping {
        nat: "nat-a".into(),
        protocol: "udp".into(),
        internal: "10.0.0.2:5000".into(),
        external: "203.0.113.1:40001".into(),
        remote: Some("192.0.2.1:3478".into()),
        made_ns: 1_000_000,
        gone_ns: Some(120_000_000_000),
        gone_because: Some("expired".into()),
    };
    let lasting = NatMapping { nat: "nat-b".into(), remote: None, gone_ns: None, gone_because: None, ..mapping.clone() };
    CaseFile { case: case.clone(), ladder: Ladder { lanes, rows }, nat_table: NatTable::build([mapping, lasting]) }
}
