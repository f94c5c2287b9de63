//! MESSAGE-INTEGRITY, MESSAGE-INTEGRITY-SHA256 and FINGERPRINT: how they are computed and verified (RFC 8489, sections 14.5 to 14.7).

use super::{AttributeType, FINGERPRINT_XOR, HEADER_LENGTH, Key, Message, RawAttribute};
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use sha2::Sha256;

/// Which digest an integrity attribute carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Digest {
    /// HMAC-SHA1 in MESSAGE-INTEGRITY: RFC 8489, section 14.5.
    Sha1,
    /// HMAC-SHA256 in MESSAGE-INTEGRITY-SHA256: RFC 8489, section 14.6.
    Sha256,
}

impl Digest {
    /// The attribute that carries the digest.
    pub fn attribute(self) -> AttributeType {
        match self {
            Self::Sha1 => AttributeType::MESSAGE_INTEGRITY,
            Self::Sha256 => AttributeType::MESSAGE_INTEGRITY_SHA256,
        }
    }

    /// Length of the whole digest in bytes.
    pub fn length(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Sha256 => 32,
        }
    }

    /// The HMAC of `message`, which ends where the attribute begins, with its length field read as `length`.
    pub(super) fn compute(self, key: &Key, message: &[u8], length: u16) -> Vec<u8> {
        match self {
            Self::Sha1 => hmac::<Hmac<Sha1>>(key, message, length),
            Self::Sha256 => hmac::<Hmac<Sha256>>(key, message, length),
        }
    }

    fn allows(self, length: usize) -> bool {
        match self {
            Self::Sha1 => length == 20,
            Self::Sha256 => (16..=32).contains(&length) && length.is_multiple_of(4),
        }
    }
}

/// What verifying an attribute came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Integrity {
    /// The attribute is not there.
    Absent,
    /// The attribute is there and right.
    Valid,
    /// The attribute is there and wrong.
    Mismatch,
    /// The attribute has a length that its definition rules out.
    WrongLength,
}

impl Integrity {
    /// Whether the attribute is there and right.
    pub fn is_valid(self) -> bool {
        self == Self::Valid
    }
}

impl Message<'_> {
    /// Verifies the first MESSAGE-INTEGRITY, or MESSAGE-INTEGRITY-SHA256, which may be shortened to 16 bytes, with a key.
    pub fn verify_integrity(&self, digest: Digest, key: &Key) -> Integrity {
        self.attribute(digest.attribute()).map_or(Integrity::Absent, |attribute| {
            if !digest.allows(attribute.value.len()) {
                return Integrity::WrongLength;
            }
            let expected = digest.compute(key, &self.bytes()[..attribute.offset], length_up_to(&attribute));
            verdict(expected.starts_with(attribute.value))
        })
    }

    /// Verifies FINGERPRINT, which counts only as the last attribute (RFC 8489, section 14.7).
    pub fn verify_fingerprint(&self) -> Integrity {
        let Some(attribute) = self.attributes().last().filter(|last| last.kind == AttributeType::FINGERPRINT) else {
            return Integrity::Absent;
        };
        if attribute.value.len() != 4 {
            return Integrity::WrongLength;
        }
        let expected = fingerprint(&self.bytes()[..attribute.offset], length_up_to(&attribute));
        verdict(attribute.value == expected.to_be_bytes())
    }
}

/// The value of FINGERPRINT for `message`, which ends where the attribute begins, with its length field read as `length`.
pub(super) fn fingerprint(message: &[u8], length: u16) -> u32 {
    let mut crc = crc32fast::Hasher::new();
    patched(message, length, |part| crc.update(part));
    crc.finalize() ^ FINGERPRINT_XOR
}

/// The length field that a digest covers: up to and with the attribute that carries it.
fn length_up_to(attribute: &RawAttribute<'_>) -> u16 {
    (attribute.end() - HEADER_LENGTH) as u16
}

fn hmac<M: Mac + KeyInit>(key: &Key, message: &[u8], length: u16) -> Vec<u8> {
    let mut mac = <M as KeyInit>::new_from_slice(key.as_bytes()).expect("HMAC takes keys of any length");
    patched(message, length, |part| mac.update(part));
    mac.finalize().into_bytes().to_vec()
}

/// Hands over `message` with another length field, without a copy of it.
fn patched(message: &[u8], length: u16, mut part: impl FnMut(&[u8])) {
    let (before, behind) = message.split_at(message.len().min(2));
    part(before);
    part(&length.to_be_bytes());
    part(behind.get(2..).unwrap_or_default());
}

fn verdict(right: bool) -> Integrity {
    if right { Integrity::Valid } else { Integrity::Mismatch }
}
