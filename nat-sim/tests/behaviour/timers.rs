//! Mapping and filter timers, and what restarts them: RFC 4787, section 4.3.

use nat_sim::{
    DropReason, FilteringBehaviour, MS, NatConfig, NatEvent, Ns, PortAllocation, Refresh, ReverseBinding, SEC, Timer, UnsolicitedInbound,
};

use crate::support::{SERVER_A, SERVER_B, World, at, home, nat};

const MINUTE: Ns = 60 * SEC;

fn world(mapping: (Ns, Refresh), filter: (Ns, Refresh)) -> World {
    let timer = |(duration, refresh)| Timer { duration, refresh };
    home(NatConfig { mapping_timer: timer(mapping), filter_timer: timer(filter), ..nat("port-restricted") }, 7)
}

/// Opens a mapping from inside, then sends from one side every 50 s for five minutes, and tells whether a packet from outside still gets in.
fn survives(world: &mut World, from_inside: bool) -> bool {
    assert_eq!(world.seen_source("alice", "192.168.1.2:5000", SERVER_A), at("203.0.113.1:5000"));
    for _ in 0..6 {
        world.run(49 * SEC);
        if from_inside {
            world.deliveries("alice", "192.168.1.2:5000", SERVER_A);
        } else {
            world.deliveries("server-a", SERVER_A, "203.0.113.1:5000");
        }
    }
    world.deliver("server-a", SERVER_A, "203.0.113.1:5000").is_some()
}

#[test]
fn each_refresh_direction_keeps_a_mapping_by_its_own_packets_alone() {
    let long = (3_600 * SEC, Refresh::Both);
    for (refresh, by_outbound, by_inbound) in
        [(Refresh::Outbound, true, false), (Refresh::Inbound, false, true), (Refresh::Both, true, true)]
    {
        let mapping = || world((MINUTE, refresh), long);
        // Outbound traffic over an expired mapping makes a new one, so a mapping "survives" outbound traffic when it is still the first.
        let mut outbound = mapping();
        survives(&mut outbound, true);
        assert_eq!(outbound.tap.nat_events.len() == 1, by_outbound, "{refresh:?}");
        assert_eq!(survives(&mut mapping(), false), by_inbound, "{refresh:?}");
    }
}

#[test]
fn each_refresh_direction_keeps_a_filter_entry_by_its_own_packets_alone() {
    let long = (3_600 * SEC, Refresh::Both);
    for (refresh, by_inbound) in [(Refresh::Outbound, false), (Refresh::Inbound, true), (Refresh::Both, true)] {
        assert_eq!(survives(&mut world(long, (MINUTE, refresh)), false), by_inbound, "{refresh:?}");
    }
    assert!(survives(&mut world(long, (MINUTE, Refresh::Outbound)), true));
}

#[test]
fn an_outbound_packet_makes_a_filter_entry_even_where_only_inbound_ones_refresh_it() {
    let mut world = world((3_600 * SEC, Refresh::Both), (MINUTE, Refresh::Inbound));
    world.seen_source("alice", "192.168.1.2:5000", SERVER_A);
    world.run(40 * SEC);
    world.seen_source("alice", "192.168.1.2:5000", SERVER_A);
    world.run(30 * SEC);
    assert_eq!(world.dropped("server-a", SERVER_A, "203.0.113.1:5000"), DropReason::NatFiltered, "the second packet did not refresh");
    world.seen_source("alice", "192.168.1.2:5000", SERVER_A);
    assert!(world.deliver("server-a", SERVER_A, "203.0.113.1:5000").is_some(), "but after expiry it makes a new entry");
}

#[test]
fn a_filter_entry_can_expire_before_its_mapping() {
    let mut world = world((10 * MINUTE, Refresh::Outbound), (MINUTE, Refresh::Outbound));
    world.seen_source("alice", "192.168.1.2:5000", SERVER_A);
    world.run(2 * MINUTE);
    assert_eq!(world.dropped("server-a", SERVER_A, "203.0.113.1:5000"), DropReason::NatFiltered);
    assert_eq!(world.mappings("nat").len(), 1);
}

#[test]
fn a_mapping_can_expire_before_its_filter_entries_which_then_admit_nobody() {
    let mut world = world((MINUTE, Refresh::Outbound), (10 * MINUTE, Refresh::Outbound));
    world.seen_source("alice", "192.168.1.2:5000", SERVER_A);
    world.run(2 * MINUTE);
    assert_eq!(world.dropped("server-a", SERVER_A, "203.0.113.1:5000"), DropReason::NatNoMapping);
    world.seen_source("alice", "192.168.1.2:5000", SERVER_B);
    assert_eq!(world.dropped("server-a", SERVER_A, "203.0.113.1:5000"), DropReason::NatFiltered, "the old contact is forgotten");
}

#[test]
fn a_mapping_expires_exactly_when_its_timer_ends() {
    // The packet reaches the NAT 10 ms after it was sent, so the mapping lives from 10 ms to 60,010 ms.
    for (sent_at, expected) in [(MINUTE - MS, true), (MINUTE, false)] {
        let mut world = world((MINUTE, Refresh::Outbound), (MINUTE, Refresh::Outbound));
        world.send("alice", "192.168.1.2:5000", SERVER_A);
        while world.net.advance(&mut world.tap, sent_at).is_some() {}
        world.send("server-a", SERVER_A, "203.0.113.1:5000");
        assert_eq!(world.run(SEC).len() == 1, expected, "sent at {sent_at}");
        let [(made, ..), (expired, _, NatEvent::MappingExpired(_))] = &world.tap.nat_events[..] else {
            panic!("{:?}", world.tap.nat_events)
        };
        assert_eq!((*made, *expired), (10 * MS, MINUTE + 10 * MS));
    }
}

#[test]
fn expiry_is_told_when_it_happens_though_no_packet_comes() {
    let mut world = world((MINUTE, Refresh::Outbound), (MINUTE, Refresh::Outbound));
    world.seen_source("alice", "192.168.1.2:5000", SERVER_A);
    world.run(20 * SEC);
    world.seen_source("alice", "192.168.1.2:5000", SERVER_A);
    let refreshed = world.mappings("nat")[0].expires;
    assert_eq!(world.run(10 * MINUTE), []);
    let (at, _, event) = world.tap.nat_events.last().unwrap();
    assert!(matches!(event, NatEvent::MappingExpired(view) if view.expires == refreshed));
    assert_eq!(*at, refreshed);
    assert_eq!(world.net.next_event(), None, "and then nothing is left to happen");
}

#[test]
fn an_expired_port_is_free_for_another_host() {
    let mut world = world((MINUTE, Refresh::Outbound), (MINUTE, Refresh::Outbound));
    world.seen_source("alice", "192.168.1.2:5000", SERVER_A);
    world.run(2 * MINUTE);
    assert_eq!(world.seen_source("bob", "192.168.1.3:5000", SERVER_A), at("203.0.113.1:5000"));
}

#[test]
fn filtered_packets_refresh_nothing() {
    let mut world = world((MINUTE, Refresh::Both), (MINUTE, Refresh::Both));
    world.seen_source("alice", "192.168.1.2:5000", SERVER_A);
    for _ in 0..3 {
        world.run(30 * SEC);
        world.deliveries("server-b", SERVER_B, "203.0.113.1:5000");
    }
    assert_eq!(world.mappings("nat"), []);
}

/// Alice's mapping towards server A, by which server B has come in.
fn bound(mapping_timer: Timer) -> (World, String) {
    let config = NatConfig {
        filtering: FilteringBehaviour::EndpointIndependent,
        reverse_binding: ReverseBinding::Session,
        port_allocation: PortAllocation::Random,
        mapping_timer,
        ..nat("symmetric")
    };
    let mut world = home(config, 7);
    let mapped = world.seen_source("alice", "192.168.1.2:5000", SERVER_A).to_string();
    assert!(world.deliver("server-b", SERVER_B, &mapped).is_some());
    (world, mapped)
}

#[test]
fn a_reverse_binding_lives_as_long_as_it_is_used_and_no_longer() {
    for (used, expected) in [(true, true), (false, false)] {
        let (mut world, mapped) = bound(Timer { duration: MINUTE, refresh: Refresh::Outbound });
        for _ in 0..4 {
            world.run(20 * SEC);
            world.seen_source("alice", "192.168.1.2:5000", SERVER_A);
            if used {
                world.seen_source("alice", "192.168.1.2:5000", SERVER_B);
            }
        }
        assert_eq!(world.seen_source("alice", "192.168.1.2:5000", SERVER_B).to_string() == mapped, expected);
    }
}

#[test]
fn a_reverse_binding_ends_with_its_mapping() {
    let (mut world, mapped) = bound(Timer { duration: MINUTE, refresh: Refresh::Outbound });
    // The binding is younger than the mapping that it belongs to.
    world.run(50 * SEC);
    assert!(world.deliver("server-b", "192.0.2.2:9", &mapped).is_some());
    world.run(10 * SEC);
    assert_eq!(world.mappings("nat"), []);
    let anew = world.seen_source("alice", "192.168.1.2:5000", "192.0.2.2:9").to_string();
    assert_ne!(anew, mapped);
    assert_eq!(world.deliver("server-b", "192.0.2.2:9", &anew).unwrap().host, world.id("alice"));
}

#[test]
fn a_session_that_had_to_leave_its_mapping_ends_and_may_return_to_it() {
    let config = NatConfig {
        unsolicited_inbound: UnsolicitedInbound::CreatesState { lifetime: 30 * SEC },
        mapping_timer: Timer { duration: MINUTE, refresh: Refresh::Outbound },
        ..nat("port-restricted")
    };
    let mut world = home(config, 7);
    let mapped = world.seen_source("alice", "192.168.1.2:5000", SERVER_A);
    world.dropped("server-b", SERVER_B, &mapped.to_string());
    assert_ne!(world.seen_source("alice", "192.168.1.2:5000", SERVER_B), mapped);
    for _ in 0..3 {
        world.run(40 * SEC);
        assert_eq!(world.seen_source("alice", "192.168.1.2:5000", SERVER_A), mapped);
    }
    assert_eq!(world.mappings("nat").len(), 1, "the session's own mapping has expired");
    assert_eq!(world.seen_source("alice", "192.168.1.2:5000", SERVER_B), mapped);
}

#[test]
fn a_mapping_that_nobody_answered_expires_earlier() {
    let config = NatConfig { mapping_timer: timer_of(120, Refresh::Both), unanswered_timer: Some(30 * SEC), ..nat("full-cone") };
    let mut world = home(config, 7);
    let mapped = world.seen_source("alice", "192.168.1.2:5000", SERVER_A).to_string();
    world.run(20 * SEC);
    world.seen_source("alice", "192.168.1.2:5000", SERVER_A);
    world.run(25 * SEC);
    assert_eq!(world.mappings("nat").len(), 1, "refreshed");
    world.run(10 * SEC);
    assert!(world.mappings("nat").is_empty(), "unanswered for 30 s");
    world.seen_source("alice", "192.168.1.2:5000", SERVER_A);
    assert!(world.deliver("server-a", SERVER_A, &mapped).is_some());
    world.run(115 * SEC);
    assert_eq!(world.mappings("nat").len(), 1, "answered");
    world.run(10 * SEC);
    assert!(world.mappings("nat").is_empty());
}

#[test]
fn a_new_mapping_is_unanswered_again() {
    let config = NatConfig { mapping_timer: timer_of(120, Refresh::Outbound), unanswered_timer: Some(30 * SEC), ..nat("full-cone") };
    let mut world = home(config, 7);
    let mapped = world.seen_source("alice", "192.168.1.2:5000", SERVER_A).to_string();
    assert!(world.deliver("server-a", SERVER_A, &mapped).is_some(), "an answer that refreshes nothing");
    world.seen_source("alice", "192.168.1.2:5000", SERVER_A);
    world.run(110 * SEC);
    assert_eq!(world.mappings("nat").len(), 1);
    world.run(20 * SEC);
    world.seen_source("alice", "192.168.1.2:5000", SERVER_A);
    world.run(31 * SEC);
    assert!(world.mappings("nat").is_empty());
}

fn timer_of(seconds: u64, refresh: Refresh) -> Timer {
    Timer { duration: seconds * SEC, refresh }
}
