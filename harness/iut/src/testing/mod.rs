//! A wire for the tests of an adapter: endpoints, a latency, some loss, and nothing else.
//!
//! ```
//! # use iut::{Cause, Endpoint, Input, Ns, Output, testing::Wire};
//! # struct Nothing;
//! # impl Endpoint for Nothing {
//! #     fn handle(&mut self, _: Ns, _: Input) {}
//! #     fn poll_output(&mut self) -> Option<Output> { None }
//! #     fn poll_timeout(&mut self) -> Option<(Ns, Cause)> { None }
//! # }
//! let mut wire = Wire::new(10 * iut::MILLISECOND);
//! let a = wire.add(Box::new(Nothing), &["10.0.0.1".parse()?]);
//! wire.command(a, iut::Command::CreateOffer);
//! assert!(!wire.run_until(iut::SECOND, |wire| wire.saw(a, "connection:connected")));
//! # Ok::<(), std::net::AddrParseError>(())
//! ```
//!
//! [`peers`] has what any pair of WebRTC peers should be able to do, ready to be called from the tests of an adapter.
//!
//! Deliberately absent: NATs, links, captures. Those are the network simulator's, which an adapter must not depend on.

pub mod peers;

use crate::{ApiEvent, Command, Endpoint, Implementation, Input, Instance, MILLISECOND, NodeConfig, Ns, Output, Signal};
use bytes::Bytes;
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

/// Outputs of one endpoint in one go, and wake-ups at one instant; a larger number is a flood or a stopped clock, and panics.
const FLOOD: usize = 100_000;

/// A datagram that was sent.
#[derive(Clone, Debug)]
pub struct Sent {
    /// When.
    pub at: Ns,
    /// From.
    pub local: SocketAddr,
    /// To.
    pub remote: SocketAddr,
    /// UDP payload.
    pub bytes: Bytes,
}

struct Node {
    endpoint: Box<dyn Endpoint>,
    addresses: Vec<IpAddr>,
    events: Vec<(Ns, ApiEvent)>,
    signals: Vec<Signal>,
}

/// Decides about each datagram: what arrives instead of it, or `None` when it is lost.
type Filter = Box<dyn FnMut(&Sent) -> Option<Bytes>>;

/// Endpoints on one flat network. What the first two say in the signalling room goes to the other of them.
pub struct Wire {
    now: Ns,
    nodes: Vec<Node>,
    /// Inputs on their way, by time and order.
    queue: BTreeMap<(Ns, u64), (usize, Input)>,
    sequence: u64,
    latency: Ns,
    signal_latency: Ns,
    loss_percent: u8,
    random: fastrand::Rng,
    sent: Vec<Sent>,
    cut: Vec<(IpAddr, IpAddr)>,
    filter: Filter,
}

impl Wire {
    /// A wire without loss; signals take three times as long as datagrams.
    pub fn new(latency: Ns) -> Self {
        Self {
            now: 0,
            nodes: Vec::new(),
            queue: BTreeMap::new(),
            sequence: 0,
            latency,
            signal_latency: 3 * latency,
            loss_percent: 0,
            random: fastrand::Rng::with_seed(0),
            sent: Vec::new(),
            cut: Vec::new(),
            filter: Box::new(|sent| Some(sent.bytes.clone())),
        }
    }

    /// Loses datagrams at random, 0 to 100 per cent of them.
    #[must_use]
    pub fn with_loss(mut self, percent: u8, seed: u64) -> Self {
        self.loss_percent = percent;
        self.random.seed(seed);
        self
    }

    /// Adds an endpoint, sends it [`Command::Start`], and returns its number.
    pub fn add(&mut self, endpoint: Box<dyn Endpoint>, addresses: &[IpAddr]) -> usize {
        let node = Node { endpoint, addresses: addresses.to_vec(), events: Vec::new(), signals: Vec::new() };
        self.nodes.push(node);
        let number = self.nodes.len() - 1;
        self.command(number, Command::Start);
        number
    }

    /// Builds a node of an implementation and adds it.
    ///
    /// # Panics
    /// When the implementation refuses the configuration, or is not an endpoint.
    pub fn build(&mut self, implementation: &dyn Implementation, config: &NodeConfig) -> usize {
        match implementation.build(config) {
            Ok(Instance::Endpoint(endpoint)) => self.add(endpoint, &config.addresses),
            #[cfg(feature = "async")]
            Ok(Instance::Async(_)) => panic!("{} needs an executor", implementation.manifest().name),
            Err(error) => panic!("{}: {error}", implementation.manifest().name),
        }
    }

    /// Gives a command now.
    pub fn command(&mut self, node: usize, command: Command) {
        self.input(node, Input::Command(command));
    }

    /// Gives any input now.
    pub fn input(&mut self, node: usize, input: Input) {
        self.nodes[node].endpoint.handle(self.now, input);
        self.drain(node);
    }

    /// From now on nothing gets from one of the two addresses to the other.
    pub fn cut(&mut self, one: IpAddr, other: IpAddr) {
        self.cut.push((one, other));
    }

    /// Gives an endpoint other addresses, and tells it so.
    pub fn readdress(&mut self, node: usize, addresses: &[IpAddr]) {
        let old = std::mem::replace(&mut self.nodes[node].addresses, addresses.to_vec());
        for address in old {
            self.input(node, Input::AddressRemoved(address));
        }
        for &address in addresses {
            self.input(node, Input::AddressAdded(address));
        }
    }

    /// Puts a datagram on the wire that nobody sent.
    pub fn inject(&mut self, local: SocketAddr, remote: SocketAddr, bytes: Bytes) {
        let to = self.nodes.iter().position(|node| node.addresses.contains(&local.ip()));
        if let Some(to) = to {
            self.input(to, Input::Datagram { local, remote, bytes });
        }
    }

    /// When an endpoint wants to be woken next.
    pub fn deadline(&mut self, node: usize) -> Option<Ns> {
        self.nodes[node].endpoint.poll_timeout().map(|(deadline, _)| deadline)
    }

    /// From now on this decides about each datagram: it loses one with `None`, and may change its bytes.
    pub fn filter(&mut self, filter: impl FnMut(&Sent) -> Option<Bytes> + 'static) {
        self.filter = Box::new(filter);
    }

    /// Runs until the condition holds, which is asked after each input. `false` when `span` has passed before.
    pub fn run_until(&mut self, span: Ns, mut condition: impl FnMut(&Self) -> bool) -> bool {
        let end = self.now + span;
        let mut steps_at_instant = 0;
        while !condition(self) {
            let before = self.now;
            if !self.step(end) {
                self.now = end;
                return false;
            }
            steps_at_instant = if self.now == before { steps_at_instant + 1 } else { 0 };
            assert!(steps_at_instant < FLOOD, "time stands still at {before} ns");
        }
        true
    }

    /// Runs for this long.
    pub fn run(&mut self, span: Ns) {
        self.run_until(span, |_| false);
    }

    /// The time.
    pub fn now(&self) -> Ns {
        self.now
    }

    /// The events of an endpoint so far.
    pub fn events(&self, node: usize) -> &[(Ns, ApiEvent)] {
        &self.nodes[node].events
    }

    /// What an endpoint has said in the signalling room so far.
    pub fn signals(&self, node: usize) -> &[Signal] {
        &self.nodes[node].signals
    }

    /// Whether an endpoint had an event of this name ([`ApiEvent::name`]).
    pub fn saw(&self, node: usize, name: &str) -> bool {
        self.events(node).iter().any(|(_, event)| event.name() == name)
    }

    /// The messages delivered to an endpoint so far.
    pub fn delivered(&self, node: usize) -> Vec<Bytes> {
        let data = |(_, event): &(Ns, ApiEvent)| if let ApiEvent::Data { bytes, .. } = event { Some(bytes.clone()) } else { None };
        self.events(node).iter().filter_map(data).collect()
    }

    /// The datagrams sent so far, also those that were lost.
    pub fn sent(&self) -> &[Sent] {
        &self.sent
    }

    /// The next input; `false` when there is none until `end`.
    fn step(&mut self, end: Ns) -> bool {
        let arrival = self.queue.first_key_value().map(|(&(at, _), _)| at);
        let wake_ups = self.nodes.iter_mut().enumerate().filter_map(|(node, state)| Some((state.endpoint.poll_timeout()?.0, node)));
        let wake_up = wake_ups.min();
        let (node, input, at) = match (arrival, wake_up) {
            (Some(at), wake_up) if wake_up.is_none_or(|(time, _)| at <= time) && at <= end => {
                let (_, (node, input)) = self.queue.pop_first().expect("it was just seen");
                (node, input, at)
            }
            (_, Some((time, node))) if time <= end => (node, Input::Timeout, time),
            _ => return false,
        };
        self.now = self.now.max(at);
        self.nodes[node].endpoint.handle(self.now, input);
        self.drain(node);
        true
    }

    fn drain(&mut self, node: usize) {
        for _ in 0..FLOOD {
            let Some(output) = self.nodes[node].endpoint.poll_output() else { return };
            match output {
                Output::Datagram { local, remote, bytes } => self.send(node, local, remote, bytes),
                Output::Signal(signal) => {
                    self.nodes[node].signals.push(signal.clone());
                    self.enqueue(self.signal_latency, 1 - node, Input::Signal(signal));
                }
                Output::Api(event) => self.nodes[node].events.push((self.now, event)),
                Output::Stream { .. } => panic!("this wire has no streams"),
            }
        }
        panic!("endpoint {node} has no end of outputs at {} ns", self.now);
    }

    fn send(&mut self, node: usize, local: SocketAddr, remote: SocketAddr, bytes: Bytes) {
        assert!(self.nodes[node].addresses.contains(&local.ip()), "endpoint {node} sends from {local}, which it does not own");
        let sent = Sent { at: self.now, local, remote, bytes };
        let arriving = (self.filter)(&sent);
        self.sent.push(sent);
        let (from, to_address) = (local.ip(), remote.ip());
        let cut = self.cut.iter().any(|&(one, other)| (from, to_address) == (one, other) || (from, to_address) == (other, one));
        let lost = cut || self.random.u8(0..100) < self.loss_percent;
        let to = self.nodes.iter().position(|node| node.addresses.contains(&remote.ip()));
        if let (Some(to), Some(bytes), false) = (to, arriving, lost) {
            self.enqueue(self.latency, to, Input::Datagram { local: remote, remote: local, bytes });
        }
    }

    fn enqueue(&mut self, delay: Ns, node: usize, input: Input) {
        self.sequence += 1;
        self.queue.insert((self.now + delay, self.sequence), (node, input));
    }
}

/// A latency that tests start from.
pub const LATENCY: Ns = 10 * MILLISECOND;
