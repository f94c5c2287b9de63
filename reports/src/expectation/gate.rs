//! The comparison of a run with the listed departures.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::ops::Bound;

use chrono::NaiveDate;

use super::entry::Compiled;
use super::{Departure, EntryRef, Expectation, Expectations, fingerprint};
use crate::exit::Exit;
use crate::record::{Case, Check, Run, Verdict, base_id};

/// What a gate needs to know besides the run and the entries.
#[derive(Clone, Debug)]
pub struct GateOptions {
    /// Entries with an earlier `until` are expired.
    pub today: NaiveDate,
    /// Count deviates as fail.
    pub strict: bool,
    /// Judge an incomplete or partial report instead of refusing it.
    pub allow_partial: bool,
    /// Report departures of checks in `new_checks` without failing.
    pub accept_new: bool,
    /// Ids of the checks that are new in this version of the suite.
    pub new_checks: BTreeSet<String>,
    /// Ids of all cases that the suite can plan, whatever is built or selected. With them an entry whose glob can match no case is
    /// found, and a partial run can tell that it finished everything an entry speaks about.
    pub catalogue: Option<BTreeSet<String>>,
}

impl GateOptions {
    /// The plain gate of `today`: nothing counted differently, nothing let through.
    pub fn on(today: NaiveDate) -> Self {
        Self { today, strict: false, allow_partial: false, accept_new: false, new_checks: BTreeSet::new(), catalogue: None }
    }
}

/// What the gate found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Gate {
    /// Everything that is not as listed: by kind, then entry, then place.
    pub findings: Vec<Finding>,
    listed: BTreeMap<Instance, (EntryRef, Expectation)>,
}

/// One check of one case.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Instance {
    /// The case's id.
    pub case: String,
    /// The check's id.
    pub check: String,
    /// The check's subject.
    pub subject: String,
}

impl Instance {
    /// Where `check` stands.
    pub fn of(case: &Case, check: &Check) -> Self {
        Self { case: case.id.clone(), check: check.id.clone(), subject: check.subject.clone() }
    }
}

/// One thing that is not as listed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// What kind of thing.
    pub kind: FindingKind,
    /// The entry concerned; `None` where none covers the place.
    pub entry: Option<EntryRef>,
    /// Where it was seen. Empty for entries that match nothing and for the report as a whole.
    pub at: Vec<Instance>,
    /// What is wrong and what to do, one sentence.
    pub text: String,
    /// Whether it turns the gate red.
    pub fails: bool,
}

/// The kinds of [`Finding`], the gravest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FindingKind {
    /// The harness broke. Never expected.
    HarnessFault,
    /// A departure that no entry lists, or one listed with another verdict.
    NewDeviation,
    /// An inconclusive that no entry lists.
    Inconclusive,
    /// Listed with this verdict, but it departs in another way.
    ChangedFingerprint,
    /// Listed, but the check passed.
    Stopped,
    /// The entry's last day is over.
    Expired,
    /// The entry speaks about checks or cases that are not there.
    MatchesNothing,
    /// A departure of a check that is new in this version of the suite.
    NewCheck,
    /// Not every planned case finished.
    Incomplete,
    /// Cases were left out on purpose.
    Partial,
}

impl fmt::Display for FindingKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::HarnessFault => "harness fault",
            Self::NewDeviation => "new deviation",
            Self::Inconclusive => "unlisted inconclusive",
            Self::ChangedFingerprint => "changed fingerprint",
            Self::Stopped => "stopped deviation",
            Self::Expired => "expired entry",
            Self::MatchesNothing => "entry matches nothing",
            Self::NewCheck => "new check",
            Self::Incomplete => "incomplete report",
            Self::Partial => "partial report",
        })
    }
}

impl Gate {
    /// How a command that gates ends.
    pub fn exit(&self) -> Exit {
        Exit::worst(self.findings.iter().filter(|finding| finding.fails).map(|finding| match finding.kind {
            FindingKind::HarnessFault => Exit::HarnessFault,
            _ => Exit::Unexpected,
        }))
    }

    /// The entry that lists this departure as it is.
    pub fn listed(&self, instance: &Instance) -> Option<&Expectation> {
        self.listed.get(instance).map(|(_, entry)| entry)
    }

    /// The places where `at` lists a departure as it is.
    pub(crate) fn listed_by<'a>(&'a self, at: &'a EntryRef) -> impl Iterator<Item = &'a Instance> {
        self.listed.iter().filter(move |(_, (listed, _))| listed == at).map(|(instance, _)| instance)
    }

    /// The findings that concern each case, gravest first.
    pub fn by_case(&self) -> BTreeMap<&str, Vec<&Finding>> {
        let mut cases: BTreeMap<&str, Vec<&Finding>> = BTreeMap::new();
        for finding in &self.findings {
            for id in finding.at.iter().map(|instance| instance.case.as_str()).collect::<BTreeSet<_>>() {
                cases.entry(id).or_default().push(finding);
            }
        }
        cases
    }

    /// Sets `expected` of every case (false exactly where a failing finding was seen in it) and the summary. An entry that merely
    /// expired leaves its cases as they are: what a record says must not depend on the day it is read.
    pub fn mark(&self, run: &mut Run) {
        let failing = self.findings.iter().filter(|finding| finding.fails && finding.kind != FindingKind::Expired);
        let unexpected: BTreeSet<&str> = failing.flat_map(|finding| &finding.at).map(|instance| instance.case.as_str()).collect();
        for case in &mut run.cases {
            case.expected = !unexpected.contains(case.id.as_str());
        }
        run.summary = crate::record::Summary::of(&run.cases);
    }
}

/// Compares `run` with what is listed.
pub fn evaluate(run: &Run, expectations: &Expectations, options: &GateOptions) -> Gate {
    let mut evaluation = Evaluation { options, gate: Gate::default(), tallies: BTreeMap::new() };
    let reach = Reach::of(run);
    for case in &run.cases {
        for check in &case.checks {
            evaluation.judge(case, check, &expectations.covering(case, check));
        }
    }
    for (at, compiled) in expectations.all() {
        evaluation.judge_entry(&reach, &at, compiled);
    }
    evaluation.judge_report(run);
    let mut gate = evaluation.gate;
    gate.findings.sort();
    gate
}

/// Compares one case, before the others are known: for live output and for reports that are still growing. Says nothing about entries
/// as such (expired, matching nothing), and takes a listed departure that passed as stopped though another seed may yet show it.
pub fn evaluate_case(case: &Case, expectations: &Expectations, options: &GateOptions) -> Gate {
    let mut evaluation = Evaluation { options, gate: Gate::default(), tallies: BTreeMap::new() };
    for check in &case.checks {
        evaluation.judge(case, check, &expectations.covering(case, check));
    }
    for (at, tally) in std::mem::take(&mut evaluation.tallies) {
        if let Some(entry) = expectations.get(&at) {
            evaluation.judge_stopped(&at, entry, &tally);
        }
    }
    evaluation.gate.findings.sort();
    evaluation.gate
}

/// What an entry has met so far.
#[derive(Default)]
struct Tally {
    /// Cases, without seeds, in which it was met as listed.
    met: BTreeSet<String>,
    /// Whether another way of departing was held against it.
    otherwise: bool,
    /// Places where the check passed.
    passed: Vec<Instance>,
}

struct Evaluation<'a> {
    options: &'a GateOptions,
    gate: Gate,
    tallies: BTreeMap<EntryRef, Tally>,
}

impl Evaluation<'_> {
    fn judge(&mut self, case: &Case, check: &Check, covering: &[(EntryRef, &Compiled)]) {
        if check.is_harness_fault() {
            return self.find(FindingKind::HarnessFault, None, Instance::of(case, check), check.observed_text.clone());
        }
        match Departure::of(check, self.options.strict) {
            Some(departure) => self.judge_departure(case, check, departure, covering),
            None if check.verdict == Verdict::Pass => {
                for (at, _) in covering {
                    self.tallies.entry(at.clone()).or_default().passed.push(Instance::of(case, check));
                }
            }
            None => {}
        }
    }

    fn judge_departure(&mut self, case: &Case, check: &Check, departure: Departure, covering: &[(EntryRef, &Compiled)]) {
        let print = fingerprint(check);
        let instance = Instance::of(case, check);
        let listed = |compiled: &Compiled| compiled.entry.verdict == departure && compiled.entry.fingerprint == print;
        if let Some((at, compiled)) = covering.iter().find(|(_, compiled)| listed(compiled)) {
            self.tallies.entry(at.clone()).or_default().met.insert(case.base_id().to_owned());
            self.gate.listed.insert(instance, (at.clone(), compiled.entry.clone()));
            return;
        }
        let same_verdict = covering.iter().find(|(_, compiled)| compiled.entry.verdict == departure);
        if let Some((at, _)) = same_verdict.or(covering.first()) {
            self.tallies.entry(at.clone()).or_default().otherwise = true;
        }
        if let Some((at, compiled)) = same_verdict {
            let text = format!("listed as `{}`, now `{print}`", compiled.entry.fingerprint);
            self.find(FindingKind::ChangedFingerprint, Some(at.clone()), instance, text);
        } else if let Some((at, compiled)) = covering.first() {
            let text = format!("listed as {}, is {}: `{print}`", compiled.entry.verdict.as_str(), departure.as_str());
            self.find(FindingKind::NewDeviation, Some(at.clone()), instance, text);
        } else {
            let kind = match departure {
                _ if self.options.new_checks.contains(&check.id) => FindingKind::NewCheck,
                Departure::Inconclusive => FindingKind::Inconclusive,
                _ => FindingKind::NewDeviation,
            };
            self.find(kind, None, instance, format!("{} is not listed: `{print}`", departure.as_str()));
        }
    }

    /// Judges what only shows once every case was seen.
    fn judge_entry(&mut self, reach: &Reach<'_>, at: &EntryRef, compiled: &Compiled) {
        let tally = self.tallies.remove(at).unwrap_or_default();
        let entry = &compiled.entry;
        if let Some(until) = entry.until
            && until < self.options.today
            && reach.reached(at, compiled).next().is_some()
        {
            let text = format!("was to be settled by {until} ({}): settle it or move the day", entry.reason);
            self.push(FindingKind::Expired, Some(at.clone()), Vec::new(), text);
        }
        let stopped = self.judge_stopped(at, entry, &tally);
        if !stopped && tally.met.is_empty() && !tally.otherwise && self.speaks_of_nothing(reach, at, compiled) {
            let text = format!("`{}` on `{}`: nothing departs like this in any such case", entry.check, entry.cases);
            self.push(FindingKind::MatchesNothing, Some(at.clone()), Vec::new(), text);
        }
    }

    /// Whether the check passed where an entry lists it, and no seed of the same case showed the departure.
    fn judge_stopped(&mut self, at: &EntryRef, entry: &Expectation, tally: &Tally) -> bool {
        let met = |instance: &Instance| tally.met.contains(base_id(&instance.case));
        let stopped: Vec<Instance> = tally.passed.iter().filter(|instance| !met(instance)).cloned().collect();
        if stopped.is_empty() {
            return false;
        }
        let listed = entry.verdict.as_str();
        let text = format!("`{}` on `{}` is listed as {listed} and passed: remove or narrow the entry", entry.check, entry.cases);
        self.push(FindingKind::Stopped, Some(at.clone()), stopped, text);
        true
    }

    /// Whether an entry that met nothing can be called stale. A whole run needs one finished case that it reaches; a partial or
    /// incomplete one must have finished everything it speaks about, because its check may judge in the cases left out.
    fn speaks_of_nothing(&self, reach: &Reach<'_>, at: &EntryRef, compiled: &Compiled) -> bool {
        let reached = || reach.reached(at, compiled).next().is_some();
        if let Some(catalogue) = &self.options.catalogue {
            // Ids are sorted, so those with the glob's beginning stand together.
            let prefix = compiled.prefix();
            let near = catalogue.range::<str, _>((Bound::Included(prefix), Bound::Unbounded)).take_while(|id| id.starts_with(prefix));
            let mut possible = near.filter(|id| compiled.matches_id(id)).peekable();
            if possible.peek().is_none() {
                return true;
            }
            return reached() && (reach.whole || possible.all(|id| reach.finished.contains(id.as_str())));
        }
        reached() && (reach.whole || reach.finished.contains(compiled.entry.cases.as_str()))
    }

    fn judge_report(&mut self, run: &Run) {
        if self.options.allow_partial {
            return;
        }
        if !run.complete {
            let text = format!("{} planned cases did not finish", run.planned.len());
            self.push(FindingKind::Incomplete, None, Vec::new(), text);
        }
        if run.partial {
            let parts: Vec<String> = run.selection.iter().map(ToString::to_string).collect();
            self.push(FindingKind::Partial, None, Vec::new(), format!("only part of the suite was selected: {}", parts.join("; ")));
        }
    }

    fn find(&mut self, kind: FindingKind, entry: Option<EntryRef>, at: Instance, text: String) {
        self.push(kind, entry, vec![at], text);
    }

    fn push(&mut self, kind: FindingKind, entry: Option<EntryRef>, at: Vec<Instance>, text: String) {
        let fails = kind != FindingKind::NewCheck || !self.options.accept_new;
        self.gate.findings.push(Finding { kind, entry, at, text, fails });
    }
}

/// What of a run entries can be held against.
struct Reach<'a> {
    /// Nothing was left out.
    whole: bool,
    /// Ids of the finished cases, with and without their seeds.
    finished: BTreeSet<&'a str>,
    /// The finished cases, but for those for which an implementation is missing that no case of this run could use, because it was not built in.
    cases: Vec<&'a Case>,
}

impl<'a> Reach<'a> {
    fn of(run: &'a Run) -> Self {
        let ran = |case: &&Case| case.verdict != Verdict::Unsupported || case.trace_sha256.is_some();
        let played: BTreeSet<&String> = run.cases.iter().filter(ran).flat_map(|case| case.implementations.values()).collect();
        let built = |case: &&Case| case.implementations.values().all(|name| played.contains(name));
        Self {
            whole: run.complete && !run.partial,
            finished: run.cases.iter().flat_map(|case| [case.id.as_str(), case.base_id()]).collect(),
            cases: run.cases.iter().filter(|case| ran(case) || built(case)).collect(),
        }
    }

    /// The cases that an entry speaks about: the glob matches, its implementation takes part, and so does the one under `with`.
    /// A case in which the check judges the same two nodes in the other order belongs to the other implementation's file.
    fn reached(&self, at: &EntryRef, compiled: &Compiled) -> impl Iterator<Item = &'a Case> {
        let reaches = |case: &&Case| {
            let players = |name: &str| case.implementations.values().filter(|other| *other == name).count();
            let own = players(&at.implementation);
            let partner = match compiled.entry.with.as_deref() {
                None => true,
                Some(name) if name == at.implementation => own > 1,
                Some(name) => players(name) > 0,
            };
            let is_joint = |check: &&Check| check.id == compiled.entry.check && check.subject().with.is_some();
            let first = |check: &Check| case.implementations.get(check.subject().node) == Some(&at.implementation);
            let turned = case.checks.iter().filter(is_joint).any(|check| !first(check));
            own > 0 && partner && !turned && compiled.matches_id(&case.id)
        };
        self.cases.iter().copied().filter(reaches)
    }
}
