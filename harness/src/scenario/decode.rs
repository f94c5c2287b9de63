//! Decodes a [`Tree`] into the typed model, with the place of every mistake.

use super::problem::{Problem, nearest};
use super::span::{SPANNED, SPANNED_FIELDS};
use super::tree::{Kind, Tree};
use serde::de::value::{MapDeserializer, StrDeserializer};
use serde::de::{
    self, DeserializeSeed, Deserializer, EnumAccess, IntoDeserializer, MapAccess, SeqAccess, Unexpected, VariantAccess, Visitor,
};
use std::fmt;
use std::ops::Range;

/// A mistake on its way out of serde; the place is known once it passes the innermost value that it is about.
#[derive(Debug)]
pub(super) struct Mistake {
    message: String,
    code: &'static str,
    help: Option<String>,
    span: Option<Range<usize>>,
    /// The key that is missing, where that is the mistake.
    missing: Option<&'static str>,
}

impl Mistake {
    /// Where it is, and the key that is missing there if that is the mistake.
    pub(super) fn place(&self) -> (Option<&Range<usize>>, Option<&'static str>) {
        (self.span.as_ref(), self.missing)
    }

    fn at(mut self, span: &Range<usize>) -> Self {
        self.span.get_or_insert_with(|| span.clone());
        self
    }

    pub(super) fn into_problem(self, whole: &Range<usize>) -> Problem {
        Problem { code: self.code, message: self.message, span: self.span.unwrap_or_else(|| whole.clone()), help: self.help }
    }

    fn new(code: &'static str, message: String) -> Self {
        Self { message, code, help: None, span: None, missing: None }
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Mistake {}

impl de::Error for Mistake {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::new("scenario::value", message.to_string())
    }
    fn invalid_type(unexpected: Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        Self::new("scenario::type", format!("expected {}, found {}", wanted(expected), found(unexpected)))
    }
    fn invalid_value(unexpected: Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        Self::new("scenario::range", format!("expected {}, found {}", wanted(expected), found(unexpected)))
    }
    fn invalid_length(length: usize, expected: &dyn de::Expected) -> Self {
        Self::new("scenario::type", format!("expected {}, found a list of {length}", wanted(expected)))
    }
    fn unknown_field(field: &str, expected: &'static [&'static str]) -> Self {
        let mut mistake = Self::new("scenario::unknown-key", format!("`{field}` is not a key that belongs here"));
        mistake.help = Some(suggestion(field, expected));
        mistake
    }
    fn unknown_variant(variant: &str, expected: &'static [&'static str]) -> Self {
        let mut mistake = Self::new("scenario::unknown-word", format!("`{variant}` is not a word that belongs here"));
        mistake.help = Some(suggestion(variant, expected));
        mistake
    }
    fn missing_field(field: &'static str) -> Self {
        let mistake = Self::new("scenario::missing-key", format!("the key `{field}` is missing"));
        Self { missing: Some(field), ..mistake }
    }
    fn duplicate_field(field: &'static str) -> Self {
        Self::new("scenario::duplicate-key", format!("the key `{field}` stands here twice"))
    }
}

/// What a decoder expects, in the words of scenario files.
fn wanted(expected: &dyn de::Expected) -> String {
    match expected.to_string().as_str() {
        "a sequence" => "a list".into(),
        "a boolean" => "`true` or `false`".into(),
        "a string" => "a word".into(),
        "u8" => format!("a number from 0 to {}", u8::MAX),
        "u16" => format!("a number from 0 to {}", u16::MAX),
        "u32" => format!("a number from 0 to {}", u32::MAX),
        "a tuple of size 2" => "a list of 2".into(),
        other => other.into(),
    }
}

/// What a decoder has found, in the words of scenario files.
fn found(unexpected: Unexpected<'_>) -> String {
    match unexpected {
        Unexpected::Bool(truth) => format!("`{truth}`"),
        Unexpected::Unsigned(number) => format!("the number {number}"),
        Unexpected::Signed(number) => format!("the number {number}"),
        Unexpected::Float(number) => format!("the number {number}"),
        Unexpected::Str(text) => format!("`{text}`"),
        Unexpected::Unit => "nothing".into(),
        Unexpected::Seq => "a list".into(),
        Unexpected::Map => "a map".into(),
        other => other.to_string(),
    }
}

fn suggestion(wrong: &str, known: &'static [&'static str]) -> String {
    match nearest(wrong, known.iter().copied()) {
        Some(name) => format!("did you mean `{name}`?"),
        None => format!("known here: {}", known.join(", ")),
    }
}

impl Tree {
    fn wrong(&self, expected: &dyn de::Expected) -> Mistake {
        Mistake::new("scenario::type", format!("expected {expected}, found {}", self.describe())).at(&self.span)
    }

    /// The spelling of a scalar, for types that are words.
    fn word(&self) -> Option<String> {
        match &self.kind {
            Kind::Text(text) => Some(text.clone()),
            Kind::Bool(_, spelling) | Kind::Integer(_, spelling) | Kind::Float(_, spelling) => Some(spelling.clone()),
            _ => None,
        }
    }
}

impl<'de> Deserializer<'de> for &'de Tree {
    type Error = Mistake;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mistake> {
        let span = &self.span;
        match &self.kind {
            Kind::Null => visitor.visit_unit(),
            Kind::Bool(truth, _) => visitor.visit_bool(*truth),
            Kind::Integer(number, _) => match (u64::try_from(*number), i64::try_from(*number)) {
                (Ok(number), _) => visitor.visit_u64(number),
                (_, Ok(number)) => visitor.visit_i64(number),
                _ => Err(Mistake::new("scenario::range", format!("{number} is too large"))),
            },
            Kind::Float(number, _) => visitor.visit_f64(*number),
            Kind::Text(text) => visitor.visit_str(text),
            Kind::List(items) => visitor.visit_seq(Items(items.iter())),
            Kind::Map(entries) => visitor.visit_map(Entries { rest: entries.iter(), value: None }),
        }
        .map_err(|mistake| mistake.at(span))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mistake> {
        if matches!(self.kind, Kind::Null) { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_struct<V: Visitor<'de>>(self, name: &'static str, _: &'static [&'static str], visitor: V) -> Result<V::Value, Mistake> {
        if name == SPANNED {
            let parts = [Part::Offset(self.span.start), Part::Offset(self.span.end), Part::Value(self)];
            return visitor
                .visit_map(MapDeserializer::new(SPANNED_FIELDS.iter().copied().zip(parts)))
                .map_err(|mistake| mistake.at(&self.span));
        }
        match &self.kind {
            Kind::Map(_) => self.deserialize_any(visitor),
            // A map without entries is written as nothing: `script:`.
            Kind::Null => visitor
                .visit_map(MapDeserializer::new(std::iter::empty::<(&str, &str)>()))
                .map_err(|mistake: Mistake| mistake.at(&self.span)),
            _ => Err(self.wrong(&"a map")),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(self, _: &'static str, _: &'static [&'static str], visitor: V) -> Result<V::Value, Mistake> {
        let access = match &self.kind {
            Kind::Map(entries) => match entries.as_slice() {
                [(key, value)] => Choice { name: key, value: Some(value) },
                _ => {
                    return Err(Mistake::new("scenario::one-key", format!("expected a map with one key, found {} keys", entries.len()))
                        .at(&self.span));
                }
            },
            Kind::List(_) | Kind::Null => return Err(self.wrong(&"a word")),
            _ => Choice { name: self, value: None },
        };
        visitor.visit_enum(access).map_err(|mistake| mistake.at(&self.span))
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mistake> {
        match self.word() {
            Some(word) => visitor.visit_str(&word).map_err(|mistake: Mistake| mistake.at(&self.span)),
            None => Err(self.wrong(&"a word")),
        }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mistake> {
        self.deserialize_str(visitor)
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mistake> {
        self.deserialize_str(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Mistake> {
        visitor.visit_newtype_struct(self).map_err(|mistake| mistake.at(&self.span))
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char bytes byte_buf unit unit_struct seq tuple tuple_struct map ignored_any
    }
}

/// The items of a list; a mistake that does not know its place is at the item.
struct Items<'de>(std::slice::Iter<'de, Tree>);

impl<'de> SeqAccess<'de> for Items<'de> {
    type Error = Mistake;
    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Mistake> {
        let Some(item) = self.0.next() else { return Ok(None) };
        seed.deserialize(item).map(Some).map_err(|mistake| mistake.at(&item.span))
    }
    fn size_hint(&self) -> Option<usize> {
        Some(self.0.len())
    }
}

/// The entries of a map; a mistake that does not know its place is at the key or value.
struct Entries<'de> {
    rest: std::slice::Iter<'de, (Tree, Tree)>,
    value: Option<&'de Tree>,
}

impl<'de> MapAccess<'de> for Entries<'de> {
    type Error = Mistake;
    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Mistake> {
        let Some((key, value)) = self.rest.next() else { return Ok(None) };
        self.value = Some(value);
        seed.deserialize(key).map(Some).map_err(|mistake| mistake.at(&key.span))
    }
    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Mistake> {
        let value = self.value.take().expect("serde asks for a value after its key");
        seed.deserialize(value).map_err(|mistake| mistake.at(&value.span))
    }
}

impl<'de> IntoDeserializer<'de, Mistake> for &'de Tree {
    type Deserializer = Self;
    fn into_deserializer(self) -> Self {
        self
    }
}

/// One part of a spanned value.
enum Part<'de> {
    Offset(usize),
    Value(&'de Tree),
}

impl<'de> IntoDeserializer<'de, Mistake> for Part<'de> {
    type Deserializer = Self;
    fn into_deserializer(self) -> Self {
        self
    }
}

impl<'de> Deserializer<'de> for Part<'de> {
    type Error = Mistake;
    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mistake> {
        match self {
            Part::Offset(offset) => visitor.visit_u64(offset as u64),
            Part::Value(tree) => tree.deserialize_any(visitor),
        }
    }
    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mistake> {
        match self {
            Part::Offset(_) => visitor.visit_some(self),
            Part::Value(tree) => tree.deserialize_option(visitor),
        }
    }
    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Mistake> {
        match self {
            Part::Offset(_) => self.deserialize_any(visitor),
            Part::Value(tree) => tree.deserialize_struct(name, fields, visitor),
        }
    }
    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Mistake> {
        match self {
            Part::Offset(_) => self.deserialize_any(visitor),
            Part::Value(tree) => tree.deserialize_enum(name, variants, visitor),
        }
    }
    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mistake> {
        match self {
            Part::Offset(_) => self.deserialize_any(visitor),
            Part::Value(tree) => tree.deserialize_str(visitor),
        }
    }
    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mistake> {
        self.deserialize_str(visitor)
    }
    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char bytes byte_buf unit unit_struct newtype_struct seq tuple tuple_struct map identifier
        ignored_any
    }
}

/// A map with one key, or a word.
struct Choice<'de> {
    name: &'de Tree,
    value: Option<&'de Tree>,
}

impl<'de> EnumAccess<'de> for Choice<'de> {
    type Error = Mistake;
    type Variant = Self;
    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Self), Mistake> {
        let word = self.name.word().ok_or_else(|| self.name.wrong(&"a word"))?;
        let variant: StrDeserializer<'_, Mistake> = word.as_str().into_deserializer();
        let name = seed.deserialize(variant).map_err(|mistake| mistake.at(&self.name.span))?;
        Ok((name, self))
    }
}

impl<'de> VariantAccess<'de> for Choice<'de> {
    type Error = Mistake;
    fn unit_variant(self) -> Result<(), Mistake> {
        match self.value {
            None => Ok(()),
            Some(value) if matches!(value.kind, Kind::Null) => Ok(()),
            Some(value) => Err(value.wrong(&"nothing")),
        }
    }
    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, Mistake> {
        match self.value {
            Some(value) => seed.deserialize(value).map_err(|mistake| mistake.at(&value.span)),
            None => {
                let word = self.name.word().unwrap_or_default();
                let mut mistake = Mistake::new("scenario::type", format!("`{word}` needs a value")).at(&self.name.span);
                mistake.help = Some(format!("write `{word}: {{...}}`"));
                Err(mistake)
            }
        }
    }
    fn tuple_variant<V: Visitor<'de>>(self, _: usize, _: V) -> Result<V::Value, Mistake> {
        Err(self.name.wrong(&"a map"))
    }
    fn struct_variant<V: Visitor<'de>>(self, fields: &'static [&'static str], visitor: V) -> Result<V::Value, Mistake> {
        match self.value {
            Some(value) => value.deserialize_struct("", fields, visitor),
            None => Err(self.name.wrong(&"a map")),
        }
    }
}
