//! A wire between the endpoints of a test: constant latency, a filter that may drop or change datagrams, virtual time.

use bytes::Bytes;
use iut::{ApiEvent, Command, Endpoint, Input, MILLISECOND, Ns, Output};
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

/// A datagram on its way.
#[derive(Clone, Debug)]
pub(crate) struct Packet {
    pub(crate) from: SocketAddr,
    pub(crate) to: SocketAddr,
    pub(crate) bytes: Bytes,
}

struct Node {
    addresses: Vec<IpAddr>,
    endpoint: Box<dyn Endpoint>,
    events: Vec<ApiEvent>,
}

/// What decides about each datagram that is sent: `None` drops it.
type Filter = Box<dyn FnMut(&Packet) -> Option<Bytes>>;

pub(crate) struct Wire {
    pub(crate) now: Ns,
    nodes: Vec<Node>,
    flying: BTreeMap<(Ns, u64), Packet>,
    sequence: u64,
    filter: Filter,
    /// Everything that was sent, dropped or not, with the time.
    pub(crate) sent: Vec<(Ns, Packet)>,
}

const LATENCY: Ns = 10 * MILLISECOND;

impl Wire {
    pub(crate) fn new() -> Self {
        Self {
            now: 0,
            nodes: Vec::new(),
            flying: BTreeMap::new(),
            sequence: 0,
            filter: Box::new(|packet| Some(packet.bytes.clone())),
            sent: Vec::new(),
        }
    }

    /// Adds a node and starts it; the number names it from then on.
    pub(crate) fn add(&mut self, addresses: &[IpAddr], endpoint: Box<dyn Endpoint>) -> usize {
        self.nodes.push(Node { addresses: addresses.to_vec(), endpoint, events: Vec::new() });
        self.command(self.nodes.len() - 1, Command::Start);
        self.nodes.len() - 1
    }

    pub(crate) fn filter(&mut self, filter: impl FnMut(&Packet) -> Option<Bytes> + 'static) {
        self.filter = Box::new(filter);
    }

    pub(crate) fn command(&mut self, node: usize, command: Command) {
        self.handle(node, Input::Command(command));
    }

    pub(crate) fn handle(&mut self, node: usize, input: Input) {
        self.nodes[node].endpoint.handle(self.now, input);
        self.drain(node);
    }

    /// Runs until `until`, and fails when that takes unreasonably many steps.
    pub(crate) fn run(&mut self, until: Ns) {
        for _ in 0..1_000_000 {
            let timer =
                (0..self.nodes.len()).filter_map(|node| Some((self.nodes[node].endpoint.poll_timeout()?.0.max(self.now), node))).min();
            let packet = self.flying.first_key_value().map(|((at, _), _)| *at);
            let next = [timer.map(|(at, _)| at), packet].into_iter().flatten().min().unwrap_or(Ns::MAX);
            if next > until {
                self.now = until;
                return;
            }
            self.now = next;
            match timer {
                Some((at, node)) if packet.is_none_or(|packet| at < packet) => self.handle(node, Input::Timeout),
                _ => self.deliver(),
            }
        }
        panic!("more than a million steps, at {} with {} sent", self.now, self.sent.len());
    }

    fn deliver(&mut self) {
        let (_, packet) = self.flying.pop_first().expect("a packet was due");
        if let Some(node) = (0..self.nodes.len()).find(|node| self.nodes[*node].addresses.contains(&packet.to.ip())) {
            self.handle(node, Input::Datagram { local: packet.to, remote: packet.from, bytes: packet.bytes });
        }
    }

    fn drain(&mut self, node: usize) {
        while let Some(output) = self.nodes[node].endpoint.poll_output() {
            match output {
                Output::Datagram { local, remote, bytes } => {
                    assert!(self.nodes[node].addresses.contains(&local.ip()), "{local} is not an address of node {node}");
                    self.send(Packet { from: local, to: remote, bytes });
                }
                Output::Api(event) => self.nodes[node].events.push(event),
                other => panic!("unexpected output {other:?}"),
            }
        }
    }

    /// Puts a datagram on the wire, also one that no endpoint sent.
    pub(crate) fn send(&mut self, packet: Packet) {
        self.sent.push((self.now, packet.clone()));
        if let Some(bytes) = (self.filter)(&packet) {
            self.flying.insert((self.now + LATENCY, self.sequence), Packet { bytes, ..packet });
            self.sequence += 1;
        }
    }

    pub(crate) fn events(&self, node: usize) -> &[ApiEvent] {
        &self.nodes[node].events
    }

    pub(crate) fn names(&self, node: usize) -> Vec<String> {
        self.events(node).iter().map(ApiEvent::name).collect()
    }

    /// What was delivered to the application of a node.
    pub(crate) fn data(&self, node: usize) -> Vec<Bytes> {
        self.events(node)
            .iter()
            .filter_map(|event| if let ApiEvent::Data { bytes, .. } = event { Some(bytes.clone()) } else { None })
            .collect()
    }
}
