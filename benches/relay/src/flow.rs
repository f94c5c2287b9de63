//! One flow: two ends that send datagrams to each other, and the way between them.
//!
//! An end with an allocation is a TURN client, one without is a plain UDP host. So a flow without allocations is the direct way, one with an allocation is a
//! client and its peer (one hop), and one with two is client to client (two hops on most servers).

use crate::carrier::{Carrier, Frame};
use crate::channel::{self, channel_data};
use crate::client::{Client, RequestError, User};
use crate::indication::{self, Kind, indication};
use crate::io::{Mode, Port};
use crate::payload::Way;
use std::cell::Cell;
use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant};
use wire::stun::AddressFamily;

/// A TURN server and how to use it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    /// Its transport address.
    pub address: SocketAddr,
    /// Credentials, if it asks for them.
    pub user: Option<User>,
    /// What data travels in between client and server.
    pub carrier: Carrier,
    /// The address of this host that peers have, where that is not the one from which clients reach the server. Relayed transport addresses are of its
    /// family.
    pub peers: Option<IpAddr>,
}

impl Server {
    /// A server that asks for no credentials, with channels to peers beside the client.
    #[must_use]
    pub fn new(address: SocketAddr) -> Self {
        Self { address, user: None, carrier: Carrier::Channel, peers: None }
    }

    /// The family of relayed transport addresses.
    pub(crate) fn relayed_family(&self) -> AddressFamily {
        AddressFamily::of(self.peers.unwrap_or(self.address.ip()))
    }
}

/// Where the load goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// From socket to socket on this address without a relay: what the generator and the kernel can do at most.
    Direct(IpAddr),
    /// Between a client of the server and a peer beside it.
    Peer(Server),
    /// Between two clients of the server.
    Client(Server),
}

impl Target {
    fn server(&self) -> Option<&Server> {
        match self {
            Self::Direct(_) => None,
            Self::Peer(server) | Self::Client(server) => Some(server),
        }
    }
}

/// The only channel of an allocation, the first of RFC 8656 section 12.
const CHANNEL: u16 = 0x4000;

/// A flow that is ready to carry load.
#[derive(Debug)]
pub struct Flow {
    server: Option<Server>,
    ends: [End; 2],
}

#[derive(Debug)]
struct End {
    port: Port,
    address: SocketAddr,
    relayed: Option<SocketAddr>,
    /// When the allocation is to be refreshed.
    renewal: Cell<Option<Instant>>,
}

impl End {
    fn bind(ip: IpAddr, mode: Mode) -> io::Result<Self> {
        let port = Port::bind(SocketAddr::new(ip, 0), mode)?;
        let address = port.socket.local_addr()?;
        Ok(Self { port, address, relayed: None, renewal: Cell::new(None) })
    }

    /// Half the time is early enough for what comes in between: trials are shorter than that.
    fn is_granted(&self, time: Duration) {
        self.renewal.set(Instant::now().checked_add(time / 2));
    }

    /// The address that the other end knows it by.
    fn known_as(&self) -> SocketAddr {
        self.relayed.unwrap_or(self.address)
    }

    fn exchange<T>(&self, server: &Server, exchange: impl FnOnce(&mut Client<'_>) -> Result<T, RequestError>) -> Result<T, RequestError> {
        let socket = &self.port.socket;
        socket.set_nonblocking(false)?;
        let outcome = exchange(&mut Client::new(socket, server.address, server.user.clone()));
        socket.set_nonblocking(true)?;
        outcome
    }
}

impl Flow {
    /// Opens sockets, and allocations with a channel or a permission where there is a server. Each end has a source port of its own.
    ///
    /// # Errors
    /// When there is no socket to be had, or a request does not succeed.
    pub fn open(target: &Target, mode: Mode) -> Result<Self, RequestError> {
        let ip = match target {
            Target::Direct(ip) => *ip,
            Target::Peer(server) | Target::Client(server) => local_ip(server.address)?,
        };
        let peer_ip = match target {
            Target::Peer(server) => server.peers.unwrap_or(ip),
            Target::Direct(_) | Target::Client(_) => ip,
        };
        let mut ends = [End::bind(ip, mode)?, End::bind(peer_ip, mode)?];
        if let Some(server) = target.server() {
            let clients = if matches!(target, Target::Client(_)) { 2 } else { 1 };
            for end in &mut ends[..clients] {
                let (relayed, granted) = end.exchange(server, |client| client.allocate(server.relayed_family()))?;
                end.relayed = Some(relayed);
                end.is_granted(granted);
            }
        }
        let flow = Self { server: target.server().cloned(), ends };
        flow.keep()?;
        Ok(flow)
    }

    /// Binds the channels or installs the permissions (again), and refreshes allocations half of whose lifetime has passed, so that all outlive the next trial.
    ///
    /// # Errors
    /// When the server does not do it.
    pub fn keep(&self) -> Result<(), RequestError> {
        let carrier = self.server.as_ref().map(|server| server.carrier).unwrap_or_default();
        self.at_each_client(|client, own, other| {
            if own.renewal.get().is_some_and(|renewal| renewal <= Instant::now()) {
                own.is_granted(client.refresh()?);
            }
            match carrier {
                Carrier::Channel => client.bind_channel(CHANNEL, other.known_as()),
                Carrier::Indication => client.create_permission(other.known_as()),
            }
        })
    }

    /// Ends the allocations.
    ///
    /// # Errors
    /// When the server does not do it.
    pub fn close(self) -> Result<(), RequestError> {
        self.at_each_client(|client, _, _| client.release())
    }

    fn at_each_client(&self, request: impl Fn(&mut Client<'_>, &End, &End) -> Result<(), RequestError>) -> Result<(), RequestError> {
        let Some(server) = &self.server else { return Ok(()) };
        for (end, other) in [(&self.ends[0], &self.ends[1]), (&self.ends[1], &self.ends[0])] {
            if end.relayed.is_some() {
                end.exchange(server, |client| request(client, end, other))?;
            }
        }
        Ok(())
    }

    /// Sending and receiving end of a direction.
    fn ends(&self, way: Way) -> (&End, &End) {
        let [first, second] = &self.ends;
        if way == Way::Up { (first, second) } else { (second, first) }
    }

    /// The socket that datagrams of this direction leave by.
    #[must_use]
    pub fn sender(&self, way: Way) -> &Port {
        &self.ends(way).0.port
    }

    /// The socket that datagrams of this direction arrive at.
    #[must_use]
    pub fn receiver(&self, way: Way) -> &Port {
        &self.ends(way).1.port
    }

    /// Where datagrams of this direction are sent to.
    #[must_use]
    pub fn destination(&self, way: Way) -> SocketAddr {
        let (from, to) = self.ends(way);
        match &self.server {
            Some(server) if from.relayed.is_some() => server.address,
            _ => to.known_as(),
        }
    }

    /// What surrounds a payload of `length` bytes on the way to the relay, where the sender is a client.
    #[must_use]
    pub fn frame(&self, way: Way, length: usize) -> Frame {
        let (from, to) = self.ends(way);
        match self.server.as_ref().filter(|_| from.relayed.is_some()).map(|server| server.carrier) {
            None => Frame::NONE,
            Some(Carrier::Channel) => channel::frame(CHANNEL, length),
            Some(Carrier::Indication) => {
                let mut id = [0; 12];
                id[..8].copy_from_slice(&fastrand::u64(..).to_be_bytes());
                id[8..].copy_from_slice(&fastrand::u32(..).to_be_bytes());
                indication::frame(Kind::Send, id, to.known_as(), length)
            }
        }
    }

    /// The payload of a datagram that arrived from `source`; `None` if it is not part of the flow.
    #[must_use]
    pub fn payload<'d>(&self, way: Way, source: SocketAddr, datagram: &'d [u8]) -> Option<&'d [u8]> {
        let (from, to) = self.ends(way);
        match &self.server {
            Some(server) if to.relayed.is_some() => {
                let datagram = Some(datagram).filter(|_| source == server.address)?;
                match server.carrier {
                    Carrier::Channel => channel_data(datagram).filter(|(channel, _)| *channel == CHANNEL).map(|(_, payload)| payload),
                    Carrier::Indication => {
                        indication(Kind::Data, datagram).filter(|(peer, _)| *peer == from.known_as()).map(|(_, payload)| payload)
                    }
                }
            }
            _ => (source == from.known_as()).then_some(datagram),
        }
    }

    /// Addresses of the sockets of the generator, in the order of [`Way::Up`].
    #[must_use]
    pub fn own_addresses(&self) -> [SocketAddr; 2] {
        [self.ends[0].address, self.ends[1].address]
    }

    /// The relayed transport addresses.
    pub fn relayed(&self) -> impl Iterator<Item = SocketAddr> {
        self.ends.iter().filter_map(|end| end.relayed)
    }
}

/// The address from which this host reaches `remote`. Nothing is sent.
pub(crate) fn local_ip(remote: SocketAddr) -> io::Result<IpAddr> {
    let any: IpAddr = if remote.is_ipv4() { [0, 0, 0, 0].into() } else { [0u16; 8].into() };
    let socket = UdpSocket::bind(SocketAddr::new(any, 0))?;
    socket.connect(remote)?;
    Ok(socket.local_addr()?.ip())
}
