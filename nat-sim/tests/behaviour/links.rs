//! Links at run time: delay, loss, copies, order, links that go down, partitions; and NATs that are flushed or restarted.

use nat_sim::{
    Direction, DropReason, Fate, LinkConfig, MS, NatEvent, NetBuilder, NodeId, OperationError, Packet, Probability, SEC, VantageId,
};

use crate::support::{SERVER_A, SERVER_B, World, at, home, ip, nat};

/// Two hosts on a segment; the links of `a` as given (up, down).
fn pair(up: LinkConfig, down: LinkConfig) -> World {
    let mut builder = NetBuilder::new(LinkConfig::ideal());
    let net = builder.segment("net");
    let a = builder.host("a", &[(net, ip("192.0.2.1"))]);
    builder.host("b", &[(net, ip("192.0.2.2"))]);
    builder.link(a, net, up, down);
    World::new(builder.build(5).unwrap())
}

const A: &str = "192.0.2.1:1";
const B: &str = "192.0.2.2:1";

fn vantage(world: &World, name: &str) -> VantageId {
    world.net.vantages().iter().find(|vantage| vantage.name() == name).unwrap().id
}

#[test]
fn each_direction_has_its_own_properties() {
    let mut world = pair(LinkConfig::with_latency(10 * MS), LinkConfig::with_latency(30 * MS));
    assert_eq!(world.deliver("a", A, B).unwrap().at, 10 * MS);
    let sent = world.net.now();
    assert_eq!(world.deliver("b", B, A).unwrap().at - sent, 30 * MS);
    let lossy = LinkConfig { loss: Probability::ALWAYS, ..LinkConfig::ideal() };
    let mut world = pair(lossy, LinkConfig::ideal());
    assert_eq!(world.dropped("a", A, B), DropReason::LinkLoss);
    assert!(world.deliver("b", B, A).is_some());
}

#[test]
fn a_copy_made_by_a_link_is_delivered_too_and_told_apart() {
    let copying = LinkConfig { duplication: Probability::ALWAYS, ..LinkConfig::with_latency(MS) };
    for world in [&mut pair(copying, LinkConfig::ideal()), &mut pair(LinkConfig::ideal(), copying)] {
        let (from_a, from_b) = (world.deliveries("a", A, B).len(), world.deliveries("b", B, A).len());
        assert_eq!(from_a + from_b, 3);
        let fates = |fate| world.tap.packets.iter().filter(|seen| seen.fate == fate).count();
        assert_eq!((fates(Fate::Sent), fates(Fate::Duplicated), fates(Fate::Delivered)), (2, 1, 3));
    }
}

#[test]
fn jitter_keeps_the_order_and_reordering_breaks_it() {
    let order = |config| {
        let mut world = pair(config, LinkConfig::ideal());
        let a = world.id("a");
        for n in 0..100u8 {
            let now = world.net.now();
            world.net.send(&mut world.tap, now, a, Packet::udp(at(A), at(B), vec![n]));
            assert_eq!(world.net.advance(&mut world.tap, now), None);
            world.net.advance(&mut (), now + MS / 2);
        }
        world.run(SEC);
        let delivered = world.tap.packets.iter().filter(|seen| seen.fate == Fate::Delivered);
        delivered.map(|seen| seen.packet.udp_payload().unwrap()[0]).collect::<Vec<u8>>()
    };
    let jitter = LinkConfig { jitter: 40 * MS, ..LinkConfig::with_latency(100 * MS) };
    assert_eq!(order(jitter), (0..100).collect::<Vec<u8>>());
    let mut reordered =
        order(LinkConfig { reordering: Probability::new(0.2).unwrap(), reorder_delay: 3 * MS, ..LinkConfig::with_latency(100 * MS) });
    assert!(!reordered.is_sorted());
    reordered.sort_unstable();
    assert_eq!(reordered, (0..100).collect::<Vec<u8>>());
}

#[test]
fn a_link_changes_while_the_network_runs() {
    let mut world = pair(LinkConfig::ideal(), LinkConfig::ideal());
    let a = vantage(&world, "a/net");
    let slow = LinkConfig::with_latency(70 * MS);
    world.net.set_link(a, Direction::Out, slow).unwrap();
    assert_eq!(world.net.link(a, Direction::Out), Ok(slow));
    assert_eq!(world.net.link(a, Direction::In), Ok(LinkConfig::ideal()));
    assert_eq!(world.deliver("a", A, B).unwrap().at, 70 * MS);
    world.net.set_link_up(a, false).unwrap();
    assert_eq!(world.dropped("a", A, B), DropReason::LinkDown);
    assert_eq!(world.dropped("b", B, A), DropReason::LinkDown);
    world.net.set_link_up(a, true).unwrap();
    assert!(world.deliver("a", A, B).is_some());
    assert_eq!(world.net.set_link_up(VantageId(99), true), Err(OperationError::UnknownVantage(VantageId(99))));
}

#[test]
fn a_packet_on_its_way_still_meets_the_far_link_as_it_is_then() {
    let mut world = pair(LinkConfig::with_latency(50 * MS), LinkConfig::ideal());
    let b = vantage(&world, "b/net");
    world.send("a", A, B);
    assert_eq!(world.net.advance(&mut world.tap, 20 * MS), None);
    assert_eq!(world.net.in_flight(), 1);
    world.net.set_link_up(b, false).unwrap();
    assert_eq!(world.run(SEC), []);
    assert_eq!(world.net.in_flight(), 0);
    assert_eq!(world.tap.drops(), [DropReason::LinkDown]);
}

#[test]
fn a_partition_separates_two_nats_and_nobody_else() {
    let mut builder = NetBuilder::new(LinkConfig::ideal());
    let internet = builder.segment("internet");
    builder.host("server", &[(internet, ip("192.0.2.1"))]);
    for (home, host, gateway, outside) in [("home-a", "alice", "nat-a", "203.0.113.1"), ("home-b", "bob", "nat-b", "203.0.113.2")] {
        let lan = builder.segment(home);
        builder.host(host, &[(lan, ip("192.168.1.2"))]);
        builder.nat(gateway, nat("full-cone"), lan, internet, &[ip(outside)]);
    }
    let mut world = World::new(builder.build(1).unwrap());
    let (nat_a, nat_b, alice) = (world.id("nat-a"), world.id("nat-b"), world.id("alice"));
    world.seen_source("alice", "192.168.1.2:5000", SERVER_A);
    world.seen_source("bob", "192.168.1.2:5000", SERVER_A);
    world.net.set_partition(nat_a, nat_b, true).unwrap();
    assert_eq!(world.dropped("alice", "192.168.1.2:5000", "203.0.113.2:5000"), DropReason::Partitioned);
    assert!(world.deliver("bob", "192.168.1.2:5000", "203.0.113.1:5000").is_some(), "one direction only");
    world.seen_source("alice", "192.168.1.2:5000", SERVER_A);
    world.net.set_partition(nat_a, nat_b, false).unwrap();
    assert!(world.deliver("alice", "192.168.1.2:5000", "203.0.113.2:5000").is_some());
    assert_eq!(world.net.set_partition(alice, nat_b, true), Err(OperationError::NotAdjacent(alice, nat_b)));
}

#[test]
fn a_flushed_or_restarted_nat_knows_nobody() {
    for restart in [false, true] {
        let mut world = home(nat("symmetric-sequential"), 7);
        let nat = world.id("nat");
        let first = world.seen_source("alice", "192.168.1.2:5000", SERVER_A);
        let now = world.net.now();
        let done = if restart { world.net.nat_reboot(&mut world.tap, now, nat) } else { world.net.nat_flush(&mut world.tap, now, nat) };
        assert_eq!(done, Ok(()));
        assert!(matches!(world.tap.nat_events.last(), Some((_, _, NatEvent::MappingFlushed(view))) if view.external == first));
        assert_eq!(world.mappings("nat"), []);
        assert_eq!(world.dropped("server-a", SERVER_A, &first.to_string()), DropReason::NatNoMapping);
        let second = world.seen_source("alice", "192.168.1.2:5000", SERVER_A);
        assert_ne!(second, first);
        assert_eq!(second.port() == first.port() + 1, !restart, "a restarted nat begins its sequence anew");
        let third = world.seen_source("alice", "192.168.1.2:5000", SERVER_B);
        assert_eq!(third.port(), second.port() + 1);
    }
}

#[test]
fn a_flush_ends_the_sessions_of_unsolicited_packets_too() {
    let config =
        nat_sim::NatConfig { unsolicited_inbound: nat_sim::UnsolicitedInbound::CreatesState { lifetime: 30 * SEC }, ..nat("full-cone") };
    let mut world = home(config, 7);
    world.dropped("server-b", SERVER_B, "203.0.113.1:5000");
    let (nat, now) = (world.id("nat"), world.net.now());
    world.net.nat_flush(&mut world.tap, now, nat).unwrap();
    assert_eq!(world.seen_source("alice", "192.168.1.2:5000", SERVER_B), at("203.0.113.1:5000"));
}

#[test]
fn operations_on_the_wrong_node_are_errors() {
    let mut world = home(nat("full-cone"), 7);
    let (alice, nat) = (world.id("alice"), world.id("nat"));
    assert_eq!(world.net.nat_flush(&mut (), 0, alice), Err(OperationError::NotANat(alice)));
    assert_eq!(world.net.nat_reboot(&mut (), 0, NodeId(99)), Err(OperationError::NotANat(NodeId(99))));
    assert_eq!(world.net.mappings(alice).unwrap_err(), OperationError::NotANat(alice));
    assert_eq!(world.net.open_port(nat, at(SERVER_A)), Err(OperationError::NotAHost(nat)));
    assert_eq!(world.net.open_port(nat, at(SERVER_A)).unwrap_err().to_string(), "node 4 is not a host");
}
