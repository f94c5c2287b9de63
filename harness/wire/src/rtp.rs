//! Headers of RTP and RTCP, told apart as RFC 5761 does (RFC 3550, sections 5.1 and 6.1).

use crate::{Malformed, Reason, reader::Reader};

/// Header of an RTP or RTCP packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Packet<'a> {
    /// RTP.
    Rtp(RtpHeader<'a>),
    /// The first packet of a compound RTCP packet.
    Rtcp(RtcpHeader),
}

/// RTP header (RFC 3550, section 5.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RtpHeader<'a> {
    /// Whether padding ends the payload.
    pub padding: bool,
    /// Whether a header extension follows.
    pub extension: bool,
    /// Contributing sources, four bytes each.
    pub contributing_sources: &'a [u8],
    /// Marker bit.
    pub marker: bool,
    /// Payload type, 7 bits.
    pub payload_type: u8,
    /// Sequence number.
    pub sequence: u16,
    /// Timestamp in units of the payload's clock.
    pub timestamp: u32,
    /// Synchronization source.
    pub ssrc: u32,
    /// What follows: header extension and payload, or ciphertext and tag with SRTP.
    pub body: &'a [u8],
}

/// RTCP header (RFC 3550, section 6.4.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RtcpHeader {
    /// Count of reports, or the format.
    pub count: u8,
    /// Packet type.
    pub packet_type: RtcpType,
    /// Length of the packet in 32-bit words minus one.
    pub length: u16,
    /// Synchronization source of the sender.
    pub ssrc: u32,
}

/// Type of an RTCP packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RtcpType(pub u8);

registry!(RtcpType, "rtcp-{}" {
    SENDER_REPORT = 200, "SR";
    RECEIVER_REPORT = 201, "RR";
    SOURCE_DESCRIPTION = 202, "SDES";
    BYE = 203, "BYE";
    APPLICATION_DEFINED = 204, "APP";
    /// RFC 4585, section 6.2.
    TRANSPORT_FEEDBACK = 205, "RTPFB";
    /// RFC 4585, section 6.3.
    PAYLOAD_FEEDBACK = 206, "PSFB";
    EXTENDED_REPORT = 207, "XR";
});

impl<'a> Packet<'a> {
    /// Reads the header; second bytes 192 to 223 are RTCP (RFC 5761, section 4).
    ///
    /// # Errors
    /// Too few bytes, or a version other than 2.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(bytes, 0);
        let first = reader.u8("first byte of RTP")?;
        if first >> 6 != 2 {
            return Err(Malformed::at(0, Reason::Value { what: "RTP version", value: u32::from(first >> 6) }));
        }
        match reader.u8("second byte of RTP")? {
            packet_type @ 192..=223 => rtcp(first, packet_type, &mut reader).map(Self::Rtcp),
            second => rtp(first, second, &mut reader).map(Self::Rtp),
        }
    }
}

fn rtcp(first: u8, packet_type: u8, reader: &mut Reader<'_>) -> Result<RtcpHeader, Malformed> {
    let length = reader.u16("RTCP length")?;
    Ok(RtcpHeader { count: first & 0x1F, packet_type: RtcpType(packet_type), length, ssrc: reader.u32("SSRC")? })
}

fn rtp<'a>(first: u8, second: u8, reader: &mut Reader<'a>) -> Result<RtpHeader<'a>, Malformed> {
    let sequence = reader.u16("sequence number")?;
    let timestamp = reader.u32("timestamp")?;
    let ssrc = reader.u32("SSRC")?;
    let contributing_sources = reader.take("contributing sources", usize::from(first & 0x0F) * 4)?;
    Ok(RtpHeader {
        padding: first & 0x20 != 0,
        extension: first & 0x10 != 0,
        contributing_sources,
        marker: second & 0x80 != 0,
        payload_type: second & 0x7F,
        sequence,
        timestamp,
        ssrc,
        body: reader.rest(),
    })
}

/// Describes a packet, or returns `None` where the bytes are none.
pub(crate) fn describe(bytes: &[u8]) -> Option<String> {
    Some(match Packet::parse(bytes).ok()? {
        Packet::Rtp(header) => format!("RTP type {} seq {} len {}", header.payload_type, header.sequence, bytes.len()),
        Packet::Rtcp(header) => format!("RTCP {} len {}", header.packet_type, bytes.len()),
    })
}
