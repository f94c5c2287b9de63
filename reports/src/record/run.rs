//! A whole run: header, summary and cases.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Case, Verdict};

/// The version of the record. It changes when a key changes its meaning, appears or goes.
pub const SCHEMA: &str = "natproof.report/1";

/// `report.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Run {
    /// [`SCHEMA`].
    pub schema: String,
    /// What made the report.
    pub tool: Tool,
    /// Version of the suite: scenarios, checks and registry together.
    pub suite: String,
    /// The seeds asked for: `7`, or inclusive `1..8`.
    pub seed: Seeds,
    /// Whether every planned case finished. False from the start of a run until its end.
    pub complete: bool,
    /// Whether the selection left cases out; then `selection` says how.
    pub partial: bool,
    /// Counts over `cases`.
    pub summary: Summary,
    /// The finished cases, sorted by unique id.
    pub cases: Vec<Case>,
    /// How cases were left out, one entry per merged part; absent when nothing was.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub selection: Vec<Selection>,
    /// Ids of planned cases that have not finished; absent when all have.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub planned: BTreeSet<String>,
}

/// What made a report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Tool {
    /// Program name, e.g. `natproof`.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Hash of the build, the one that replay tokens carry.
    pub build: String,
}

impl fmt::Display for Tool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} ({})", self.name, self.version, self.build)
    }
}

/// An inclusive range of seeds, written `7` or `1..8`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct Seeds {
    first: u64,
    last: u64,
}

impl Seeds {
    /// One seed.
    pub fn one(seed: u64) -> Self {
        Self { first: seed, last: seed }
    }

    /// The seeds in ascending order; at least one.
    pub fn iter(self) -> impl Iterator<Item = u64> {
        self.first..=self.last
    }

    /// Whether there are several, so that case ids end with `/seed-N`.
    pub fn is_range(self) -> bool {
        self.first != self.last
    }
}

impl FromStr for Seeds {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let number = |part: &str| part.parse::<u64>().map_err(|_| Invalid(format!("seed `{text}` is neither a number nor `A..B`")));
        let (first, last) = match text.split_once("..") {
            Some((first, last)) => (number(first)?, number(last)?),
            None => (number(text)?, number(text)?),
        };
        if first > last { Err(Invalid(format!("seed range `{text}` is empty"))) } else { Ok(Self { first, last }) }
    }
}

impl fmt::Display for Seeds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_range() { write!(f, "{}..{}", self.first, self.last) } else { write!(f, "{}", self.first) }
    }
}

impl TryFrom<String> for Seeds {
    type Error = Invalid;

    fn try_from(text: String) -> Result<Self, Invalid> {
        text.parse()
    }
}

impl From<Seeds> for String {
    fn from(seeds: Seeds) -> Self {
        seeds.to_string()
    }
}

/// How one part of a run was cut out of the whole suite.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Selection {
    /// The selecting arguments as given, e.g. `turn/`, `--implementation rtc`, `--nat symmetric,open`.
    pub restrictions: Vec<String>,
    /// The partition `K/N`, 1-based; null when not partitioned.
    pub partition: Option<Partition>,
}

/// Part `K` of `N`, written `K/N`, 1-based.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct Partition {
    of: u32,
    part: u32,
}

impl Partition {
    /// Which part, from 1.
    pub fn part(self) -> u32 {
        self.part
    }

    /// Of how many.
    pub fn of(self) -> u32 {
        self.of
    }
}

impl FromStr for Partition {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let parsed = text.split_once('/').and_then(|(part, of)| Some((part.parse::<u32>().ok()?, of.parse::<u32>().ok()?)));
        match parsed {
            Some((part, of)) if (1..=of).contains(&part) => Ok(Self { of, part }),
            _ => Err(Invalid(format!("partition `{text}` is not `K/N` with 1 <= K <= N"))),
        }
    }
}

impl fmt::Display for Partition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.part, self.of)
    }
}

impl TryFrom<String> for Partition {
    type Error = Invalid;

    fn try_from(text: String) -> Result<Self, Invalid> {
        text.parse()
    }
}

impl From<Partition> for String {
    fn from(partition: Partition) -> Self {
        partition.to_string()
    }
}

impl fmt::Display for Selection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let partition = self.partition.map(|partition| format!("--partition {partition}"));
        let words: Vec<&str> = self.restrictions.iter().map(String::as_str).chain(partition.as_deref()).collect();
        f.write_str(&words.join(" "))
    }
}

/// How many cases have which verdict.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Summary {
    /// Finished cases.
    pub cases: u64,
    /// Cases with verdict pass.
    pub pass: u64,
    /// Cases with verdict fail.
    pub fail: u64,
    /// Cases with verdict deviates.
    pub deviates: u64,
    /// Cases with verdict inconclusive.
    pub inconclusive: u64,
    /// Cases with verdict unsupported.
    pub unsupported: u64,
    /// Cases with verdict not-applicable.
    pub not_applicable: u64,
    /// Cases with verdict error.
    pub error: u64,
    /// Cases whose `expected` is false, whatever their verdict.
    pub unexpected: u64,
}

impl Summary {
    /// Counts `cases`.
    pub fn of<'a>(cases: impl IntoIterator<Item = &'a Case>) -> Self {
        let mut summary = Self::default();
        for case in cases {
            summary.cases += 1;
            *summary.slot(case.verdict) += 1;
            summary.unexpected += u64::from(!case.expected);
        }
        summary
    }

    /// The count of one verdict.
    pub fn count(mut self, verdict: Verdict) -> u64 {
        *self.slot(verdict)
    }

    fn slot(&mut self, verdict: Verdict) -> &mut u64 {
        match verdict {
            Verdict::Pass => &mut self.pass,
            Verdict::Fail => &mut self.fail,
            Verdict::Deviates => &mut self.deviates,
            Verdict::Inconclusive => &mut self.inconclusive,
            Verdict::Unsupported => &mut self.unsupported,
            Verdict::NotApplicable => &mut self.not_applicable,
            Verdict::Error => &mut self.error,
        }
    }
}

/// What is known of a run before its first case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunHeader {
    /// What makes the report.
    pub tool: Tool,
    /// Version of the suite.
    pub suite: String,
    /// The seeds asked for.
    pub seed: Seeds,
    /// How cases are left out; `None` for the whole suite.
    pub selection: Option<Selection>,
}

impl Run {
    /// The record of a run that has planned `planned` and finished nothing.
    pub fn started(header: RunHeader, planned: BTreeSet<String>) -> Self {
        let selection: Vec<Selection> = header.selection.into_iter().filter(|selection| *selection != Selection::default()).collect();
        Self {
            schema: SCHEMA.to_owned(),
            tool: header.tool,
            suite: header.suite,
            seed: header.seed,
            complete: false,
            partial: !selection.is_empty(),
            summary: Summary::default(),
            cases: Vec::new(),
            selection,
            planned,
        }
    }

    /// Adds a finished case at its place; results may arrive in any order.
    ///
    /// # Errors
    /// The case breaks a rule of [`Case::validate`], was not planned, or has finished already.
    pub fn record(&mut self, case: Case) -> Result<(), Invalid> {
        case.validate()?;
        if !self.planned.remove(&case.id) {
            return Err(Invalid(format!("case `{}` was not planned, or finished twice", case.id)));
        }
        let at = self.cases.partition_point(|other| other.id < case.id);
        self.cases.insert(at, case);
        Ok(())
    }

    /// Declares the run finished: complete exactly when nothing planned is left.
    pub fn finish(&mut self) {
        self.complete = self.planned.is_empty();
        self.count();
    }

    /// Brings the summary up to date.
    pub fn count(&mut self) {
        self.summary = Summary::of(&self.cases);
    }

    /// The case with this id.
    pub fn case(&self, id: &str) -> Option<&Case> {
        self.cases.binary_search_by(|case| case.id.as_str().cmp(id)).ok().map(|at| &self.cases[at])
    }

    /// Every implementation that took part, with the number of cases.
    pub fn implementations(&self) -> BTreeMap<&str, u64> {
        let mut counts = BTreeMap::new();
        for case in &self.cases {
            for name in case.implementations.values().collect::<BTreeSet<_>>() {
                *counts.entry(name.as_str()).or_default() += 1;
            }
        }
        counts
    }

    /// Reads a stored report.
    ///
    /// # Errors
    /// Text that is not JSON of this schema, another schema version, or a record that breaks a rule of [`Run::validate`].
    pub fn from_json(text: &str) -> Result<Self, ReadError> {
        #[derive(Deserialize)]
        struct Versioned {
            schema: String,
        }
        let version: Versioned = serde_json::from_str(text)?;
        if version.schema != SCHEMA {
            return Err(ReadError::Schema(version.schema));
        }
        let run: Self = serde_json::from_str(text)?;
        run.validate()?;
        Ok(run)
    }

    /// Checks what the types cannot say.
    ///
    /// # Errors
    /// The first broken rule: cases out of order or repeated, a case that is also still planned, a summary that does not count the
    /// cases, `complete` with cases missing, `partial` without a selection or the reverse, or an invalid case.
    pub fn validate(&self) -> Result<(), Invalid> {
        let broken = |rule: String| Err(Invalid(rule));
        for pair in self.cases.windows(2) {
            if pair[0].id >= pair[1].id {
                return broken(format!("case `{}` is out of order or repeated", pair[1].id));
            }
        }
        for case in &self.cases {
            case.validate()?;
            if self.planned.contains(&case.id) {
                return broken(format!("case `{}` is both finished and planned", case.id));
            }
        }
        if self.summary != Summary::of(&self.cases) {
            return broken("the summary does not count the cases".to_owned());
        }
        if self.complete && !self.planned.is_empty() {
            return broken("the run says complete with planned cases missing".to_owned());
        }
        if self.partial == self.selection.is_empty() {
            return broken("partial goes with a selection".to_owned());
        }
        Ok(())
    }
}

/// A rule of the record that a value breaks.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Invalid(pub(crate) String);

/// Why a stored report could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// Not JSON, or not of this shape.
    #[error("not a report: {0}")]
    Json(#[from] serde_json::Error),
    /// Written by a version with another schema.
    #[error("schema `{0}` is not `{SCHEMA}`: read the report with the version that wrote it")]
    Schema(String),
    /// The right shape with wrong content.
    #[error("inconsistent report: {0}")]
    Invalid(#[from] Invalid),
}
