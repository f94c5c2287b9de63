//! What a TURN client knows: its allocations, and how servers challenged it.

use super::allocation::{Allocations, Tuple};
use crate::check::finding::{Evidence, Finding};
use crate::check::{Context, Datagram, Frame, FrameEvent, Judge, Judgement};
use iut::Ns;
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use wire::stun::{AttributeType as T, Class, Message, Method};

/// 5-tuples that are followed at most.
const TUPLES: usize = 4096;

/// A 401 or 438 response.
#[derive(Clone, Debug)]
pub(super) struct Challenge {
    pub(super) frame: u32,
    pub(super) code: u16,
    /// What was refused.
    pub(super) method: Method,
    pub(super) realm: Option<Vec<u8>>,
    /// The nonces that the server sent with it: more than one where the network doubled the request and each copy was answered.
    pub(super) nonces: Vec<Option<Vec<u8>>>,
}

impl Challenge {
    /// Answers to one request that a client takes for a challenge at most.
    const COPIES: usize = 8;

    /// Whether the server sent this nonce, or none at all.
    pub(super) fn has_nonce(&self, nonce: &Option<Vec<u8>>) -> bool {
        self.nonces.iter().any(|sent| sent.is_none() || sent == nonce)
    }
}

/// What the client knows, by 5-tuple: its own address and the server.
#[derive(Clone, Debug, Default)]
pub(super) struct ClientSide {
    pub(super) allocations: Allocations,
    challenges: BTreeMap<Tuple, Challenge>,
    /// Servers that the client has exchanged credentials with, from any address.
    acquainted: BTreeSet<SocketAddr>,
}

/// The value of the first heeded attribute of a type.
pub(super) fn value(message: &Message<'_>, kind: T) -> Option<Vec<u8>> {
    message.attribute(kind).map(|attribute| attribute.value.to_vec())
}

/// Whether the message has an integrity attribute.
pub(super) fn is_protected(message: &Message<'_>) -> bool {
    message.has(T::MESSAGE_INTEGRITY) || message.has(T::MESSAGE_INTEGRITY_SHA256)
}

/// Whether this is a request of TURN.
pub(super) fn is_turn(method: Method) -> bool {
    matches!(method, Method::ALLOCATE | Method::REFRESH | Method::CREATE_PERMISSION | Method::CHANNEL_BIND)
}

impl ClientSide {
    /// The latest challenge on a 5-tuple.
    pub(super) fn challenge(&self, tuple: Tuple) -> Option<&Challenge> {
        self.challenges.get(&tuple)
    }

    /// Whether the server has challenged the client before.
    pub(super) fn knows(&self, server: SocketAddr) -> bool {
        self.acquainted.contains(&server)
    }

    fn datagram(&mut self, now: Ns, frame: u32, datagram: &Datagram<'_>) {
        let (Some(response), Some(answered)) = (datagram.stun().filter(|_| !datagram.sent), datagram.before) else { return };
        let (request, tuple) = (answered.request(), (datagram.local, datagram.remote));
        if !answered.is_between(datagram) || !is_turn(answered.method) {
            return;
        }
        match (response.class(), response.error_code()) {
            // Once is enough: a second copy of the response was dropped.
            (Class::SuccessResponse, _) if answered.response.is_none() => self.allocations.success(tuple, now, &request, response),
            (Class::ErrorResponse, Ok(Some(error))) if matches!(error.code, 401 | 438) && answered.response.is_none() => {
                self.acquainted.insert(datagram.remote);
                if self.challenges.len() >= TUPLES {
                    return;
                }
                let challenge = Challenge {
                    frame,
                    code: error.code,
                    method: answered.method,
                    realm: value(response, T::REALM),
                    nonces: vec![value(response, T::NONCE)],
                };
                self.challenges.insert(tuple, challenge);
            }
            (Class::ErrorResponse, Ok(Some(error))) => {
                let same = |challenge: &&mut Challenge| challenge.code == error.code && challenge.method == answered.method;
                if let Some(challenge) = self.challenges.get_mut(&tuple).filter(same)
                    && challenge.nonces.len() < Challenge::COPIES
                {
                    challenge.nonces.push(value(response, T::NONCE));
                }
            }
            _ => {}
        }
    }
}

/// Looks at one datagram, with what the client knew before it.
pub(super) type Look = fn(&Frame<'_>, &Datagram<'_>, &ClientSide) -> Finding;

/// A judge that looks at each datagram and knows what the client knows.
pub(super) fn knowing_client(look: Look) -> Box<dyn Judge> {
    Box::new(Knowing { look, client: ClientSide::default(), evidence: Evidence::default() })
}

struct Knowing {
    look: Look,
    client: ClientSide,
    evidence: Evidence,
}

impl Judge for Knowing {
    fn frame(&mut self, context: &Context, frame: Frame<'_>) {
        let FrameEvent::Datagram(datagram) = frame.event else { return };
        if context.from_the_start && datagram.through.is_none() {
            self.evidence.add(frame.number, (self.look)(&frame, datagram, &self.client));
        }
        self.client.datagram(frame.at, frame.number, datagram);
    }

    fn finish(self: Box<Self>, _: &Context) -> Judgement {
        self.evidence.judgement()
    }
}
