//! Our view and builder against `stun_codec`.

use crate::support::{Content, content, request};
use crate::vectors;
use proptest::prelude::*;
use wire::stun::build::{CodecError, WellformedBuilder};
use wire::stun::oracle::{Comparison, compare};
use wire::stun::{Attribute, AttributeType, Class, Credential, Digest, Integrity, Message, Method, PasswordHash, TransactionId};

proptest! {
    #[test]
    fn both_builders_write_equal_content_as_equal_bytes(content in content()) {
        prop_assert_eq!(content.raw(), content.wellformed());
    }

    #[test]
    fn what_the_codec_writes_both_read_equally(content in content()) {
        let expected = content.seeds.len() + content.digests.len() + usize::from(content.fingerprint);
        prop_assert_eq!(compare(&content.wellformed()), Comparison::Equal { attributes: expected });
    }

    #[test]
    fn what_was_built_is_read_back_and_verifies(content in content()) {
        let bytes = content.raw();
        let message = Message::parse(&bytes).unwrap();
        prop_assert_eq!((message.class(), message.method(), message.transaction_id()), (content.class, content.method, content.id));
        let built: Vec<_> = content.seeds.iter().map(|seed| Ok(seed.attribute())).collect();
        let read: Vec<_> = message.attributes().take(built.len()).map(|raw| raw.decode(content.id)).collect();
        prop_assert_eq!(read, built);
        for digest in [Digest::Sha1, Digest::Sha256] {
            let expected = if content.digests.contains(&digest) { Integrity::Valid } else { Integrity::Absent };
            prop_assert_eq!(message.verify_integrity(digest, &content.credential.key()), expected);
        }
        prop_assert_eq!(message.verify_fingerprint(), if content.fingerprint { Integrity::Valid } else { Integrity::Absent });
        prop_assert_eq!(message.order_defects(), vec![]);
    }

    #[test]
    fn changed_bytes_are_read_equally_or_refused_for_a_known_reason(
        content in content(),
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let bytes = changed(&content, &changes);
        let comparison = compare(&bytes);
        prop_assert!(!matches!(comparison, Comparison::Different(_)), "{:?} of {:02x?}", comparison, bytes);
    }
}

fn changed(content: &Content, changes: &[(prop::sample::Index, u8)]) -> Vec<u8> {
    let mut bytes = content.raw();
    for (index, value) in changes {
        let position = index.index(bytes.len());
        bytes[position] = *value;
    }
    bytes
}

#[test]
fn the_published_vectors_are_read_equally() {
    let vectors = [
        (vectors::sample_request(), 6),
        (vectors::sample_ipv4_response(), 4),
        (vectors::sample_ipv6_response(), 4),
        (vectors::sample_long_term_request(), 4),
        (vectors::sample_sha256_request(), 5),
    ];
    for (bytes, attributes) in vectors {
        assert_eq!(compare(&bytes), Comparison::Equal { attributes });
    }
}

#[test]
fn the_comparison_tells_a_stricter_codec_and_a_refusal_by_both() {
    let out_of_range = request(Method::CHANNEL_BIND).attribute(&Attribute::ChannelNumber(0x3FFF)).build();
    assert_eq!(compare(&out_of_range), Comparison::CodecIsStricter);
    assert_eq!(compare(&request(Method::BINDING).fingerprint().build()), Comparison::Equal { attributes: 1 });
    assert_eq!(compare(&request(Method::BINDING).wrong_fingerprint(1).build()), Comparison::CodecIsStricter);
    assert_eq!(compare(&request(Method::BINDING).cookie(1).build()), Comparison::BothRefuse);
    assert_eq!(compare(&request(Method::BINDING).trailing([0]).build()), Comparison::BothRefuse);
}

#[test]
fn the_wellformed_builder_refuses_what_is_not_well_formed() {
    let build = |method, attribute| WellformedBuilder::new(Class::Request, method, TransactionId::default()).attribute(attribute).build();
    let long = "x".repeat(600);
    assert_eq!(build(Method(0x10), Attribute::UseCandidate), Err(CodecError::Method(Method(0x10))));
    let kind = AttributeType::USERNAME;
    assert_eq!(build(Method::BINDING, Attribute::Username(&long)), Err(CodecError::Value { attribute: kind }));
    let kind = AttributeType::CHANNEL_NUMBER;
    assert_eq!(build(Method::CHANNEL_BIND, Attribute::ChannelNumber(0x5000)), Err(CodecError::Value { attribute: kind }));
    assert_eq!(build(Method::BINDING, Attribute::Fingerprint(0)), Err(CodecError::Computed(AttributeType::FINGERPRINT)));
    let kind = AttributeType(0x7FFF);
    assert_eq!(build(Method::BINDING, Attribute::Other { kind, value: &[] }), Err(CodecError::Undefined(kind)));
    let two = vec![0; 40_000];
    let too_long = WellformedBuilder::new(Class::Request, Method::BINDING, TransactionId::default());
    assert_eq!(too_long.attribute(Attribute::Padding(&two)).attribute(Attribute::Padding(&two)).build(), Err(CodecError::TooLong));
}

#[test]
fn the_wellformed_builder_refuses_sha1_over_a_sha256_password_hash() {
    let credential = Credential::long_term("user", "realm", "password").with_algorithm(PasswordHash::Sha256);
    let builder = WellformedBuilder::new(Class::Request, Method::ALLOCATE, TransactionId::default());
    assert_eq!(builder.clone().integrity(Digest::Sha1, &credential).build(), Err(CodecError::PasswordHash));
    let bytes = builder.integrity(Digest::Sha256, &credential).build().unwrap();
    assert_eq!(Message::parse(&bytes).unwrap().verify_integrity(Digest::Sha256, &credential.key()), Integrity::Valid);
}
