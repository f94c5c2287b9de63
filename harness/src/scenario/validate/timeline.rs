//! The steps in their order: who can carry them out, and what earlier steps must have done.

use super::{Validator, player_word, share_a_family};
use crate::plan::GatewayKind;
use crate::scenario::model::{Actor, Node, RoleName};
use crate::scenario::span::Spanned;
use crate::scenario::step::{Method, OpenChannel, Send, SendData, SetLink, Step};
use iut::SECOND;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

/// Bytes of one message of application data.
const LONGEST_MESSAGE: u32 = 1 << 20;

type Name = Spanned<String>;

/// What the steps before the current one have done.
#[derive(Default)]
pub(super) struct Before<'a> {
    /// Sends by the name of their transaction.
    pub(super) sends: BTreeMap<&'a str, &'a Send>,
    /// Expectations, and whether they expect something rather than nothing.
    pub(super) expectations: BTreeMap<&'a str, bool>,
    /// Expectations of a datagram.
    pub(super) arrivals: BTreeSet<&'a str>,
    /// Labels of data channels.
    pub(super) labels: BTreeSet<&'a str>,
    /// Runs of discovery that no expectation has taken yet, by node.
    pub(super) discoveries: BTreeMap<&'a str, u32>,
    /// Nodes that have asked for an allocation.
    pub(super) allocating: BTreeSet<&'a str>,
    /// Actors that have sent something by a step.
    pub(super) sending: BTreeSet<&'a str>,
}

/// A command: its verb, who carries it out, and towards whom.
struct Command<'a> {
    verb: &'static str,
    node: &'a Name,
    roles: &'static [RoleName],
    towards: Option<(&'a Name, &'static [RoleName])>,
    /// A peer behind a relay: any node.
    peer: Option<&'a Name>,
}

impl<'a> Validator<'a> {
    pub(super) fn timeline(&mut self) {
        let mut before = Before::default();
        for step in self.scenario.timeline.iter() {
            if let Some(command) = command(&step.value) {
                self.command(&command);
            }
            self.step(step, &mut before);
        }
    }

    fn step(&mut self, step: &'a Spanned<Step>, before: &mut Before<'a>) {
        match &step.value {
            Step::Send(send) => self.send(&step.span, send, before),
            Step::OpenChannel(open) => self.open_channel(&step.span, open, before),
            Step::SendData(send) => self.send_data(&step.span, send, before),
            Step::Allocate(towards) => drop(before.allocating.insert(&towards.node)),
            Step::Discover(discover) => {
                self.discover(&discover.node, &discover.server);
                *before.discoveries.entry(&discover.node).or_default() += 1;
            }
            Step::Refresh(refresh) if !refresh.lifetime.0.is_multiple_of(SECOND) => {
                let message = format!("LIFETIME counts seconds, and `{}` is not a whole number of them", refresh.lifetime);
                self.wrong("scenario::range", &step.span, message);
            }
            Step::Wait(wait) if wait.duration.0 == 0 => self.wrong("scenario::range", &step.span, "the step waits for nothing"),
            Step::RebootNat(reboot) => self.gateway(&reboot.of, true),
            Step::CrashGateway(crash) => self.gateway(&crash.of, false),
            Step::SetLink(set) => self.set_link(&step.span, set),
            Step::Crash(on) | Step::Bounce(on) => drop(self.node(&on.node)),
            _ => self.expect(&step.value, before),
        }
    }

    fn command(&mut self, command: &Command<'a>) {
        let Command { verb, roles, .. } = *command;
        let other = command.towards.map(|(name, roles)| (name, Some(roles))).or(command.peer.map(|name| (name, None)));
        let node = self.node(command.node);
        if let Some(node) = node {
            if !carries_out(node, verb) {
                let message = format!("`{}` is {}: it does not carry out `{verb}`", command.node.value, player_word(node));
                self.wrong("scenario::player", &command.node.span, message);
            } else if !roles.contains(&node.role.value) {
                let message = format!("`{verb}` is nothing for the role `{}`", node.role.value.name());
                self.wrong_with("scenario::role", &command.node.span, message, format!("it is for {}", names(roles)));
            }
        }
        let Some((name, roles)) = other else { return };
        let (Some(node), Some(found)) = (node, self.node(name)) else { return };
        if name == command.node {
            self.wrong("scenario::itself", &name.span, format!("`{verb}` of `{}` goes to another node", name.value));
        } else if let Some(roles) = roles.filter(|roles| !roles.contains(&found.role.value) && !is_anything(found)) {
            let message = format!("`{verb}` goes to {}, and `{}` is a {}", names(roles), name.value, found.role.value.name());
            self.wrong("scenario::role", &name.span, message);
        } else if roles.is_some() && !share_a_family(node, found) {
            let message = format!("`{}` and `{}` share no address family", command.node.value, name.value);
            self.wrong("scenario::address-family", &name.span, message);
        }
    }

    fn open_channel(&mut self, span: &Range<usize>, open: &'a OpenChannel, before: &mut Before<'a>) {
        if open.label.len() > usize::from(u16::MAX) {
            self.wrong("scenario::range", span, "the label of a data channel has at most 65535 bytes");
        }
        before.labels.insert(&open.label);
    }

    fn send_data(&mut self, span: &Range<usize>, send: &SendData, before: &Before<'a>) {
        if send.size.is_some_and(|size| size == 0 || size > LONGEST_MESSAGE) || send.size.is_some() && send.text.is_empty() {
            let message = format!("`size` repeats a text that is not empty, up to {LONGEST_MESSAGE} bytes");
            self.wrong("scenario::range", span, message);
        }
        let peer = self.scenario.nodes.get(&send.node.value).is_some_and(|node| node.role.value == RoleName::Peer);
        match &send.channel {
            Some(channel) if peer && !before.labels.contains(channel.as_str()) => self.unopened(span, channel, before),
            None if peer => self.wrong("scenario::channel", span, "a peer sends data through a `channel`"),
            Some(_) if !peer => self.wrong("scenario::channel", span, "only peers have data channels"),
            _ => {}
        }
    }

    pub(super) fn unopened(&mut self, span: &Range<usize>, channel: &str, before: &Before<'a>) {
        let channel = Spanned { value: channel.to_owned(), span: span.clone() };
        self.unknown("scenario::channel", &channel, "a channel that an earlier step opens", before.labels.iter().copied());
    }

    fn discover(&mut self, node: &Name, server: &Name) {
        let (client, found) = (self.node(node), self.node(server));
        if let Some(client) = client.filter(|client| !is_discovery(client)) {
            let message = format!("`{}` is {}, not a discovery client", node.value, player_word(client));
            self.wrong_with("scenario::player", &node.span, message, "give it `actor: {discovery: {}}`");
        }
        let Some(found) = found else { return };
        if found.role.value != RoleName::StunServer {
            self.wrong("scenario::role", &server.span, format!("`{}` is no STUN server", server.value));
        } else if matches!(found.actor.as_ref().map(|actor| &actor.value), Some(Actor::StunServer(options)) if !options.discovery) {
            let message = format!("`{}` offers no second address", server.value);
            self.wrong_with("scenario::server", &server.span, message, "give it `actor: {stun-server: {discovery: true}}`");
        } else if client.is_some_and(|client| !share_a_family(client, found)) {
            let message = format!("`{}` and `{}` share no address family", node.value, server.value);
            self.wrong("scenario::address-family", &server.span, message);
        }
    }

    /// A step on a gateway, which must translate where `nat` says so.
    fn gateway(&mut self, of: &Name, nat: bool) {
        let Some(layout) = &self.layout else { return };
        let what = if nat { "NAT" } else { "gateway" };
        let found = layout.gateways.iter().find(|gateway| gateway.serves == of.value);
        if found.is_some_and(|gateway| !nat || matches!(gateway.kind, GatewayKind::Nat(_))) {
            return;
        }
        let served: Vec<String> = layout
            .gateways
            .iter()
            .filter(|gateway| !nat || matches!(gateway.kind, GatewayKind::Nat(_)))
            .map(|gateway| gateway.serves.clone())
            .collect();
        if found.is_none() && !self.scenario.nodes.contains_key(&of.value) {
            return self.unknown("scenario::gateway", of, "a node or network", served.iter().map(String::as_str));
        }
        let help =
            if served.is_empty() { format!("this scenario has no {what}") } else { format!("those with one: {}", served.join(", ")) };
        self.wrong_with("scenario::gateway", &of.span, format!("`{}` has no {what} of its own", of.value), help);
    }

    fn set_link(&mut self, span: &Range<usize>, set: &SetLink) {
        let scenario = self.scenario;
        let known = || scenario.nodes.keys().chain(scenario.networks.keys()).map(String::as_str);
        if !known().any(|name| name == set.of.value) {
            self.unknown("scenario::unknown-node", &set.of, "a node or network of this scenario", known());
        }
        if set.link.is_none() && set.down.is_none() {
            self.wrong_with("scenario::link", span, "the step changes nothing", "say `link: {...}` or `down: true`");
        }
        self.link(set.link.as_ref(), span);
    }
}

pub(super) fn is_discovery(node: &Node) -> bool {
    matches!(node.actor.as_ref().map(|actor| &actor.value), Some(Actor::Discovery(_)))
}

/// Whether the harness plays the node without being what its role says: an endpoint can be sent there to see what it does.
fn is_anything(node: &Node) -> bool {
    matches!(node.actor.as_ref().map(|actor| &actor.value), Some(Actor::Script(_) | Actor::Echo(_)))
}

/// Whether who plays the node takes this command.
fn carries_out(node: &Node, verb: &str) -> bool {
    match node.actor.as_ref().map(|actor| &actor.value) {
        None => true,
        Some(Actor::Dtls(_)) => verb != "probe",
        Some(Actor::Ice(_)) => verb == "create-offer",
        Some(_) => false,
    }
}

/// Whether a send asks for an allocation.
pub(super) fn allocates(send: &Send) -> bool {
    send.stun.as_ref().is_some_and(|message| message.method == Method::Allocate)
}

fn names(roles: &[RoleName]) -> String {
    roles.iter().map(|role| format!("`{}`", role.name())).collect::<Vec<_>>().join(", ")
}

fn command(step: &Step) -> Option<Command<'_>> {
    use RoleName as R;
    const PEERS: &[RoleName] = &[R::Peer, R::IceAgent];
    const TALKERS: &[RoleName] = &[R::Peer, R::IceAgent, R::DtlsClient, R::DtlsServer];
    const SERVERS: &[RoleName] = &[R::StunServer, R::TurnServer];
    let plain = |verb, node, roles| Command { verb, node, roles, towards: None, peer: None };
    let towards = |verb, node, roles, to, servers| Command { verb, node, roles, towards: Some((to, servers)), peer: None };
    let with_peer = |verb, node, peer| Command { verb, node, roles: &[R::TurnClient], towards: None, peer: Some(peer) };
    Some(match step {
        Step::OpenChannel(s) => plain("open-channel", &s.node, &[R::Peer]),
        Step::CreateOffer(s) => plain("create-offer", &s.node, PEERS),
        Step::RestartIce(s) => plain("restart-ice", &s.node, PEERS),
        Step::SendData(s) => plain("send-data", &s.node, TALKERS),
        Step::Connect(s) => towards("connect", &s.node, &[R::DtlsClient], &s.to, &[R::DtlsServer]),
        Step::Bind(s) => towards("bind", &s.node, &[R::StunClient, R::TurnClient], &s.to, SERVERS),
        Step::Allocate(s) => towards("allocate", &s.node, &[R::TurnClient], &s.to, &[R::TurnServer]),
        Step::CreatePermission(s) => with_peer("create-permission", &s.node, &s.peer),
        Step::BindChannel(s) => with_peer("bind-channel", &s.node, &s.peer),
        Step::SendToPeer(s) => with_peer("send-to-peer", &s.node, &s.peer),
        Step::Refresh(s) => plain("refresh", &s.node, &[R::TurnClient]),
        Step::Close(s) => plain("close", &s.node, &RoleName::ALL),
        Step::Probe(s) => plain("probe", &s.node, &RoleName::ALL),
        _ => return None,
    })
}
