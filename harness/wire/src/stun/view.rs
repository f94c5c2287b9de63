//! The view: header, attributes in their order, and what is wrong with them.

use super::{AttributeType, Class, HEADER_LENGTH, MAGIC_COOKIE, Method, RawAttribute, TransactionId, split_message_type};
use crate::padding_length;
use crate::{Malformed, Reason};

/// A STUN message over borrowed bytes.
///
/// Everything that was on the wire stays visible: duplicates, order, padding bytes, attributes that a receiver has to ignore.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message<'a> {
    bytes: &'a [u8],
    defects: Vec<Malformed>,
}

impl<'a> Message<'a> {
    /// Reads a message whose framing is right: header, cookie, length, and attributes that fill it exactly.
    ///
    /// # Errors
    /// The first defect (RFC 8489, sections 5 and 6.3). Values of attributes are not looked at, nor is their order.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let message = Self::parse_lenient(bytes)?;
        match message.defects.first() {
            Some(defect) => Err(*defect),
            None => Ok(message),
        }
    }

    /// Reads what can be read: header, the attributes up to the first that does not fit, and [`defects`](Self::defects).
    ///
    /// # Errors
    /// Fewer bytes than a header has.
    pub fn parse_lenient(bytes: &'a [u8]) -> Result<Self, Malformed> {
        if bytes.len() < HEADER_LENGTH {
            let reason = Reason::Truncated { what: "STUN header", need: HEADER_LENGTH, have: bytes.len() };
            return Err(Malformed::at(0, reason));
        }
        let mut message = Self { bytes, defects: Vec::new() };
        message.check_header();
        let mut attributes = message.attributes();
        attributes.by_ref().for_each(drop);
        message.defects.extend(attributes.defect);
        Ok(message)
    }

    fn check_header(&mut self) {
        let declared = usize::from(self.length());
        let actual = self.bytes.len() - HEADER_LENGTH;
        if self.message_type() & 0xC000 != 0 {
            self.defects.push(Malformed::at(0, Reason::LeadingBits));
        }
        if !declared.is_multiple_of(4) {
            self.defects.push(Malformed::at(2, Reason::Alignment { what: "message length", length: declared }));
        }
        if declared != actual {
            self.defects.push(Malformed::at(2, Reason::Length { what: "message length", declared, actual }));
        }
        if self.cookie() != MAGIC_COOKIE {
            self.defects.push(Malformed::at(4, Reason::Cookie(self.cookie())));
        }
    }

    /// The whole datagram.
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// What is wrong with the framing, in order of detection: header first, then the attribute at which reading stopped.
    pub fn defects(&self) -> &[Malformed] {
        &self.defects
    }

    /// The first 16 bits, with the two that have to be zero.
    pub fn message_type(&self) -> u16 {
        u16::from_be_bytes([self.bytes[0], self.bytes[1]])
    }

    /// The class.
    pub fn class(&self) -> Class {
        split_message_type(self.message_type()).0
    }

    /// The method.
    pub fn method(&self) -> Method {
        split_message_type(self.message_type()).1
    }

    /// The length field: bytes behind the header, by the sender's account.
    pub fn length(&self) -> u16 {
        u16::from_be_bytes([self.bytes[2], self.bytes[3]])
    }

    /// The 32 bits where the magic cookie stands; in RFC 3489 they begin the transaction id.
    pub fn cookie(&self) -> u32 {
        u32::from_be_bytes([self.bytes[4], self.bytes[5], self.bytes[6], self.bytes[7]])
    }

    /// Whether the magic cookie is there, which tells RFC 5389 and later from RFC 3489.
    pub fn has_cookie(&self) -> bool {
        self.cookie() == MAGIC_COOKIE
    }

    /// The transaction id, 96 bits.
    pub fn transaction_id(&self) -> TransactionId {
        TransactionId(self.bytes[8..HEADER_LENGTH].try_into().expect("twelve bytes"))
    }

    /// The transaction id as RFC 3489 reads it, 128 bits.
    pub fn transaction_id_rfc3489(&self) -> [u8; 16] {
        self.bytes[4..HEADER_LENGTH].try_into().expect("sixteen bytes")
    }

    /// Bytes behind the end that the length field gives.
    pub fn trailing(&self) -> &'a [u8] {
        &self.bytes[self.end()..]
    }

    /// Where attributes end: by the length field, or by the datagram if that is shorter.
    fn end(&self) -> usize {
        (HEADER_LENGTH + usize::from(self.length())).min(self.bytes.len())
    }

    /// All attributes in the order of the wire, with duplicates, up to the first that does not fit.
    pub fn attributes(&self) -> Attributes<'a> {
        Attributes { bytes: &self.bytes[..self.end()], position: HEADER_LENGTH, defect: None }
    }

    /// The attributes that a receiver heeds: behind MESSAGE-INTEGRITY only MESSAGE-INTEGRITY-SHA256 and FINGERPRINT, behind
    /// MESSAGE-INTEGRITY-SHA256 only FINGERPRINT (RFC 8489, sections 14.5 and 14.6).
    pub fn heeded_attributes(&self) -> impl Iterator<Item = RawAttribute<'a>> + use<'a> {
        use AttributeType as T;
        let mut seen = None;
        self.attributes().filter(move |attribute| {
            let heeded = match seen {
                None => true,
                Some(T::MESSAGE_INTEGRITY) => matches!(attribute.kind, T::MESSAGE_INTEGRITY_SHA256 | T::FINGERPRINT),
                Some(_) => attribute.kind == T::FINGERPRINT,
            };
            if heeded && matches!(attribute.kind, T::MESSAGE_INTEGRITY | T::MESSAGE_INTEGRITY_SHA256) {
                seen = Some(attribute.kind);
            }
            heeded
        })
    }

    /// The attributes that stand where they must not: behind an integrity attribute as in [`heeded_attributes`](Self::heeded_attributes), or
    /// behind FINGERPRINT, which has to be the last one (RFC 8489, section 14.7).
    pub fn order_defects(&self) -> Vec<Malformed> {
        use AttributeType as T;
        let mut last: Option<AttributeType> = None;
        let mut defects = Vec::new();
        for RawAttribute { kind, offset, .. } in self.attributes() {
            let in_place = match last {
                None => true,
                Some(T::MESSAGE_INTEGRITY) => matches!(kind, T::MESSAGE_INTEGRITY_SHA256 | T::FINGERPRINT),
                Some(T::MESSAGE_INTEGRITY_SHA256) => kind == T::FINGERPRINT,
                Some(_) => false,
            };
            match last {
                Some(last) if !in_place => defects.push(Malformed::at(offset, Reason::Order { attribute: kind, last })),
                _ if matches!(kind, T::MESSAGE_INTEGRITY | T::MESSAGE_INTEGRITY_SHA256 | T::FINGERPRINT) => last = Some(kind),
                _ => {}
            }
        }
        defects
    }

    /// The first heeded attribute of a type; later ones of the same type are to be ignored (RFC 8489, section 14).
    pub fn attribute(&self, kind: AttributeType) -> Option<RawAttribute<'a>> {
        self.heeded_attributes().find(|attribute| attribute.kind == kind)
    }

    /// Whether a heeded attribute of this type is there.
    pub fn has(&self, kind: AttributeType) -> bool {
        self.attribute(kind).is_some()
    }

    /// Types of the heeded comprehension-required attributes that `understood` denies, each once, in the order of the wire.
    pub fn unknown_comprehension_required(&self, understood: impl Fn(AttributeType) -> bool) -> Vec<AttributeType> {
        let mut unknown = Vec::new();
        for RawAttribute { kind, .. } in self.heeded_attributes() {
            if kind.is_comprehension_required() && !understood(kind) && !unknown.contains(&kind) {
                unknown.push(kind);
            }
        }
        unknown
    }
}

/// Iterator over the attributes of a message; it ends at the first that does not fit.
#[derive(Debug, Clone)]
pub struct Attributes<'a> {
    bytes: &'a [u8],
    position: usize,
    defect: Option<Malformed>,
}

impl<'a> Iterator for Attributes<'a> {
    type Item = RawAttribute<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        let offset = self.position;
        let rest = &self.bytes[offset..];
        if rest.is_empty() {
            return None;
        }
        if rest.len() < 4 {
            return self.stop(offset, "attribute header", 4, rest.len());
        }
        let kind = AttributeType(u16::from_be_bytes([rest[0], rest[1]]));
        let length = usize::from(u16::from_be_bytes([rest[2], rest[3]]));
        let body = &rest[4..];
        if length > body.len() {
            return self.stop(offset, "attribute value", length, body.len());
        }
        let (value, behind) = body.split_at(length);
        let wanted = padding_length(length);
        let padding = &behind[..wanted.min(behind.len())];
        if padding.len() < wanted {
            let reason = Reason::Truncated { what: "attribute padding", need: wanted, have: padding.len() };
            self.defect = Some(Malformed::at(offset + 4 + length, reason));
        }
        self.position = offset + 4 + length + padding.len();
        Some(RawAttribute { kind, offset, value, padding })
    }
}

impl<'a> Attributes<'a> {
    fn stop(&mut self, offset: usize, what: &'static str, need: usize, have: usize) -> Option<RawAttribute<'a>> {
        self.defect = Some(Malformed::at(offset, Reason::Truncated { what, need, have }));
        self.position = self.bytes.len();
        None
    }
}
