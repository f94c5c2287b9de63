//! The gatherer's relays against turn-server-proto, behind an address translation that the test can change.

use adapter_turn_proto::TurnServerProto;
use bytes::Bytes;
use iut::gather::{GatherOutput, Gatherer, Received};
use iut::testing::peers::{A, B, TURN_SERVER, peer, turn_server};
use iut::{CandidateType, Endpoint, Implementation, Input, Instance, MILLISECOND, Ns, Output, SECOND, ServerKind, ServerUrl};
use std::net::SocketAddr;

/// A gatherer and a TURN server without a wire between them; the server sees the gatherer at `mapped`.
struct Bench {
    now: Ns,
    gatherer: Gatherer,
    server: Box<dyn Endpoint>,
    mapped: SocketAddr,
    /// Types and addresses of the candidates found.
    candidates: Vec<(CandidateType, SocketAddr)>,
    /// What came out of the relay on the gatherer's side: the peer and the data.
    received: Vec<(SocketAddr, Bytes)>,
    /// What the server sent to peers: from the relayed address, to the peer, the data.
    relayed: Vec<(SocketAddr, SocketAddr, Bytes)>,
    logs: Vec<String>,
    complete: usize,
}

impl Bench {
    fn new() -> Self {
        let mut config = peer(true);
        let credential = turn_server().users.pop();
        config.servers = vec![ServerUrl { kind: ServerKind::Turn, address: server_address(), credential }];
        let Ok(Instance::Endpoint(server)) = TurnServerProto.build(&turn_server()) else { panic!("a TURN server is an endpoint") };
        let mut bench = Self {
            now: 0,
            gatherer: Gatherer::new(&config),
            server,
            mapped: SocketAddr::new([192, 0, 2, 1].into(), 40_000),
            candidates: Vec::new(),
            received: Vec::new(),
            relayed: Vec::new(),
            logs: Vec::new(),
            complete: 0,
        };
        bench.server.handle(0, Input::Command(iut::Command::Start));
        bench.start();
        bench
    }

    /// A generation, until it is complete.
    fn start(&mut self) {
        self.candidates.clear();
        self.gatherer.start(self.now);
        self.run(SECOND);
    }

    fn relayed_address(&self) -> SocketAddr {
        let relayed = self.candidates.iter().find(|(kind, _)| *kind == CandidateType::Relayed);
        relayed.unwrap_or_else(|| panic!("no relayed candidate: {:?} {:?}", self.candidates, self.logs)).1
    }

    fn run(&mut self, span: Ns) {
        let end = self.now + span;
        self.exchange();
        loop {
            let gatherer = self.gatherer.poll_timeout().map(|(deadline, _)| deadline);
            let server = self.server.poll_timeout().map(|(deadline, _)| deadline);
            let Some(next) = gatherer.into_iter().chain(server).min().filter(|next| *next <= end) else { break };
            self.now = self.now.max(next);
            self.gatherer.handle_timeout(self.now);
            self.server.handle(self.now, Input::Timeout);
            self.exchange();
        }
        self.now = end;
    }

    fn exchange(&mut self) {
        loop {
            if let Some(output) = self.gatherer.poll_output() {
                self.carry_from_gatherer(output);
            } else if let Some(output) = self.server.poll_output() {
                self.carry_from_server(output);
            } else {
                return;
            }
        }
    }

    fn carry_from_gatherer(&mut self, output: GatherOutput) {
        match output {
            GatherOutput::Datagram { remote, bytes, .. } => {
                self.server.handle(self.now, Input::Datagram { local: remote, remote: self.mapped, bytes });
            }
            GatherOutput::Candidate(candidate) => self.candidates.push((candidate.kind, candidate.address)),
            GatherOutput::Complete => self.complete += 1,
            GatherOutput::Failed(line) | GatherOutput::Log(line) => self.logs.push(line),
        }
    }

    fn carry_from_server(&mut self, output: Output) {
        let Output::Datagram { local, remote, bytes } = output else { return };
        if remote != self.mapped {
            self.relayed.push((local, remote, bytes));
            return;
        }
        match self.gatherer.handle_datagram(self.now, SocketAddr::new(A, 5000), local, &bytes) {
            Received::Relayed { peer, bytes, .. } => self.received.push((peer, bytes)),
            Received::Consumed => {}
            Received::NotMine => panic!("what the server says is the gatherer's"),
        }
    }
}

fn server_address() -> SocketAddr {
    SocketAddr::new(TURN_SERVER, 3478)
}

fn remote() -> SocketAddr {
    SocketAddr::new(B, 6000)
}

#[test]
fn an_allocation_gives_a_relayed_and_a_server_reflexive_candidate() {
    let bench = Bench::new();
    let kinds: Vec<_> = bench.candidates.iter().map(|(kind, _)| *kind).collect();
    assert_eq!(kinds, [CandidateType::Host, CandidateType::ServerReflexive, CandidateType::Relayed]);
    assert_eq!(bench.candidates[1].1, bench.mapped);
    assert_eq!(bench.relayed_address().ip(), TURN_SERVER);
    assert_eq!(bench.complete, 1);
}

#[test]
fn data_waits_for_its_permission_and_then_goes_both_ways() {
    let mut bench = Bench::new();
    let relayed = bench.relayed_address();
    bench.gatherer.send_via_relay(bench.now, relayed, remote(), Bytes::from_static(b"one"));
    bench.gatherer.send_via_relay(bench.now, relayed, remote(), Bytes::from_static(b"two"));
    bench.run(SECOND);
    assert_eq!(bench.relayed, [(relayed, remote(), Bytes::from_static(b"one")), (relayed, remote(), Bytes::from_static(b"two"))]);
    bench.server.handle(bench.now, Input::Datagram { local: relayed, remote: remote(), bytes: Bytes::from_static(b"back") });
    bench.run(SECOND);
    assert_eq!(bench.received, [(remote(), Bytes::from_static(b"back"))]);
}

#[test]
fn a_permission_made_early_lets_the_peer_speak_first() {
    let mut bench = Bench::new();
    let relayed = bench.relayed_address();
    let knock = |bench: &mut Bench| {
        bench.server.handle(bench.now, Input::Datagram { local: relayed, remote: remote(), bytes: Bytes::from_static(b"knock") });
        bench.run(SECOND);
    };
    knock(&mut bench);
    assert!(bench.received.is_empty(), "RFC 8656 section 9: no permission, no data");
    bench.gatherer.permit(bench.now, B);
    bench.run(SECOND);
    knock(&mut bench);
    assert_eq!(bench.received.len(), 1);
}

#[test]
fn what_waits_for_a_permission_is_bounded() {
    let mut bench = Bench::new();
    let relayed = bench.relayed_address();
    for _ in 0..100 {
        bench.gatherer.send_via_relay(bench.now, relayed, remote(), Bytes::from_static(b"x"));
    }
    bench.run(SECOND);
    assert_eq!((bench.relayed.len(), bench.logs.len()), (64, 36));
}

#[test]
fn allocation_and_permission_outlive_their_lifetimes() {
    let mut bench = Bench::new();
    let relayed = bench.relayed_address();
    bench.gatherer.permit(bench.now, B);
    for round in 1..=20 {
        bench.run(299 * SECOND);
        bench.gatherer.send_via_relay(bench.now, relayed, remote(), Bytes::from_static(b"still"));
        bench.run(100 * MILLISECOND);
        assert_eq!(bench.relayed.len(), round, "{:?}", bench.logs);
    }
}

#[test]
fn a_new_generation_keeps_an_allocation_whose_mapping_is_the_same() {
    let mut bench = Bench::new();
    let before = bench.candidates.clone();
    bench.start();
    assert_eq!((bench.candidates.clone(), bench.complete), (before, 2), "{:?}", bench.logs);
}

#[test]
fn a_new_generation_allocates_anew_when_the_mapping_has_changed() {
    let mut bench = Bench::new();
    let before = bench.relayed_address();
    bench.mapped.set_port(40_001);
    bench.start();
    let after = bench.relayed_address();
    assert_ne!(before, after);
    assert!(bench.candidates.contains(&(CandidateType::ServerReflexive, bench.mapped)));
    assert_eq!(bench.complete, 2);
    bench.gatherer.send_via_relay(bench.now, after, remote(), Bytes::from_static(b"new"));
    bench.run(SECOND);
    assert_eq!(bench.relayed, [(after, remote(), Bytes::from_static(b"new"))]);
}

#[test]
fn closing_deletes_the_allocation() {
    let mut bench = Bench::new();
    let relayed = bench.relayed_address();
    bench.gatherer.permit(bench.now, B);
    bench.run(SECOND);
    bench.gatherer.close(bench.now);
    bench.run(SECOND);
    bench.server.handle(bench.now, Input::Datagram { local: relayed, remote: remote(), bytes: Bytes::from_static(b"late") });
    bench.run(3600 * SECOND);
    assert!(bench.received.is_empty());
    assert_eq!(bench.gatherer.poll_timeout(), None);
}
