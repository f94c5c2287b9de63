//! Bounds: tables fill up, refuse with a reason of their own, and free themselves by expiry alone.

use nat_sim::{
    Access, DropReason, FilteringBehaviour, LinkConfig, MAX_IN_FLIGHT, NatConfig, NatLimits, NetBuilder, Packet, ReverseBinding, SEC,
    preset,
};

use crate::support::{SERVER_A, SERVER_A_OTHER_PORT, SERVER_B, at, home, ip, nat};

fn limited(preset: &str, change: impl FnOnce(&mut NatLimits)) -> NatConfig {
    let mut config = nat(preset);
    change(&mut config.limits);
    config
}

#[test]
fn a_full_mapping_table_refuses_new_mappings_and_keeps_the_old() {
    let mut world = home(limited("full-cone", |limits| limits.mappings = 2), 7);
    let first = world.seen_source("alice", "192.168.1.2:5000", SERVER_A);
    world.seen_source("alice", "192.168.1.2:5001", SERVER_A);
    assert_eq!(world.dropped("alice", "192.168.1.2:5002", SERVER_A), DropReason::NatTableFull);
    assert_eq!(world.seen_source("alice", "192.168.1.2:5000", SERVER_B), first);
    world.run(400 * SEC);
    world.seen_source("alice", "192.168.1.2:5002", SERVER_A);
}

#[test]
fn a_full_filter_refuses_new_contacts_and_keeps_the_old() {
    let mut world = home(limited("port-restricted", |limits| limits.filters_per_mapping = 2), 7);
    let mapped = world.seen_source("alice", "192.168.1.2:5000", SERVER_A).to_string();
    world.run(200 * SEC);
    world.seen_source("alice", "192.168.1.2:5000", SERVER_B);
    assert_eq!(world.dropped("alice", "192.168.1.2:5000", SERVER_A_OTHER_PORT), DropReason::NatFilterTableFull);
    assert!(world.deliver("server-a", SERVER_A, &mapped).is_some());
    world.run(150 * SEC);
    world.seen_source("alice", "192.168.1.2:5000", SERVER_A_OTHER_PORT);
    assert_eq!(world.dropped("server-a", SERVER_A, &mapped), DropReason::NatFiltered, "the expired contact made room");
}

#[test]
fn reverse_bindings_are_bounded() {
    let config = NatConfig {
        filtering: FilteringBehaviour::EndpointIndependent,
        reverse_binding: ReverseBinding::Session,
        ..limited("symmetric", |limits| limits.bindings_per_mapping = 1)
    };
    let mut world = home(config, 7);
    let mapped = world.seen_source("alice", "192.168.1.2:5000", SERVER_A).to_string();
    assert!(world.deliver("server-b", SERVER_B, &mapped).is_some());
    assert!(world.deliver("server-b", SERVER_B, &mapped).is_some(), "the same remote needs no further entry");
    assert_eq!(world.dropped("server-a", SERVER_A_OTHER_PORT, &mapped), DropReason::NatBindingTableFull);
}

#[test]
fn packets_in_flight_are_bounded() {
    let mut builder = NetBuilder::new(LinkConfig::with_latency(SEC));
    let net = builder.segment("net");
    let a = builder.host("a", &[(net, ip("192.0.2.1"))]);
    builder.host("b", &[(net, ip("192.0.2.2"))]);
    let mut net = builder.build(1).unwrap();
    let packet = Packet::udp(at("192.0.2.1:1"), at("192.0.2.2:1"), &b"x"[..]);
    for _ in 0..=MAX_IN_FLIGHT {
        net.send(&mut (), 0, a, packet.clone());
    }
    assert_eq!(net.in_flight(), MAX_IN_FLIGHT);
    let mut tap = crate::support::Recorder::default();
    net.send(&mut tap, 0, a, packet);
    assert_eq!(tap.drops(), [DropReason::InFlightLimit]);
}

#[test]
fn the_nat_works_without_a_network() {
    let Some(Access::Nat(config)) = preset("port-restricted") else { panic!() };
    let mut nat = nat_sim::Nat::new(config, &[ip("203.0.113.1")], 1).unwrap();
    let mut out = Packet::udp(at("192.168.1.2:5000"), at(SERVER_A), &b"x"[..]);
    let outbound = nat.outbound(0, &mut out).unwrap();
    assert_eq!((out.udp_source(), outbound.side), (Some(at("203.0.113.1:5000")), nat_sim::Side::Outside));
    assert_eq!(outbound.made.and_then(|id| nat.mapping(id)).unwrap().external, at("203.0.113.1:5000"));
    assert_eq!(nat.admitted(at("203.0.113.1:5000"), 0), [(at(SERVER_A), 300 * SEC)]);
    let mut back = Packet::udp(at(SERVER_A), at("203.0.113.1:5000"), &b"y"[..]);
    assert_eq!(nat.inbound(SEC, &mut back), Ok(()));
    assert_eq!(back.udp_destination(), Some(at("192.168.1.2:5000")));
    let mut stranger = Packet::udp(at(SERVER_B), at("203.0.113.1:5000"), &b"z"[..]);
    assert_eq!(nat.inbound(SEC, &mut stranger), Err(DropReason::NatFiltered));
    assert_eq!(nat.next_expiry(), Some(300 * SEC));
    assert_eq!(nat.expire(300 * SEC - 1), None);
    assert_eq!(nat.expire(300 * SEC).unwrap().internal, at("192.168.1.2:5000"));
    assert_eq!((nat.next_expiry(), nat.mappings()), (None, vec![]));
    let mut hairpinned = Packet::udp(at("192.168.1.2:5000"), at("203.0.113.1:9"), &b"x"[..]);
    let before = hairpinned.clone();
    assert_eq!(nat.outbound(301 * SEC, &mut hairpinned), Err(DropReason::NatNoMapping));
    assert_eq!(hairpinned, before, "a packet that is dropped stays as it was");
}
