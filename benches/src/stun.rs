//! Encoding and decoding of STUN: a Binding request as ICE sends it.

use wire::stun::build::WellformedBuilder;
use wire::stun::{Attribute, Class, Credential, Digest, Key, Message, Method, TransactionId};

const USERNAME: &str = "remoteufrag:localufrag";
const PASSWORD: &str = "a password of 22 chars";

/// Encodes the request: USERNAME, PRIORITY, ICE-CONTROLLING, MESSAGE-INTEGRITY, FINGERPRINT.
///
/// # Panics
/// Never: the message is well formed.
pub fn encode(credential: &Credential, transaction: [u8; 12]) -> Vec<u8> {
    WellformedBuilder::new(Class::Request, Method::BINDING, TransactionId(transaction))
        .attribute(Attribute::Username(USERNAME))
        .attribute(Attribute::Priority(0x6E00_1EFF))
        .attribute(Attribute::IceControlling(0x0102_0304_0506_0708))
        .integrity(Digest::Sha1, credential)
        .fingerprint()
        .build()
        .expect("the message is well formed")
}

/// The credential of the request.
pub fn credential() -> Credential {
    Credential::short_term(PASSWORD)
}

/// The key of the request.
pub fn key() -> Key {
    Key::short_term(PASSWORD)
}

/// Decodes every attribute; how many there are, `None` for what is not a sound message.
pub fn decode(bytes: &[u8]) -> Option<usize> {
    let message = Message::parse(bytes).ok()?;
    let attributes = message.attributes().map(|attribute| attribute.decode(message.transaction_id()).ok());
    attributes.collect::<Option<Vec<_>>>().map(|decoded| decoded.len())
}

/// Whether both MESSAGE-INTEGRITY and FINGERPRINT are right.
pub fn verify(bytes: &[u8], key: &Key) -> bool {
    let message = Message::parse(bytes);
    message.is_ok_and(|message| message.verify_integrity(Digest::Sha1, key).is_valid() && message.verify_fingerprint().is_valid())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_encoded_is_decoded_and_verified_and_a_changed_bit_is_not() {
        let mut bytes = encode(&credential(), [7; 12]);
        assert_eq!(decode(&bytes), Some(5));
        assert!(verify(&bytes, &key()));
        bytes[24] ^= 1;
        assert!(!verify(&bytes, &key()));
    }
}
