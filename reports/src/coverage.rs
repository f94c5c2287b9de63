//! How much of each RFC the suite itself covers. The rows come from the requirement registry and the checks; this module only counts
//! and prints, with MUST, SHOULD, MAY and unmarked apart, because a sum over them hides what is missing.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::record::Level;

/// One clause for one role.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Row {
    /// The clause's id, e.g. `RFC8656-9-1`.
    pub clause: String,
    /// The RFC, e.g. `RFC 8656`.
    pub rfc: String,
    /// Who must follow it, e.g. `turn-server`. A clause for several roles has a row for each.
    pub role: String,
    /// How strictly.
    pub level: Level,
    /// Whether the suite checks it.
    pub state: State,
    /// Ids of the checks that do.
    pub checks: Vec<String>,
}

/// Whether the suite checks a clause.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// By a check that ships a violation which it rejects and a correct trace which it passes.
    BothControls,
    /// By a check that lacks one of the two.
    Covered,
    /// It cannot be judged from outside, or is for nobody under test.
    NotApplicable,
    /// Not yet.
    Open,
}

impl State {
    /// In the order of the columns.
    pub const ALL: [Self; 4] = [Self::BothControls, Self::Covered, Self::NotApplicable, Self::Open];

    /// The column's head.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::BothControls => "both controls",
            Self::Covered => "covered",
            Self::NotApplicable => "not applicable",
            Self::Open => "open",
        }
    }
}

/// The counts per RFC, role and level.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Coverage {
    lines: BTreeMap<(String, String, Level), [u64; 4]>,
}

impl Coverage {
    /// Counts rows.
    pub fn of<'a>(rows: impl IntoIterator<Item = &'a Row>) -> Self {
        let mut coverage = Self::default();
        for row in rows {
            let key = (row.rfc.clone(), row.role.clone(), row.level);
            coverage.lines.entry(key).or_default()[row.state as usize] += 1;
        }
        coverage
    }

    /// The sums of one level over all RFCs and roles.
    pub fn total(&self, level: Level) -> BTreeMap<State, u64> {
        let lines = || self.lines.iter().filter(|((.., of), _)| *of == level);
        State::ALL.into_iter().map(|state| (state, lines().map(|(_, counts)| counts[state as usize]).sum())).collect()
    }

    /// A table for the terminal, totals last.
    pub fn text(&self) -> String {
        let line = |[rfc, role, level, counts @ ..]: &[String; 7]| {
            let counts: String = counts.iter().map(|count| format!(" {count:>14}")).collect();
            format!("{rfc:<10} {role:<16} {level:<9}{counts}\n")
        };
        let [both, covered, none, open] = State::ALL.map(|state| state.as_str().to_owned());
        let head = ["RFC".to_owned(), "role".to_owned(), "level".to_owned(), both, covered, none, open];
        [head].iter().chain(&self.cells()).map(line).collect()
    }

    /// The same table in Markdown.
    pub fn markdown(&self) -> String {
        let heads = State::ALL.map(State::as_str).join(" | ");
        let lines: String = self.cells().iter().map(|cells| format!("| {} |\n", cells.join(" | "))).collect();
        format!("| RFC | role | level | {heads} |\n|---|---|---|--:|--:|--:|--:|\n{lines}")
    }

    fn cells(&self) -> Vec<[String; 7]> {
        let line = |rfc: &str, role: &str, level: Level, [both, covered, none, open]: [u64; 4]| {
            [rfc.to_owned(), role.to_owned(), level.to_string(), both.to_string(), covered.to_string(), none.to_string(), open.to_string()]
        };
        let lines = self.lines.iter().map(|((rfc, role, level), counts)| line(rfc, role, *level, *counts));
        let levels = [Level::Must, Level::Should, Level::May, Level::Unmarked];
        let totals = levels.into_iter().filter(|level| self.lines.keys().any(|(.., of)| of == level)).map(|level| {
            let sums = self.total(level);
            line("total", "", level, State::ALL.map(|state| sums[&state]))
        });
        lines.chain(totals).collect()
    }
}
