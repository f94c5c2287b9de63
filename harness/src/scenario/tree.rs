//! A YAML file as a tree in which everything knows where it stands.
//!
//! `serde_yaml` (the maintained serde-saphyr) parses the text, with its limits against bombs; the tree is then decoded section by section, so that one
//! mistake does not hide the next.

use super::problem::Problem;
use serde::de::{Error, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_yaml::MessageFormatter as _;
use serde_yaml::budget::BudgetBreach as Breach;
use std::fmt;
use std::ops::Range;

/// Scenario files are small: a larger one is a mistake.
pub const LARGEST_FILE: usize = 1 << 20;
/// Collections within collections.
const DEEPEST: usize = 32;
/// Values of a file with its aliases written out.
const MOST_VALUES: usize = 200_000;
/// Aliases of a file.
const MOST_ALIASES: usize = 1_000;

/// A value and where it stands.
#[derive(Clone, Debug)]
pub(super) struct Tree {
    pub(super) span: Range<usize>,
    pub(super) kind: Kind,
}

/// The kinds of YAML values. Numbers and truth values keep their spelling: where a word is wanted, `0010` is not 10.
#[derive(Clone, Debug)]
pub(super) enum Kind {
    Null,
    Bool(bool, String),
    Integer(i128, String),
    Float(f64, String),
    Text(String),
    List(Vec<Tree>),
    Map(Vec<(Tree, Tree)>),
}

/// Reads a text.
///
/// # Errors
/// The first mistake of syntax, or the limit that the text exceeds.
pub(super) fn parse(text: &str) -> Result<Tree, Problem> {
    let options = serde_yaml::options! {
        with_snippet: false,
        strict_booleans: true,
        budget: serde_yaml::budget! { max_depth: DEEPEST, max_nodes: MOST_VALUES, max_aliases: MOST_ALIASES, max_documents: 1 },
    };
    match serde_yaml::from_str_with_options::<serde_yaml::Spanned<Raw>>(text, options) {
        Ok(raw) => Ok(convert(text, raw)),
        Err(error) => Err(problem(text, &error)),
    }
}

/// A mistake of the parser in the words of scenario files.
fn problem(text: &str, error: &serde_yaml::Error) -> Problem {
    use serde_yaml::Error as E;
    let place = error.location().map_or(0..0, |location| bytes(text, &location));
    let mut inner = error;
    while let E::AliasError { error, .. } | E::WithSnippet { error, .. } = inner {
        inner = error;
    }
    let (code, message) = match inner {
        E::DuplicateMappingKey { key, .. } => {
            ("scenario::duplicate-key", format!("the key `{}` stands here twice", key.as_deref().unwrap_or_default()))
        }
        E::Budget { breach, .. } => ("scenario::too-large", limit(breach)),
        E::MultipleDocuments { .. } => ("scenario::too-large", limit(&Breach::Documents { documents: 2 })),
        E::Eof { .. } => ("scenario::empty", "the file holds nothing".into()),
        other => ("scenario::yaml", serde_yaml::UserMessageFormatter.format_message(other).into_owned()),
    };
    Problem::new(code, &place, message)
}

/// The limit that a file exceeds.
fn limit(breach: &Breach) -> String {
    match breach {
        Breach::Depth { .. } => format!("collections lie in each other more than {DEEPEST} deep"),
        Breach::Nodes { .. } | Breach::Events { .. } => {
            format!("with its aliases written out, the file has more than {MOST_VALUES} values")
        }
        Breach::Aliases { .. } => format!("the file has more than {MOST_ALIASES} aliases"),
        Breach::Documents { .. } => "a scenario is one document, and here a second one begins".into(),
        other => format!("the file exceeds a limit of the parser: {other:?}"),
    }
}

/// The bytes of a place; of one that is known by line and column alone, the rest of the line.
fn bytes(text: &str, location: &serde_yaml::Location) -> Range<usize> {
    let span = location.span();
    if let (Some(start), Some(length)) = (span.byte_offset(), span.byte_len()) {
        return start as usize..(start + length) as usize;
    }
    let Some(line) = text.split_inclusive('\n').nth(location.line().saturating_sub(1) as usize) else { return 0..0 };
    let begin = line.as_ptr() as usize - text.as_ptr() as usize;
    let column = line.char_indices().nth(location.column().saturating_sub(1) as usize).map_or(0, |(at, _)| at);
    begin + column..begin + line.trim_end().len().max(column)
}

fn convert(text: &str, raw: serde_yaml::Spanned<Raw>) -> Tree {
    let span = bytes(text, &raw.referenced);
    // What an alias stands for is spelt where its anchor is.
    let spelling = || text.get(bytes(text, &raw.defined)).unwrap_or_default().to_owned();
    let kind = match raw.value {
        Raw::Null => Kind::Null,
        Raw::Bool(truth) => Kind::Bool(truth, spelling()),
        Raw::Integer(number) => Kind::Integer(number, spelling()),
        Raw::Float(number) => Kind::Float(number, spelling()),
        Raw::Text(text) => Kind::Text(text),
        Raw::List(items) => Kind::List(items.into_iter().map(|item| convert(text, item)).collect()),
        Raw::Map(entries) => Kind::Map(entries.into_iter().map(|(key, value)| (convert(text, key), convert(text, value))).collect()),
    };
    Tree { span, kind }
}

enum Raw {
    Null,
    Bool(bool),
    Integer(i128),
    Float(f64),
    Text(String),
    List(Vec<serde_yaml::Spanned<Raw>>),
    Map(Vec<(serde_yaml::Spanned<Raw>, serde_yaml::Spanned<Raw>)>),
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RawVisitor)
    }
}

struct RawVisitor;

impl<'de> Visitor<'de> for RawVisitor {
    type Value = Raw;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a YAML value")
    }
    fn visit_unit<E: Error>(self) -> Result<Raw, E> {
        Ok(Raw::Null)
    }
    fn visit_none<E: Error>(self) -> Result<Raw, E> {
        Ok(Raw::Null)
    }
    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Raw, D::Error> {
        Raw::deserialize(deserializer)
    }
    fn visit_bool<E: Error>(self, truth: bool) -> Result<Raw, E> {
        Ok(Raw::Bool(truth))
    }
    fn visit_i64<E: Error>(self, number: i64) -> Result<Raw, E> {
        Ok(Raw::Integer(number.into()))
    }
    fn visit_u64<E: Error>(self, number: u64) -> Result<Raw, E> {
        Ok(Raw::Integer(number.into()))
    }
    fn visit_i128<E: Error>(self, number: i128) -> Result<Raw, E> {
        Ok(Raw::Integer(number))
    }
    fn visit_f64<E: Error>(self, number: f64) -> Result<Raw, E> {
        Ok(Raw::Float(number))
    }
    fn visit_str<E: Error>(self, text: &str) -> Result<Raw, E> {
        Ok(Raw::Text(text.to_owned()))
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Raw, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Raw::List(list))
    }
    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Raw, A::Error> {
        let mut map = Vec::new();
        while let Some(entry) = entries.next_entry()? {
            map.push(entry);
        }
        Ok(Raw::Map(map))
    }
}

impl Tree {
    /// What a value is, for `expected ..., found ...`.
    pub(super) fn describe(&self) -> String {
        match &self.kind {
            Kind::Null => "nothing".into(),
            Kind::Bool(_, spelling) => format!("`{spelling}`"),
            Kind::Integer(_, spelling) | Kind::Float(_, spelling) => format!("the number {spelling}"),
            Kind::Text(text) => format!("`{text}`"),
            Kind::List(_) => "a list".into(),
            Kind::Map(_) => "a map".into(),
        }
    }

    /// The text of a key.
    pub(super) fn key(&self) -> Option<&str> {
        match &self.kind {
            Kind::Text(text) => Some(text),
            _ => None,
        }
    }
}
