//! The terms that describe a NAT: RFC 4787, and the variables that it leaves open. There are no defaults: name a preset or say every term.

mod ports;
mod validate;

pub use ports::{AfterExpiry, Pooling, PortAllocation, PortBlocks, PortContiguity, PortOverloading, PortParity, PortRange, Translation};
pub use validate::NatConfigError;

use crate::time::Ns;

/// When two packets of one internal endpoint share a mapping: RFC 4787, section 4.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MappingBehaviour {
    /// Always, whatever the destination (EIM).
    EndpointIndependent,
    /// Always, as long as the internal port could be preserved; an internal endpoint whose port is taken is mapped address and port-dependently (a NAT
    /// that changes its behaviour under conflict: RFC 4787, section 8, REQ-11).
    EndpointIndependentUntilConflict,
    /// When the destination address is the same (ADM).
    AddressDependent,
    /// When destination address and port are the same (APDM).
    AddressAndPortDependent,
}

/// Whom a mapping lets in: RFC 4787, section 5.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FilteringBehaviour {
    /// Anybody (EIF).
    EndpointIndependent,
    /// Addresses that the internal endpoint has sent to through the mapping (ADF).
    AddressDependent,
    /// Addresses and ports that the internal endpoint has sent to through the mapping (APDF).
    AddressAndPortDependent,
}

/// What happens to a packet from inside to an external endpoint of the same NAT: RFC 4787, section 6.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Hairpinning {
    /// Dropped.
    Off,
    /// Translated as if it came from outside, with the external endpoint as source (REQ-9a).
    ExternalSource,
    /// Translated back inside with the internal endpoint as source (violates REQ-9a). Mapping and filter count as with an external source.
    InternalSource,
}

/// Which packets restart a timer: RFC 4787, section 4.3.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Refresh {
    /// Packets from inside (REQ-6).
    Outbound,
    /// Packets from outside that the filter admits (violates REQ-6).
    Inbound,
    /// Both.
    Both,
}

impl Refresh {
    pub(super) fn by_outbound(self) -> bool {
        matches!(self, Self::Outbound | Self::Both)
    }

    pub(super) fn by_inbound(self) -> bool {
        matches!(self, Self::Inbound | Self::Both)
    }
}

/// An idle timer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timer {
    /// Idle time after which the state is gone; at least 1 ns.
    pub duration: Ns,
    /// What restarts the timer.
    pub refresh: Refresh,
}

/// Through which mapping the answer to an admitted packet leaves. RFC 4787 does not say; it decides which NAT pairs connect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ReverseBinding {
    /// Through the mapping that it came in by (conntrack and other session-based NATs).
    Session,
    /// Through the one that the mapping behaviour names, possibly a new one.
    Mapping,
}

/// What a packet leaves behind that no mapping admits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum UnsolicitedInbound {
    /// Nothing.
    Ignore,
    /// A session of the NAT itself, as Linux has when its INPUT chain accepts: while it lasts, the external port it hit cannot be used towards its
    /// source, so that a later packet from inside to that source leaves from another port.
    CreatesState {
        /// Idle time after which the session is gone (Linux: 30 s while unreplied).
        lifetime: Ns,
    },
}

/// What a NAT answers to a packet that no mapping admits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum UnsolicitedReply {
    /// Nothing.
    Silent,
    /// ICMP port unreachable.
    PortUnreachable,
}

/// What a NAT answers to a packet from inside for which a limit or the lack of a port leaves no mapping: RFC 5508, REQ-8.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LimitReply {
    /// Nothing.
    Silent,
    /// ICMP communication administratively prohibited (type 3, code 13), from the first external address.
    AdministrativelyProhibited,
}

/// What the box does with IPv6, which it never translates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Ipv6Policy {
    /// Routes it, unfiltered, like a router.
    Routed,
    /// Carries none.
    Absent,
}

/// Bounds of the tables; each at least 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NatLimits {
    /// Mappings. Existing ones are never evicted: RFC 6888, REQ-11.
    pub mappings: u32,
    /// Mappings of one internal address: RFC 6888, REQ-4 and REQ-5. At least as many as `mappings` means no limit of its own.
    pub mappings_per_subscriber: u32,
    /// Filter entries of one mapping.
    pub filters_per_mapping: u32,
    /// Reverse bindings of one mapping.
    pub bindings_per_mapping: u32,
    /// Sessions made by [`UnsolicitedInbound::CreatesState`]; when full, further ones leave no state.
    pub unsolicited: u32,
}

/// Everything that a NAT is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct NatConfig {
    /// When packets share a mapping.
    pub mapping: MappingBehaviour,
    /// Whom a mapping lets in.
    pub filtering: FilteringBehaviour,
    /// How external ports are picked.
    pub port_allocation: PortAllocation,
    /// The external ports.
    pub port_range: PortRange,
    /// Even and odd ports.
    pub port_parity: PortParity,
    /// Neighbouring ports.
    pub port_contiguity: PortContiguity,
    /// Ports that several mappings share.
    pub port_overloading: PortOverloading,
    /// Ports that a subscriber has to itself.
    pub port_blocks: PortBlocks,
    /// How long a port that has become free is not used again; 0 for not at all. RFC 6888, REQ-8 asks for 120 s.
    pub port_hold_down: Ns,
    /// What an internal endpoint gets after expiry.
    pub after_expiry: AfterExpiry,
    /// Which of several external addresses is used.
    pub pooling: Pooling,
    /// What is translated.
    pub translation: Translation,
    /// Inside to inside over the external address.
    pub hairpinning: Hairpinning,
    /// Idle timer of a mapping: RFC 4787, REQ-5 (at least 2 minutes, 5 recommended).
    pub mapping_timer: Timer,
    /// Idle time of a mapping that has not let anything in yet, where it differs (the first state of a two-state timer, such as Linux's 30 s); it is
    /// refreshed as `mapping_timer` is.
    pub unanswered_timer: Option<Ns>,
    /// Idle timer of a filter entry; outbound packets always make one.
    pub filter_timer: Timer,
    /// Which mapping answers take.
    pub reverse_binding: ReverseBinding,
    /// What refused packets leave behind.
    pub unsolicited_inbound: UnsolicitedInbound,
    /// What refused packets are answered with.
    pub unsolicited_reply: UnsolicitedReply,
    /// What packets from inside are answered with that get no mapping.
    pub limit_reply: LimitReply,
    /// What happens to IPv6.
    pub ipv6: Ipv6Policy,
    /// Bounds.
    pub limits: NatLimits,
}
