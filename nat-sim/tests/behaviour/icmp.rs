//! ICMP port unreachable from closed ports, and its way back through NATs: RFC 5508.

use nat_sim::{Body, Bytes, DropReason, Icmp, IcmpKind, LinkConfig, NetBuilder, Packet, PortPolicy, SEC};

use crate::support::{SERVER_A, SERVER_A_OTHER_PORT, SERVER_B, World, at, home, ip, nat};

fn error(packet: &Packet) -> &Icmp {
    match &packet.body {
        Body::Icmp(icmp) => icmp,
        other => panic!("{other:?}"),
    }
}

fn close_ports(world: &mut World, host: &str, policy: PortPolicy) {
    let node = world.id(host);
    world.net.set_port_policy(node, policy).unwrap();
}

#[test]
fn a_closed_port_outside_answers_and_the_nat_turns_the_quote_back() {
    let mut world = home(nat("symmetric"), 7);
    close_ports(&mut world, "server-a", PortPolicy::Unreachable);
    let delivery = world.deliver("alice", "192.168.1.2:5000", SERVER_A).unwrap();
    assert_eq!(delivery.host, world.id("alice"));
    assert_eq!((delivery.packet.src, delivery.packet.dst), (ip("192.0.2.1"), ip("192.168.1.2")));
    let icmp = error(&delivery.packet);
    assert_eq!(icmp.kind, IcmpKind::PortUnreachable);
    assert_eq!((icmp.quote.src, icmp.quote.dst), (at("192.168.1.2:5000"), at(SERVER_A)));
    let mut bytes = Vec::new();
    delivery.packet.encode(&mut bytes).unwrap();
    assert_eq!(Packet::decode(&Bytes::from(bytes)), Ok(delivery.packet.clone()));
    let original = Packet::udp(at("192.168.1.2:5000"), at(SERVER_A), &b"payload"[..]);
    let expected = nat_sim::Quote::of(&original).unwrap();
    assert_eq!(icmp.quote.quoted, expected.quoted);
    assert_eq!(world.tap.drops(), [DropReason::PortClosed]);
}

#[test]
fn open_ports_are_served_and_closed_ones_can_be_silent() {
    let mut world = home(nat("full-cone"), 7);
    close_ports(&mut world, "server-a", PortPolicy::Silent);
    let server = world.id("server-a");
    world.net.open_port(server, at("0.0.0.0:3478")).unwrap();
    assert_eq!(world.deliver("alice", "192.168.1.2:5000", SERVER_A).unwrap().host, server);
    assert_eq!(world.dropped("alice", "192.168.1.2:5000", SERVER_A_OTHER_PORT), DropReason::PortClosed);
    world.net.open_port(server, at(SERVER_A_OTHER_PORT)).unwrap();
    assert_eq!(world.deliver("alice", "192.168.1.2:5000", SERVER_A_OTHER_PORT).unwrap().host, server);
    world.net.close_port(server, at("0.0.0.0:3478")).unwrap();
    assert_eq!(world.dropped("alice", "192.168.1.2:5000", SERVER_A), DropReason::PortClosed);
}

#[test]
fn a_driver_may_refuse_what_was_delivered() {
    let mut world = home(nat("full-cone"), 7);
    let delivery = world.deliver("alice", "192.168.1.2:5000", SERVER_A).unwrap();
    let now = world.net.now();
    world.net.refuse(&mut world.tap, now, delivery.host, &delivery.packet);
    let answers = world.run(SEC);
    assert_eq!(error(&answers[0].packet).quote.src, at("192.168.1.2:5000"));
    let now = world.net.now();
    world.net.refuse(&mut world.tap, now, answers[0].host, &answers[0].packet);
    assert_eq!(world.run(SEC), [], "an error is never answered by an error");
}

#[test]
fn a_closed_port_inside_answers_with_the_external_endpoint() {
    for preset in ["full-cone", "port-restricted", "symmetric"] {
        let mut world = home(nat(preset), 7);
        let mapped = world.seen_source("alice", "192.168.1.2:5000", SERVER_A);
        close_ports(&mut world, "alice", PortPolicy::Unreachable);
        let delivery = world.deliver("server-a", SERVER_A, &mapped.to_string()).unwrap();
        assert_eq!(delivery.host, world.id("server-a"));
        assert_eq!((delivery.packet.src, delivery.packet.dst), (mapped.ip(), ip("192.0.2.1")));
        let quote = &error(&delivery.packet).quote;
        assert_eq!((quote.src, quote.dst), (at(SERVER_A), mapped), "{preset}");
    }
}

#[test]
fn a_hairpinned_error_is_turned_back_twice() {
    let mut world = home(nat("full-cone"), 7);
    world.seen_source("alice", "192.168.1.2:5000", SERVER_A);
    let bob = world.seen_source("bob", "192.168.1.3:6000", SERVER_A);
    close_ports(&mut world, "bob", PortPolicy::Unreachable);
    let delivery = world.deliver("alice", "192.168.1.2:5000", &bob.to_string()).unwrap();
    assert_eq!((delivery.host, delivery.packet.src), (world.id("alice"), ip("203.0.113.1")));
    let quote = &error(&delivery.packet).quote;
    assert_eq!((quote.src, quote.dst), (at("192.168.1.2:5000"), bob));
}

#[test]
fn an_error_about_a_packet_that_no_mapping_knows_is_dropped() {
    let mut world = home(nat("full-cone"), 7);
    world.seen_source("alice", "192.168.1.2:5000", SERVER_A);
    let forged =
        Packet::udp(at("203.0.113.1:7777"), at(SERVER_A), &b"x"[..]).answer_with(ip("192.0.2.1"), IcmpKind::PortUnreachable).unwrap();
    let (server, alice, now) = (world.id("server-a"), world.id("alice"), world.net.now());
    world.net.send(&mut world.tap, now, server, forged);
    assert_eq!(world.run(SEC), []);
    assert_eq!(world.tap.drops(), [DropReason::NatIcmpNoMapping]);
    let forged =
        Packet::udp(at(SERVER_B), at("192.168.1.2:9999"), &b"x"[..]).answer_with(ip("192.168.1.2"), IcmpKind::PortUnreachable).unwrap();
    let now = world.net.now();
    world.net.send(&mut world.tap, now, alice, forged);
    assert_eq!(world.run(SEC), []);
    assert_eq!(world.tap.drops(), [DropReason::NatIcmpNoMapping; 2]);
}

#[test]
fn errors_keep_no_mapping_alive_and_pass_any_filter() {
    let config = nat_sim::NatConfig {
        mapping_timer: nat_sim::Timer { duration: 60 * SEC, refresh: nat_sim::Refresh::Both },
        ..nat("port-restricted")
    };
    let mut world = home(config, 7);
    let mapped = world.seen_source("alice", "192.168.1.2:5000", SERVER_A);
    let expires = world.mappings("nat")[0].expires;
    // From server-b, whose packets the filter refuses (RFC 4787, REQ-12a).
    let error = Packet::udp(mapped, at(SERVER_A), &b"x"[..]).answer_with(ip("192.0.2.2"), IcmpKind::HostUnreachable).unwrap();
    let (server, now) = (world.id("server-b"), world.net.now());
    world.net.send(&mut world.tap, now, server, error);
    assert_eq!(world.run(SEC).len(), 1);
    assert_eq!(world.mappings("nat")[0].expires, expires);
}

#[test]
fn two_nats_turn_the_quote_back_one_after_the_other() {
    let mut builder = NetBuilder::new(LinkConfig::ideal());
    let (internet, carrier, home) = (builder.segment("internet"), builder.segment("carrier"), builder.segment("home"));
    builder.host("server", &[(internet, ip("192.0.2.1"))]);
    builder.nat("cgn", nat("symmetric"), carrier, internet, &[ip("203.0.113.1")]);
    builder.nat("box", nat("symmetric"), home, carrier, &[ip("100.64.0.2")]);
    builder.host("alice", &[(home, ip("192.168.1.2"))]);
    let mut world = World::new(builder.build(1).unwrap());
    close_ports(&mut world, "server", PortPolicy::Unreachable);
    let delivery = world.deliver("alice", "192.168.1.2:5000", SERVER_A).unwrap();
    let quote = &error(&delivery.packet).quote;
    assert_eq!((delivery.packet.dst, quote.src, quote.dst), (ip("192.168.1.2"), at("192.168.1.2:5000"), at(SERVER_A)));
}

#[test]
fn a_long_datagram_is_quoted_in_part() {
    let mut world = home(nat("full-cone"), 7);
    close_ports(&mut world, "server-a", PortPolicy::Unreachable);
    let (alice, now) = (world.id("alice"), world.net.now());
    world.net.send(&mut world.tap, now, alice, Packet::udp(at("192.168.1.2:5000"), at(SERVER_A), vec![7; 5_000]));
    let delivery = world.run(SEC).pop().unwrap();
    let mut bytes = Vec::new();
    delivery.packet.encode(&mut bytes).unwrap();
    assert_eq!(bytes.len(), 576);
    assert!(matches!(error(&delivery.packet).quote.quoted, nat_sim::Quoted::Udp { length: 5_008, .. }));
}
