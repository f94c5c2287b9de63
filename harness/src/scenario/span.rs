//! Where in a file a value stands.

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Deserializer};
use std::borrow::Cow;
use std::ops::{Deref, Range};

/// The name by which [`Spanned`] asks the deserializer of this module's tree for the place of a value.
pub(super) const SPANNED: &str = "$natproof::Spanned";
pub(super) const SPANNED_FIELDS: &[&str] = &["start", "end", "value"];

/// A value and where it stands: byte offsets into its file.
#[derive(Clone, Debug)]
pub struct Spanned<T> {
    /// The value.
    pub value: T,
    /// Byte offsets.
    pub span: Range<usize>,
}

impl<T> Spanned<T> {
    /// A value that stands in no file: made by matrix expansion or a test.
    pub fn nowhere(value: T) -> Self {
        Self { value, span: 0..0 }
    }
}

impl<T> Deref for Spanned<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T: PartialEq> PartialEq for Spanned<T> {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Spanned<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(rename = "$natproof::Spanned")]
        struct Parts<T> {
            start: usize,
            end: usize,
            value: T,
        }
        let parts = Parts::deserialize(deserializer)?;
        Ok(Self { value: parts.value, span: parts.start..parts.end })
    }
}

impl<T: JsonSchema> JsonSchema for Spanned<T> {
    fn inline_schema() -> bool {
        T::inline_schema()
    }
    fn schema_name() -> Cow<'static, str> {
        T::schema_name()
    }
    fn schema_id() -> Cow<'static, str> {
        T::schema_id()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        T::json_schema(generator)
    }
}
