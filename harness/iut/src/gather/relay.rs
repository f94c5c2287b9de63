//! One allocation on one TURN server, with permissions made as they are needed (RFC 8656).
//!
//! Channels are not bound: Send and Data indications carry everything, so that a capture shows the peer's address in each packet.

use super::binding::{LAST_WAIT, REQUEST_COUNT, RTO};
use super::time::{instant, nanoseconds};
use crate::{Credential, Ns};
use bytes::Bytes;
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;
use stun_proto::agent::Transmit;
use stun_proto::types::attribute::{ErrorCode, XorMappedAddress};
use stun_proto::types::message::{Message, MessageClass};
use stun_proto::types::{AddressFamily, TransportType};
use turn_client_proto::api::{TurnConfig, TurnEvent, TurnPollRet, TurnRecvRet};
use turn_client_proto::prelude::{DelayedTransmitBuild, TurnClientApi};
use turn_client_proto::types::TurnCredentials;
use turn_client_proto::types::message::ALLOCATE;
use turn_client_proto::udp::TurnClientUdp;

/// Datagrams that wait for a permission; more are dropped, as a full socket buffer would drop them.
const QUEUE_LIMIT: usize = 64;
/// Peers that permissions are kept for. The client refreshes each for ever, so a flood of candidates must not make it a flood of requests.
const PEER_LIMIT: usize = 64;
/// Rounds of the client's own loop in one call. It is done in two or three.
const ROUND_LIMIT: usize = 64;

/// What an allocation reports.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Event {
    Send(Bytes),
    Allocated { relayed: SocketAddr, mapped: Option<SocketAddr> },
    Failed(String),
    Log(String),
}

/// What became of a datagram.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Received {
    NotMine,
    Consumed,
    Relayed { peer: SocketAddr, bytes: Bytes },
}

/// One allocation, its permissions, and what waits for them.
pub(super) struct Relay {
    pub(super) local: SocketAddr,
    pub(super) server: SocketAddr,
    client: TurnClientUdp,
    start: Option<Ns>,
    /// The client's own next deadline; `None` once it is closed.
    wake: Option<Ns>,
    relayed: Option<SocketAddr>,
    mapped: Option<SocketAddr>,
    challenges: u8,
    refusal: Option<String>,
    concluded: bool,
    permitted: BTreeSet<IpAddr>,
    waiting: BTreeMap<IpAddr, Vec<(SocketAddr, Bytes)>>,
}

impl Relay {
    /// The Allocate transaction begins at `start`. The family of the relayed address is that of `local`.
    pub(super) fn new(local: SocketAddr, server: SocketAddr, credential: &Credential, start: Ns) -> Self {
        let mut config = TurnConfig::new(TurnCredentials::new(&credential.username, &credential.password));
        config.set_address_family(if local.is_ipv4() { AddressFamily::IPV4 } else { AddressFamily::IPV6 });
        config.set_request_retransmits(RTO, Duration::MAX, REQUEST_COUNT, LAST_WAIT);
        Self {
            local,
            server,
            client: TurnClientUdp::allocate(local, server, config),
            start: Some(start),
            wake: None,
            relayed: None,
            mapped: None,
            challenges: 0,
            refusal: None,
            concluded: false,
            permitted: BTreeSet::new(),
            waiting: BTreeMap::new(),
        }
    }

    pub(super) fn relayed(&self) -> Option<SocketAddr> {
        self.relayed
    }

    pub(super) fn mapped(&self) -> Option<SocketAddr> {
        self.mapped
    }

    pub(super) fn is_concluded(&self) -> bool {
        self.concluded
    }

    pub(super) fn deadline(&self) -> Option<Ns> {
        self.start.or(self.wake)
    }

    /// Sends what is due and collects what happened.
    pub(super) fn advance(&mut self, now: Ns, report: &mut impl FnMut(Event)) {
        if self.start.is_some_and(|start| start > now) {
            return;
        }
        self.start = None;
        if self.is_rejected() {
            self.abandon();
            return self.fail(report);
        }
        for _ in 0..ROUND_LIMIT {
            while let Some(transmit) = self.client.poll_transmit(instant(now)) {
                report(Event::Send(Bytes::copy_from_slice(&transmit.data)));
            }
            while let Some(event) = self.client.poll_event() {
                self.handle_event(now, event, report);
            }
            match self.client.poll(instant(now)) {
                TurnPollRet::WaitUntil(time) if nanoseconds(time) <= now => self.wake = Some(now + crate::MILLISECOND),
                TurnPollRet::WaitUntil(time) => {
                    self.wake = Some(nanoseconds(time));
                    return;
                }
                TurnPollRet::Closed => return self.closed(report),
                TurnPollRet::AllocateTcpSocket { .. } | TurnPollRet::TcpClose { .. } => return,
            }
        }
    }

    fn handle_event(&mut self, now: Ns, event: TurnEvent, report: &mut impl FnMut(Event)) {
        match event {
            TurnEvent::AllocationCreated(_, relayed) => {
                self.relayed = Some(relayed);
                self.concluded = true;
                report(Event::Allocated { relayed, mapped: self.mapped });
                for peer in std::mem::take(&mut self.permitted) {
                    self.permit(now, peer);
                }
            }
            TurnEvent::AllocationCreateFailed(_) => self.fail(report),
            TurnEvent::PermissionCreated(_, peer) => self.release(now, peer, report),
            TurnEvent::PermissionCreateFailed(_, peer) => {
                self.permitted.remove(&peer);
                let dropped = self.waiting.remove(&peer).map_or(0, |queue| queue.len());
                report(Event::Log(format!("no permission for {peer} on {}: {dropped} datagrams dropped", self.server)));
            }
            event => report(Event::Log(format!("turn client: {event:?}"))),
        }
    }

    fn closed(&mut self, report: &mut impl FnMut(Event)) {
        self.wake = None;
        let lost = self.relayed.take().is_some();
        self.waiting.clear();
        if lost {
            report(Event::Log(format!("the allocation on {} has ended", self.server)));
        }
        self.fail(report);
    }

    fn fail(&mut self, report: &mut impl FnMut(Event)) {
        if !std::mem::replace(&mut self.concluded, true) {
            let reason = self.refusal.take().unwrap_or_else(|| "no answer".into());
            report(Event::Failed(format!("no allocation on {}: {reason}", self.server)));
        }
    }

    /// Whether the client holds an allocation or tries to get one.
    pub(super) fn is_live(&self) -> bool {
        self.start.is_some() || self.wake.is_some()
    }

    /// Takes a datagram between this pair of addresses. The caller calls [`Relay::advance`] next.
    pub(super) fn handle(&mut self, now: Ns, bytes: &Bytes) -> Received {
        self.note_allocate_response(bytes);
        let datagram = Transmit::new(bytes.clone(), TransportType::Udp, self.server, self.local);
        match self.client.recv(datagram, instant(now)) {
            TurnRecvRet::Ignored(_) => Received::NotMine,
            TurnRecvRet::Handled | TurnRecvRet::PeerIcmp { .. } => Received::Consumed,
            TurnRecvRet::PeerData(data) => Received::Relayed { peer: data.peer, bytes: Bytes::copy_from_slice(data.data()) },
        }
    }

    /// The client tells neither XOR-MAPPED-ADDRESS nor why an allocation was refused. Whether a response was authentic shows in what it makes of it.
    fn note_allocate_response(&mut self, bytes: &[u8]) {
        let Ok(message) = Message::from_bytes(bytes) else { return };
        if self.concluded || !message.has_method(ALLOCATE) {
            return;
        }
        if message.has_class(MessageClass::Success) {
            self.mapped = message.attribute::<XorMappedAddress>().ok().map(|mapped| mapped.addr(message.transaction_id()));
        } else if let Ok(error) = message.attribute::<ErrorCode>() {
            self.challenges += u8::from(error.code() == ErrorCode::UNAUTHORIZED);
            self.refusal = Some(format!("{} {}", error.code(), error.reason()));
        }
    }

    /// RFC 8489 section 9.2.5: a second 401 means that the credential is wrong. The client goes on asking.
    fn is_rejected(&self) -> bool {
        !self.concluded && self.challenges > 1
    }

    /// Makes a permission, unless there is one or it is on its way. The caller calls [`Relay::advance`] next.
    pub(super) fn permit(&mut self, now: Ns, peer: IpAddr) {
        if self.local.is_ipv4() != peer.is_ipv4() || self.permitted.len() >= PEER_LIMIT || !self.permitted.insert(peer) {
            return;
        }
        if self.relayed.is_some() {
            // `AlreadyExists` is what we want, and `NoAllocation` shows in the next poll.
            let _ = self.client.create_permission(TransportType::Udp, peer, instant(now));
        }
    }

    /// Sends to a peer as soon as there is a permission. The caller calls [`Relay::advance`] next.
    pub(super) fn send(&mut self, now: Ns, peer: SocketAddr, bytes: Bytes, report: &mut impl FnMut(Event)) {
        if self.client.have_permission(TransportType::Udp, peer.ip()) {
            return self.transmit(now, peer, bytes, report);
        }
        self.permit(now, peer.ip());
        let waiting: usize = self.waiting.values().map(Vec::len).sum();
        if self.permitted.contains(&peer.ip()) && waiting < QUEUE_LIMIT {
            self.waiting.entry(peer.ip()).or_default().push((peer, bytes));
        } else {
            report(Event::Log(format!(
                "dropped {} bytes to {peer} through {}: no room to wait for a permission",
                bytes.len(),
                self.server
            )));
        }
    }

    fn release(&mut self, now: Ns, peer: IpAddr, report: &mut impl FnMut(Event)) {
        for (peer, bytes) in self.waiting.remove(&peer).unwrap_or_default() {
            self.transmit(now, peer, bytes, report);
        }
    }

    fn transmit(&mut self, now: Ns, peer: SocketAddr, bytes: Bytes, report: &mut impl FnMut(Event)) {
        match self.client.send_to(TransportType::Udp, peer, bytes, instant(now)) {
            Ok(Some(transmit)) => report(Event::Send(transmit.data.build().into())),
            Ok(None) => {}
            Err(error) => report(Event::Log(format!("sending to {peer} through {}: {error}", self.server))),
        }
    }

    /// Deletes the allocation with a Refresh of lifetime 0 (RFC 8656 section 8). The caller calls [`Relay::advance`] next.
    pub(super) fn delete(&mut self, now: Ns) {
        self.relayed = None;
        if self.client.delete(instant(now)).is_err() {
            self.abandon();
        }
    }

    /// Forgets the allocation without a word to the server.
    pub(super) fn abandon(&mut self) {
        self.client.protocol_error();
        (self.start, self.wake, self.relayed) = (None, None, None);
    }
}
