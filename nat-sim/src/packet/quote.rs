//! The packet that an ICMP error quotes: as much of it as fits, and what a NAT needs to rewrite it.

use std::net::{IpAddr, SocketAddr};

use bytes::Bytes;

use super::checksum::{self, PROTOCOL_TCP, PROTOCOL_UDP, Sum};
use super::{Body, MAX_UDP_PAYLOAD_V4, MAX_UDP_PAYLOAD_V6, Packet, PacketError, Segment, tcp};

/// The start of a packet as an ICMP error quotes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quote {
    /// Source of the quoted packet.
    pub src: SocketAddr,
    /// Destination of the quoted packet.
    pub dst: SocketAddr,
    /// Time to live (hop limit) of the quoted packet where the error arose.
    pub ttl: u8,
    /// IPv4 identification of the quoted packet.
    pub id: u16,
    /// Traffic class of the quoted packet.
    pub traffic_class: u8,
    /// IPv4 "don't fragment" of the quoted packet.
    pub dont_fragment: bool,
    /// What is left of its content.
    pub quoted: Quoted,
}

/// The content of a quoted packet. Length and checksum of the whole are kept as they stood in its headers, so that a quote which was cut short
/// can still be written out and rewritten by a NAT exactly (RFC 5508, REQ-3 and REQ-4).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Quoted {
    /// A UDP datagram.
    Udp {
        /// Length field of the UDP header: header and whole payload, in octets.
        length: u16,
        /// Checksum field of the UDP header; 0 means "none" (IPv4 only).
        checksum: u16,
        /// As much of the payload as the quote holds.
        payload: Bytes,
    },
    /// A TCP segment, of which a quote may hold as little as ports and sequence number (RFC 792).
    Tcp {
        /// Header and whole payload, in octets, by the length in the IP header.
        length: u16,
        /// As much as the quote holds, from the sequence number on: at least 4 octets.
        after_ports: Bytes,
    },
}

/// Octets after the IP header quoted at most in IPv4: an ICMP error does not exceed 576 octets (RFC 1812, section 4.3.2.3).
const MAX_QUOTED_V4: usize = 576 - 20 - 8 - 20;
/// Octets after the IP header quoted at most in IPv6: an error does not exceed the minimum MTU of 1,280 octets (RFC 4443, section 2.4).
const MAX_QUOTED_V6: usize = 1_280 - 40 - 8 - 40;
/// Where the checksum of a TCP segment stands after its ports.
const TCP_CHECKSUM: std::ops::Range<usize> = 12..14;

impl Quote {
    /// Quotes a packet; `None` for an ICMP error (no error about an error: RFC 1122, section 3.2.2) and for a packet that cannot exist.
    #[must_use]
    pub fn of(packet: &Packet) -> Option<Self> {
        let (src, dst) = packet.endpoints()?;
        packet.validate().ok()?;
        let limit = Self::max_length(packet.is_ipv6());
        let quoted = match &packet.body {
            Body::Udp { payload, .. } => Quoted::Udp {
                length: (payload.len() + 8) as u16,
                checksum: checksum::udp(src, dst, payload),
                payload: payload.slice(..payload.len().min(limit - 8)),
            },
            Body::Tcp(segment) => Quoted::of_segment(packet, segment, limit),
            Body::Icmp(_) => return None,
        };
        let Packet { ttl, id, traffic_class, dont_fragment, .. } = *packet;
        Some(Self { src, dst, ttl, id, traffic_class, dont_fragment, quoted })
    }

    /// Octets after the IP header quoted at most.
    pub(super) fn max_length(ipv6: bool) -> usize {
        if ipv6 { MAX_QUOTED_V6 } else { MAX_QUOTED_V4 }
    }

    /// Replaces the source, keeping the checksum right for the part that is not quoted (RFC 1624).
    pub fn set_source(&mut self, src: SocketAddr) {
        self.quoted.adjust_checksum(self.src, src);
        self.src = src;
    }

    /// Replaces the destination, keeping the checksum right for the part that is not quoted (RFC 1624).
    pub fn set_destination(&mut self, dst: SocketAddr) {
        self.quoted.adjust_checksum(self.dst, dst);
        self.dst = dst;
    }

    pub(super) fn validate(&self, ipv6: bool) -> Result<(), PacketError> {
        let same_family = |ip: IpAddr| ip.is_ipv6() == ipv6;
        if !same_family(self.src.ip()) || !same_family(self.dst.ip()) {
            return Err(PacketError::BadQuote);
        }
        let (length, claimed) = (self.quoted.quoted_length(), self.quoted.whole_length());
        let udp_limit = if ipv6 { MAX_UDP_PAYLOAD_V6 } else { MAX_UDP_PAYLOAD_V4 } + 8;
        let (quoted_least, claimed_least) = match self.quoted {
            Quoted::Udp { .. } => (8, 8),
            Quoted::Tcp { .. } => (8, tcp::FIXED_HEADER),
        };
        // TCP and UDP fill the same room in an IP packet.
        if !(claimed_least..=udp_limit).contains(&claimed) || !(quoted_least..=claimed).contains(&length) {
            return Err(PacketError::BadQuote);
        }
        let limit = Self::max_length(ipv6);
        if length > limit { Err(PacketError::PayloadTooLong { length, limit }) } else { Ok(()) }
    }
}

impl Quoted {
    fn of_segment(packet: &Packet, segment: &Segment, limit: usize) -> Self {
        let mut bytes = Vec::with_capacity(segment.length());
        segment.encode(0, &mut bytes);
        let checksum = checksum::tcp(packet.src, packet.dst, &bytes).to_be_bytes();
        let length = bytes.len() as u16;
        bytes.truncate(limit);
        bytes.drain(..4);
        bytes[TCP_CHECKSUM].copy_from_slice(&checksum);
        Self::Tcp { length, after_ports: bytes.into() }
    }

    /// Octets after the IP header that the quote holds.
    pub(super) fn quoted_length(&self) -> usize {
        match self {
            Self::Udp { payload, .. } => 8 + payload.len(),
            Self::Tcp { after_ports, .. } => 4 + after_ports.len(),
        }
    }

    /// Octets after the IP header that the packet had.
    pub(super) fn whole_length(&self) -> usize {
        match self {
            Self::Udp { length, .. } | Self::Tcp { length, .. } => usize::from(*length),
        }
    }

    pub(super) fn protocol(&self) -> u8 {
        match self {
            Self::Udp { .. } => PROTOCOL_UDP,
            Self::Tcp { .. } => PROTOCOL_TCP,
        }
    }

    fn adjust_checksum(&mut self, old: SocketAddr, new: SocketAddr) {
        match self {
            Self::Udp { checksum: 0, .. } => {}
            Self::Udp { checksum, .. } => *checksum = moved(*checksum, old, new).udp_checksum(),
            Self::Tcp { after_ports, .. } => {
                // A quote of the first 64 bits has no checksum to adjust.
                let Some(&[high, low]) = after_ports.get(TCP_CHECKSUM) else { return };
                let checksum = moved(u16::from_be_bytes([high, low]), old, new).checksum();
                let mut bytes = after_ports.to_vec();
                bytes[TCP_CHECKSUM].copy_from_slice(&checksum.to_be_bytes());
                *after_ports = bytes.into();
            }
        }
    }
}

/// The sum behind a checksum after one endpoint has taken the place of another.
fn moved(checksum: u16, old: SocketAddr, new: SocketAddr) -> Sum {
    let mut sum = Sum::of_complement(checksum);
    sum.subtract(Sum::of_endpoint(old));
    sum.add(Sum::of_endpoint(new));
    sum
}

#[cfg(test)]
mod tests {
    use super::super::{IcmpKind, TcpFlags};
    use super::*;

    fn endpoint(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    #[test]
    fn rewriting_a_quote_keeps_its_checksum_that_of_the_whole_datagram() {
        for (src, dst, new) in
            [("10.0.0.2:5000", "192.0.2.1:3478", "203.0.113.9:61000"), ("[fd00::2]:5000", "[2001:db8::1]:3478", "[2001:db8::9]:61000")]
        {
            let payload = Bytes::from(vec![0xab; 4_001]);
            let mut quote = Quote::of(&Packet::udp(endpoint(src), endpoint(dst), payload.clone())).unwrap();
            let checksum = |quote: &Quote| match quote.quoted {
                Quoted::Udp { checksum, .. } => checksum,
                Quoted::Tcp { .. } => panic!(),
            };
            assert!(quote.quoted.quoted_length() < payload.len(), "the quote is cut");
            quote.set_source(endpoint(new));
            assert_eq!(checksum(&quote), checksum::udp(endpoint(new), endpoint(dst), &payload));
            quote.set_destination(endpoint(new));
            assert_eq!(checksum(&quote), checksum::udp(endpoint(new), endpoint(new), &payload));
        }
    }

    fn segment(src: SocketAddr, dst: SocketAddr, payload: usize) -> Packet {
        let payload = vec![0xab; payload].into();
        Packet::tcp(src.ip(), dst.ip(), Segment { sequence: 7, payload, ..Segment::new(src.port(), dst.port(), TcpFlags::ACK) })
    }

    #[test]
    fn a_rewritten_quote_of_a_segment_is_the_quote_of_the_rewritten_segment() {
        for (src, dst, new) in
            [("10.0.0.2:5000", "192.0.2.1:3478", "203.0.113.9:61000"), ("[fd00::2]:5000", "[2001:db8::1]:3478", "[2001:db8::9]:61000")]
        {
            let (src, dst, new) = (endpoint(src), endpoint(dst), endpoint(new));
            for payload in [0, 1, 4_001] {
                let mut quote = Quote::of(&segment(src, dst, payload)).unwrap();
                quote.set_source(new);
                assert_eq!(quote, Quote::of(&segment(new, dst, payload)).unwrap());
                quote.set_destination(src);
                assert_eq!(quote, Quote::of(&segment(new, src, payload)).unwrap());
            }
        }
    }

    #[test]
    fn a_quote_of_64_bits_of_a_segment_survives_rewriting_and_encoding() {
        let original = segment(endpoint("10.0.0.2:5000"), endpoint("192.0.2.1:80"), 100);
        let mut error = original.answer_with(original.dst, IcmpKind::HostUnreachable).unwrap();
        let Body::Icmp(icmp) = &mut error.body else { panic!() };
        let Quoted::Tcp { length: 120, after_ports } = &mut icmp.quote.quoted else { panic!() };
        *after_ports = after_ports.slice(..4);
        icmp.quote.set_source(endpoint("203.0.113.9:61000"));
        let mut bytes = Vec::new();
        error.encode(&mut bytes).unwrap();
        assert_eq!(bytes.len(), 20 + 8 + 20 + 8);
        assert_eq!(Packet::decode(&bytes.into()), Ok(error));
    }

    #[test]
    fn no_error_answers_an_error() {
        let datagram = Packet::udp(endpoint("192.0.2.1:1"), endpoint("192.0.2.2:2"), &b"x"[..]);
        let error = datagram.answer_with(datagram.dst, IcmpKind::PortUnreachable).unwrap();
        assert_eq!((error.src, error.dst), (datagram.dst, datagram.src));
        assert_eq!(error.answer_with(error.dst, IcmpKind::PortUnreachable), None);
    }
}
