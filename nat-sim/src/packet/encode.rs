//! Packets to bytes: a bare IPv4 or IPv6 packet with right checksums (link type "raw IP").

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::checksum::{self, PROTOCOL_TCP, PROTOCOL_UDP, Sum};
use super::{Body, Icmp, IcmpKind, Packet, PacketError, Quote, Quoted, Segment};

/// IP protocol number of ICMP.
pub(super) const PROTOCOL_ICMP: u8 = 1;
/// Next-header number of ICMPv6.
pub(super) const PROTOCOL_ICMPV6: u8 = 58;
/// "Don't fragment" in the flags and fragment offset word of IPv4.
pub(super) const DONT_FRAGMENT: u16 = 0x4000;

/// The fields that an IP header takes from a packet or from a quote.
struct IpHeader {
    src: IpAddr,
    dst: IpAddr,
    ttl: u8,
    id: u16,
    traffic_class: u8,
    dont_fragment: bool,
    protocol: u8,
    /// Octets after this header.
    length: usize,
}

impl Packet {
    /// Appends the packet's bytes to `out`.
    ///
    /// # Errors
    /// What [`Packet::validate`] says; `out` is then unchanged.
    pub fn encode(&self, out: &mut Vec<u8>) -> Result<(), PacketError> {
        self.validate()?;
        match &self.body {
            Body::Udp { src_port, dst_port, payload } => {
                let (src, dst) = (SocketAddr::new(self.src, *src_port), SocketAddr::new(self.dst, *dst_port));
                let length = payload.len() + 8;
                self.header(PROTOCOL_UDP, length).encode(out);
                // `validate` bounds the length to 16 bits.
                encode_udp_header(out, src, dst, length as u16, checksum::udp(src, dst, payload));
                out.extend_from_slice(payload);
            }
            Body::Tcp(segment) => self.encode_tcp(segment, out),
            Body::Icmp(icmp) => self.encode_icmp(icmp, out),
        }
        Ok(())
    }

    fn header(&self, protocol: u8, length: usize) -> IpHeader {
        let Self { src, dst, ttl, id, traffic_class, dont_fragment, .. } = *self;
        IpHeader { src, dst, ttl, id, traffic_class, dont_fragment, protocol, length }
    }

    fn encode_tcp(&self, segment: &Segment, out: &mut Vec<u8>) {
        self.header(PROTOCOL_TCP, segment.length()).encode(out);
        let start = out.len();
        segment.encode(0, out);
        let checksum = checksum::tcp(self.src, self.dst, &out[start..]);
        out[start + 16..start + 18].copy_from_slice(&checksum.to_be_bytes());
    }

    fn encode_icmp(&self, icmp: &Icmp, out: &mut Vec<u8>) {
        let ipv6 = self.is_ipv6();
        let ip_header_length = if ipv6 { 40 } else { 20 };
        let length = 8 + ip_header_length + icmp.quote.quoted.quoted_length();
        self.header(if ipv6 { PROTOCOL_ICMPV6 } else { PROTOCOL_ICMP }, length).encode(out);

        let start = out.len();
        let ((kind, code), rest) = (type_and_code(icmp.kind, ipv6), rest_of_header(icmp.kind));
        out.extend_from_slice(&[kind, code, 0, 0]);
        out.extend_from_slice(&rest.to_be_bytes());
        encode_quote(&icmp.quote, out);

        // ICMP for IPv4 sums its message alone, ICMPv6 also the pseudo-header: RFC 4443, section 2.3.
        let mut sum = if ipv6 { Sum::of_pseudo_header(self.src, self.dst, PROTOCOL_ICMPV6, length) } else { Sum::ZERO };
        sum.add_bytes(&out[start..]);
        out[start + 2..start + 4].copy_from_slice(&sum.checksum().to_be_bytes());
    }
}

fn encode_quote(quote: &Quote, out: &mut Vec<u8>) {
    let Quote { ttl, id, traffic_class, dont_fragment, .. } = *quote;
    let (src, dst, protocol, length) = (quote.src.ip(), quote.dst.ip(), quote.quoted.protocol(), quote.quoted.whole_length());
    IpHeader { src, dst, ttl, id, traffic_class, dont_fragment, protocol, length }.encode(out);
    match &quote.quoted {
        Quoted::Udp { length, checksum, payload } => {
            encode_udp_header(out, quote.src, quote.dst, *length, *checksum);
            out.extend_from_slice(payload);
        }
        Quoted::Tcp { after_ports, .. } => {
            out.extend_from_slice(&quote.src.port().to_be_bytes());
            out.extend_from_slice(&quote.dst.port().to_be_bytes());
            out.extend_from_slice(after_ports);
        }
    }
}

fn encode_udp_header(out: &mut Vec<u8>, src: SocketAddr, dst: SocketAddr, length: u16, checksum: u16) {
    for word in [src.port(), dst.port(), length, checksum] {
        out.extend_from_slice(&word.to_be_bytes());
    }
}

impl IpHeader {
    fn encode(&self, out: &mut Vec<u8>) {
        match (self.src, self.dst) {
            (IpAddr::V4(src), IpAddr::V4(dst)) => self.encode_v4(src, dst, out),
            (IpAddr::V6(src), IpAddr::V6(dst)) => self.encode_v6(src, dst, out),
            _ => unreachable!("validated: source and destination are of one family"),
        }
    }

    fn encode_v4(&self, src: Ipv4Addr, dst: Ipv4Addr, out: &mut Vec<u8>) {
        let start = out.len();
        let flags = if self.dont_fragment { DONT_FRAGMENT } else { 0 };
        out.extend_from_slice(&[0x45, self.traffic_class]);
        out.extend_from_slice(&((20 + self.length) as u16).to_be_bytes());
        out.extend_from_slice(&self.id.to_be_bytes());
        out.extend_from_slice(&flags.to_be_bytes());
        out.extend_from_slice(&[self.ttl, self.protocol, 0, 0]);
        out.extend_from_slice(&src.octets());
        out.extend_from_slice(&dst.octets());
        let mut sum = Sum::ZERO;
        sum.add_bytes(&out[start..]);
        out[start + 10..start + 12].copy_from_slice(&sum.checksum().to_be_bytes());
    }

    fn encode_v6(&self, src: Ipv6Addr, dst: Ipv6Addr, out: &mut Vec<u8>) {
        let version_class_flow = 6u32 << 28 | u32::from(self.traffic_class) << 20;
        out.extend_from_slice(&version_class_flow.to_be_bytes());
        out.extend_from_slice(&(self.length as u16).to_be_bytes());
        out.extend_from_slice(&[self.protocol, self.ttl]);
        out.extend_from_slice(&src.octets());
        out.extend_from_slice(&dst.octets());
    }
}

pub(super) fn type_and_code(kind: IcmpKind, ipv6: bool) -> (u8, u8) {
    let (v4, v6) = match kind {
        IcmpKind::NoRoute => ((3, 0), (1, 0)),
        IcmpKind::HostUnreachable => ((3, 1), (1, 3)),
        IcmpKind::PortUnreachable => ((3, 3), (1, 4)),
        IcmpKind::AdministrativelyProhibited => ((3, 13), (1, 1)),
        IcmpKind::PacketTooBig { .. } => ((3, 4), (2, 0)),
        IcmpKind::TimeExceeded => ((11, 0), (3, 0)),
    };
    if ipv6 { v6 } else { v4 }
}

/// The second word of the ICMP header: the MTU (in IPv4 its lower half: RFC 1191) or unused.
fn rest_of_header(kind: IcmpKind) -> u32 {
    match kind {
        IcmpKind::PacketTooBig { mtu } => mtu,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packet::TcpFlags;
    use bytes::Bytes;

    fn hex(packet: &Packet) -> String {
        let mut bytes = Vec::new();
        packet.encode(&mut bytes).unwrap();
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// The expected bytes were read by tshark 4.0, which finds every checksum good.
    #[test]
    fn bytes_are_those_that_other_decoders_read() {
        let mut datagram = Packet::udp("192.168.1.2:5000".parse().unwrap(), "192.0.2.1:9999".parse().unwrap(), &b"hello"[..]);
        (datagram.id, datagram.traffic_class) = (7, 0xb8);
        assert_eq!(hex(&datagram), "45b80021000740004011b661c0a80102c00002011388270f000dfdbe68656c6c6f");
        let datagram = Packet::udp("[fd00::2]:5000".parse().unwrap(), "[2001:db8::1]:9999".parse().unwrap(), &b"hello"[..]);
        let error = datagram.answer_with(datagram.dst, IcmpKind::PortUnreachable).unwrap();
        let (header, quote) = (
            "60000000003d3a4020010db8000000000000000000000001fd0000000000000000000000000000020104629800000000",
            "60000000000d1140fd00000000000000000000000000000220010db80000000000000000000000011388270f000d56ae68656c6c6f",
        );
        assert_eq!(hex(&error), format!("{header}{quote}"));
    }

    /// As above: tshark 4.0 reads a SYN with its options, and an error that quotes it.
    #[test]
    fn segments_are_those_that_other_decoders_read() {
        let (src, dst) = ("192.168.1.2".parse().unwrap(), "192.0.2.1".parse().unwrap());
        let options = Bytes::from_static(&[2, 4, 5, 0xb4]);
        let syn = Segment { sequence: 0x0102_0304, window: 64_240, options, ..Segment::new(5000, 443, TcpFlags::SYN) };
        let packet = Packet::tcp(src, dst, syn);
        assert_eq!(hex(&packet), "4500002c000040004006b720c0a80102c0000201138801bb01020304000000006002faf000410000020405b4");
        let answer = packet.answer_with(dst, IcmpKind::AdministrativelyProhibited).unwrap();
        let (headers, quote) = (
            "45000048000040004001b709c0000201c0a80102030d80bd00000000",
            "4500002c000040004006b720c0a80102c0000201138801bb01020304000000006002faf000410000020405b4",
        );
        assert_eq!(hex(&answer), format!("{headers}{quote}"));
    }

    #[test]
    fn what_cannot_exist_leaves_the_buffer_alone() {
        let mut out = vec![1, 2];
        let too_long = Packet::udp("192.0.2.1:1".parse().unwrap(), "192.0.2.2:2".parse().unwrap(), vec![0; 65_508]);
        assert_eq!(too_long.encode(&mut out), Err(PacketError::PayloadTooLong { length: 65_508, limit: 65_507 }));
        assert_eq!(out, [1, 2]);
    }
}
