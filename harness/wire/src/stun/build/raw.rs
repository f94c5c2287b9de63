//! Any message, also a wrong one, byte by byte.
//!
//! Nothing is refused and nothing is corrected: what is not asked for has its right value, what is asked for is written as it is. A message
//! that differs from a right one in exactly one field is therefore one call away from it.

use super::super::integrity::fingerprint;
use super::super::{Attribute, AttributeType, Class, Digest, HEADER_LENGTH, Key, MAGIC_COOKIE, Method, TransactionId, message_type};
use crate::padding_length;

/// Builds a message byte by byte. Parts are rendered in the order of the calls by [`build`](Self::build); header fields may be set at any time.
#[derive(Debug, Clone)]
pub struct RawBuilder {
    message_type: u16,
    cookie: u32,
    transaction_id: TransactionId,
    parts: Vec<Part>,
    length: Option<u16>,
    trailing: Vec<u8>,
    truncate: Option<usize>,
}

#[derive(Debug, Clone)]
enum Part {
    Bytes(Vec<u8>),
    Attribute { kind: AttributeType, length: Option<u16>, value: Vec<u8>, padding: Option<Vec<u8>> },
    Integrity { digest: Digest, key: Key, size: usize, covered: Option<u16> },
    Fingerprint { xor: u32 },
}

impl RawBuilder {
    /// A message with the right cookie and no attributes.
    pub fn new(class: Class, method: Method, transaction_id: TransactionId) -> Self {
        Self {
            message_type: message_type(class, method),
            cookie: MAGIC_COOKIE,
            transaction_id,
            parts: Vec::new(),
            length: None,
            trailing: Vec::new(),
            truncate: None,
        }
    }

    /// A message of RFC 3489: no cookie, a transaction id of 128 bits.
    pub fn rfc3489(class: Class, method: Method, transaction_id: [u8; 16]) -> Self {
        let (first, rest) = transaction_id.split_at(4);
        let rest = TransactionId(rest.try_into().expect("twelve of sixteen bytes"));
        Self::new(class, method, rest).cookie(u32::from_be_bytes(first.try_into().expect("four of sixteen bytes")))
    }

    /// Sets all 16 bits of the message type, with the two that have to be zero.
    pub fn message_type(mut self, message_type: u16) -> Self {
        self.message_type = message_type;
        self
    }

    /// Sets the 32 bits of the magic cookie.
    pub fn cookie(mut self, cookie: u32) -> Self {
        self.cookie = cookie;
        self
    }

    /// Sets the length field of the header; without this call it is what follows the header, without [`trailing`](Self::trailing) bytes.
    pub fn length(mut self, length: u16) -> Self {
        self.length = Some(length);
        self
    }

    /// Adds an attribute as its definition has it, padded with zeros.
    pub fn attribute(self, attribute: &Attribute<'_>) -> Self {
        let value = attribute.encode_value(self.transaction_id);
        self.value(attribute.kind(), value)
    }

    /// Adds an attribute with any value, padded with zeros.
    pub fn value(self, kind: AttributeType, value: impl Into<Vec<u8>>) -> Self {
        self.part(Part::Attribute { kind, length: None, value: value.into(), padding: None })
    }

    /// Adds an attribute with any length field, value and padding bytes.
    pub fn tlv(self, kind: AttributeType, length: u16, value: impl Into<Vec<u8>>, padding: impl Into<Vec<u8>>) -> Self {
        self.part(Part::Attribute { kind, length: Some(length), value: value.into(), padding: Some(padding.into()) })
    }

    /// Adds bytes as they are.
    pub fn bytes(self, bytes: impl Into<Vec<u8>>) -> Self {
        self.part(Part::Bytes(bytes.into()))
    }

    /// Adds MESSAGE-INTEGRITY or MESSAGE-INTEGRITY-SHA256 over what stands before it.
    pub fn integrity(self, digest: Digest, key: &Key) -> Self {
        self.part(Part::Integrity { digest, key: key.clone(), size: digest.length(), covered: None })
    }

    /// Adds an integrity attribute that carries the first `size` bytes of the digest, at most all of them.
    pub fn shortened_integrity(self, digest: Digest, key: &Key, size: usize) -> Self {
        self.part(Part::Integrity { digest, key: key.clone(), size: size.min(digest.length()), covered: None })
    }

    /// Adds an integrity attribute whose digest covers the header with the length field `covered` instead of the right one.
    pub fn integrity_over_length(self, digest: Digest, key: &Key, covered: u16) -> Self {
        self.part(Part::Integrity { digest, key: key.clone(), size: digest.length(), covered: Some(covered) })
    }

    /// Adds FINGERPRINT over what stands before it.
    pub fn fingerprint(self) -> Self {
        self.wrong_fingerprint(0)
    }

    /// Adds FINGERPRINT whose right value is combined with `xor`; zero keeps it right.
    pub fn wrong_fingerprint(self, xor: u32) -> Self {
        self.part(Part::Fingerprint { xor })
    }

    /// Adds bytes behind the end of the message, which the length field does not count.
    pub fn trailing(mut self, bytes: impl AsRef<[u8]>) -> Self {
        self.trailing.extend(bytes.as_ref());
        self
    }

    /// Keeps only the first `length` bytes of the datagram.
    pub fn truncate(mut self, length: usize) -> Self {
        self.truncate = Some(length);
        self
    }

    fn part(mut self, part: Part) -> Self {
        self.parts.push(part);
        self
    }

    /// The datagram. A length above 65535 is written modulo 65536.
    pub fn build(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(HEADER_LENGTH);
        out.extend(self.message_type.to_be_bytes());
        out.extend([0; 2]);
        out.extend(self.cookie.to_be_bytes());
        out.extend(self.transaction_id.0);
        for part in &self.parts {
            part.render(&mut out);
        }
        let length = self.length.unwrap_or((out.len() - HEADER_LENGTH) as u16);
        out[2..4].copy_from_slice(&length.to_be_bytes());
        out.extend(&self.trailing);
        out.truncate(self.truncate.unwrap_or(out.len()));
        out
    }
}

impl Part {
    fn render(&self, out: &mut Vec<u8>) {
        match self {
            Self::Bytes(bytes) => out.extend(bytes),
            Self::Attribute { kind, length, value, padding } => {
                let zeros = vec![0; padding_length(value.len())];
                write(out, *kind, length.unwrap_or(value.len() as u16), value, padding.as_ref().unwrap_or(&zeros));
            }
            Self::Integrity { digest, key, size, covered } => {
                let right = length_with(out, 4 + size + padding_length(*size));
                let value = digest.compute(key, out, covered.unwrap_or(right));
                write(out, digest.attribute(), *size as u16, &value[..*size], &vec![0; padding_length(*size)]);
            }
            Self::Fingerprint { xor } => {
                let value = fingerprint(out, length_with(out, 8)) ^ xor;
                write(out, AttributeType::FINGERPRINT, 4, &value.to_be_bytes(), &[]);
            }
        }
    }
}

/// The length field of a message that is `out` so far and gets `more` bytes.
fn length_with(out: &[u8], more: usize) -> u16 {
    (out.len() - HEADER_LENGTH + more) as u16
}

fn write(out: &mut Vec<u8>, kind: AttributeType, length: u16, value: &[u8], padding: &[u8]) {
    out.extend(kind.0.to_be_bytes());
    out.extend(length.to_be_bytes());
    out.extend(value);
    out.extend(padding);
}
