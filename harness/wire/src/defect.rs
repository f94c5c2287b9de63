//! What is wrong with a datagram, and where.

use crate::stun::AttributeType;

/// A defect of a datagram: what is wrong and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{reason} at offset {offset}")]
pub struct Malformed {
    /// Offset in bytes from the start of the datagram to the first byte of the field that is wrong; never beyond its end.
    pub offset: usize,
    /// What is wrong with that field.
    pub reason: Reason,
}

impl Malformed {
    pub(crate) fn at(offset: usize, reason: Reason) -> Self {
        Self { offset, reason }
    }
}

/// Why a field is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Reason {
    /// The bytes end before the field does.
    #[error("{what} needs {need} bytes, {have} left")]
    Truncated {
        /// The field, by its name in the RFC.
        what: &'static str,
        /// Bytes that the field takes.
        need: usize,
        /// Bytes that are there.
        have: usize,
    },
    /// The two leading bits of a STUN message are not zero (RFC 8489, section 5).
    #[error("leading bits are not zero")]
    LeadingBits,
    /// The magic cookie is another value (RFC 8489, section 5). A message of RFC 3489 has none.
    #[error("magic cookie is 0x{0:08x}")]
    Cookie(u32),
    /// A length field and the bytes that follow it disagree.
    #[error("{what} says {declared}, {actual} bytes follow")]
    Length {
        /// The length field.
        what: &'static str,
        /// Its value.
        declared: usize,
        /// Bytes that follow.
        actual: usize,
    },
    /// A length that has to be a multiple of four is not.
    #[error("{what} {length} is not a multiple of four")]
    Alignment {
        /// The length field.
        what: &'static str,
        /// Its value.
        length: usize,
    },
    /// An attribute has a value of a length that its definition rules out.
    #[error("{attribute} has a value of {length} bytes")]
    ValueLength {
        /// The attribute.
        attribute: AttributeType,
        /// Length of its value in bytes.
        length: usize,
    },
    /// An attribute stands behind one that has to come last (RFC 8489, sections 14.5 to 14.7).
    #[error("{attribute} follows {last}")]
    Order {
        /// The attribute in the wrong place.
        attribute: AttributeType,
        /// The attribute that it must not follow.
        last: AttributeType,
    },
    /// A field has a value outside its range.
    #[error("{what} is {value}")]
    Value {
        /// The field.
        what: &'static str,
        /// Its value.
        value: u32,
    },
    /// Text is not UTF-8.
    #[error("{0} is not UTF-8")]
    NotUtf8(&'static str),
}
