//! The gatherer: which transactions run, and what their outcomes mean.

use super::binding::{Binding, Outcome};
use super::relay::{self, Relay};
use super::{GatherOutput, LocalCandidate, Received};
use crate::{CandidateType, Cause, IcmpError, IcmpKind, MILLISECOND, NodeConfig, Ns, ServerKind, ServerUrl, TransportPolicy};
use bytes::Bytes;
use std::collections::{BTreeSet, VecDeque};
use std::net::{IpAddr, SocketAddr};
use stun_proto::types::message::{BINDING, Message, MessageClass};

/// RFC 8445 section 14.2: Ta, the least time between the starts of two transactions.
const TA: Ns = 50 * MILLISECOND;
/// Remote addresses that permissions are made for before something is sent to them.
const EARLY_PERMISSION_LIMIT: usize = 64;

/// Gathers candidates, generation after generation.
pub struct Gatherer {
    addresses: Vec<IpAddr>,
    port: u16,
    servers: Vec<ServerUrl>,
    policy: TransportPolicy,
    random: fastrand::Rng,
    bindings: Vec<Binding>,
    relays: Vec<Relay>,
    /// Candidates of this generation, as the pair that RFC 8445 section 5.1.3 compares.
    known: BTreeSet<(SocketAddr, SocketAddr)>,
    remote_addresses: BTreeSet<IpAddr>,
    gathering: bool,
    outputs: VecDeque<GatherOutput>,
}

impl Gatherer {
    /// A gatherer for a node; it does nothing before [`Gatherer::start`].
    pub fn new(config: &NodeConfig) -> Self {
        Self {
            addresses: config.addresses.clone(),
            port: config.port,
            servers: config.servers.clone(),
            policy: config.transport_policy,
            random: fastrand::Rng::with_seed(config.seed),
            bindings: Vec::new(),
            relays: Vec::new(),
            known: BTreeSet::new(),
            remote_addresses: BTreeSet::new(),
            gathering: false,
            outputs: VecDeque::new(),
        }
    }

    /// Begins a generation: host candidates come at once, Binding and Allocate transactions start anew. An allocation of the generation before stays in use
    /// meanwhile. If the server still has it for this node's mapped address, it refuses another one (437, RFC 8656 section 7.2), and the old one counts
    /// again; otherwise the new one takes its place.
    pub fn start(&mut self, now: Ns) {
        self.known.clear();
        self.bindings.clear();
        self.relays.retain(Relay::is_live);
        self.gathering = true;
        let hosts: Vec<SocketAddr> = self.addresses.iter().map(|&address| SocketAddr::new(address, self.port)).collect();
        for &local in &hosts {
            self.found(CandidateType::Host, local, local, None);
        }
        let mut starts = (0..).map(|index| now + index * TA);
        for &local in &hosts {
            for server in self.servers.clone().iter().filter(|server| server.address.is_ipv4() == local.is_ipv4()) {
                self.begin(local, server, &mut starts);
            }
        }
        self.handle_timeout(now);
    }

    fn begin(&mut self, local: SocketAddr, server: &ServerUrl, starts: &mut impl Iterator<Item = Ns>) {
        match (server.kind, &server.credential) {
            (ServerKind::Stun, _) if self.policy == TransportPolicy::Relay => {}
            (ServerKind::Stun, _) => {
                let start = starts.next().expect("the starts never end");
                self.bindings.push(Binding::new(local, server.address, start));
            }
            (ServerKind::Turn, None) => {
                let reason = format!("no allocation on {}: the scenario gives no credential", server.address);
                self.outputs.push_back(GatherOutput::Failed(reason));
            }
            (ServerKind::Turn, Some(credential)) => {
                let ours = |relay: &Relay| (relay.local, relay.server) == (local, server.address);
                if self.relays.iter().any(|relay| ours(relay) && !relay.is_concluded()) {
                    return;
                }
                let start = starts.next().expect("the starts never end");
                let mut relay = Relay::new(local, server.address, credential, start);
                self.remote_addresses.iter().for_each(|&peer| relay.permit(start, peer));
                self.relays.push(relay);
            }
        }
    }

    /// ICE has come to a conclusion: server-reflexive candidates need not be kept alive any more (RFC 8445 section 8.3).
    pub fn conclude(&mut self) {
        self.bindings.iter_mut().for_each(Binding::release);
    }

    /// The node gained an address; it counts from the next generation on.
    pub fn address_added(&mut self, address: IpAddr) {
        if !self.addresses.contains(&address) {
            self.addresses.push(address);
        }
    }

    /// The node lost an address, and what was gathered from it.
    pub fn address_removed(&mut self, address: IpAddr) {
        self.addresses.retain(|&own| own != address);
        self.bindings.retain(|binding| binding.local.ip() != address);
        self.relays.retain(|relay| relay.local.ip() != address);
        self.check_complete();
    }

    /// Whether the node owns the local address.
    pub fn owns(&self, local: SocketAddr) -> bool {
        self.addresses.contains(&local.ip())
    }

    /// Offers a datagram; see [`Received`].
    pub fn handle_datagram(&mut self, now: Ns, local: SocketAddr, remote: SocketAddr, bytes: &Bytes) -> Received {
        if let Ok(message) = Message::from_bytes(bytes) {
            let ours = self.bindings.iter_mut().filter(|binding| binding.local == local && binding.server == remote);
            let outcome = ours.filter_map(|binding| binding.handle(now, &message)).next();
            if let Some(outcome) = outcome {
                self.handle_outcome(local, remote, outcome);
                return Received::Consumed;
            }
        }
        for index in 0..self.relays.len() {
            if self.relays[index].local != local || self.relays[index].server != remote {
                continue;
            }
            let relayed = self.relays[index].relayed();
            let received = self.relays[index].handle(now, bytes);
            self.advance_relay(now, index);
            match (received, relayed) {
                (relay::Received::Consumed, _) => return Received::Consumed,
                (relay::Received::Relayed { peer, bytes }, Some(relayed)) => return Received::Relayed { relayed, peer, bytes },
                _ => {}
            }
        }
        if self.is_leftover(local, remote, bytes) { Received::Consumed } else { Received::NotMine }
    }

    /// A server says something that no transaction waits for any more: a response that came twice, data for a permission that is not confirmed yet.
    /// Stacks would take it for a connectivity check. Only Binding requests are left to them.
    fn is_leftover(&self, local: SocketAddr, remote: SocketAddr, bytes: &[u8]) -> bool {
        let ours = self.servers.iter().any(|server| server.address == remote) && self.addresses.contains(&local.ip());
        let channel_data = bytes.first().is_some_and(|first| (0x40..0x50).contains(first));
        let request = |message: &Message<'_>| message.has_method(BINDING) && message.has_class(MessageClass::Request);
        ours && (channel_data || Message::from_bytes(bytes).is_ok_and(|message| !request(&message)))
    }

    /// Takes note of an ICMP error: hard ones end the transactions with that server (RFC 8489 section 6.2.1).
    pub fn handle_icmp_error(&mut self, error: &IcmpError) {
        if matches!(error.kind, IcmpKind::PacketTooBig { .. } | IcmpKind::TimeExceeded) {
            return;
        }
        let outcomes: Vec<_> = self
            .bindings
            .iter_mut()
            .filter(|binding| binding.local == error.local && binding.server == error.remote && !binding.is_concluded())
            .map(Binding::fail)
            .collect();
        for outcome in outcomes {
            self.handle_outcome(error.local, error.remote, outcome);
        }
        let refused = |relay: &Relay| relay.local == error.local && relay.server == error.remote && !relay.is_concluded();
        for relay in self.relays.extract_if(.., |relay| refused(relay)) {
            self.outputs.push_back(GatherOutput::Failed(format!("no allocation on {}: {:?}", relay.server, error.kind)));
        }
        self.check_complete();
    }

    /// Sends what is due.
    pub fn handle_timeout(&mut self, now: Ns) {
        let mut failed = Vec::new();
        for binding in &mut self.bindings {
            let (local, remote) = (binding.local, binding.server);
            let mut send = |bytes| self.outputs.push_back(GatherOutput::Datagram { local, remote, bytes });
            if let Some(outcome) = binding.advance(now, &mut self.random, &mut send) {
                failed.push((local, remote, outcome));
            }
        }
        for (local, server, outcome) in failed {
            self.handle_outcome(local, server, Some(outcome));
        }
        for index in 0..self.relays.len() {
            self.advance_relay(now, index);
        }
        self.check_complete();
    }

    /// Whether this is the relayed address of one of the allocations.
    pub fn is_relayed(&self, address: SocketAddr) -> bool {
        self.relays.iter().any(|relay| relay.relayed() == Some(address))
    }

    /// Sends through the allocation with this relayed address, as soon as there is a permission. Without such an allocation the datagram is lost.
    pub fn send_via_relay(&mut self, now: Ns, relayed: SocketAddr, remote: SocketAddr, bytes: Bytes) {
        let Some(index) = self.relays.iter().position(|relay| relay.relayed() == Some(relayed)) else { return };
        let relay = &mut self.relays[index];
        let (local, server) = (relay.local, relay.server);
        let mut events = Vec::new();
        relay.send(now, remote, bytes, &mut |event| events.push(event));
        self.handle_relay_events(local, server, events);
        self.advance_relay(now, index);
    }

    /// A remote candidate has this address: permissions for it are made on every allocation of its family (RFC 8656 section 9).
    pub fn permit(&mut self, now: Ns, peer: IpAddr) {
        if self.remote_addresses.len() >= EARLY_PERMISSION_LIMIT || !self.remote_addresses.insert(peer) {
            return;
        }
        for index in 0..self.relays.len() {
            self.relays[index].permit(now, peer);
            self.advance_relay(now, index);
        }
    }

    /// Deletes the allocations and ends everything else.
    pub fn close(&mut self, now: Ns) {
        self.bindings.clear();
        self.gathering = false;
        for index in 0..self.relays.len() {
            self.relays[index].delete(now);
            self.advance_relay(now, index);
        }
    }

    /// What gathering wants or has found next.
    pub fn poll_output(&mut self) -> Option<GatherOutput> {
        self.outputs.pop_front()
    }

    /// When [`Gatherer::handle_timeout`] is wanted, and why.
    pub fn poll_timeout(&self) -> Option<(Ns, Cause)> {
        let bindings = self.bindings.iter().filter_map(|binding| Some((binding.deadline()?, "stun-binding")));
        let relays = self.relays.iter().filter_map(|relay| Some((relay.deadline()?, "turn")));
        bindings.chain(relays).min()
    }

    fn advance_relay(&mut self, now: Ns, index: usize) {
        let relay = &mut self.relays[index];
        let (local, server) = (relay.local, relay.server);
        let mut events = Vec::new();
        relay.advance(now, &mut |event| events.push(event));
        self.handle_relay_events(local, server, events);
    }

    fn handle_relay_events(&mut self, local: SocketAddr, server: SocketAddr, events: Vec<relay::Event>) {
        for event in events {
            match event {
                relay::Event::Send(bytes) => self.outputs.push_back(GatherOutput::Datagram { local, remote: server, bytes }),
                relay::Event::Allocated { relayed, mapped } => {
                    self.abandon_others(local, server, relayed);
                    self.found_relayed(local, relayed, mapped);
                }
                relay::Event::Failed(reason) => self.handle_refusal(local, server, reason),
                relay::Event::Log(line) => self.outputs.push_back(GatherOutput::Log(line)),
            }
        }
        self.check_complete();
    }

    /// Why a second allocation was refused does not matter: servers differ in it, and connectivity checks show whether the first is any good.
    fn handle_refusal(&mut self, local: SocketAddr, server: SocketAddr, reason: String) {
        let mut ours = self.relays.iter().filter(|relay| (relay.local, relay.server) == (local, server));
        match ours.find_map(|relay| Some((relay.relayed()?, relay.mapped()))) {
            Some((relayed, mapped)) => {
                self.abandon_others(local, server, relayed);
                self.outputs.push_back(GatherOutput::Log(format!("{reason}; {relayed} is kept")));
                self.found_relayed(local, relayed, mapped);
            }
            None => self.outputs.push_back(GatherOutput::Failed(reason)),
        }
    }

    /// Of the allocations between these two addresses only the one with this relayed address goes on. The others are forgotten with the next generation.
    fn abandon_others(&mut self, local: SocketAddr, server: SocketAddr, relayed: SocketAddr) {
        let ours = self.relays.iter_mut().filter(|relay| (relay.local, relay.server) == (local, server));
        ours.filter(|relay| relay.relayed() != Some(relayed)).for_each(Relay::abandon);
    }

    fn handle_outcome(&mut self, local: SocketAddr, server: SocketAddr, outcome: Option<Outcome>) {
        match outcome {
            Some(Outcome::Mapped(mapped)) => self.found(CandidateType::ServerReflexive, mapped, local, Some(local)),
            Some(Outcome::Failed) => self.outputs.push_back(GatherOutput::Failed(format!("no Binding response from {server} to {local}"))),
            None => {}
        }
        self.check_complete();
    }

    fn found_relayed(&mut self, local: SocketAddr, relayed: SocketAddr, mapped: Option<SocketAddr>) {
        // RFC 8445 section 5.1.1.2: the Allocate response yields a server-reflexive candidate as well.
        if let Some(mapped) = mapped {
            self.found(CandidateType::ServerReflexive, mapped, local, Some(local));
        }
        self.found(CandidateType::Relayed, relayed, local, mapped.or(Some(local)));
    }

    /// Redundant candidates (RFC 8445 section 5.1.3) and those that the policy forbids are left out.
    fn found(&mut self, kind: CandidateType, address: SocketAddr, local: SocketAddr, related: Option<SocketAddr>) {
        let base = if kind == CandidateType::Relayed { address } else { local };
        let hidden = self.policy == TransportPolicy::Relay;
        if (hidden && kind != CandidateType::Relayed) || !self.known.insert((address, base)) {
            return;
        }
        let position = self.addresses.iter().position(|&own| own == local.ip()).unwrap_or(0);
        let local_preference = u16::MAX - u16::try_from(position).unwrap_or(u16::MAX);
        // RFC 8839 section 5.1: an agent that hides its address writes an unspecified one with port 9.
        let related = related.map(|related| if hidden { concealed(related) } else { related });
        self.outputs.push_back(GatherOutput::Candidate(LocalCandidate { kind, address, base, related, local_preference }));
    }

    fn check_complete(&mut self) {
        let done = self.bindings.iter().all(Binding::is_concluded) && self.relays.iter().all(Relay::is_concluded);
        if self.gathering && done {
            self.gathering = false;
            self.outputs.push_back(GatherOutput::Complete);
        }
    }
}

fn concealed(address: SocketAddr) -> SocketAddr {
    let unspecified: IpAddr = if address.is_ipv4() { [0, 0, 0, 0].into() } else { [0u16; 8].into() };
    SocketAddr::new(unspecified, 9)
}
