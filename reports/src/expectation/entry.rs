//! The entries of `expected/NAME.yaml`, and their compiled form.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use globset::{GlobBuilder, GlobMatcher};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};

use crate::record::{Case, Check, Verdict};

/// One listed departure. A file `expected/NAME.yaml` is a list of these; it applies to checks whose subject runs NAME.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Expectation {
    /// The check's id.
    pub check: String,
    /// The cases, as a glob over case ids: `*` stays within a segment, `**` crosses them. Every finished case that it matches and in
    /// which the check judges must show the departure. `/seed-N` at the end of an id may be left out and then stands for all seeds.
    pub cases: String,
    /// What the check says there.
    pub verdict: Departure,
    /// Why this is known and not (yet) mended, for a reader who has not seen the packets.
    #[serde(deserialize_with = "paragraph")]
    pub reason: String,
    /// Where it is tracked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
    /// The last day, `YYYY-MM-DD`, on which the entry counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub until: Option<NaiveDate>,
    /// The way it departs, as [`super::fingerprint()`] prints it.
    pub fingerprint: String,
    /// The implementation at the other node. Required for checks that judge two nodes together (the entry then stands in the file of
    /// node a's implementation); on others it narrows the entry to cases in which another node runs that implementation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub with: Option<String>,
}

/// A text whose last line may end: YAML's `>` keeps the line break that `>-` drops.
fn paragraph<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    String::deserialize(deserializer).map(|text| text.trim_end().to_owned())
}

/// The verdicts that can be listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Departure {
    /// See [`Verdict::Fail`].
    Fail,
    /// See [`Verdict::Deviates`].
    Deviates,
    /// See [`Verdict::Inconclusive`].
    Inconclusive,
    /// [`Verdict::Error`] with `cause: implementation`; a fault of the harness is never expected.
    Error,
}

impl Departure {
    /// The departure in what a check says; under `strict` deviates counts as fail. `None` for the other verdicts and for faults of
    /// the harness, which cannot be listed.
    pub fn of(check: &Check, strict: bool) -> Option<Self> {
        match check.verdict {
            Verdict::Fail => Some(Self::Fail),
            Verdict::Deviates if strict => Some(Self::Fail),
            Verdict::Deviates => Some(Self::Deviates),
            Verdict::Inconclusive => Some(Self::Inconclusive),
            Verdict::Error if !check.is_harness_fault() => Some(Self::Error),
            _ => None,
        }
    }

    /// The name as files spell it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Fail => "fail",
            Self::Deviates => "deviates",
            Self::Inconclusive => "inconclusive",
            Self::Error => "error",
        }
    }
}

/// All entries, by implementation, ready to match.
#[derive(Debug, Default)]
pub struct Expectations {
    files: BTreeMap<String, Vec<Compiled>>,
}

/// An entry with its glob compiled.
#[derive(Debug)]
pub(crate) struct Compiled {
    pub(crate) entry: Expectation,
    glob: GlobMatcher,
}

/// What is wrong with an entry. Positions in the file are the caller's to add.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected/{implementation}.yaml, entry {}: {kind}", index + 1)]
pub struct EntryError {
    /// The file's NAME.
    pub implementation: String,
    /// The entry's position in the file, from 0.
    pub index: usize,
    /// What is wrong.
    pub kind: EntryErrorKind,
}

/// The kinds of [`EntryError`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EntryErrorKind {
    /// `cases` does not parse.
    #[error("`cases` is not a glob: {0}")]
    Glob(String),
    /// A text that must say something is blank.
    #[error("`{0}` is empty")]
    Empty(&'static str),
    /// The same entry stands above.
    #[error("the same as entry {}", .0 + 1)]
    Duplicate(usize),
}

impl Expectations {
    /// Compiles the entries of all files, by implementation name.
    ///
    /// # Errors
    /// Every mistake of every file.
    pub fn new(files: BTreeMap<String, Vec<Expectation>>) -> Result<Self, Vec<EntryError>> {
        let mut errors = Vec::new();
        let mut compiled: BTreeMap<String, Vec<Compiled>> = BTreeMap::new();
        for (implementation, entries) in files {
            let list = compiled.entry(implementation.clone()).or_default();
            for (index, entry) in entries.iter().enumerate() {
                let earlier = entries[..index].iter().position(|other| Compiled::key(other) == Compiled::key(entry));
                let checked = earlier.map_or(Ok(()), |earlier| Err(EntryErrorKind::Duplicate(earlier)));
                match checked.and_then(|()| Compiled::new(entry.clone())) {
                    Ok(entry) => list.push(entry),
                    Err(kind) => errors.push(EntryError { implementation: implementation.clone(), index, kind }),
                }
            }
        }
        if errors.is_empty() { Ok(Self { files: compiled }) } else { Err(errors) }
    }

    /// The entries again, by implementation name.
    pub fn to_files(&self) -> BTreeMap<String, Vec<Expectation>> {
        self.files.iter().map(|(name, list)| (name.clone(), list.iter().map(|compiled| compiled.entry.clone()).collect())).collect()
    }

    /// One entry.
    pub fn get(&self, at: &EntryRef) -> Option<&Expectation> {
        self.files.get(&at.implementation)?.get(at.index).map(|compiled| &compiled.entry)
    }

    /// Every entry with its place.
    pub(crate) fn all(&self) -> impl Iterator<Item = (EntryRef, &Compiled)> {
        self.files.iter().flat_map(|(implementation, list)| {
            list.iter().enumerate().map(|(index, compiled)| (EntryRef { implementation: implementation.clone(), index }, compiled))
        })
    }

    /// The entries that cover a check of a case, whatever it says.
    pub(crate) fn covering(&self, case: &Case, check: &Check) -> Vec<(EntryRef, &Compiled)> {
        let Some(implementation) = case.implementations.get(check.subject().node) else { return Vec::new() };
        let list = self.files.get(implementation).map(Vec::as_slice).unwrap_or_default();
        let covers = |compiled: &&Compiled| compiled.covers(case, check);
        let place = |(index, compiled)| (EntryRef { implementation: implementation.clone(), index }, compiled);
        list.iter().enumerate().filter(|(_, compiled)| covers(compiled)).map(place).collect()
    }
}

/// Where an entry stands.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct EntryRef {
    /// The file's NAME.
    pub implementation: String,
    /// The position in the file, from 0.
    pub index: usize,
}

impl Compiled {
    fn new(entry: Expectation) -> Result<Self, EntryErrorKind> {
        let texts = [("check", &entry.check), ("cases", &entry.cases), ("reason", &entry.reason), ("fingerprint", &entry.fingerprint)];
        if let Some((name, _)) = texts.into_iter().find(|(_, text)| text.trim().is_empty()) {
            return Err(EntryErrorKind::Empty(name));
        }
        let glob = GlobBuilder::new(&entry.cases).literal_separator(true).build();
        let glob = glob.map_err(|error| EntryErrorKind::Glob(error.kind().to_string()))?.compile_matcher();
        Ok(Self { entry, glob })
    }

    /// What makes two entries of a file the same.
    fn key(entry: &Expectation) -> (&str, &str, Departure, &str, Option<&str>) {
        (&entry.check, &entry.cases, entry.verdict, &entry.fingerprint, entry.with.as_deref())
    }

    /// Whether the glob matches the id, with or without its seed.
    pub(crate) fn matches_id(&self, id: &str) -> bool {
        if !id.starts_with(self.prefix()) {
            return false;
        }
        let base = crate::record::base_id(id);
        self.glob.is_match(id) || base.len() < id.len() && self.glob.is_match(base)
    }

    /// What every id that the glob matches begins with.
    pub(crate) fn prefix(&self) -> &str {
        let special = self.entry.cases.find(['*', '?', '[', '{', '\\']);
        &self.entry.cases[..special.unwrap_or(self.entry.cases.len())]
    }

    fn covers(&self, case: &Case, check: &Check) -> bool {
        self.entry.check == check.id && self.partner_fits(case, check) && self.matches_id(&case.id)
    }

    fn partner_fits(&self, case: &Case, check: &Check) -> bool {
        let subject = check.subject();
        match (self.entry.with.as_deref(), subject.with) {
            (None, None) => true,
            (None, Some(_)) => false,
            (Some(name), Some(partner)) => case.implementations.get(partner).is_some_and(|other| other == name),
            (Some(name), None) => case.implementations.iter().any(|(node, other)| node != subject.node && other == name),
        }
    }
}
