//! The same network, seed and sends give the same events; another seed gives others; a further component shifts nobody's numbers.

use nat_sim::{LinkConfig, MS, NetBuilder, Probability};

use crate::support::{Recorder, World, ip, nat};

fn lossy() -> LinkConfig {
    let some = |value| Probability::new(value).unwrap();
    LinkConfig {
        jitter: 20 * MS,
        loss: some(0.1),
        duplication: some(0.1),
        reordering: some(0.1),
        reorder_delay: 9 * MS,
        ..LinkConfig::with_latency(7 * MS)
    }
}

/// Two homes behind symmetric NATs talk to a server and to each other over bad links. With `more`, a third home does the same.
fn trace(seed: u64, more: bool) -> (Recorder, Vec<u16>) {
    let mut builder = NetBuilder::new(lossy());
    let internet = builder.segment("internet");
    let names: &[&str] = if more { &["c", "a", "b"] } else { &["a", "b"] };
    for name in names {
        let lan = builder.segment(&format!("home-{name}"));
        builder.host(name, &[(lan, ip("192.168.1.2"))]);
        let outside = match *name {
            "a" => "203.0.113.1",
            "b" => "203.0.113.2",
            _ => "203.0.113.3",
        };
        builder.nat(&format!("nat-{name}"), nat("symmetric"), lan, internet, &[ip(outside)]);
    }
    builder.host("server", &[(internet, ip("192.0.2.1"))]);
    let mut world = World::new(builder.build(seed).unwrap());
    for round in 0..50 {
        for name in names {
            world.send(name, "192.168.1.2:5000", &format!("192.0.2.1:{}", 3_000 + round));
        }
        world.run(5 * MS);
    }
    world.run(1_000 * MS);
    let mapped = world.mappings("nat-a").iter().map(|mapping| mapping.external.port()).collect();
    (world.tap, mapped)
}

#[test]
fn the_same_seed_gives_the_same_events() {
    assert_eq!(trace(1, false), trace(1, false));
}

#[test]
fn another_seed_gives_other_events() {
    assert_ne!(trace(1, false).0.packets, trace(2, false).0.packets);
    assert_ne!(trace(1, false).1, trace(2, false).1);
}

#[test]
fn adding_a_home_shifts_neither_ports_nor_losses_of_another() {
    let (alone, alone_ports) = trace(1, false);
    let (crowded, crowded_ports) = trace(1, true);
    assert_eq!(alone_ports, crowded_ports);
    // The link into the server is shared, so compare what happens at the home's own sides.
    let at_home = |tap: &Recorder| -> Vec<_> {
        let here = tap.packets.iter().filter(|seen| [ip("203.0.113.1"), ip("192.168.1.2")].contains(&seen.packet.src));
        here.map(|seen| (seen.at, seen.place.direction, seen.fate, seen.packet.clone())).collect()
    };
    let names = |tap: Recorder, more: bool| {
        let homes = if more { 2..4 } else { 0..2 };
        Recorder { packets: tap.packets.into_iter().filter(|seen| homes.contains(&seen.place.node.0)).collect(), nat_events: Vec::new() }
    };
    let (alone, crowded) = (at_home(&names(alone, false)), at_home(&names(crowded, true)));
    assert!(alone.len() > 100, "{}", alone.len());
    assert_eq!(alone, crowded);
}
