//! The gatherer against servers that the test plays itself. Relays are tested with a real TURN server, by the adapters.
#![cfg(all(feature = "gather", feature = "testing"))]

use bytes::Bytes;
use iut::gather::{GatherOutput, Gatherer, LocalCandidate, Received};
use iut::testing::peers::peer;
use iut::{CandidateType, IcmpError, IcmpKind, MILLISECOND, NodeConfig, Ns, SECOND, ServerKind, ServerUrl, TransportPolicy};
use std::net::{IpAddr, SocketAddr};

const SERVERS: [&str; 2] = ["192.0.2.1:3478", "192.0.2.2:3478"];

fn address(text: &str) -> SocketAddr {
    text.parse().expect("an address")
}

/// A peer with this many STUN servers.
fn config(servers: usize) -> NodeConfig {
    let mut config = peer(true);
    let url = |server: &&str| ServerUrl { kind: ServerKind::Stun, address: address(server), credential: None };
    config.servers = SERVERS[..servers].iter().map(url).collect();
    config
}

struct Run {
    gatherer: Gatherer,
    now: Ns,
    sent: Vec<(Ns, SocketAddr, Bytes)>,
    candidates: Vec<LocalCandidate>,
    failed: Vec<Ns>,
    complete: Option<Ns>,
}

impl Run {
    fn new(config: &NodeConfig) -> Self {
        let mut run =
            Self { gatherer: Gatherer::new(config), now: 0, sent: Vec::new(), candidates: Vec::new(), failed: Vec::new(), complete: None };
        run.gatherer.start(0);
        run.drain();
        run
    }

    fn drain(&mut self) {
        while let Some(output) = self.gatherer.poll_output() {
            match output {
                GatherOutput::Datagram { local, remote, bytes } => {
                    assert_eq!(local, address("10.0.0.1:5000"));
                    self.sent.push((self.now, remote, bytes));
                }
                GatherOutput::Candidate(candidate) => self.candidates.push(candidate),
                GatherOutput::Complete => self.complete = Some(self.now),
                GatherOutput::Failed(_) => self.failed.push(self.now),
                GatherOutput::Log(line) => panic!("{line}"),
            }
        }
    }

    fn until(&mut self, end: Ns) {
        while let Some((deadline, _)) = self.gatherer.poll_timeout().filter(|(deadline, _)| *deadline <= end) {
            assert!(deadline > self.now || self.now == 0, "a deadline that has passed");
            self.now = deadline;
            self.gatherer.handle_timeout(deadline);
            self.drain();
        }
        self.now = end;
    }

    fn receive(&mut self, remote: &str, bytes: &[u8]) -> Received {
        let received = self.gatherer.handle_datagram(self.now, address("10.0.0.1:5000"), address(remote), &Bytes::copy_from_slice(bytes));
        self.drain();
        received
    }
}

/// A Binding response with XOR-MAPPED-ADDRESS (IPv4), written by hand from RFC 8489 sections 5 and 14.2.
fn response(request: &[u8], mapped: &str) -> Vec<u8> {
    let mapped = address(mapped);
    let IpAddr::V4(ip) = mapped.ip() else { panic!("IPv4 only") };
    let mut bytes = vec![0x01, 0x01, 0, 12];
    bytes.extend_from_slice(&request[4..20]);
    bytes.extend_from_slice(&[0x00, 0x20, 0, 8, 0, 1]);
    bytes.extend_from_slice(&(mapped.port() ^ 0x2112).to_be_bytes());
    bytes.extend(ip.octets().iter().zip([0x21, 0x12, 0xa4, 0x42]).map(|(octet, cookie)| octet ^ cookie));
    bytes
}

#[test]
fn without_servers_gathering_is_complete_with_the_host_candidates() {
    let run = Run::new(&config(0));
    let [host] = run.candidates.as_slice() else { panic!("{:?}", run.candidates) };
    assert_eq!((host.kind, host.address, host.base), (CandidateType::Host, address("10.0.0.1:5000"), address("10.0.0.1:5000")));
    assert_eq!(run.complete, Some(0));
}

#[test]
fn a_silent_server_is_asked_by_the_schedule_of_rfc_8489_section_6_2_1() {
    let mut run = Run::new(&config(1));
    run.until(60 * SECOND);
    let times: Vec<Ns> = run.sent.iter().map(|(at, ..)| *at / MILLISECOND).collect();
    assert_eq!(times, [0, 500, 1500, 3500, 7500, 15500, 31500]);
    assert!(run.sent.iter().all(|(_, _, bytes)| *bytes == run.sent[0].2), "a retransmission is the same request");
    assert_eq!((run.failed.as_slice(), run.complete), ([39_500 * MILLISECOND].as_slice(), Some(39_500 * MILLISECOND)));
}

#[test]
fn a_response_gives_a_server_reflexive_candidate_that_is_kept_alive_until_ice_concludes() {
    let mut run = Run::new(&config(1));
    run.until(30 * MILLISECOND);
    let request = run.sent[0].2.clone();
    assert_eq!(run.receive(SERVERS[0], &response(&request, "198.51.100.1:4242")), Received::Consumed);
    let mapped = &run.candidates[1];
    assert_eq!((mapped.kind, mapped.address), (CandidateType::ServerReflexive, address("198.51.100.1:4242")));
    assert_eq!((mapped.base, mapped.related), (address("10.0.0.1:5000"), Some(address("10.0.0.1:5000"))));
    assert_eq!(run.complete, Some(30 * MILLISECOND));
    run.until(15_200 * MILLISECOND);
    assert_eq!(run.sent.len(), 2, "one more request after 15 s");
    assert_ne!(run.sent[1].2, request, "in a transaction of its own");
    let again = response(&run.sent[1].2, "198.51.100.1:4242");
    assert_eq!(run.receive(SERVERS[0], &again), Received::Consumed);
    assert_eq!(run.candidates.len(), 2);
    run.gatherer.conclude();
    run.until(600 * SECOND);
    assert_eq!((run.sent.len(), run.failed.len()), (2, 0));
}

#[test]
fn a_mapped_address_equal_to_the_base_is_redundant() {
    let mut run = Run::new(&config(1));
    let request = run.sent[0].2.clone();
    run.receive(SERVERS[0], &response(&request, "10.0.0.1:5000"));
    assert_eq!((run.candidates.len(), run.complete), (1, Some(0)));
}

#[test]
fn two_servers_with_the_same_answer_give_one_candidate_and_are_asked_50_ms_apart() {
    let mut run = Run::new(&config(2));
    run.until(100 * MILLISECOND);
    let starts: Vec<_> = run.sent.iter().map(|(at, server, _)| (*at, server.to_string())).collect();
    assert_eq!(starts, [(0, SERVERS[0].to_owned()), (50 * MILLISECOND, SERVERS[1].to_owned())]);
    for (server, index) in SERVERS.iter().zip(0..) {
        let request = run.sent[index].2.clone();
        run.receive(server, &response(&request, "198.51.100.1:4242"));
    }
    assert_eq!((run.candidates.len(), run.complete), (2, Some(100 * MILLISECOND)));
}

#[test]
fn transaction_identifiers_follow_the_seed() {
    let request = |seed| Run::new(&NodeConfig { seed, ..config(1) }).sent[0].2.clone();
    assert_eq!(request(1), request(1));
    assert_ne!(request(1), request(2));
}

#[test]
fn an_error_response_and_a_hard_icmp_error_end_the_transaction_at_once() {
    let mut run = Run::new(&config(1));
    let mut error = vec![0x01, 0x11, 0, 8];
    error.extend_from_slice(&run.sent[0].2[4..20]);
    error.extend_from_slice(&[0x00, 0x09, 0, 4, 0, 0, 4, 0]);
    assert_eq!(run.receive(SERVERS[0], &error), Received::Consumed);
    assert_eq!((run.failed.as_slice(), run.complete), ([0].as_slice(), Some(0)));

    let mut run = Run::new(&config(1));
    let icmp = |kind| IcmpError { kind, reporter: address(SERVERS[0]).ip(), local: address("10.0.0.1:5000"), remote: address(SERVERS[0]) };
    run.gatherer.handle_icmp_error(&icmp(IcmpKind::TimeExceeded));
    run.drain();
    assert_eq!(run.complete, None, "a soft error is none");
    run.gatherer.handle_icmp_error(&icmp(IcmpKind::PortUnreachable));
    run.drain();
    assert_eq!((run.failed.as_slice(), run.complete), ([0].as_slice(), Some(0)));
    run.until(60 * SECOND);
    assert_eq!(run.sent.len(), 1);
}

#[test]
fn only_the_server_answers_for_its_transaction() {
    let mut run = Run::new(&config(1));
    let request = run.sent[0].2.clone();
    assert_eq!(run.receive("192.0.2.9:3478", &response(&request, "198.51.100.1:4242")), Received::NotMine);
    let mut other = response(&request, "198.51.100.1:4242");
    other[19] ^= 1;
    assert_eq!(run.receive(SERVERS[0], &other), Received::Consumed, "not the stack's either");
    assert_eq!(run.receive(SERVERS[0], &request), Received::NotMine, "a request is the stack's");
    assert_eq!((run.candidates.len(), run.complete), (1, None));
}

#[test]
fn with_policy_relay_nothing_but_relays_is_asked_for() {
    let mut run = Run::new(&NodeConfig { transport_policy: TransportPolicy::Relay, ..config(2) });
    run.until(60 * SECOND);
    assert_eq!((run.candidates.len(), run.sent.len(), run.complete), (0, 0, Some(0)));
}

#[test]
fn a_turn_server_without_a_credential_is_a_failure() {
    let mut config = config(1);
    config.servers[0].kind = ServerKind::Turn;
    let run = Run::new(&config);
    assert_eq!((run.failed.as_slice(), run.complete, run.sent.len()), ([0].as_slice(), Some(0), 0));
}

#[test]
fn servers_of_another_family_are_not_asked() {
    let run = Run::new(&NodeConfig { addresses: vec!["2001:db8::1".parse().expect("an address")], ..config(2) });
    assert_eq!((run.candidates.len(), run.sent.len(), run.complete), (1, 0, Some(0)));
}

#[test]
fn losing_an_address_ends_what_was_gathered_from_it() {
    let mut run = Run::new(&config(1));
    run.gatherer.address_removed(address("10.0.0.1:5000").ip());
    run.drain();
    run.until(60 * SECOND);
    assert_eq!((run.complete, run.sent.len()), (Some(0), 1));
    assert!(!run.gatherer.owns(address("10.0.0.1:5000")));
}

#[test]
fn a_new_generation_asks_again_and_finds_the_new_address() {
    let mut run = Run::new(&config(1));
    let request = run.sent[0].2.clone();
    run.receive(SERVERS[0], &response(&request, "198.51.100.1:4242"));
    run.until(SECOND);
    run.candidates.clear();
    run.gatherer.start(run.now);
    run.drain();
    let request = run.sent[1].2.clone();
    run.receive(SERVERS[0], &response(&request, "198.51.100.1:4343"));
    let found: Vec<_> = run.candidates.iter().map(|candidate| candidate.address.to_string()).collect();
    assert_eq!(found, ["10.0.0.1:5000", "198.51.100.1:4343"]);
    assert_eq!(run.complete, Some(SECOND));
}

#[test]
fn no_bytes_from_a_server_make_it_panic() {
    let mut random = fastrand::Rng::with_seed(1);
    let mut config = config(2);
    config.servers[1].kind = ServerKind::Turn;
    config.servers[1].credential = Some(iut::Credential { username: "u".into(), password: "p".into() });
    let mut run = Run::new(&config);
    run.until(60 * MILLISECOND);
    let seeds: Vec<Vec<u8>> = run.sent.iter().flat_map(|(_, _, bytes)| [bytes.to_vec(), response(bytes, "198.51.100.1:1")]).collect();
    for _ in 0..20_000 {
        let mut bytes = seeds[random.usize(0..seeds.len())].clone();
        bytes.truncate(random.usize(0..=bytes.len()));
        bytes.extend((0..random.usize(0..24)).map(|_| random.u8(..)));
        for _ in 0..random.usize(0..4) {
            let position = random.usize(0..bytes.len().max(1));
            if let Some(byte) = bytes.get_mut(position) {
                *byte = random.u8(..);
            }
        }
        let server = SERVERS[random.usize(0..2)];
        run.gatherer.handle_datagram(run.now, address("10.0.0.1:5000"), address(server), &Bytes::from(bytes));
        while run.gatherer.poll_output().is_some() {}
    }
}
