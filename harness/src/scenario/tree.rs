//! A YAML file as a tree in which everything knows where it stands.
//!
//! `serde_yaml` (the maintained serde-saphyr) parses the text, with its limits against bombs; the tree is then decoded section by section, so that one
//! mistake does not hide the next.

use super::problem::Problem;
use serde::de::{Error, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use std::fmt;
use std::ops::Range;

/// Scenario files are small: a larger one is a mistake.
pub const LARGEST_FILE: usize = 1 << 20;
/// Collections within collections.
const DEEPEST: usize = 32;

/// A value and where it stands.
#[derive(Clone, Debug)]
pub(super) struct Tree {
    pub(super) span: Range<usize>,
    pub(super) kind: Kind,
}

/// The kinds of YAML values. Numbers keep their spelling, which words may need: `1.2`, `0x7fff`.
#[derive(Clone, Debug)]
pub(super) enum Kind {
    Null,
    Bool(bool),
    Integer(i128),
    Float(f64),
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
        budget: serde_yaml::budget! { max_depth: DEEPEST, max_nodes: 200_000, max_aliases: 1_000, max_documents: 1 },
    };
    match serde_yaml::from_str_with_options::<serde_yaml::Spanned<Raw>>(text, options) {
        Ok(raw) => Ok(convert(raw)),
        Err(error) => {
            let span = error.location().map_or(0..0, |location| bytes(&location));
            let message = first_line(&error.to_string());
            Err(Problem::new("scenario::yaml", &span, message))
        }
    }
}

fn first_line(message: &str) -> String {
    message.lines().next().unwrap_or_default().to_owned()
}

fn bytes(location: &serde_yaml::Location) -> Range<usize> {
    let span = location.span();
    let start = span.byte_offset().unwrap_or(0) as usize;
    start..start + span.byte_len().unwrap_or(0) as usize
}

fn convert(raw: serde_yaml::Spanned<Raw>) -> Tree {
    let span = bytes(&raw.referenced);
    let kind = match raw.value {
        Raw::Null => Kind::Null,
        Raw::Bool(truth) => Kind::Bool(truth),
        Raw::Integer(number) => Kind::Integer(number),
        Raw::Float(number) => Kind::Float(number),
        Raw::Text(text) => Kind::Text(text),
        Raw::List(items) => Kind::List(items.into_iter().map(convert).collect()),
        Raw::Map(entries) => Kind::Map(entries.into_iter().map(|(key, value)| (convert(key), convert(value))).collect()),
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
            Kind::Bool(truth) => format!("`{truth}`"),
            Kind::Integer(number) => format!("the number {number}"),
            Kind::Float(number) => format!("the number {number}"),
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
