//! Which pairs of NATs a small ICE agent connects directly: the nine-by-nine table of RFC 4787 behaviours in both modes of reverse binding, the seven
//! presets, and Linux.
//!
//! The agent has host, server-reflexive and peer-reflexive candidates and checks that a response comes from where its request went (RFC 8445, section
//! 7.2.5.2.1). It keeps to no pacing and no priorities: whether a pair connects does not depend on them.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use nat_sim::{
    Access, Delivery, FilteringBehaviour, LinkConfig, MS, MappingBehaviour, NatConfig, Net, NetBuilder, NodeId, Ns, Packet, PortAllocation,
    ReverseBinding, SEC, preset,
};

use crate::probe::{FILTERS, MAPPINGS};
use crate::support::{at, ip, nat};

const ROUND: Ns = 50 * MS;
const ROUNDS: u64 = 20;
/// Without a bound each triggered check through two address-and-port-dependent mappings begets another candidate.
const MAX_REMOTES: usize = 12;

struct Agent {
    node: NodeId,
    /// Tells own messages from the peer's, as credentials do: both homes may use the same private address.
    peer: u8,
    base: SocketAddr,
    remotes: Vec<SocketAddr>,
    requests: BTreeMap<u32, SocketAddr>,
    connected: bool,
}

const REQUEST: u8 = 1;
const RESPONSE: u8 = 2;

impl Agent {
    fn new(net: &Net, name: &str, peer: &str, base: &str) -> Self {
        Self {
            node: net.node(name).unwrap(),
            peer: net.node(peer).unwrap().0 as u8,
            base: at(base),
            remotes: Vec::new(),
            requests: BTreeMap::new(),
            connected: false,
        }
    }

    fn send(&self, net: &mut Net, to: SocketAddr, kind: u8, transaction: u32) {
        let mut message = vec![self.node.0 as u8, kind];
        message.extend_from_slice(&transaction.to_be_bytes());
        net.send(&mut (), net.now(), self.node, Packet::udp(self.base, to, message));
    }

    fn check(&mut self, net: &mut Net, remote: SocketAddr) {
        let transaction = self.requests.len() as u32;
        self.requests.insert(transaction, remote);
        self.send(net, remote, REQUEST, transaction);
    }

    fn check_all(&mut self, net: &mut Net) {
        for remote in self.remotes.clone() {
            self.check(net, remote);
        }
    }

    fn receive(&mut self, net: &mut Net, packet: &Packet) {
        let (Some(bytes), Some(source)) = (packet.udp_payload(), packet.udp_source()) else { return };
        let Some(&[sender, kind, a, b, c, d]) = bytes.first_chunk() else { return };
        if sender != self.peer {
            return;
        }
        let transaction = u32::from_be_bytes([a, b, c, d]);
        match kind {
            REQUEST => {
                self.send(net, source, RESPONSE, transaction);
                if !self.remotes.contains(&source) && self.remotes.len() < MAX_REMOTES {
                    self.remotes.push(source);
                    self.check(net, source);
                }
            }
            RESPONSE => self.connected |= self.requests.get(&transaction) == Some(&source),
            _ => unreachable!(),
        }
    }
}

fn two_homes(a: Access, b: Access, seed: u64) -> Net {
    let mut builder = NetBuilder::new(LinkConfig::with_latency(5 * MS));
    let internet = builder.segment("internet");
    builder.host("server", &[(internet, ip("192.0.2.1"))]);
    for (name, access, outside) in [("a", a, "203.0.113.1"), ("b", b, "198.51.100.1")] {
        let home = builder.segment(&format!("home-{name}"));
        let gateway = format!("gateway-{name}");
        match access {
            Access::Nat(config) => {
                builder.host(name, &[(home, ip("192.168.1.2"))]);
                builder.nat(&gateway, config, home, internet, &[ip(outside)]);
            }
            Access::Firewall(config) => {
                builder.host(name, &[(home, ip(outside))]);
                builder.firewall(&gateway, config, home, internet);
            }
            Access::Open => {
                builder.host(name, &[(home, ip(outside))]);
                builder.router(&gateway, &[home, internet]);
            }
        }
    }
    builder.build(seed).unwrap()
}

fn local(access: Access, outside: &str) -> String {
    if matches!(access, Access::Nat(_)) { "192.168.1.2:5000".to_owned() } else { format!("{outside}:5000") }
}

fn run(net: &mut Net, agents: &mut [Agent; 2], until: Ns) {
    while let Some(Delivery { host, packet, .. }) = net.advance(&mut (), until) {
        for agent in agents.iter_mut().filter(|agent| agent.node == host) {
            agent.receive(net, &packet);
        }
    }
}

/// Whether both agents get an answer from each other, when the second begins `stagger` later.
fn connects(a: Access, b: Access, stagger: Ns) -> bool {
    let mut net = two_homes(a, b, 11);
    let mut agents = [Agent::new(&net, "a", "b", &local(a, "203.0.113.1")), Agent::new(&net, "b", "a", &local(b, "198.51.100.1"))];
    let candidates = agents.each_ref().map(|agent| {
        agent.send(&mut net, at("192.0.2.1:3478"), REQUEST, 0);
        let until = net.now() + SEC;
        let reflexive = net.advance(&mut (), until).and_then(|delivery| delivery.packet.udp_source());
        [Some(agent.base), reflexive]
    });
    let [of_a, of_b] = candidates.map(|candidates| candidates.into_iter().flatten().collect::<Vec<_>>());
    (agents[0].remotes, agents[1].remotes) = (of_b, of_a);
    let begin = net.now() + SEC;
    for round in 0..ROUNDS + stagger / ROUND {
        run(&mut net, &mut agents, begin + round * ROUND);
        if round < ROUNDS {
            agents[0].check_all(&mut net);
        }
        if round >= stagger / ROUND {
            agents[1].check_all(&mut net);
        }
    }
    let end = net.now() + SEC;
    run(&mut net, &mut agents, end);
    agents.iter().all(|agent| agent.connected)
}

type Behaviour = (MappingBehaviour, FilteringBehaviour);

fn grid() -> Vec<Behaviour> {
    MAPPINGS.into_iter().flat_map(|mapping| FILTERS.map(|filtering| (mapping, filtering))).collect()
}

fn access((mapping, filtering): Behaviour, reverse_binding: ReverseBinding) -> Access {
    Access::Nat(NatConfig { mapping, filtering, reverse_binding, port_allocation: PortAllocation::Random, ..nat("symmetric") })
}

/// The published rule for NATs that bind sessions.
fn session_rule(a: Behaviour, b: Behaviour) -> bool {
    let independent = |(mapping, _): Behaviour| mapping == MappingBehaviour::EndpointIndependent;
    let restricted = |behaviour: Behaviour| independent(behaviour) && behaviour.1 == FilteringBehaviour::AddressDependent;
    let open = |(_, filtering): Behaviour| filtering == FilteringBehaviour::EndpointIndependent;
    open(a) || open(b) || independent(a) && independent(b) || restricted(a) || restricted(b)
}

/// The unordered pairs that the rule connects and NATs without session binding do not.
fn lost_without_session_binding() -> Vec<[Behaviour; 2]> {
    use {FilteringBehaviour as F, MappingBehaviour as M};
    let (eim, adm, apdm) = (M::EndpointIndependent, M::AddressDependent, M::AddressAndPortDependent);
    let (eif, adf, apdf) = (F::EndpointIndependent, F::AddressDependent, F::AddressAndPortDependent);
    vec![
        [(eim, apdf), (adm, eif)],
        [(eim, apdf), (apdm, eif)],
        [(adm, eif), (adm, apdf)],
        [(adm, eif), (apdm, apdf)],
        [(adm, apdf), (apdm, eif)],
        [(apdm, eif), (apdm, eif)],
        [(apdm, eif), (apdm, adf)],
        [(apdm, eif), (apdm, apdf)],
    ]
}

fn table(reverse_binding: ReverseBinding, expected: impl Fn(Behaviour, Behaviour) -> bool) -> usize {
    let mut direct = 0;
    for (a, b) in grid().into_iter().flat_map(|a| grid().into_iter().map(move |b| (a, b))) {
        let outcome = connects(access(a, reverse_binding), access(b, reverse_binding), 0);
        assert_eq!(outcome, expected(a, b), "{a:?} with {b:?}");
        direct += usize::from(outcome);
    }
    direct
}

#[test]
fn with_session_binding_57_of_81_pairs_connect_as_published() {
    assert_eq!(table(ReverseBinding::Session, session_rule), 57);
}

#[test]
fn without_session_binding_42_of_81_pairs_connect() {
    let lost = lost_without_session_binding();
    let rule = |a, b| session_rule(a, b) && !lost.contains(&[a, b]) && !lost.contains(&[b, a]);
    assert_eq!(table(ReverseBinding::Mapping, rule), 42);
}

#[test]
fn the_seven_presets_connect_as_the_published_truth_table_says() {
    let names = ["open", "full-cone", "restricted", "port-restricted", "symmetric", "symmetric-sequential", "udp-blocked"];
    let table = ["DDDDDD.", "DDDDDD.", "DDDDDD.", "DDDD...", "DDD....", "DDD....", "......."];
    for (a, row) in names.iter().zip(table) {
        for (b, cell) in names.iter().zip(row.chars()) {
            for stagger in [0, 300 * MS] {
                let outcome = connects(preset(a).unwrap(), preset(b).unwrap(), stagger);
                assert_eq!(outcome, cell == 'D', "{a} with {b}, second {} ms later", stagger / MS);
            }
        }
    }
}

#[test]
fn linux_routers_connect_when_they_drop_early_probes_and_not_when_they_accept_them() {
    let [drop, accept] = ["linux-masquerade-drop", "linux-masquerade-accept"].map(|name| preset(name).unwrap());
    for stagger in [ROUND, 300 * MS] {
        assert!(connects(drop, drop, stagger));
        assert!(!connects(accept, accept, stagger), "the early probe took the port of the later session");
    }
    assert!(connects(accept, accept, 0), "probes that cross on the way are early at neither router");
}
