//! The terms that describe a NAT: RFC 4787, and the variables that it leaves open. There are no defaults: name a preset or say every term.

use crate::time::Ns;

/// When two packets of one internal endpoint share a mapping: RFC 4787, section 4.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MappingBehaviour {
    /// Always, whatever the destination (EIM).
    EndpointIndependent,
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

/// How the NAT picks an external port: RFC 4787, section 4.2.1. No two mappings share an external port (no overloading: REQ-3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PortAllocation {
    /// The internal port, also outside the port range; a random free port of the range where it is taken.
    PreserveWithFallback,
    /// The next free port of the range after the previous one; the first one depends on the seed.
    Sequential,
    /// A random free port of the range.
    Random,
}

/// External ports to allocate from, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PortRange {
    /// Lowest port, at least 1.
    pub first: u16,
    /// Highest port.
    pub last: u16,
}

/// What happens to a packet from inside to an external endpoint of the same NAT: RFC 4787, section 6.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Hairpinning {
    /// Dropped.
    Off,
    /// Translated as if it came from outside, with the external endpoint as source (REQ-9a).
    ExternalSource,
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
    /// Inside to inside over the external address.
    pub hairpinning: Hairpinning,
    /// Idle timer of a mapping: RFC 4787, REQ-5 (at least 2 minutes, 5 recommended).
    pub mapping_timer: Timer,
    /// Idle timer of a filter entry; outbound packets always make one.
    pub filter_timer: Timer,
    /// Which mapping answers take.
    pub reverse_binding: ReverseBinding,
    /// What refused packets leave behind.
    pub unsolicited_inbound: UnsolicitedInbound,
    /// What refused packets are answered with.
    pub unsolicited_reply: UnsolicitedReply,
    /// What happens to IPv6.
    pub ipv6: Ipv6Policy,
    /// Bounds.
    pub limits: NatLimits,
}

/// A NAT that cannot be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NatConfigError {
    /// Port 0, or the last port below the first.
    #[error("port range {first} to {last} is empty or contains port 0")]
    PortRange {
        /// Lowest port.
        first: u16,
        /// Highest port.
        last: u16,
    },
    /// A timer of 0.
    #[error("the {0} timer is zero")]
    ZeroTimer(&'static str),
    /// A limit of 0.
    #[error("the limit of {0} is zero")]
    ZeroLimit(&'static str),
    /// Exactly one external IPv4 address is needed: pools are not modelled.
    #[error("a nat needs exactly one external ipv4 address (pools are not modelled), got {0}")]
    ExternalAddresses(usize),
}

impl NatConfig {
    /// Checks ranges, timers and limits.
    ///
    /// # Errors
    /// The first term that is out of range.
    pub fn validate(&self) -> Result<(), NatConfigError> {
        let PortRange { first, last } = self.port_range;
        if first == 0 || last < first {
            return Err(NatConfigError::PortRange { first, last });
        }
        let unsolicited_lifetime = match self.unsolicited_inbound {
            UnsolicitedInbound::Ignore => 1,
            UnsolicitedInbound::CreatesState { lifetime } => lifetime,
        };
        let timers =
            [("mapping", self.mapping_timer.duration), ("filter", self.filter_timer.duration), ("unsolicited", unsolicited_lifetime)];
        if let Some((name, _)) = timers.iter().find(|(_, duration)| *duration == 0) {
            return Err(NatConfigError::ZeroTimer(name));
        }
        let limits = [
            ("mappings", self.limits.mappings),
            ("filters per mapping", self.limits.filters_per_mapping),
            ("bindings per mapping", self.limits.bindings_per_mapping),
            ("unsolicited sessions", self.limits.unsolicited),
        ];
        match limits.iter().find(|(_, limit)| *limit == 0) {
            Some((name, _)) => Err(NatConfigError::ZeroLimit(name)),
            None => Ok(()),
        }
    }
}
