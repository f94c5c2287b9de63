//! What a tap sees of a packet: one record per passage, before and after translation, and drops where they happen.

use nat_sim::{DropReason, Fate, NatEvent, Packet, SEC};

use crate::support::{SERVER_A, SERVER_B, at, home, ip, nat};

#[test]
fn a_packet_through_a_nat_is_seen_on_both_sides_before_and_after_translation() {
    let mut world = home(nat("port-restricted"), 7);
    world.deliver("alice", "192.168.1.2:5000", SERVER_A).unwrap();
    let expected = [
        "  0 ms <- alice/home       192.168.1.2:5000 192.0.2.1:3478 sent",
        " 10 ms -> nat/inside       192.168.1.2:5000 192.0.2.1:3478 forwarded",
        " 10 ms <- nat/outside      203.0.113.1:5000 192.0.2.1:3478 forwarded",
        " 20 ms -> server-a/internet 203.0.113.1:5000 192.0.2.1:3478 delivered",
    ];
    assert_eq!(world.ladder(), expected);
    assert!(matches!(&world.tap.nat_events[..], [(_, _, NatEvent::MappingMade(view))] if view.internal == at("192.168.1.2:5000")));
}

#[test]
fn a_packet_that_the_nat_refuses_ends_at_its_outside() {
    let mut world = home(nat("port-restricted"), 7);
    world.seen_source("alice", "192.168.1.2:5000", SERVER_A);
    world.tap.packets.clear();
    world.dropped("server-b", SERVER_B, "203.0.113.1:5000");
    let expected = [
        "1000 ms <- server-b/internet 192.0.2.2:3478 203.0.113.1:5000 sent",
        "1010 ms -> nat/outside      192.0.2.2:3478 203.0.113.1:5000 drop:nat-filtered",
    ];
    assert_eq!(world.ladder(), expected);
}

#[test]
fn packets_keep_their_identification_across_the_network_and_share_their_payload() {
    let mut world = home(nat("full-cone"), 7);
    world.deliver("alice", "192.168.1.2:5000", SERVER_A).unwrap();
    world.deliver("alice", "192.168.1.2:5000", SERVER_A).unwrap();
    let ids: Vec<u16> = world.tap.packets.iter().map(|seen| seen.packet.id).collect();
    assert_eq!(ids, [1, 1, 1, 1, 2, 2, 2, 2]);
    let addresses: Vec<*const u8> = world.tap.packets[..4].iter().map(|seen| seen.packet.udp_payload().unwrap().as_ptr()).collect();
    assert!(addresses.windows(2).all(|pair| pair[0] == pair[1]));
}

#[test]
fn a_packet_that_no_wire_could_carry_is_dropped_where_it_was_made() {
    let mut world = home(nat("full-cone"), 7);
    let alice = world.id("alice");
    let too_long = Packet::udp(at("192.168.1.2:5000"), at(SERVER_A), vec![0; 65_508]);
    let mut mixed = Packet::udp(at("192.168.1.2:5000"), at(SERVER_A), &b"x"[..]);
    mixed.dst = ip("2001:db8::1");
    for packet in [too_long, mixed] {
        let now = world.net.now();
        world.net.send(&mut world.tap, now, alice, packet);
    }
    assert_eq!(world.run(SEC), []);
    assert_eq!(world.tap.drops(), [DropReason::Malformed; 2]);
    assert!(world.tap.packets.iter().all(|seen| seen.place.node == alice));
}

#[test]
fn vantages_are_numbered_without_gaps_and_named_uniquely() {
    let world = home(nat("full-cone"), 7);
    let vantages = world.net.vantages();
    assert!(vantages.iter().zip(0..).all(|(vantage, number)| vantage.id.0 == number));
    let mut names: Vec<String> = vantages.iter().map(|vantage| vantage.name()).collect();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), vantages.len());
    let outside = vantages.iter().find(|vantage| vantage.name() == "nat/outside").unwrap();
    assert_eq!((outside.node, &outside.addresses[..]), (world.id("nat"), &[ip("203.0.113.1")][..]));
}

#[test]
fn every_fate_has_a_name() {
    assert_eq!(Fate::Delivered.to_string(), "delivered");
    assert_eq!(Fate::Dropped(DropReason::NatFiltered).to_string(), "drop:nat-filtered");
}
