//! How two peers are connected in the end, read from the packets alone: the path that application packets took, and the candidate types of that pair.

use super::Context;
use crate::trace::{Body, PacketEvent, Trace};
use iut::{CandidateType, Signal};
use nat_sim::Direction;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::SocketAddr;
use wire::stun::{Class, Message, Method};

/// The end of an attempt to connect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Application packets arrived both ways without a relay.
    Direct,
    /// Application packets arrived both ways through at least one relay.
    Relayed,
    /// They did not arrive both ways.
    Failed,
}

/// Candidate types of a pair: the first peer's local one and its remote one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pair {
    /// The first peer's own candidate.
    pub local: CandidateType,
    /// The candidate of the second peer, as the first one sees it.
    pub remote: CandidateType,
}

/// How two peers are connected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connection {
    /// The outcome.
    pub outcome: Outcome,
    /// The pair that the first peer's application packets used last.
    pub pair: Option<Pair>,
    /// The frames of the last application packets that arrived at the first and at the second peer.
    pub frames: Vec<u32>,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Outcome::Direct => "direct",
            Outcome::Relayed => "relayed",
            Outcome::Failed => "failed",
        })
    }
}

impl fmt::Display for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.pair {
            Some(pair) => write!(f, "{} {}-{}", self.outcome, pair.local.token(), pair.remote.token()),
            None => write!(f, "{}", self.outcome),
        }
    }
}

impl Connection {
    /// Whether a cell of a truth table allows this: `direct`, `direct host-srflx`.
    pub fn is_allowed_by(&self, cell: &str) -> bool {
        let (outcome, pair) = cell.split_once(' ').map_or((cell, None), |(outcome, pair)| (outcome, Some(pair.trim())));
        outcome == self.outcome.to_string()
            && pair.is_none_or(|wanted| self.pair.is_some_and(|pair| wanted == format!("{}-{}", pair.local.token(), pair.remote.token())))
    }
}

/// Reads from a trace how two peers are connected.
pub fn connection(trace: &Trace, context: &Context, a: usize, b: usize) -> Connection {
    let (first, second) = (Side::read(trace, context, a), Side::read(trace, context, b));
    let (Some(at_a), Some(at_b)) = (&first.received, &second.received) else {
        return Connection { outcome: Outcome::Failed, pair: None, frames: Vec::new() };
    };
    let frames = vec![at_a.frame, at_b.frame];
    let relayed = [at_a, at_b].into_iter().any(|last| last.through_relay || context.is_relay(last.remote.ip()));
    let outcome = if relayed { Outcome::Relayed } else { Outcome::Direct };
    let pair = first.sent.as_ref().map(|sent| Pair {
        local: if sent.through_relay { CandidateType::Relayed } else { first.local_type(sent) },
        remote: second.type_of_own(sent.remote),
    });
    Connection { outcome, pair, frames }
}

/// One application packet at a peer.
struct Used {
    frame: u32,
    /// Through the peer's own relay, inside TURN.
    through_relay: bool,
    local: SocketAddr,
    /// The other end: behind the relay where there is one.
    remote: SocketAddr,
}

/// What one peer sent, received and knows.
#[derive(Default)]
struct Side {
    sent: Option<Used>,
    received: Option<Used>,
    /// XOR-MAPPED-ADDRESS of connectivity checks that went past the relay, by local and remote address.
    mapped: BTreeMap<(SocketAddr, SocketAddr), SocketAddr>,
    /// What STUN and TURN servers told it.
    reflexive: BTreeSet<SocketAddr>,
    candidates: BTreeMap<SocketAddr, CandidateType>,
    channels: BTreeMap<u16, SocketAddr>,
}

impl Side {
    fn read(trace: &Trace, context: &Context, party: usize) -> Self {
        let mut side = Side::default();
        for (index, event) in trace.events.iter().enumerate() {
            match &event.body {
                Body::Packet(packet) if trace.vantages[packet.vantage].party == Some(party) && !is_lost(packet) => {
                    side.packet(context, crate::trace::frame_number(index), packet);
                }
                Body::Signal { from, signal, .. } if *from == party => side.signal(signal),
                _ => {}
            }
        }
        side
    }

    fn signal(&mut self, signal: &Signal) {
        let lines: Vec<&str> = match signal {
            Signal::Description(description) => {
                description.sdp.lines().filter_map(|line| line.trim().strip_prefix("a=candidate:")).collect()
            }
            Signal::Candidate(candidate) => candidate.candidate.strip_prefix("candidate:").into_iter().collect(),
            Signal::EndOfCandidates { .. } => Vec::new(),
        };
        for line in lines {
            if let Some((address, kind)) = parse_candidate(line) {
                // Of two candidates with one address and base, that of lower priority is redundant (RFC 8445 section 5.1.3).
                let known = self.candidates.entry(address).or_insert(kind);
                if kind == CandidateType::Host {
                    *known = kind;
                }
            }
        }
    }

    fn packet(&mut self, context: &Context, frame: u32, packet: &PacketEvent) {
        let (Some(source), Some(destination), Some(payload)) =
            (packet.packet.udp_source(), packet.packet.udp_destination(), packet.packet.udp_payload())
        else {
            return;
        };
        let sending = packet.direction == Direction::Out;
        let (local, remote) = if sending { (source, destination) } else { (destination, source) };
        if context.is_server(remote) {
            self.with_server(frame, sending, local, payload);
        } else {
            self.with_peer(frame, sending, false, local, remote, payload);
        }
    }

    fn with_server(&mut self, frame: u32, sending: bool, local: SocketAddr, payload: &[u8]) {
        if let Some((number, data)) = channel_data(payload) {
            if let Some(peer) = self.channels.get(&number).copied() {
                self.with_peer(frame, sending, true, local, peer, data);
            }
            return;
        }
        let Ok(message) = Message::parse_lenient(payload) else { return };
        if let (Method::CHANNEL_BIND, Class::Request) = (message.method(), message.class())
            && let (Ok(Some(number)), Ok(Some(peer))) = (message.channel_number(), message.xor_peer_address())
        {
            self.channels.insert(number, peer);
        }
        if let (Method::SEND | Method::DATA, Ok(Some(peer)), Ok(Some(data))) =
            (message.method(), message.xor_peer_address(), message.data())
        {
            self.with_peer(frame, sending, true, local, peer, data);
        } else if let Ok(Some(mapped)) = message.xor_mapped_address() {
            self.reflexive.insert(mapped);
        }
    }

    fn with_peer(&mut self, frame: u32, sending: bool, through_relay: bool, local: SocketAddr, remote: SocketAddr, payload: &[u8]) {
        if let Ok(message) = Message::parse_lenient(payload)
            && message.has_cookie()
        {
            if !sending
                && !through_relay
                && message.class() == Class::SuccessResponse
                && let Ok(Some(mapped)) = message.xor_mapped_address()
            {
                self.mapped.insert((local, remote), mapped);
            }
        } else if is_application_data(payload) {
            let used = Some(Used { frame, through_relay, local, remote });
            if sending {
                self.sent = used;
            } else {
                self.received = used;
            }
        }
    }

    /// The type of the local candidate of a valid pair is that of the mapped address (RFC 8445 section 7.2.5.3.2).
    fn local_type(&self, used: &Used) -> CandidateType {
        match self.mapped.get(&(used.local, used.remote)) {
            Some(mapped) if *mapped == used.local => CandidateType::Host,
            Some(mapped) if self.reflexive.contains(mapped) || self.candidates.get(mapped) == Some(&CandidateType::ServerReflexive) => {
                CandidateType::ServerReflexive
            }
            Some(_) => CandidateType::PeerReflexive,
            None => CandidateType::Host,
        }
    }

    /// The type of one of this side's own candidates, as the other side sees it: unknown ones are peer-reflexive.
    fn type_of_own(&self, address: SocketAddr) -> CandidateType {
        self.candidates.get(&address).copied().unwrap_or(CandidateType::PeerReflexive)
    }
}

fn is_lost(packet: &PacketEvent) -> bool {
    matches!(packet.fate, nat_sim::Fate::Dropped(_)) && packet.direction == Direction::In
}

/// `FOUNDATION COMPONENT TRANSPORT PRIORITY ADDRESS PORT typ TYPE ...` (RFC 8839 section 5.1).
fn parse_candidate(line: &str) -> Option<(SocketAddr, CandidateType)> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let address = SocketAddr::new(words.get(4)?.parse().ok()?, words.get(5)?.parse().ok()?);
    let kind = match *words.get(7)? {
        "host" => CandidateType::Host,
        "srflx" => CandidateType::ServerReflexive,
        "prflx" => CandidateType::PeerReflexive,
        "relay" => CandidateType::Relayed,
        _ => return None,
    };
    Some((address, kind))
}

fn channel_data(payload: &[u8]) -> Option<(u16, &[u8])> {
    let view = wire::channel_data::ChannelData::parse(payload).ok()?;
    Some((view.number.0, view.data))
}

/// DTLS 1.2 application data, DTLS 1.3 records of an application epoch, or anything else that is neither STUN nor DTLS.
fn is_application_data(payload: &[u8]) -> bool {
    match payload.first() {
        Some(23) => true,
        // The unified header carries the low bits of the epoch: application data begins with epoch 3 (RFC 9147 section 4, 6.1).
        Some(first @ 0x20..=0x3f) => first & 3 == 3,
        Some(20..=63) | None => false,
        Some(0..=3) => false,
        Some(_) => true,
    }
}
