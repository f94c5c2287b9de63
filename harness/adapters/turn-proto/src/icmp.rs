//! An ICMP error as bytes, which is how turn-server-proto takes it: the ICMP header, then the IP and UDP headers of the datagram that it is about.
//!
//! Checksums stay zero: a host's ICMP layer has checked them before a program sees the error.

use iut::{IcmpError, IcmpKind};
use std::net::{IpAddr, SocketAddr};

const UDP: u8 = 17;
const UDP_HEADER: u16 = 8;

/// The bytes of `error`; `None` when its two addresses are of different families.
pub(crate) fn encode(error: &IcmpError) -> Option<Vec<u8>> {
    let (kind, code, data) = match (error.kind, error.local.is_ipv4()) {
        (IcmpKind::PortUnreachable, true) => (3, 3, 0),
        (IcmpKind::PortUnreachable, false) => (1, 4, 0),
        (IcmpKind::HostUnreachable, true) => (3, 1, 0),
        (IcmpKind::HostUnreachable, false) => (1, 3, 0),
        (IcmpKind::AdministrativelyProhibited, true) => (3, 13, 0),
        (IcmpKind::AdministrativelyProhibited, false) => (1, 1, 0),
        (IcmpKind::PacketTooBig { mtu }, true) => (3, 4, u32::from(mtu)),
        (IcmpKind::PacketTooBig { mtu }, false) => (2, 0, u32::from(mtu)),
        (IcmpKind::TimeExceeded, true) => (11, 0, 0),
        (IcmpKind::TimeExceeded, false) => (3, 0, 0),
    };
    let mut bytes = vec![kind, code, 0, 0];
    bytes.extend(data.to_be_bytes());
    quote(&mut bytes, error.local, error.remote)?;
    Some(bytes)
}

fn quote(bytes: &mut Vec<u8>, source: SocketAddr, destination: SocketAddr) -> Option<()> {
    match (source.ip(), destination.ip()) {
        (IpAddr::V4(from), IpAddr::V4(to)) => {
            let total = (20 + UDP_HEADER).to_be_bytes();
            bytes.extend([0x45, 0, total[0], total[1], 0, 0, 0, 0, 64, UDP, 0, 0]);
            bytes.extend(from.octets());
            bytes.extend(to.octets());
        }
        (IpAddr::V6(from), IpAddr::V6(to)) => {
            let length = UDP_HEADER.to_be_bytes();
            bytes.extend([0x60, 0, 0, 0, length[0], length[1], UDP, 64]);
            bytes.extend(from.octets());
            bytes.extend(to.octets());
        }
        _ => return None,
    }
    for field in [source.port(), destination.port(), UDP_HEADER, 0] {
        bytes.extend(field.to_be_bytes());
    }
    Some(())
}
