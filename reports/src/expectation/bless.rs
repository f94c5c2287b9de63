//! `--bless`: the smallest change of the entries after which a run departs as listed, with a reason for each line.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::cover::cover;
use super::{Departure, EntryRef, Expectation, Expectations, FindingKind, Gate, GateOptions, Instance, evaluate, fingerprint};
use crate::record::{Case, Check, Run, Verdict};

/// What to change.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Blessing {
    /// The new entries of every file that changes, by implementation name. Reason, link and day of old entries are kept.
    pub files: BTreeMap<String, Vec<Expectation>>,
    /// Each change with its reason, by file.
    pub changes: Vec<Change>,
    /// What a person has to decide: expired entries, faults of the harness, departures that no file can list, and stale entries of
    /// which this run saw only some cases.
    pub left: Vec<String>,
}

/// One change of one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The file's NAME.
    pub implementation: String,
    /// What happens.
    pub action: Action,
    /// Why.
    pub why: String,
}

/// What happens to an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// It is new.
    Add(Expectation),
    /// It goes.
    Remove(Expectation),
    /// It changes.
    Update {
        /// From this.
        before: Expectation,
        /// To this.
        after: Expectation,
    },
}

/// Computes the change. `options` are those of the gate that is to turn green; what makes a report incomplete or partial is left to
/// the gate. A run that is not whole never narrows or removes an entry that reaches beyond it, and adds plain ids, no globs.
pub fn bless(run: &Run, expectations: &Expectations, options: &GateOptions) -> Blessing {
    let options = GateOptions { allow_partial: true, accept_new: false, ..options.clone() };
    let gate = evaluate(run, expectations, &options);
    let mut work =
        Work { judged: judged(run, &options), is_whole: run.complete && !run.partial, is_strict: options.strict, ..Work::default() };
    for (at, entry) in expectations.all() {
        work.settle(run, &gate, &at, &entry.entry);
    }
    work.pool_unlisted(run, &gate);
    work.add_pool();
    work.into_blessing(expectations)
}

/// What an entry must agree in with a departure.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Group {
    implementation: String,
    check: String,
    with: Option<String>,
}

/// The way a check departs.
type Manner = (Departure, String);

/// Case (without seed) -> the manners seen there; an empty set where the check passed with every seed.
type Judged = BTreeMap<Group, BTreeMap<String, BTreeSet<Manner>>>;

fn judged(run: &Run, options: &GateOptions) -> Judged {
    let mut judged = Judged::new();
    for case in &run.cases {
        for check in &case.checks {
            let departure = Departure::of(check, options.strict);
            let Some(group) = Group::of(case, check).filter(|_| departure.is_some() || check.verdict == Verdict::Pass) else { continue };
            let manners = judged.entry(group).or_default().entry(case.base_id().to_owned()).or_default();
            manners.extend(departure.map(|departure| (departure, fingerprint(check))));
        }
    }
    judged
}

impl Group {
    /// `None` where no file can list the check: no implementation under test plays its subject.
    fn of(case: &Case, check: &Check) -> Option<Self> {
        let subject = check.subject();
        let implementation = case.implementations.get(subject.node)?.clone();
        let with = match subject.with {
            None => None,
            Some(partner) => Some(case.implementations.get(partner)?.clone()),
        };
        Some(Self { implementation, check: check.id.clone(), with })
    }
}

/// Departures waiting for an entry, with the texts they inherit.
#[derive(Default)]
struct Pending {
    cases: BTreeSet<String>,
    texts: Option<Expectation>,
    observed: String,
}

#[derive(Default)]
struct Work {
    judged: Judged,
    is_whole: bool,
    is_strict: bool,
    /// Entries that tell the truth, with the cases in which they were met.
    kept: BTreeMap<(Group, Manner), (EntryRef, Expectation, BTreeSet<String>)>,
    changes: BTreeMap<EntryRef, (Option<Expectation>, Action, String)>,
    added: Vec<(String, Expectation, String)>,
    pool: BTreeMap<(Group, Manner), Pending>,
    left: Vec<String>,
}

impl Work {
    /// Decides about one entry by what the gate found about it.
    fn settle(&mut self, run: &Run, gate: &Gate, at: &EntryRef, entry: &Expectation) {
        let findings: Vec<_> = gate.findings.iter().filter(|finding| finding.entry.as_ref() == Some(at)).collect();
        let of = |kind: FindingKind| findings.iter().filter(move |finding| finding.kind == kind);
        self.left.extend(
            of(FindingKind::Expired).map(|finding| format!("expected/{}.yaml, `{}`: {}", at.implementation, entry.check, finding.text)),
        );
        if of(FindingKind::MatchesNothing).next().is_some() {
            let why = "nothing departs like this in any such case";
            self.changes.insert(at.clone(), (None, Action::Remove(entry.clone()), why.to_owned()));
            return;
        }
        let stopped = of(FindingKind::Stopped).flat_map(|finding| &finding.at).count();
        let otherwise: Vec<&Instance> = [FindingKind::ChangedFingerprint, FindingKind::NewDeviation]
            .into_iter()
            .flat_map(|kind| of(kind).flat_map(|finding| &finding.at))
            .collect();
        let met: BTreeSet<String> = gate.listed_by(at).map(|instance| crate::record::base_id(&instance.case).to_owned()).collect();
        if stopped == 0 && otherwise.is_empty() {
            let key = (self.group(at, entry), (entry.verdict, entry.fingerprint.clone()));
            self.kept.insert(key, (at.clone(), entry.clone(), met));
            return;
        }
        if !self.is_whole && run.case(&entry.cases).is_none() {
            let file = &at.implementation;
            self.left.push(format!(
                "expected/{file}.yaml, `{}` on `{}`: stale, but reaches beyond this run: bless a whole run",
                entry.check, entry.cases
            ));
            return;
        }
        self.rework(run, at, entry, &met, stopped, &otherwise);
    }

    /// The group that an entry speaks about. `with` on a check of a single node narrows the entry, not the group.
    fn group(&self, at: &EntryRef, entry: &Expectation) -> Group {
        let joint = Group { implementation: at.implementation.clone(), check: entry.check.clone(), with: entry.with.clone() };
        if self.judged.contains_key(&joint) { joint } else { Group { with: None, ..joint } }
    }

    fn manner(&self, check: &Check) -> Option<Manner> {
        Some((Departure::of(check, self.is_strict)?, fingerprint(check)))
    }

    /// Narrows, splits, updates or removes an entry that no longer tells the truth.
    fn rework(&mut self, run: &Run, at: &EntryRef, entry: &Expectation, met: &BTreeSet<String>, stopped: usize, otherwise: &[&Instance]) {
        let checks: Vec<(&Case, &Check)> = otherwise.iter().filter_map(|instance| find(run, instance)).collect();
        let manners: BTreeSet<Manner> = checks.iter().filter_map(|(_, check)| self.manner(check)).collect();
        if let (true, 0, Some((verdict, print))) = (met.is_empty(), stopped, manners.first())
            && manners.len() == 1
        {
            let after = Expectation { verdict: *verdict, fingerprint: print.clone(), ..entry.clone() };
            let why = format!("departs in another way in all {} cases", otherwise.len());
            self.change(at, entry, after, why);
            return;
        }
        for (case, check) in checks {
            if let (Some(group), Some(manner)) = (Group::of(case, check), self.manner(check)) {
                let pending = self.pool.entry((group, manner)).or_default();
                pending.cases.insert(case.base_id().to_owned());
                pending.texts.get_or_insert_with(|| entry.clone());
            }
        }
        let mut globs = self.globs(&self.group(at, entry), &(entry.verdict, entry.fingerprint.clone()), met).into_iter();
        let why = format!("passed in {stopped} cases, departs otherwise in {}, is as listed in {}", otherwise.len(), met.len());
        match globs.next() {
            None => {
                self.changes.insert(at.clone(), (None, Action::Remove(entry.clone()), why));
            }
            Some(cases) => {
                self.change(at, entry, Expectation { cases, ..entry.clone() }, why);
                for cases in globs {
                    let rest = "the rest of a narrowed entry".to_owned();
                    self.added.push((at.implementation.clone(), Expectation { cases, ..entry.clone() }, rest));
                }
            }
        }
    }

    fn change(&mut self, at: &EntryRef, before: &Expectation, after: Expectation, why: String) {
        let action = Action::Update { before: before.clone(), after: after.clone() };
        self.changes.insert(at.clone(), (Some(after), action, why));
    }

    /// Collects the departures that no entry covers.
    fn pool_unlisted(&mut self, run: &Run, gate: &Gate) {
        for finding in &gate.findings {
            for instance in &finding.at {
                let Some((case, check)) = find(run, instance) else { continue };
                let place = format!("{} on {} in {}", check.id, check.subject, case.id);
                match (finding.kind, Group::of(case, check), self.manner(check)) {
                    (FindingKind::HarnessFault, ..) => self.left.push(format!("{place}: a fault of the harness is never expected")),
                    (FindingKind::NewDeviation | FindingKind::Inconclusive | FindingKind::NewCheck, group, Some(manner))
                        if finding.entry.is_none() =>
                    {
                        let Some(group) = group else {
                            self.left.push(format!("{place}: no implementation under test plays the subject, so no file can list it"));
                            continue;
                        };
                        let pending = self.pool.entry((group, manner)).or_default();
                        pending.cases.insert(case.base_id().to_owned());
                        pending.observed.clone_from(&check.observed_text);
                    }
                    _ => {}
                }
            }
        }
    }

    fn add_pool(&mut self) {
        for ((group, manner), pending) in std::mem::take(&mut self.pool) {
            if self.widen(&group, &manner, &pending) {
                continue;
            }
            let why = format!("departs in {} cases and was not listed so", pending.cases.len());
            for cases in self.globs(&group, &manner, &pending.cases) {
                let reason = match &pending.texts {
                    Some(old) => old.reason.clone(),
                    None => format!("not yet explained: {}", pending.observed),
                };
                let entry = Expectation {
                    check: group.check.clone(),
                    cases,
                    verdict: manner.0,
                    reason,
                    link: pending.texts.as_ref().and_then(|old| old.link.clone()),
                    until: pending.texts.as_ref().and_then(|old| old.until),
                    fingerprint: manner.1.clone(),
                    with: group.with.clone(),
                };
                self.added.push((group.implementation.clone(), entry, why.clone()));
            }
        }
    }

    /// Whether an entry that lists the same manner could take the cases in by one wider glob.
    fn widen(&mut self, group: &Group, manner: &Manner, pending: &Pending) -> bool {
        let Some((at, entry, met)) = self.kept.get(&(group.clone(), manner.clone())) else { return false };
        let [cases] = &self.globs(group, manner, &met.union(&pending.cases).cloned().collect())[..] else { return false };
        let (at, entry, after) = (at.clone(), entry.clone(), Expectation { cases: cases.clone(), ..entry.clone() });
        self.change(&at, &entry, after, format!("departs so in {} more cases", pending.cases.len()));
        true
    }

    /// Globs for `cases` that spare every case in which the check passes or departs otherwise.
    fn globs(&self, group: &Group, manner: &Manner, cases: &BTreeSet<String>) -> Vec<String> {
        if !self.is_whole {
            return cases.iter().cloned().collect();
        }
        let seen = self.judged.get(group).into_iter().flatten();
        let spared = seen.filter(|(_, manners)| !manners.contains(manner)).map(|(id, _)| id.as_str()).collect();
        cover(&cases.iter().map(String::as_str).collect(), &spared)
    }

    fn into_blessing(mut self, expectations: &Expectations) -> Blessing {
        let mut files = expectations.to_files();
        let mut changed: BTreeSet<String> = self.changes.keys().map(|at| at.implementation.clone()).collect();
        for (implementation, entries) in &mut files {
            let mut index = 0;
            entries.retain_mut(|entry| {
                let at = EntryRef { implementation: implementation.clone(), index };
                index += 1;
                match self.changes.get(&at) {
                    None => true,
                    Some((None, ..)) => false,
                    Some((Some(after), ..)) => {
                        entry.clone_from(after);
                        true
                    }
                }
            });
        }
        let mut changes: Vec<Change> =
            self.changes.into_iter().map(|(at, (_, action, why))| Change { implementation: at.implementation, action, why }).collect();
        for (implementation, entry, why) in self.added {
            files.entry(implementation.clone()).or_default().push(entry.clone());
            changed.insert(implementation.clone());
            changes.push(Change { implementation, action: Action::Add(entry), why });
        }
        files.retain(|implementation, _| changed.contains(implementation));
        changes.sort_by(|one, other| one.implementation.cmp(&other.implementation));
        self.left.sort();
        Blessing { files, changes, left: self.left }
    }
}

fn find<'a>(run: &'a Run, instance: &Instance) -> Option<(&'a Case, &'a Check)> {
    let case = run.case(&instance.case)?;
    Some((case, case.check(&instance.check, &instance.subject)?))
}

impl fmt::Display for Blessing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut file = "";
        for change in &self.changes {
            if change.implementation != file {
                file = &change.implementation;
                writeln!(f, "expected/{file}.yaml")?;
            }
            match &change.action {
                Action::Add(entry) => write_entry(f, '+', entry)?,
                Action::Remove(entry) => write_entry(f, '-', entry)?,
                Action::Update { before, after } => {
                    write_entry(f, '-', before)?;
                    write_entry(f, '+', after)?;
                }
            }
            writeln!(f, "      why: {}", change.why)?;
        }
        if !self.left.is_empty() {
            writeln!(f, "left for you:")?;
        }
        self.left.iter().try_for_each(|line| writeln!(f, "  ! {line}"))
    }
}

fn write_entry(f: &mut fmt::Formatter<'_>, sign: char, entry: &Expectation) -> fmt::Result {
    let with = entry.with.as_ref().map(|with| format!(" with {with}")).unwrap_or_default();
    writeln!(f, "  {sign} {} on {}{with}: {}, `{}`", entry.check, entry.cases, entry.verdict.as_str(), entry.fingerprint)
}
