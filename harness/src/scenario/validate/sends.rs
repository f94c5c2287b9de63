//! Datagrams that scripts send: byte by byte whatever the scenario wants, but never something that it cannot mean.

use super::timeline::{Before, allocates};
use super::{Validator, families, is_implementation, player_word, share_a_family};
use crate::conductor::Address;
use crate::scenario::model::{Family, Node, RoleName};
use crate::scenario::span::Spanned;
use crate::scenario::step::{Attribute, Auth, ByteFault, Class, Send, StunMessage};
use std::ops::Range;

impl<'a> Validator<'a> {
    pub(super) fn send(&mut self, span: &Range<usize>, send: &'a Send, before: &mut Before<'a>) {
        let node = self.node(&send.node);
        if let Some(node) = node.filter(|node| is_implementation(node)) {
            let message = format!("`{}` is {}, which sends what it wants", send.node.value, player_word(node));
            self.wrong_with("scenario::player", &send.node.span, message, "`send` is for actors");
        }
        self.target(node, &send.to, before);
        let said = [send.stun.is_some(), send.channel_data.is_some(), send.bytes.is_some(), send.text.is_some()];
        if said.into_iter().filter(|said| *said).count() != 1 {
            let message = "a send says exactly one of `stun`, `channel-data`, `bytes` and `text`";
            self.wrong("scenario::payload", span, message);
        }
        if send.from_port == Some(0) {
            self.wrong("scenario::range", span, "port 0 is not a port");
        }
        if let Some(message) = &send.stun {
            self.message(node, message, before);
        }
        before.sending.insert(&send.node);
        if allocates(send) {
            before.allocating.insert(&send.node);
        }
        if let Some(name) = &send.name {
            if send.stun.is_none() {
                let message = format!("`{}` names a transaction, and only STUN messages have one", name.value);
                self.wrong("scenario::transaction", &name.span, message);
            } else if before.sends.insert(name, send).is_some() {
                self.wrong("scenario::duplicate-send", &name.span, format!("two sends are called `{}`", name.value));
            }
        }
    }

    /// Where something goes to, or must come from; `node` is at the other end.
    pub(super) fn target(&mut self, node: Option<&Node>, text: &Spanned<String>, before: &Before<'a>) {
        let Some((address, name)) = self.address(text) else { return };
        let own = node.map_or(&[Family::V4, Family::V6][..], families);
        let name = name.unwrap_or_default();
        let other = self.scenario.nodes.get(name).map(|node| &node.value);
        match (address, other) {
            (Address::Literal(literal), _) => {
                let family = if literal.is_ipv4() { Family::V4 } else { Family::V6 };
                if !own.contains(&family) {
                    self.wrong("scenario::address-family", &text.span, format!("the node has no address of the family of {literal}"));
                }
            }
            (Address::Node(_), Some(other)) if node.is_some_and(|node| !share_a_family(node, other)) => {
                self.wrong("scenario::address-family", &text.span, format!("the node and `{name}` share no address family"));
            }
            (Address::Alternate(_), Some(other)) => {
                let twice = |family: &&Family| families(other).iter().filter(|other| other == family).count() > 1;
                if !own.iter().any(|family| twice(&family)) {
                    let message = format!("`{name}` has no second address that the node could reach");
                    self.wrong_with("scenario::addresses", &text.span, message, "`addresses: [v4, v4]` gives a node two");
                }
            }
            (Address::RelayOf(_), Some(other)) => {
                if other.role.value != RoleName::TurnClient {
                    self.wrong("scenario::role", &text.span, format!("`{name}` is a {}, not a `turn-client`", other.role.value.name()));
                } else if !before.allocating.contains(name) {
                    self.wrong("scenario::address", &text.span, format!("no step before this one asks for an allocation of `{name}`"));
                }
            }
            (Address::SourceOf(id), _) => {
                let id = Spanned { value: id, span: text.span.clone() };
                self.expected(&id, before);
            }
            (Address::Mapped(_), Some(_)) if !before.sending.contains(name) => {
                let message = format!("no step before this one sends from `{name}`, so nobody can have seen where its packets come from");
                self.wrong("scenario::address", &text.span, message);
            }
            _ => {}
        }
    }

    fn message(&mut self, node: Option<&Node>, message: &StunMessage, before: &Before<'a>) {
        if let Some(name) = &message.same_transaction_as
            && !before.sends.contains_key(name.as_str())
        {
            self.unknown("scenario::unknown-send", name, "the name of an earlier send", before.sends.keys().copied());
        }
        if let Some(id) = &message.answers {
            self.expected(id, before);
            if message.same_transaction_as.is_some() {
                self.wrong("scenario::contradiction", &id.span, "`answers` and `same-transaction-as` exclude each other");
            }
            if matches!(message.class, Class::Request | Class::Indication) {
                self.wrong("scenario::contradiction", &id.span, "only responses answer: say `class: success` or `class: error`");
            }
        }
        for attribute in message.attributes.iter().chain(&message.after_integrity) {
            match &attribute.value {
                Attribute::XorPeerAddress(address)
                | Attribute::XorMappedAddress(address)
                | Attribute::XorRelayedAddress(address)
                | Attribute::AlternateServer(address) => self.peer(node, address, before),
                Attribute::ErrorCode(code) if !(300..=699).contains(code) => {
                    self.wrong("scenario::range", &attribute.span, format!("error code {code} lies outside 300 to 699"));
                }
                Attribute::TokenOf(of) => {
                    self.node(of);
                }
                Attribute::DontFragment(false) => {
                    let message = "DONT-FRAGMENT has no value: it is there, or it is left out";
                    self.wrong_with("scenario::value", &attribute.span, message, "write `dont-fragment: true`");
                }
                _ => {}
            }
        }
        if let Some(first) = message.after_integrity.first().filter(|_| matches!(message.auth, Auth::None)) {
            self.wrong("scenario::contradiction", &first.span, "nothing follows MESSAGE-INTEGRITY where the message has no `auth`");
        }
        if let Auth::LongTerm(credential) = &message.auth {
            let span = message.attributes.first().map_or(0..0, |attribute| attribute.span.clone());
            if credential.wrong_integrity && credential.no_integrity {
                self.wrong("scenario::contradiction", &span, "MESSAGE-INTEGRITY cannot be wrong and left out");
            }
            if credential.algorithm.is_none() && (credential.offered.is_some() || credential.integrity_bytes.is_some()) {
                self.wrong("scenario::contradiction", &span, "`offered` and `integrity-bytes` mean nothing without `algorithm`");
            }
            if credential.integrity_bytes.is_some_and(|bytes| !(1..=32).contains(&bytes)) {
                self.wrong("scenario::range", &span, "MESSAGE-INTEGRITY-SHA256 has 1 to 32 bytes here");
            }
        }
        for fault in &message.faults {
            match &fault.value {
                ByteFault::FirstBits(bits) if *bits > 3 => {
                    self.wrong("scenario::range", &fault.span, format!("`first-bits: {bits}` lies outside 0 to 3"));
                }
                ByteFault::Cookie(cookie) if cookie.0.len() != 4 => {
                    self.wrong("scenario::range", &fault.span, format!("a magic cookie has 4 bytes, not {}", cookie.0.len()));
                }
                ByteFault::Trailing(bytes) if bytes.0.is_empty() => self.wrong("scenario::range", &fault.span, "no bytes are added"),
                ByteFault::Overwrite(overwrite) if overwrite.bytes.0.is_empty() => {
                    self.wrong("scenario::range", &fault.span, "no bytes are overwritten");
                }
                _ => {}
            }
        }
    }

    /// The expectation of a datagram whose sender or transaction a send takes up.
    fn expected(&mut self, id: &Spanned<String>, before: &Before<'a>) {
        if !before.arrivals.contains(id.as_str()) {
            self.unknown("scenario::unknown-expectation", id, "an earlier `expect` of a datagram", before.arrivals.iter().copied());
        }
    }

    /// XOR-PEER-ADDRESS: any address may stand there, also one that cannot be reached.
    fn peer(&mut self, node: Option<&Node>, peer: &Spanned<String>, before: &Before<'a>) {
        if !matches!(self.address(peer), None | Some((Address::Literal(_) | Address::Node(_), _))) {
            self.target(node, peer, before);
        }
    }
}
