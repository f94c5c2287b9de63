//! One Binding transaction after another with one server, from one local address (RFC 8489 sections 3 and 6.2.1).

use super::time::{instant, nanoseconds};
use crate::{Ns, SECOND};
use bytes::Bytes;
use std::net::SocketAddr;
use std::time::Duration;
use stun_proto::agent::{StunAgent, StunAgentPollRet};
use stun_proto::types::TransportType;
use stun_proto::types::attribute::XorMappedAddress;
use stun_proto::types::message::{BINDING, Message, MessageClass, MessageType, MessageWriteVec, TransactionId};
use stun_proto::types::prelude::MessageWrite;

/// RFC 8489 section 6.2.1: the initial RTO.
pub(super) const RTO: Duration = Duration::from_millis(500);
/// RFC 8489 section 6.2.1: Rc, how often a request is sent.
pub(super) const REQUEST_COUNT: u32 = 7;
/// RFC 8489 section 6.2.1: Rm times the RTO, how long the last request is waited for.
pub(super) const LAST_WAIT: Duration = Duration::from_secs(8);
/// How often a server-reflexive candidate is kept alive until ICE has concluded (RFC 8445 section 5.1.1.4). RFC 8445 section 11 recommends at least 15 s.
const KEEP_ALIVE: Ns = 15 * SECOND;

/// What a Binding transaction came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Mapped(SocketAddr),
    Failed,
}

/// The transactions between one local address and one server.
pub(super) struct Binding {
    pub(super) local: SocketAddr,
    pub(super) server: SocketAddr,
    agent: StunAgent,
    /// The transaction in progress, and when it wants to be looked at again.
    transaction: Option<(TransactionId, Ns)>,
    /// When the next transaction begins.
    next: Option<Ns>,
    /// Whether the first transaction has come to an end.
    concluded: bool,
}

impl Binding {
    /// The first transaction begins at `start`.
    pub(super) fn new(local: SocketAddr, server: SocketAddr, start: Ns) -> Self {
        let agent = StunAgent::builder(TransportType::Udp, local)
            .remote_addr(server)
            .request_retransmits(RTO, Duration::MAX, REQUEST_COUNT, LAST_WAIT)
            .build();
        Self { local, server, agent, transaction: None, next: Some(start), concluded: false }
    }

    pub(super) fn is_concluded(&self) -> bool {
        self.concluded
    }

    /// Sends what is due, and tells when the first transaction has timed out.
    pub(super) fn advance(&mut self, now: Ns, random: &mut fastrand::Rng, send: &mut impl FnMut(Bytes)) -> Option<Outcome> {
        if self.next.is_some_and(|next| next <= now) {
            self.next = None;
            self.begin(now, random, send);
        }
        let (id, _) = self.transaction?;
        while let Some(transmit) = self.agent.poll_transmit(instant(now)) {
            send(Bytes::copy_from_slice(transmit.data));
        }
        match self.agent.poll(instant(now)) {
            StunAgentPollRet::WaitUntil(time) => {
                self.transaction = Some((id, nanoseconds(time)));
                None
            }
            StunAgentPollRet::TransactionTimedOut(_) | StunAgentPollRet::TransactionCancelled(_) => self.fail(),
        }
    }

    fn begin(&mut self, now: Ns, random: &mut fastrand::Rng, send: &mut impl FnMut(Bytes)) {
        let id = TransactionId::from(random.u128(..));
        let kind = MessageType::from_class_method(MessageClass::Request, BINDING);
        let request = Message::builder(kind, id, MessageWriteVec::new()).finish();
        let transmit =
            self.agent.send_request(request, self.server, instant(now)).expect("one transaction at a time, so the identifier is free");
        send(Bytes::copy_from_slice(transmit.data.as_ref()));
        self.transaction = Some((id, now));
    }

    /// The outer `None`: not a response to this transaction. The inner one: it says nothing new.
    pub(super) fn handle(&mut self, now: Ns, message: &Message<'_>) -> Option<Option<Outcome>> {
        self.transaction.filter(|(id, _)| *id == message.transaction_id() && message.is_response())?;
        if !self.agent.handle_stun_message_with_time(message, self.server, instant(now)) {
            return None;
        }
        self.transaction = None;
        let mapped = message.attribute::<XorMappedAddress>().ok().map(|attribute| attribute.addr(message.transaction_id()));
        Some(match mapped.filter(|_| message.has_class(MessageClass::Success)) {
            Some(mapped) => {
                self.next = Some(now + KEEP_ALIVE);
                self.conclude(Outcome::Mapped(mapped))
            }
            None => self.conclude(Outcome::Failed),
        })
    }

    /// Ends the transaction: it timed out, or a hard ICMP error came (RFC 8489 section 6.2.1).
    pub(super) fn fail(&mut self) -> Option<Outcome> {
        self.transaction = None;
        self.conclude(Outcome::Failed)
    }

    /// Keeps the candidate alive no longer; a transaction in progress goes on.
    pub(super) fn release(&mut self) {
        if self.concluded {
            self.next = None;
        }
    }

    pub(super) fn deadline(&self) -> Option<Ns> {
        self.next.into_iter().chain(self.transaction.map(|(_, wake)| wake)).min()
    }

    fn conclude(&mut self, outcome: Outcome) -> Option<Outcome> {
        let first = !self.concluded;
        self.concluded = true;
        first.then_some(outcome)
    }
}
