//! Well-formed messages, written by `stun_codec`.
//!
//! What the codec refuses is refused here: values out of range, texts that are too long, attributes without a definition. Digests are
//! computed over the bytes that the codec has written so far.

use super::super::codec::{self, CodecError, CodecMessage, Known, Own};
use super::super::{Attribute, AttributeType, Class, Credential, Digest, HEADER_LENGTH, Method, PasswordHash, TransactionId};
use stun_codec::rfc5389::attributes::{Fingerprint, MessageIntegrity, Realm, Username};

/// Builds a message attribute by attribute, in the order of the calls.
#[derive(Debug, Clone)]
pub struct WellformedBuilder<'a> {
    class: Class,
    method: Method,
    transaction_id: TransactionId,
    parts: Vec<Part<'a>>,
}

#[derive(Debug, Clone)]
enum Part<'a> {
    Attribute(Attribute<'a>),
    Integrity { digest: Digest, credential: &'a Credential },
    Fingerprint,
}

impl<'a> WellformedBuilder<'a> {
    /// A message without attributes.
    pub fn new(class: Class, method: Method, transaction_id: TransactionId) -> Self {
        Self { class, method, transaction_id, parts: Vec::new() }
    }

    /// Adds an attribute.
    pub fn attribute(self, attribute: Attribute<'a>) -> Self {
        self.part(Part::Attribute(attribute))
    }

    /// Adds several attributes.
    pub fn attributes(self, attributes: impl IntoIterator<Item = Attribute<'a>>) -> Self {
        attributes.into_iter().fold(self, Self::attribute)
    }

    /// Adds MESSAGE-INTEGRITY or MESSAGE-INTEGRITY-SHA256 over what stands before it.
    pub fn integrity(self, digest: Digest, credential: &'a Credential) -> Self {
        self.part(Part::Integrity { digest, credential })
    }

    /// Adds FINGERPRINT over what stands before it.
    pub fn fingerprint(self) -> Self {
        self.part(Part::Fingerprint)
    }

    fn part(mut self, part: Part<'a>) -> Self {
        self.parts.push(part);
        self
    }

    /// The datagram.
    ///
    /// # Errors
    /// What the codec refuses.
    pub fn build(&self) -> Result<Vec<u8>, CodecError> {
        let mut message = codec::empty_message(self.class, self.method, self.transaction_id)?;
        for part in &self.parts {
            let attribute = match part {
                Part::Attribute(attribute) => Known::from_view(attribute)?,
                Part::Integrity { digest: Digest::Sha1, credential } => Known::from(sha1(&message, credential)?),
                Part::Integrity { digest: Digest::Sha256, credential } => sha256(&message, credential)?,
                Part::Fingerprint => Known::from(Fingerprint::new(&message).map_err(|_| CodecError::TooLong)?),
            };
            message.add_attribute(attribute);
        }
        codec::encode(message)
    }
}

fn sha1(message: &CodecMessage, credential: &Credential) -> Result<MessageIntegrity, CodecError> {
    let too_long = |_| CodecError::TooLong;
    match credential {
        Credential::ShortTerm { password } => MessageIntegrity::new_short_term_credential(message, password).map_err(too_long),
        Credential::LongTerm { algorithm: PasswordHash::Sha256, .. } => Err(CodecError::PasswordHash),
        Credential::LongTerm { username, realm, password, algorithm: PasswordHash::Md5 } => {
            let out_of_range = |attribute| move |_| CodecError::Value { attribute };
            let username = Username::new(username.clone()).map_err(out_of_range(AttributeType::USERNAME))?;
            let realm = Realm::new(realm.clone()).map_err(out_of_range(AttributeType::REALM))?;
            MessageIntegrity::new_long_term_credential(message, &username, &realm, password).map_err(too_long)
        }
    }
}

fn sha256(message: &CodecMessage, credential: &Credential) -> Result<Known, CodecError> {
    let written = codec::encode(message.clone())?;
    let covered = written.len() - HEADER_LENGTH + 4 + Digest::Sha256.length();
    let covered = u16::try_from(covered).map_err(|_| CodecError::TooLong)?;
    Ok(Known::MessageIntegritySha256(Own(Digest::Sha256.compute(&credential.key(), &written, covered))))
}
