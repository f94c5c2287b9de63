//! SCTP packets laid out by hand; their checksums are from an independent bitwise CRC32c.

use crate::support::hex;
use wire::sctp::dcep::{self, Open, Reliability};
use wire::sctp::{Body, ChunkType, ForwardTsn, Packet, PayloadProtocol, Sack};
use wire::{Malformed, Reason};

/// INIT with the parameters "forward TSN supported" and "supported extensions" (RE-CONFIG, FORWARD TSN), the latter padded.
pub(crate) const INIT: &str = "13881388 00000000 7e03fc35 0100001e 01020304 00020000 0400 0800 0a0b0c0d c0000004 80080006 82c00000";
/// DATA with a DCEP ack and three bytes of padding, then SACK with one gap and one duplicate.
pub(crate) const DATA_AND_SACK: &str =
    "13881388 01020304 058199c4 00030011 00000007 0001 0000 00000032 02 000000 03000018 00000006 00020000 00010001 0002 0003 00000005";

#[test]
fn init_is_read() {
    let bytes = hex(INIT);
    let packet = Packet::parse(&bytes).unwrap();
    assert_eq!((packet.source_port(), packet.destination_port(), packet.verification_tag()), (5000, 5000, 0));
    assert!(packet.verify_checksum());
    let Ok(Body::Init(init)) = packet.chunks().next().unwrap().decode() else { panic!("an INIT") };
    assert_eq!((init.initiate_tag, init.receiver_window, init.initial_tsn), (0x0102_0304, 0x0002_0000, 0x0A0B_0C0D));
    assert_eq!((init.outbound_streams, init.inbound_streams), (1024, 2048));
    let parameters: Vec<_> = init.parameters.iter().map(|parameter| (parameter.kind, parameter.value)).collect();
    assert_eq!(parameters, [(0xC000, &[][..]), (0x8008, &[0x82, 0xC0][..])]);
}

#[test]
fn data_and_sack_are_read() {
    let bytes = hex(DATA_AND_SACK);
    let packet = Packet::parse(&bytes).unwrap();
    assert!(packet.verify_checksum());
    let chunks: Vec<_> = packet.chunks().collect();
    assert_eq!((chunks[0].kind, chunks[0].offset, chunks[0].padding.len()), (ChunkType::DATA, 12, 3));
    let Ok(Body::Data(data)) = chunks[0].decode() else { panic!("DATA") };
    assert_eq!((data.beginning, data.ending, data.unordered), (true, true, false));
    assert_eq!((data.tsn, data.stream, data.message, data.protocol), (7, 1, 0, Some(PayloadProtocol::DCEP)));
    assert_eq!(dcep::Message::parse(data.payload), Ok(dcep::Message::Ack));
    let sack = Sack { cumulative_tsn: 6, receiver_window: 0x0002_0000, gaps: vec![(2, 3)], duplicates: vec![5] };
    assert_eq!(chunks[1].decode(), Ok(Body::Sack(sack)));
}

#[test]
fn a_changed_bit_anywhere_breaks_the_checksum() {
    let original = hex(DATA_AND_SACK);
    for position in 0..original.len() * 8 {
        let mut bytes = original.clone();
        bytes[position / 8] ^= 1 << (position % 8);
        assert!(!Packet::parse_lenient(&bytes).unwrap().verify_checksum(), "bit {position}");
    }
}

#[test]
fn interleaved_data_and_forward_tsn_are_read() {
    let header = "13881388 01020304 00000000";
    let decode = |chunk: &str| {
        let bytes = hex(&format!("{header}{chunk}"));
        let packet = Packet::parse(&bytes).unwrap();
        format!("{:?}", packet.chunks().next().unwrap().decode().unwrap())
    };
    assert!(
        decode("40060015 00000001 0002 0000 00000003 00000033 41").contains("message: 3, protocol: Some(PayloadProtocol(51)), fragment: 0")
    );
    assert!(decode("40010015 00000001 0002 0000 00000003 00000004 41").contains("message: 3, protocol: None, fragment: 4"));
    let forward = ForwardTsn { cumulative_tsn: 9, skipped: vec![(1, 2)] };
    assert_eq!(decode("c000000c 00000009 0001 0002"), format!("{:?}", Body::ForwardTsn(forward.clone())));
    assert_eq!(decode("c2000010 00000009 0001 0000 00000002"), format!("{:?}", Body::ForwardTsn(forward)));
    assert_eq!(decode("07000008 00000009"), "Shutdown(9)");
}

#[test]
fn broken_chunks_end_the_reading_there() {
    let parse = |dump: &str| Packet::parse(&hex(dump)).unwrap_err();
    let header = "13881388 01020304 00000000";
    let length = |declared, actual| Malformed { offset: 14, reason: Reason::Length { what: "chunk length", declared, actual } };
    assert_eq!(parse(&format!("{header} 0a000003")), length(3, 4));
    assert_eq!(parse(&format!("{header} 0a000009 00000000")), length(9, 8));
    assert_eq!(parse(header).offset, 12);
    assert_eq!(parse("1388").offset, 0);
    let bytes = hex(&format!("{header} 0b000004 0a0000ff"));
    let packet = Packet::parse_lenient(&bytes).unwrap();
    assert_eq!(packet.chunks().map(|chunk| chunk.kind).collect::<Vec<_>>(), [ChunkType::COOKIE_ACK]);
    assert_eq!(packet.defects().len(), 1);
}

#[test]
fn dcep_open_is_read_and_written() {
    let open = Open { channel_type: 0x81, priority: 256, reliability_parameter: 3, label: "chat", protocol: "x" };
    let bytes = hex("03810100 00000003 0004 0001 63686174 78");
    assert_eq!(dcep::Message::parse(&bytes), Ok(dcep::Message::Open(open)));
    assert_eq!(dcep::Message::Open(open).encode(), bytes);
    assert_eq!(dcep::Message::Ack.encode(), [2]);
    assert!(open.is_unordered() && open.reliability() == Some(Reliability::Retransmissions(3)));
}

#[test]
fn broken_dcep_is_reported_with_its_offset() {
    let offset = |dump: &str| dcep::Message::parse(&hex(dump)).unwrap_err().offset;
    assert_eq!(offset(""), 0);
    assert_eq!(offset("04"), 0);
    assert_eq!(offset("0200"), 1);
    assert_eq!(offset("03810100 00000003 0005 0000 63686174"), 12);
    assert_eq!(offset("03810100 00000003 0001 0000 ff"), 12);
    assert_eq!(offset("03810100 00000003 0000 0000 00"), 12);
}
