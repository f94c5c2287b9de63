//! Bytes to packets: the strict inverse of the encoder. What the structures cannot hold is refused, never dropped silently.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use bytes::Bytes;

use super::checksum::{self, PROTOCOL_TCP, PROTOCOL_UDP, Sum};
use super::encode::{DONT_FRAGMENT, PROTOCOL_ICMP, PROTOCOL_ICMPV6, type_and_code};
use super::{Body, Icmp, IcmpKind, Packet, Quote, Quoted, Segment, TcpFlags, tcp};

/// Why bytes are not a packet that the simulator can carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// A header or a length field reaches past the end.
    #[error("truncated {0}")]
    Truncated(&'static str),
    /// A length field contradicts the bytes, or bytes follow the packet.
    #[error("wrong length in {0}")]
    Length(&'static str),
    /// A checksum does not match.
    #[error("wrong checksum in {0}")]
    Checksum(&'static str),
    /// Neither IPv4 nor IPv6.
    #[error("ip version {0}")]
    Version(u8),
    /// IPv4 options.
    #[error("ipv4 options are not modelled")]
    Options,
    /// A fragment.
    #[error("fragments are not modelled")]
    Fragment,
    /// An IPv6 flow label.
    #[error("ipv6 flow labels are not modelled")]
    FlowLabel,
    /// A protocol (IPv6: next header) other than UDP, TCP and ICMP.
    #[error("ip protocol {0} is not modelled")]
    Protocol(u8),
    /// Bits of the TCP header that are reserved: RFC 9293, section 3.1.
    #[error("reserved bits of the tcp header are set")]
    TcpReserved,
    /// An ICMP message that is not one of [`IcmpKind`].
    #[error("icmp type {kind} code {code} is not modelled")]
    IcmpType {
        /// Type field.
        kind: u8,
        /// Code field.
        code: u8,
    },
}

/// What an IP header says.
struct Header {
    src: IpAddr,
    dst: IpAddr,
    ttl: u8,
    id: u16,
    traffic_class: u8,
    dont_fragment: bool,
    protocol: u8,
    /// Octets of this header.
    header_length: usize,
    /// Octets that follow this header by its own account.
    length: usize,
}

impl Packet {
    /// Reads one bare IPv4 or IPv6 packet. The payload shares the memory of `bytes`.
    ///
    /// # Errors
    /// Broken lengths or checksums, and everything that a [`Packet`] cannot hold (fragments, options, other protocols).
    pub fn decode(bytes: &Bytes) -> Result<Self, DecodeError> {
        let header = Header::decode(bytes)?;
        let body_bytes = bytes.slice(header.header_length..);
        if body_bytes.len() != header.length {
            return Err(if body_bytes.len() < header.length {
                DecodeError::Truncated("ip payload")
            } else {
                DecodeError::Length("ip header")
            });
        }
        let body = match (header.protocol, header.dst.is_ipv6()) {
            (PROTOCOL_UDP, _) => decode_udp(&header, &body_bytes)?,
            (PROTOCOL_TCP, _) => Body::Tcp(Box::new(decode_tcp(&header, &body_bytes)?)),
            (PROTOCOL_ICMP, false) | (PROTOCOL_ICMPV6, true) => Body::Icmp(Box::new(decode_icmp(&header, &body_bytes)?)),
            (protocol, _) => return Err(DecodeError::Protocol(protocol)),
        };
        let Header { src, dst, ttl, id, traffic_class, dont_fragment, .. } = header;
        Ok(Self { src, dst, ttl, id, traffic_class, dont_fragment, body })
    }
}

impl Header {
    fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        match bytes.first().map(|byte| byte >> 4) {
            None => Err(DecodeError::Truncated("ip header")),
            Some(4) => Self::decode_v4(bytes),
            Some(6) => Self::decode_v6(bytes),
            Some(version) => Err(DecodeError::Version(version)),
        }
    }

    fn decode_v4(bytes: &[u8]) -> Result<Self, DecodeError> {
        let header: &[u8; 20] = bytes.first_chunk().ok_or(DecodeError::Truncated("ipv4 header"))?;
        match header[0] & 0x0f {
            5 => {}
            6.. => return Err(DecodeError::Options),
            _ => return Err(DecodeError::Length("ipv4 header")),
        }
        let mut sum = Sum::ZERO;
        sum.add_bytes(header);
        if sum.checksum() != 0 {
            return Err(DecodeError::Checksum("ipv4 header"));
        }
        let flags = word(header, 6);
        if flags & !DONT_FRAGMENT != 0 {
            return Err(DecodeError::Fragment);
        }
        let address = |at: usize| IpAddr::from([header[at], header[at + 1], header[at + 2], header[at + 3]]);
        Ok(Self {
            src: address(12),
            dst: address(16),
            ttl: header[8],
            id: word(header, 4),
            traffic_class: header[1],
            dont_fragment: flags & DONT_FRAGMENT != 0,
            protocol: header[9],
            header_length: 20,
            length: usize::from(word(header, 2)).checked_sub(20).ok_or(DecodeError::Length("ipv4 header"))?,
        })
    }

    fn decode_v6(bytes: &[u8]) -> Result<Self, DecodeError> {
        let header: &[u8; 40] = bytes.first_chunk().ok_or(DecodeError::Truncated("ipv6 header"))?;
        if header[1] & 0x0f != 0 || header[2..4] != [0, 0] {
            return Err(DecodeError::FlowLabel);
        }
        let address = |at: usize| {
            let octets: [u8; 16] = std::array::from_fn(|i| header[at + i]);
            IpAddr::from(Ipv6Addr::from(octets))
        };
        Ok(Self {
            src: address(8),
            dst: address(24),
            ttl: header[7],
            id: 0,
            traffic_class: header[0] << 4 | header[1] >> 4,
            dont_fragment: true,
            protocol: header[6],
            header_length: 40,
            length: usize::from(word(header, 4)),
        })
    }
}

/// Source port, destination port, length, checksum.
type UdpHeader = (u16, u16, u16, u16);

fn udp_header(bytes: &[u8]) -> Result<UdpHeader, DecodeError> {
    let header: &[u8; 8] = bytes.first_chunk().ok_or(DecodeError::Truncated("udp header"))?;
    Ok((word(header, 0), word(header, 2), word(header, 4), word(header, 6)))
}

fn decode_udp(header: &Header, bytes: &Bytes) -> Result<Body, DecodeError> {
    let (src_port, dst_port, length, checksum) = udp_header(bytes)?;
    if usize::from(length) != bytes.len() {
        return Err(DecodeError::Length("udp header"));
    }
    let payload = bytes.slice(8..);
    let expected = checksum::udp(SocketAddr::new(header.src, src_port), SocketAddr::new(header.dst, dst_port), &payload);
    // No checksum is legal in IPv4 alone: RFC 768; RFC 8200, section 8.1.
    let absent = checksum == 0 && header.dst.is_ipv4();
    if !absent && checksum != expected {
        return Err(DecodeError::Checksum("udp header"));
    }
    Ok(Body::Udp { src_port, dst_port, payload })
}

fn decode_tcp(header: &Header, bytes: &Bytes) -> Result<Segment, DecodeError> {
    let fixed: &[u8; tcp::FIXED_HEADER] = bytes.first_chunk().ok_or(DecodeError::Truncated("tcp header"))?;
    let offset = usize::from(fixed[12] >> 4) * 4;
    if offset < tcp::FIXED_HEADER {
        return Err(DecodeError::Length("tcp header"));
    }
    if offset > bytes.len() {
        return Err(DecodeError::Truncated("tcp options"));
    }
    // A sum over bytes and their own checksum gives 0.
    if checksum::tcp(header.src, header.dst, bytes) != 0 {
        return Err(DecodeError::Checksum("tcp header"));
    }
    if fixed[12] & 0x0f != 0 {
        return Err(DecodeError::TcpReserved);
    }
    let number = |at: usize| u32::from(word(fixed, at)) << 16 | u32::from(word(fixed, at + 2));
    Ok(Segment {
        src_port: word(fixed, 0),
        dst_port: word(fixed, 2),
        sequence: number(4),
        acknowledgment: number(8),
        flags: TcpFlags(fixed[13]),
        window: word(fixed, 14),
        urgent: word(fixed, 18),
        options: bytes.slice(tcp::FIXED_HEADER..offset),
        payload: bytes.slice(offset..),
    })
}

fn decode_icmp(header: &Header, bytes: &Bytes) -> Result<Icmp, DecodeError> {
    let ipv6 = header.dst.is_ipv6();
    let fixed: &[u8; 8] = bytes.first_chunk().ok_or(DecodeError::Truncated("icmp header"))?;
    let mut sum = if ipv6 { Sum::of_pseudo_header(header.src, header.dst, PROTOCOL_ICMPV6, bytes.len()) } else { Sum::ZERO };
    sum.add_bytes(bytes);
    if sum.checksum() != 0 {
        return Err(DecodeError::Checksum("icmp header"));
    }
    let mtu = if ipv6 { u32::from(word(fixed, 4)) << 16 | u32::from(word(fixed, 6)) } else { u32::from(word(fixed, 6)) };
    let (kind, code) = (fixed[0], fixed[1]);
    let kinds = [
        IcmpKind::NoRoute,
        IcmpKind::HostUnreachable,
        IcmpKind::PortUnreachable,
        IcmpKind::AdministrativelyProhibited,
        IcmpKind::PacketTooBig { mtu },
        IcmpKind::TimeExceeded,
    ];
    let kind = kinds.into_iter().find(|known| type_and_code(*known, ipv6) == (kind, code)).ok_or(DecodeError::IcmpType { kind, code })?;
    Ok(Icmp { kind, quote: decode_quote(&bytes.slice(8..), ipv6)? })
}

fn decode_quote(bytes: &Bytes, ipv6: bool) -> Result<Quote, DecodeError> {
    let header = Header::decode(bytes)?;
    if header.dst.is_ipv6() != ipv6 {
        return Err(DecodeError::Version(if ipv6 { 4 } else { 6 }));
    }
    let content = bytes.slice(header.header_length..);
    // A sender may quote more than our encoder would: the excess tells nothing new.
    let limit = content.len().min(Quote::max_length(ipv6));
    let (src_port, dst_port, quoted) = match header.protocol {
        PROTOCOL_UDP => quoted_datagram(&header, &content, limit)?,
        PROTOCOL_TCP => quoted_segment(&header, &content, limit)?,
        protocol => return Err(DecodeError::Protocol(protocol)),
    };
    let Header { ttl, id, traffic_class, dont_fragment, .. } = header;
    let (src, dst) = (SocketAddr::new(header.src, src_port), SocketAddr::new(header.dst, dst_port));
    Ok(Quote { src, dst, ttl, id, traffic_class, dont_fragment, quoted })
}

fn quoted_datagram(header: &Header, content: &Bytes, limit: usize) -> Result<(u16, u16, Quoted), DecodeError> {
    let (src_port, dst_port, length, checksum) = udp_header(content)?;
    if usize::from(length) != header.length || content.len() > header.length {
        return Err(DecodeError::Length("quoted udp header"));
    }
    Ok((src_port, dst_port, Quoted::Udp { length, checksum, payload: content.slice(8..limit) }))
}

fn quoted_segment(header: &Header, content: &Bytes, limit: usize) -> Result<(u16, u16, Quoted), DecodeError> {
    let start: &[u8; 8] = content.first_chunk().ok_or(DecodeError::Truncated("quoted tcp header"))?;
    if header.length < tcp::FIXED_HEADER || content.len() > header.length {
        return Err(DecodeError::Length("quoted tcp header"));
    }
    let length = u16::try_from(header.length).map_err(|_| DecodeError::Length("quoted ip header"))?;
    Ok((word(start, 0), word(start, 2), Quoted::Tcp { length, after_ports: content.slice(4..limit) }))
}

fn word(bytes: &[u8], at: usize) -> u16 {
    u16::from_be_bytes([bytes[at], bytes[at + 1]])
}
