//! ICMP and ICMPv6 errors with the packet that they quote.

use std::net::{IpAddr, SocketAddr};

use bytes::Bytes;

use super::checksum::{self, Sum};
use super::{Body, MAX_UDP_PAYLOAD_V4, MAX_UDP_PAYLOAD_V6, Packet, PacketError};

/// An error message and the packet that caused it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Icmp {
    /// What went wrong.
    pub kind: IcmpKind,
    /// The start of the packet that caused the error.
    pub quote: Quote,
}

/// The errors that the simulator understands, for both families (RFC 792 and RFC 1812; RFC 4443).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum IcmpKind {
    /// IPv4 type 3 code 0, IPv6 type 1 code 0.
    NoRoute,
    /// IPv4 type 3 code 1, IPv6 type 1 code 3.
    HostUnreachable,
    /// IPv4 type 3 code 3, IPv6 type 1 code 4.
    PortUnreachable,
    /// IPv4 type 3 code 13, IPv6 type 1 code 1.
    AdministrativelyProhibited,
    /// IPv4 type 3 code 4 (RFC 1191), IPv6 type 2 code 0.
    PacketTooBig {
        /// MTU of the next hop in octets.
        mtu: u32,
    },
    /// IPv4 type 11 code 0, IPv6 type 3 code 0.
    TimeExceeded,
}

/// The start of a UDP datagram as an ICMP error quotes it. Length and checksum of the whole datagram are kept as they stood in its header, so
/// that a quote which was cut short can still be written out and rewritten by a NAT exactly (RFC 5508, REQ-3 and REQ-4).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quote {
    /// Source of the quoted datagram.
    pub src: SocketAddr,
    /// Destination of the quoted datagram.
    pub dst: SocketAddr,
    /// Time to live (hop limit) of the quoted packet where the error arose.
    pub ttl: u8,
    /// IPv4 identification of the quoted packet.
    pub id: u16,
    /// Traffic class of the quoted packet.
    pub traffic_class: u8,
    /// IPv4 "don't fragment" of the quoted packet.
    pub dont_fragment: bool,
    /// Length field of the quoted UDP header: header and whole payload, in octets.
    pub udp_length: u16,
    /// Checksum field of the quoted UDP header; 0 means "none" (IPv4 only).
    pub udp_checksum: u16,
    /// As much of the payload as the quote holds.
    pub payload: Bytes,
}

/// Payload octets quoted at most in IPv4: an ICMP error does not exceed 576 octets (RFC 1812, section 4.3.2.3).
const MAX_QUOTED_V4: usize = 576 - 20 - 8 - 20 - 8;
/// Payload octets quoted at most in IPv6: an error does not exceed the minimum MTU of 1,280 octets (RFC 4443, section 2.4).
const MAX_QUOTED_V6: usize = 1_280 - 40 - 8 - 40 - 8;

impl Quote {
    /// Quotes a UDP datagram; `None` for an ICMP error (no error about an error: RFC 1122, section 3.2.2) and for a packet that cannot exist.
    #[must_use]
    pub fn of(packet: &Packet) -> Option<Self> {
        let Body::Udp { src_port, dst_port, payload } = &packet.body else { return None };
        packet.validate().ok()?;
        let (src, dst) = (SocketAddr::new(packet.src, *src_port), SocketAddr::new(packet.dst, *dst_port));
        let limit = Self::max_payload(packet.is_ipv6());
        Some(Self {
            src,
            dst,
            ttl: packet.ttl,
            id: packet.id,
            traffic_class: packet.traffic_class,
            dont_fragment: packet.dont_fragment,
            udp_length: (payload.len() + 8) as u16,
            udp_checksum: checksum::udp(src, dst, payload),
            payload: payload.slice(..payload.len().min(limit)),
        })
    }

    /// Payload octets quoted at most.
    pub(super) fn max_payload(ipv6: bool) -> usize {
        if ipv6 { MAX_QUOTED_V6 } else { MAX_QUOTED_V4 }
    }

    /// Replaces the source, keeping the checksum right for the part that is not quoted (RFC 1624).
    pub fn set_source(&mut self, src: SocketAddr) {
        self.adjust_checksum(self.src, src);
        self.src = src;
    }

    /// Replaces the destination, keeping the checksum right for the part that is not quoted (RFC 1624).
    pub fn set_destination(&mut self, dst: SocketAddr) {
        self.adjust_checksum(self.dst, dst);
        self.dst = dst;
    }

    fn adjust_checksum(&mut self, old: SocketAddr, new: SocketAddr) {
        if self.udp_checksum == 0 {
            return;
        }
        let mut sum = Sum::of_complement(self.udp_checksum);
        sum.subtract(Sum::of_endpoint(old));
        sum.add(Sum::of_endpoint(new));
        self.udp_checksum = sum.udp_checksum();
    }
}

impl Icmp {
    pub(super) fn validate(&self, ipv6: bool) -> Result<(), PacketError> {
        let same_family = |ip: IpAddr| ip.is_ipv6() == ipv6;
        if !same_family(self.quote.src.ip()) || !same_family(self.quote.dst.ip()) {
            return Err(PacketError::BadQuote);
        }
        let (length, claimed) = (self.quote.payload.len(), usize::from(self.quote.udp_length));
        let longest = if ipv6 { MAX_UDP_PAYLOAD_V6 } else { MAX_UDP_PAYLOAD_V4 } + 8;
        if !(8..=longest).contains(&claimed) || length + 8 > claimed {
            return Err(PacketError::BadQuote);
        }
        let limit = Quote::max_payload(ipv6);
        if length > limit {
            return Err(PacketError::PayloadTooLong { length, limit });
        }
        match self.kind {
            IcmpKind::PacketTooBig { mtu } if !ipv6 && mtu > u32::from(u16::MAX) => Err(PacketError::MtuTooLarge { mtu }),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
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
            assert!(quote.payload.len() < payload.len(), "the quote is cut");
            quote.set_source(endpoint(new));
            assert_eq!(quote.udp_checksum, checksum::udp(endpoint(new), endpoint(dst), &payload));
            quote.set_destination(endpoint(new));
            assert_eq!(quote.udp_checksum, checksum::udp(endpoint(new), endpoint(new), &payload));
        }
    }

    #[test]
    fn no_error_answers_an_error() {
        let datagram = Packet::udp(endpoint("192.0.2.1:1"), endpoint("192.0.2.2:2"), &b"x"[..]);
        let error = datagram.answer_with(datagram.dst, IcmpKind::PortUnreachable).unwrap();
        assert_eq!((error.src, error.dst), (datagram.dst, datagram.src));
        assert_eq!(error.answer_with(error.dst, IcmpKind::PortUnreachable), None);
    }
}
