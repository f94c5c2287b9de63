//! Headers of RTP and RTCP.

use crate::support::hex;
use wire::rtp::{Packet, RtcpHeader, RtcpType, RtpHeader};
use wire::{Malformed, Reason};

#[test]
fn an_rtp_header_is_read() {
    let bytes = hex("b2 e0 1234 00000002 00000003 00000004 00000005 aabb");
    let expected = RtpHeader {
        padding: true,
        extension: true,
        contributing_sources: &[0, 0, 0, 4, 0, 0, 0, 5],
        marker: true,
        payload_type: 96,
        sequence: 0x1234,
        timestamp: 2,
        ssrc: 3,
        body: &[0xAA, 0xBB],
    };
    assert_eq!(Packet::parse(&bytes), Ok(Packet::Rtp(expected)));
}

#[test]
fn second_bytes_192_to_223_are_rtcp() {
    for second in 0..=255 {
        let bytes = [0x80, second, 0, 1, 0, 0, 0, 9, 0, 0, 0, 0];
        let is_rtcp = (192..=223).contains(&second);
        match Packet::parse(&bytes).unwrap() {
            Packet::Rtcp(header) => {
                assert_eq!(header, RtcpHeader { count: 0, packet_type: RtcpType(second), length: 1, ssrc: 9 });
                assert!(is_rtcp);
            }
            Packet::Rtp(header) => assert!(!is_rtcp && header.payload_type == second & 0x7F),
        }
    }
}

#[test]
fn another_version_and_missing_bytes_are_defects() {
    let version = |value| Malformed { offset: 0, reason: Reason::Value { what: "RTP version", value } };
    assert_eq!(Packet::parse(&hex("40 60")), Err(version(1)));
    assert_eq!(Packet::parse(&hex("c0 60")), Err(version(3)));
    assert_eq!(Packet::parse(&hex("80 60 0001 00000002 000000")).unwrap_err().offset, 8);
    assert_eq!(Packet::parse(&hex("81 60 0001 00000002 00000003")).unwrap_err().offset, 12);
    assert_eq!(Packet::parse(&hex("80 c8 0006 0000")).unwrap_err().offset, 4);
    assert_eq!(Packet::parse(&[]).unwrap_err().offset, 0);
}
