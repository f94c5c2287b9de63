//! The driver of crashes, with small nodes made for the purpose.

mod toys;

use bytes::Bytes;
use harness::conductor::{Abort, Conductor, Ending, Player};
use harness::driver::tokio::Program;
use harness::driver::turmoil::{TunnelFault, run};
use harness::plan::{CasePlan, NotRun};
use harness::scenario::model::DriverName;
use harness::trace::{Body, Recorder, vantages};
use iut::{ApiEvent, BoxFuture, Cause, Command, Endpoint, Host, Input, NodeConfig, Ns, Output};
use nat_sim::{Direction, DropReason, Fate, NatEvent};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use toys::{Play, Toy};

const PAIR: &str = "  a: {role: stun-client, implementation: toy, nat: symmetric}\n  b: {role: stun-client, implementation: machine}\n";
const TOYS: &str = "  a: {role: stun-client, implementation: toy}\n  b: {role: stun-client, implementation: toy}\n";

fn resolve(nodes: &str, timeline: &str) -> (CasePlan, Option<NotRun>) {
    toys::resolve(DriverName::Turmoil, nodes, timeline)
}

fn plan(nodes: &str, timeline: &str) -> CasePlan {
    let (plan, not_run) = resolve(nodes, timeline);
    assert_eq!(not_run, None, "the driver carries it");
    plan
}

/// Runs a case in which toys play `toy`, and [`Mirror`]s the machines.
fn carry(plan: CasePlan, play: Play) -> Ending {
    let built = plan.network.build(plan.seed).unwrap();
    let plan = Arc::new(plan);
    let player = |node: usize, plan: &CasePlan| -> (Player, Option<Program>) {
        let party = &plan.nodes[node];
        match party.implementation() {
            Some("toy") => {
                let program = Box::new(Toy(play, party.config.clone()));
                (Player::Asynchronous, Some(Program { node, addresses: party.addresses.clone(), program }))
            }
            _ => (Player::Endpoint(Box::new(Mirror::default())), None),
        }
    };
    let (players, programs): (Vec<_>, Vec<_>) = (0..plan.nodes.len()).map(|node| player(node, &plan)).unzip();
    let recorder = toys::recorder(&plan, &built);
    let conductor = Conductor::new(Arc::clone(&plan), players, recorder);
    let programs = programs.into_iter().flatten().collect();
    let restart = |node, _| Ok::<_, TunnelFault>(player(node, &plan));
    let ending = run(&plan.network, plan.seed, built, conductor, programs, restart).unwrap();
    let times: Vec<Ns> = ending.recorder.trace().events.iter().map(|event| event.at).collect();
    assert!(times.is_sorted(), "a trace is in the order of time: {times:?}");
    ending
}

/// A state machine that sends everything back after 1.5 ms, with the number of datagrams that it has had.
#[derive(Default)]
struct Mirror {
    heard: u8,
    held: Vec<(Ns, SocketAddr, SocketAddr, Bytes)>,
    outputs: Vec<Output>,
}

impl Endpoint for Mirror {
    fn handle(&mut self, now: Ns, input: Input) {
        if let Input::Datagram { local, remote, bytes } = input {
            self.heard += 1;
            let numbered = [&bytes[..], &[b'0' + self.heard]].concat();
            self.held.push((now + 1_500_000, local, remote, numbered.into()));
        }
        let (due, held): (Vec<_>, Vec<_>) = self.held.drain(..).partition(|(at, ..)| *at <= now);
        self.held = held;
        self.outputs.extend(due.into_iter().map(|(_, local, remote, bytes)| Output::Datagram { local, remote, bytes }));
    }

    fn poll_output(&mut self) -> Option<Output> {
        if self.outputs.is_empty() { None } else { Some(self.outputs.remove(0)) }
    }

    fn poll_timeout(&mut self) -> Option<(Ns, Cause)> {
        self.held.iter().map(|(at, ..)| (*at, "mirror")).min()
    }
}

fn log(text: &str) -> ApiEvent {
    ApiEvent::Log(text.into())
}

/// What a node logged, with the time in milliseconds.
fn logged(ending: &Ending, name: &str) -> Vec<(u64, String)> {
    let trace = ending.recorder.trace();
    let events = trace.api(trace.party(name).expect("a party"));
    let text =
        |(_, at, event): (_, Ns, &ApiEvent)| if let ApiEvent::Log(text) = event { Some((at / 1_000_000, text.clone())) } else { None };
    events.filter_map(text).collect()
}

fn drops(ending: &Ending, wanted: DropReason) -> usize {
    ending.recorder.trace().packets().filter(|(_, _, packet)| packet.fate == Fate::Dropped(wanted)).count()
}

/// Says `start`, and from then on sends `ping` to node `b` every second and logs what comes back.
fn ping(host: Host, config: NodeConfig) -> BoxFuture<'static, ()> {
    Box::pin(async move {
        let socket = host.network.bind(SocketAddr::new(config.addresses[0], config.port)).unwrap();
        host.emitter.api(log("start"));
        // The first host on the internet has the first address, and a gateway takes the place of the host behind it.
        let other: SocketAddr = "203.0.113.11:5000".parse().unwrap();
        let mut buffer = [0; 16];
        let mut next = tokio::time::interval(Duration::from_secs(1));
        loop {
            tokio::select! {
                biased;
                received = socket.recv_from(&mut buffer) => {
                    let (length, _) = received.unwrap();
                    host.emitter.api(ApiEvent::Log(String::from_utf8(buffer[..length].to_vec()).unwrap()));
                }
                _ = next.tick() => socket.send_to(b"ping", other).unwrap(),
            }
        }
    })
}

#[test]
fn a_path_through_a_nat_takes_as_long_as_its_links() {
    let ending = carry(plan(PAIR, "  - wait: {for: 500ms}\n"), ping);
    // One way is 1 ms on each of the two links at home and 10 ms on each of the two uplinks; the mirror's 1.5 ms end at a whole millisecond.
    assert_eq!(logged(&ending, "a"), [(0, "start".into()), (2 * 22 + 2, "ping1".into())]);
    assert_eq!((ending.at, ending.abort), (500 * iut::MILLISECOND, None));
}

#[test]
fn a_path_without_delay_takes_at_most_two_ticks() {
    let nodes = "  a: {role: stun-client, implementation: toy, link: {both: {latency: 1ns}}}\n  b: {role: stun-client, implementation: machine, link: {both: {latency: 1ns}}}\n";
    let ending = carry(plan(nodes, "  - wait: {for: 500ms}\n"), ping);
    let (at, _) = logged(&ending, "a")[1];
    assert!((2..=6).contains(&at), "there and back in {at} ms");
}

#[test]
fn a_host_that_crashed_starts_from_nothing() {
    let timeline = "  - wait: {for: 2500ms}\n  - crash: {node: b}\n  - wait: {for: 2s}\n  - bounce: {node: b}\n  - wait: {for: 1s}\n";
    let ending = carry(plan(PAIR, timeline), ping);
    let heard: Vec<String> = logged(&ending, "a").into_iter().map(|(_, text)| text).collect();
    // Three of six pings come back from the first mirror, none while it is down, and the new one counts from 1.
    assert_eq!(heard, ["start", "ping1", "ping2", "ping3", "ping1"]);
    assert_eq!(drops(&ending, DropReason::NodeDown), 2);
}

#[test]
fn a_crash_ends_the_tasks_and_sockets_of_an_asynchronous_node() {
    let timeline = "  - wait: {for: 2500ms}\n  - crash: {node: a}\n  - wait: {for: 2s}\n  - bounce: {node: a}\n  - wait: {for: 1500ms}\n";
    let ending = carry(plan(PAIR, timeline), ping);
    let expected = [(0, "start"), (46, "ping1"), (1046, "ping2"), (2046, "ping3")];
    let seen = logged(&ending, "a");
    assert_eq!(seen[..4], expected.map(|(at, text)| (at, text.to_owned())));
    // The port that the crash has freed is bound again.
    assert_eq!(seen[4].1, "start");
    assert!((4500..=4501).contains(&seen[4].0), "{seen:?}");
    assert_eq!(seen[5].1, "ping4");
}

#[test]
fn what_is_on_its_way_to_a_crashed_host_is_lost_and_told() {
    let ending = carry(plan(PAIR, "  - wait: {for: 15ms}\n  - crash: {node: b}\n  - wait: {for: 500ms}\n"), ping);
    assert_eq!(drops(&ending, DropReason::NodeDown), 1);
    assert_eq!(logged(&ending, "a").len(), 1);
}

#[test]
fn a_nat_that_crashed_has_lost_its_mappings() {
    let timeline = "  - wait: {for: 1500ms}\n  - crash-gateway: {of: a, for: 1s}\n  - wait: {for: 3s}\n";
    let ending = carry(plan(PAIR, timeline), ping);
    let trace = ending.recorder.trace();
    let told = |wanted: fn(&NatEvent) -> bool| {
        trace.events.iter().filter(|event| matches!(&event.body, Body::Nat { event, .. } if wanted(event))).count()
    };
    assert_eq!(told(|event| matches!(event, NatEvent::MappingMade(_))), 2);
    assert_eq!(told(|event| matches!(event, NatEvent::MappingFlushed(_))), 1);
    assert_eq!(drops(&ending, DropReason::NodeDown), 1, "the ping of the second in which it was away");
    let heard: Vec<String> = logged(&ending, "a").into_iter().map(|(_, text)| text).collect();
    assert_eq!(heard, ["start", "ping1", "ping2", "ping3", "ping4"]);
    let mapped: Vec<u16> = trace
        .packets()
        .filter(|(_, _, packet)| packet.direction == Direction::In && packet.fate == Fate::Delivered)
        .filter(|(_, _, packet)| packet.packet.dst == "203.0.113.11".parse::<std::net::IpAddr>().unwrap())
        .filter_map(|(_, _, packet)| Some(packet.packet.udp_source()?.port()))
        .collect();
    assert_eq!((mapped[0] == mapped[1], mapped[1] == mapped[2]), (true, false), "a new mapping has a new port: {mapped:?}");
}

#[test]
fn a_port_that_nobody_listens_on_is_unreachable() {
    fn one_side(host: Host, config: NodeConfig) -> BoxFuture<'static, ()> {
        if config.name == "a" { ping(host, config) } else { Box::pin(std::future::pending()) }
    }
    let ending = carry(plan(TOYS, "  - wait: {for: 500ms}\n"), one_side);
    let trace = ending.recorder.trace();
    let refused =
        trace.packets().filter(|(_, _, packet)| matches!(&packet.packet.body, nat_sim::Body::Icmp(_)) && packet.fate == Fate::Sent);
    assert_eq!(refused.count(), 1);
}

#[test]
fn a_node_that_floods_at_one_instant_ends_the_case() {
    fn flood(host: Host, _: NodeConfig) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            loop {
                host.emitter.api(log("again"));
                tokio::task::yield_now().await;
            }
        })
    }
    let ending = carry(plan(PAIR, "  - wait: {for: 1s}\n"), flood);
    let Some(Abort::Flood { node, what }) = ending.abort else { panic!("no flood") };
    assert_eq!((node, what.as_str()), (0, "sends and reports without letting time go on"));
    assert_eq!(ending.at, 0);
}

#[test]
#[should_panic(expected = "the implementation's own fault")]
fn a_panic_of_a_node_is_a_panic_of_the_run() {
    fn fault(mut host: Host, _: NodeConfig) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            assert!(matches!(host.inputs.recv().await, Some(Input::Command(Command::Start))));
            tokio::time::sleep(Duration::from_millis(100)).await;
            panic!("the implementation's own fault");
        })
    }
    carry(plan(PAIR, "  - wait: {for: 1s}\n"), fault);
}

#[test]
#[should_panic(expected = "the machine's own fault")]
fn a_panic_of_a_state_machine_is_a_panic_of_the_run() {
    struct Fault;
    impl Endpoint for Fault {
        fn handle(&mut self, _: Ns, input: Input) {
            assert!(!matches!(input, Input::Datagram { .. }), "the machine's own fault");
        }
        fn poll_output(&mut self) -> Option<Output> {
            None
        }
        fn poll_timeout(&mut self) -> Option<(Ns, Cause)> {
            None
        }
    }
    let plan = Arc::new(plan(PAIR, "  - wait: {for: 1s}\n"));
    let built = plan.network.build(plan.seed).unwrap();
    let program = Box::new(Toy(ping, plan.nodes[0].config.clone()));
    let program = Program { node: 0, addresses: plan.nodes[0].addresses.clone(), program };
    let recorder = Recorder::new(vec!["a".into(), "b".into()], vantages(built.net.vantages(), |_| None));
    let conductor = Conductor::new(Arc::clone(&plan), vec![Player::Asynchronous, Player::Endpoint(Box::new(Fault))], recorder);
    let _ = run(&plan.network, 1, built, conductor, vec![program], |_, _| Err(unreachable(&plan)));
}

fn unreachable(_: &CasePlan) -> TunnelFault {
    unreachable!("nobody restarts")
}

#[test]
fn a_case_of_more_than_a_minute_is_refused_with_the_reason() {
    let (_, not_run) = resolve(PAIR, "  - wait: {for: 61s}\n");
    let Some(NotRun::Driver(reason)) = not_run else { panic!("it is carried") };
    assert!(reason.contains("`turmoil`") && reason.contains("at most 1m"), "{reason}");
}
