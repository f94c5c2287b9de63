//! Several external addresses: which one a mapping gets, and NATs that translate addresses alone.

use std::collections::BTreeSet;
use std::net::IpAddr;

use nat_sim::{
    Body, DropReason, FilteringBehaviour, IcmpKind, LimitReply, NatConfig, NatEvent, Pooling, PortAllocation, PortRange, SEC, Translation,
};

use crate::support::{SERVER_A, SERVER_B, World, nat, pool};

const POOL: [&str; 3] = ["203.0.113.1", "203.0.113.2", "203.0.113.3"];

fn addresses(world: &mut World, host: &str, address: &str) -> BTreeSet<IpAddr> {
    (0..12).map(|n| world.seen_source(host, &format!("{address}:{}", 5_000 + n), SERVER_A).ip()).collect()
}

#[test]
fn paired_pooling_gives_a_subscriber_one_address_and_arbitrary_pooling_many() {
    for (pooling, one) in [(Pooling::Paired, true), (Pooling::Arbitrary, false)] {
        let mut world = pool(NatConfig { pooling, ..nat("full-cone") }, &POOL, 7);
        let (alice, bob) = (addresses(&mut world, "alice", "192.168.1.2"), addresses(&mut world, "bob", "192.168.1.3"));
        assert_eq!((alice.len() == 1, bob.len() == 1), (one, one), "{alice:?} {bob:?}");
        assert_eq!(alice != bob, one, "subscribers take the addresses in turn");
    }
}

#[test]
fn a_subscriber_keeps_its_address_while_it_has_mappings() {
    let mut world = pool(nat("full-cone"), &POOL, 7);
    let first = world.seen_source("alice", "192.168.1.2:5000", SERVER_A).ip();
    world.run(200 * SEC);
    assert_eq!(world.seen_source("alice", "192.168.1.2:5001", SERVER_A).ip(), first);
    world.run(200 * SEC);
    assert_eq!(world.seen_source("alice", "192.168.1.2:5002", SERVER_A).ip(), first, "the first mapping is gone, the second is not");
    world.run(400 * SEC);
    assert_ne!(world.seen_source("alice", "192.168.1.2:5002", SERVER_A).ip(), first, "it is the next one's turn");
}

#[test]
fn paired_pooling_drops_where_its_address_is_full_and_arbitrary_pooling_goes_on() {
    for (pooling, mappings) in [(Pooling::Paired, 1), (Pooling::Arbitrary, 3)] {
        let config = NatConfig {
            pooling,
            port_allocation: PortAllocation::Random,
            port_range: PortRange { first: 9_000, last: 9_000 },
            ..nat("full-cone")
        };
        let mut world = pool(config, &POOL, 7);
        for n in 0..mappings {
            world.seen_source("alice", &format!("192.168.1.2:{}", 5_000 + n), SERVER_A);
        }
        assert_eq!(world.dropped("alice", "192.168.1.2:6000", SERVER_A), DropReason::NatPortsExhausted);
    }
}

#[test]
fn hairpinning_works_on_every_external_address() {
    let mut world = pool(nat("full-cone"), &POOL, 7);
    let alice = world.seen_source("alice", "192.168.1.2:5000", SERVER_A);
    let bob = world.seen_source("bob", "192.168.1.3:5000", SERVER_A);
    assert_ne!(alice.ip(), bob.ip());
    assert_eq!(world.seen_source("bob", "192.168.1.3:5000", &alice.to_string()), bob);
    assert_eq!(world.seen_source("alice", "192.168.1.2:5000", &bob.to_string()), alice);
}

fn address_only(translation: Translation, filtering: FilteringBehaviour) -> NatConfig {
    NatConfig { translation, filtering, port_allocation: PortAllocation::Preserve, ..nat("full-cone") }
}

#[test]
fn one_to_one_translation_keeps_ports_and_gives_each_its_own_address() {
    let translation = Translation::OneToOne { first_subscriber: [192, 168, 1, 2].into() };
    let mut world = pool(address_only(translation, FilteringBehaviour::AddressAndPortDependent), &POOL, 7);
    assert_eq!(world.seen_source("bob", "192.168.1.3:5000", SERVER_A).to_string(), "203.0.113.2:5000");
    assert_eq!(world.seen_source("alice", "192.168.1.2:5000", SERVER_A).to_string(), "203.0.113.1:5000");
    world.run(400 * SEC);
    assert_eq!(world.seen_source("bob", "192.168.1.3:80", SERVER_A).to_string(), "203.0.113.2:80", "for ever");
    assert_eq!(world.dropped("server-b", SERVER_B, "203.0.113.2:80"), DropReason::NatFiltered);
    assert_eq!(world.dropped("server-b", SERVER_B, "203.0.113.2:81"), DropReason::NatNoMapping);
}

#[test]
fn an_unfiltered_one_to_one_nat_lets_strangers_in_on_any_port() {
    let translation = Translation::OneToOne { first_subscriber: [192, 168, 1, 2].into() };
    let mut world = pool(address_only(translation, FilteringBehaviour::EndpointIndependent), &POOL, 7);
    let delivery = world.deliver("server-b", SERVER_B, "203.0.113.2:81").unwrap();
    assert_eq!(delivery.packet.udp_destination().unwrap().to_string(), "192.168.1.3:81");
    assert!(matches!(&world.tap.nat_events[..], [(.., NatEvent::MappingMade(view))] if view.external.to_string() == "203.0.113.2:81"));
    assert_eq!(world.seen_source("bob", "192.168.1.3:81", SERVER_B).to_string(), "203.0.113.2:81", "the answer");
}

#[test]
fn an_address_beyond_the_pool_is_no_subscriber() {
    let translation = Translation::OneToOne { first_subscriber: [192, 168, 1, 2].into() };
    let mut world = pool(address_only(translation, FilteringBehaviour::EndpointIndependent), &POOL[..1], 7);
    world.seen_source("alice", "192.168.1.2:5000", SERVER_A);
    assert_eq!(world.dropped("bob", "192.168.1.3:5000", SERVER_A), DropReason::NatNotASubscriber);
}

#[test]
fn a_dynamic_pool_gives_addresses_to_the_first_and_takes_them_back() {
    let mut world = pool(address_only(Translation::DynamicPool, FilteringBehaviour::EndpointIndependent), &POOL[..1], 7);
    assert_eq!(world.seen_source("bob", "192.168.1.3:5000", SERVER_A).to_string(), "203.0.113.1:5000");
    assert_eq!(world.dropped("alice", "192.168.1.2:5000", SERVER_A), DropReason::NatSubscriberPoolExhausted);
    assert!(world.deliver("server-b", SERVER_B, "203.0.113.1:81").is_some(), "the address is bob's on every port");
    world.run(400 * SEC);
    assert_eq!(world.seen_source("alice", "192.168.1.2:5000", SERVER_A).to_string(), "203.0.113.1:5000");
    assert_eq!(world.deliver("server-b", SERVER_B, "203.0.113.1:81").unwrap().host, world.id("alice"));
}

#[test]
fn a_subscriber_has_a_limit_of_its_own() {
    let mut config = nat("full-cone");
    config.limits.mappings_per_subscriber = 2;
    let mut world = pool(config, &POOL[..1], 7);
    world.seen_source("alice", "192.168.1.2:5000", SERVER_A);
    world.run(200 * SEC);
    world.seen_source("alice", "192.168.1.2:5001", SERVER_A);
    assert_eq!(world.dropped("alice", "192.168.1.2:5002", SERVER_A), DropReason::NatSubscriberLimit);
    world.seen_source("bob", "192.168.1.3:5000", SERVER_A);
    world.run(150 * SEC);
    world.seen_source("alice", "192.168.1.2:5002", SERVER_A);
    assert_eq!(world.dropped("alice", "192.168.1.2:5003", SERVER_A), DropReason::NatSubscriberLimit);
}

#[test]
fn a_nat_at_its_limit_is_silent_or_says_that_it_is_prohibited() {
    for (limit_reply, answered) in [(LimitReply::Silent, false), (LimitReply::AdministrativelyProhibited, true)] {
        let mut config = NatConfig { limit_reply, ..nat("full-cone") };
        config.limits.mappings_per_subscriber = 1;
        let mut world = pool(config, &POOL[..1], 7);
        world.seen_source("alice", "192.168.1.2:5000", SERVER_A);
        let answers = world.deliveries("alice", "192.168.1.2:5001", SERVER_A);
        assert_eq!(answers.len() == 1, answered, "{limit_reply:?}");
        for answer in answers {
            assert_eq!(answer.host, world.id("alice"));
            let Body::Icmp(icmp) = answer.packet.body else { panic!("{:?}", answer.packet) };
            assert_eq!((icmp.kind, icmp.quote.src.port()), (IcmpKind::AdministrativelyProhibited, 5_001));
        }
    }
}
