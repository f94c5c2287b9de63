//! Packet expectations: each must be one that a datagram can meet.

use super::timeline::Before;
use super::{Validator, is_implementation, player_word};
use crate::conductor::{Address, attribute_type};
use crate::plan::port_of;
use crate::scenario::model::{Actor, Node};
use crate::scenario::span::Spanned;
use crate::scenario::step::{Attribute, Auth, Class, Match, Send, Step, StunMatch};
use std::collections::BTreeSet;
use std::ops::{Range, RangeInclusive};
use wire::stun::AttributeType;

/// Channel numbers (RFC 8656 section 12).
const CHANNELS: RangeInclusive<u16> = 0x4000..=0x4fff;
/// Error codes (RFC 8489 section 14.8).
const CODES: RangeInclusive<u16> = 300..=699;

impl<'a> Validator<'a> {
    /// An expectation of a datagram at a node, or of none.
    pub(super) fn arrives(&mut self, node: Option<&'a Node>, name: &Spanned<String>, packet: &'a Match, before: &Before<'a>) {
        if let Some(node) = node.filter(|node| is_implementation(node)) {
            let message = format!("`{}` is {}: what arrives there can never match", name.value, player_word(node));
            self.wrong_with("scenario::never", &name.span, message, "expect datagrams at an actor, and events at an implementation");
        }
        if let Some(from) = &packet.from {
            self.target(node, from, before);
        }
        if let (Some(port), Some(node)) = (packet.to_port, node)
            && !self.ports(name, node).contains(&port)
        {
            let message = format!("no step sends from port {port} of `{}`, and it listens elsewhere: nothing arrives there", name.value);
            self.wrong("scenario::never", &name.span, message);
        }
        let answered = packet.answers.as_ref().and_then(|answers| self.answered(answers, before));
        if let Some(number) = packet.channel.filter(|number| !CHANNELS.contains(number)) {
            let message = format!("0x{number:04x} is no channel number: they are 0x4000 to 0x4fff");
            self.wrong("scenario::never", &name.span, message);
        }
        if packet.channel.is_some() && (packet.stun.is_some() || packet.answers.is_some()) {
            self.wrong("scenario::never", &name.span, "a ChannelData message is no STUN message and answers nothing");
        }
        if let Some(stun) = &packet.stun {
            self.stun(&name.span, stun, packet.answers.is_some(), answered);
        }
    }

    /// The send whose transaction a datagram answers.
    fn answered(&mut self, answers: &Spanned<String>, before: &Before<'a>) -> Option<&'a Send> {
        let found = before.sends.get(answers.as_str()).copied();
        if found.is_none() {
            self.unknown("scenario::unknown-send", answers, "the name of an earlier send", before.sends.keys().copied());
        }
        found
    }

    fn stun(&mut self, span: &Range<usize>, wanted: &StunMatch, answers: bool, answered: Option<&Send>) {
        for name in wanted.has.iter().chain(&wanted.lacks) {
            match attribute_type(name) {
                None => {
                    let known = AttributeType::REGISTERED.iter().filter_map(|kind| kind.name());
                    self.unknown("scenario::unknown-attribute", name, "a registered attribute", known);
                }
                Some(kind) if wanted.lacks.contains(name) && wanted.has.iter().any(|other| attribute_type(other) == Some(kind)) => {
                    self.wrong("scenario::never", &name.span, format!("{} cannot be there and not be there", name.value));
                }
                Some(_) => {}
            }
        }
        let codes = || wanted.error.iter().chain(&wanted.error_any);
        let never = [
            codes().any(|code| !CODES.contains(code)).then(|| format!("an error code lies outside {} to {}", CODES.start(), CODES.end())),
            (codes().next().is_some() && wanted.class.is_some_and(|class| class != Class::Error))
                .then(|| "only error responses carry an error code".to_owned()),
            (wanted.error.is_some() && !wanted.error_any.is_empty()).then(|| "`error` and `error-any` exclude each other".to_owned()),
            wanted.lifetime.filter(|(low, high)| low > high).map(|(low, high)| format!("no lifetime lies between {low} and {high}")),
            (wanted.integrity_correct && !answers).then(|| "`integrity-correct` needs `answers`: the request tells the key".to_owned()),
            (wanted.integrity_correct && answered.is_some_and(|send| !has_key(send)))
                .then(|| "`integrity-correct` needs a request with `auth`: it tells the key".to_owned()),
            (answers && wanted.class == Some(Class::Request)).then(|| "a request answers nothing".to_owned()),
        ];
        for message in never.into_iter().flatten() {
            self.wrong("scenario::never", span, message);
        }
    }

    /// The ports of an actor at which something can arrive.
    fn ports(&self, name: &str, node: &Node) -> BTreeSet<u16> {
        let own = port_of(node);
        let mut ports = BTreeSet::from([own]);
        if let Some(Actor::StunServer(_)) = node.actor.as_ref().map(|actor| &actor.value) {
            ports.insert(own.wrapping_add(crate::conductor::ALTERNATE_PORT_OFFSET));
        }
        for step in self.scenario.timeline.iter() {
            let Step::Send(send) = &step.value else { continue };
            ports.extend(send.from_port.filter(|_| send.node.value == name));
            ports.extend(literal_port(&send.to));
            if send.to.starts_with("alternate ") && send.to.ends_with(name) {
                ports.insert(own.wrapping_add(crate::conductor::ALTERNATE_PORT_OFFSET));
            }
            for attribute in send.stun.iter().flat_map(|message| message.attributes.iter().chain(&message.after_integrity)) {
                match &attribute.value {
                    Attribute::ResponsePort(port) => drop(ports.insert(*port)),
                    Attribute::XorPeerAddress(peer) => ports.extend(literal_port(peer)),
                    _ => {}
                }
            }
        }
        ports
    }
}

fn literal_port(text: &str) -> Option<u16> {
    match Address::parse(text, |_| None) {
        Ok(Address::Literal(address)) => Some(address.port()),
        _ => None,
    }
}

fn has_key(send: &Send) -> bool {
    send.stun.as_ref().is_some_and(|message| !matches!(message.auth, Auth::None))
}
