//! Packets as structures. Bytes are made at the edges only (captures, ICMP quotes, bridges): encoding every hop costs seven times the rest.

mod checksum;
mod decode;
mod encode;
mod icmp;
mod quote;
mod tcp;

use std::net::{IpAddr, SocketAddr};

use bytes::Bytes;

pub use decode::DecodeError;
pub use icmp::{Icmp, IcmpKind};
pub use quote::{Quote, Quoted};
pub use tcp::{Segment, TcpFlags};

/// Time to live (hop limit) of packets made by [`Packet::udp`]: RFC 1700 and common practice.
pub const DEFAULT_TTL: u8 = 64;
/// The longest UDP payload in an IPv4 packet: 65,535 octets less the IPv4 and UDP headers.
pub const MAX_UDP_PAYLOAD_V4: usize = 65_535 - 20 - 8;
/// The longest UDP payload in an IPv6 packet without jumbograms: 65,535 octets less the UDP header.
pub const MAX_UDP_PAYLOAD_V6: usize = 65_535 - 8;

/// An IPv4 or IPv6 packet. Cloning is cheap: the payload is shared, never copied per hop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packet {
    /// Source address.
    pub src: IpAddr,
    /// Destination address, of the same family as the source.
    pub dst: IpAddr,
    /// Time to live, in IPv6 the hop limit.
    pub ttl: u8,
    /// IPv4 identification (RFC 6864), 0 in IPv6, which has none. A host numbers the IPv4 packets that it sends with 0 here.
    pub id: u16,
    /// Differentiated services code point (upper six bits) and ECN field (lower two): RFC 2474, RFC 3168.
    pub traffic_class: u8,
    /// IPv4 "don't fragment". Always so in IPv6.
    pub dont_fragment: bool,
    /// What the packet carries.
    pub body: Body,
}

/// What a packet carries. What is rare stands behind a pointer, so that a datagram stays as small as it can be.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Body {
    /// A UDP datagram: RFC 768.
    Udp {
        /// Source port.
        src_port: u16,
        /// Destination port.
        dst_port: u16,
        /// Payload, shared between all copies of the packet.
        payload: Bytes,
    },
    /// A TCP segment: RFC 9293.
    Tcp(Box<Segment>),
    /// An ICMP or ICMPv6 error, by the family of the packet: RFC 792, RFC 4443.
    Icmp(Box<Icmp>),
}

/// A packet that no wire can carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PacketError {
    /// Source and destination are of different families.
    #[error("source {src} and destination {dst} are of different address families")]
    MixedFamilies {
        /// Source address.
        src: IpAddr,
        /// Destination address.
        dst: IpAddr,
    },
    /// The payload does not fit into an IP packet.
    #[error("a payload of {length} octets is longer than the {limit} that fit")]
    PayloadTooLong {
        /// Octets given.
        length: usize,
        /// Octets that fit.
        limit: usize,
    },
    /// The options of a TCP segment do not fit its header.
    #[error("tcp options of {length} octets: a header has room for 40, in steps of 4")]
    TcpOptions {
        /// Octets given.
        length: usize,
    },
    /// ICMP for IPv4 carries a next-hop MTU of 16 bits: RFC 1191, section 4.
    #[error("next-hop mtu {mtu} does not fit the 16 bits that icmp for ipv4 has")]
    MtuTooLarge {
        /// The MTU given.
        mtu: u32,
    },
    /// The quoted packet is of the other family, or its length contradicts what is quoted of it.
    #[error("an icmp error must quote a packet of its own address family, with a length that covers the quoted payload")]
    BadQuote,
}

impl Packet {
    /// A UDP datagram with usual header fields.
    #[must_use]
    pub fn udp(src: SocketAddr, dst: SocketAddr, payload: impl Into<Bytes>) -> Self {
        let body = Body::Udp { src_port: src.port(), dst_port: dst.port(), payload: payload.into() };
        Self { src: src.ip(), dst: dst.ip(), ttl: DEFAULT_TTL, id: 0, traffic_class: 0, dont_fragment: true, body }
    }

    /// A TCP segment with usual header fields around it.
    #[must_use]
    pub fn tcp(src: IpAddr, dst: IpAddr, segment: Segment) -> Self {
        let body = Body::Tcp(Box::new(segment));
        Self { src, dst, ttl: DEFAULT_TTL, id: 0, traffic_class: 0, dont_fragment: true, body }
    }

    /// An ICMP error from `src` to `dst` about a quoted packet.
    #[must_use]
    pub fn icmp_error(src: IpAddr, dst: IpAddr, kind: IcmpKind, quote: Quote) -> Self {
        let body = Body::Icmp(Box::new(Icmp { kind, quote }));
        Self { src, dst, ttl: DEFAULT_TTL, id: 0, traffic_class: 0, dont_fragment: true, body }
    }

    /// The error that a node at `from` answers this packet with; `None` for packets about which no ICMP error may be sent (RFC 1122, section 3.2.2).
    #[must_use]
    pub fn answer_with(&self, from: IpAddr, kind: IcmpKind) -> Option<Self> {
        let answerable = !self.dst.is_multicast() && !self.src.is_multicast() && !self.src.is_unspecified();
        let quote = Quote::of(self)?;
        answerable.then(|| Self::icmp_error(from, self.src, kind, quote))
    }

    /// Source and destination of a UDP datagram or TCP segment.
    #[must_use]
    pub fn endpoints(&self) -> Option<(SocketAddr, SocketAddr)> {
        let (src_port, dst_port) = match &self.body {
            Body::Udp { src_port, dst_port, .. } => (*src_port, *dst_port),
            Body::Tcp(segment) => (segment.src_port, segment.dst_port),
            Body::Icmp(_) => return None,
        };
        Some((SocketAddr::new(self.src, src_port), SocketAddr::new(self.dst, dst_port)))
    }

    /// The TCP segment.
    #[must_use]
    pub fn segment(&self) -> Option<&Segment> {
        match &self.body {
            Body::Tcp(segment) => Some(segment),
            Body::Udp { .. } | Body::Icmp(_) => None,
        }
    }

    /// Source address and port of a UDP datagram.
    #[must_use]
    pub fn udp_source(&self) -> Option<SocketAddr> {
        match &self.body {
            Body::Udp { src_port, .. } => Some(SocketAddr::new(self.src, *src_port)),
            Body::Tcp(_) | Body::Icmp(_) => None,
        }
    }

    /// Destination address and port of a UDP datagram.
    #[must_use]
    pub fn udp_destination(&self) -> Option<SocketAddr> {
        match &self.body {
            Body::Udp { dst_port, .. } => Some(SocketAddr::new(self.dst, *dst_port)),
            Body::Tcp(_) | Body::Icmp(_) => None,
        }
    }

    /// Payload of a UDP datagram.
    #[must_use]
    pub fn udp_payload(&self) -> Option<&Bytes> {
        match &self.body {
            Body::Udp { payload, .. } => Some(payload),
            Body::Tcp(_) | Body::Icmp(_) => None,
        }
    }

    /// Octets of the encoded packet.
    #[must_use]
    pub fn length(&self) -> usize {
        let header = if self.is_ipv6() { 40 } else { 20 };
        match &self.body {
            Body::Udp { payload, .. } => header + 8 + payload.len(),
            Body::Tcp(segment) => header + segment.length(),
            Body::Icmp(icmp) => header + 8 + header + icmp.quote.quoted.quoted_length(),
        }
    }

    /// Whether the packet is IPv6.
    #[must_use]
    pub fn is_ipv6(&self) -> bool {
        self.dst.is_ipv6()
    }

    /// Checks that a wire could carry the packet.
    ///
    /// # Errors
    /// Addresses of two families, a payload that does not fit, an MTU that does not fit, a quote of the wrong kind.
    pub fn validate(&self) -> Result<(), PacketError> {
        if self.src.is_ipv4() != self.dst.is_ipv4() {
            return Err(PacketError::MixedFamilies { src: self.src, dst: self.dst });
        }
        match &self.body {
            Body::Udp { payload, .. } => {
                let limit = if self.is_ipv6() { MAX_UDP_PAYLOAD_V6 } else { MAX_UDP_PAYLOAD_V4 };
                let length = payload.len();
                if length > limit { Err(PacketError::PayloadTooLong { length, limit }) } else { Ok(()) }
            }
            Body::Tcp(segment) => segment.validate(self.is_ipv6()),
            Body::Icmp(icmp) => icmp.validate(self.is_ipv6()),
        }
    }
}
