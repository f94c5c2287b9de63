//! One case: who took part, what happened, and what each check says.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Cause, Invalid, Level, Verdict};

/// One executed case, keyed by its id.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// `SCENARIO(/AXIS-VALUE)*(/seed-N)?`, unique in a run; also the directory below `cases/`.
    pub id: String,
    /// The scenario's id: its path below the scenario root without extension, e.g. `ice/nat-pairs`.
    pub scenario: String,
    /// The seed of this case's random streams.
    pub seed: u64,
    /// Node name -> implementation name, for the nodes that an implementation under test plays.
    pub implementations: BTreeMap<String, String>,
    /// Node name -> role, e.g. `peer`, `turn-server`.
    pub roles: BTreeMap<String, String>,
    /// Node name -> access: a preset, nested presets from the outside in (`cgn+full-cone`), or `custom`.
    pub nat: BTreeMap<String, String>,
    /// How the application packets of two peers travelled; null where no peers are to connect.
    pub outcome: Option<Outcome>,
    /// Candidate types of the selected pair, node a's local and remote, derived from the trace; null where none was selected.
    pub selected_pair: Option<[CandidateType; 2]>,
    /// What carried the case.
    pub driver: Driver,
    /// Whose time it ran in.
    pub clock: Clock,
    /// Whether one seed gives identical bytes. False for cases that hold an implementation which cannot promise it.
    pub deterministic: bool,
    /// Whether the case draws no random number, so that every seed gives the same trace.
    pub seedless: bool,
    /// The aggregate of the checks' verdicts ([`Verdict::aggregate`]).
    pub verdict: Verdict,
    /// Whether every departure of the case is listed and every listed departure occurred ([`crate::expectation::Gate::mark`]).
    pub expected: bool,
    /// One entry per check and subject, in the order of the plan; (id, subject) is unique.
    pub checks: Vec<Check>,
    /// Virtual (or, with `clock: wall`, elapsed) time from start to end of the case, in milliseconds.
    pub virtual_ms: u64,
    /// SHA-256, in hex, over the canonical packet and API events; null where the bytes are not reproducible.
    pub trace_sha256: Option<String>,
    /// The token that `--replay` takes to run this case again.
    pub replay: String,
    /// Everything that may differ between two runs with one seed.
    pub volatile: Volatile,
}

/// What one check says about one subject.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Check {
    /// Dotted id of a library check, or `SCENARIO#STEP-ID` of a scenario's own expectation.
    pub id: String,
    /// The node judged; `a+b` where two nodes can only be judged together.
    pub subject: String,
    /// Ids of the clauses that the check judges, e.g. `RFC8656-9-1`.
    pub clauses: Vec<String>,
    /// The strictest requirement level among the clauses.
    pub level: Level,
    /// What the check says.
    pub verdict: Verdict,
    /// Who broke; set exactly when the verdict is `error`.
    pub cause: Option<Cause>,
    /// What conforming behaviour would have been, one sentence.
    pub expected_text: String,
    /// What was seen, one sentence. Its template (see [`crate::expectation::fingerprint`]) must not depend on the seed.
    pub observed_text: String,
    /// Numbers, from 1, of the deciding packets in the case's `trace.pcapng`.
    pub packets: Vec<u64>,
}

/// The path of application packets between two peers, never taken from an implementation's statistics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// No relay was on the path.
    Direct,
    /// A TURN server forwarded them.
    Relayed,
    /// None arrived.
    Failed,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Direct => "direct",
            Self::Relayed => "relayed",
            Self::Failed => "failed",
        })
    }
}

/// Candidate types (RFC 8445 section 4; the abbreviations are those of RFC 8839 section 5.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum CandidateType {
    /// A local transport address.
    Host,
    /// Server-reflexive: learned from a STUN server.
    Srflx,
    /// Peer-reflexive: learned from a connectivity check.
    Prflx,
    /// Allocated on a TURN server.
    Relay,
}

impl fmt::Display for CandidateType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Host => "host",
            Self::Srflx => "srflx",
            Self::Prflx => "prflx",
            Self::Relay => "relay",
        })
    }
}

/// What carried a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Driver {
    /// Endpoints in virtual nanoseconds.
    Sim,
    /// Asynchronous implementations on a paused runtime.
    Tokio,
    /// Hosts, gateways and servers as turmoil hosts.
    Turmoil,
    /// Real processes in wall-clock time.
    Live,
    /// Nothing: a stored capture was judged.
    Capture,
}

impl fmt::Display for Driver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Sim => "sim",
            Self::Tokio => "tokio",
            Self::Turmoil => "turmoil",
            Self::Live => "live",
            Self::Capture => "capture",
        })
    }
}

/// Whose time a case ran in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Clock {
    /// Simulated time.
    Virtual,
    /// Real time: verdicts only, bytes differ from run to run.
    Wall,
}

/// What may differ between two runs with one seed. Nothing here decides anything.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Volatile {
    /// Elapsed real time, in milliseconds.
    pub wall_ms: u64,
    /// Processor time of the child that ran the case, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu_ms: Option<u64>,
    /// Peak resident memory of the child, in KiB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peak_rss_kib: Option<u64>,
    /// Every attempt of a live case that declares `attempts`, in order; empty otherwise.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attempts: Vec<Attempt>,
    /// Facts about the environment, e.g. `aslr: on`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub facts: BTreeMap<String, String>,
}

/// One attempt of a live case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Attempt {
    /// What this attempt alone said.
    pub verdict: Verdict,
    /// How long it took, in milliseconds of real time.
    pub wall_ms: u64,
}

/// A check's subject, taken apart: one node, or two that can only be judged together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subject<'a> {
    /// The node under whose implementation departures are listed.
    pub node: &'a str,
    /// The second node of a joint subject.
    pub with: Option<&'a str>,
}

impl Check {
    /// The subject's nodes.
    pub fn subject(&self) -> Subject<'_> {
        match self.subject.split_once('+') {
            Some((node, with)) => Subject { node, with: Some(with) },
            None => Subject { node: &self.subject, with: None },
        }
    }

    /// The clauses joined for display; `no clause` where the check has none.
    pub fn clauses_text(&self) -> String {
        if self.clauses.is_empty() { "no clause".to_owned() } else { self.clauses.join(", ") }
    }

    /// Whether the harness, not the subject, broke.
    pub fn is_harness_fault(&self) -> bool {
        self.verdict == Verdict::Error && self.cause == Some(Cause::Harness)
    }
}

impl Case {
    /// The id without a trailing `/seed-N`: what all seeds of one case have in common.
    pub fn base_id(&self) -> &str {
        base_id(&self.id)
    }

    /// The id below its scenario: axis values and seed, empty for a case without axes.
    pub fn axes(&self) -> &str {
        self.id.strip_prefix(self.scenario.as_str()).map_or(self.id.as_str(), |rest| rest.trim_start_matches('/'))
    }

    /// The scenario's first path segment, e.g. `turn`.
    pub fn area(&self) -> &str {
        self.scenario.split('/').next().unwrap_or_default()
    }

    /// The aggregate over the checks whose subject runs `implementation`; `None` where no check judges it.
    pub fn verdict_for(&self, implementation: &str) -> Option<Verdict> {
        let runs_it = |node: &str| self.implementations.get(node).is_some_and(|name| name == implementation);
        let mut judged = self.checks.iter().filter(|check| check.subject.split('+').any(runs_it)).map(|check| check.verdict).peekable();
        judged.peek()?;
        Some(Verdict::aggregate(judged))
    }

    /// The command that runs the case again.
    pub fn replay_command(&self) -> String {
        format!("cargo xtask run-scenarios --replay {}", self.replay)
    }

    /// The check with this id and subject.
    pub fn check(&self, id: &str, subject: &str) -> Option<&Check> {
        self.checks.iter().find(|check| check.id == id && check.subject == subject)
    }

    /// Sets the case's verdict from its checks.
    pub fn seal(&mut self) {
        self.verdict = Verdict::aggregate(self.checks.iter().map(|check| check.verdict));
    }

    /// Checks what the types cannot say.
    ///
    /// # Errors
    /// The first broken rule: an unsafe id, an id outside its scenario, a check given twice, a cause without error or the reverse,
    /// or a verdict that is not the checks' aggregate.
    pub fn validate(&self) -> Result<(), Invalid> {
        let broken = |rule: &str| Err(Invalid(format!("case `{}`: {rule}", self.id)));
        if !is_path_id(&self.id) {
            return broken("the id is not a path of [a-z0-9.+_-] segments");
        }
        if self.id != self.scenario && !self.id.starts_with(&format!("{}/", self.scenario)) {
            return broken(&format!("the id does not start with its scenario `{}`", self.scenario));
        }
        let mut seen = BTreeSet::new();
        for check in &self.checks {
            if !seen.insert((&check.id, &check.subject)) {
                return broken(&format!("check `{}` judges `{}` twice", check.id, check.subject));
            }
            if (check.verdict == Verdict::Error) != check.cause.is_some() {
                return broken(&format!("check `{}`: a cause goes with the verdict error and with no other", check.id));
            }
        }
        if self.verdict != Verdict::aggregate(self.checks.iter().map(|check| check.verdict)) {
            return broken(&format!("verdict {} is not the aggregate of its checks", self.verdict));
        }
        Ok(())
    }
}

/// A case id without its trailing `/seed-N`.
pub(crate) fn base_id(id: &str) -> &str {
    match id.rsplit_once("/seed-") {
        Some((base, seed)) if !seed.is_empty() && seed.bytes().all(|byte| byte.is_ascii_digit()) => base,
        _ => id,
    }
}

/// Ids become directories, so a segment that climbs (`..`) or is empty is refused.
fn is_path_id(id: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".+_-".contains(&byte);
    id.split('/').all(|segment| !segment.is_empty() && !segment.starts_with('.') && segment.bytes().all(plain))
}
