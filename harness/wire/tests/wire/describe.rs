//! One line per datagram, as a snapshot.

use crate::support::{ID, address, hex, request};
use crate::{dtls, sctp, vectors};
use wire::channel_data::{self, ChannelNumber};
use wire::stun::build::RawBuilder;
use wire::stun::{AddressFamily, Attribute, AttributeType, Class, Digest, ErrorCode, Icmp, Key, Method, PasswordAlgorithm};
use wire::{describe, sctp::describe as describe_sctp};

fn lines(cases: &[(&str, Vec<u8>)]) -> String {
    cases.iter().map(|(label, bytes)| format!("{label:<34} {}\n", describe(bytes))).collect()
}

fn message(class: Class, method: Method, attributes: &[Attribute<'_>]) -> Vec<u8> {
    attributes.iter().fold(RawBuilder::new(class, method, ID), |builder, attribute| builder.attribute(attribute)).build()
}

fn check() -> Vec<u8> {
    let attributes =
        [Attribute::Username("bob:alice"), Attribute::IceControlling(7), Attribute::Priority(1_845_501_695), Attribute::UseCandidate];
    let builder = attributes.iter().fold(request(Method::BINDING), RawBuilder::attribute);
    builder.integrity(Digest::Sha1, &Key::short_term("x")).fingerprint().build()
}

#[test]
fn stun_messages() {
    let mapped = Attribute::XorMappedAddress(address("203.0.113.7:40000"));
    let unauthorized = Attribute::ErrorCode(ErrorCode { code: 401, reason: "Unauthorized" });
    let unknown = Attribute::ErrorCode(ErrorCode { code: 420, reason: "" });
    let hostile = Attribute::Username("a\u{1b}[31m\n\u{202e}b");
    let long = "u".repeat(300);
    let cases = [
        ("vector 5769 2.1", vectors::sample_request()),
        ("vector 5769 2.3", vectors::sample_ipv6_response()),
        ("vector 5769 2.4", vectors::sample_long_term_request()),
        ("vector 8489 B.1", vectors::sample_sha256_request()),
        ("check", check()),
        ("success", message(Class::SuccessResponse, Method::BINDING, std::slice::from_ref(&mapped))),
        ("keepalive", message(Class::Indication, Method::BINDING, &[])),
        (
            "error without reason",
            message(
                Class::ErrorResponse,
                Method::BINDING,
                &[unknown, Attribute::UnknownAttributes(vec![AttributeType(0x7FFF), AttributeType::PRIORITY])],
            ),
        ),
        (
            "role conflict",
            message(Class::ErrorResponse, Method::BINDING, &[Attribute::ErrorCode(ErrorCode { code: 487, reason: "Role Conflict" })]),
        ),
        (
            "discovery",
            message(
                Class::Request,
                Method::BINDING,
                &[Attribute::ChangeRequest { ip: true, port: true }, Attribute::ResponsePort(99), Attribute::Padding(&[0; 8])],
            ),
        ),
        (
            "discovery response",
            message(
                Class::SuccessResponse,
                Method::BINDING,
                &[mapped.clone(), Attribute::ResponseOrigin(address("192.0.2.1:3478")), Attribute::OtherAddress(address("192.0.2.2:3479"))],
            ),
        ),
        (
            "rfc3489",
            RawBuilder::rfc3489(Class::Request, Method::BINDING, [9; 16])
                .attribute(&Attribute::ChangeRequest { ip: false, port: true })
                .build(),
        ),
        ("unknown method", message(Class::Request, Method(0x00AB), &[])),
        ("method in the range of DTLS", message(Class::Request, Method(0x0ABC), &[])),
        (
            "unknown attributes",
            message(
                Class::Request,
                Method::BINDING,
                &[
                    Attribute::Other { kind: AttributeType(0x7ABC), value: &[1] },
                    Attribute::Other { kind: AttributeType(0xFABC), value: &[1] },
                ],
            ),
        ),
        ("broken attribute", request(Method::BINDING).value(AttributeType::PRIORITY, [1]).build()),
        ("hostile text", message(Class::Request, Method::BINDING, &[hostile])),
        ("long text", message(Class::Request, Method::BINDING, &[Attribute::Username(&long)])),
        ("many attributes", message(Class::Request, Method::BINDING, &vec![Attribute::Priority(1); 20])),
        ("wrong length", request(Method::BINDING).length(4).build()),
        ("truncated", request(Method::BINDING).attribute(&Attribute::Priority(1)).truncate(26).build()),
        ("wrong cookie", request(Method::BINDING).cookie(1).length(7).build()),
        (
            "allocate",
            message(
                Class::Request,
                Method::ALLOCATE,
                &[
                    Attribute::RequestedTransport(17),
                    Attribute::Lifetime(600),
                    Attribute::RequestedAddressFamily(AddressFamily::IPV6),
                    Attribute::DontFragment,
                    Attribute::EvenPort { reserve: true },
                ],
            ),
        ),
        (
            "allocate 401",
            message(
                Class::ErrorResponse,
                Method::ALLOCATE,
                &[
                    Attribute::Realm("example.org"),
                    Attribute::Nonce("secret"),
                    unauthorized,
                    Attribute::PasswordAlgorithms(vec![PasswordAlgorithm::plain(1), PasswordAlgorithm::plain(2)]),
                ],
            ),
        ),
        (
            "allocate success",
            message(
                Class::SuccessResponse,
                Method::ALLOCATE,
                &[
                    Attribute::XorRelayedAddress(address("198.51.100.1:49152")),
                    mapped,
                    Attribute::Lifetime(600),
                    Attribute::AddressErrorCode { family: AddressFamily::IPV6, error: ErrorCode { code: 440, reason: "" } },
                    Attribute::ReservationToken([1; 8]),
                ],
            ),
        ),
        (
            "create permission",
            message(
                Class::Request,
                Method::CREATE_PERMISSION,
                &[Attribute::XorPeerAddress(address("192.0.2.9:0")), Attribute::XorPeerAddress(address("[2001:db8::9]:0"))],
            ),
        ),
        (
            "channel bind",
            message(
                Class::Request,
                Method::CHANNEL_BIND,
                &[Attribute::ChannelNumber(0x4001), Attribute::XorPeerAddress(address("192.0.2.9:5000"))],
            ),
        ),
        (
            "icmp",
            message(
                Class::Indication,
                Method::DATA,
                &[Attribute::XorPeerAddress(address("192.0.2.9:5000")), Attribute::Icmp(Icmp { icmp_type: 3, code: 3, error_data: 0 })],
            ),
        ),
        ("connection bind", message(Class::Request, Method::CONNECTION_BIND, &[Attribute::ConnectionId(5)])),
    ];
    insta::assert_snapshot!(lines(&cases));
}

#[test]
fn relayed_payloads() {
    let peer = Attribute::XorPeerAddress(address("192.0.2.9:5000"));
    let check = check();
    let send = message(Class::Indication, Method::SEND, &[peer.clone(), Attribute::Data(&check)]);
    let channel = channel_data::build(ChannelNumber(0x4001), &check).unwrap();
    let deep = (0..6).fold(b"hello".to_vec(), |inner, _| channel_data::build(ChannelNumber(0x4002), &inner).unwrap());
    let cases = [
        ("send", send),
        ("data with text", message(Class::Indication, Method::DATA, &[peer.clone(), Attribute::Data(b"hello")])),
        ("data with dtls", message(Class::Indication, Method::DATA, &[peer, Attribute::Data(&dtls::handshake()[0].1)])),
        ("channel data", channel.clone()),
        ("channel data padded", [&channel[..], &[0, 0]].concat()),
        ("channel data, wrong length", channel[..channel.len() - 1].to_vec()),
        ("reserved channel", channel_data::build_raw(0x4FFF + 1, 0, &[], &[])),
        ("nested", deep),
    ];
    insta::assert_snapshot!(lines(&cases));
}

#[test]
fn dtls_and_other_datagrams() {
    let mut cases: Vec<_> = dtls::handshake().into_iter().map(|(_, bytes)| ("recorded", bytes)).collect();
    cases.extend(dtls::handshake_13().into_iter().map(|(_, bytes)| ("recorded 1.3", bytes)));
    cases.extend([
        ("1.3 ciphertext", hex("2f 1234 0003 aabbcc 22 12 aabb")),
        ("alert", wire::dtls::build::plaintext(wire::dtls::ContentType::ALERT, 4, &[2, 47])),
        ("alert of one byte", wire::dtls::build::plaintext(wire::dtls::ContentType::ALERT, 4, &[2])),
        ("record cut short", dtls::handshake()[0].1[..40].to_vec()),
        ("second record cut short", dtls::handshake()[3].1[..200].to_vec()),
        ("many records", wire::dtls::build::plaintext(wire::dtls::ContentType::CHANGE_CIPHER_SPEC, 1, &[1]).repeat(12)),
        ("rtp", hex("80 60 0001 00000002 00000003 aabb")),
        ("rtcp", hex("80 c8 0006 00000003")),
        ("zrtp", hex("10 00 00 00")),
        ("text", b"hello".to_vec()),
        ("empty", Vec::new()),
    ]);
    insta::assert_snapshot!(lines(&cases));
}

#[test]
fn sctp_packets() {
    let header = "13881388 01020304 00000000";
    let cases = [
        sctp::INIT.to_owned(),
        sctp::DATA_AND_SACK.to_owned(),
        format!("{header} 00030020 00000007 0001 0000 00000032 03000000 00000000 0004 0000 63686174"),
        format!("{header} 00030015 00000007 0001 0000 00000033 68656c6c 6f"),
        format!("{header} 0a000004 0b000004 07000005 00000000"),
        "1388".to_owned(),
    ];
    insta::assert_snapshot!(cases.map(|dump| describe_sctp(&hex(&dump)) + "\n").concat());
}
