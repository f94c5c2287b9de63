//! One machine of the network: a host, router, firewall or NAT with its links, and the packets that are on their way to it.
//!
//! A machine is a state machine of its own, without sockets or clock. The links at its sides belong to it, so it needs nothing of other machines but the
//! frames that they send: [`Machine::take`] what arrives, [`Machine::advance`] at [`Machine::poll_timeout`], send what [`Machine::poll_frame`] yields.
//!
//! A machine wakes in whole milliseconds, but works through what is due in its order and with its own nanosecond, so that rounding does not add up from
//! machine to machine. The trace tells the time at which it woke.

use super::tunnel::Frame;
use iut::Ns;
use nat_sim::{
    Direction, DropReason, Fate, FirewallConfig, Link, LinkConfig, MAX_IN_FLIGHT, Nat, NatEvent, Net, NodeId, Packet, Passage, Tap,
    Vantage, VantageId,
};
use std::collections::{BTreeMap, VecDeque};

/// What a machine does with packets.
#[derive(Debug)]
pub(super) enum Kind {
    /// Sends and receives.
    Host,
    /// Forwards.
    Router,
    /// Forwards what it lets through.
    Firewall(FirewallConfig),
    /// Translates.
    Nat(Box<Nat>),
}

/// What a machine sees of the world around it.
pub(super) struct Around<'a> {
    /// Where packets can go. Nothing travels in this network: it is the map.
    pub(super) map: &'a Net,
    /// Who watches.
    pub(super) tap: &'a mut dyn Tap,
    /// The time that the trace shows.
    pub(super) clock: Ns,
}

#[derive(Debug)]
pub(super) struct Machine {
    pub(super) node: NodeId,
    pub(super) kind: Kind,
    sides: Vec<Side>,
    /// By time and insertion.
    queue: BTreeMap<(Ns, u64), Event>,
    inserted: u64,
    frames: VecDeque<Frame>,
    /// The identification of the IPv4 packet sent last.
    last_id: u16,
}

#[derive(Debug)]
struct Side {
    vantage: VantageId,
    up: Link,
    down: Link,
}

#[derive(Debug)]
enum Event {
    /// The packet has crossed the segment and enters the link down to this side.
    Descend { side: usize, packet: Packet },
    /// The packet reaches the machine.
    Arrive { side: usize, packet: Packet },
}

impl Machine {
    /// The machine of a node, with the links that the map says.
    pub(super) fn new(map: &Net, node: NodeId, kind: Kind, seed: u64) -> Self {
        let link = |id, direction| map.link(id, direction).expect("the vantage comes from the network itself");
        let own = map.vantages().iter().filter(|vantage| vantage.node == node);
        let sides = own.map(|vantage| Side {
            vantage: vantage.id,
            up: Link::at(vantage, Direction::Out, link(vantage.id, Direction::Out), seed),
            down: Link::at(vantage, Direction::In, link(vantage.id, Direction::In), seed),
        });
        let sides = sides.collect();
        Self { node, kind, sides, queue: BTreeMap::new(), inserted: 0, frames: VecDeque::new(), last_id: 0 }
    }

    /// When [`Machine::advance`] has something to do.
    pub(super) fn poll_timeout(&self) -> Option<Ns> {
        let expiry = if let Kind::Nat(nat) = &self.kind { nat.next_expiry() } else { None };
        self.queue.keys().next().map(|(at, _)| *at).into_iter().chain(expiry).min()
    }

    /// What the machine puts on the segment next.
    pub(super) fn poll_frame(&mut self) -> Option<Frame> {
        self.frames.pop_front()
    }

    /// A frame arrived from the segment.
    pub(super) fn take(&mut self, around: &mut Around<'_>, frame: Frame) {
        let side = self.side(frame.to);
        self.push(around, frame.at, Event::Descend { side, packet: frame.packet });
    }

    /// The host sends a packet, by the side that has its source address.
    pub(super) fn send(&mut self, around: &mut Around<'_>, now: Ns, mut packet: Packet) {
        let owns = |side: &Side| around.map.vantages()[side.vantage.0 as usize].addresses.contains(&packet.src);
        let side = self.sides.iter().position(owns).unwrap_or(0);
        if packet.id == 0 && !packet.is_ipv6() {
            packet.id = self.next_id();
        }
        if packet.validate().is_err() {
            return self.record(around, side, Direction::Out, Fate::Dropped(DropReason::Malformed), &packet);
        }
        match around.map.next_hop(self.sides[side].vantage, packet.dst) {
            // To itself: no link is involved.
            Some(next) if self.owns(next) => {
                self.record(around, side, Direction::Out, Fate::Sent, &packet);
                self.push(around, now, Event::Arrive { side: self.side(next), packet });
            }
            Some(next) => self.emit(around, now, side, next, packet, Fate::Sent),
            None => self.record(around, side, Direction::Out, Fate::Dropped(DropReason::NoRoute), &packet),
        }
    }

    /// Works through what is due, and stops at each packet for the host itself. `None`: nothing is due any more.
    pub(super) fn advance(&mut self, around: &mut Around<'_>, until: Ns) -> Option<Packet> {
        while let Some(entry) = self.queue.first_entry() {
            let (at, _) = *entry.key();
            if at > until {
                break;
            }
            match entry.remove() {
                Event::Descend { side, packet } => self.descend(around, at, side, packet),
                Event::Arrive { side, packet } => {
                    let delivered = self.arrive(around, at, side, packet);
                    if delivered.is_some() {
                        return delivered;
                    }
                }
            }
        }
        self.expire(around, until);
        None
    }

    /// The machine dies: what it held is lost.
    pub(super) fn crash(&mut self, around: &mut Around<'_>, now: Ns) {
        for event in std::mem::take(&mut self.queue).into_values() {
            let (Event::Descend { side, packet } | Event::Arrive { side, packet }) = event;
            self.record(around, side, Direction::In, Fate::Dropped(DropReason::NodeDown), &packet);
        }
        self.frames.clear();
        self.flush(around, now, Nat::flush);
    }

    /// The machine runs again, from nothing. Its links are as they were: they are not the machine.
    pub(super) fn start(&mut self, kind: Kind) {
        self.kind = kind;
        self.last_id = 0;
    }

    /// A NAT loses its mappings at `now`.
    pub(super) fn flush(&mut self, around: &mut Around<'_>, now: Ns, empty: fn(&mut Nat) -> Vec<nat_sim::MappingView>) {
        self.expire(around, now);
        if let Kind::Nat(nat) = &mut self.kind {
            for view in empty(nat) {
                around.tap.nat(around.clock, self.node, &NatEvent::MappingFlushed(view));
            }
        }
    }

    /// Changes the links at a side for packets that enter them from now on.
    pub(super) fn set_link(&mut self, vantage: VantageId, up: LinkConfig, down: LinkConfig) {
        let side = self.side(vantage);
        self.sides[side].up.set_config(up);
        self.sides[side].down.set_config(down);
    }

    /// Takes the links at a side down, or up again.
    pub(super) fn set_link_up(&mut self, vantage: VantageId, is_up: bool) {
        let side = self.side(vantage);
        self.sides[side].up.set_up(is_up);
        self.sides[side].down.set_up(is_up);
    }

    /// Removes the mappings of a NAT that have expired.
    pub(super) fn expire(&mut self, around: &mut Around<'_>, now: Ns) {
        if let Kind::Nat(nat) = &mut self.kind {
            while let Some(view) = nat.expire(now) {
                around.tap.nat(around.clock, self.node, &NatEvent::MappingExpired(view));
            }
        }
    }

    /// Puts a packet on the link from a side to the segment, towards `next`.
    pub(super) fn emit(&mut self, around: &mut Around<'_>, now: Ns, side: usize, next: VantageId, packet: Packet, fate: Fate) {
        match self.sides[side].up.pass(now, &packet) {
            Passage::Dropped(reason) => self.record(around, side, Direction::Out, Fate::Dropped(reason), &packet),
            Passage::Passed { at, copy } => {
                self.record(around, side, Direction::Out, fate, &packet);
                if let Some(at) = copy {
                    self.record(around, side, Direction::Out, Fate::Duplicated, &packet);
                    self.frames.push_back(Frame { number: 0, at, to: next, packet: packet.clone() });
                }
                self.frames.push_back(Frame { number: 0, at, to: next, packet });
            }
        }
    }

    fn descend(&mut self, around: &mut Around<'_>, now: Ns, side: usize, packet: Packet) {
        match self.sides[side].down.pass(now, &packet) {
            Passage::Dropped(reason) => self.record(around, side, Direction::In, Fate::Dropped(reason), &packet),
            Passage::Passed { at, copy } => {
                if let Some(at) = copy {
                    self.record(around, side, Direction::In, Fate::Duplicated, &packet);
                    self.push(around, at, Event::Arrive { side, packet: packet.clone() });
                }
                self.push(around, at, Event::Arrive { side, packet });
            }
        }
    }

    fn push(&mut self, around: &mut Around<'_>, at: Ns, event: Event) {
        if self.queue.len() >= MAX_IN_FLIGHT {
            let (Event::Descend { side, packet } | Event::Arrive { side, packet }) = event;
            return self.record(around, side, Direction::In, Fate::Dropped(DropReason::InFlightLimit), &packet);
        }
        self.inserted += 1;
        self.queue.insert((at, self.inserted), event);
    }

    pub(super) fn record(&self, around: &mut Around<'_>, side: usize, direction: Direction, fate: Fate, packet: &Packet) {
        let place = Vantage { id: self.sides[side].vantage, node: self.node, direction };
        around.tap.packet(around.clock, place, fate, packet);
    }

    /// Where a side is among the sides: for NATs and firewalls the inside comes first.
    pub(super) fn side(&self, vantage: VantageId) -> usize {
        self.sides.iter().position(|side| side.vantage == vantage).expect("frames are addressed by the map")
    }

    pub(super) fn vantage(&self, side: usize) -> VantageId {
        self.sides[side].vantage
    }

    pub(super) fn owns(&self, vantage: VantageId) -> bool {
        self.sides.iter().any(|side| side.vantage == vantage)
    }

    /// 1 to 65,535 in turn: 0 asks for a number.
    fn next_id(&mut self) -> u16 {
        self.last_id = self.last_id.checked_add(1).unwrap_or(1);
        self.last_id
    }
}
