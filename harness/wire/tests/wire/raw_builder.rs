//! The raw builder differs from a right message in exactly what was asked for, and the view names the difference.

use crate::support::{ID, address, request};
use wire::stun::build::RawBuilder;
use wire::stun::{Attribute, AttributeType, Class, Digest, Integrity, Key, Message, Method};
use wire::{Malformed, Reason};

fn defects(builder: &RawBuilder) -> Vec<Malformed> {
    let bytes = builder.build();
    Message::parse_lenient(&bytes).unwrap().defects().to_vec()
}

fn key() -> Key {
    Key::short_term("password")
}

#[test]
fn a_message_without_wishes_has_no_defects() {
    let builder = request(Method::BINDING).attribute(&Attribute::Priority(1)).integrity(Digest::Sha1, &key()).fingerprint();
    assert_eq!(defects(&builder), []);
    let bytes = builder.build();
    let message = Message::parse(&bytes).unwrap();
    assert!(message.verify_integrity(Digest::Sha1, &key()).is_valid() && message.verify_fingerprint().is_valid());
}

#[test]
fn each_wrong_header_field_is_named_with_its_offset() {
    let at = |offset, reason| vec![Malformed { offset, reason }];
    let base = || request(Method::BINDING).attribute(&Attribute::Priority(1));
    let length = |declared, actual| Reason::Length { what: "message length", declared, actual };
    assert_eq!(defects(&base().message_type(0x8001)), at(0, Reason::LeadingBits));
    assert_eq!(defects(&base().cookie(0x2112_A443)), at(4, Reason::Cookie(0x2112_A443)));
    assert_eq!(defects(&base().trailing([0; 4])), at(2, length(8, 12)));
    let overrun = Malformed { offset: 20, reason: Reason::Truncated { what: "attribute value", need: 4, have: 0 } };
    assert_eq!(defects(&base().length(4)), [at(2, length(4, 8))[0], overrun]);
    assert_eq!(defects(&base().length(12)), at(2, length(12, 8)));
    let unaligned = Reason::Alignment { what: "message length", length: 7 };
    assert_eq!(defects(&base().length(7))[..2], [at(2, unaligned)[0], at(2, length(7, 8))[0]]);
}

#[test]
fn an_attribute_that_overruns_the_message_ends_the_reading_there() {
    let builder = request(Method::BINDING).attribute(&Attribute::Priority(1)).tlv(AttributeType::SOFTWARE, 9, *b"abcd", []);
    let bytes = builder.build();
    let message = Message::parse_lenient(&bytes).unwrap();
    assert_eq!(message.attributes().map(|attribute| attribute.kind).collect::<Vec<_>>(), [AttributeType::PRIORITY]);
    let overrun = Malformed { offset: 28, reason: Reason::Truncated { what: "attribute value", need: 9, have: 4 } };
    assert_eq!(message.defects(), [overrun]);
    assert_eq!(Message::parse(&bytes), Err(overrun));
}

#[test]
fn missing_padding_is_a_defect_and_padding_bytes_stay_visible() {
    let builder = request(Method::BINDING).tlv(AttributeType::SOFTWARE, 3, *b"abc", []);
    let missing = Malformed { offset: 27, reason: Reason::Truncated { what: "attribute padding", need: 1, have: 0 } };
    assert!(defects(&builder).contains(&missing));
    let bytes = request(Method::BINDING).tlv(AttributeType::SOFTWARE, 3, *b"abc", *b"!").build();
    let message = Message::parse(&bytes).unwrap();
    assert_eq!(message.attributes().next().unwrap().padding, b"!");
    assert_eq!(message.software(), Ok(Some("abc")));
}

#[test]
fn a_digest_over_the_wrong_key_or_length_does_not_verify() {
    let verify = |builder: RawBuilder| Message::parse(&builder.build()).unwrap().verify_integrity(Digest::Sha1, &key());
    assert_eq!(verify(request(Method::BINDING).integrity(Digest::Sha1, &Key::short_term("other"))), Integrity::Mismatch);
    assert_eq!(verify(request(Method::BINDING).integrity_over_length(Digest::Sha1, &key(), 32)), Integrity::Mismatch);
    assert_eq!(verify(request(Method::BINDING).integrity_over_length(Digest::Sha1, &key(), 24)), Integrity::Valid);
    assert_eq!(verify(request(Method::BINDING)), Integrity::Absent);
    assert_eq!(verify(request(Method::BINDING).value(AttributeType::MESSAGE_INTEGRITY, [0; 19])), Integrity::WrongLength);
}

#[test]
fn a_sha256_digest_may_be_shortened_to_sixteen_bytes() {
    for (size, expected) in [
        (32, Integrity::Valid),
        (28, Integrity::Valid),
        (16, Integrity::Valid),
        (12, Integrity::WrongLength),
        (18, Integrity::WrongLength),
        (0, Integrity::WrongLength),
    ] {
        let bytes = request(Method::ALLOCATE).shortened_integrity(Digest::Sha256, &key(), size).build();
        assert_eq!(Message::parse(&bytes).unwrap().verify_integrity(Digest::Sha256, &key()), expected, "{size}");
    }
}

#[test]
fn a_wrong_fingerprint_does_not_verify_and_one_that_is_not_last_does_not_count() {
    let verify = |builder: RawBuilder| Message::parse(&builder.build()).unwrap().verify_fingerprint();
    assert_eq!(verify(request(Method::BINDING).fingerprint()), Integrity::Valid);
    assert_eq!(verify(request(Method::BINDING).wrong_fingerprint(1)), Integrity::Mismatch);
    assert_eq!(verify(request(Method::BINDING).value(AttributeType::FINGERPRINT, [0; 8])), Integrity::WrongLength);
    assert_eq!(verify(request(Method::BINDING).fingerprint().attribute(&Attribute::Priority(1))), Integrity::Absent);
}

#[test]
fn a_message_of_rfc3489_has_a_long_transaction_id_and_no_cookie() {
    let id = *b"0123456789abcdef";
    let bytes = RawBuilder::rfc3489(Class::SuccessResponse, Method::BINDING, id)
        .attribute(&Attribute::MappedAddress(address("192.0.2.1:1")))
        .attribute(&Attribute::ChangedAddress(address("192.0.2.2:2")))
        .build();
    let message = Message::parse_lenient(&bytes).unwrap();
    assert!(!message.has_cookie());
    assert_eq!(message.transaction_id_rfc3489(), id);
    assert_eq!(message.mapped_address(), Ok(Some(address("192.0.2.1:1"))));
    assert_eq!(message.changed_address(), Ok(Some(address("192.0.2.2:2"))));
    assert_eq!(message.defects().len(), 1);
}

#[test]
fn header_fields_may_be_set_before_or_behind_what_covers_them() {
    let before = request(Method::BINDING).message_type(0x0101).integrity(Digest::Sha1, &key()).fingerprint();
    let behind = request(Method::BINDING).integrity(Digest::Sha1, &key()).fingerprint().message_type(0x0101);
    assert_eq!(before.build(), behind.build());
}

#[test]
fn truncation_and_trailing_bytes_are_applied_last() {
    let whole = request(Method::BINDING).attribute(&Attribute::Priority(1)).trailing(b"xy");
    assert_eq!(whole.build().len(), 30);
    assert_eq!(whole.build()[28..], *b"xy");
    let cut = whole.truncate(5);
    assert_eq!(cut.build().len(), 5);
    assert_eq!(cut.build()[2..4], [0, 8]);
}

#[test]
fn bytes_are_written_as_they_are() {
    let bytes = request(Method::BINDING).bytes([0x80, 0x22, 0x00]).build();
    assert_eq!(bytes[2..4], [0, 3]);
    assert_eq!(bytes[20..], [0x80, 0x22, 0x00]);
    assert_eq!(bytes[8..20], ID.0);
}
