//! Records of a DTLS 1.2 handshake recorded from OpenSSL 3.0 and of a DTLS 1.3 handshake recorded from dimpl 0.9, and records of 1.3 laid out
//! by hand from RFC 9147, figures 3 and 4.

use crate::support::hex;
use wire::dtls::{
    self, AlertDescription, ContentType, ExtensionType, FullHeader, HandshakeFragment, HandshakeType, Header, Record, SrtpProfile, Version,
};
use wire::{Malformed, Reason};

/// The datagrams of the 1.2 recording with their senders, in order.
pub(crate) fn handshake() -> Vec<(String, Vec<u8>)> {
    recording(include_str!("data/dtls12-openssl.txt"))
}

/// The datagrams of the 1.3 recording with their senders, in order.
pub(crate) fn handshake_13() -> Vec<(String, Vec<u8>)> {
    recording(include_str!("data/dtls13-dimpl.txt"))
}

fn recording(text: &str) -> Vec<(String, Vec<u8>)> {
    let lines = text.lines().map(|line| line.split_once(' ').unwrap());
    lines.map(|(sender, dump)| (sender.to_owned(), hex(dump))).collect()
}

fn records(bytes: &[u8]) -> Vec<Record<'_>> {
    dtls::records(bytes, 0).map(Result::unwrap).collect()
}

fn fragments(bytes: &[u8]) -> Vec<HandshakeFragment<'_>> {
    records(bytes).iter().flat_map(|record| record.handshake().map(Result::unwrap).collect::<Vec<_>>()).collect()
}

#[test]
fn the_recorded_handshake_has_the_messages_of_rfc6347() {
    use HandshakeType as T;
    let datagrams = handshake();
    let names: Vec<Vec<_>> =
        datagrams.iter().map(|(_, bytes)| fragments(bytes).iter().map(|fragment| fragment.message_type).collect()).collect();
    assert_eq!(names[0], [T::CLIENT_HELLO]);
    assert_eq!(names[1], [T::HELLO_VERIFY_REQUEST]);
    assert_eq!(names[2], [T::CLIENT_HELLO]);
    assert_eq!(names[3][..2], [T::SERVER_HELLO, T::CERTIFICATE]);
    let last = records(&datagrams.last().unwrap().1)[0];
    let Header::Full(header) = last.header else { panic!("a full header") };
    assert_eq!((header.content_type, header.version, header.epoch), (ContentType::APPLICATION_DATA, Version::DTLS_1_2, 1));
    assert!(!last.is_plaintext() && last.handshake().next().is_none());
}

#[test]
fn the_recorded_hellos_are_read() {
    let datagrams = handshake();
    let first = fragments(&datagrams[0].1)[0].client_hello().unwrap().unwrap();
    let verify = fragments(&datagrams[1].1)[0].hello_verify_request().unwrap().unwrap();
    let second = fragments(&datagrams[2].1)[0].client_hello().unwrap().unwrap();
    let server = fragments(&datagrams[3].1)[0].server_hello().unwrap().unwrap();
    assert_eq!(first.cookie, b"");
    assert!(!verify.cookie.is_empty() && second.cookie == verify.cookie);
    assert_eq!((first.random, &first.cipher_suites), (second.random, &second.cipher_suites));
    assert_eq!(first.offered_versions(), Ok(vec![Version::DTLS_1_2]));
    let offered = first.use_srtp().unwrap().unwrap();
    assert_eq!(offered.profiles, [SrtpProfile::AES128_CM_HMAC_SHA1_80, SrtpProfile::AEAD_AES_128_GCM]);
    assert_eq!(server.use_srtp().unwrap().unwrap().profiles, [SrtpProfile::AES128_CM_HMAC_SHA1_80]);
    assert!(first.cipher_suites.contains(&server.cipher_suite));
    assert_eq!(server.version(), Ok(Version::DTLS_1_2));
    assert!(!server.is_hello_retry_request());
    assert!(server.extension(ExtensionType::EXTENDED_MASTER_SECRET).is_some());
    assert_eq!(first.connection_id(), Ok(None));
}

#[test]
fn recorded_fragments_join_to_whole_messages() {
    let datagrams = handshake();
    let all: Vec<_> = datagrams.iter().filter(|(sender, _)| sender == "server").flat_map(|(_, bytes)| fragments(bytes)).collect();
    assert!(all.iter().all(HandshakeFragment::is_within_message));
    let whole = all.iter().find(|fragment| fragment.is_whole() && fragment.body.len() > 100).unwrap();
    let parts = dtls::build::split(whole, 40);
    assert!(parts.len() > 2 && parts.iter().all(|part| !part.is_whole() && part.is_within_message()));
    let record =
        dtls::build::plaintext(ContentType::HANDSHAKE, 9, &parts.iter().flat_map(dtls::build::handshake_fragment).collect::<Vec<_>>());
    let read = fragments(&record);
    assert_eq!(read.iter().flat_map(|part| part.body).copied().collect::<Vec<_>>(), whole.body);
    assert_eq!(read.iter().map(|part| part.fragment_offset).collect::<Vec<_>>()[..3], [0, 40, 80]);
    assert!(dtls::build::split(whole, 0).is_empty());
}

#[test]
fn recorded_records_are_written_back_as_they_were() {
    for (_, bytes) in handshake() {
        let written: Vec<u8> = records(&bytes)
            .iter()
            .flat_map(|record| match record.header {
                Header::Full(header) => dtls::build::record(&header, record.fragment),
                Header::Unified(_) => panic!("a full header"),
            })
            .collect();
        assert_eq!(written, bytes);
    }
}

#[test]
fn unified_headers_have_every_combination_of_fields() {
    let cases = [
        ("2c 1234 0003 aabbcc", 0, 0, None, true, 0x1234, Some(3)),
        ("2f 1234 0003 aabbcc", 0, 3, None, true, 0x1234, Some(3)),
        ("22 12 aabbcc", 0, 2, None, false, 0x12, None),
        ("3d 0102 1234 0003 aabbcc", 2, 1, Some(&[1, 2][..]), true, 0x1234, Some(3)),
        ("32 01 12 aabbcc", 1, 2, Some(&[1][..]), false, 0x12, None),
    ];
    for (dump, id_length, epoch_bits, connection_id, long_sequence, sequence, length) in cases {
        let bytes = hex(dump);
        let record = dtls::records(&bytes, id_length).next().unwrap().unwrap();
        let Header::Unified(header) = record.header else { panic!("a unified header") };
        assert_eq!((header.epoch_bits, header.connection_id, header.length), (epoch_bits, connection_id, length), "{dump}");
        assert_eq!((header.long_sequence, header.encrypted_sequence), (long_sequence, sequence), "{dump}");
        assert_eq!((record.fragment, record.content_type()), (&[0xAA, 0xBB, 0xCC][..], None), "{dump}");
    }
}

#[test]
fn several_records_are_read_until_one_does_not_fit() {
    let alert = dtls::build::plaintext(ContentType::ALERT, 3, &[2, 40]);
    let bytes = [&alert[..], &hex("2c 1234 0003 aabbcc"), &alert[..14]].concat();
    let read: Vec<_> = dtls::records(&bytes, 0).collect();
    assert_eq!(read.len(), 3);
    let first = read[0].unwrap().alert().unwrap().unwrap();
    assert!(first.is_fatal() && first.description == AlertDescription::HANDSHAKE_FAILURE);
    assert_eq!(read[1].unwrap().fragment.len(), 3);
    let cut = Reason::Length { what: "record length", declared: 2, actual: 1 };
    assert_eq!(read[2], Err(Malformed { offset: 15 + 8 + 11, reason: cut }));
}

#[test]
fn a_record_with_connection_id_needs_its_length() {
    let header = FullHeader {
        content_type: ContentType::TLS12_CID,
        version: Version::DTLS_1_2,
        epoch: 1,
        sequence: 0x0102_0304_0506,
        connection_id: &[7; 4],
        length: 2,
    };
    let bytes = dtls::build::record(&header, &[1, 2]);
    assert_eq!(dtls::records(&bytes, 4).next().unwrap().unwrap().header, Header::Full(header));
    assert!(dtls::records(&bytes, 0).any(|record| record.is_err()));
}

#[test]
fn content_types_outside_of_the_figure_are_refused() {
    for first in (0..20).chain(27..32).chain(64..=255) {
        let bytes = [first, 0xFE, 0xFD, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        let reason = Reason::Value { what: "content type", value: u32::from(first) };
        assert_eq!(dtls::records(&bytes, 0).next(), Some(Err(Malformed { offset: 0, reason })));
    }
}

#[test]
fn broken_hellos_are_reported_with_their_offset() {
    let hello =
        |body: &str| dtls::build::plaintext(ContentType::HANDSHAKE, 0, &dtls::build::handshake(HandshakeType::CLIENT_HELLO, 0, &hex(body)));
    let random = "00".repeat(32);
    let read = |body: &str| {
        fragments(&hello(body))[0].client_hello().map(|hello| hello.map(|hello| hello.extensions.len())).map_err(|defect| defect.offset)
    };
    assert_eq!(read(&format!("fefd{random} 00 00 0002c02b 0100")), Ok(Some(0)));
    assert_eq!(read(&format!("fefd{random} 00 00 0002c02b 0100 0004 000e0000")), Ok(Some(1)));
    assert_eq!(read(&format!("fefd{random} 21 00")), Err(25 + 35));
    assert_eq!(read(&format!("fefd{random} 00 00 0001c0 0100")), Err(25 + 38));
    assert_eq!(read(&format!("fefd{random} 00 00 0002c02b 0100 0004 000e0001")), Err(25 + 48));
    assert_eq!(read(&format!("fefd{random} 00 00 0002c02b 0100 0000 00")), Err(25 + 44));
}

#[test]
fn a_fragment_that_leaves_its_message_is_neither_whole_nor_within_it() {
    let fragment = |length, fragment_offset, body: &'static [u8]| HandshakeFragment {
        offset: 0,
        message_type: HandshakeType::FINISHED,
        length,
        message_sequence: 0,
        fragment_offset,
        fragment_length: body.len() as u32,
        body,
    };
    let cases = [
        (fragment(4, 0, b"abcd"), true, true),
        (fragment(4, 0, b"ab"), false, true),
        (fragment(4, 2, b"cd"), false, true),
        (fragment(4, 4, b"abcd"), false, false),
        (fragment(3, 0, b"abcd"), false, false),
        (fragment(0, 0, b""), true, true),
    ];
    for (fragment, whole, within) in cases {
        let record = dtls::build::plaintext(ContentType::HANDSHAKE, 0, &dtls::build::handshake_fragment(&fragment));
        let read = fragments(&record)[0];
        assert_eq!((read.is_whole(), read.is_within_message()), (whole, within), "{fragment:?}");
    }
}

#[test]
fn the_recorded_handshake_of_1_3_has_the_messages_of_rfc9147() {
    let datagrams = handshake_13();
    let first = fragments(&datagrams[0].1)[0].client_hello().unwrap().unwrap();
    let retry = fragments(&datagrams[1].1)[0].server_hello().unwrap().unwrap();
    let second = fragments(&datagrams[2].1)[0].client_hello().unwrap().unwrap();
    let server = fragments(&datagrams[3].1)[0].server_hello().unwrap().unwrap();
    assert_eq!((first.legacy_version, first.offered_versions()), (Version::DTLS_1_2, Ok(vec![Version::DTLS_1_3])));
    assert!(retry.is_hello_retry_request() && !server.is_hello_retry_request());
    assert_eq!((retry.version(), server.version()), (Ok(Version::DTLS_1_3), Ok(Version::DTLS_1_3)));
    assert!(!first.has_cookie() && second.has_cookie());
    let mut epochs = Vec::new();
    for (_, bytes) in &datagrams {
        epochs.extend(records(bytes).iter().filter_map(|record| match record.header {
            Header::Unified(header) => Some(header.epoch_bits),
            Header::Full(_) => None,
        }));
    }
    assert_eq!(epochs, [2, 2, 2, 2, 2, 2, 2, 2, 3, 3, 3, 3]);
}
