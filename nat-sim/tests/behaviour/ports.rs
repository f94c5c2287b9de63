//! How external ports are picked, shared, kept and given back.

use nat_sim::{
    AfterExpiry, DropReason, FilteringBehaviour, MappingBehaviour, NatConfig, NatEvent, PortAllocation, PortBlocks, PortContiguity,
    PortOverloading, PortParity, PortRange, SEC,
};

use crate::support::{SERVER_A, SERVER_A_OTHER_PORT, SERVER_B, World, home, nat, pool};

const ALICE: &str = "192.168.1.2:5000";
const BOB: &str = "192.168.1.3:5000";

fn with(change: impl FnOnce(&mut NatConfig)) -> NatConfig {
    let mut config = nat("port-restricted");
    change(&mut config);
    config
}

fn port(world: &mut World, host: &str, src: &str) -> u16 {
    world.seen_source(host, src, SERVER_A).port()
}

#[test]
fn without_fallback_a_taken_port_is_refused() {
    let mut world = home(with(|nat| nat.port_allocation = PortAllocation::Preserve), 7);
    assert_eq!(port(&mut world, "alice", ALICE), 5_000);
    assert_eq!(world.dropped("bob", BOB, SERVER_A), DropReason::NatPortTaken);
    assert_eq!(port(&mut world, "bob", "192.168.1.3:5001"), 5_001);
    world.run(300 * SEC);
    assert_eq!(port(&mut world, "bob", BOB), 5_000);
}

#[test]
fn the_last_one_wins_a_port_that_is_stolen() {
    let mut world = home(with(|nat| nat.port_allocation = PortAllocation::PreserveAndSteal), 7);
    assert_eq!(port(&mut world, "alice", ALICE), 5_000);
    assert_eq!(port(&mut world, "bob", BOB), 5_000);
    assert_eq!(world.mappings("nat").len(), 1, "alice's is lost");
    let stolen = |event: &NatEvent| matches!(event, NatEvent::MappingStolen(view) if view.internal.to_string() == ALICE);
    assert!(world.tap.nat_events.iter().any(|(.., event)| stolen(event)));
    let delivery = world.deliver("server-a", SERVER_A, "203.0.113.1:5000").unwrap();
    assert_eq!(delivery.packet.udp_destination().unwrap().to_string(), BOB);
    assert_eq!(port(&mut world, "alice", ALICE), 5_000, "and back");
    world.run(301 * SEC);
    assert!(world.mappings("nat").is_empty());
}

#[test]
fn parity_is_preserved_where_the_port_is_not() {
    for seed in 0..8 {
        let config = with(|nat| {
            nat.port_allocation = PortAllocation::Random;
            nat.port_parity = PortParity::Preserved;
        });
        let mut world = home(config, seed);
        for internal in [5_000, 5_001, 5_002, 5_003] {
            assert_eq!(port(&mut world, "alice", &format!("192.168.1.2:{internal}")) % 2, internal % 2);
        }
    }
}

#[test]
fn without_parity_some_port_changes_it() {
    let mut world = home(with(|nat| nat.port_allocation = PortAllocation::Random), 7);
    let changed = (0..16).filter(|n| port(&mut world, "alice", &format!("192.168.1.2:{}", 5_000 + 2 * n)) % 2 == 1).count();
    assert!(changed > 0);
}

#[test]
fn parity_runs_out_with_the_ports_of_that_parity() {
    let config = with(|nat| {
        nat.port_allocation = PortAllocation::Sequential;
        nat.port_parity = PortParity::Preserved;
        nat.port_range = PortRange { first: 40_000, last: 40_003 };
    });
    let mut world = home(config, 7);
    let mut even = [port(&mut world, "alice", ALICE), port(&mut world, "alice", "192.168.1.2:5002")];
    even.sort_unstable();
    assert_eq!(even, [40_000, 40_002]);
    assert_eq!(world.dropped("alice", "192.168.1.2:5004", SERVER_A), DropReason::NatPortsExhausted);
    assert_eq!(port(&mut world, "alice", "192.168.1.2:5001") % 2, 1);
}

#[test]
fn rtp_and_rtcp_get_neighbouring_ports_in_either_order() {
    for (contiguity, always) in [(PortContiguity::Attempted, true), (PortContiguity::Ignored, false)] {
        let config = with(|nat| {
            nat.port_allocation = PortAllocation::Random;
            nat.port_contiguity = contiguity;
        });
        let contiguous = (0..8).all(|seed| {
            let mut world = home(config, seed);
            let rtp = port(&mut world, "alice", "192.168.1.2:5000");
            let rtcp = port(&mut world, "alice", "192.168.1.2:5001");
            let later = [port(&mut world, "bob", "192.168.1.3:6001"), port(&mut world, "bob", "192.168.1.3:6000")];
            rtcp == rtp.wrapping_add(1) && later[0] == later[1].wrapping_add(1)
        });
        assert_eq!(contiguous, always, "{contiguity:?}");
    }
}

#[test]
fn an_even_port_leaves_room_for_its_neighbour_while_there_is_any() {
    let config = with(|nat| {
        nat.port_allocation = PortAllocation::Random;
        nat.port_contiguity = PortContiguity::Attempted;
        nat.port_range = PortRange { first: 40_000, last: 40_003 };
    });
    for seed in 0..8 {
        let mut world = home(config, seed);
        let first = port(&mut world, "alice", "192.168.1.2:5000");
        assert_ne!(first, 40_003, "nothing comes after it");
    }
}

#[test]
fn overloaded_ports_are_told_apart_by_their_remotes() {
    let mut world = home(with(|nat| nat.port_overloading = PortOverloading::DifferentRemotes), 7);
    assert_eq!(world.seen_source("alice", ALICE, SERVER_A).port(), 5_000);
    assert_eq!(world.seen_source("bob", BOB, SERVER_B).port(), 5_000);
    for (server, remote, internal) in [("server-a", SERVER_A, ALICE), ("server-b", SERVER_B, BOB)] {
        let delivery = world.deliver(server, remote, "203.0.113.1:5000").unwrap();
        assert_eq!(delivery.packet.udp_destination().unwrap().to_string(), internal);
    }
    assert_eq!(world.dropped("server-a", SERVER_A_OTHER_PORT, "203.0.113.1:5000"), DropReason::NatNoSession);
}

#[test]
fn an_overloaded_port_is_not_shared_towards_one_remote() {
    let mut world = home(with(|nat| nat.port_overloading = PortOverloading::DifferentRemotes), 7);
    world.seen_source("alice", ALICE, SERVER_A);
    world.seen_source("bob", BOB, SERVER_B);
    let moved = world.seen_source("bob", BOB, SERVER_A);
    assert_ne!(moved.port(), 5_000, "alice has this 5-tuple");
    assert_eq!(world.seen_source("bob", BOB, SERVER_A), moved, "the session stays");
    assert_eq!(world.seen_source("bob", BOB, SERVER_B).port(), 5_000, "so does the other one");
    assert_eq!(world.deliver("server-a", SERVER_A, &moved.to_string()).unwrap().packet.udp_destination().unwrap().to_string(), BOB);
}

#[test]
fn more_mappings_than_ports_fit_where_ports_are_overloaded() {
    for (port_overloading, fits) in [(PortOverloading::Off, false), (PortOverloading::DifferentRemotes, true)] {
        let config = with(|nat| {
            nat.port_allocation = PortAllocation::Random;
            nat.port_overloading = port_overloading;
            nat.port_range = PortRange { first: 40_000, last: 40_000 };
        });
        let mut world = home(config, 7);
        assert_eq!(port(&mut world, "alice", ALICE), 40_000);
        assert_eq!(world.deliver("bob", BOB, SERVER_B).is_some(), fits);
    }
}

#[test]
fn a_freed_port_rests_before_it_is_used_again() {
    let config = with(|nat| nat.port_hold_down = 120 * SEC);
    let mut world = home(config, 7);
    assert_eq!(port(&mut world, "alice", ALICE), 5_000);
    world.run(310 * SEC);
    assert!(world.mappings("nat").is_empty());
    assert_ne!(port(&mut world, "bob", BOB), 5_000, "expired ten seconds ago");
    world.run(120 * SEC);
    assert_eq!(port(&mut world, "alice", ALICE), 5_000);
}

#[test]
fn ports_that_rest_can_be_all_that_there_are() {
    let config = with(|nat| {
        nat.port_allocation = PortAllocation::Random;
        nat.port_hold_down = 120 * SEC;
        nat.port_range = PortRange { first: 40_000, last: 40_000 };
    });
    let mut world = home(config, 7);
    assert_eq!(port(&mut world, "alice", ALICE), 40_000);
    world.run(310 * SEC);
    assert_eq!(world.dropped("alice", ALICE, SERVER_A), DropReason::NatPortsExhausted);
    world.run(120 * SEC);
    assert_eq!(port(&mut world, "alice", ALICE), 40_000);
}

#[test]
fn after_expiry_the_former_endpoint_or_another_one_is_given() {
    for (after_expiry, same) in [(AfterExpiry::SameEndpoint, true), (AfterExpiry::AllocateAnew, false)] {
        let config = with(|nat| {
            nat.port_allocation = PortAllocation::Sequential;
            nat.after_expiry = after_expiry;
        });
        let mut world = home(config, 7);
        let first = port(&mut world, "alice", ALICE);
        world.run(310 * SEC);
        let second = port(&mut world, "alice", ALICE);
        assert_eq!(second == first, same);
        assert_eq!(second == first + 1, !same, "a sequence goes on");
    }
}

#[test]
fn hold_down_does_not_keep_a_port_from_its_former_owner() {
    let config = with(|nat| {
        nat.port_hold_down = 120 * SEC;
        nat.after_expiry = AfterExpiry::SameEndpoint;
    });
    let mut world = home(config, 7);
    world.seen_source("alice", ALICE, SERVER_A);
    world.run(310 * SEC);
    assert_eq!(port(&mut world, "alice", ALICE), 5_000);
    // The rest that was cut short does not end a second time, while the port is in use.
    world.run(130 * SEC);
    assert_ne!(port(&mut world, "bob", BOB), 5_000);
}

#[test]
fn a_former_endpoint_that_somebody_else_has_is_not_given_back() {
    let config = with(|nat| nat.after_expiry = AfterExpiry::SameEndpoint);
    let mut world = home(config, 7);
    world.seen_source("alice", ALICE, SERVER_A);
    world.run(310 * SEC);
    assert_eq!(port(&mut world, "bob", BOB), 5_000);
    assert_ne!(port(&mut world, "alice", ALICE), 5_000);
}

#[test]
fn mapping_is_endpoint_independent_until_a_port_conflicts() {
    let mut world = home(with(|nat| nat.mapping = MappingBehaviour::EndpointIndependentUntilConflict), 7);
    let alice = [SERVER_A, SERVER_B].map(|server| world.seen_source("alice", ALICE, server).port());
    assert_eq!(alice, [5_000, 5_000]);
    let bob = [SERVER_A, SERVER_B, SERVER_A].map(|server| world.seen_source("bob", BOB, server).port());
    assert_ne!(bob[0], bob[1], "one mapping for each remote");
    assert_eq!(bob[0], bob[2]);
    let free = [SERVER_A, SERVER_B].map(|server| world.seen_source("bob", "192.168.1.3:7000", server).port());
    assert_eq!(free, [7_000, 7_000], "the conflict is that of one port");
}

#[test]
fn a_deterministic_block_follows_from_the_internal_address() {
    let config = with(|nat| {
        nat.port_allocation = PortAllocation::Random;
        nat.port_range = PortRange { first: 40_000, last: 40_019 };
        nat.port_blocks = PortBlocks::Deterministic { size: 10, first_subscriber: [192, 168, 1, 1].into() };
    });
    for seed in 0..4 {
        // .1 and .2 share the first address, .3 has the first block of the second.
        let mut world = pool(config, &["203.0.113.1", "203.0.113.2"], seed);
        for internal in 0..10 {
            let alice = world.seen_source("alice", &format!("192.168.1.2:{}", 5_000 + internal), SERVER_A);
            assert_eq!(alice.ip().to_string(), "203.0.113.1");
            assert!((40_010..=40_019).contains(&alice.port()), "{alice}");
        }
        assert_eq!(world.dropped("alice", "192.168.1.2:5010", SERVER_A), DropReason::NatPortsExhausted);
        let bob = world.seen_source("bob", BOB, SERVER_A);
        assert_eq!(bob.ip().to_string(), "203.0.113.2");
        assert!((40_000..=40_009).contains(&bob.port()), "{bob}");
    }
}

#[test]
fn an_address_outside_the_deterministic_blocks_is_no_subscriber() {
    for first in [[192, 168, 1, 3], [192, 168, 0, 255]] {
        let config = with(|nat| {
            nat.port_allocation = PortAllocation::Random;
            nat.port_range = PortRange { first: 40_000, last: 40_019 };
            nat.port_blocks = PortBlocks::Deterministic { size: 10, first_subscriber: first.into() };
        });
        let mut world = home(config, 7);
        assert_eq!(world.dropped("alice", ALICE, SERVER_A), DropReason::NatNotASubscriber, "{first:?}");
    }
}

#[test]
fn blocks_on_demand_go_to_the_first_subscribers_and_come_back() {
    let config = with(|nat| {
        nat.port_allocation = PortAllocation::Sequential;
        nat.port_range = PortRange { first: 40_000, last: 40_015 };
        nat.port_blocks = PortBlocks::OnDemand { size: 10 };
    });
    let mut world = home(config, 7);
    let bob: Vec<u16> = (0..3).map(|n| port(&mut world, "bob", &format!("192.168.1.3:{}", 5_000 + n))).collect();
    assert_eq!(bob, [40_000, 40_001, 40_002]);
    assert_eq!(world.dropped("alice", ALICE, SERVER_A), DropReason::NatSubscriberPoolExhausted, "six ports are no block");
    world.run(310 * SEC);
    assert_eq!(port(&mut world, "alice", ALICE), 40_000);
}

#[test]
fn a_port_is_preserved_within_the_block_alone() {
    let config = with(|nat| {
        nat.port_range = PortRange { first: 40_000, last: 40_019 };
        nat.port_blocks = PortBlocks::OnDemand { size: 10 };
    });
    let mut world = home(config, 7);
    assert_eq!(port(&mut world, "alice", "192.168.1.2:40007"), 40_007);
    assert!((40_010..=40_019).contains(&port(&mut world, "bob", "192.168.1.3:40008")), "that port is in alice's block");
}

#[test]
fn contradictions_are_refused() {
    let overload = |nat: &mut NatConfig| nat.port_overloading = PortOverloading::DifferentRemotes;
    type Change<'a> = (&'static str, &'a dyn Fn(&mut NatConfig));
    let changes: [Change; 7] = [
        ("address and port-dependent filtering", &|nat| {
            overload(nat);
            nat.filtering = FilteringBehaviour::EndpointIndependent;
        }),
        ("does not steal", &|nat| {
            overload(nat);
            nat.port_allocation = PortAllocation::PreserveAndSteal;
        }),
        ("no hold-down", &|nat| {
            overload(nat);
            nat.port_hold_down = SEC;
        }),
        ("endpoint-independent mapping", &|nat| {
            nat.port_contiguity = PortContiguity::Attempted;
            nat.mapping = MappingBehaviour::AddressDependent;
        }),
        ("preserves with fallback", &|nat| {
            nat.mapping = MappingBehaviour::EndpointIndependentUntilConflict;
            nat.port_allocation = PortAllocation::Random;
        }),
        ("a block of 0 ports", &|nat| nat.port_blocks = PortBlocks::OnDemand { size: 0 }),
        ("both parities", &|nat| {
            nat.port_parity = PortParity::Preserved;
            nat.port_range = PortRange { first: 9, last: 9 };
        }),
    ];
    for (expected, change) in changes {
        let message = with(change).validate().unwrap_err().to_string();
        assert!(message.contains(expected), "{message}");
    }
}
