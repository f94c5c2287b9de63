//! The driver of asynchronous nodes, with small nodes made for the purpose.

mod toys;

use bytes::Bytes;
use harness::conductor::{Abort, Conductor, Ending, Player};
use harness::driver::tokio::{Program, run};
use harness::plan::CasePlan;
use harness::scenario::model::DriverName;
use harness::trace::Body;
use iut::{ApiEvent, BoxFuture, Cause, Command, Endpoint, Host, Input, NodeConfig, Ns, Output};
use nat_sim::{Direction, Fate, IcmpKind};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use toys::{Play, Toy};

fn plan(nodes: &str, wait: &str) -> CasePlan {
    let (plan, not_run) = toys::resolve(DriverName::Tokio, nodes, &format!("  - wait: {{for: {wait}}}\n"));
    assert_eq!(not_run, None, "the driver carries it");
    plan
}

/// Runs a case in which these nodes are toys; the others are [`Mirror`]s.
fn carry(plan: CasePlan, toys: &[(&str, Play)]) -> Ending {
    let toys: BTreeMap<&str, Play> = toys.iter().copied().collect();
    let built = plan.network.build(plan.seed).unwrap();
    let (mut players, mut programs) = (Vec::new(), Vec::new());
    for (node, party) in plan.nodes.iter().enumerate() {
        match toys.get(party.name.as_str()) {
            Some(play) => {
                players.push(Player::Asynchronous);
                programs.push(Program { node, addresses: party.addresses.clone(), program: Box::new(Toy(*play, party.config.clone())) });
            }
            None => players.push(Player::Endpoint(Box::new(Mirror::default()))),
        }
    }
    let recorder = toys::recorder(&plan, &built);
    let ending = run(built, Conductor::new(Arc::new(plan), players, recorder), programs);
    let times: Vec<Ns> = ending.recorder.trace().events.iter().map(|event| event.at).collect();
    assert!(times.is_sorted(), "a trace is in the order of time: {times:?}");
    ending
}

/// A state machine that sends everything back after 1.5 ms.
#[derive(Default)]
struct Mirror {
    held: Vec<(Ns, SocketAddr, SocketAddr, Bytes)>,
    outputs: Vec<Output>,
}

impl Endpoint for Mirror {
    fn handle(&mut self, now: Ns, input: Input) {
        if let Input::Datagram { local, remote, bytes } = input {
            self.held.push((now + 1_500_000, local, remote, bytes));
        }
        let (due, held): (Vec<_>, Vec<_>) = self.held.drain(..).partition(|(at, ..)| *at <= now);
        self.held = held;
        for (_, local, remote, bytes) in due {
            self.outputs.push(Output::Datagram { local, remote, bytes });
            self.outputs.push(Output::Api(ApiEvent::Log("mirrored".into())));
        }
    }

    fn poll_output(&mut self) -> Option<Output> {
        if self.outputs.is_empty() { None } else { Some(self.outputs.remove(0)) }
    }

    fn poll_timeout(&mut self) -> Option<(Ns, Cause)> {
        self.held.iter().map(|(at, ..)| (*at, "mirror")).min()
    }
}

fn api<'a>(ending: &'a Ending, name: &str) -> Vec<(Ns, &'a ApiEvent)> {
    let trace = ending.recorder.trace();
    trace.api(trace.party(name).expect("a party")).map(|(_, at, event)| (at, event)).collect()
}

fn log(text: &str) -> ApiEvent {
    ApiEvent::Log(text.into())
}

const PAIR: &str = "  a: {role: stun-client, implementation: toy, nat: symmetric}\n  b: {role: stun-client, implementation: machine}\n";

/// Sends to the only other node, which has the first public address after the NAT's.
fn ping(host: Host, config: NodeConfig) -> BoxFuture<'static, ()> {
    Box::pin(async move {
        let socket = host.network.bind(SocketAddr::new(config.addresses[0], config.port)).unwrap();
        host.emitter.api(log("sending"));
        socket.send_to(b"ping", mirror()).unwrap();
        let mut buffer = [0; 16];
        let (length, _) = socket.recv_from(&mut buffer).await.unwrap();
        host.emitter.api(ApiEvent::Log(String::from_utf8(buffer[..length].to_vec()).unwrap()));
        std::future::pending().await
    })
}

fn mirror() -> SocketAddr {
    let plan = plan(PAIR, "1s");
    plan.address_of(plan.node("b").unwrap(), None)
}

#[test]
fn an_asynchronous_node_and_a_state_machine_talk_through_a_nat() {
    let ending = carry(plan(PAIR, "1s"), &[("a", ping)]);
    let a = api(&ending, "a");
    assert_eq!((a[0], a[1].1), ((0, &log("sending")), &log("ping")));
    // One way is 1 ms on each of the two links at home and 10 ms on each of the two uplinks; the mirror's 1.5 ms end at a whole millisecond.
    assert_eq!(a[1].0, 2 * 22_000_000 + 2_000_000);
    assert_eq!(ending.abort, None);
    assert_eq!(ending.at, iut::SECOND);
}

#[test]
fn a_packet_is_never_handed_over_before_it_arrives() {
    let nodes = "  a: {role: stun-client, implementation: toy, link: {both: {latency: 1300us}}}\n  b: {role: stun-client, implementation: machine, link: {both: {latency: 2500us, jitter: 3ms}}}\n";
    let ending = carry(plan(nodes, "1s"), &[("a", ping_plain)]);
    let trace = ending.recorder.trace();
    let a = trace.party("a").unwrap();
    let arrived = trace.at_party(a).find(|(_, _, packet)| packet.direction == Direction::In).expect("the answer arrives").1;
    let heard = api(&ending, "a").last().unwrap().0;
    assert!(arrived <= heard && heard - arrived < iut::MILLISECOND, "arrived at {arrived}, heard at {heard}");
    assert_ne!(arrived % iut::MILLISECOND, 0, "the network is finer than the timers");
}

fn ping_plain(host: Host, config: NodeConfig) -> BoxFuture<'static, ()> {
    Box::pin(async move {
        let socket = host.network.bind(SocketAddr::new(config.addresses[0], config.port)).unwrap();
        let plan = plan("  a: {role: stun-client, implementation: toy}\n  b: {role: stun-client, implementation: machine}\n", "1s");
        socket.send_to(b"ping", plan.address_of(plan.node("b").unwrap(), None)).unwrap();
        let mut buffer = [0; 16];
        socket.recv_from(&mut buffer).await.unwrap();
        host.emitter.api(log("heard"));
        std::future::pending().await
    })
}

#[test]
fn a_port_that_nobody_listens_on_is_unreachable() {
    let nodes = "  a: {role: stun-client, implementation: toy}\n  b: {role: stun-client, implementation: toy}\n";
    let ending = carry(plan(nodes, "1s"), &[("a", ping_plain), ("b", |_, _| Box::pin(std::future::pending()))]);
    let refused = ending.recorder.trace().packets().filter(|(_, _, packet)| match &packet.packet.body {
        nat_sim::Body::Icmp(icmp) => icmp.kind == IcmpKind::PortUnreachable && packet.fate == Fate::Sent,
        _ => false,
    });
    assert_eq!(refused.count(), 1);
}

#[test]
fn events_and_datagrams_of_a_node_keep_their_order() {
    fn chatter(host: Host, config: NodeConfig) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            let socket = host.network.bind(SocketAddr::new(config.addresses[0], config.port)).unwrap();
            for text in ["one", "two"] {
                host.emitter.api(log(text));
                socket.send_to(text.as_bytes(), mirror()).unwrap();
            }
            std::future::pending().await
        })
    }
    let ending = carry(plan(PAIR, "1s"), &[("a", chatter)]);
    let trace = ending.recorder.trace();
    let a = trace.party("a").unwrap();
    let seen: Vec<String> = trace
        .events
        .iter()
        .filter_map(|event| match &event.body {
            Body::Api { node, event: ApiEvent::Log(text) } if *node == a => Some(text.clone()),
            Body::Packet(packet) if trace.vantages[packet.vantage].party == Some(a) && packet.direction == Direction::Out => {
                Some("packet".into())
            }
            _ => None,
        })
        .collect();
    assert_eq!(seen, ["one", "packet", "two", "packet"]);
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
    let ending = carry(plan(PAIR, "1s"), &[("a", flood)]);
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
    carry(plan(PAIR, "1s"), &[("a", fault)]);
}

#[test]
fn an_idle_hour_passes_at_once_and_ends_on_time() {
    let ending = carry(plan(PAIR, "1h"), &[("a", |_, _| Box::pin(std::future::pending()))]);
    assert_eq!(ending.at, 3600 * iut::SECOND);
}

#[test]
fn what_a_node_left_running_ends_with_the_case() {
    use std::sync::atomic::{AtomicBool, Ordering};
    static DROPPED: AtomicBool = AtomicBool::new(false);
    struct Witness;
    impl Drop for Witness {
        fn drop(&mut self) {
            DROPPED.store(true, Ordering::Relaxed);
        }
    }
    fn leave(_: Host, _: NodeConfig) -> BoxFuture<'static, ()> {
        Box::pin(async {
            tokio::spawn(async {
                let _witness = Witness;
                std::future::pending::<()>().await;
            });
        })
    }
    carry(plan(PAIR, "1s"), &[("a", leave)]);
    assert!(DROPPED.load(Ordering::Relaxed));
}
