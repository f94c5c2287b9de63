//! Every combination of mapping, filtering and port allocation, found out from outside as RFC 5780 does, and the other terms one by one.

use std::collections::BTreeSet;

use nat_sim::{
    DropReason, FilteringBehaviour, Hairpinning, MappingBehaviour, NatConfig, PortAllocation, PortRange, Refresh, ReverseBinding, SEC,
    Timer, UnsolicitedInbound, UnsolicitedReply,
};

use crate::support::{SERVER_A, SERVER_A_OTHER_PORT, SERVER_B, SERVER_B_OTHER_PORT, World, at, home, nat};

pub(crate) const MAPPINGS: [MappingBehaviour; 3] =
    [MappingBehaviour::EndpointIndependent, MappingBehaviour::AddressDependent, MappingBehaviour::AddressAndPortDependent];
pub(crate) const FILTERS: [FilteringBehaviour; 3] =
    [FilteringBehaviour::EndpointIndependent, FilteringBehaviour::AddressDependent, FilteringBehaviour::AddressAndPortDependent];

/// RFC 5780, section 4.3: three requests from one port.
fn observed_mapping(world: &mut World) -> MappingBehaviour {
    let local = "192.168.1.2:5000";
    let first = world.seen_source("alice", local, SERVER_A);
    let second = world.seen_source("alice", local, SERVER_B);
    if first == second {
        return MappingBehaviour::EndpointIndependent;
    }
    let third = world.seen_source("alice", local, SERVER_B_OTHER_PORT);
    if second == third { MappingBehaviour::AddressDependent } else { MappingBehaviour::AddressAndPortDependent }
}

/// RFC 5780, section 4.4, from a port that has no earlier contacts.
fn observed_filtering(world: &mut World) -> FilteringBehaviour {
    let mapped = world.seen_source("alice", "192.168.1.2:6000", SERVER_A).to_string();
    assert!(world.deliver("server-a", SERVER_A, &mapped).is_some(), "the address contacted may always answer");
    if world.deliver("server-b", SERVER_B_OTHER_PORT, &mapped).is_some() {
        return FilteringBehaviour::EndpointIndependent;
    }
    match world.deliver("server-a", SERVER_A_OTHER_PORT, &mapped) {
        Some(_) => FilteringBehaviour::AddressDependent,
        None => FilteringBehaviour::AddressAndPortDependent,
    }
}

#[test]
fn every_nat_is_observed_as_it_is_configured() {
    let allocations = [PortAllocation::PreserveWithFallback, PortAllocation::Sequential, PortAllocation::Random];
    for (mapping, filtering) in MAPPINGS.into_iter().flat_map(|mapping| FILTERS.map(|filtering| (mapping, filtering))) {
        for port_allocation in allocations {
            for reverse_binding in [ReverseBinding::Session, ReverseBinding::Mapping] {
                let config = NatConfig { mapping, filtering, port_allocation, reverse_binding, ..nat("full-cone") };
                let world = &mut home(config, 7);
                assert_eq!((observed_mapping(world), observed_filtering(world)), (mapping, filtering), "{config:?}");
            }
        }
    }
}

#[test]
fn port_allocation_shows_in_the_mapped_ports() {
    let ports = |allocation| {
        let config = NatConfig { port_allocation: allocation, ..nat("symmetric") };
        let mut world = home(config, 7);
        let targets = [SERVER_A, SERVER_A_OTHER_PORT, SERVER_B, SERVER_B_OTHER_PORT];
        targets.map(|target| world.seen_source("alice", "192.168.1.2:5000", target).port())
    };
    let preserved = ports(PortAllocation::PreserveWithFallback);
    assert_eq!(preserved[0], 5000, "the first mapping keeps the port");
    assert_eq!(BTreeSet::from(preserved).len(), 4, "the others cannot: {preserved:?}");
    let sequential = ports(PortAllocation::Sequential);
    assert!(sequential.windows(2).all(|pair| pair[1] == pair[0] + 1), "{sequential:?}");
    let random = ports(PortAllocation::Random);
    assert!(random.windows(2).all(|pair| pair[0].abs_diff(pair[1]) > 1), "{random:?}");
}

#[test]
fn a_second_host_with_the_same_port_gets_another_one_and_keeps_it() {
    let mut world = home(nat("port-restricted"), 7);
    assert_eq!(world.seen_source("alice", "192.168.1.2:5000", SERVER_A), at("203.0.113.1:5000"));
    let bob = world.seen_source("bob", "192.168.1.3:5000", SERVER_A);
    assert_ne!(bob.port(), 5000);
    assert_eq!(world.seen_source("bob", "192.168.1.3:5000", SERVER_B), bob);
    assert_eq!(world.deliver("server-a", SERVER_A, &bob.to_string()).unwrap().host, world.id("bob"));
    assert_eq!(world.deliver("server-a", SERVER_A, "203.0.113.1:5000").unwrap().host, world.id("alice"));
}

#[test]
fn hairpinned_packets_come_from_the_external_endpoint() {
    for preset in ["full-cone", "restricted", "port-restricted", "symmetric"] {
        let mut world = home(nat(preset), 7);
        let alice = world.seen_source("alice", "192.168.1.2:5000", SERVER_A);
        let bob = world.seen_source("bob", "192.168.1.3:6000", SERVER_A).to_string();
        let towards_bob = world.deliver("alice", "192.168.1.2:5000", &bob);
        if preset == "full-cone" {
            let delivery = towards_bob.unwrap();
            assert_eq!((delivery.host, delivery.packet.udp_source()), (world.id("bob"), Some(alice)));
            assert_eq!(delivery.packet.udp_destination(), Some(at("192.168.1.3:6000")));
        } else {
            assert_eq!(towards_bob, None, "{preset} filters hairpinned packets as it does others");
            assert_eq!(world.tap.drops(), [DropReason::NatFiltered]);
        }
    }
}

#[test]
fn both_hosts_behind_one_port_restricted_nat_connect_by_hairpinning() {
    let mut world = home(nat("port-restricted"), 7);
    let alice = world.seen_source("alice", "192.168.1.2:5000", SERVER_A).to_string();
    let bob = world.seen_source("bob", "192.168.1.3:6000", SERVER_A).to_string();
    assert_eq!(world.dropped("alice", "192.168.1.2:5000", &bob), DropReason::NatFiltered);
    let delivery = world.deliver("bob", "192.168.1.3:6000", &alice).unwrap();
    assert_eq!(delivery.packet.udp_source().unwrap().to_string(), bob);
    assert!(world.deliver("alice", "192.168.1.2:5000", &bob).is_some());
}

#[test]
fn without_hairpinning_the_external_address_is_unreachable_from_inside() {
    let mut world = home(NatConfig { hairpinning: Hairpinning::Off, ..nat("full-cone") }, 7);
    let bob = world.seen_source("bob", "192.168.1.3:6000", SERVER_A).to_string();
    assert_eq!(world.dropped("alice", "192.168.1.2:5000", &bob), DropReason::NatHairpinOff);
    assert_eq!(world.mappings("nat").len(), 1, "no mapping was made for the packet that was dropped");
}

#[test]
fn with_an_internal_source_the_answer_to_a_hairpinned_packet_goes_another_way() {
    let mut world = home(NatConfig { hairpinning: Hairpinning::InternalSource, ..nat("full-cone") }, 7);
    let bob = world.seen_source("bob", "192.168.1.3:6000", SERVER_A).to_string();
    let delivery = world.deliver("alice", "192.168.1.2:5000", &bob).unwrap();
    assert_eq!(delivery.packet.udp_source().unwrap().to_string(), "192.168.1.2:5000");
    assert_eq!(delivery.packet.udp_destination().unwrap().to_string(), "192.168.1.3:6000");
    assert_eq!(world.mappings("nat").len(), 2, "alice has a mapping all the same");
    let answer = world.seen_source("bob", "192.168.1.3:6000", "192.168.1.2:5000");
    assert_eq!(answer.to_string(), "192.168.1.3:6000", "not where alice sent to");
    let mut filtered = home(NatConfig { hairpinning: Hairpinning::InternalSource, ..nat("port-restricted") }, 7);
    let bob = filtered.seen_source("bob", "192.168.1.3:6000", SERVER_A).to_string();
    assert_eq!(filtered.dropped("alice", "192.168.1.2:5000", &bob), DropReason::NatFiltered);
}

#[test]
fn a_hairpinned_packet_that_is_filtered_still_leaves_its_mapping() {
    let mut world = home(nat("symmetric"), 7);
    let bob = world.seen_source("bob", "192.168.1.3:6000", SERVER_A).to_string();
    assert_eq!(world.dropped("alice", "192.168.1.2:5000", &bob), DropReason::NatFiltered);
    assert_eq!(world.mappings("nat").len(), 2);
    assert_eq!(world.tap.nat_events.len(), 2, "and the tap was told of both");
}

#[test]
fn answers_leave_by_the_session_or_by_the_rule() {
    for (reverse_binding, same) in [(ReverseBinding::Session, true), (ReverseBinding::Mapping, false)] {
        let config = NatConfig {
            filtering: FilteringBehaviour::EndpointIndependent,
            reverse_binding,
            port_allocation: PortAllocation::Random,
            ..nat("symmetric")
        };
        let mut world = home(config, 7);
        let mapped = world.seen_source("alice", "192.168.1.2:5000", SERVER_A);
        assert!(world.deliver("server-b", SERVER_B, &mapped.to_string()).is_some());
        let answer = world.seen_source("alice", "192.168.1.2:5000", SERVER_B);
        assert_eq!(answer == mapped, same, "{reverse_binding:?}");
        let unasked = world.seen_source("alice", "192.168.1.2:5000", SERVER_B_OTHER_PORT);
        assert_ne!(unasked, mapped, "a remote that never came in gets a mapping by the rule");
    }
}

#[test]
fn the_latest_packet_of_a_remote_decides_by_which_mapping_answers_leave() {
    let config =
        NatConfig { filtering: FilteringBehaviour::EndpointIndependent, reverse_binding: ReverseBinding::Session, ..nat("symmetric") };
    let mut world = home(config, 7);
    let to_a = world.seen_source("alice", "192.168.1.2:5000", SERVER_A);
    let to_b = world.seen_source("alice", "192.168.1.2:5000", SERVER_B);
    assert!(world.deliver("server-b", SERVER_B, &to_a.to_string()).is_some());
    assert_eq!(world.seen_source("alice", "192.168.1.2:5000", SERVER_B), to_a);
    assert!(world.deliver("server-b", SERVER_B, &to_b.to_string()).is_some());
    assert_eq!(world.seen_source("alice", "192.168.1.2:5000", SERVER_B), to_b);
}

#[test]
fn an_unsolicited_packet_that_creates_state_takes_the_port_from_a_later_session() {
    for (unsolicited_inbound, moved) in
        [(UnsolicitedInbound::Ignore, false), (UnsolicitedInbound::CreatesState { lifetime: 30 * SEC }, true)]
    {
        let mut world = home(NatConfig { unsolicited_inbound, ..nat("port-restricted") }, 7);
        let mapped = world.seen_source("alice", "192.168.1.2:5000", SERVER_A);
        assert_eq!(world.dropped("server-b", SERVER_B, &mapped.to_string()), DropReason::NatFiltered);
        let session = world.seen_source("alice", "192.168.1.2:5000", SERVER_B);
        assert_eq!(session != mapped, moved, "{unsolicited_inbound:?}");
        assert_eq!(world.seen_source("alice", "192.168.1.2:5000", SERVER_B), session, "the session stays where it is");
        assert_eq!(world.seen_source("alice", "192.168.1.2:5000", SERVER_A), mapped, "so does the older one");
        assert!(world.deliver("server-b", SERVER_B, &session.to_string()).is_some());
    }
}

#[test]
fn the_state_of_an_unsolicited_packet_ends_after_its_lifetime() {
    let unsolicited_inbound = UnsolicitedInbound::CreatesState { lifetime: 30 * SEC };
    let mut world = home(NatConfig { unsolicited_inbound, ..nat("port-restricted") }, 7);
    assert_eq!(world.dropped("server-b", SERVER_B, "203.0.113.1:5000"), DropReason::NatNoMapping);
    assert_ne!(world.seen_source("alice", "192.168.1.2:5000", SERVER_B).port(), 5000, "the port is held");
    world.run(30 * SEC);
    assert_eq!(world.seen_source("bob", "192.168.1.3:5000", SERVER_B).port(), 5000);
}

#[test]
fn unsolicited_packets_are_answered_when_the_nat_answers() {
    let config = NatConfig { unsolicited_reply: UnsolicitedReply::PortUnreachable, ..nat("port-restricted") };
    let mut world = home(config, 7);
    let answer = world.deliver("server-a", SERVER_A, "203.0.113.1:5000").unwrap();
    assert_eq!((answer.host, answer.packet.src), (world.id("server-a"), at("203.0.113.1:0").ip()));
    let mut silent = home(nat("port-restricted"), 7);
    assert_eq!(silent.deliver("server-a", SERVER_A, "203.0.113.1:5000"), None);
}

#[test]
fn ports_come_from_the_range() {
    let port_range = PortRange { first: 40_000, last: 40_003 };
    let mut world = home(NatConfig { port_range, ..nat("symmetric") }, 7);
    let mut ports = BTreeSet::new();
    for target in [SERVER_A, SERVER_A_OTHER_PORT, SERVER_B, SERVER_B_OTHER_PORT] {
        ports.insert(world.seen_source("alice", "192.168.1.2:5000", target).port());
    }
    assert_eq!(ports, BTreeSet::from([40_000, 40_001, 40_002, 40_003]));
    assert_eq!(world.dropped("alice", "192.168.1.2:5001", SERVER_A), DropReason::NatPortsExhausted);
}

#[test]
fn terms_out_of_range_are_refused() {
    let good = nat("full-cone");
    let timer = Timer { duration: 0, refresh: Refresh::Both };
    let bad = [
        NatConfig { port_range: PortRange { first: 0, last: 9 }, ..good },
        NatConfig { port_range: PortRange { first: 10, last: 9 }, ..good },
        NatConfig { mapping_timer: timer, ..good },
        NatConfig { filter_timer: timer, ..good },
        NatConfig { unsolicited_inbound: UnsolicitedInbound::CreatesState { lifetime: 0 }, ..good },
        NatConfig { limits: nat_sim::NatLimits { mappings: 0, ..good.limits }, ..good },
    ];
    for config in bad {
        assert!(config.validate().is_err(), "{config:?}");
        assert!(nat_sim::Nat::new(config, &[at("203.0.113.1:0").ip()], 1).is_err());
    }
    for addresses in [&[][..], &["203.0.113.1", "203.0.113.1"], &["2001:db8::1"]] {
        let addresses: Vec<_> = addresses.iter().map(|text| text.parse().unwrap()).collect();
        assert!(nat_sim::Nat::new(good, &addresses, 1).is_err());
    }
}
