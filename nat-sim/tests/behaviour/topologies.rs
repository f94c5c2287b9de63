//! Graphs: nested NATs, equal private ranges, routers in rows and rings, several addresses, on-path actors; and graphs that are refused.

use nat_sim::{
    DropReason, LinkConfig, MS, NatConfig, NatConfigError, Net, NetBuilder, NodeId, Packet, PortRange, SEC, SegmentId, TopologyError,
};

use crate::support::{SERVER_A, World, at, ip, nat};

#[test]
fn two_homes_use_the_same_private_range() {
    let mut builder = NetBuilder::new(LinkConfig::ideal());
    let internet = builder.segment("internet");
    builder.host("server", &[(internet, ip("192.0.2.1"))]);
    for (home, host, gateway, outside) in [("home-a", "alice", "nat-a", "203.0.113.1"), ("home-b", "bob", "nat-b", "203.0.113.2")] {
        let lan = builder.segment(home);
        builder.host(host, &[(lan, ip("192.168.1.2"))]);
        builder.nat(gateway, nat("full-cone"), lan, internet, &[ip(outside)]);
    }
    let mut world = World::new(builder.build(1).unwrap());
    assert_eq!(world.seen_source("alice", "192.168.1.2:5000", SERVER_A), at("203.0.113.1:5000"));
    assert_eq!(world.seen_source("bob", "192.168.1.2:5000", SERVER_A), at("203.0.113.2:5000"));
    let delivery = world.deliver("alice", "192.168.1.2:5000", "203.0.113.2:5000").unwrap();
    assert_eq!((delivery.host, delivery.packet.udp_source()), (world.id("bob"), Some(at("203.0.113.1:5000"))));
    let own = world.deliver("alice", "192.168.1.2:5000", "192.168.1.2:5000").unwrap();
    assert_eq!(own.host, world.id("alice"), "its own address is its own, not the other home's");
}

/// `alice` behind `box-a`, `bob` behind `box-b`, both behind `cgn`.
fn carrier(outer: NatConfig, inner: NatConfig) -> World {
    let mut builder = NetBuilder::new(LinkConfig::with_latency(MS));
    let (internet, carrier) = (builder.segment("internet"), builder.segment("carrier"));
    builder.host("server", &[(internet, ip("192.0.2.1")), (internet, ip("192.0.2.2"))]);
    builder.nat("cgn", outer, carrier, internet, &[ip("203.0.113.1")]);
    for (home, host, gateway, outside) in [("home-a", "alice", "box-a", "100.64.0.2"), ("home-b", "bob", "box-b", "100.64.0.3")] {
        let lan = builder.segment(home);
        builder.host(host, &[(lan, ip("192.168.1.2"))]);
        builder.nat(gateway, inner, lan, carrier, &[ip(outside)]);
    }
    World::new(builder.build(1).unwrap())
}

#[test]
fn nested_nats_translate_twice_each_way() {
    let mut world = carrier(nat("port-restricted"), nat("port-restricted"));
    let mapped = world.seen_source("alice", "192.168.1.2:5000", SERVER_A);
    assert_eq!(mapped.ip(), ip("203.0.113.1"));
    let delivery = world.deliver("server", SERVER_A, &mapped.to_string()).unwrap();
    assert_eq!((delivery.host, delivery.packet.udp_destination()), (world.id("alice"), Some(at("192.168.1.2:5000"))));
    assert_eq!(delivery.packet.ttl, 62);
    assert_eq!(world.mappings("box-a")[0].external.ip(), ip("100.64.0.2"));
    assert_eq!(world.mappings("cgn")[0].internal, world.mappings("box-a")[0].external);
}

#[test]
fn a_dependent_mapping_anywhere_on_the_way_makes_the_whole_dependent() {
    for (outer, inner, dependent) in [("full-cone", "full-cone", false), ("symmetric", "full-cone", true), ("full-cone", "symmetric", true)]
    {
        let mut world = carrier(nat(outer), nat(inner));
        let first = world.seen_source("alice", "192.168.1.2:5000", SERVER_A);
        let second = world.seen_source("alice", "192.168.1.2:5000", "192.0.2.2:3478");
        assert_eq!(first != second, dependent, "{outer} over {inner}");
    }
}

#[test]
fn two_homes_behind_one_carrier_meet_by_hairpinning_at_the_carrier() {
    let mut world = carrier(nat("full-cone"), nat("full-cone"));
    let alice = world.seen_source("alice", "192.168.1.2:5000", SERVER_A);
    let bob = world.seen_source("bob", "192.168.1.2:6000", SERVER_A);
    let delivery = world.deliver("alice", "192.168.1.2:5000", &bob.to_string()).unwrap();
    assert_eq!((delivery.host, delivery.packet.udp_source()), (world.id("bob"), Some(alice)));
    assert_eq!(delivery.packet.ttl, 61, "inner, outer, inner");
}

#[test]
fn inside_hosts_reach_each_other_without_the_nat() {
    let mut world = crate::support::home(nat("symmetric"), 1);
    assert_eq!(world.seen_source("alice", "192.168.1.2:5000", "192.168.1.3:5000"), at("192.168.1.2:5000"));
    assert_eq!(world.mappings("nat"), []);
}

#[test]
fn an_unknown_address_leaves_by_the_nat_and_ends_outside() {
    let mut world = crate::support::home(nat("full-cone"), 1);
    assert_eq!(world.dropped("alice", "192.168.1.2:5000", "10.9.9.9:1"), DropReason::NoRoute);
    assert_eq!(world.mappings("nat").len(), 1, "the mapping is made, as in the world");
    assert_eq!(world.dropped("server-a", SERVER_A, "10.9.9.9:1"), DropReason::NoRoute);
}

/// A row of routers with a host at each end and in the middle.
fn row(routers: usize) -> (Net, NodeId, NodeId) {
    let mut builder = NetBuilder::new(LinkConfig::ideal());
    let segments: Vec<SegmentId> = (0..=routers).map(|n| builder.segment(&format!("s{n}"))).collect();
    for (n, pair) in segments.windows(2).enumerate() {
        builder.router(&format!("r{n}"), pair);
    }
    let left = builder.host("left", &[(segments[0], ip("198.18.0.1"))]);
    let right = builder.host("right", &[(segments[routers], ip("198.18.0.2"))]);
    builder.host("middle", &[(segments[routers / 2], ip("198.18.0.3"))]);
    (builder.build(1).unwrap(), left, right)
}

#[test]
fn packets_find_their_way_along_a_row_of_routers_until_their_ttl_ends() {
    let (net, left, right) = row(10);
    let mut world = World::new(net);
    let delivery = world.deliver("left", "198.18.0.1:1", "198.18.0.2:2").unwrap();
    assert_eq!((delivery.host, delivery.packet.ttl), (right, 54));
    assert_eq!(world.deliver("right", "198.18.0.2:2", "198.18.0.1:1").unwrap().host, left);
    assert_eq!(world.deliver("middle", "198.18.0.3:2", "198.18.0.1:1").unwrap().packet.ttl, 59);
    for (ttl, arrives) in [(11, true), (10, false)] {
        let mut packet = Packet::udp(at("198.18.0.1:1"), at("198.18.0.2:2"), &b"x"[..]);
        packet.ttl = ttl;
        let now = world.net.now();
        world.net.send(&mut world.tap, now, left, packet);
        assert_eq!(world.run(SEC).len() == 1, arrives, "ttl {ttl}");
    }
    assert_eq!(world.tap.drops(), [DropReason::TtlExpired]);
}

#[test]
fn a_ring_of_routers_takes_the_shorter_way_and_never_loops() {
    let mut builder = NetBuilder::new(LinkConfig::ideal());
    let segments: Vec<SegmentId> = (0..6).map(|n| builder.segment(&format!("s{n}"))).collect();
    for n in 0..6 {
        builder.router(&format!("r{n}"), &[segments[n], segments[(n + 1) % 6]]);
        builder.host(&format!("h{n}"), &[(segments[n], ip(&format!("198.18.0.{}", n + 1)))]);
    }
    let mut world = World::new(builder.build(1).unwrap());
    for (from, to) in (0..6).flat_map(|from| (0..6).map(move |to| (from, to))) {
        let (src, dst) = (format!("198.18.0.{}:1", from + 1), format!("198.18.0.{}:1", to + 1));
        let delivery = world.deliver(&format!("h{from}"), &src, &dst).unwrap();
        let hops = (6 + to - from) % 6;
        assert_eq!(usize::from(64 - delivery.packet.ttl), hops.min(6 - hops), "{from} to {to}");
    }
}

#[test]
fn a_host_on_two_segments_sends_from_the_side_of_its_source_address() {
    let mut builder = NetBuilder::new(LinkConfig::ideal());
    let (internet, wifi, cell) = (builder.segment("internet"), builder.segment("wifi"), builder.segment("cell"));
    builder.host("server", &[(internet, ip("192.0.2.1"))]);
    builder.host("phone", &[(wifi, ip("192.168.1.2")), (cell, ip("10.0.0.2"))]);
    builder.nat("nat-wifi", nat("full-cone"), wifi, internet, &[ip("203.0.113.1")]);
    builder.nat("nat-cell", nat("symmetric"), cell, internet, &[ip("203.0.113.2")]);
    let mut world = World::new(builder.build(1).unwrap());
    assert_eq!(world.seen_source("phone", "192.168.1.2:5000", SERVER_A).ip(), ip("203.0.113.1"));
    assert_eq!(world.seen_source("phone", "10.0.0.2:5000", SERVER_A).ip(), ip("203.0.113.2"));
    assert_eq!(
        world.seen_source("phone", "192.0.2.99:5000", SERVER_A).ip(),
        ip("203.0.113.1"),
        "a foreign source leaves by the first side"
    );
    let names: Vec<String> = world.net.vantages().iter().map(|vantage| vantage.name()).collect();
    let expected =
        ["server/internet", "phone/wifi", "phone/cell", "nat-wifi/inside", "nat-wifi/outside", "nat-cell/inside", "nat-cell/outside"];
    assert_eq!(names, expected);
}

#[test]
fn an_on_path_actor_sees_changes_drops_and_injects_packets() {
    let mut builder = NetBuilder::new(LinkConfig::ideal());
    let (internet, lan) = (builder.segment("internet"), builder.segment("lan"));
    let server = builder.host("server", &[(internet, ip("192.0.2.1"))]);
    let alice = builder.host("alice", &[(lan, ip("198.51.100.2"))]);
    let actor = builder.on_path("actor", lan, internet);
    let mut world = World::new(builder.build(1).unwrap());
    let mut seen = world.deliver("alice", "198.51.100.2:5000", SERVER_A).unwrap();
    assert_eq!(seen.host, actor, "and so far nobody else: the packet waits for the actor");
    let nat_sim::Body::Udp { payload, .. } = &mut seen.packet.body else { panic!() };
    *payload = nat_sim::Bytes::from_static(b"changed");
    let now = world.net.now();
    world.net.forward(&mut world.tap, now, actor, seen.packet);
    let delivery = world.run(SEC).pop().unwrap();
    assert_eq!((delivery.host, &delivery.packet.udp_payload().unwrap()[..]), (server, &b"changed"[..]));
    let now = world.net.now();
    world.net.send(&mut world.tap, now, actor, Packet::udp(at(SERVER_A), at("198.51.100.2:5000"), &b"forged"[..]));
    let delivery = world.run(SEC).pop().unwrap();
    assert_eq!((delivery.host, delivery.packet.udp_source()), (alice, Some(at(SERVER_A))));
}

fn refused(declare: impl FnOnce(&mut NetBuilder)) -> TopologyError {
    let mut builder = NetBuilder::new(LinkConfig::ideal());
    declare(&mut builder);
    builder.build(1).expect_err("this graph is no network")
}

#[test]
fn graphs_that_are_no_network_are_refused_with_names() {
    let twice = refused(|b| {
        let net = b.segment("net");
        b.host("a", &[(net, ip("192.0.2.1"))]);
        b.host("b", &[(net, ip("192.0.2.1"))]);
    });
    assert_eq!(twice.to_string(), "the address 192.0.2.1 of node `b` is already that of node `a`, with no nat between them");
    let behind_router = refused(|b| {
        let (one, two) = (b.segment("one"), b.segment("two"));
        b.host("a", &[(one, ip("192.0.2.1"))]);
        b.router("r", &[one, two]);
        b.host("b", &[(two, ip("192.0.2.1"))]);
    });
    assert!(matches!(behind_router, TopologyError::DuplicateAddress { .. }));
    let apart = refused(|b| {
        let (one, two) = (b.segment("one"), b.segment("two"));
        b.host("a", &[(one, ip("192.0.2.1"))]);
        b.host("b", &[(two, ip("192.0.2.2"))]);
    });
    assert_eq!(apart.to_string(), "no path leads from node `a` to node `b`");
    let circle = refused(|b| {
        let (one, two, three) = (b.segment("one"), b.segment("two"), b.segment("three"));
        for (name, inside, outside, address) in [("x", one, two, "10.0.0.1"), ("y", two, three, "10.0.0.2"), ("z", three, one, "10.0.0.3")]
        {
            b.nat(name, nat("full-cone"), inside, outside, &[ip(address)]);
        }
    });
    assert_eq!(circle.to_string(), "the nats x, y, z lead outwards in a circle");
    let bypassed = refused(|b| {
        let (one, two) = (b.segment("one"), b.segment("two"));
        b.nat("x", nat("full-cone"), one, two, &[ip("10.0.0.1")]);
        b.router("r", &[one, two]);
    });
    assert_eq!(bypassed, TopologyError::NatBypassed { nat: "x".to_owned() });
}

#[test]
fn nodes_that_cannot_be_are_refused_with_names() {
    let pool = refused(|b| {
        let (one, two) = (b.segment("one"), b.segment("two"));
        b.nat("x", nat("full-cone"), one, two, &[ip("fd00::1")]);
    });
    assert_eq!(pool, TopologyError::Nat { nat: "x".to_owned(), error: NatConfigError::NoExternalAddress });
    let range = refused(|b| {
        let (one, two) = (b.segment("one"), b.segment("two"));
        b.nat("x", NatConfig { port_range: PortRange { first: 5, last: 4 }, ..nat("full-cone") }, one, two, &[ip("10.0.0.1")]);
    });
    assert_eq!(range.to_string(), "nat `x`: port range 5 to 4 is empty or contains port 0");
    let same = refused(|b| {
        let one = b.segment("one");
        b.nat("x", nat("full-cone"), one, one, &[ip("10.0.0.1")]);
    });
    assert_eq!(same, TopologyError::SameSegment { node: "x".to_owned(), segment: "one".to_owned() });
    let name = refused(|b| {
        let one = b.segment("one");
        b.host("a", &[(one, ip("10.0.0.1"))]);
        b.host("a", &[(one, ip("10.0.0.2"))]);
    });
    assert_eq!(name.to_string(), "the node name `a` is used twice");
    let unattached = refused(|b| {
        b.segment("one");
        b.host("a", &[]);
    });
    assert_eq!(unattached, TopologyError::Unattached { node: "a".to_owned() });
    let empty = refused(|b| {
        let one = b.segment("one");
        b.segment("two");
        b.host("a", &[(one, ip("10.0.0.1"))]);
    });
    assert_eq!(empty, TopologyError::EmptySegment { segment: "two".to_owned() });
    let foreign = refused(|b| {
        b.host("a", &[(SegmentId(9), ip("10.0.0.1"))]);
    });
    assert_eq!(foreign, TopologyError::UnknownSegment { node: "a".to_owned() });
    let multicast = refused(|b| {
        let one = b.segment("one");
        b.host("a", &[(one, ip("224.0.0.1"))]);
    });
    assert_eq!(multicast, TopologyError::UnusableAddress { node: "a".to_owned(), address: ip("224.0.0.1") });
    let link = refused(|b| {
        let (one, two) = (b.segment("one"), b.segment("two"));
        let a = b.host("a", &[(one, ip("10.0.0.1"))]);
        b.host("b", &[(two, ip("10.0.0.2"))]);
        b.link(a, two, LinkConfig::ideal(), LinkConfig::ideal());
    });
    assert_eq!(link, TopologyError::NotAttached { node: "a".to_owned(), segment: "two".to_owned() });
}
