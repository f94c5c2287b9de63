//! One flow: two ends that send datagrams to each other, and the way between them.
//!
//! An end with an allocation is a TURN client, one without is a plain UDP host. So a flow without allocations is the direct way, one with an allocation is a
//! client and its peer (one hop), and one with two is client to client (two hops on most servers).

use crate::channel::{channel_data, channel_header};
use crate::client::{Client, RequestError, User};
use crate::io::{Mode, Port};
use crate::payload::Way;
use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};

/// A TURN server and how to use it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    /// Its transport address.
    pub address: SocketAddr,
    /// Credentials, if it asks for them.
    pub user: Option<User>,
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
}

impl End {
    fn bind(ip: IpAddr, mode: Mode) -> io::Result<Self> {
        let port = Port::bind(SocketAddr::new(ip, 0), mode)?;
        let address = port.socket.local_addr()?;
        Ok(Self { port, address, relayed: None })
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
    /// Opens sockets, and allocations with a channel where there is a server. Each end has a source port of its own.
    ///
    /// # Errors
    /// When there is no socket to be had, or a request does not succeed.
    pub fn open(target: &Target, mode: Mode) -> Result<Self, RequestError> {
        let ip = match target {
            Target::Direct(ip) => *ip,
            Target::Peer(server) | Target::Client(server) => local_ip(server.address)?,
        };
        let mut ends = [End::bind(ip, mode)?, End::bind(ip, mode)?];
        if let Some(server) = target.server() {
            let clients = if matches!(target, Target::Client(_)) { 2 } else { 1 };
            for end in &mut ends[..clients] {
                end.relayed = Some(end.exchange(server, |client| client.allocate())?);
            }
        }
        let flow = Self { server: target.server().cloned(), ends };
        flow.keep()?;
        Ok(flow)
    }

    /// Binds the channels (again), so that binding and permission outlive the next trial.
    ///
    /// # Errors
    /// When the server does not do it.
    pub fn keep(&self) -> Result<(), RequestError> {
        self.at_each_client(|client, other| client.bind_channel(CHANNEL, other.known_as()))
    }

    /// Ends the allocations.
    ///
    /// # Errors
    /// When the server does not do it.
    pub fn close(self) -> Result<(), RequestError> {
        self.at_each_client(|client, _| client.release())
    }

    fn at_each_client(&self, request: impl Fn(&mut Client<'_>, &End) -> Result<(), RequestError>) -> Result<(), RequestError> {
        let Some(server) = &self.server else { return Ok(()) };
        for (end, other) in [(&self.ends[0], &self.ends[1]), (&self.ends[1], &self.ends[0])] {
            if end.relayed.is_some() {
                end.exchange(server, |client| request(client, other))?;
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

    /// What precedes a payload of `length` bytes on the way to the relay: the ChannelData header, or nothing.
    #[must_use]
    pub fn head(&self, way: Way, length: usize) -> Option<[u8; 4]> {
        self.ends(way).0.relayed.map(|_| channel_header(CHANNEL, length))
    }

    /// The payload of a datagram that arrived from `source`; `None` if it is not part of the flow.
    #[must_use]
    pub fn payload<'d>(&self, way: Way, source: SocketAddr, datagram: &'d [u8]) -> Option<&'d [u8]> {
        let (from, to) = self.ends(way);
        match &self.server {
            Some(server) if to.relayed.is_some() => {
                let (channel, payload) = channel_data(datagram).filter(|_| source == server.address)?;
                (channel == CHANNEL).then_some(payload)
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
