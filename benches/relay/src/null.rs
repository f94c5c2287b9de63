//! The null relay: the least that a TURN server can do between two sockets. Its cost is the floor that other servers are compared with.
//!
//! It answers Allocate, Refresh, CreatePermission and ChannelBind and forwards ChannelData, for any client and without credentials, permissions or expiry.
//! That is no TURN server to run anywhere: it lives for a benchmark on addresses of this host.

use crate::io::{Inbox, Mode, Outbox, Port};
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use rustc_hash::FxHashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use wire::stun::build::WellformedBuilder;
use wire::stun::{Attribute, Class, ErrorCode, Message, Method};

/// How long an idle relay sleeps before it looks at its stop flag, in ms.
const NAP: u16 = 50;
/// Batches from one socket before the others have their turn.
const TURNS: usize = 8;
/// Lifetime of an allocation in s, as told to clients: RFC 8656 section 3.2.
const LIFETIME: u32 = 600;
/// Stands for the listener where allocations are numbered from 0.
const LISTENER: u64 = u64::MAX;

/// Relays until `stop` is set.
///
/// # Errors
/// When the system takes no more sockets to wait for, or the listener fails.
pub fn serve(listener: Port, mode: Mode, stop: &AtomicBool) -> io::Result<()> {
    let mut relay = Relay::new(listener, mode)?;
    let mut events = [EpollEvent::empty(); 64];
    while !stop.load(Ordering::Relaxed) {
        let ready = match relay.epoll.wait(&mut events, EpollTimeout::from(NAP)) {
            Ok(ready) => ready,
            Err(nix::Error::EINTR) => 0,
            Err(error) => return Err(error.into()),
        };
        for event in &events[..ready] {
            match event.data() {
                LISTENER => relay.from_clients()?,
                index => relay.from_peers(index as usize)?,
            }
        }
    }
    Ok(())
}

struct Allocation {
    client: SocketAddr,
    port: Port,
    channels: FxHashMap<u16, SocketAddr>,
    peers: FxHashMap<SocketAddr, u16>,
}

struct Relay {
    mode: Mode,
    epoll: Epoll,
    listener: Port,
    /// Numbers stay with their allocations: the place of a released one is empty.
    allocations: Vec<Option<Allocation>>,
    clients: FxHashMap<SocketAddr, usize>,
    inbox: Inbox,
    outbox: Outbox,
}

impl Relay {
    fn new(listener: Port, mode: Mode) -> io::Result<Self> {
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
        epoll.add(&listener.socket, EpollEvent::new(EpollFlags::EPOLLIN, LISTENER))?;
        let (inbox, outbox) = (Inbox::new(mode), Outbox::default());
        Ok(Self { mode, epoll, listener, allocations: Vec::new(), clients: FxHashMap::default(), inbox, outbox })
    }

    fn from_clients(&mut self) -> io::Result<()> {
        let mut inbox = std::mem::take(&mut self.inbox);
        let mut gathered = 0;
        for _ in 0..TURNS * if self.mode == Mode::Plain { crate::io::BATCH } else { 1 } {
            self.listener.receive(&mut inbox)?;
            if inbox.is_empty() {
                break;
            }
            for (client, datagram) in inbox.datagrams() {
                match channel_data(datagram) {
                    Some((channel, payload)) => self.to_peer(client, channel, payload, &mut gathered),
                    None => self.request(client, datagram),
                }
            }
        }
        self.flush(gathered);
        self.inbox = inbox;
        Ok(())
    }

    /// What is gathered always leaves by the socket of one allocation, `gathered`.
    fn to_peer(&mut self, client: SocketAddr, channel: u16, payload: &[u8], gathered: &mut usize) {
        let Some(index) = self.clients.get(&client).copied() else { return };
        let Some(peer) = self.allocation(index).and_then(|it| it.channels.get(&channel).copied()) else { return };
        if *gathered != index || !self.outbox.takes(peer, payload.len(), self.mode) {
            self.flush(*gathered);
        }
        *gathered = index;
        self.outbox.push(peer, payload, &[]);
    }

    fn flush(&mut self, index: usize) {
        // Like any router, the relay drops what the kernel does not take.
        if let Some(Some(allocation)) = self.allocations.get(index) {
            allocation.port.send(&mut self.outbox);
        }
    }

    fn from_peers(&mut self, index: usize) -> io::Result<()> {
        let Some(Some(allocation)) = self.allocations.get(index) else { return Ok(()) };
        for _ in 0..TURNS * if self.mode == Mode::Plain { crate::io::BATCH } else { 1 } {
            allocation.port.receive(&mut self.inbox)?;
            if self.inbox.is_empty() {
                break;
            }
            for (peer, payload) in self.inbox.datagrams() {
                let Some(channel) = allocation.peers.get(&peer) else { continue };
                if !self.outbox.takes(allocation.client, payload.len() + 4, self.mode) {
                    self.listener.send(&mut self.outbox);
                }
                self.outbox.push(allocation.client, &channel_header(*channel, payload.len()), payload);
            }
        }
        self.listener.send(&mut self.outbox);
        Ok(())
    }

    fn request(&mut self, client: SocketAddr, datagram: &[u8]) {
        let Ok(message) = Message::parse(datagram) else { return };
        if message.class() != Class::Request {
            return;
        }
        let id = message.transaction_id();
        let answer = |class| WellformedBuilder::new(class, message.method(), id);
        let reply = match self.carry_out(client, &message) {
            Ok(attributes) => answer(Class::SuccessResponse).attributes(attributes).build(),
            Err(code) => answer(Class::ErrorResponse).attribute(Attribute::ErrorCode(ErrorCode { code, reason: "" })).build(),
        };
        if let Ok(bytes) = reply {
            // The client repeats a request whose answer is lost.
            let _ = self.listener.socket.send_to(&bytes, client);
        }
    }

    /// Attributes of the success response, or an error code.
    fn carry_out(&mut self, client: SocketAddr, message: &Message<'_>) -> Result<Vec<Attribute<'static>>, u16> {
        match message.method() {
            Method::ALLOCATE => self.allocate(client),
            Method::REFRESH => self.refresh(client, message.lifetime().ok().flatten().unwrap_or(LIFETIME)),
            Method::CREATE_PERMISSION => Ok(Vec::new()),
            Method::CHANNEL_BIND => {
                let (Ok(Some(channel)), Ok(Some(peer))) = (message.channel_number(), message.xor_peer_address()) else { return Err(400) };
                let index = *self.clients.get(&client).ok_or(437u16)?;
                let allocation = self.allocations[index].as_mut().ok_or(437u16)?;
                allocation.channels.insert(channel, peer);
                allocation.peers.insert(peer, channel);
                Ok(Vec::new())
            }
            _ => Err(400),
        }
    }

    /// A repeated request gets the same answer.
    fn allocate(&mut self, client: SocketAddr) -> Result<Vec<Attribute<'static>>, u16> {
        let index = match self.clients.get(&client) {
            Some(index) => *index,
            None => self.open(client).map_err(|_| 508u16)?,
        };
        let relayed = self.allocation(index).and_then(|it| it.port.socket.local_addr().ok()).ok_or(508u16)?;
        Ok(vec![Attribute::XorRelayedAddress(relayed), Attribute::XorMappedAddress(client), Attribute::Lifetime(LIFETIME)])
    }

    fn allocation(&self, index: usize) -> Option<&Allocation> {
        self.allocations.get(index)?.as_ref()
    }

    /// A lifetime of zero ends the allocation (RFC 8656 section 7.2); others change nothing, since none expires here.
    fn refresh(&mut self, client: SocketAddr, lifetime: u32) -> Result<Vec<Attribute<'static>>, u16> {
        let index = *self.clients.get(&client).ok_or(437u16)?;
        if lifetime == 0 {
            self.clients.remove(&client);
            // Closing the socket takes it out of the epoll set.
            self.allocations[index] = None;
        }
        Ok(vec![Attribute::Lifetime(lifetime)])
    }

    fn open(&mut self, client: SocketAddr) -> io::Result<usize> {
        let own = self.listener.socket.local_addr()?.ip();
        let port = Port::bind(SocketAddr::new(own, 0), self.mode)?;
        let index = self.allocations.len();
        self.epoll.add(&port.socket, EpollEvent::new(EpollFlags::EPOLLIN, index as u64))?;
        self.allocations.push(Some(Allocation { client, port, channels: FxHashMap::default(), peers: FxHashMap::default() }));
        self.clients.insert(client, index);
        Ok(index)
    }
}

/// Channel number and data of a ChannelData message (RFC 8656 section 12.4); over UDP what follows the data is padding.
#[must_use]
pub fn channel_data(datagram: &[u8]) -> Option<(u16, &[u8])> {
    let [first, second, high, low, rest @ ..] = datagram else { return None };
    let length = usize::from(u16::from_be_bytes([*high, *low]));
    (0x40..=0x4f).contains(first).then_some(())?;
    Some((u16::from_be_bytes([*first, *second]), rest.get(..length)?))
}

/// The header of a ChannelData message.
#[must_use]
pub fn channel_header(channel: u16, length: usize) -> [u8; 4] {
    let ([first, second], [high, low]) = (channel.to_be_bytes(), (length as u16).to_be_bytes());
    [first, second, high, low]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn channel_data_is_what_wire_builds() {
        let built = wire::channel_data::build(wire::channel_data::ChannelNumber(0x4001), b"abc").expect("a valid number");
        assert_eq!(channel_data(&built), Some((0x4001, &b"abc"[..])));
        assert_eq!(built[..4], channel_header(0x4001, 3));
    }

    #[test]
    fn neither_stun_nor_a_cut_message_is_channel_data() {
        assert_eq!(channel_data(&[0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42]), None);
        assert_eq!(channel_data(&[0x40, 0, 0, 9, 1]), None);
        assert_eq!(channel_data(&[0x40]), None);
    }
}
