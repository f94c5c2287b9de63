//! TCP segments as structures: RFC 9293, section 3.1.

use std::fmt;

use bytes::Bytes;

use super::PacketError;

/// Octets of a header without options.
pub(super) const FIXED_HEADER: usize = 20;
/// Octets of options that the data offset can express.
const MAX_OPTIONS: usize = 40;

/// A TCP segment. Its addresses are those of the packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment {
    /// Source port.
    pub src_port: u16,
    /// Destination port.
    pub dst_port: u16,
    /// Sequence number of the first octet of the payload, or of the SYN.
    pub sequence: u32,
    /// Acknowledgment number: means something with [`TcpFlags::ACK`] only, travels always.
    pub acknowledgment: u32,
    /// Control bits.
    pub flags: TcpFlags,
    /// Window field, before any scaling.
    pub window: u16,
    /// Urgent pointer: means something with [`TcpFlags::URG`] only, travels always.
    pub urgent: u16,
    /// Options as they stand on the wire, padding included: a multiple of 4 octets, at most 40.
    pub options: Bytes,
    /// Payload, shared between all copies of the packet.
    pub payload: Bytes,
}

/// The eight control bits of a TCP header: RFC 9293, section 3.1; RFC 3168, section 6.1.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct TcpFlags(pub u8);

impl TcpFlags {
    /// No more data from the sender.
    pub const FIN: Self = Self(0x01);
    /// Synchronize sequence numbers.
    pub const SYN: Self = Self(0x02);
    /// Reset the connection.
    pub const RST: Self = Self(0x04);
    /// Push function.
    pub const PSH: Self = Self(0x08);
    /// The acknowledgment number is significant.
    pub const ACK: Self = Self(0x10);
    /// The urgent pointer is significant.
    pub const URG: Self = Self(0x20);
    /// ECN echo.
    pub const ECE: Self = Self(0x40);
    /// Congestion window reduced.
    pub const CWR: Self = Self(0x80);

    const NAMES: [(Self, &str); 8] = [
        (Self::SYN, "SYN"),
        (Self::FIN, "FIN"),
        (Self::RST, "RST"),
        (Self::PSH, "PSH"),
        (Self::ACK, "ACK"),
        (Self::URG, "URG"),
        (Self::ECE, "ECE"),
        (Self::CWR, "CWR"),
    ];

    /// Whether all bits of `others` are set.
    #[must_use]
    pub const fn contains(self, others: Self) -> bool {
        self.0 & others.0 == others.0
    }

    /// The bits of both.
    #[must_use]
    pub const fn with(self, others: Self) -> Self {
        Self(self.0 | others.0)
    }
}

/// As packet analysers write them: `SYN,ACK`; `none` without any.
impl fmt::Display for TcpFlags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = Self::NAMES.iter().filter(|(flag, _)| self.contains(*flag)).map(|(_, name)| *name).collect();
        f.write_str(if names.is_empty() { "none".into() } else { names.join(",") }.as_str())
    }
}

impl fmt::Debug for TcpFlags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TcpFlags({self})")
    }
}

impl Segment {
    /// A segment without options and payload, sequence numbers 0 and the largest window.
    #[must_use]
    pub fn new(src_port: u16, dst_port: u16, flags: TcpFlags) -> Self {
        let (options, payload) = (Bytes::new(), Bytes::new());
        Self { src_port, dst_port, sequence: 0, acknowledgment: 0, flags, window: u16::MAX, urgent: 0, options, payload }
    }

    /// Octets of header, options and payload.
    #[must_use]
    pub fn length(&self) -> usize {
        FIXED_HEADER + self.options.len() + self.payload.len()
    }

    pub(super) fn validate(&self, ipv6: bool) -> Result<(), PacketError> {
        let length = self.options.len();
        if length > MAX_OPTIONS || !length.is_multiple_of(4) {
            return Err(PacketError::TcpOptions { length });
        }
        let limit = if ipv6 { 65_535 } else { 65_535 - 20 } - FIXED_HEADER - length;
        let length = self.payload.len();
        if length > limit { Err(PacketError::PayloadTooLong { length, limit }) } else { Ok(()) }
    }

    /// Appends the segment with the given checksum field.
    pub(super) fn encode(&self, checksum: u16, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.src_port.to_be_bytes());
        out.extend_from_slice(&self.dst_port.to_be_bytes());
        out.extend_from_slice(&self.sequence.to_be_bytes());
        out.extend_from_slice(&self.acknowledgment.to_be_bytes());
        // `validate` bounds header and options to 60 octets, 15 words.
        let words = ((FIXED_HEADER + self.options.len()) / 4) as u8;
        out.extend_from_slice(&[words << 4, self.flags.0]);
        for word in [self.window, checksum, self.urgent] {
            out.extend_from_slice(&word.to_be_bytes());
        }
        out.extend_from_slice(&self.options);
        out.extend_from_slice(&self.payload);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_are_named_as_analysers_do() {
        assert_eq!(TcpFlags::SYN.with(TcpFlags::ACK).to_string(), "SYN,ACK");
        assert_eq!(TcpFlags::default().to_string(), "none");
        assert!(TcpFlags(0x12).contains(TcpFlags::SYN) && !TcpFlags::SYN.contains(TcpFlags(0x12)));
    }

    #[test]
    fn options_that_no_data_offset_expresses_are_refused() {
        let with_options = |length: usize| Segment { options: vec![1; length].into(), ..Segment::new(1, 2, TcpFlags::SYN) };
        for (length, fits) in [(0, true), (4, true), (40, true), (3, false), (44, false)] {
            assert_eq!(with_options(length).validate(false).is_ok(), fits, "{length}");
        }
    }

    #[test]
    fn the_longest_payload_fills_the_ip_packet() {
        for (ipv6, options, limit) in [(false, 0, 65_495), (false, 40, 65_455), (true, 0, 65_515)] {
            let segment =
                |length| Segment { options: vec![1; options].into(), payload: vec![0; length].into(), ..Segment::new(1, 2, TcpFlags::ACK) };
            assert_eq!(segment(limit).validate(ipv6), Ok(()));
            assert_eq!(segment(limit + 1).validate(ipv6), Err(PacketError::PayloadTooLong { length: limit + 1, limit }));
        }
    }
}
