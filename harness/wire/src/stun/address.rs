//! Transport addresses on the wire, plain and XORed (RFC 8489, sections 14.1 and 14.2).

use super::{AddressFamily, MAGIC_COOKIE, TransactionId};
use crate::{Malformed, Reason, reader::Reader};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// Reads a value of the MAPPED-ADDRESS form; the first byte is ignored as the RFC demands.
pub(super) fn decode(reader: &mut Reader<'_>) -> Result<SocketAddr, Malformed> {
    reader.u8("reserved byte of the address")?;
    let family_at = reader.offset();
    let family = AddressFamily(reader.u8("address family")?);
    let port = reader.u16("port")?;
    let ip = match family {
        AddressFamily::IPV4 => IpAddr::V4(Ipv4Addr::from(reader.array::<4>("IPv4 address")?)),
        AddressFamily::IPV6 => IpAddr::V6(Ipv6Addr::from(reader.array::<16>("IPv6 address")?)),
        AddressFamily(other) => {
            return Err(Malformed::at(family_at, Reason::Value { what: "address family", value: u32::from(other) }));
        }
    };
    Ok(SocketAddr::new(ip, port))
}

/// Writes a value of the MAPPED-ADDRESS form.
pub(super) fn encode(address: SocketAddr, out: &mut Vec<u8>) {
    out.extend([0, AddressFamily::of(address.ip()).0]);
    out.extend(address.port().to_be_bytes());
    match address.ip() {
        IpAddr::V4(ip) => out.extend(ip.octets()),
        IpAddr::V6(ip) => out.extend(ip.octets()),
    }
}

/// Combines an address with the magic cookie and the transaction id; its own inverse.
pub(super) fn xor(address: SocketAddr, transaction_id: TransactionId) -> SocketAddr {
    let port = address.port() ^ (MAGIC_COOKIE >> 16) as u16;
    let ip = match address.ip() {
        IpAddr::V4(ip) => IpAddr::V4(Ipv4Addr::from_bits(ip.to_bits() ^ MAGIC_COOKIE)),
        IpAddr::V6(ip) => {
            let mut mask = [0; 16];
            mask[..4].copy_from_slice(&MAGIC_COOKIE.to_be_bytes());
            mask[4..].copy_from_slice(&transaction_id.0);
            IpAddr::V6(Ipv6Addr::from_bits(ip.to_bits() ^ u128::from_be_bytes(mask)))
        }
    };
    SocketAddr::new(ip, port)
}
