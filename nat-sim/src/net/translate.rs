//! NATs as nodes of the network: translation both ways, hairpinning, and the events that their tables tell.

use super::node::Kind;
use super::{Event, Net};
use crate::drop_reason::DropReason;
use crate::nat::{Ipv6Policy, MappingId, MappingView, Nat, UnsolicitedReply};
use crate::packet::{IcmpKind, Packet};
use crate::tap::{Direction, Fate, NatEvent, Tap};
use crate::topology::NodeId;

impl Net {
    pub(super) fn translate(&mut self, tap: &mut dyn Tap, node: NodeId, ipv6: Ipv6Policy, interface: u32, packet: Box<Packet>) {
        if packet.is_ipv6() && ipv6 == Ipv6Policy::Routed {
            return self.route(tap, node, interface, packet);
        }
        if packet.ttl <= 1 {
            return self.drop_in(tap, interface, DropReason::TtlExpired, &packet);
        }
        self.expire(tap, node);
        let [inside, outside] = self.sides(node);
        if interface == outside {
            self.translate_inbound(tap, node, packet);
        } else if self.nat_mut(node).is_own(packet.dst) {
            self.hairpin(tap, node, inside, &packet);
        } else {
            self.translate_outbound(tap, node, packet);
        }
        self.schedule_expiry(node);
    }

    fn translate_outbound(&mut self, tap: &mut dyn Tap, node: NodeId, mut packet: Box<Packet>) {
        let ([inside, outside], now) = (self.sides(node), self.now);
        let (rewrite, made) = match self.nat_mut(node).plan_outbound(now, &packet) {
            Ok(plan) => plan,
            Err(reason) => return self.refuse_outbound(tap, node, reason, &packet),
        };
        self.record(tap, inside, Direction::In, Fate::Forwarded, &packet);
        self.tell_made(tap, node, made);
        rewrite.apply(&mut packet);
        packet.ttl -= 1;
        self.leave(tap, outside, packet);
    }

    fn refuse_outbound(&mut self, tap: &mut dyn Tap, node: NodeId, reason: DropReason, packet: &Packet) {
        let [inside, _] = self.sides(node);
        self.drop_in(tap, inside, reason, packet);
        let nat = self.nat_mut(node);
        let (external, kind) = (nat.external(), nat.answer_to(reason));
        if let Some(answer) = kind.and_then(|kind| packet.answer_with(external, kind)) {
            self.answer(tap, inside, answer);
        }
    }

    fn translate_inbound(&mut self, tap: &mut dyn Tap, node: NodeId, mut packet: Box<Packet>) {
        let ([inside, outside], now) = (self.sides(node), self.now);
        match self.nat_mut(node).plan_inbound(now, &packet) {
            Ok(rewrite) => {
                self.record(tap, outside, Direction::In, Fate::Forwarded, &packet);
                self.tell_asides(tap, node);
                rewrite.apply(&mut packet);
                packet.ttl -= 1;
                self.leave(tap, inside, packet);
            }
            Err(reason) => {
                self.drop_in(tap, outside, reason, &packet);
                let replies = self.nat_mut(node).config().unsolicited_reply == UnsolicitedReply::PortUnreachable;
                if let Some(answer) = packet.answer_with(packet.dst, IcmpKind::PortUnreachable).filter(|_| replies) {
                    self.answer(tap, outside, answer);
                }
            }
        }
    }

    /// A NAT sends a packet of its own by one side, if a route leads on.
    fn answer(&mut self, tap: &mut dyn Tap, out: u32, answer: Packet) {
        if let Some(next) = self.way(out, answer.dst) {
            self.emit(tap, out, next, Box::new(answer), Fate::Sent);
        }
    }

    fn hairpin(&mut self, tap: &mut dyn Tap, node: NodeId, inside: u32, packet: &Packet) {
        let now = self.now;
        let (made, outcome) = self.nat_mut(node).plan_hairpin(now, packet);
        match outcome {
            Err(reason) => {
                self.refuse_outbound(tap, node, reason, packet);
                self.tell_made(tap, node, made);
            }
            Ok(mut translated) => {
                self.record(tap, inside, Direction::In, Fate::Forwarded, packet);
                self.tell_made(tap, node, made);
                translated.ttl -= 1;
                self.leave(tap, inside, Box::new(translated));
            }
        }
    }

    /// Emits a translated packet by one side.
    fn leave(&mut self, tap: &mut dyn Tap, out: u32, packet: Box<Packet>) {
        match self.way(out, packet.dst) {
            Some(next) if self.interfaces[next as usize].node != self.interfaces[out as usize].node => {
                self.emit(tap, out, next, packet, Fate::Forwarded);
            }
            _ => self.record(tap, out, Direction::Out, Fate::Dropped(DropReason::NoRoute), &packet),
        }
    }

    fn tell_made(&mut self, tap: &mut dyn Tap, node: NodeId, made: Option<MappingId>) {
        if let Some(view) = made.and_then(|id| self.nat_mut(node).mapping(id)) {
            self.tell_asides(tap, node);
            tap.nat(self.now, node, &NatEvent::MappingMade(view));
        }
    }

    fn tell_asides(&mut self, tap: &mut dyn Tap, node: NodeId) {
        let nat = self.nat_mut(node);
        if nat.has_asides() {
            for event in nat.take_asides() {
                tap.nat(self.now, node, &event);
            }
        }
    }

    /// Removes what has expired, and waits for the next expiry.
    pub(super) fn expire(&mut self, tap: &mut dyn Tap, node: NodeId) {
        let now = self.now;
        while let Some(view) = self.nat_mut(node).expire(now) {
            tap.nat(now, node, &NatEvent::MappingExpired(view));
        }
    }

    pub(super) fn tell_flushed(&self, tap: &mut dyn Tap, node: NodeId, views: Vec<MappingView>) {
        for view in views {
            tap.nat(self.now, node, &NatEvent::MappingFlushed(view));
        }
    }

    pub(super) fn expiry_due(&mut self, tap: &mut dyn Tap, node: NodeId) {
        self.expire(tap, node);
        let now = self.now;
        if let Kind::Nat(state) = &mut self.nodes[node.index()].kind
            && state.expiry_at.is_some_and(|at| at <= now)
        {
            state.expiry_at = None;
        }
        self.schedule_expiry(node);
    }

    /// Keeps one event pending per NAT: at its next expiry or, after a refresh, earlier.
    fn schedule_expiry(&mut self, node: NodeId) {
        let Kind::Nat(state) = &mut self.nodes[node.index()].kind else { return };
        if let Some(at) = state.nat.next_expiry().filter(|at| state.expiry_at.is_none_or(|pending| *at < pending)) {
            state.expiry_at = Some(at);
            self.queue.push(at.max(self.now), Event::Expire { nat: node });
        }
    }

    fn sides(&self, node: NodeId) -> [u32; 2] {
        let inside = self.nodes[node.index()].first_interface;
        [inside, inside + 1]
    }

    fn nat_mut(&mut self, node: NodeId) -> &mut Nat {
        match &mut self.nodes[node.index()].kind {
            Kind::Nat(state) => &mut state.nat,
            _ => unreachable!("asked of nat nodes alone"),
        }
    }
}
