//! The network at run time: packets go in at hosts, come out at hosts, and everything between happens in events of virtual time.
//!
//! Life cycle: build with [`NetBuilder`](crate::NetBuilder); then, as long as there is something to do, [`Net::send`] what hosts emit and
//! [`Net::advance`] to the earlier of [`Net::next_event`] and the driver's own next time. Time never goes backwards: advance first, then send.

mod forward;
mod node;
mod operations;
mod translate;

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

use crate::drop_reason::DropReason;
use crate::event_queue::EventQueue;
use crate::link::{Link, Passage};
use crate::lookup::Lookup;
use crate::nat::Nat;
use crate::packet::Packet;
use crate::tap::{Direction, Fate, Tap, Vantage, VantageId, VantageInfo};
use crate::time::Ns;
use crate::topology::{InterfaceSpec, NodeId, NodeSpec, Routing};
use node::Node;

pub use node::PortPolicy;
pub use operations::OperationError;

/// Packets in flight at most; more are dropped as [`DropReason::InFlightLimit`]. No scenario comes near it, a packet storm does.
pub const MAX_IN_FLIGHT: usize = 1 << 20;

/// A network of segments, hosts, routers, NATs, firewalls and on-path actors.
#[derive(Debug)]
pub struct Net {
    now: Ns,
    queue: EventQueue<Event>,
    nodes: Vec<Node>,
    names: Vec<String>,
    interfaces: Vec<Interface>,
    vantages: Vec<VantageInfo>,
    routing: Routing,
    /// Ordered pairs of nodes between which no packet passes.
    partitions: Lookup<(NodeId, NodeId), ()>,
    in_flight: usize,
}

/// A packet that reached a host, or an on-path actor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// When.
    pub at: Ns,
    /// The host or on-path actor.
    pub host: NodeId,
    /// By which side it came in.
    pub vantage: VantageId,
    /// The packet.
    pub packet: Packet,
}

/// What a packet needs to pass, in one line of the cache.
#[derive(Debug)]
#[repr(align(64))]
struct Interface {
    node: NodeId,
    /// The way of the latest IPv4 packet that left here: where it went, and the interface that it was handed to. Routes never change.
    latest_way: Option<(Ipv4Addr, u32)>,
    up: Link,
    down: Link,
}

#[derive(Debug)]
enum Event {
    /// The packet has crossed the segment and enters the link down to the interface.
    Descend { interface: u32, packet: Box<Packet> },
    /// The packet reaches the node.
    Arrive { interface: u32, packet: Box<Packet> },
    /// Mappings of the NAT may expire.
    Expire { nat: NodeId },
}

impl Net {
    pub(crate) fn new(
        seed: u64,
        nodes: Vec<NodeSpec>,
        specs: Vec<InterfaceSpec>,
        mut nats: BTreeMap<usize, Nat>,
        routing: Routing,
    ) -> Self {
        let vantages = describe(&nodes, &specs);
        let link = |index: usize, config, direction| Link::at(&vantages[index], direction, config, seed);
        let interface = |(index, spec): (usize, &InterfaceSpec)| Interface {
            node: spec.node,
            latest_way: None,
            up: link(index, spec.up, Direction::Out),
            down: link(index, spec.down, Direction::In),
        };
        let interfaces = specs.iter().enumerate().map(interface).collect();
        let names = nodes.iter().map(|node| node.name.clone()).collect();
        let nodes = nodes.iter().enumerate().map(|(index, node)| Node::new(node, nats.remove(&index))).collect();
        let (queue, partitions) = (EventQueue::new(), Lookup::new());
        Self { now: 0, queue, nodes, names, interfaces, vantages, routing, partitions, in_flight: 0 }
    }

    /// The time of the latest event or advance.
    #[must_use]
    pub fn now(&self) -> Ns {
        self.now
    }

    /// When something happens next, if nothing is sent before.
    #[must_use]
    pub fn next_event(&self) -> Option<Ns> {
        self.queue.next_at()
    }

    /// How many packets are on their way.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.in_flight
    }

    /// Every side of every node; [`VantageId`] is the index.
    #[must_use]
    pub fn vantages(&self) -> &[VantageInfo] {
        &self.vantages
    }

    /// The node of this name.
    #[must_use]
    pub fn node(&self, name: &str) -> Option<NodeId> {
        self.names.iter().position(|known| known == name).map(|index| NodeId(index as u32))
    }

    /// The name of a node; `None` for a node of another network.
    #[must_use]
    pub fn name(&self, node: NodeId) -> Option<&str> {
        self.names.get(node.index()).map(String::as_str)
    }

    /// The side of the node that a packet to `destination` is handed to when it leaves by the side `from`; `None` without a route.
    ///
    /// # Panics
    /// If `from` is no vantage of this network.
    #[must_use]
    pub fn next_hop(&self, from: VantageId, destination: IpAddr) -> Option<VantageId> {
        self.routing.hop_from_interface(from.0, destination).map(VantageId)
    }

    /// By which side a router or firewall passes a packet on that came in by the side `from`, and the side of the next node; `None` without a route.
    ///
    /// # Panics
    /// If `from` is no vantage of this network.
    #[must_use]
    pub fn forwarding_hop(&self, from: VantageId, destination: IpAddr) -> Option<(VantageId, VantageId)> {
        let node = self.interfaces[from.0 as usize].node;
        self.routing.hop_from_node(node, from.0, destination).map(|hop| (VantageId(hop.egress), VantageId(hop.next)))
    }

    /// Runs events up to and including `until`, and stops at each packet that reaches a host (or on-path actor), so that its answer can be sent
    /// in time. `None`: nothing is due any more, and the time is `until`.
    pub fn advance(&mut self, tap: &mut dyn Tap, until: Ns) -> Option<Delivery> {
        while let Some((at, event)) = self.queue.pop_due(until) {
            self.now = self.now.max(at);
            let delivery = match event {
                Event::Descend { interface, packet } => {
                    self.in_flight -= 1;
                    self.descend(tap, interface, packet);
                    None
                }
                Event::Arrive { interface, packet } => {
                    self.in_flight -= 1;
                    self.arrive(tap, interface, packet)
                }
                Event::Expire { nat } => {
                    self.expiry_due(tap, nat);
                    None
                }
            };
            if delivery.is_some() {
                return delivery;
            }
        }
        self.now = self.now.max(until);
        None
    }

    /// The interface to hand a packet to that leaves by `out`; `None` without a route.
    fn way(&mut self, out: u32, destination: IpAddr) -> Option<u32> {
        let IpAddr::V4(v4) = destination else { return self.routing.hop_from_interface(out, destination) };
        let latest = self.interfaces[out as usize].latest_way;
        if let Some((_, next)) = latest.filter(|(latest, _)| *latest == v4) {
            return Some(next);
        }
        let next = self.routing.hop_from_interface(out, destination)?;
        self.interfaces[out as usize].latest_way = Some((v4, next));
        Some(next)
    }

    /// Puts a packet on the link from `out` to the segment, towards `next`.
    fn emit(&mut self, tap: &mut dyn Tap, out: u32, next: u32, packet: Box<Packet>, fate: Fate) {
        let (from, to) = (self.interfaces[out as usize].node, self.interfaces[next as usize].node);
        if self.partitions.contains(&(from, to)) {
            return self.record(tap, out, Direction::Out, Fate::Dropped(DropReason::Partitioned), &packet);
        }
        match self.interfaces[out as usize].up.pass(self.now, &packet) {
            Passage::Dropped(reason) => self.record(tap, out, Direction::Out, Fate::Dropped(reason), &packet),
            Passage::Passed { at, copy } => {
                self.record(tap, out, Direction::Out, fate, &packet);
                if let Some(copy_at) = copy {
                    self.record(tap, out, Direction::Out, Fate::Duplicated, &packet);
                    self.cross(tap, next, copy_at, packet.clone());
                }
                self.cross(tap, next, at, packet);
            }
        }
    }

    /// The link up has no delay more often than not: then the link down is entered at once, without an event.
    fn cross(&mut self, tap: &mut dyn Tap, next: u32, at: Ns, packet: Box<Packet>) {
        if at == self.now { self.descend(tap, next, packet) } else { self.push(tap, at, Event::Descend { interface: next, packet }) }
    }

    fn descend(&mut self, tap: &mut dyn Tap, interface: u32, packet: Box<Packet>) {
        match self.interfaces[interface as usize].down.pass(self.now, &packet) {
            Passage::Dropped(reason) => self.record(tap, interface, Direction::In, Fate::Dropped(reason), &packet),
            Passage::Passed { at, copy } => {
                if let Some(copy_at) = copy {
                    self.record(tap, interface, Direction::In, Fate::Duplicated, &packet);
                    self.push(tap, copy_at, Event::Arrive { interface, packet: packet.clone() });
                }
                self.push(tap, at, Event::Arrive { interface, packet });
            }
        }
    }

    fn push(&mut self, tap: &mut dyn Tap, at: Ns, event: Event) {
        if self.in_flight >= MAX_IN_FLIGHT {
            if let Event::Descend { interface, packet } | Event::Arrive { interface, packet } = &event {
                self.record(tap, *interface, Direction::In, Fate::Dropped(DropReason::InFlightLimit), packet);
            }
            return;
        }
        self.in_flight += 1;
        self.queue.push(at, event);
    }

    fn record(&self, tap: &mut dyn Tap, interface: u32, direction: Direction, fate: Fate, packet: &Packet) {
        let place = Vantage { id: VantageId(interface), node: self.interfaces[interface as usize].node, direction };
        tap.packet(self.now, place, fate, packet);
    }

    fn drop_in(&self, tap: &mut dyn Tap, interface: u32, reason: DropReason, packet: &Packet) {
        self.record(tap, interface, Direction::In, Fate::Dropped(reason), packet);
    }
}

fn describe(nodes: &[NodeSpec], interfaces: &[InterfaceSpec]) -> Vec<VantageInfo> {
    let info = |(index, spec): (usize, &InterfaceSpec)| VantageInfo {
        id: VantageId(index as u32),
        node: spec.node,
        node_name: nodes[spec.node.index()].name.clone(),
        segment: spec.segment,
        side: spec.side.clone(),
        addresses: spec.addresses.clone(),
    };
    interfaces.iter().enumerate().map(info).collect()
}
