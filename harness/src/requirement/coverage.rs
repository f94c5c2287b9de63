//! How much of each RFC the checks cover, per role and level.
//!
//! A clause that repeats another one is folded into it: it is not counted, and a check that cites it covers the other. A clause with several
//! roles counts in the row of each, and once in the row of its RFC.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::clause::{Clause, Level, Rfc, Role, Testable};
use super::load::Registry;
use super::suggest::UnknownClauses;

/// What the registry has to know about a check.
#[derive(Debug, Clone, Copy)]
pub struct CheckInfo<'a> {
    /// The id of the check.
    pub id: &'a str,
    /// The clauses that it judges.
    pub clauses: &'a [&'a str],
    /// Whether a control shows that it rejects what breaches them.
    pub has_rejecting_control: bool,
    /// Whether a control shows that it passes what obeys them.
    pub has_accepting_control: bool,
}

impl CheckInfo<'_> {
    /// Whether both controls exist.
    pub fn has_both_controls(&self) -> bool {
        self.has_rejecting_control && self.has_accepting_control
    }
}

/// How far a clause is covered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// Nothing judges it, though something could.
    Open,
    /// Nothing judges it and nothing can: neither packets nor an interface show a breach.
    NotApplicable,
    /// A check cites it.
    Covered,
    /// A check with both controls cites it.
    Controlled,
}

/// Clauses by state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// Covered by a check with both controls.
    pub controlled: usize,
    /// Covered, with a control missing.
    pub covered: usize,
    /// Not to be judged from outside.
    pub not_applicable: usize,
    /// Not covered.
    pub open: usize,
}

impl Tally {
    /// All clauses counted.
    pub fn total(&self) -> usize {
        self.controlled + self.covered + self.not_applicable + self.open
    }

    fn count(&mut self, state: State) {
        match state {
            State::Controlled => self.controlled += 1,
            State::Covered => self.covered += 1,
            State::NotApplicable => self.not_applicable += 1,
            State::Open => self.open += 1,
        }
    }
}

/// Tallies of one RFC, of one role within it, or of all.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct CoverageRow {
    /// The RFC; absent in the sum over all.
    pub rfc: Option<u32>,
    /// The role; absent where the row counts each clause once whatever its roles.
    pub role: Option<Role>,
    /// Clauses of level MUST.
    pub must: Tally,
    /// Clauses of level SHOULD.
    pub should: Tally,
    /// Clauses without a keyword.
    pub unmarked: Tally,
}

impl CoverageRow {
    fn count(&mut self, level: Level, state: State) {
        match level {
            Level::Must => self.must.count(state),
            Level::Should => self.should.count(state),
            Level::Unmarked => self.unmarked.count(state),
            Level::May => {} // A permission cannot be breached, so there is nothing to cover.
        }
    }
}

/// The coverage of the whole registry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Coverage {
    /// For each RFC one row for all its clauses, then one per role.
    pub rows: Vec<CoverageRow>,
    /// All clauses of all RFCs.
    pub total: CoverageRow,
    #[serde(skip)]
    pub(super) rfcs: Vec<Rfc>,
    #[serde(skip)]
    states: BTreeMap<String, State>,
}

impl Coverage {
    /// The state of a clause; that of the first original where the clause repeats others.
    pub fn state(&self, id: &str) -> Option<State> {
        self.states.get(id).copied()
    }

    /// The rows as a JSON object with the keys `rows` and `total`.
    pub fn to_json(&self) -> serde_json::Value {
        serde_json::to_value(self).expect("counts and names serialise")
    }
}

impl Registry {
    /// What `checks` cover.
    ///
    /// # Errors
    /// When a check cites a clause that is not registered: its coverage would be lost in silence.
    pub fn coverage(&self, checks: &[CheckInfo<'_>]) -> Result<Coverage, UnknownClauses> {
        let unknown = self.unknown(checks.iter().flat_map(|check| check.clauses.iter().copied()));
        if !unknown.is_empty() {
            return Err(UnknownClauses(unknown));
        }
        let cited = |keep: fn(&CheckInfo<'_>) -> bool| -> BTreeSet<&str> {
            let cited = checks.iter().filter(|check| keep(check)).flat_map(|check| check.clauses).filter_map(|id| self.get(id));
            cited.flat_map(|clause| self.originals(clause)).collect()
        };
        let (covered, controlled) = (cited(|_| true), cited(|check| check.has_both_controls()));
        let state = |id: &str, testable| match () {
            () if controlled.contains(id) => State::Controlled,
            () if covered.contains(id) => State::Covered,
            () if testable == Testable::No => State::NotApplicable,
            () => State::Open,
        };
        let states: BTreeMap<String, State> = self
            .iter()
            .map(|clause| {
                let original = self.originals(clause).next().and_then(|id| self.get(id)).unwrap_or(clause);
                (clause.id.clone(), state(&original.id, original.testable))
            })
            .collect();
        Ok(self.tally(states))
    }

    /// The clauses that count for this one: itself unless it repeats others.
    fn originals<'a>(&'a self, clause: &'a Clause) -> impl Iterator<Item = &'a str> {
        let own = clause.dup_of.is_empty().then_some(clause.id.as_str());
        own.into_iter().chain(clause.dup_of.iter().map(String::as_str))
    }

    fn tally(&self, states: BTreeMap<String, State>) -> Coverage {
        let rfcs: Vec<Rfc> = self.rfcs().collect();
        let mut rows = Vec::new();
        let mut total = CoverageRow::default();
        for rfc in &rfcs {
            let mut whole = CoverageRow { rfc: Some(rfc.number), ..CoverageRow::default() };
            let mut by_role: BTreeMap<Role, CoverageRow> = BTreeMap::new();
            for clause in self.by_rfc(rfc.number).filter(|clause| clause.dup_of.is_empty()) {
                let state = states[&clause.id];
                whole.count(clause.level(), state);
                total.count(clause.level(), state);
                for &role in &clause.roles {
                    let row = by_role.entry(role).or_insert(CoverageRow { role: Some(role), rfc: whole.rfc, ..CoverageRow::default() });
                    row.count(clause.level(), state);
                }
            }
            rows.push(whole);
            rows.extend(by_role.into_values());
        }
        Coverage { rows, total, rfcs, states }
    }
}
