//! NATs of scenarios as terms of the simulator.

use super::preset_name;
use crate::scenario::model::{
    Dependence, Hairpinning, NatRef, NatTerms, Ports, Refresh, ReverseBinding, UnsolicitedInbound, UnsolicitedReply,
};
use nat_sim::{Access, FilteringBehaviour, Ipv6Policy, MappingBehaviour, NatConfig, PortAllocation, Timer};

/// How long a session lives that an unsolicited packet made: Linux's 30 s for sessions that have seen no answer.
const UNSOLICITED_LIFETIME: u64 = 30 * iut::SECOND;

/// The simulator's terms for a NAT.
pub(super) fn nat_config(reference: &NatRef) -> NatConfig {
    match reference {
        NatRef::Custom(terms) => custom(terms),
        preset => match nat_sim::preset(preset_name(preset)) {
            Some(Access::Nat(config)) => config,
            other => unreachable!("{} is laid out as no NAT: {other:?}", preset_name(preset)),
        },
    }
}

fn custom(terms: &NatTerms) -> NatConfig {
    // Ranges and limits are those of every preset; scenarios cannot name them.
    let base = nat_config(&NatRef::FullCone);
    NatConfig {
        mapping: match terms.mapping {
            Dependence::EndpointIndependent => MappingBehaviour::EndpointIndependent,
            Dependence::AddressDependent => MappingBehaviour::AddressDependent,
            Dependence::AddressAndPortDependent => MappingBehaviour::AddressAndPortDependent,
        },
        filtering: match terms.filtering {
            Dependence::EndpointIndependent => FilteringBehaviour::EndpointIndependent,
            Dependence::AddressDependent => FilteringBehaviour::AddressDependent,
            Dependence::AddressAndPortDependent => FilteringBehaviour::AddressAndPortDependent,
        },
        port_allocation: match terms.ports {
            Ports::PreserveWithFallback => PortAllocation::PreserveWithFallback,
            Ports::Sequential => PortAllocation::Sequential,
            Ports::Random => PortAllocation::Random,
        },
        hairpinning: match terms.hairpinning {
            Hairpinning::Off => nat_sim::Hairpinning::Off,
            Hairpinning::ExternalSource => nat_sim::Hairpinning::ExternalSource,
        },
        mapping_timer: Timer { duration: terms.mapping_timer.0, refresh: refresh(terms.mapping_refresh) },
        filter_timer: Timer { duration: terms.filter_timer.0, refresh: refresh(terms.filter_refresh) },
        reverse_binding: match terms.reverse_binding {
            ReverseBinding::Session => nat_sim::ReverseBinding::Session,
            ReverseBinding::Mapping => nat_sim::ReverseBinding::Mapping,
        },
        unsolicited_inbound: match terms.unsolicited_inbound {
            UnsolicitedInbound::Ignore => nat_sim::UnsolicitedInbound::Ignore,
            UnsolicitedInbound::CreatesState => nat_sim::UnsolicitedInbound::CreatesState { lifetime: UNSOLICITED_LIFETIME },
        },
        unsolicited_reply: match terms.unsolicited_reply {
            UnsolicitedReply::Silent => nat_sim::UnsolicitedReply::Silent,
            UnsolicitedReply::PortUnreachable => nat_sim::UnsolicitedReply::PortUnreachable,
        },
        ipv6: Ipv6Policy::Routed,
        ..base
    }
}

fn refresh(refresh: Refresh) -> nat_sim::Refresh {
    match refresh {
        Refresh::Outbound => nat_sim::Refresh::Outbound,
        Refresh::Inbound => nat_sim::Refresh::Inbound,
        Refresh::Both => nat_sim::Refresh::Both,
    }
}
