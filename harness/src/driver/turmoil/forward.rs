//! What machines do with packets that reach them: hosts take them, routers and firewalls pass them on, NATs translate.

use super::machine::{Around, Kind, Machine};
use iut::Ns;
use nat_sim::{Direction, DropReason, Fate, IcmpKind, Ipv6Policy, NatEvent, Outbound, Packet, Side as NatSide, UnsolicitedReply};

const INSIDE: usize = 0;
const OUTSIDE: usize = 1;

impl Machine {
    /// A packet has come in by a side. Returned is what the host itself receives.
    pub(super) fn arrive(&mut self, around: &mut Around<'_>, now: Ns, side: usize, packet: Packet) -> Option<Packet> {
        match &self.kind {
            Kind::Host => {
                self.record(around, side, Direction::In, Fate::Delivered, &packet);
                return Some(packet);
            }
            Kind::Router => self.route(around, now, side, packet),
            Kind::Firewall(config) => match config.check(&packet) {
                Ok(()) => self.route(around, now, side, packet),
                Err(reason) => self.refuse(around, side, reason, &packet),
            },
            Kind::Nat(nat) if packet.is_ipv6() && nat.config().ipv6 == Ipv6Policy::Routed => self.route(around, now, side, packet),
            Kind::Nat(_) if packet.ttl <= 1 => self.refuse(around, side, DropReason::TtlExpired, &packet),
            Kind::Nat(_) => self.translate(around, now, side, packet),
        }
        None
    }

    fn route(&mut self, around: &mut Around<'_>, now: Ns, side: usize, mut packet: Packet) {
        let reason = match around.map.forwarding_hop(self.vantage(side), packet.dst) {
            Some((_, next)) if self.owns(next) => DropReason::AddressedToRouter,
            Some(_) if packet.ttl <= 1 => DropReason::TtlExpired,
            Some((egress, next)) => {
                self.record(around, side, Direction::In, Fate::Forwarded, &packet);
                packet.ttl -= 1;
                return self.emit(around, now, self.side(egress), next, packet, Fate::Forwarded);
            }
            None => DropReason::NoRoute,
        };
        self.refuse(around, side, reason, &packet);
    }

    fn translate(&mut self, around: &mut Around<'_>, now: Ns, side: usize, packet: Packet) {
        self.expire(around, now);
        if side == INSIDE { self.translate_outbound(around, now, packet) } else { self.translate_inbound(around, now, packet) }
    }

    fn translate_outbound(&mut self, around: &mut Around<'_>, now: Ns, packet: Packet) {
        let Kind::Nat(nat) = &mut self.kind else { return };
        let mut translated = packet.clone();
        match nat.outbound(now, &mut translated) {
            Err(reason) => {
                let answer = nat.answer_to(reason).and_then(|kind| packet.answer_with(nat.external(), kind));
                self.refuse(around, INSIDE, reason, &packet);
                self.answer(around, now, INSIDE, answer);
                self.tell_asides(around);
            }
            Ok(Outbound { side, made }) => {
                let made = made.and_then(|id| nat.mapping(id));
                self.record(around, INSIDE, Direction::In, Fate::Forwarded, &packet);
                self.tell_asides(around);
                if let Some(view) = made {
                    around.tap.nat(around.clock, self.node, &NatEvent::MappingMade(view));
                }
                self.leave(around, now, if side == NatSide::Inside { INSIDE } else { OUTSIDE }, translated);
            }
        }
    }

    fn translate_inbound(&mut self, around: &mut Around<'_>, now: Ns, packet: Packet) {
        let Kind::Nat(nat) = &mut self.kind else { return };
        let reply = nat.config().unsolicited_reply;
        let mut translated = packet.clone();
        match nat.inbound(now, &mut translated) {
            Ok(()) => {
                self.record(around, OUTSIDE, Direction::In, Fate::Forwarded, &packet);
                self.tell_asides(around);
                self.leave(around, now, INSIDE, translated);
            }
            Err(reason) => {
                self.refuse(around, OUTSIDE, reason, &packet);
                let answer = packet.answer_with(packet.dst, IcmpKind::PortUnreachable);
                self.answer(around, now, OUTSIDE, answer.filter(|_| reply == UnsolicitedReply::PortUnreachable));
                self.tell_asides(around);
            }
        }
    }

    /// The machine sends a packet of its own by one side, if a route leads on.
    fn answer(&mut self, around: &mut Around<'_>, now: Ns, side: usize, answer: Option<Packet>) {
        if let Some(answer) = answer
            && let Some(next) = around.map.next_hop(self.vantage(side), answer.dst)
        {
            self.emit(around, now, side, next, answer, Fate::Sent);
        }
    }

    /// What a packet did to the table of the NAT beside the mapping that was made for it.
    fn tell_asides(&mut self, around: &mut Around<'_>) {
        let Kind::Nat(nat) = &mut self.kind else { return };
        for event in nat.take_asides() {
            around.tap.nat(around.clock, self.node, &event);
        }
    }

    /// Emits a translated packet by one side.
    fn leave(&mut self, around: &mut Around<'_>, now: Ns, side: usize, mut packet: Packet) {
        packet.ttl -= 1;
        match around.map.next_hop(self.vantage(side), packet.dst) {
            Some(next) if !self.owns(next) => self.emit(around, now, side, next, packet, Fate::Forwarded),
            _ => self.record(around, side, Direction::Out, Fate::Dropped(DropReason::NoRoute), &packet),
        }
    }

    fn refuse(&self, around: &mut Around<'_>, side: usize, reason: DropReason, packet: &Packet) {
        self.record(around, side, Direction::In, Fate::Dropped(reason), packet);
    }
}
