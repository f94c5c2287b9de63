//! Values of the attributes that `stun_codec` has no opinion about, against bytes laid out by hand from the figures of the RFCs; and values
//! that the definitions rule out.

use crate::support::{ID, address, hex, request};
use wire::stun::{
    AddressFamily, Attribute, AttributeType, Class, ErrorCode, Icmp, Message, Method, PasswordAlgorithm, SecurityFeatures, error_reason,
    message_type, split_message_type,
};
use wire::{Malformed, Reason};

fn value(attribute: &Attribute<'_>) -> Vec<u8> {
    attribute.encode_value(ID)
}

#[test]
fn values_have_the_layout_of_the_figures() {
    let md5_and_sha256 = vec![PasswordAlgorithm::plain(1), PasswordAlgorithm::plain(2)];
    let error = ErrorCode { code: 440, reason: "no" };
    let cases = [
        (Attribute::ChangeRequest { ip: true, port: false }, "00000004"),
        (Attribute::ChangeRequest { ip: false, port: true }, "00000002"),
        (Attribute::ResponsePort(0x1234), "12340000"),
        (Attribute::PasswordAlgorithm(PasswordAlgorithm { algorithm: 2, parameters: &[9] }), "00020001 09000000"),
        (Attribute::PasswordAlgorithms(md5_and_sha256), "00010000 00020000"),
        (Attribute::AddressErrorCode { family: AddressFamily::IPV6, error }, "02000428 6e6f"),
        (Attribute::Icmp(Icmp { icmp_type: 3, code: 4, error_data: 1400 }), "00000304 00000578"),
        (Attribute::ConnectionId(0xCAFE_F00D), "cafef00d"),
        (Attribute::ChangedAddress(address("192.0.2.1:3479")), "00010d97 c0000201"),
        (Attribute::CacheTimeout(60), "0000003c"),
        (Attribute::AlternateDomain("a.example"), "612e6578616d706c65"),
    ];
    for (attribute, expected) in cases {
        assert_eq!(value(&attribute), hex(expected), "{attribute:?}");
        let bytes = request(Method::BINDING).attribute(&attribute).build();
        assert_eq!(Message::parse(&bytes).unwrap().first(attribute.kind()), Ok(Some(attribute)));
    }
}

#[test]
fn reserved_bits_are_ignored() {
    let read = |kind, value: &str| {
        let bytes = request(Method::BINDING).value(kind, hex(value)).build();
        Message::parse(&bytes).unwrap().attributes().next().unwrap().decode(ID).map(|attribute| format!("{attribute:?}"))
    };
    let cases = [
        (AttributeType::MAPPED_ADDRESS, "ff010d97 c0000201", "MappedAddress(192.0.2.1:3479)"),
        (AttributeType::CHANNEL_NUMBER, "4001ffff", "ChannelNumber(16385)"),
        (AttributeType::REQUESTED_TRANSPORT, "11ffffff", "RequestedTransport(17)"),
        (AttributeType::EVEN_PORT, "7f", "EvenPort { reserve: false }"),
        (AttributeType::CHANGE_REQUEST, "fffffff9", "ChangeRequest { ip: false, port: false }"),
        (AttributeType::ERROR_CODE, "fffffc26", "ErrorCode(ErrorCode { code: 438, reason: \"\" })"),
        (AttributeType::ICMP, "ffff0304 00000000", "Icmp(Icmp { icmp_type: 3, code: 4, error_data: 0 })"),
        (AttributeType::RESPONSE_PORT, "1234", "ResponsePort(4660)"),
    ];
    for (kind, value, expected) in cases {
        assert_eq!(read(kind, value).as_deref(), Ok(expected));
    }
}

#[test]
fn broken_values_are_reported_with_their_offset() {
    let read = |kind, value: &str| {
        let bytes = request(Method::BINDING).attribute(&Attribute::UseCandidate).value(kind, hex(value)).build();
        Message::parse(&bytes).unwrap().attributes().nth(1).unwrap().decode(ID).unwrap_err()
    };
    let length = |attribute, length| Malformed { offset: 26, reason: Reason::ValueLength { attribute, length } };
    for (kind, value) in [
        (AttributeType::PRIORITY, "000000"),
        (AttributeType::PRIORITY, "0000000000"),
        (AttributeType::USE_CANDIDATE, "00"),
        (AttributeType::EVEN_PORT, ""),
        (AttributeType::USERHASH, "00"),
        (AttributeType::MESSAGE_INTEGRITY, "00"),
        (AttributeType::MESSAGE_INTEGRITY_SHA256, "000000000000000000000000"),
        (AttributeType::MESSAGE_INTEGRITY_SHA256, "0000000000000000000000000000000000"),
        (AttributeType::UNKNOWN_ATTRIBUTES, "802200"),
        (AttributeType::RESPONSE_PORT, "123400"),
        (AttributeType::MAPPED_ADDRESS, "00010d97c000020100"),
        (AttributeType::ICMP, "000003040000057800"),
    ] {
        assert_eq!(read(kind, value), length(kind, value.len() / 2), "{kind} {value}");
    }
    let family = Malformed { offset: 29, reason: Reason::Value { what: "address family", value: 3 } };
    assert_eq!(read(AttributeType::XOR_MAPPED_ADDRESS, "00030000 00000000"), family);
    let cut = Malformed { offset: 32, reason: Reason::Truncated { what: "IPv6 address", need: 16, have: 4 } };
    assert_eq!(read(AttributeType::XOR_MAPPED_ADDRESS, "00020000 00000000"), cut);
    let class = Malformed { offset: 30, reason: Reason::Value { what: "class of the error code", value: 2 } };
    assert_eq!(read(AttributeType::ERROR_CODE, "00000200"), class);
    let number = Malformed { offset: 31, reason: Reason::Value { what: "number of the error code", value: 100 } };
    assert_eq!(read(AttributeType::ERROR_CODE, "00000464"), number);
    assert_eq!(read(AttributeType::SOFTWARE, "6162ff"), Malformed { offset: 30, reason: Reason::NotUtf8("SOFTWARE") });
    let parameters = Malformed { offset: 32, reason: Reason::Truncated { what: "parameters of the algorithm", need: 5, have: 0 } };
    assert_eq!(read(AttributeType::PASSWORD_ALGORITHMS, "00010005"), parameters);
}

#[test]
fn message_types_join_and_split_for_every_class_and_method() {
    let classes = [Class::Request, Class::Indication, Class::SuccessResponse, Class::ErrorResponse];
    let mut seen = std::collections::BTreeSet::new();
    for method in 0..0x1000 {
        for class in classes {
            let joined = message_type(class, Method(method));
            assert_eq!(split_message_type(joined), (class, Method(method)));
            assert!(joined < 0x4000 && seen.insert(joined));
        }
    }
    assert_eq!(message_type(Class::ErrorResponse, Method::ALLOCATE), 0x0113);
    assert_eq!(message_type(Class::Indication, Method::DATA), 0x0017);
}

#[test]
fn names_are_unique_and_found_again() {
    for kind in AttributeType::REGISTERED {
        assert_eq!(AttributeType::from_name(kind.name().unwrap()), Some(*kind));
    }
    for method in Method::REGISTERED {
        assert_eq!(Method::from_name(&method.to_string()), Some(*method));
    }
    assert_eq!(AttributeType::from_name("NO-SUCH-ATTRIBUTE"), None);
    assert_eq!(AttributeType(0x7FFF).to_string(), "attribute-0x7fff");
    assert_eq!(error_reason(437), Some("Allocation Mismatch"));
    assert_eq!(error_reason(499), None);
}

#[test]
fn a_nonce_with_features_is_read_from_a_message() {
    let nonce = SecurityFeatures::PASSWORD_ALGORITHMS.nonce("abc");
    assert_eq!(nonce, "obMatJos2AAABabc");
    let bytes = request(Method::ALLOCATE).attribute(&Attribute::Nonce(&nonce)).build();
    let message = Message::parse(&bytes).unwrap();
    let features = SecurityFeatures::of_nonce(message.nonce().unwrap().unwrap()).unwrap();
    assert!(features.contains(SecurityFeatures::PASSWORD_ALGORITHMS) && !features.contains(SecurityFeatures::USERNAME_ANONYMITY));
}
