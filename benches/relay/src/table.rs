//! The allocations of our own relays: what TURN requests open, change and end, and the sockets to wait for.

use crate::io::{Mode, Port};
use crate::null::relay_ip;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use rustc_hash::FxHashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use wire::stun::build::WellformedBuilder;
use wire::stun::{AddressFamily, Attribute, Class, ErrorCode, Message, Method};

/// Lifetime of an allocation in s, as told to clients: RFC 8656 section 3.2.
const LIFETIME: u32 = 600;
/// Stands for the listener where allocations are numbered from 0.
const LISTENER: u64 = u64::MAX;

/// A socket that has something to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ready {
    /// The listening socket.
    Listener,
    /// That of this allocation.
    Allocation(usize),
}

pub(crate) struct Allocation {
    pub(crate) client: SocketAddr,
    pub(crate) port: Port,
    pub(crate) channels: FxHashMap<u16, SocketAddr>,
    pub(crate) peers: FxHashMap<SocketAddr, u16>,
}

pub(crate) struct Table {
    mode: Mode,
    own: SocketAddr,
    epoll: Epoll,
    /// Numbers stay with their allocations; the place of a released one is empty until the next takes it.
    allocations: Vec<Option<Allocation>>,
    empty: Vec<usize>,
    clients: FxHashMap<SocketAddr, usize>,
}

impl Table {
    /// An empty table that waits for `listener`; sockets of allocations are of `mode`.
    pub(crate) fn new(listener: &Port, mode: Mode) -> io::Result<Self> {
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
        epoll.add(&listener.socket, EpollEvent::new(EpollFlags::EPOLLIN, LISTENER))?;
        let own = listener.socket.local_addr()?;
        Ok(Self { mode, own, epoll, allocations: Vec::new(), empty: Vec::new(), clients: FxHashMap::default() })
    }

    /// Waits until a socket has something to read, at most `milliseconds`.
    pub(crate) fn wait(&self, milliseconds: u16) -> io::Result<Vec<Ready>> {
        let mut events = [EpollEvent::empty(); 64];
        let ready = match self.epoll.wait(&mut events, EpollTimeout::from(milliseconds)) {
            Err(nix::Error::EINTR) => 0,
            other => other?,
        };
        let which = |event: &EpollEvent| if event.data() == LISTENER { Ready::Listener } else { Ready::Allocation(event.data() as usize) };
        Ok(events[..ready].iter().map(which).collect())
    }

    pub(crate) fn allocation(&self, index: usize) -> Option<&Allocation> {
        self.allocations.get(index)?.as_ref()
    }

    /// The allocation of a client.
    pub(crate) fn index(&self, client: SocketAddr) -> Option<usize> {
        self.clients.get(&client).copied()
    }

    /// The allocation of a client and the peer that a channel of it is bound to.
    pub(crate) fn peer(&self, client: SocketAddr, channel: u16) -> Option<(usize, SocketAddr)> {
        let index = self.index(client)?;
        Some((index, *self.allocation(index)?.channels.get(&channel)?))
    }

    /// Carries out a request and returns the response; nothing for what is no request.
    pub(crate) fn request(&mut self, client: SocketAddr, datagram: &[u8]) -> Option<Vec<u8>> {
        let message = Message::parse(datagram).ok().filter(|message| message.class() == Class::Request)?;
        let response = |class| WellformedBuilder::new(class, message.method(), message.transaction_id());
        let built = match self.carry_out(client, &message) {
            Ok(attributes) => response(Class::SuccessResponse).attributes(attributes).build(),
            Err(code) => response(Class::ErrorResponse).attribute(Attribute::ErrorCode(ErrorCode { code, reason: "" })).build(),
        };
        built.ok()
    }

    /// Attributes of the success response, or an error code.
    fn carry_out(&mut self, client: SocketAddr, message: &Message<'_>) -> Result<Vec<Attribute<'static>>, u16> {
        match message.method() {
            Method::ALLOCATE => self.allocate(client, message.requested_address_family().ok().flatten().unwrap_or(AddressFamily::IPV4)),
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
    fn allocate(&mut self, client: SocketAddr, family: AddressFamily) -> Result<Vec<Attribute<'static>>, u16> {
        let index = match self.clients.get(&client) {
            Some(index) => *index,
            None => {
                // Address family not supported: RFC 8656 section 7.2.
                let ip = relay_ip(self.own.ip(), family).ok_or(440u16)?;
                self.open(client, ip).map_err(|_| 508u16)?
            }
        };
        let relayed = self.allocation(index).and_then(|it| it.port.socket.local_addr().ok()).ok_or(508u16)?;
        Ok(vec![Attribute::XorRelayedAddress(relayed), Attribute::XorMappedAddress(client), Attribute::Lifetime(LIFETIME)])
    }

    /// A lifetime of zero ends the allocation (RFC 8656 section 7.2); others change nothing, since none expires here.
    fn refresh(&mut self, client: SocketAddr, lifetime: u32) -> Result<Vec<Attribute<'static>>, u16> {
        let index = *self.clients.get(&client).ok_or(437u16)?;
        if lifetime == 0 {
            self.clients.remove(&client);
            // Closing the socket takes it out of the epoll set.
            self.allocations[index] = None;
            self.empty.push(index);
        }
        Ok(vec![Attribute::Lifetime(lifetime)])
    }

    fn open(&mut self, client: SocketAddr, ip: IpAddr) -> io::Result<usize> {
        let port = Port::bind(SocketAddr::new(ip, 0), self.mode)?;
        let index = self.empty.last().copied().unwrap_or(self.allocations.len());
        self.epoll.add(&port.socket, EpollEvent::new(EpollFlags::EPOLLIN, index as u64))?;
        let allocation = Some(Allocation { client, port, channels: FxHashMap::default(), peers: FxHashMap::default() });
        match self.empty.pop() {
            Some(_) => self.allocations[index] = allocation,
            None => self.allocations.push(allocation),
        }
        self.clients.insert(client, index);
        Ok(index)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wire::stun::TransactionId;

    fn request(method: Method, attributes: Vec<Attribute<'static>>) -> Vec<u8> {
        let builder = WellformedBuilder::new(Class::Request, method, TransactionId([7; 12])).attributes(attributes);
        builder.build().expect("well-formed")
    }

    #[test]
    fn a_released_place_is_taken_by_the_next_allocation() {
        let listener = Port::bind(SocketAddr::from(([127, 0, 0, 1], 0)), Mode::Plain).expect("a port");
        let mut table = Table::new(&listener, Mode::Plain).expect("epoll");
        let client = |port| SocketAddr::from(([127, 0, 0, 1], port));
        let allocate = request(Method::ALLOCATE, vec![Attribute::RequestedTransport(17)]);
        let release = request(Method::REFRESH, vec![Attribute::Lifetime(0)]);
        for port in 1..=10 {
            table.request(client(port), &allocate).expect("a response");
            table.request(client(port), &release).expect("a response");
        }
        assert_eq!((table.allocations.len(), table.empty.len(), table.clients.len()), (1, 1, 0));
        table.request(client(20), &allocate).expect("a response");
        table.request(client(21), &allocate).expect("a response");
        assert_eq!((table.clients[&client(20)], table.clients[&client(21)]), (0, 1));
        // A second release is refused and frees nothing twice.
        table.request(client(1), &release).expect("a response");
        assert_eq!(table.empty.len(), 0);
    }
}
