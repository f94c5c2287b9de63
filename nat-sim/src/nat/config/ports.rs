//! The terms by which external addresses and ports are picked: RFC 4787, sections 4.1 and 4.2; RFC 6888; RFC 7422.

use std::net::Ipv4Addr;

/// How the NAT picks an external port: RFC 4787, section 4.2.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PortAllocation {
    /// The internal port, also outside the port range; where it is taken the packet is dropped.
    Preserve,
    /// The internal port, also outside the port range; a random free port of the range where it is taken.
    PreserveWithFallback,
    /// The internal port, also outside the port range; where it is taken, the mapping that has it is lost (the last one wins).
    PreserveAndSteal,
    /// The next free port of the range after the previous one; the first one depends on the seed.
    Sequential,
    /// A random free port of the range.
    Random,
}

impl PortAllocation {
    /// Whether the internal port comes first.
    pub(in crate::nat) fn preserves(self) -> bool {
        matches!(self, Self::Preserve | Self::PreserveWithFallback | Self::PreserveAndSteal)
    }
}

/// External ports to allocate from, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PortRange {
    /// Lowest port, at least 1.
    pub first: u16,
    /// Highest port.
    pub last: u16,
}

impl PortRange {
    /// How many ports it has.
    pub(in crate::nat) fn size(self) -> u32 {
        u32::from(self.last - self.first) + 1
    }

    pub(in crate::nat) fn contains(self, port: u16) -> bool {
        (self.first..=self.last).contains(&port)
    }
}

/// Whether an external port is even where the internal one is, and odd where it is odd: RFC 4787, section 4.2.2 (REQ-4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PortParity {
    /// No port is refused for its parity.
    Ignored,
    /// A port of the other parity is never used.
    Preserved,
}

/// Whether neighbouring internal ports (RTP and RTCP) get neighbouring external ones: RFC 4787, section 4.2.3.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PortContiguity {
    /// By chance alone.
    Ignored,
    /// An odd internal port gets the port after that of the even port below it, an even one the port before that of the odd port above it, if it is
    /// free. Needs endpoint-independent mapping.
    Attempted,
}

/// Whether mappings share an external port: RFC 4787, section 4.2.1 (REQ-3 forbids it for UDP); RFC 7857, section 3.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PortOverloading {
    /// Never.
    Off,
    /// While they talk to different remotes: a packet from outside is looked up by its whole 5-tuple, so filtering is address and port-dependent. A
    /// session whose 5-tuple is taken leaves by another port.
    DifferentRemotes,
}

/// Whether a subscriber (an internal address) has a block of external ports to itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PortBlocks {
    /// All subscribers share the port range.
    Off,
    /// The first free block when the subscriber's first mapping is made, for as long as it has mappings: RFC 6888, REQ-14.
    OnDemand {
        /// Ports of a block; 1 to the size of the port range.
        size: u16,
    },
    /// A block that follows from the internal address alone, so that nothing needs to be logged: RFC 7422, section 2. The subscribers are numbered by
    /// their addresses, and fill the blocks of the first external address, then of the second, and so on.
    Deterministic {
        /// Ports of a block; 1 to the size of the port range.
        size: u16,
        /// The internal address of the first subscriber.
        first_subscriber: Ipv4Addr,
    },
}

impl PortBlocks {
    /// Ports of a block, where there are blocks.
    pub(in crate::nat) fn size(self) -> Option<u16> {
        match self {
            Self::Off => None,
            Self::OnDemand { size } | Self::Deterministic { size, .. } => Some(size),
        }
    }
}

/// What an internal endpoint gets whose mapping has expired: RFC 4787 leaves it open; it decides what ICE restarts and consent see.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AfterExpiry {
    /// What the port allocation gives to anybody.
    AllocateAnew,
    /// The external endpoint that it had, if that is free: hold-down does not apply to its former owner.
    SameEndpoint,
}

/// Which of several external addresses a mapping gets: RFC 4787, section 4.1 (REQ-2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Pooling {
    /// The one that the subscriber's other mappings have; subscribers take the addresses in turn. Where that one has no port left, the packet is dropped.
    Paired,
    /// A random one for each mapping, where it has no port left the next one.
    Arbitrary,
}

/// What is translated: RFC 3022, sections 2.1 and 2.2.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Translation {
    /// Address and port (NAPT, PAT).
    AddressAndPort,
    /// The address alone (basic NAT): a subscriber has a free external address to itself while it has mappings.
    DynamicPool,
    /// The address alone, one to one: the subscribers are numbered by their addresses and the n-th has the n-th external address for ever.
    OneToOne {
        /// The internal address of the first subscriber.
        first_subscriber: Ipv4Addr,
    },
}
