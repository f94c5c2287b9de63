//! Named NATs. A preset expands to terms and to nothing else; the folk names (cone, symmetric) live here alone.

use crate::firewall::{FirewallConfig, UdpPolicy};
use crate::nat::config::{
    AfterExpiry, FilteringBehaviour, Hairpinning, Ipv6Policy, LimitReply, MappingBehaviour, NatConfig, NatLimits, Pooling, PortAllocation,
    PortBlocks, PortContiguity, PortOverloading, PortParity, PortRange, Refresh, ReverseBinding, Timer, Translation, UnsolicitedInbound,
    UnsolicitedReply,
};
use crate::time::SEC;

/// What stands between a host and the network around it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Access {
    /// Nothing.
    Open,
    /// A NAT.
    Nat(NatConfig),
    /// A firewall.
    Firewall(FirewallConfig),
}

/// The names that [`preset`] knows.
pub const PRESETS: &[&str] = &[
    "open",
    "full-cone",
    "restricted",
    "port-restricted",
    "symmetric",
    "symmetric-sequential",
    "udp-blocked",
    "linux-masquerade-drop",
    "linux-masquerade-accept",
];

/// Expands a preset name.
///
/// | name | mapping | filtering | ports | timers | reverse binding | unsolicited |
/// |---|---|---|---|---|---|---|
/// | `open` | | | | | | |
/// | `full-cone` | EIM | EIF | preserve with fallback | 300 s by outbound | mapping | ignore |
/// | `restricted` | EIM | ADF | preserve with fallback | 300 s by outbound | mapping | ignore |
/// | `port-restricted` | EIM | APDF | preserve with fallback | 300 s by outbound | mapping | ignore |
/// | `symmetric` | APDM | APDF | random | 300 s by outbound | mapping | ignore |
/// | `symmetric-sequential` | APDM | APDF | sequential | 300 s by outbound | mapping | ignore |
/// | `udp-blocked` | firewall that lets no UDP through | | | | | |
/// | `linux-masquerade-drop` | EIM | APDF | preserve with fallback | 120 s by both | session | ignore |
/// | `linux-masquerade-accept` | EIM | APDF | preserve with fallback | 120 s by both | session | creates state for 30 s, answers port unreachable |
///
/// The five named after RFC 3489 hairpin (external source, RFC 4787 REQ-9), the Linux ones do not; all route IPv6 unfiltered.
#[must_use]
pub fn preset(name: &str) -> Option<Access> {
    use {FilteringBehaviour as Filtering, MappingBehaviour as Mapping, PortAllocation as Ports};
    let apdm = Mapping::AddressAndPortDependent;
    let apdf = Filtering::AddressAndPortDependent;
    let preserve = Ports::PreserveWithFallback;
    let nat = match name {
        "open" => return Some(Access::Open),
        "udp-blocked" => return Some(Access::Firewall(FirewallConfig { udp: UdpPolicy::Block })),
        "full-cone" => rfc3489(Mapping::EndpointIndependent, Filtering::EndpointIndependent, preserve),
        "restricted" => rfc3489(Mapping::EndpointIndependent, Filtering::AddressDependent, preserve),
        "port-restricted" => rfc3489(Mapping::EndpointIndependent, apdf, preserve),
        "symmetric" => rfc3489(apdm, apdf, Ports::Random),
        "symmetric-sequential" => rfc3489(apdm, apdf, Ports::Sequential),
        "linux-masquerade-drop" => linux(UnsolicitedInbound::Ignore, UnsolicitedReply::Silent),
        "linux-masquerade-accept" => linux(UnsolicitedInbound::CreatesState { lifetime: 30 * SEC }, UnsolicitedReply::PortUnreachable),
        _ => return None,
    };
    Some(Access::Nat(nat))
}

fn rfc3489(mapping: MappingBehaviour, filtering: FilteringBehaviour, port_allocation: PortAllocation) -> NatConfig {
    let timer = Timer { duration: 300 * SEC, refresh: Refresh::Outbound };
    NatConfig {
        mapping,
        filtering,
        port_allocation,
        port_range: PORT_RANGE,
        port_parity: PortParity::Ignored,
        port_contiguity: PortContiguity::Ignored,
        port_overloading: PortOverloading::Off,
        port_blocks: PortBlocks::Off,
        port_hold_down: 0,
        after_expiry: AfterExpiry::AllocateAnew,
        pooling: Pooling::Paired,
        translation: Translation::AddressAndPort,
        hairpinning: Hairpinning::ExternalSource,
        mapping_timer: timer,
        unanswered_timer: None,
        filter_timer: timer,
        reverse_binding: ReverseBinding::Mapping,
        unsolicited_inbound: UnsolicitedInbound::Ignore,
        unsolicited_reply: UnsolicitedReply::Silent,
        limit_reply: LimitReply::Silent,
        ipv6: Ipv6Policy::Routed,
        limits: LIMITS,
    }
}

/// Netfilter's MASQUERADE without `--random`. Its 30 s for sessions that have seen no answer is not modelled (two-state timer).
fn linux(unsolicited_inbound: UnsolicitedInbound, unsolicited_reply: UnsolicitedReply) -> NatConfig {
    let timer = Timer { duration: 120 * SEC, refresh: Refresh::Both };
    NatConfig {
        hairpinning: Hairpinning::Off,
        mapping_timer: timer,
        filter_timer: timer,
        reverse_binding: ReverseBinding::Session,
        unsolicited_inbound,
        unsolicited_reply,
        ..rfc3489(MappingBehaviour::EndpointIndependent, FilteringBehaviour::AddressAndPortDependent, PortAllocation::PreserveWithFallback)
    }
}

/// All but the well-known ports: RFC 4787, REQ-3a.
const PORT_RANGE: PortRange = PortRange { first: 1_024, last: 65_535 };
const LIMITS: NatLimits = NatLimits {
    mappings: 16_384,
    mappings_per_subscriber: 16_384,
    filters_per_mapping: 1_024,
    bindings_per_mapping: 1_024,
    unsolicited: 16_384,
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_listed_name_expands_to_valid_terms_and_no_other_does() {
        for name in PRESETS {
            match preset(name) {
                Some(Access::Nat(config)) => assert_eq!(config.validate(), Ok(()), "{name}"),
                other => assert!(other.is_some(), "{name}"),
            }
        }
        assert_eq!(preset("cone"), None);
        assert_eq!(preset("Open"), None);
    }
}
