//! Every view over any bytes: random ones, and ones that are nearly right.

use crate::support::content;
use crate::{dtls as dtls_vectors, sctp as sctp_vectors, support::hex};
use proptest::prelude::*;
use wire::channel_data::ChannelData;
use wire::stun::{AttributeType, Digest, Key, Message, oracle};
use wire::{Malformed, demux, describe, dtls, rtp, sctp};

/// Looks at everything that any view gives, and returns every defect.
fn look(bytes: &[u8]) -> Vec<Malformed> {
    let mut defects = Vec::new();
    look_at_stun(bytes, &mut defects);
    defects.extend(ChannelData::parse_lenient(bytes).map_or_else(|defect| vec![defect], |message| message.defects));
    for connection_id_length in [0, 8] {
        look_at_dtls(bytes, connection_id_length, &mut defects);
    }
    look_at_sctp(bytes, &mut defects);
    defects.extend(rtp::Packet::parse(bytes).err());
    for scheme in [demux::Scheme::Rfc7983, demux::Scheme::Rfc9443] {
        demux::classify(bytes, scheme);
    }
    for line in [describe(bytes), sctp::describe(bytes)] {
        assert!(!line.is_empty() && !line.contains(char::is_control), "{line:?}");
        assert!(line.len() < 20_000, "a description of {} bytes", line.len());
    }
    defects
}

fn look_at_stun(bytes: &[u8], defects: &mut Vec<Malformed>) {
    let message = match Message::parse_lenient(bytes) {
        Ok(message) => message,
        Err(defect) => return defects.push(defect),
    };
    defects.extend(message.defects());
    defects.extend(message.order_defects());
    for raw in message.attributes() {
        assert!(raw.end() <= bytes.len());
        defects.extend(raw.decode(message.transaction_id()).err());
    }
    for kind in AttributeType::REGISTERED {
        defects.extend(message.first(*kind).err());
    }
    defects.extend(message.xor_peer_addresses().chain(message.xor_relayed_addresses()).filter_map(Result::err));
    let key = Key::short_term("key");
    for digest in [Digest::Sha1, Digest::Sha256] {
        message.verify_integrity(digest, &key);
    }
    message.verify_fingerprint();
    message.unknown_comprehension_required(|_| false);
    assert!(message.trailing().len() <= bytes.len());
}

fn look_at_dtls(bytes: &[u8], connection_id_length: usize, defects: &mut Vec<Malformed>) {
    for record in dtls::records(bytes, connection_id_length) {
        let record = match record {
            Ok(record) => record,
            Err(defect) => {
                defects.push(defect);
                continue;
            }
        };
        defects.extend(record.alert().err());
        for fragment in record.handshake() {
            match fragment {
                Ok(fragment) => look_at_hello(&fragment, defects),
                Err(defect) => defects.push(defect),
            }
        }
    }
}

fn look_at_hello(fragment: &dtls::HandshakeFragment<'_>, defects: &mut Vec<Malformed>) {
    fragment.is_within_message();
    match fragment.client_hello() {
        Ok(Some(hello)) => {
            defects.extend(hello.offered_versions().err());
            defects.extend(hello.use_srtp().err());
            defects.extend(hello.connection_id().err());
        }
        Ok(None) => {}
        Err(defect) => defects.push(defect),
    }
    match fragment.server_hello() {
        Ok(Some(hello)) => {
            defects.extend(hello.version().err());
            defects.extend(hello.use_srtp().err());
            defects.extend(hello.connection_id().err());
        }
        Ok(None) => {}
        Err(defect) => defects.push(defect),
    }
    defects.extend(fragment.hello_verify_request().err());
}

fn look_at_sctp(bytes: &[u8], defects: &mut Vec<Malformed>) {
    match sctp::Packet::parse_lenient(bytes) {
        Ok(packet) => {
            packet.verify_checksum();
            defects.extend(packet.defects());
            defects.extend(packet.chunks().filter_map(|chunk| chunk.decode().err()));
        }
        Err(defect) => defects.push(defect),
    }
    defects.extend(sctp::dcep::Message::parse(bytes).err());
}

fn assert_defects_lie_inside(bytes: &[u8]) -> Result<(), TestCaseError> {
    for defect in look(bytes) {
        prop_assert!(defect.offset <= bytes.len(), "{} of {} bytes", defect, bytes.len());
    }
    Ok(())
}

proptest! {
    #[test]
    fn any_bytes_are_looked_at(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        assert_defects_lie_inside(&bytes)?;
    }

    #[test]
    fn any_bytes_behind_a_right_stun_header_are_looked_at(body in proptest::collection::vec(any::<u8>(), 0..200), kind in 0..0x4000_u16) {
        let bytes = crate::support::request(wire::stun::Method::BINDING).message_type(kind).bytes(body).build();
        assert_defects_lie_inside(&bytes)?;
    }

    #[test]
    fn nearly_right_stun_is_looked_at(content in content(), changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..8), cut in any::<prop::sample::Index>()) {
        let mut bytes = content.raw();
        change(&mut bytes, &changes);
        assert_defects_lie_inside(&bytes)?;
        oracle::compare(&bytes);
        bytes.truncate(cut.index(bytes.len()));
        assert_defects_lie_inside(&bytes)?;
    }

    #[test]
    fn nearly_right_dtls_is_looked_at(which in any::<prop::sample::Index>(), changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..8), cut in any::<prop::sample::Index>()) {
        let mut datagrams = [dtls_vectors::handshake(), dtls_vectors::handshake_13()].concat();
        let (_, mut bytes) = datagrams.swap_remove(which.index(datagrams.len()));
        change(&mut bytes, &changes);
        assert_defects_lie_inside(&bytes)?;
        bytes.truncate(cut.index(bytes.len()));
        assert_defects_lie_inside(&bytes)?;
    }

    #[test]
    fn nearly_right_sctp_is_looked_at(changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..8), kind in any::<u8>()) {
        for dump in [sctp_vectors::INIT, sctp_vectors::DATA_AND_SACK] {
            let mut bytes = hex(dump);
            change(&mut bytes, &changes);
            assert_defects_lie_inside(&bytes)?;
            bytes[12] = kind;
            assert_defects_lie_inside(&bytes)?;
        }
    }
}

fn change(bytes: &mut [u8], changes: &[(prop::sample::Index, u8)]) {
    for (index, value) in changes {
        let position = index.index(bytes.len());
        bytes[position] = *value;
    }
}

#[test]
fn lengths_in_the_bytes_do_not_drive_allocation() {
    // A SACK that announces 65535 blocks, a DCEP label of 65535 bytes, an attribute of 65535 bytes: each is refused at the first that is missing.
    let sack = hex("13881388 00000000 00000000 03000010 00000000 00000000 ffffffff");
    let chunk = sctp::Packet::parse(&sack).unwrap().chunks().next().unwrap();
    assert_eq!(chunk.decode().unwrap_err().offset, 28);
    assert!(sctp::dcep::Message::parse(&hex("03000000 00000000 ffffffff")).is_err());
    let attribute = crate::support::request(wire::stun::Method::BINDING).tlv(AttributeType::DATA, u16::MAX, [], []).build();
    assert!(Message::parse(&attribute).is_err());
}
