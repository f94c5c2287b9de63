//! What changed between two runs, by clause.

use std::collections::BTreeMap;
use std::fmt;

use crate::expectation::{Instance, fingerprint};
use crate::record::{Run, Verdict};

/// The departures of two runs, sorted into what happened to them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Diff {
    /// Departs in the second run and did not, or was not there, in the first.
    pub new: Vec<Difference>,
    /// Departed in the first run and passes in the second.
    pub resolved: Vec<Difference>,
    /// Departs in both, with another verdict or in another way.
    pub changed: Vec<Difference>,
    /// Departs in both in the same way.
    pub ongoing: Vec<Difference>,
    /// Departed in the first run; the second says nothing about it: the case or the check is missing, unsupported or not applicable.
    pub unjudged: Vec<Difference>,
}

/// One check of one case in two runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Where.
    pub at: Instance,
    /// The clauses that the check judges.
    pub clauses: Vec<String>,
    /// What the first run says; `None` where the check is missing.
    pub before: Option<Side>,
    /// What the second run says; `None` where the check is missing.
    pub after: Option<Side>,
}

/// What one run says about a check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Side {
    /// Its verdict.
    pub verdict: Verdict,
    /// The way it departs; see [`fingerprint`].
    pub fingerprint: String,
    /// What was seen.
    pub observed_text: String,
    clauses: Vec<String>,
}

/// Compares two runs, `before` and `after`.
pub fn diff(before: &Run, after: &Run) -> Diff {
    let (mut earlier, later) = (sides(before), sides(after));
    let mut diff = Diff::default();
    for (at, after) in later {
        diff.sort_in(at.clone(), earlier.remove(&at), Some(after));
    }
    for (at, before) in earlier {
        diff.sort_in(at, Some(before), None);
    }
    for list in [&mut diff.new, &mut diff.resolved, &mut diff.changed, &mut diff.ongoing, &mut diff.unjudged] {
        list.sort_by(|one, other| (&one.clauses, &one.at).cmp(&(&other.clauses, &other.at)));
    }
    diff
}

impl Diff {
    /// Whether nothing departs that did not depart before in the same way.
    pub fn is_quiet(&self) -> bool {
        self.new.is_empty() && self.changed.is_empty()
    }

    fn sort_in(&mut self, at: Instance, before: Option<Side>, after: Option<Side>) {
        let departs = |side: &Option<Side>| side.as_ref().is_some_and(|side| side.verdict.is_departure());
        let passes = after.as_ref().is_some_and(|side| side.verdict == Verdict::Pass);
        let same = || before.as_ref().map(Side::manner) == after.as_ref().map(Side::manner);
        let list = match (departs(&before), departs(&after)) {
            (false, false) => return,
            (false, true) => &mut self.new,
            (true, true) if same() => &mut self.ongoing,
            (true, true) => &mut self.changed,
            (true, false) if passes => &mut self.resolved,
            (true, false) => &mut self.unjudged,
        };
        let clauses = after.as_ref().or(before.as_ref()).map(|side| side.clauses.clone()).unwrap_or_default();
        list.push(Difference { at, clauses, before, after });
    }
}

impl Side {
    fn manner(&self) -> (Verdict, &str) {
        (self.verdict, &self.fingerprint)
    }
}

fn sides(run: &Run) -> BTreeMap<Instance, Side> {
    let checks = run.cases.iter().flat_map(|case| case.checks.iter().map(move |check| (case, check)));
    checks
        .map(|(case, check)| {
            let side = Side {
                verdict: check.verdict,
                fingerprint: fingerprint(check),
                observed_text: check.observed_text.clone(),
                clauses: check.clauses.clone(),
            };
            (Instance::of(case, check), side)
        })
        .collect()
}

impl fmt::Display for Diff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lists = [
            ("New", &self.new),
            ("Resolved", &self.resolved),
            ("Changed cause", &self.changed),
            ("Not judged again", &self.unjudged),
            ("Ongoing", &self.ongoing),
        ];
        for (title, list) in lists.into_iter().filter(|(_, list)| !list.is_empty()) {
            writeln!(f, "{title} ({})", list.len())?;
            list.iter().try_for_each(|difference| write!(f, "{difference}"))?;
        }
        let [new, resolved, changed, unjudged, ongoing] = lists.map(|(_, list)| list.len());
        writeln!(f, "{new} new, {resolved} resolved, {changed} changed cause, {unjudged} not judged again, {ongoing} ongoing")
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let clauses = if self.clauses.is_empty() { "no clause".to_owned() } else { self.clauses.join(", ") };
        writeln!(f, "  {clauses}  {} on {} in {}", self.at.check, self.at.subject, self.at.case)?;
        let same = self.before.as_ref().map(Side::manner) == self.after.as_ref().map(Side::manner);
        if let Some(side) = self.before.as_ref().filter(|_| !same) {
            writeln!(f, "    was {}: {}", side.verdict, side.observed_text)?;
        }
        match &self.after {
            Some(side) => writeln!(f, "    is {}: {}", side.verdict, side.observed_text),
            None => writeln!(f, "    is missing"),
        }
    }
}
