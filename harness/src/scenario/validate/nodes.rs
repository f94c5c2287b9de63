//! Nodes: who plays them, and whether what is said about them means anything.

use super::{MOST_NODES, Validator, families, player_word, share_a_family};
use crate::scenario::model::{Actor, DtlsActor, DtlsFault, DtlsTarget, Family, Link, LinkPair, Node, RoleName, StunServerActor};
use crate::scenario::span::Spanned;
use crate::scenario::turn_server::TurnServerActor;
use std::ops::{Range, RangeInclusive};

/// Sizes of DTLS datagrams in bytes: less holds no record with a header and a fragment of a message, more no UDP datagram over IPv4.
const MTU: RangeInclusive<u16> = 64..=65_507;
/// Copies of one datagram.
const MOST_COPIES: u32 = 1_000;
/// Bytes of a realm or user name (RFC 8489 sections 14.3 and 14.9).
const LONGEST_REALM: usize = 763;
const LONGEST_USERNAME: usize = 508;
/// Letters of a name.
const LONGEST_NAME: usize = 32;

impl<'a> Validator<'a> {
    pub(super) fn nodes(&mut self) {
        let scenario = self.scenario;
        let count = scenario.nodes.len();
        if count == 0 || count > MOST_NODES {
            let message = format!("a scenario has 1 to {MOST_NODES} nodes, this one has {count}");
            self.wrong("scenario::nodes", &scenario.title.span, message);
        }
        for (name, node) in &scenario.nodes {
            self.name(name, &node.span);
            self.player(name, node);
            self.keys(node);
            self.servers(name, node);
            self.actor(name, node);
            self.link(node.link.as_ref(), &node.span);
        }
        self.link(scenario.link.as_ref(), &scenario.title.span);
        self.room();
    }

    /// A name of a node or network: it stands in addresses of steps, in captures and in reports.
    pub(super) fn name(&mut self, name: &str, span: &Range<usize>) {
        let letters = name.bytes().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-');
        if !letters || name.len() > LONGEST_NAME || !name.starts_with(|c: char| c.is_ascii_lowercase()) {
            let message = format!("`{name}` cannot be a name");
            let help = format!("names have up to {LONGEST_NAME} lower-case letters, digits and hyphens, and begin with a letter");
            self.wrong_with("scenario::name", span, message, help);
        }
    }

    fn player(&mut self, name: &str, node: &Spanned<Node>) {
        match (&node.implementation, &node.actor) {
            (Some(implementation), None) => {
                if let Some(known) = self.library.implementations
                    && !known.contains(&implementation.value)
                {
                    let known = known.iter().map(String::as_str);
                    self.unknown("scenario::unknown-implementation", implementation, "an implementation that this build knows", known);
                }
                if node.role.value == RoleName::UdpPeer {
                    self.wrong("scenario::role", &node.role.span, "a plain UDP host is no role of implementations, only of actors");
                }
            }
            (None, Some(actor)) => self.role_of_actor(node, actor),
            (Some(_), Some(actor)) => {
                self.wrong(
                    "scenario::player",
                    &actor.span,
                    format!("node `{name}` has an `implementation` and an `actor`; it needs one of them"),
                );
            }
            (None, None) => self.wrong("scenario::player", &node.span, format!("node `{name}` needs either `implementation` or `actor`")),
        }
    }

    fn role_of_actor(&mut self, node: &Node, actor: &Spanned<Actor>) {
        use RoleName as R;
        let fits: &[RoleName] = match &actor.value {
            Actor::Script(_) => return,
            Actor::StunServer(_) => &[R::StunServer],
            Actor::TurnServer(_) => &[R::TurnServer, R::StunServer],
            Actor::Discovery(_) => &[R::StunClient],
            Actor::Dtls(_) => &[R::DtlsClient, R::DtlsServer, R::Peer],
            Actor::Ice(_) => &[R::Peer, R::IceAgent],
            Actor::Echo(_) => &[R::UdpPeer],
        };
        if !fits.contains(&node.role.value) {
            let roles: Vec<String> = fits.iter().map(|role| format!("`{}`", role.name())).collect();
            let message = format!("{} cannot play the role `{}`, only {}", player_word(node), node.role.value.name(), roles.join(" or "));
            self.wrong("scenario::role", &node.role.span, message);
        }
    }

    /// Keys that mean nothing to the node's role, and values that are out of range.
    fn keys(&mut self, node: &Spanned<Node>) {
        use RoleName as R;
        let role = node.role.value;
        let connects = matches!(role, R::Peer | R::IceAgent);
        let client = connects || matches!(role, R::StunClient | R::TurnClient);
        let misplaced = [
            ("offerer", node.offerer.is_some() && !connects),
            ("trickle", node.trickle.is_some() && !connects),
            ("policy", node.policy.is_some() && !connects),
            ("dtls", node.dtls.is_some() && !matches!(role, R::Peer | R::DtlsClient | R::DtlsServer)),
            ("credentials", node.credentials.is_some() && role != R::TurnServer),
            ("servers", !node.servers.is_empty() && !client),
        ];
        for (key, _) in misplaced.into_iter().filter(|(_, wrong)| *wrong) {
            self.wrong("scenario::misplaced-key", &node.span, format!("`{key}` means nothing to the role `{}`", role.name()));
        }
        if let Some(port) = node.port.as_ref().filter(|port| port.value == 0) {
            self.wrong("scenario::range", &port.span, "port 0 is not a port");
        }
        if let Some(mtu) = node.dtls.as_ref().and_then(|dtls| dtls.mtu.as_ref()).filter(|mtu| !MTU.contains(&mtu.value)) {
            self.wrong(
                "scenario::range",
                &mtu.span,
                format!("a datagram of {} bytes lies outside {} to {}", mtu.value, MTU.start(), MTU.end()),
            );
        }
        if let Some(credentials) = &node.credentials {
            let users = &credentials.users;
            let named = |text: &str, longest: usize| !text.is_empty() && text.len() <= longest;
            if users.is_empty() || !named(&credentials.realm, LONGEST_REALM) || !users.keys().all(|user| named(user, LONGEST_USERNAME)) {
                let message = format!(
                    "credentials need a realm of 1 to {LONGEST_REALM} bytes and at least one user with a name of 1 to {LONGEST_USERNAME} bytes"
                );
                self.wrong("scenario::credentials", &node.span, message);
            }
        }
    }

    fn servers(&mut self, name: &str, node: &Spanned<Node>) {
        for (index, server) in node.servers.iter().enumerate() {
            if node.servers[..index].contains(server) {
                self.wrong("scenario::duplicate-server", &server.span, format!("`{}` is listed twice", server.value));
                continue;
            }
            let Some(found) = self.node(server) else { continue };
            if !matches!(found.role.value, RoleName::StunServer | RoleName::TurnServer) {
                let message = format!("node `{}` is no STUN or TURN server", server.value);
                self.wrong_with("scenario::not-a-server", &server.span, message, "its role must be `stun-server` or `turn-server`");
            } else if !share_a_family(node, found) {
                let message = format!("`{name}` and `{}` share no address family", server.value);
                self.wrong_with("scenario::address-family", &server.span, message, "`addresses` says which families a node has");
            }
        }
    }

    fn actor(&mut self, name: &str, node: &Spanned<Node>) {
        match node.actor.as_ref().map(|actor| (&actor.value, &actor.span)) {
            Some((Actor::StunServer(options), span)) => self.stun_server(name, node, options, span),
            Some((Actor::Dtls(options), span)) => self.dtls(options, span),
            Some((Actor::Ice(options), span)) if !options.checks && !options.answers => {
                self.wrong("scenario::value", span, "an ICE agent that neither checks nor answers has no role");
            }
            Some((Actor::TurnServer(options), span)) => self.turn_server(options, span),
            _ => {}
        }
    }

    fn stun_server(&mut self, name: &str, node: &Node, options: &StunServerActor, span: &Range<usize>) {
        let twice = |family: &Family| families(node).iter().filter(|other| *other == family).count() > 1;
        if options.discovery && !families(node).iter().any(twice) {
            let message = format!("`discovery` needs a second address, and `{name}` has none");
            self.wrong_with("scenario::addresses", span, message, "add `addresses: [v4, v4]` to the node");
        }
        if options.discovery && node.port.as_ref().is_some_and(|port| port.value == u16::MAX) {
            self.wrong("scenario::range", span, "`discovery` needs a port after the first one");
        }
        if options.delay.is_some_and(|delay| delay.0 == 0) {
            self.wrong("scenario::range", span, "a delay of nothing is no delay");
        }
    }

    fn turn_server(&mut self, options: &TurnServerActor, span: &Range<usize>) {
        if options.nonce_lifetime.is_some_and(|lifetime| lifetime.0 == 0) {
            self.wrong("scenario::range", span, "a nonce that lasts for no time can never be used");
        }
        for refusal in options.refuses.iter().filter(|refusal| !(300..=699).contains(&refusal.error)) {
            self.wrong("scenario::range", &refusal.span, format!("`error: {}` lies outside 300 to 699", refusal.error));
        }
    }

    fn dtls(&mut self, options: &DtlsActor, span: &Range<usize>) {
        if options.fragment == Some(0) {
            self.wrong("scenario::range", span, "a fragment has at least one byte");
        }
        if let Some(overlap) =
            options.overlap.filter(|overlap| *overlap == 0 || options.fragment.is_none_or(|fragment| fragment <= *overlap))
        {
            let message = format!("`overlap: {overlap}` needs a larger `fragment`, and at least one byte");
            self.wrong("scenario::range", span, message);
        }
        let mut reordered: Vec<(u32, u32)> = Vec::new();
        for fault in &options.faults {
            if let DtlsFault::Reorder { from, to } = &fault.value {
                if reordered.iter().any(|(first, last)| from <= last && first <= to) {
                    self.wrong("scenario::range", &fault.span, format!("datagrams {from} to {to} are in another reordered range already"));
                }
                reordered.push((*from, *to));
            }
            if let Some(message) = wrong_fault(fault) {
                self.wrong("scenario::range", &fault.span, message);
            }
        }
    }

    /// A link that says nothing was meant to say something.
    pub(super) fn link(&mut self, link: Option<&LinkPair>, span: &Range<usize>) {
        let Some(pair) = link else { return };
        let directions = [&pair.both, &pair.up, &pair.down];
        if directions.iter().all(|direction| direction.is_none()) {
            self.wrong_with("scenario::link", span, "the link says nothing", "say what it is like: `link: {both: {latency: 20ms}}`");
        }
        for link in directions.into_iter().flatten() {
            if **link == Link::default() {
                self.wrong("scenario::link", span, "a direction of the link says nothing");
            }
            if link.jitter.is_none_or(|jitter| jitter.0 == 0) && (link.jitter_shape.is_some() || link.jitter_order.is_some()) {
                self.wrong("scenario::link", span, "`jitter-shape` and `jitter-order` say how `jitter` is, and the link has none");
            }
            if link.bursts.is_some_and(|bursts| bursts.worsen.0 == 0.0) {
                self.wrong("scenario::link", span, "`bursts` never begin where `worsen` is 0%");
            }
            if link.rate.and_then(|rate| rate.codel).is_some_and(|codel| codel.target >= codel.interval) {
                self.wrong("scenario::link", span, "the `target` of `codel` is shorter than its `interval` (RFC 8289, section 4.4)");
            }
        }
    }

    /// The signalling room is for two, and one of them makes the offer.
    fn room(&mut self) {
        let scenario = self.scenario;
        let members = || scenario.nodes.values().filter(|node| matches!(node.role.value, RoleName::Peer | RoleName::IceAgent));
        if let Some(third) = members().nth(2) {
            self.wrong("scenario::room", &third.span, "the signalling room is for two: this is a third peer");
        }
        let mut offerers = members().filter(|node| node.offerer == Some(true));
        if let (Some(_), Some(second)) = (offerers.next(), offerers.next()) {
            self.wrong("scenario::room", &second.span, "two nodes have `offerer: true`");
        }
        if let Some(first) = members().next().filter(|_| members().all(|node| node.offerer == Some(false))) {
            self.wrong("scenario::room", &first.span, "no node may make the offer: all have `offerer: false`");
        }
    }
}

fn wrong_fault(fault: &DtlsFault) -> Option<String> {
    let number = match fault.target() {
        Some(DtlsTarget::Datagram(number) | DtlsTarget::Flight(number) | DtlsTarget::Range(number, _)) => number,
        None => return Some("a fault is about a `datagram` or a `flight`: say one of them".into()),
    };
    match fault {
        _ if number == 0 => Some("datagrams and flights are numbered from 1".into()),
        DtlsFault::Reorder { from, to } if from >= to => Some(format!("there is nothing to reorder from {from} to {to}")),
        DtlsFault::Replay { times, .. } if !(1..=MOST_COPIES).contains(times) => {
            Some(format!("`times: {times}` lies outside 1 to {MOST_COPIES}"))
        }
        DtlsFault::Delay { by, .. } if by.0 == 0 => Some("a delay of nothing is no delay".into()),
        DtlsFault::Stray { bytes, .. } if bytes.0.is_empty() => Some("a stray datagram needs bytes".into()),
        _ => None,
    }
}
