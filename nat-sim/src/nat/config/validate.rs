//! Which terms do not make a NAT.

use super::{
    FilteringBehaviour, MappingBehaviour, NatConfig, Pooling, PortAllocation, PortBlocks, PortContiguity, PortOverloading, PortParity,
    PortRange, Translation, UnsolicitedInbound,
};
use crate::time::Ns;

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
    /// A block of no port, or of more than the range has.
    #[error("a block of {size} ports does not fit a range of {range}")]
    PortBlock {
        /// Ports of a block.
        size: u16,
        /// Ports of the range.
        range: u32,
    },
    /// A timer of 0.
    #[error("the {0} timer is zero")]
    ZeroTimer(&'static str),
    /// A limit of 0.
    #[error("the limit of {0} is zero")]
    ZeroLimit(&'static str),
    /// Translation needs an external IPv4 address.
    #[error("a nat needs an external ipv4 address")]
    NoExternalAddress,
    /// One external IPv4 address is there twice.
    #[error("a nat has each external ipv4 address once")]
    DuplicateExternalAddress,
    /// Two terms that contradict each other.
    #[error("{term} needs {needs}")]
    Contradiction {
        /// The term.
        term: &'static str,
        /// What it needs beside it.
        needs: &'static str,
    },
}

impl NatConfig {
    /// Checks ranges, timers and limits, and that no two terms contradict each other.
    ///
    /// # Errors
    /// The first term that is out of range or contradicts another one.
    pub fn validate(&self) -> Result<(), NatConfigError> {
        let PortRange { first, last } = self.port_range;
        if first == 0 || last < first {
            return Err(NatConfigError::PortRange { first, last });
        }
        if let Some(size) = self.port_blocks.size()
            && (size == 0 || u32::from(size) > self.port_range.size())
        {
            return Err(NatConfigError::PortBlock { size, range: self.port_range.size() });
        }
        self.check_timers()?;
        self.check_limits()?;
        self.check_contradictions()
    }

    fn check_timers(&self) -> Result<(), NatConfigError> {
        let unsolicited_lifetime = match self.unsolicited_inbound {
            UnsolicitedInbound::Ignore => 1,
            UnsolicitedInbound::CreatesState { lifetime } => lifetime,
        };
        let timers: [(&str, Ns); 4] = [
            ("mapping", self.mapping_timer.duration),
            ("filter", self.filter_timer.duration),
            ("unsolicited", unsolicited_lifetime),
            ("unanswered", self.unanswered_timer.unwrap_or(1)),
        ];
        match timers.iter().find(|(_, duration)| *duration == 0) {
            Some((name, _)) => Err(NatConfigError::ZeroTimer(name)),
            None => Ok(()),
        }
    }

    fn check_limits(&self) -> Result<(), NatConfigError> {
        let limits = [
            ("mappings", self.limits.mappings),
            ("mappings per subscriber", self.limits.mappings_per_subscriber),
            ("filters per mapping", self.limits.filters_per_mapping),
            ("bindings per mapping", self.limits.bindings_per_mapping),
            ("unsolicited sessions", self.limits.unsolicited),
        ];
        match limits.iter().find(|(_, limit)| *limit == 0) {
            Some((name, _)) => Err(NatConfigError::ZeroLimit(name)),
            None => Ok(()),
        }
    }

    fn check_contradictions(&self) -> Result<(), NatConfigError> {
        let endpoint_independent = self.mapping == MappingBehaviour::EndpointIndependent;
        let overloads = self.port_overloading == PortOverloading::DifferentRemotes;
        let preserves = self.port_allocation.preserves();
        let address_only = self.translation != Translation::AddressAndPort;
        let steals = self.port_allocation == PortAllocation::PreserveAndSteal;
        let blocks = self.port_blocks != PortBlocks::Off;
        let rules = [
            (
                overloads && self.filtering != FilteringBehaviour::AddressAndPortDependent,
                "port overloading",
                "address and port-dependent filtering",
            ),
            (overloads && steals, "port overloading", "a port allocation that does not steal"),
            (overloads && self.port_hold_down > 0, "port overloading", "no hold-down of ports"),
            (steals && self.port_hold_down > 0, "port allocation that steals", "no hold-down of ports"),
            (address_only && self.pooling != Pooling::Paired, "translation of the address alone", "paired pooling"),
            (blocks && self.pooling != Pooling::Paired, "a block of ports per subscriber", "paired pooling"),
            (
                self.unanswered_timer.is_some_and(|unanswered| unanswered > self.mapping_timer.duration),
                "the unanswered timer",
                "a mapping timer that is at least as long",
            ),
            (self.port_contiguity == PortContiguity::Attempted && !endpoint_independent, "port contiguity", "endpoint-independent mapping"),
            (
                self.mapping == MappingBehaviour::EndpointIndependentUntilConflict
                    && self.port_allocation != PortAllocation::PreserveWithFallback,
                "mapping that is endpoint-independent until conflict",
                "port allocation that preserves with fallback",
            ),
            (
                address_only && self.port_allocation != PortAllocation::Preserve,
                "translation of the address alone",
                "port allocation that preserves",
            ),
            (address_only && !endpoint_independent, "translation of the address alone", "endpoint-independent mapping"),
            (address_only && blocks, "translation of the address alone", "no port blocks"),
            (address_only && overloads, "translation of the address alone", "no port overloading"),
            (
                blocks && preserves && self.port_allocation != PortAllocation::PreserveWithFallback,
                "a block of ports per subscriber",
                "port allocation that preserves with fallback, or does not preserve",
            ),
            (self.port_parity == PortParity::Preserved && self.port_range.size() < 2, "port parity", "a port range with both parities"),
        ];
        match rules.into_iter().find(|(broken, ..)| *broken) {
            Some((_, term, needs)) => Err(NatConfigError::Contradiction { term, needs }),
            None => Ok(()),
        }
    }
}
