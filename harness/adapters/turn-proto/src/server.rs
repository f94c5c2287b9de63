//! The TURN server, which is a STUN server too: one `TurnServer` for each address of the node, and the relayed addresses that they share.

use crate::relay_ports::{Refusal, RelayPorts};
use crate::{at, datagram, error, icmp, ns, unsupported};
use bytes::Bytes;
use iut::{BuildError, Cause, Command, Endpoint, IcmpError, Input, NodeConfig, Ns, Output, WakeLimit};
use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use turn_server_proto::api::{SocketAllocateError, TcpConnectError, Transmit, TurnServerApi, TurnServerPollRet};
use turn_server_proto::server::TurnServer;
use turn_server_proto::types::prelude::DelayedTransmitBuild;
use turn_server_proto::types::{AddressFamily, TransportType};

pub(crate) struct Server {
    listeners: Vec<TurnServer>,
    /// Which listener's clients own a relayed transport address.
    relays: BTreeMap<SocketAddr, usize>,
    ports: RelayPorts,
    running: bool,
    outputs: VecDeque<Output>,
    deadline: Option<Ns>,
    now: Ns,
    wake: WakeLimit,
}

/// How often one input may make the crate want something at once; beyond it the driver's next wake-up continues.
const POLLS: usize = 4096;
/// RFC 8489 section 14.9.
const MAX_REALM: usize = 763;
/// RFC 8489 section 14.3.
const MAX_USERNAME: usize = 508;

impl Server {
    pub(crate) fn new(config: &NodeConfig) -> Result<Self, BuildError> {
        if config.realm.len() > MAX_REALM || config.users.iter().any(|user| user.username.len() > MAX_USERNAME) {
            return Err(BuildError::Failed(format!("a realm is at most {MAX_REALM} bytes long, a user name {MAX_USERNAME}")));
        }
        let listener = |address| {
            let mut server = TurnServer::new(TransportType::Udp, SocketAddr::new(address, config.port), config.realm.clone());
            for user in &config.users {
                server.add_user(user.username.clone(), user.password.clone());
            }
            server
        };
        let relay_addresses = if config.relay_addresses.is_empty() { &config.addresses } else { &config.relay_addresses };
        Ok(Self {
            listeners: config.addresses.iter().copied().map(listener).collect(),
            relays: BTreeMap::new(),
            ports: RelayPorts::new(relay_addresses.clone()),
            running: false,
            outputs: VecDeque::new(),
            deadline: None,
            now: 0,
            wake: WakeLimit::default(),
        })
    }

    fn command(&mut self, command: &Command) {
        match command {
            Command::Start => self.running = true,
            other => self.outputs.push_back(unsupported(other.verb())),
        }
    }

    fn datagram(&mut self, local: SocketAddr, remote: SocketAddr, bytes: &Bytes) {
        let listening = self.listeners.iter().position(|listener| listener.listen_address() == local);
        let Some(index) = listening.or_else(|| self.relays.get(&local).copied()) else { return };
        let transmit = Transmit::new(bytes.as_ref(), TransportType::Udp, remote, local);
        if let Some(reply) = self.listeners[index].recv(transmit, at(self.now)) {
            self.outputs.push_back(datagram(reply.from, reply.to, reply.data.build()));
        }
    }

    fn icmp(&mut self, icmp_error: &IcmpError) {
        // Errors about datagrams to clients are for nobody: the crate takes those about datagrams to peers (RFC 8656 section 11.5).
        let Some(index) = self.relays.get(&icmp_error.local).copied() else { return };
        let Some(bytes) = icmp::encode(icmp_error) else { return };
        let family = if icmp_error.local.is_ipv4() { AddressFamily::IPV4 } else { AddressFamily::IPV6 };
        if let Some(reply) = self.listeners[index].recv_icmp(family, bytes, at(self.now)) {
            self.outputs.push_back(datagram(reply.from, reply.to, reply.data));
        }
    }

    fn poll(&mut self) {
        let wanted = (0..self.listeners.len()).map(|index| self.poll_listener(index)).min();
        self.deadline = wanted;
    }

    /// Does what a listener wants, until it wants to wait.
    fn poll_listener(&mut self, index: usize) -> Ns {
        let now = at(self.now);
        for _ in 0..POLLS {
            let before = self.outputs.len();
            while let Some(transmit) = self.listeners[index].poll_transmit(now) {
                self.outputs.push_back(datagram(transmit.from, transmit.to, transmit.data));
            }
            match self.listeners[index].poll(now) {
                TurnServerPollRet::WaitUntil(wanted) if self.outputs.len() == before => return ns(wanted),
                TurnServerPollRet::WaitUntil(_) => {}
                TurnServerPollRet::AllocateSocket { transport, listen_addr, client_addr, allocation_transport, family } => {
                    let socket = self.allocate(index, family);
                    self.listeners[index].allocated_socket(transport, listen_addr, client_addr, allocation_transport, family, socket, now);
                }
                TurnServerPollRet::SocketClose { listen_addr, .. } => {
                    self.relays.remove(&listen_addr);
                    self.ports.release(listen_addr);
                }
                TurnServerPollRet::TcpConnect { relayed_addr, peer_addr, listen_addr, client_addr } => {
                    let refused = Err(TcpConnectError::Forbidden);
                    self.listeners[index].tcp_connected(relayed_addr, peer_addr, listen_addr, client_addr, refused, now);
                }
                TurnServerPollRet::TcpClose { local_addr, remote_addr } => {
                    self.outputs.push_back(error("relay", format!("no TCP connection between {local_addr} and {remote_addr}")));
                }
            }
        }
        self.now
    }

    fn allocate(&mut self, index: usize, family: AddressFamily) -> Result<SocketAddr, SocketAllocateError> {
        let relayed = self.ports.take(family == AddressFamily::IPV4).map_err(|refusal| match refusal {
            Refusal::Family => SocketAllocateError::AddressFamilyNotSupported,
            Refusal::Exhausted => SocketAllocateError::InsufficientCapacity,
        })?;
        self.relays.insert(relayed, index);
        Ok(relayed)
    }
}

impl Endpoint for Server {
    fn handle(&mut self, now: Ns, input: Input) {
        self.now = now;
        match input {
            Input::Timeout => self.wake.woken(),
            Input::Command(command) => self.command(&command),
            Input::Datagram { local, remote, bytes } if self.running => self.datagram(local, remote, &bytes),
            Input::IcmpError(icmp_error) if self.running => self.icmp(&icmp_error),
            // The crate listens on fixed addresses; streams and signalling are not part of these roles.
            _ => return,
        }
        self.poll();
    }

    fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    fn poll_timeout(&mut self) -> Option<(Ns, Cause)> {
        Some((self.wake.deadline(self.now, self.deadline?), "turn"))
    }
}
