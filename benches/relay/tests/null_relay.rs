//! The null relay in each of its three ways, under the load generator. How fast is not asked here: trials end by count, and whoever is kept from running
//! only makes them longer.

use relay_bench::bench::{self, Direction, Subject};
use relay_bench::carrier::Carrier;
use relay_bench::content::Content;
use relay_bench::flow::{Flow, Server, Target};
use relay_bench::indication::{self, Kind};
use relay_bench::io::{Mode, Port};
use relay_bench::load::{self, Load, Outcome};
use relay_bench::null;
use relay_bench::payload::Way;
use relay_bench::schedule::{Extent, Pace, Rate, WINDOW};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const MODES: [Mode; 3] = [Mode::Plain, Mode::Mmsg, Mode::Gso];
/// Few enough to fit any socket's buffer at once.
const COUNT: u64 = 150;

fn with_null_relay(mode: Mode, then: impl FnOnce(Server)) {
    let listener = Port::bind(SocketAddr::new(LOOPBACK, 0), mode).expect("a port");
    let address = listener.socket.local_addr().expect("bound");
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        let relay = scope.spawn(|| null::serve(listener, mode, &stop));
        // Whatever happens in `then`, the relay ends, or the scope would wait for ever.
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| then(Server::new(address))));
        stop.store(true, Ordering::Relaxed);
        relay.join().expect("no panic").expect("served");
        outcome.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
    });
}

fn load(direction: Direction, mode: Mode, pace: Pace) -> Load {
    let (traffic, extent, patience) = (direction.traffic(), Extent::Count(COUNT), Duration::from_secs(5));
    Load { traffic, content: Content::Bytes(100), mode, pace, extent, patience, run: 1 }
}

fn carries_everything(target: &Target, load: &Load) -> Outcome {
    let flows: Vec<Flow> = (0..3).map(|_| Flow::open(target, load.mode).expect("an allocation")).collect();
    let outcome = load::run(&flows, load, &|| false).expect("a trial");
    assert_eq!(outcome.legs.iter().map(|leg| leg.way).collect::<Vec<_>>(), load.traffic.ways());
    for leg in &outcome.legs {
        for counts in &leg.flows {
            let faults = (counts.lost(), counts.duplicates, counts.corrupt, counts.reordered);
            assert_eq!((counts.sent, faults), (COUNT, (0, 0, 0, 0)), "{load:?} {:?}", leg.way);
        }
        assert_eq!(leg.delays.intended.len(), leg.total().delivered);
    }
    for flow in flows {
        flow.close().expect("the relay knows the allocation");
    }
    outcome
}

#[test]
fn every_mode_of_the_relay_carries_every_mode_of_load_in_every_direction() {
    for relay in MODES {
        with_null_relay(relay, |server| {
            for mode in MODES {
                for direction in Direction::ALL {
                    carries_everything(&direction.through(server.clone()), &load(direction, mode, WINDOW));
                }
            }
        });
    }
}

#[test]
fn indications_carry_what_channels_do_with_and_without_padding() {
    for relay in MODES {
        with_null_relay(relay, |server| {
            let server = Server { carrier: Carrier::Indication, ..server };
            for (mode, size) in [(Mode::Plain, 101), (Mode::Mmsg, 102), (Mode::Gso, 103), (Mode::Plain, 104)] {
                for direction in Direction::ALL {
                    carries_everything(
                        &direction.through(server.clone()),
                        &Load { content: Content::Bytes(size), ..load(direction, mode, WINDOW) },
                    );
                }
            }
        });
    }
}

#[test]
fn a_data_indication_that_names_another_peer_is_not_counted() {
    with_null_relay(Mode::Plain, |server| {
        let flow =
            Flow::open(&Target::Peer(Server { carrier: Carrier::Indication, ..server.clone() }), Mode::Plain).expect("an allocation");
        let [_, peer] = flow.own_addresses();
        let from = |named: SocketAddr| {
            let frame = indication::frame(Kind::Data, [1; 12], named, 4);
            [frame.head(), b"data", frame.tail()].concat()
        };
        assert_eq!(flow.payload(Way::Down, server.address, &from(peer)), Some(&b"data"[..]));
        assert_eq!(flow.payload(Way::Down, server.address, &from(server.address)), None);
        assert_eq!(flow.payload(Way::Down, peer, &from(peer)), None);
    });
}

#[test]
fn clients_over_ipv4_reach_peers_over_ipv6() {
    if UdpSocket::bind("[::1]:0").is_err() {
        println!("skipped: relays between families (this host has no ::1)");
        return;
    }
    with_null_relay(Mode::Plain, |server| {
        for carrier in [Carrier::Channel, Carrier::Indication] {
            let server = Server { carrier, peers: Some(Ipv6Addr::LOCALHOST.into()), ..server.clone() };
            let flow = Flow::open(&Target::Peer(server.clone()), Mode::Plain).expect("an allocation");
            let [client, peer] = flow.own_addresses();
            assert!(client.is_ipv4() && peer.is_ipv6() && flow.relayed().all(|relayed| relayed.is_ipv6()));
            flow.close().expect("the relay knows the allocation");
            for direction in Direction::ALL {
                carries_everything(&direction.through(server.clone()), &load(direction, Mode::Plain, WINDOW));
            }
        }
    });
}

#[test]
fn the_generator_runs_without_a_relay() {
    carries_everything(&Target::Direct(LOOPBACK), &load(Direction::Bidir, Mode::Plain, WINDOW));
}

#[test]
fn an_open_loop_sends_what_was_planned_evenly_and_in_bursts() {
    for (mode, burst) in [(Mode::Plain, 1), (Mode::Plain, 7), (Mode::Gso, 7), (Mode::Mmsg, 200)] {
        with_null_relay(Mode::Plain, |server| {
            let pace = Pace::Rate(Rate { per_second: 20_000, burst });
            let planned = Load { extent: Extent::Count(COUNT), ..load(Direction::Bidir, mode, pace) };
            let flows = [Flow::open(&Target::Peer(server), mode).expect("an allocation")];
            let outcome = load::run(&flows, &planned, &|| false).expect("a trial");
            assert_eq!((outcome.offered, outcome.sent, outcome.total().delivered), (2 * COUNT, 2 * COUNT, 2 * COUNT), "{mode:?} {burst}");
        });
    }
}

#[test]
fn every_content_arrives_whole_closed_and_open_loop_in_every_mode() {
    with_null_relay(Mode::Plain, |server| {
        for content in [Content::Imix, Content::Audio, Content::Video] {
            for mode in MODES {
                for pace in [WINDOW, Pace::Rate(Rate::even(20_000))] {
                    let planned = Load { content, ..load(Direction::Bidir, mode, pace) };
                    let flows = [Flow::open(&Target::Peer(server.clone()), mode).expect("an allocation")];
                    let total = load::run(&flows, &planned, &|| false).expect("a trial").total();
                    assert_eq!((total.sent, total.delivered, total.corrupt), (2 * COUNT, 2 * COUNT, 0), "{content} {mode:?} {pace:?}");
                }
            }
        }
    });
}

#[test]
fn the_delay_of_an_echo_is_that_of_both_ways() {
    with_null_relay(Mode::Plain, |server| {
        let outcome = carries_everything(&Target::Peer(server), &load(Direction::Echo, Mode::Plain, Pace::Window(1)));
        let [up, round] = &outcome.legs[..] else { panic!("two legs") };
        assert_eq!((up.way, round.way), (Way::Up, Way::Down));
        // Each datagram takes longer to come back than to get there, so the same holds for the shortest and the longest.
        assert!(round.delays.intended.min() > up.delays.intended.min() && round.delays.intended.max() >= up.delays.intended.max());
    });
}

#[test]
fn nothing_that_arrives_from_elsewhere_is_counted() {
    let flow = Flow::open(&Target::Direct(LOOPBACK), Mode::Plain).expect("sockets");
    let stranger = UdpSocket::bind(SocketAddr::new(LOOPBACK, 0)).expect("a port");
    let [client, peer] = flow.own_addresses();
    thread::scope(|scope| {
        scope.spawn(|| {
            for _ in 0..200 {
                let _ = (stranger.send_to(&[0; 100], client), stranger.send_to(&[0; 100], peer));
                thread::yield_now();
            }
        });
        let outcome = load::run(&[flow], &load(Direction::Bidir, Mode::Plain, Pace::Window(8)), &|| false);
        let total = outcome.expect("a trial").total();
        assert_eq!((total.corrupt, total.delivered), (0, 2 * COUNT));
    });
}

#[test]
fn a_trial_that_is_broken_off_says_so() {
    let flows = [Flow::open(&Target::Direct(LOOPBACK), Mode::Plain).expect("sockets")];
    let outcome = load::run(&flows, &load(Direction::Up, Mode::Plain, WINDOW), &|| true).expect("a trial");
    assert!(outcome.interrupted);
}

#[test]
fn rounds_go_round_and_a_silent_server_has_an_error_and_no_figures() {
    let silent = UdpSocket::bind(SocketAddr::new(LOOPBACK, 0)).expect("a port");
    let address = silent.local_addr().expect("bound");
    with_null_relay(Mode::Plain, |server| {
        let subject = |name: &str, target: &Target| Subject { name: name.into(), target: target.clone(), process: None };
        let nobody = Target::Peer(Server::new(address));
        let subjects = [subject("null", &Target::Peer(server)), subject("direct", &Target::Direct(LOOPBACK)), subject("silent", &nobody)];
        let mut order = Vec::new();
        let load = load(Direction::Up, Mode::Plain, WINDOW);
        let series = bench::run(&subjects, &load, 1, 2, &|| false, &mut |name, round| order.push((name.to_owned(), round)));
        let expected = [("null", 0), ("direct", 0), ("null", 1), ("direct", 1), ("null", 2), ("direct", 2)];
        assert_eq!(order, expected.map(|(name, round)| (name.to_owned(), round)));
        assert_eq!(series[0].trials.iter().map(|trial| trial.round).collect::<Vec<_>>(), [1, 2]);
        assert_eq!(series[0].error, None);
        let error = series[2].error.as_deref().expect("the silent server has an error");
        assert!(series[2].trials.is_empty() && error.contains("no response"), "{error}");
    });
}
