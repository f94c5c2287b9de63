//! What passes through a relay: data from clients to peers and from peers to clients.

use super::allocation::{Allocation, Allocations, Tuple};
use crate::check::{Content, Datagram};
use iut::Ns;
use std::collections::VecDeque;
use std::net::SocketAddr;
use wire::channel_data::ChannelNumber;
use wire::stun::{AttributeType as T, Class, Method};

/// Datagrams that are on their way through the relay at most.
const UNDER_WAY: usize = 256;

/// Where a datagram enters or leaves the relay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Gate {
    FromClient,
    ToClient,
    FromPeer,
    ToPeer,
}

/// A datagram that enters or leaves the relay.
#[derive(Clone, Copy)]
pub(super) struct Passage<'a> {
    pub(super) gate: Gate,
    /// The client's 5-tuple.
    pub(super) tuple: Tuple,
    /// Its allocation.
    pub(super) allocation: &'a Allocation,
    /// The peer; `None` for ChannelData on a channel that was never bound.
    pub(super) peer: Option<SocketAddr>,
    /// The channel, where it is ChannelData.
    pub(super) channel: Option<ChannelNumber>,
    pub(super) data: &'a [u8],
}

impl<'a> Passage<'a> {
    /// Reads a datagram of a server. What belongs to no allocation, what cannot be read, and errors from ICMP are no passages.
    pub(super) fn of(datagram: &'a Datagram<'_>, allocations: &'a Allocations, now: Ns) -> Option<Self> {
        if let Some((tuple, allocation)) = allocations.at(datagram.local) {
            let gate = if datagram.sent { Gate::ToPeer } else { Gate::FromPeer };
            return Some(Self { gate, tuple, allocation, peer: Some(datagram.remote), channel: None, data: datagram.payload });
        }
        let tuple = (datagram.local, datagram.remote);
        let allocation = allocations.of(tuple)?;
        let gate = if datagram.sent { Gate::ToClient } else { Gate::FromClient };
        match datagram.content {
            Content::ChannelData(message) if usize::from(message.length) == message.data.len() => {
                let peer = allocation.channel(message.number, now).map(|(peer, _)| peer);
                Some(Self { gate, tuple, allocation, peer, channel: Some(message.number), data: message.data })
            }
            Content::Stun(message) => {
                let wanted = if datagram.sent { Method::DATA } else { Method::SEND };
                if message.class() != Class::Indication || message.method() != wanted || message.has(T::ICMP) {
                    return None;
                }
                let (peer, data) = (message.xor_peer_address().ok()??, message.data().ok()??);
                Some(Self { gate, tuple, allocation, peer: Some(peer), channel: None, data })
            }
            _ => None,
        }
    }
}

/// A datagram that entered the relay.
#[derive(Clone, Debug)]
pub(super) struct Entered {
    pub(super) frame: u32,
    pub(super) at: Ns,
    pub(super) tuple: Tuple,
    pub(super) peer: Option<SocketAddr>,
    pub(super) data: Vec<u8>,
}

/// Datagrams that entered the relay and have not left it.
#[derive(Clone, Debug, Default)]
pub(super) struct UnderWay(VecDeque<Entered>);

impl UnderWay {
    /// One more.
    pub(super) fn enter(&mut self, frame: u32, at: Ns, passage: &Passage<'_>) {
        if self.0.len() == UNDER_WAY {
            self.0.pop_front();
        }
        self.0.push_back(Entered { frame, at, tuple: passage.tuple, peer: passage.peer, data: passage.data.to_vec() });
    }

    /// The oldest that fits leaves.
    pub(super) fn leave(&mut self, fits: impl Fn(&Entered) -> bool) -> Option<Entered> {
        self.0.iter().position(fits).and_then(|position| self.0.remove(position))
    }

    /// Whether one fits.
    pub(super) fn find(&self, fits: impl Fn(&Entered) -> bool) -> Option<&Entered> {
        self.0.iter().find(|entered| fits(entered))
    }

    /// Those that entered before a time, which stay behind.
    pub(super) fn stayed(&mut self, before: Ns) -> Vec<Entered> {
        let fresh = self.0.iter().position(|entered| entered.at >= before).unwrap_or(self.0.len());
        self.0.drain(..fresh).collect()
    }
}

impl Entered {
    /// Whether this is what the passage carries, of the same client and the same peer.
    pub(super) fn is(&self, passage: &Passage<'_>) -> bool {
        self.tuple == passage.tuple && self.peer == passage.peer && self.data == passage.data
    }
}
