//! The TURN client: one `TurnClientUdp` at a time, from `allocate` until its allocation is gone.

use crate::{address_towards, at, datagram, error, ns, unsupported};
use bytes::Bytes;
use iut::{ApiEvent, Cause, Command, ConnectionState, Endpoint, Input, NodeConfig, Ns, Output, WakeLimit};
use std::collections::{BTreeMap, VecDeque};
use std::net::{IpAddr, SocketAddr};
use turn_client_proto::api::{DelayedMessageOrChannelSend, Transmit, TransmitBuild, TurnConfig, TurnEvent, TurnPollRet, TurnRecvRet};
use turn_client_proto::prelude::TurnClientApi;
use turn_client_proto::types::{AddressFamily, TransportType, TurnCredentials};
use turn_client_proto::udp::TurnClientUdp;

pub(crate) struct TurnClient {
    config: NodeConfig,
    next_port: u16,
    session: Option<Session>,
    outputs: VecDeque<Output>,
    deadline: Option<Ns>,
    now: Ns,
    wake: WakeLimit,
}

/// A client of the crate, and what has been said about it.
struct Session {
    client: TurnClientUdp,
    /// The peers that permissions were asked for, as the scenario wrote them: the crate reports addresses without ports.
    peers: BTreeMap<IpAddr, SocketAddr>,
    allocated: bool,
    failed: bool,
    deleting: bool,
}

/// How often one input may make the crate want something at once; beyond it the driver's next wake-up continues.
const POLLS: usize = 256;

impl TurnClient {
    pub(crate) fn new(config: &NodeConfig) -> Self {
        Self {
            config: config.clone(),
            next_port: config.port,
            session: None,
            outputs: VecDeque::new(),
            deadline: None,
            now: 0,
            wake: WakeLimit::default(),
        }
    }

    fn command(&mut self, command: Command) {
        let verb = command.verb().to_string();
        match command {
            Command::Start => {}
            Command::Allocate { server } => self.allocate(server),
            Command::CreatePermission { peers } => self.with(&verb, |session, now, out| session.create_permissions(&peers, now, out)),
            Command::BindChannel { peer } => self.with(&verb, |session, now, out| session.bind_channel(peer, now, out)),
            Command::SendToPeer { peer, data } => self.with(&verb, |session, now, out| session.send_to_peer(peer, &data, now, out)),
            // The crate refreshes on its own and offers an application nothing but to delete.
            Command::Refresh { lifetime: 0 } | Command::Close => self.with(&verb, |session, now, out| session.delete(&verb, now, out)),
            _ => self.outputs.push_back(unsupported(&verb)),
        }
    }

    fn with(&mut self, verb: &str, action: impl FnOnce(&mut Session, Ns, &mut VecDeque<Output>)) {
        match &mut self.session {
            Some(session) => action(session, self.now, &mut self.outputs),
            None => self.outputs.push_back(error(verb, "there is no allocation")),
        }
    }

    fn allocate(&mut self, server: SocketAddr) {
        match self.begin(server) {
            Ok(session) => self.session = Some(session),
            Err(reason) => self.outputs.push_back(error("allocate", reason)),
        }
    }

    fn begin(&mut self, server: SocketAddr) -> Result<Session, String> {
        if self.session.is_some() {
            return Err("there is an allocation already".into());
        }
        let address =
            address_towards(&self.config.addresses, server).ok_or_else(|| format!("no local address of the family of {server}"))?;
        let url = self.config.servers.iter().find(|url| url.address == server);
        let credential = url.and_then(|url| url.credential.as_ref()).ok_or_else(|| format!("no credential for {server}"))?;
        let mut config = TurnConfig::new(TurnCredentials::new(&credential.username, &credential.password));
        // A node asks for relayed addresses of the families that it has itself, so a dual-stack node for both (RFC 8656 section 7.1).
        match (self.config.addresses.iter().any(IpAddr::is_ipv4), self.config.addresses.iter().any(IpAddr::is_ipv6)) {
            (true, true) => config.add_address_family(AddressFamily::IPV6),
            (false, true) => config.set_address_family(AddressFamily::IPV6),
            _ => {}
        }
        let local = SocketAddr::new(address, self.next_port);
        // A new allocation takes a new port, so that the server cannot take it for the one before.
        self.next_port = self.next_port.wrapping_add(1).max(1);
        let client = TurnClientUdp::allocate(local, server, config);
        Ok(Session { client, peers: BTreeMap::new(), allocated: false, failed: false, deleting: false })
    }

    fn poll(&mut self) {
        self.deadline = None;
        let Some(session) = &mut self.session else { return };
        match session.poll(self.now, &mut self.outputs) {
            Some(wanted) => self.deadline = Some(wanted),
            None => self.session = None,
        }
    }
}

impl Session {
    fn create_permissions(&mut self, peers: &[SocketAddr], now: Ns, outputs: &mut VecDeque<Output>) {
        let mut asked = Vec::new();
        for peer in peers {
            if asked.contains(&peer.ip()) {
                continue;
            }
            asked.push(peer.ip());
            self.peers.insert(peer.ip(), *peer);
            if let Err(reason) = self.client.create_permission(TransportType::Udp, peer.ip(), at(now)) {
                outputs.push_back(error("create-permission", format!("{}: {reason}", peer.ip())));
            }
        }
    }

    fn bind_channel(&mut self, peer: SocketAddr, now: Ns, outputs: &mut VecDeque<Output>) {
        self.peers.entry(peer.ip()).or_insert(peer);
        if let Err(reason) = self.client.bind_channel(TransportType::Udp, peer, at(now)) {
            outputs.push_back(error("bind-channel", format!("{peer}: {reason}")));
        }
    }

    fn send_to_peer(&mut self, peer: SocketAddr, data: &Bytes, now: Ns, outputs: &mut VecDeque<Output>) {
        if data.len() > MAX_DATA {
            return outputs.push_back(error("send-to-peer", format!("{} bytes do not fit into a datagram", data.len())));
        }
        let sent: Result<Option<TransmitBuild<DelayedMessageOrChannelSend<&[u8]>>>, _> =
            self.client.send_to(TransportType::Udp, peer, data.as_ref(), at(now));
        match sent {
            Ok(Some(transmit)) => {
                let transmit = transmit.build();
                outputs.push_back(datagram(transmit.from, transmit.to, transmit.data));
            }
            Ok(None) => {}
            Err(reason) => outputs.push_back(error("send-to-peer", format!("{peer}: {reason}"))),
        }
    }

    fn delete(&mut self, verb: &str, now: Ns, outputs: &mut VecDeque<Output>) {
        match self.client.delete(at(now)) {
            Ok(()) => self.deleting = true,
            Err(reason) => outputs.push_back(error(verb, reason)),
        }
    }

    fn datagram(&mut self, now: Ns, local: SocketAddr, remote: SocketAddr, bytes: Bytes, outputs: &mut VecDeque<Output>) {
        let transmit = Transmit::new(bytes.as_ref(), TransportType::Udp, remote, local);
        match self.client.recv(transmit, at(now)) {
            TurnRecvRet::PeerData(data) => {
                let event = ApiEvent::PeerData { peer: data.peer, bytes: Bytes::copy_from_slice(data.data()) };
                outputs.push_back(Output::Api(event));
            }
            TurnRecvRet::PeerIcmp { peer, icmp_type, icmp_code, .. } => {
                outputs.push_back(error("send-to-peer", format!("ICMP type {icmp_type} code {icmp_code} about {peer}")));
            }
            TurnRecvRet::Handled | TurnRecvRet::Ignored(_) => {}
        }
    }

    /// Takes what the crate wants to send and say, and when it wants to be asked again; `None` once it is closed.
    fn poll(&mut self, now: Ns, outputs: &mut VecDeque<Output>) -> Option<Ns> {
        for _ in 0..POLLS {
            let before = outputs.len();
            while let Some(transmit) = self.client.poll_transmit(at(now)) {
                outputs.push_back(datagram(transmit.from, transmit.to, transmit.data.to_vec()));
            }
            self.report(outputs);
            // Asked twice: the poll that notices the time-out of the authenticated request says "wait" for hours, and only the next one says "closed".
            self.client.poll(at(now));
            match self.client.poll(at(now)) {
                TurnPollRet::WaitUntil(wanted) if outputs.len() == before => return Some(ns(wanted)),
                TurnPollRet::Closed => {
                    self.report(outputs);
                    self.report_closed(outputs);
                    return None;
                }
                // Something was said: ask again. The other variants are about TCP allocations, which are never asked for.
                _ => {}
            }
        }
        Some(now)
    }

    fn report(&mut self, outputs: &mut VecDeque<Output>) {
        while let Some(event) = self.client.poll_event() {
            outputs.push_back(self.translate(event));
        }
    }

    fn translate(&mut self, event: TurnEvent) -> Output {
        match event {
            TurnEvent::AllocationCreated(_, relayed) => {
                self.allocated = true;
                Output::Api(ApiEvent::Allocated { relayed, mapped: None, lifetime: None })
            }
            TurnEvent::AllocationCreateFailed(family) => {
                self.failed = true;
                error("allocate", format!("no allocation for {family}"))
            }
            TurnEvent::PermissionCreated(_, address) => {
                let peer = self.peers.get(&address).copied().unwrap_or(SocketAddr::new(address, 0));
                Output::Api(ApiEvent::PermissionCreated { peer })
            }
            TurnEvent::PermissionCreateFailed(_, address) => error("create-permission", format!("no permission for {address}")),
            TurnEvent::ChannelCreated(_, peer) => Output::Api(ApiEvent::ChannelBound { peer, number: None }),
            TurnEvent::ChannelCreateFailed(_, peer) => error("bind-channel", format!("no channel for {peer}")),
            TurnEvent::TcpConnected(peer) | TurnEvent::TcpConnectFailed(peer) => {
                Output::Api(ApiEvent::Log(format!("an event about TCP and {peer}, which was not asked for")))
            }
        }
    }

    /// The crate has no event for the end of an allocation: its state says it, once.
    fn report_closed(&self, outputs: &mut VecDeque<Output>) {
        if self.deleting {
            outputs.push_back(Output::Api(ApiEvent::Connection(ConnectionState::Closed)));
        } else if self.allocated {
            outputs.push_back(error("refresh", "the allocation is gone"));
        } else if !self.failed {
            outputs.push_back(error("allocate", "the client closed without an allocation"));
        }
    }
}

/// What a Send indication in one UDP datagram has room for: 65,507 bytes less its header and two attributes.
const MAX_DATA: usize = 65_507 - 20 - 24 - 8;

impl Endpoint for TurnClient {
    fn handle(&mut self, now: Ns, input: Input) {
        self.now = now;
        match input {
            Input::Timeout => self.wake.woken(),
            Input::Datagram { local, remote, bytes } => {
                if let Some(session) = &mut self.session {
                    session.datagram(now, local, remote, bytes, &mut self.outputs);
                }
            }
            Input::Command(command) => self.command(command),
            // The crate has no interface for ICMP errors or address changes; streams and signalling are not part of this role.
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
