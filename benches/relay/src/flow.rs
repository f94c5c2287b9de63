//! One flow: a client's socket, a peer's socket, and the way between them.

use crate::client::{Client, RequestError, User};
use crate::io::{Mode, Port};
use crate::null::{channel_data, channel_header};
use crate::payload::Way;
use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};

/// Where the load goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// From socket to socket without a relay: what the generator and the kernel can do at most.
    Direct(IpAddr),
    /// Through a TURN server.
    Server {
        /// Its address.
        address: SocketAddr,
        /// Credentials, if it asks for them.
        user: Option<User>,
        /// Where the peers live.
        peers: IpAddr,
    },
}

/// The only channel of a flow, the first of RFC 8656 section 12.
const CHANNEL: u16 = 0x4000;

/// A flow that is ready to carry load.
#[derive(Debug)]
pub struct Flow {
    client: Port,
    peer: Port,
    client_address: SocketAddr,
    peer_address: SocketAddr,
    relay: Option<Relay>,
}

#[derive(Debug)]
struct Relay {
    server: SocketAddr,
    relayed: SocketAddr,
    user: Option<User>,
}

impl Flow {
    /// Opens sockets, and an allocation with a channel where there is a server. Each flow has source ports of its own.
    ///
    /// # Errors
    /// When there is no socket to be had, or a request does not succeed.
    pub fn open(target: &Target, mode: Mode) -> Result<Self, RequestError> {
        let (client_ip, peer_ip) = match target {
            Target::Direct(ip) => (*ip, *ip),
            Target::Server { address, peers, .. } => (local_ip(*address)?, *peers),
        };
        let client = Port::bind(SocketAddr::new(client_ip, 0), mode)?;
        let peer = Port::bind(SocketAddr::new(peer_ip, 0), mode)?;
        let (client_address, peer_address) = (client.socket.local_addr()?, peer.socket.local_addr()?);
        let mut flow = Self { client, peer, client_address, peer_address, relay: None };
        if let Target::Server { address, user, .. } = target {
            let relayed = flow.blocking(*address, user.clone(), |client| {
                let relayed = client.allocate()?;
                client.bind_channel(CHANNEL, peer_address)?;
                Ok(relayed)
            })?;
            flow.relay = Some(Relay { server: *address, relayed, user: user.clone() });
        }
        Ok(flow)
    }

    /// Binds the channel again, so that binding and permission outlive the next trial.
    ///
    /// # Errors
    /// When the server does not do it.
    pub fn keep(&self) -> Result<(), RequestError> {
        let Some(relay) = &self.relay else { return Ok(()) };
        self.blocking(relay.server, relay.user.clone(), |client| client.bind_channel(CHANNEL, self.peer_address))
    }

    /// Ends the allocation.
    ///
    /// # Errors
    /// When the server does not do it.
    pub fn close(self) -> Result<(), RequestError> {
        let Some(relay) = &self.relay else { return Ok(()) };
        self.blocking(relay.server, relay.user.clone(), |client| client.release())
    }

    fn blocking<T>(
        &self,
        server: SocketAddr,
        user: Option<User>,
        exchange: impl FnOnce(&mut Client<'_>) -> Result<T, RequestError>,
    ) -> Result<T, RequestError> {
        let socket = &self.client.socket;
        socket.set_nonblocking(false)?;
        let outcome = exchange(&mut Client::new(socket, server, user));
        socket.set_nonblocking(true)?;
        outcome
    }

    /// The socket that datagrams of this direction leave by.
    #[must_use]
    pub fn sender(&self, way: Way) -> &Port {
        if way == Way::Up { &self.client } else { &self.peer }
    }

    /// The socket that datagrams of this direction arrive at.
    #[must_use]
    pub fn receiver(&self, way: Way) -> &Port {
        if way == Way::Up { &self.peer } else { &self.client }
    }

    /// Where datagrams of this direction are sent to.
    #[must_use]
    pub fn destination(&self, way: Way) -> SocketAddr {
        match (&self.relay, way) {
            (None, Way::Up) => self.peer_address,
            (None, Way::Down) => self.client_address,
            (Some(relay), Way::Up) => relay.server,
            (Some(relay), Way::Down) => relay.relayed,
        }
    }

    /// What precedes a payload of `length` bytes on the way to the relay: the ChannelData header, or nothing.
    #[must_use]
    pub fn head(&self, way: Way, length: usize) -> Option<[u8; 4]> {
        (self.relay.is_some() && way == Way::Up).then(|| channel_header(CHANNEL, length))
    }

    /// The payload of a datagram that arrived from `source`; `None` if it is not part of the flow.
    #[must_use]
    pub fn payload<'d>(&self, way: Way, source: SocketAddr, datagram: &'d [u8]) -> Option<&'d [u8]> {
        match (&self.relay, way) {
            (None, Way::Up) => (source == self.client_address).then_some(datagram),
            (None, Way::Down) => (source == self.peer_address).then_some(datagram),
            (Some(relay), Way::Up) => (source == relay.relayed).then_some(datagram),
            (Some(relay), Way::Down) => {
                let (channel, payload) = channel_data(datagram).filter(|_| source == relay.server)?;
                (channel == CHANNEL).then_some(payload)
            }
        }
    }

    /// Addresses of the sockets of the generator: client and peer.
    #[must_use]
    pub fn own_addresses(&self) -> [SocketAddr; 2] {
        [self.client_address, self.peer_address]
    }

    /// The relayed transport address.
    #[must_use]
    pub fn relayed(&self) -> Option<SocketAddr> {
        self.relay.as_ref().map(|relay| relay.relayed)
    }
}

/// The address from which this host reaches `remote`. Nothing is sent.
fn local_ip(remote: SocketAddr) -> io::Result<IpAddr> {
    let any: IpAddr = if remote.is_ipv4() { [0, 0, 0, 0].into() } else { [0u16; 8].into() };
    let socket = UdpSocket::bind(SocketAddr::new(any, 0))?;
    socket.connect(remote)?;
    Ok(socket.local_addr()?.ip())
}
