//! ICMP and ICMPv6 errors with the packet that they quote.

use super::{PacketError, Quote, Quoted};

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

impl Icmp {
    /// Whether the error is about a TCP segment.
    #[must_use]
    pub fn quotes_tcp(&self) -> bool {
        matches!(self.quote.quoted, Quoted::Tcp { .. })
    }

    pub(super) fn validate(&self, ipv6: bool) -> Result<(), PacketError> {
        self.quote.validate(ipv6)?;
        match self.kind {
            IcmpKind::PacketTooBig { mtu } if !ipv6 && mtu > u32::from(u16::MAX) => Err(PacketError::MtuTooLarge { mtu }),
            _ => Ok(()),
        }
    }
}
