//! IPv6 end to end: hosts, routers, firewalls, and NAT boxes that route it or have none.

use nat_sim::{
    Bytes, DropReason, FirewallConfig, IcmpKind, Ipv6Policy, LinkConfig, MS, NatConfig, NetBuilder, Packet, PortPolicy, TopologyError,
    UdpPolicy,
};

use crate::support::{World, at, ip, nat};

const SERVER: &str = "[2001:db8::1]:3478";
const ALICE: &str = "[2001:db8:1::2]:5000";

fn dual_stack(ipv6: Ipv6Policy) -> World {
    let mut builder = NetBuilder::new(LinkConfig::with_latency(5 * MS));
    let (internet, lan) = (builder.segment("internet"), builder.segment("home"));
    builder.host("server", &[(internet, ip("192.0.2.1")), (internet, ip("2001:db8::1"))]);
    builder.host("alice", &[(lan, ip("192.168.1.2")), (lan, ip("2001:db8:1::2"))]);
    let config = NatConfig { ipv6, ..nat("symmetric") };
    builder.nat("nat", config, lan, internet, &[ip("203.0.113.1"), ip("2001:db8:ff::1")]);
    World::new(builder.build(3).unwrap())
}

#[test]
fn a_nat_box_translates_ipv4_and_routes_ipv6() {
    let mut world = dual_stack(Ipv6Policy::Routed);
    assert_eq!(world.seen_source("alice", ALICE, SERVER), at(ALICE));
    assert_eq!(world.seen_source("alice", "192.168.1.2:5000", "192.0.2.1:3478").ip(), ip("203.0.113.1"));
    let delivery = world.deliver("server", SERVER, ALICE).unwrap();
    assert_eq!((delivery.host, delivery.packet.udp_source()), (world.id("alice"), Some(at(SERVER))));
    assert_eq!(delivery.packet.ttl, 63, "one router on the way");
    assert_eq!(world.mappings("nat").len(), 1);
    assert_eq!(world.dropped("server", SERVER, "[2001:db8:ff::1]:1"), DropReason::AddressedToRouter);
}

#[test]
fn a_nat_box_without_ipv6_separates_the_two_networks() {
    let mut world = dual_stack(Ipv6Policy::Absent);
    assert_eq!(world.dropped("alice", ALICE, SERVER), DropReason::NoRoute);
    assert_eq!(world.dropped("server", SERVER, ALICE), DropReason::NoRoute);
    assert_eq!(world.dropped("server", SERVER, "[2001:db8:ff::1]:1"), DropReason::NatIpv6Absent);
    assert!(world.deliver("alice", "192.168.1.2:5000", "192.0.2.1:3478").is_some());
}

#[test]
fn a_closed_port_answers_over_ipv6_and_the_bytes_say_the_same() {
    let mut world = dual_stack(Ipv6Policy::Routed);
    let server = world.id("server");
    world.net.set_port_policy(server, PortPolicy::Unreachable).unwrap();
    world.net.open_port(server, at("[::]:1")).unwrap();
    let delivery = world.deliver("alice", ALICE, SERVER).unwrap();
    assert_eq!(delivery.host, world.id("alice"));
    let nat_sim::Body::Icmp(icmp) = &delivery.packet.body else { panic!() };
    assert_eq!((icmp.kind, icmp.quote.src, icmp.quote.dst), (IcmpKind::PortUnreachable, at(ALICE), at(SERVER)));
    let mut bytes = Vec::new();
    delivery.packet.encode(&mut bytes).unwrap();
    let decoded = Packet::decode(&Bytes::from(bytes)).unwrap();
    assert_eq!(decoded.body, delivery.packet.body);
    assert!(world.deliver("alice", ALICE, "[2001:db8::1]:1").unwrap().host == server, "the wildcard opens the port");
}

#[test]
fn a_firewall_routes_addresses_and_blocks_udp_of_both_families() {
    for (udp, reason) in [(UdpPolicy::Block, Some(DropReason::FirewallUdpBlocked)), (UdpPolicy::Pass, None)] {
        let mut builder = NetBuilder::new(LinkConfig::ideal());
        let (internet, lan) = (builder.segment("internet"), builder.segment("office"));
        builder.host("server", &[(internet, ip("192.0.2.1")), (internet, ip("2001:db8::1"))]);
        builder.host("alice", &[(lan, ip("203.0.113.9")), (lan, ip("2001:db8:1::2"))]);
        builder.firewall("firewall", FirewallConfig { udp }, lan, internet);
        let mut world = World::new(builder.build(1).unwrap());
        for (host, src, dst) in [
            ("alice", ALICE, SERVER),
            ("server", SERVER, ALICE),
            ("alice", "203.0.113.9:1", "192.0.2.1:1"),
            ("server", "192.0.2.1:1", "203.0.113.9:1"),
        ] {
            match reason {
                Some(reason) => assert_eq!(world.dropped(host, src, dst), reason),
                None => assert_eq!(world.seen_source(host, src, dst), at(src)),
            }
        }
    }
}

#[test]
fn one_ipv6_address_behind_two_routing_boxes_is_an_error() {
    let build = |ipv6| {
        let mut builder = NetBuilder::new(LinkConfig::ideal());
        let internet = builder.segment("internet");
        for (home, host, gateway, outside) in [("h1", "a", "n1", "203.0.113.1"), ("h2", "b", "n2", "203.0.113.2")] {
            let lan = builder.segment(home);
            builder.host(host, &[(lan, ip("fd00::2"))]);
            builder.nat(gateway, NatConfig { ipv6, ..nat("full-cone") }, lan, internet, &[ip(outside)]);
        }
        builder.build(1).map(|_| ())
    };
    let duplicate = TopologyError::DuplicateAddress { address: ip("fd00::2"), first: "a".to_owned(), second: "b".to_owned() };
    assert_eq!(build(Ipv6Policy::Routed), Err(duplicate));
    assert_eq!(build(Ipv6Policy::Absent), Ok(()));
}
