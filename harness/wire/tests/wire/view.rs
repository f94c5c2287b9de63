//! Order, duplicates, and what a receiver heeds.

use crate::support::{address, request};
use wire::stun::{Attribute, AttributeType, Digest, Integrity, Key, Message, Method};
use wire::{Malformed, Reason};

fn key() -> Key {
    Key::long_term_md5("user", "realm", "password")
}

#[test]
fn duplicates_and_their_order_are_kept_and_the_first_counts() {
    let bytes = request(Method::REFRESH)
        .attribute(&Attribute::Lifetime(1))
        .attribute(&Attribute::Software("a"))
        .attribute(&Attribute::Lifetime(2))
        .build();
    let message = Message::parse(&bytes).unwrap();
    let seen: Vec<_> = message.attributes().map(|attribute| (attribute.kind, attribute.offset)).collect();
    assert_eq!(seen, [(AttributeType::LIFETIME, 20), (AttributeType::SOFTWARE, 28), (AttributeType::LIFETIME, 36)]);
    assert_eq!(message.lifetime(), Ok(Some(1)));
}

#[test]
fn every_peer_address_is_given_in_order() {
    let peers = ["192.0.2.1:1", "[2001:db8::1]:2", "192.0.2.1:1"].map(address);
    let builder =
        peers.iter().fold(request(Method::CREATE_PERMISSION), |builder, peer| builder.attribute(&Attribute::XorPeerAddress(*peer)));
    let bytes = builder.value(AttributeType::XOR_PEER_ADDRESS, [0; 2]).build();
    let read: Vec<_> = Message::parse(&bytes).unwrap().xor_peer_addresses().collect();
    assert_eq!(read[..3], peers.map(Ok));
    assert!(read[3].is_err() && read.len() == 4);
}

#[test]
fn attributes_behind_message_integrity_are_not_heeded() {
    let bytes = request(Method::REFRESH)
        .integrity(Digest::Sha1, &key())
        .attribute(&Attribute::Lifetime(0))
        .integrity(Digest::Sha1, &Key::short_term("second"))
        .integrity(Digest::Sha256, &key())
        .attribute(&Attribute::Software("x"))
        .fingerprint()
        .build();
    let message = Message::parse(&bytes).unwrap();
    use AttributeType as T;
    let heeded: Vec<_> = message.heeded_attributes().map(|attribute| attribute.kind).collect();
    assert_eq!(heeded, [T::MESSAGE_INTEGRITY, T::MESSAGE_INTEGRITY_SHA256, T::FINGERPRINT]);
    assert_eq!(message.lifetime(), Ok(None));
    assert!(!message.has(T::LIFETIME) && message.attributes().any(|attribute| attribute.kind == T::LIFETIME));
    assert_eq!(message.verify_integrity(Digest::Sha1, &key()), Integrity::Valid);
    assert_eq!(message.verify_integrity(Digest::Sha256, &key()), Integrity::Valid);
    assert_eq!(message.verify_fingerprint(), Integrity::Valid);
    let order = |offset, attribute, last| Malformed { offset, reason: Reason::Order { attribute, last } };
    let expected = [
        order(44, T::LIFETIME, T::MESSAGE_INTEGRITY),
        order(52, T::MESSAGE_INTEGRITY, T::MESSAGE_INTEGRITY),
        order(112, T::SOFTWARE, T::MESSAGE_INTEGRITY_SHA256),
    ];
    assert_eq!(message.order_defects(), expected);
}

#[test]
fn attributes_behind_fingerprint_are_out_of_order() {
    let bytes = request(Method::BINDING).fingerprint().attribute(&Attribute::Priority(1)).build();
    let message = Message::parse(&bytes).unwrap();
    let reason = Reason::Order { attribute: AttributeType::PRIORITY, last: AttributeType::FINGERPRINT };
    assert_eq!(message.order_defects(), [Malformed { offset: 28, reason }]);
}

#[test]
fn unknown_comprehension_required_attributes_are_listed_once_each() {
    let unknown = |kind| Attribute::Other { kind: AttributeType(kind), value: &[1, 2] };
    let bytes = request(Method::BINDING)
        .attribute(&unknown(0x7FFE))
        .attribute(&unknown(0xFFFE))
        .attribute(&unknown(0x7FFD))
        .attribute(&unknown(0x7FFE))
        .attribute(&Attribute::Priority(1))
        .integrity(Digest::Sha1, &key())
        .attribute(&unknown(0x7FFC))
        .build();
    let message = Message::parse(&bytes).unwrap();
    let listed = message.unknown_comprehension_required(|kind| kind.name().is_some());
    assert_eq!(listed, [AttributeType(0x7FFE), AttributeType(0x7FFD)]);
    assert!(AttributeType(0x7FFF).is_comprehension_required() && !AttributeType(0x8000).is_comprehension_required());
}

#[test]
fn flags_and_pairs_have_accessors() {
    let bytes = request(Method::BINDING)
        .attribute(&Attribute::UseCandidate)
        .attribute(&Attribute::EvenPort { reserve: true })
        .attribute(&Attribute::ChangeRequest { ip: false, port: true })
        .build();
    let message = Message::parse(&bytes).unwrap();
    assert_eq!((message.use_candidate(), message.dont_fragment()), (Ok(true), Ok(false)));
    assert_eq!((message.even_port(), message.change_request()), (Ok(Some(true)), Ok(Some((false, true)))));
    assert_eq!(message.address_error_code(), Ok(None));
}
