//! `turn-server-proto` behind the smallest loop that gives it sockets and time: a system call for each datagram, like `null-plain`.

use super::REALM;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use relay_bench::client::User;
use relay_bench::io::{BATCH, Inbox, Mode, Port};
use relay_bench::null::relay_ip;
use rustc_hash::FxHashMap;
use std::io;
use std::net::SocketAddr;
use std::time::Instant;
use stun_proto::Instant as Time;
use turn_server_proto::api::{
    DelayedMessageOrChannelSend, SocketAllocateError, TcpConnectError, Transmit, TurnServerApi as _, TurnServerPollRet,
};
use turn_server_proto::server::TurnServer;
use turn_server_proto::types::prelude::DelayedTransmitBuild as _;
use turn_server_proto::types::{AddressFamily, TransportType};

/// Datagrams from one socket before the others have their turn, as in the null relay.
const TURNS: usize = 8 * BATCH;
/// How often the server may want something at once before datagrams have their turn.
const POLLS: usize = 4096;
/// The longest sleep, in ms.
const NAP: u64 = 1000;

/// Serves for ever.
pub(crate) fn serve(listener: Port, user: User) -> anyhow::Result<()> {
    let own = listener.socket.local_addr()?;
    let mut server = TurnServer::new(TransportType::Udp, own, REALM.to_owned());
    server.add_user(user.name, user.password);
    let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
    let mut relay = Relay {
        server,
        own,
        epoll,
        sockets: FxHashMap::default(),
        inbox: Inbox::new(Mode::Plain),
        out: vec![0; 65_536],
        begin: Instant::now(),
    };
    relay.watch(own, listener)?;
    let mut events = [EpollEvent::empty(); 64];
    loop {
        let wait = relay.poll();
        let ready = match relay.epoll.wait(&mut events, wait) {
            Err(nix::Error::EINTR) => 0,
            other => other?,
        };
        for event in &events[..ready] {
            relay.receive(event.data())?;
        }
    }
}

struct Relay {
    server: TurnServer,
    own: SocketAddr,
    epoll: Epoll,
    sockets: FxHashMap<u64, (SocketAddr, Port)>,
    inbox: Inbox,
    out: Vec<u8>,
    begin: Instant,
}

impl Relay {
    fn now(&self) -> Time {
        Time::from_nanos(self.begin.elapsed().as_nanos() as i64)
    }

    fn watch(&mut self, address: SocketAddr, port: Port) -> io::Result<()> {
        self.epoll.add(&port.socket, EpollEvent::new(EpollFlags::EPOLLIN, key(address)))?;
        self.sockets.insert(key(address), (address, port));
        Ok(())
    }

    fn receive(&mut self, socket: u64) -> io::Result<()> {
        for _ in 0..TURNS {
            let Some((local, port)) = self.sockets.get(&socket) else { break };
            port.receive(&mut self.inbox)?;
            if self.inbox.is_empty() {
                break;
            }
            let now = self.now();
            for (source, datagram) in self.inbox.datagrams() {
                let transmit = Transmit::new(datagram, TransportType::Udp, source, *local);
                let Some(reply) = self.server.recv(transmit, now) else { continue };
                let (length, from, to) = (reply.data.len(), reply.from, reply.to);
                match reply.data {
                    // `write_into` of turn-types 0.7.3 makes a Send indication of what should be a Data indication; `build` does not.
                    message @ DelayedMessageOrChannelSend::Message(_) => send(&self.sockets, from, to, &message.build()),
                    other => {
                        other.write_into(&mut self.out[..length]);
                        send(&self.sockets, from, to, &self.out[..length]);
                    }
                }
            }
        }
        Ok(())
    }

    /// Does what the server wants, until it wants to wait.
    fn poll(&mut self) -> EpollTimeout {
        for _ in 0..POLLS {
            let now = self.now();
            let mut sent = false;
            while let Some(transmit) = self.server.poll_transmit(now) {
                send(&self.sockets, transmit.from, transmit.to, &transmit.data);
                sent = true;
            }
            match self.server.poll(now) {
                TurnServerPollRet::WaitUntil(_) if sent => {}
                TurnServerPollRet::WaitUntil(wanted) => {
                    let nanoseconds = u64::try_from(wanted.as_nanos() - now.as_nanos()).unwrap_or(0);
                    return EpollTimeout::from((nanoseconds / 1_000_000 + 1).min(NAP) as u16);
                }
                TurnServerPollRet::AllocateSocket { transport, listen_addr, client_addr, allocation_transport, family } => {
                    let socket = self.allocate(allocation_transport, family);
                    self.server.allocated_socket(transport, listen_addr, client_addr, allocation_transport, family, socket, now);
                }
                TurnServerPollRet::SocketClose { listen_addr, .. } => drop(self.sockets.remove(&key(listen_addr))),
                TurnServerPollRet::TcpConnect { relayed_addr, peer_addr, listen_addr, client_addr } => {
                    let refused = Err(TcpConnectError::Forbidden);
                    self.server.tcp_connected(relayed_addr, peer_addr, listen_addr, client_addr, refused, now);
                }
                TurnServerPollRet::TcpClose { .. } => {}
            }
        }
        EpollTimeout::ZERO
    }

    fn allocate(&mut self, transport: TransportType, family: AddressFamily) -> Result<SocketAddr, SocketAllocateError> {
        let family = if family == AddressFamily::IPV4 { wire::stun::AddressFamily::IPV4 } else { wire::stun::AddressFamily::IPV6 };
        let ip = relay_ip(self.own.ip(), family).filter(|_| transport == TransportType::Udp);
        let port = Port::bind(SocketAddr::new(ip.ok_or(SocketAllocateError::AddressFamilyNotSupported)?, 0), Mode::Plain);
        let opened = port.and_then(|port| {
            let address = port.socket.local_addr()?;
            self.watch(address, port)?;
            Ok(address)
        });
        opened.map_err(|_| SocketAllocateError::InsufficientCapacity)
    }
}

/// Tells our sockets apart: all of a family have one address.
fn key(address: SocketAddr) -> u64 {
    u64::from(address.port()) | u64::from(address.is_ipv6()) << 16
}

/// Like any router, drops what the kernel does not take.
fn send(sockets: &FxHashMap<u64, (SocketAddr, Port)>, from: SocketAddr, to: SocketAddr, datagram: &[u8]) {
    if let Some((_, port)) = sockets.get(&key(from)) {
        let _ = port.socket.send_to(datagram, to);
    }
}
