//! What nodes do with packets: hosts send and receive, routers and firewalls pass on, on-path actors hand over.

use std::net::IpAddr;

use super::node::{Kind, Node, PortPolicy};
use super::{Delivery, Event, Net};
use crate::drop_reason::DropReason;
use crate::packet::{IcmpKind, Packet};
use crate::tap::{Direction, Fate, Tap, VantageId};
use crate::time::Ns;
use crate::topology::NodeId;

impl Net {
    /// A host emits a packet at `now`, by the side that has its source address (with a foreign source address, by the first side). An on-path actor
    /// emits a packet of its own making, with any source, towards its destination. A `now` before [`Net::now`] counts as [`Net::now`].
    ///
    /// What becomes of the packet is told to the tap, also when it has no route or cannot exist.
    ///
    /// # Panics
    /// If `host` is no node of this network.
    pub fn send(&mut self, tap: &mut dyn Tap, now: Ns, host: NodeId, packet: Packet) {
        self.originate(tap, now, host, Box::new(packet), Fate::Sent);
    }

    /// An on-path actor passes on a packet that [`Net::advance`] handed to it, changed or not.
    ///
    /// # Panics
    /// If `on_path` is no node of this network.
    pub fn forward(&mut self, tap: &mut dyn Tap, now: Ns, on_path: NodeId, packet: Packet) {
        self.originate(tap, now, on_path, Box::new(packet), Fate::Forwarded);
    }

    /// A host answers a delivered datagram with ICMP port unreachable, for drivers that decide themselves who listens ([`PortPolicy::AllOpen`]).
    /// Does nothing for packets that must not be answered so, such as ICMP errors.
    ///
    /// # Panics
    /// If `host` is no node of this network.
    pub fn refuse(&mut self, tap: &mut dyn Tap, now: Ns, host: NodeId, packet: &Packet) {
        if let Some(answer) = packet.answer_with(packet.dst, IcmpKind::PortUnreachable) {
            self.send(tap, now, host, answer);
        }
    }

    fn originate(&mut self, tap: &mut dyn Tap, now: Ns, node: NodeId, mut packet: Box<Packet>, fate: Fate) {
        self.now = self.now.max(now);
        let out = self.source_interface(node, packet.src);
        if packet.id == 0
            && !packet.is_ipv6()
            && let Kind::Host(host) = &mut self.nodes[node.index()].kind
        {
            packet.id = host.next_id();
        }
        if packet.validate().is_err() {
            return self.record(tap, out, Direction::Out, Fate::Dropped(DropReason::Malformed), &packet);
        }
        let hop = match self.nodes[node.index()].kind {
            Kind::Host(_) => self.way(out, packet.dst).map(|next| (out, next)),
            _ => self.routing.hop_from_node(node, out, packet.dst).map(|hop| (hop.egress, hop.next)),
        };
        match hop {
            // To itself: no link is involved.
            Some((_, next)) if self.interfaces[next as usize].node == node => {
                self.record(tap, out, Direction::Out, fate, &packet);
                self.push(tap, self.now, Event::Arrive { interface: next, packet });
            }
            Some((out, next)) => self.emit(tap, out, next, packet, fate),
            None => self.record(tap, out, Direction::Out, Fate::Dropped(DropReason::NoRoute), &packet),
        }
    }

    fn source_interface(&self, node: NodeId, source: IpAddr) -> u32 {
        let Node { first_interface: first, interface_count: count, .. } = self.nodes[node.index()];
        let owns = |interface: &u32| self.vantages[*interface as usize].addresses.contains(&source);
        if count == 1 { first } else { (first..first + count).find(owns).unwrap_or(first) }
    }

    pub(super) fn arrive(&mut self, tap: &mut dyn Tap, interface: u32, packet: Box<Packet>) -> Option<Delivery> {
        let node = self.interfaces[interface as usize].node;
        match &self.nodes[node.index()].kind {
            Kind::Host(_) => return self.receive(tap, node, interface, packet),
            Kind::OnPath => {
                self.record(tap, interface, Direction::In, Fate::Forwarded, &packet);
                return Some(self.deliver(node, interface, *packet));
            }
            Kind::Nat(state) => {
                let ipv6 = state.nat.config().ipv6;
                self.translate(tap, node, ipv6, interface, packet);
            }
            Kind::Router => self.route(tap, node, interface, packet),
            Kind::Firewall(config) => match config.check(&packet) {
                Ok(()) => self.route(tap, node, interface, packet),
                Err(reason) => self.drop_in(tap, interface, reason, &packet),
            },
        }
        None
    }

    fn deliver(&self, host: NodeId, interface: u32, packet: Packet) -> Delivery {
        Delivery { at: self.now, host, vantage: VantageId(interface), packet }
    }

    fn receive(&mut self, tap: &mut dyn Tap, node: NodeId, interface: u32, packet: Box<Packet>) -> Option<Delivery> {
        let Kind::Host(host) = &self.nodes[node.index()].kind else { return None };
        let closed = packet.udp_destination().is_some_and(|local| !host.listens(local));
        if !closed {
            self.record(tap, interface, Direction::In, Fate::Delivered, &packet);
            return Some(self.deliver(node, interface, *packet));
        }
        let answers = host.policy == PortPolicy::Unreachable;
        self.drop_in(tap, interface, DropReason::PortClosed, &packet);
        if answers {
            self.refuse(tap, self.now, node, &packet);
        }
        None
    }

    pub(super) fn route(&mut self, tap: &mut dyn Tap, node: NodeId, interface: u32, mut packet: Box<Packet>) {
        let reason = match self.routing.hop_from_node(node, interface, packet.dst) {
            Some(hop) if self.interfaces[hop.next as usize].node == node => DropReason::AddressedToRouter,
            Some(_) if packet.ttl <= 1 => DropReason::TtlExpired,
            Some(hop) => {
                self.record(tap, interface, Direction::In, Fate::Forwarded, &packet);
                packet.ttl -= 1;
                return self.emit(tap, hop.egress, hop.next, packet, Fate::Forwarded);
            }
            None => DropReason::NoRoute,
        };
        self.drop_in(tap, interface, reason, &packet);
    }
}
