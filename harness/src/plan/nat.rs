//! NATs of scenarios as terms of the simulator.

use super::preset_name;
use crate::scenario::model::{
    AfterExpiry, BlockAssignment, Dependence, Hairpinning, LimitReply, MappingDependence, NatRef, NatTerms, Pooling, Ports, Refresh,
    ReverseBinding, Translation, UnsolicitedInbound, UnsolicitedReply,
};
use nat_sim::{
    Access, FilteringBehaviour, MappingBehaviour, NatConfig, NatLimits, PortAllocation, PortBlocks, PortContiguity, PortOverloading,
    PortParity, PortRange, Timer,
};
use std::net::Ipv4Addr;

/// How long a session lives that an unsolicited packet made: Linux's 30 s for sessions that have seen no answer.
const UNSOLICITED_LIFETIME: u64 = 30 * iut::SECOND;

/// The simulator's terms for a NAT whose inside begins with the host `first_subscriber`.
pub(crate) fn nat_config(reference: &NatRef, first_subscriber: Ipv4Addr) -> NatConfig {
    match reference {
        NatRef::Custom(terms) => custom(terms, first_subscriber),
        preset => match nat_sim::preset(preset_name(preset)) {
            Some(Access::Nat(config)) => config,
            other => unreachable!("{} is laid out as no NAT: {other:?}", preset_name(preset)),
        },
    }
}

fn custom(terms: &NatTerms, first_subscriber: Ipv4Addr) -> NatConfig {
    let base = nat_config(&NatRef::FullCone, first_subscriber);
    NatConfig { limits: limits(terms, base.limits), ..allocation(terms, first_subscriber, behaviour(terms, base)) }
}

fn behaviour(terms: &NatTerms, base: NatConfig) -> NatConfig {
    NatConfig {
        mapping: match terms.mapping {
            MappingDependence::EndpointIndependent => MappingBehaviour::EndpointIndependent,
            MappingDependence::EndpointIndependentUntilConflict => MappingBehaviour::EndpointIndependentUntilConflict,
            MappingDependence::AddressDependent => MappingBehaviour::AddressDependent,
            MappingDependence::AddressAndPortDependent => MappingBehaviour::AddressAndPortDependent,
        },
        filtering: match terms.filtering {
            Dependence::EndpointIndependent => FilteringBehaviour::EndpointIndependent,
            Dependence::AddressDependent => FilteringBehaviour::AddressDependent,
            Dependence::AddressAndPortDependent => FilteringBehaviour::AddressAndPortDependent,
        },
        hairpinning: match terms.hairpinning {
            Hairpinning::Off => nat_sim::Hairpinning::Off,
            Hairpinning::ExternalSource => nat_sim::Hairpinning::ExternalSource,
            Hairpinning::InternalSource => nat_sim::Hairpinning::InternalSource,
        },
        mapping_timer: Timer { duration: terms.mapping_timer.0, refresh: refresh(terms.mapping_refresh) },
        unanswered_timer: terms.unanswered_timer.map(|timer| timer.0),
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
        limit_reply: match terms.limit_reply {
            LimitReply::Silent => nat_sim::LimitReply::Silent,
            LimitReply::AdministrativelyProhibited => nat_sim::LimitReply::AdministrativelyProhibited,
        },
        ..base
    }
}

fn allocation(terms: &NatTerms, first_subscriber: Ipv4Addr, base: NatConfig) -> NatConfig {
    NatConfig {
        port_allocation: match terms.ports {
            Ports::Preserve => PortAllocation::Preserve,
            Ports::PreserveAndSteal => PortAllocation::PreserveAndSteal,
            Ports::PreserveWithFallback => PortAllocation::PreserveWithFallback,
            Ports::Sequential => PortAllocation::Sequential,
            Ports::Random => PortAllocation::Random,
        },
        port_range: terms.port_range.map_or(base.port_range, |range| PortRange { first: range.first, last: range.last }),
        port_parity: if terms.port_parity { PortParity::Preserved } else { PortParity::Ignored },
        port_contiguity: if terms.port_contiguity { PortContiguity::Attempted } else { PortContiguity::Ignored },
        port_overloading: if terms.port_overloading { PortOverloading::DifferentRemotes } else { PortOverloading::Off },
        port_blocks: match terms.port_block.map(|block| (block.assignment, block.size)) {
            None => PortBlocks::Off,
            Some((BlockAssignment::OnDemand, size)) => PortBlocks::OnDemand { size },
            Some((BlockAssignment::Deterministic, size)) => PortBlocks::Deterministic { size, first_subscriber },
        },
        port_hold_down: terms.port_hold_down.map_or(0, |span| span.0),
        after_expiry: match terms.after_expiry {
            AfterExpiry::AllocateAnew => nat_sim::AfterExpiry::AllocateAnew,
            AfterExpiry::SameEndpoint => nat_sim::AfterExpiry::SameEndpoint,
        },
        pooling: match terms.pooling {
            Pooling::Paired => nat_sim::Pooling::Paired,
            Pooling::Arbitrary => nat_sim::Pooling::Arbitrary,
        },
        translation: match terms.translation {
            Translation::AddressAndPort => nat_sim::Translation::AddressAndPort,
            Translation::DynamicPool => nat_sim::Translation::DynamicPool,
            Translation::OneToOne => nat_sim::Translation::OneToOne { first_subscriber },
        },
        ..base
    }
}

fn limits(terms: &NatTerms, base: NatLimits) -> NatLimits {
    let mappings = terms.most_mappings.unwrap_or(base.mappings);
    NatLimits { mappings, mappings_per_subscriber: terms.most_mappings_per_subscriber.unwrap_or(mappings), ..base }
}

fn refresh(refresh: Refresh) -> nat_sim::Refresh {
    match refresh {
        Refresh::Outbound => nat_sim::Refresh::Outbound,
        Refresh::Inbound => nat_sim::Refresh::Inbound,
        Refresh::Both => nat_sim::Refresh::Both,
    }
}
