//! Turns the events of a trace into what one subject sent, received and signalled.

use super::{Content, Context, Datagram, Frame, FrameEvent, Known, Party};
use crate::scenario::model::RoleName;
use crate::trace::PacketEvent;
use bytes::Bytes;
use iut::Ns;
use nat_sim::{Direction, Fate};
use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use wire::channel_data::ChannelNumber;
use wire::stun::{Class, Message, Method};

/// Channels and relayed addresses that are remembered at most.
const RELAYED: usize = 4096;

/// The view of one subject.
pub(super) struct Lens {
    known: Known,
    role: RoleName,
    /// Where it listens, if it is a server.
    port: u16,
    gathering_by_adapter: bool,
    /// Peers behind channels, by the client's address, the server and the channel number.
    channels: BTreeMap<(SocketAddr, SocketAddr, ChannelNumber), SocketAddr>,
    /// Relayed addresses, by the client's address and the server.
    relayed: BTreeMap<(SocketAddr, SocketAddr), SocketAddr>,
}

/// Both ends of a datagram, from the subject's point of view.
struct Ends {
    sent: bool,
    local: SocketAddr,
    remote: SocketAddr,
    through: Option<SocketAddr>,
}

impl Lens {
    pub(super) fn new(context: &Context, party: &Party) -> Self {
        Self {
            known: Known::new(context, party),
            role: party.role,
            port: party.port,
            gathering_by_adapter: party.gathering_by_adapter,
            channels: BTreeMap::new(),
            relayed: BTreeMap::new(),
        }
    }

    /// Shows an event that is no packet.
    pub(super) fn show(&mut self, number: u32, at: Ns, event: FrameEvent<'_>, judge: &mut dyn FnMut(Frame<'_>)) {
        judge(Frame { number, at, event, known: &self.known });
        match event {
            FrameEvent::SentSignal(signal) => self.known.signal(true, signal),
            FrameEvent::PeerSignal(signal) => self.known.signal(false, signal),
            FrameEvent::Datagram(_) | FrameEvent::Api(_) => {}
        }
    }

    /// Shows a packet at the subject's own interface: what it sent, whatever became of it, and what reached it. What an ICE agent sends through a relay is
    /// shown twice: as the TURN message, and as what that carries. TURN and STUN towards servers is left out where the adapter speaks it.
    pub(super) fn packet(&mut self, context: &Context, number: u32, at: Ns, packet: &PacketEvent, judge: &mut dyn FnMut(Frame<'_>)) {
        let sent = match (packet.direction, packet.fate) {
            (_, Fate::Duplicated) => return,
            (Direction::Out, _) => true,
            (Direction::In, Fate::Delivered) => false,
            (Direction::In, _) => return,
        };
        let (Some(source), Some(destination), Some(payload)) =
            (packet.packet.udp_source(), packet.packet.udp_destination(), packet.packet.udp_payload())
        else {
            return;
        };
        let (local, remote) = if sent { (source, destination) } else { (destination, source) };
        // What a relay carries for others says nothing about the relay's own messages.
        let relaying = self.role == RoleName::TurnServer && local.port() != self.port;
        let content = if relaying { Content::Other } else { Content::of(payload) };
        let with_server = matches!(self.role, RoleName::Peer | RoleName::IceAgent) && context.is_server(remote);
        let inner = if with_server { self.unwrap(sent, local, remote, &content) } else { None };
        if !(with_server && self.gathering_by_adapter) {
            self.datagram(number, at, Ends { sent, local, remote, through: None }, payload, content, judge);
        }
        if let Some((ends, data)) = inner {
            let data = payload.slice_ref(data);
            self.datagram(number, at, ends, &data, Content::of(&data), judge);
        }
    }

    fn datagram(&mut self, number: u32, at: Ns, ends: Ends, payload: &Bytes, content: Content<'_>, judge: &mut dyn FnMut(Frame<'_>)) {
        let Ends { sent, local, remote, through } = ends;
        let before = match &content {
            Content::Stun(message) => {
                self.known.transaction_of(sent, message, |found| (found.local, found.remote, found.through) == (local, remote, through))
            }
            _ => None,
        };
        let datagram = Datagram { sent, local, remote, through, payload, content: &content, before, verified: OnceCell::new() };
        judge(Frame { number, at, event: FrameEvent::Datagram(&datagram), known: &self.known });
        let verified = datagram.verified;
        self.known.datagram(number, at, &Datagram { sent, local, remote, through, payload, content: &content, before: None, verified });
    }

    /// What a TURN message carries, and what it says about channels and relayed addresses.
    fn unwrap<'a>(&mut self, sent: bool, local: SocketAddr, server: SocketAddr, content: &Content<'a>) -> Option<(Ends, &'a [u8])> {
        let relayed = self.relayed.get(&(local, server)).copied().unwrap_or(local);
        let ends = |remote| Ends { sent, local: relayed, remote, through: Some(server) };
        match content {
            Content::ChannelData(message) => {
                let peer = self.channels.get(&(local, server, message.number))?;
                Some((ends(*peer), message.data))
            }
            Content::Stun(message) => {
                if let (Method::SEND | Method::DATA, Class::Indication) = (message.method(), message.class()) {
                    return Some((ends(message.xor_peer_address().ok()??), message.data().ok()??));
                }
                self.note(local, server, message);
                None
            }
            _ => None,
        }
    }

    fn note(&mut self, local: SocketAddr, server: SocketAddr, message: &Message<'_>) {
        match (message.method(), message.class()) {
            (Method::CHANNEL_BIND, Class::Request) => {
                if let (Ok(Some(number)), Ok(Some(peer))) = (message.channel_number(), message.xor_peer_address())
                    && self.channels.len() < RELAYED
                {
                    self.channels.insert((local, server, ChannelNumber(number)), peer);
                }
            }
            (Method::ALLOCATE, Class::SuccessResponse) => {
                if let Ok(Some(relayed)) = message.xor_relayed_address()
                    && self.relayed.len() < RELAYED
                {
                    self.relayed.insert((local, server), relayed);
                }
            }
            _ => {}
        }
    }
}
