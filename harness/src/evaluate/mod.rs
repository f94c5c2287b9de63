//! From what happened to what is reported: expectations, outcome and checks become the record of a case, with its ladder and the comments of its capture.

mod ladder;

use crate::check::{Check, CheckRecord, Connection, Context, FRAMES, Judgement, Level, Outcome, connection, judge};
use crate::conductor::{Abort, Ending, StepResult, StepVerdict};
use crate::plan::{CasePlan, Judged};
use crate::requirement::{Level as ClauseLevel, registry};
use crate::trace::{Comments, Digest, Trace};
use iut::Manifest;
use reports::record::{self, CaseFile, Cause, Clock, Driver, Verdict, Volatile};
use std::collections::{BTreeMap, BTreeSet};

/// What judging needs beside the case.
pub struct Evaluation<'a> {
    /// The checks of this suite.
    pub checks: &'a [Check],
    /// The implementations of this build.
    pub manifests: &'a BTreeMap<String, Manifest>,
    /// The token that runs the case again.
    pub replay: String,
    /// Whether addresses in memory were randomised although that should be off.
    pub aslr: bool,
}

/// The subject of expectations about the simulated network itself.
pub const NETWORK: &str = "network";

impl Evaluation<'_> {
    /// Judges a case that has ended.
    pub fn case(&self, plan: &CasePlan, ending: Ending) -> (CaseFile, Trace, Comments) {
        let gathers = |name: &str| self.manifests.get(name).is_some_and(|manifest| manifest.gathering_by_adapter);
        let context = Context::of(plan, gathers);
        let (results, abort, at) = (ending.results, ending.abort, ending.at);
        let trace = ending.recorder.into_trace();
        let mut checks: Vec<record::Check> = results.iter().map(|result| self.expectation(plan, result)).collect();
        checks.extend(abort.map(|abort| flood(plan, &abort)));
        let connected = plan.outcome.as_ref().map(|outcome| connection(&trace, &context, outcome.between.0, outcome.between.1));
        if let (Some(outcome), Some(connected)) = (&plan.outcome, &connected) {
            checks.push(outcome_check(plan, outcome, connected));
        }
        let library = judge(&trace, &context, self.checks, &plan.provokes);
        let not_offered = results.iter().any(|result| result.verdict == StepVerdict::Unsupported);
        let twins = twins(plan);
        let library =
            library.into_iter().filter(|record| !(twins.contains(&record.subject) && record.judgement == Judgement::NotApplicable));
        checks.extend(library.filter_map(|record| library_check(plan, record, not_offered)));
        let deterministic = self.deterministic(plan);
        let mut case = record::Case {
            id: plan.id.clone(),
            scenario: plan.scenario.clone(),
            seed: plan.seed,
            implementations: implementations(plan),
            roles: plan.nodes.iter().map(|node| (node.name.clone(), role_word(node).to_owned())).collect(),
            nat: plan.nat.clone(),
            outcome: connected.as_ref().map(|connected| match connected.outcome {
                Outcome::Direct => record::Outcome::Direct,
                Outcome::Relayed => record::Outcome::Relayed,
                Outcome::Failed => record::Outcome::Failed,
            }),
            selected_pair: connected
                .as_ref()
                .and_then(|connected| connected.pair)
                .map(|pair| [candidate(pair.local), candidate(pair.remote)]),
            driver: driver(plan),
            clock: Clock::Virtual,
            deterministic,
            seedless: plan.seedless,
            verdict: Verdict::NotApplicable,
            expected: true,
            checks,
            virtual_ms: at / iut::MILLISECOND,
            trace_sha256: deterministic.then(|| Digest::of(&trace)),
            replay: self.replay.clone(),
            volatile: Volatile::default(),
        };
        case.seal();
        let cited: BTreeSet<u64> =
            case.checks.iter().filter(|check| check.verdict != Verdict::Pass).flat_map(|check| check.packets.clone()).collect();
        let (ladder, nat_table) = ladder::draw(plan, &trace, &cited);
        let comments = comments(&case);
        (CaseFile { case, ladder, nat_table }, trace, comments)
    }

    fn deterministic(&self, plan: &CasePlan) -> bool {
        plan.nodes.iter().filter_map(|node| node.implementation()).all(|name| {
            self.manifests.get(name).is_none_or(|manifest| manifest.deterministic && !(self.aslr && manifest.address_sensitive))
        })
    }

    fn expectation(&self, plan: &CasePlan, result: &StepResult) -> record::Check {
        let level = level_of(&result.clauses);
        let verdict = match result.verdict {
            StepVerdict::Met => Verdict::Pass,
            StepVerdict::NotMet if level == record::Level::Should || result.reading.is_some() => Verdict::Deviates,
            StepVerdict::NotMet => Verdict::Fail,
            StepVerdict::Inconclusive => Verdict::Inconclusive,
            StepVerdict::Unsupported => Verdict::Unsupported,
        };
        record::Check {
            id: format!("{}#{}", plan.scenario, result.id),
            subject: match result.subject {
                Judged::Node(node) => plan.nodes[node].name.clone(),
                Judged::Network => NETWORK.to_owned(),
            },
            clauses: result.clauses.clone(),
            level,
            verdict,
            cause: None,
            expected_text: match &result.reading {
                Some(other) => format!("{}; another reading: {other}", result.expected),
                None => result.expected.clone(),
            },
            observed_text: result.observed.clone(),
            packets: result.frames.iter().take(FRAMES).map(|frame| u64::from(*frame)).collect(),
        }
    }
}

/// The record of a case that ended before it could be judged: an implementation crashed, hung or ate the machine, or the harness broke.
pub fn broken_case(plan: &CasePlan, replay: String, cause: Cause, what: &str, volatile: Volatile) -> record::Case {
    let subject = plan.only_implementation().map_or_else(
        || plan.nodes.iter().find(|node| node.implementation().is_some()).map_or(NETWORK.to_owned(), |node| node.name.clone()),
        |node| plan.nodes[node].name.clone(),
    );
    let check = record::Check {
        id: format!("{}#ran", plan.scenario),
        subject,
        clauses: Vec::new(),
        level: record::Level::Must,
        verdict: Verdict::Error,
        cause: Some(cause),
        expected_text: "the case runs to its end".into(),
        observed_text: what.to_owned(),
        packets: Vec::new(),
    };
    let mut case = record::Case {
        id: plan.id.clone(),
        scenario: plan.scenario.clone(),
        seed: plan.seed,
        implementations: implementations(plan),
        roles: plan.nodes.iter().map(|node| (node.name.clone(), role_word(node).to_owned())).collect(),
        nat: plan.nat.clone(),
        outcome: None,
        selected_pair: None,
        driver: driver(plan),
        clock: Clock::Virtual,
        deterministic: false,
        seedless: plan.seedless,
        verdict: Verdict::Error,
        expected: true,
        checks: vec![check],
        virtual_ms: 0,
        trace_sha256: None,
        replay,
        volatile,
    };
    case.seal();
    case
}

/// The record of a case that this build or driver cannot run.
pub fn unsupported_case(template: record::Case, node: &str, what: &str) -> record::Case {
    let mut case = template;
    for check in &mut case.checks {
        check.verdict = Verdict::Unsupported;
        check.cause = None;
        check.subject = node.to_owned();
        check.observed_text = what.to_owned();
    }
    case.seal();
    case
}

fn implementations(plan: &CasePlan) -> BTreeMap<String, String> {
    plan.nodes.iter().filter_map(|node| Some((node.name.clone(), node.implementation()?.to_owned()))).collect()
}

fn role_word(node: &crate::plan::NodePlan) -> &'static str {
    use crate::scenario::model::RoleName;
    if node.role == RoleName::UdpPeer { "udp-peer" } else { node.config.role.name() }
}

fn driver(plan: &CasePlan) -> Driver {
    use crate::scenario::model::DriverName;
    match plan.driver {
        DriverName::Sim => Driver::Sim,
        DriverName::Tokio => Driver::Tokio,
        DriverName::Turmoil => Driver::Turmoil,
    }
}

fn candidate(kind: iut::CandidateType) -> record::CandidateType {
    match kind {
        iut::CandidateType::Host => record::CandidateType::Host,
        iut::CandidateType::ServerReflexive => record::CandidateType::Srflx,
        iut::CandidateType::PeerReflexive => record::CandidateType::Prflx,
        iut::CandidateType::Relayed => record::CandidateType::Relay,
    }
}

/// The strictest level of the clauses; an expectation without clauses is unmarked behaviour.
fn level_of(clauses: &[String]) -> record::Level {
    let levels: Vec<ClauseLevel> = clauses.iter().filter_map(|id| registry().get(id)).map(|clause| clause.level()).collect();
    let any = |wanted: ClauseLevel| levels.contains(&wanted);
    if any(ClauseLevel::Must) {
        record::Level::Must
    } else if levels.is_empty() || any(ClauseLevel::Unmarked) {
        record::Level::Unmarked
    } else {
        record::Level::Should
    }
}

fn flood(plan: &CasePlan, abort: &Abort) -> record::Check {
    let Abort::Flood { node, what } = abort;
    let actor = plan.nodes[*node].implementation().is_none();
    record::Check {
        id: format!("{}#ran", plan.scenario),
        subject: plan.nodes[*node].name.clone(),
        clauses: Vec::new(),
        level: record::Level::Must,
        verdict: Verdict::Error,
        cause: Some(if actor { Cause::Harness } else { Cause::Implementation }),
        expected_text: "the case runs to its end".into(),
        observed_text: what.clone(),
        packets: Vec::new(),
    }
}

fn outcome_check(plan: &CasePlan, outcome: &crate::plan::OutcomePlan, connected: &Connection) -> record::Check {
    let fits = outcome.allowed.iter().any(|cell| connected.is_allowed_by(cell));
    let (a, b) = outcome.between;
    record::Check {
        id: format!("{}#outcome", plan.scenario),
        subject: format!("{}+{}", plan.nodes[a].name, plan.nodes[b].name),
        clauses: outcome.clauses.clone(),
        level: level_of(&outcome.clauses),
        verdict: if fits { Verdict::Pass } else { Verdict::Fail },
        cause: None,
        expected_text: outcome.allowed.join(" or "),
        observed_text: connected.to_string(),
        packets: connected.frames.iter().map(|frame| u64::from(*frame)).collect(),
    }
}

/// Nodes whose expectations are all about another subject: they show what happens where nothing is provoked, and owe no evidence of their own.
fn twins(plan: &CasePlan) -> BTreeSet<usize> {
    let expectations: Vec<_> = plan.timeline.iter().filter_map(|step| step.value.expectation()).collect();
    let is_twin = |name: &str| {
        let mut own = expectations.iter().filter(|expectation| expectation.node.value == name).peekable();
        own.peek().is_some() && own.all(|expectation| expectation.subject.is_some_and(|subject| subject.value != name))
    };
    (0..plan.nodes.len()).filter(|node| is_twin(&plan.nodes[*node].name)).collect()
}

/// Passive checks can add a violation, never a pass; those that the scenario names must not be silent.
fn library_check(plan: &CasePlan, record: CheckRecord, not_offered: bool) -> Option<record::Check> {
    let decides = plan.decides.iter().any(|id| id == record.id);
    let (verdict, expected, observed, frames) = match record.judgement {
        Judgement::Pass { observed, frames } if decides => (Verdict::Pass, record.summary.to_owned(), observed, frames),
        Judgement::Pass { .. } => return None,
        Judgement::Violation { expected, observed, frames } => {
            let verdict = if record.level == Level::Should { Verdict::Deviates } else { Verdict::Fail };
            (verdict, expected, observed, frames)
        }
        Judgement::Inconclusive { reason } if decides => (Verdict::Inconclusive, record.summary.to_owned(), reason, Vec::new()),
        Judgement::NotApplicable if decides && not_offered => {
            (Verdict::Unsupported, record.summary.to_owned(), "a probe has shown that this is not offered".to_owned(), Vec::new())
        }
        Judgement::NotApplicable if decides => {
            (Verdict::Inconclusive, record.summary.to_owned(), "nothing in the trace is about this".to_owned(), Vec::new())
        }
        Judgement::Inconclusive { .. } | Judgement::NotApplicable => return None,
    };
    Some(record::Check {
        id: record.id.to_owned(),
        subject: plan.nodes[record.subject].name.clone(),
        clauses: record.clauses.iter().map(|clause| (*clause).to_owned()).collect(),
        level: match record.level {
            Level::Must => record::Level::Must,
            Level::Should => record::Level::Should,
            Level::Unmarked => record::Level::Unmarked,
        },
        verdict,
        cause: None,
        expected_text: expected,
        observed_text: observed,
        packets: frames.into_iter().take(FRAMES).map(u64::from).collect(),
    })
}

/// What each cited packet decides, for the capture.
fn comments(case: &record::Case) -> Comments {
    let mut comments = Comments::new();
    for check in &case.checks {
        for frame in &check.packets {
            let text = format!("{} {} ({}): {}", check.verdict, check.id, check.clauses_text(), check.observed_text);
            comments.entry(u32::try_from(*frame).unwrap_or(u32::MAX)).or_default().push(text);
        }
    }
    comments
}

#[cfg(test)]
mod tests {
    use super::twins;
    use crate::plan::Resolver;
    use crate::scenario::{Library, read};
    use iut::{Manifest, Role};
    use std::collections::{BTreeMap, BTreeSet};

    /// Nodes that owe no evidence, where `other` expects something of itself as `subject` says.
    fn owing_nothing(subject: &str) -> BTreeSet<String> {
        let scenario = format!(
            "title: Two clients of one server
nodes:
  client: {{role: stun-client, actor: {{script: {{}}}}}}
  other: {{role: stun-client, actor: {{script: {{}}}}}}
  server: {{role: stun-server, implementation: some}}
timeline:
  - send: {{node: client, to: server, as: first, stun: {{method: binding}}}}
  - expect: {{node: client, id: first-answered, within: 1s, packet: {{answers: first}}}}
  - send: {{node: other, to: server, as: second, stun: {{method: binding}}}}
  - expect: {{node: other, id: second-answered, within: 1s, packet: {{answers: second}}{subject}}}
"
        );
        let library = Library { topologies: &BTreeMap::new(), implementations: None };
        let cases = read("twins", scenario.as_bytes(), &library).expect("the scenario is right");
        let manifest = Manifest {
            name: "some",
            version: "0",
            roles: BTreeSet::from([Role::StunServer]),
            capabilities: BTreeSet::new(),
            deterministic: true,
            gathering_by_adapter: false,
            asynchronous: false,
            address_sensitive: false,
        };
        let resolver = Resolver { manifests: &BTreeMap::from([("some".to_owned(), manifest)]), seed: 1, driver: None };
        let (plan, _) = resolver.resolve("twins", "twins", &cases[0].scenario).expect("it can be planned");
        twins(&plan).into_iter().map(|node| plan.nodes[node].name.clone()).collect()
    }

    #[test]
    fn a_node_that_expects_something_of_another_subject_alone_is_a_twin() {
        assert_eq!(owing_nothing(", subject: server"), BTreeSet::from(["other".to_owned()]));
        assert_eq!(owing_nothing(""), BTreeSet::new(), "who answers is judged, and who asks owes evidence");
    }
}
