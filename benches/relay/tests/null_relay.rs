//! The null relay in each of its three ways, under the load generator. How fast is not asked here.

use relay_bench::bench::{self, Direction, Subject, WINDOW};
use relay_bench::flow::{Flow, Target};
use relay_bench::io::{Mode, Port};
use relay_bench::load::{self, Load, Pace};
use relay_bench::null;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

fn with_null_relay(mode: Mode, then: impl FnOnce(&Target)) {
    let listener = Port::bind(SocketAddr::new(LOOPBACK, 0), mode).expect("a port");
    let address = listener.socket.local_addr().expect("bound");
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        let relay = scope.spawn(|| null::serve(listener, mode, &stop));
        // Whatever happens in `then`, the relay ends, or the scope would wait for ever.
        let outcome =
            std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| then(&Target::Server { address, user: None, peers: LOOPBACK })));
        stop.store(true, Ordering::Relaxed);
        relay.join().expect("no panic").expect("served");
        outcome.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
    });
}

fn load(direction: Direction, mode: Mode, pace: Pace) -> Load {
    Load { ways: direction.ways(), size: 100, mode, pace, duration: Duration::from_millis(60), run: 1 }
}

fn carries_everything(target: &Target, direction: Direction, mode: Mode, pace: Pace) {
    let flows: Vec<Flow> = (0..3).map(|_| Flow::open(target, mode).expect("an allocation")).collect();
    let outcome = load::run(&flows, &load(direction, mode, pace), &AtomicBool::new(false)).expect("a trial");
    for (way, flows) in outcome.flows.iter().enumerate() {
        for counts in flows {
            assert!(counts.sent > 0, "{direction:?} {mode:?}: a flow without load");
            assert_eq!((counts.lost(), counts.duplicates, counts.corrupt, counts.reordered), (0, 0, 0, 0), "{direction:?} {mode:?} {way}");
        }
    }
    let delivered: u64 = outcome.delays.iter().map(|delays| delays.intended.len()).sum();
    assert_eq!(delivered, outcome.total().delivered);
    for flow in flows {
        flow.close().expect("the null relay knows the allocation");
    }
}

#[test]
fn every_mode_of_the_relay_carries_every_mode_of_load_in_every_direction() {
    for relay in [Mode::Plain, Mode::Mmsg, Mode::Gso] {
        with_null_relay(relay, |target| {
            for mode in [Mode::Plain, Mode::Mmsg, Mode::Gso] {
                for direction in [Direction::Up, Direction::Down, Direction::Bidir] {
                    carries_everything(target, direction, mode, WINDOW);
                }
            }
            carries_everything(target, Direction::Up, Mode::Plain, Pace::Rate(2000));
        });
    }
}

#[test]
fn the_generator_runs_without_a_relay() {
    carries_everything(&Target::Direct(LOOPBACK), Direction::Bidir, Mode::Plain, WINDOW);
}

#[test]
fn an_open_loop_sends_what_was_planned_however_late() {
    let flows = [Flow::open(&Target::Direct(LOOPBACK), Mode::Plain).expect("sockets")];
    let outcome = load::run(&flows, &load(Direction::Up, Mode::Plain, Pace::Rate(1000)), &AtomicBool::new(false)).expect("a trial");
    // 60 ms at 1000 a second: numbers 0 to 60 are due; what the machine makes the generator miss is the difference to `offered`.
    assert!(outcome.offered <= 61 && outcome.total().sent <= outcome.offered, "{outcome:?}");
    assert_eq!(outcome.total().lost(), 0);
}

#[test]
fn rounds_go_round_and_a_silent_server_has_an_error_and_no_figures() {
    let silent = UdpSocket::bind(SocketAddr::new(LOOPBACK, 0)).expect("a port");
    let address = silent.local_addr().expect("bound");
    with_null_relay(Mode::Plain, |target| {
        let subject = |name: &str, target: &Target| Subject { name: name.into(), target: target.clone(), process: None };
        let nobody = Target::Server { address, user: None, peers: LOOPBACK };
        let subjects = [subject("null", target), subject("direct", &Target::Direct(LOOPBACK)), subject("silent", &nobody)];
        let mut order = Vec::new();
        let load = load(Direction::Up, Mode::Plain, WINDOW);
        let series = bench::run(&subjects, &load, 1, 2, &AtomicBool::new(false), &mut |name, round| order.push((name.to_owned(), round)));
        let expected = [("null", 0), ("direct", 0), ("null", 1), ("direct", 1), ("null", 2), ("direct", 2)];
        assert_eq!(order, expected.map(|(name, round)| (name.to_owned(), round)));
        assert_eq!(series[0].trials.iter().map(|trial| trial.round).collect::<Vec<_>>(), [1, 2]);
        assert_eq!(series[0].error, None);
        assert!(
            series[2].trials.is_empty() && series[2].error.as_deref().is_some_and(|error| error.contains("no response")),
            "{:?}",
            series[2].error
        );
    });
}
