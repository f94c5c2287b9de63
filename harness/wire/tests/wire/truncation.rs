//! A datagram that is cut short anywhere has a defect that lies within what is left.

use crate::support::{content, hex};
use crate::{dtls, sctp, vectors};
use proptest::prelude::*;
use wire::channel_data::{self, ChannelData, ChannelNumber};
use wire::stun::Message;

fn assert_every_prefix_is_defective(bytes: &[u8]) {
    for length in 0..bytes.len() {
        let defect = Message::parse(&bytes[..length]).unwrap_err();
        assert!(defect.offset < length.max(1), "{defect} of {length} bytes");
    }
}

#[test]
fn every_prefix_of_the_published_vectors_is_defective() {
    for bytes in [vectors::sample_request(), vectors::sample_ipv6_response(), vectors::sample_sha256_request()] {
        assert_every_prefix_is_defective(&bytes);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn every_prefix_of_a_stun_message_is_defective(content in content()) {
        assert_every_prefix_is_defective(&content.raw());
    }
}

#[test]
fn every_prefix_of_channel_data_is_defective_until_the_data_are_whole() {
    let bytes = channel_data::build_padded(ChannelNumber(0x4001), b"hello").unwrap();
    assert_eq!(bytes.len(), 12);
    for length in 0..9 {
        let defect = ChannelData::parse(&bytes[..length]).unwrap_err();
        assert!(defect.offset < length.max(1), "{defect} of {length} bytes");
    }
    for length in 9..=12 {
        assert_eq!(ChannelData::parse(&bytes[..length]).unwrap().data, b"hello");
    }
}

#[test]
fn every_prefix_of_dtls_records_is_defective_unless_it_ends_between_records() {
    let mut checked = 0;
    for (_, bytes) in dtls::handshake() {
        let ends: Vec<_> = wire::dtls::records(&bytes, 0)
            .map(|record| record.unwrap())
            .map(|record| record.fragment_offset + record.fragment.len())
            .collect();
        assert_eq!(ends.last(), Some(&bytes.len()));
        for length in 1..bytes.len() {
            let last = wire::dtls::records(&bytes[..length], 0).last().unwrap();
            match last {
                Ok(_) => assert!(ends.contains(&length)),
                Err(defect) => assert!(defect.offset <= length && !ends.contains(&length)),
            }
            checked += 1;
        }
    }
    assert!(checked > 2000);
}

#[test]
fn every_prefix_of_an_sctp_packet_is_defective_unless_it_ends_between_chunks_or_in_padding() {
    let bytes = hex(sctp::DATA_AND_SACK);
    let ends = [29, 30, 31, 32];
    for length in 0..bytes.len() {
        match wire::sctp::Packet::parse(&bytes[..length]) {
            Ok(_) => assert!(ends.contains(&length), "{length}"),
            Err(defect) => assert!(defect.offset <= length && !ends.contains(&length), "{defect} of {length}"),
        }
    }
}
