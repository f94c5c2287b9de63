//! The published test vectors: RFC 5769 (erratum 4776 concerns the wording of SOFTWARE only, its bytes stand) and RFC 8489, appendix B.1, as
//! corrected by erratum 6268.

use crate::support::hex;
use wire::stun::{AttributeType, Class, Digest, Integrity, Key, Message, Method, PasswordAlgorithm, SecurityFeatures, userhash};

const PASSWORD: &str = "VOkJxbRl1RmTxUk/WvJxBt";
const USERNAME: &str = "\u{30DE}\u{30C8}\u{30EA}\u{30C3}\u{30AF}\u{30B9}";
/// What SASLprep makes of the password of the vectors.
const PREPARED_PASSWORD: &str = "TheMatrIX";

/// RFC 5769, section 2.1.
pub(crate) fn sample_request() -> Vec<u8> {
    hex("00010058 2112a442 b7e7a701bc34d686fa87dfae 80220010 5354554e207465737420636c69656e74 00240004 6e0001ff 80290008 932ff9b151263b36
         00060009 6576746a3a68367659202020 00080014 9aeaa70cbfd8cb56781ef2b5b2d3f249c1b571a2 80280004 e57a3bcf")
}

/// RFC 5769, section 2.2.
pub(crate) fn sample_ipv4_response() -> Vec<u8> {
    hex("0101003c 2112a442 b7e7a701bc34d686fa87dfae 8022000b 7465737420766563746f7220 00200008 0001a147e112a643
         00080014 2b91f599fd9e90c38c7489f92af9ba53f06be7d7 80280004 c07d4c96")
}

/// RFC 5769, section 2.3.
pub(crate) fn sample_ipv6_response() -> Vec<u8> {
    hex("01010048 2112a442 b7e7a701bc34d686fa87dfae 8022000b 7465737420766563746f7220 00200014 0002a1470113a9faa5d3f179bc25f4b5bed2b9d9
         00080014 a382954e4be67bf11784c97c8292c275bfe3ed41 80280004 c8fb0b4c")
}

/// RFC 5769, section 2.4.
pub(crate) fn sample_long_term_request() -> Vec<u8> {
    hex("00010060 2112a442 78ad3433c6ad72c029da412e 00060012 e3839ee38388e383aae38383e382afe382b90000
         0015001c 662f2f3439396b39353464364f4c33346f4c39465354767936347341 0014000b 6578616d706c652e6f726700
         00080014 f67024656dd64a3e02b8e0712e85c9a28ca89666")
}

/// RFC 8489, appendix B.1, with erratum 6268.
pub(crate) fn sample_sha256_request() -> Vec<u8> {
    hex("00010090 2112a442 78ad3433c6ad72c029da412e 001e0020 4a3cf38fef6992bda952c6780417da0f24819415569e60b205c46e41407f1704
         00150029 6f624d61744a6f733241414143662f2f3439396b39353464364f4c33346f4c39465354767936347341000000
         0014000b 6578616d706c652e6f726700 001d0004 00020000
         001c0020 b5c7bf005b6c52a21c51c5e892f81924136296cb927c43149309278cc6518e65")
}

#[test]
fn sample_request_reads_and_verifies() {
    let bytes = sample_request();
    let message = Message::parse(&bytes).unwrap();
    assert_eq!((message.class(), message.method()), (Class::Request, Method::BINDING));
    assert_eq!(message.transaction_id().to_string(), "b7e7a701bc34d686fa87dfae");
    assert_eq!(message.software(), Ok(Some("STUN test client")));
    assert_eq!(message.priority(), Ok(Some(0x6e00_01ff)));
    assert_eq!(message.ice_controlled(), Ok(Some(0x932f_f9b1_5126_3b36)));
    assert_eq!(message.username(), Ok(Some("evtj:h6vY")));
    assert_eq!(message.attribute(AttributeType::USERNAME).unwrap().padding, b"   ");
    assert_eq!(message.verify_integrity(Digest::Sha1, &Key::short_term(PASSWORD)), Integrity::Valid);
    assert_eq!(message.verify_fingerprint(), Integrity::Valid);
    assert_eq!(message.order_defects(), []);
}

#[test]
fn sample_responses_read_and_verify() {
    let cases = [(sample_ipv4_response(), "192.0.2.1:32853"), (sample_ipv6_response(), "[2001:db8:1234:5678:11:2233:4455:6677]:32853")];
    for (bytes, mapped) in cases {
        let message = Message::parse(&bytes).unwrap();
        assert_eq!((message.class(), message.method()), (Class::SuccessResponse, Method::BINDING));
        assert_eq!(message.software(), Ok(Some("test vector")));
        assert_eq!(message.xor_mapped_address(), Ok(Some(mapped.parse().unwrap())));
        assert_eq!(message.verify_integrity(Digest::Sha1, &Key::short_term(PASSWORD)), Integrity::Valid);
        assert_eq!(message.verify_fingerprint(), Integrity::Valid);
    }
}

#[test]
fn sample_long_term_request_verifies_with_the_md5_key() {
    let bytes = sample_long_term_request();
    let message = Message::parse(&bytes).unwrap();
    assert_eq!(message.username(), Ok(Some(USERNAME)));
    assert_eq!(message.nonce(), Ok(Some("f//499k954d6OL34oL9FSTvy64sA")));
    assert_eq!(message.realm(), Ok(Some("example.org")));
    assert_eq!(message.verify_integrity(Digest::Sha1, &Key::long_term_md5(USERNAME, "example.org", PREPARED_PASSWORD)), Integrity::Valid);
    assert_eq!(message.verify_fingerprint(), Integrity::Absent);
}

#[test]
fn sample_sha256_request_verifies_with_the_sha256_key() {
    let bytes = sample_sha256_request();
    let message = Message::parse(&bytes).unwrap();
    assert_eq!(message.userhash(), Ok(Some(userhash(USERNAME, "example.org"))));
    assert_eq!(message.password_algorithm(), Ok(Some(PasswordAlgorithm::plain(PasswordAlgorithm::SHA256))));
    assert_eq!(SecurityFeatures::of_nonce(message.nonce().unwrap().unwrap()), Some(SecurityFeatures::USERNAME_ANONYMITY));
    let key = Key::long_term_sha256(USERNAME, "example.org", PREPARED_PASSWORD);
    assert_eq!(message.verify_integrity(Digest::Sha256, &key), Integrity::Valid);
    assert_eq!(message.verify_integrity(Digest::Sha1, &key), Integrity::Absent);
}

#[test]
fn a_changed_bit_anywhere_invalidates_the_fingerprint() {
    let original = sample_request();
    for position in 0..original.len() * 8 {
        let mut bytes = original.clone();
        bytes[position / 8] ^= 1 << (position % 8);
        let valid = Message::parse(&bytes).is_ok_and(|message| message.verify_fingerprint().is_valid());
        assert!(!valid, "bit {position}");
    }
}

#[test]
fn a_changed_bit_before_the_digest_or_in_it_invalidates_the_integrity() {
    let original = sample_request();
    for position in 0..(original.len() - 8) * 8 {
        let mut bytes = original.clone();
        bytes[position / 8] ^= 1 << (position % 8);
        let valid =
            Message::parse(&bytes).is_ok_and(|message| message.verify_integrity(Digest::Sha1, &Key::short_term(PASSWORD)).is_valid());
        assert!(!valid, "bit {position}");
    }
}

#[test]
fn another_key_does_not_verify() {
    let bytes = sample_request();
    let message = Message::parse(&bytes).unwrap();
    assert_eq!(message.verify_integrity(Digest::Sha1, &Key::short_term("VOkJxbRl1RmTxUk/WvJxBu")), Integrity::Mismatch);
}
