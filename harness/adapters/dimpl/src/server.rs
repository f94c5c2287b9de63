//! The DTLS server: an association for each peer, within a bound.

use crate::association::{Association, Factory, State, error};
use bytes::Bytes;
use iut::{ApiEvent, Cause, Command, Endpoint, Input, NodeConfig, Ns, Output, WakeLimit};
use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};

pub(crate) struct Server {
    factory: Factory,
    addresses: Vec<IpAddr>,
    port: u16,
    listening: bool,
    /// In the order in which they became known; one that completes its handshake moves to the end.
    associations: Vec<Association>,
    outputs: VecDeque<Output>,
    now: Ns,
    wake: WakeLimit,
}

/// Associations that a server keeps. Beyond it the oldest one without a completed handshake makes room.
const MAX_ASSOCIATIONS: usize = 32;

impl Server {
    pub(crate) fn new(config: &NodeConfig, factory: Factory) -> Self {
        Self {
            factory,
            addresses: config.addresses.clone(),
            port: config.port,
            listening: false,
            associations: Vec::new(),
            outputs: VecDeque::new(),
            now: 0,
            wake: WakeLimit::default(),
        }
    }

    fn command(&mut self, command: Command) {
        match command {
            Command::Start => self.listening = true,
            Command::SendData { channel, data } if channel.is_empty() => self.send(data),
            Command::Close => self.close(),
            other => self.outputs.push_back(Output::Api(ApiEvent::Unsupported { verb: other.verb().into() })),
        }
    }

    /// Sends on the association whose handshake was completed last; before any was, on the one that began last.
    fn send(&mut self, data: Bytes) {
        match self.associations.last_mut() {
            Some(association) => association.send(self.now, data, &mut self.outputs),
            None => self.outputs.push_back(error("send-data", "there is no association".into())),
        }
        self.tidy();
    }

    fn close(&mut self) {
        if self.associations.is_empty() {
            self.outputs.push_back(error("close", "there is no association".into()));
        }
        for association in &mut self.associations {
            association.close(self.now, &mut self.outputs);
        }
        self.tidy();
    }

    fn datagram(&mut self, local: SocketAddr, remote: SocketAddr, bytes: &Bytes) {
        if !self.listening || local.port() != self.port || !self.addresses.contains(&local.ip()) {
            return;
        }
        let known = self.associations.iter().position(|association| association.is_between(local, remote));
        let Some(index) = known.or_else(|| self.accept(local, remote)) else { return };
        let before = self.associations[index].state();
        self.associations[index].datagram(self.now, bytes, &mut self.outputs);
        if before != State::Connected && self.associations[index].state() == State::Connected {
            let connected = self.associations.remove(index);
            self.associations.push(connected);
        }
        self.tidy();
    }

    /// Makes room for an association with an unknown peer, and makes it. It goes before those with a completed handshake.
    fn accept(&mut self, local: SocketAddr, remote: SocketAddr) -> Option<usize> {
        let connected = |association: &Association| association.state() == State::Connected;
        if self.associations.len() == MAX_ASSOCIATIONS {
            let Some(oldest) = self.associations.iter().position(|association| !connected(association)) else {
                self.outputs.push_back(Output::Api(ApiEvent::Log(format!("no room for {remote}"))));
                return None;
            };
            self.associations.remove(oldest);
        }
        let association = self.factory.associate(self.now, local, remote, false);
        let index = self.associations.iter().position(connected).unwrap_or(self.associations.len());
        self.associations.insert(index, association);
        Some(index)
    }

    fn tidy(&mut self) {
        self.associations.retain(|association| association.state() != State::Over);
    }
}

impl Endpoint for Server {
    fn handle(&mut self, now: Ns, input: Input) {
        self.now = now;
        match input {
            Input::Timeout => {
                self.wake.woken();
                for association in &mut self.associations {
                    if association.deadline().is_some_and(|deadline| deadline <= now) {
                        association.timeout(now, &mut self.outputs);
                    }
                }
                self.tidy();
            }
            Input::Datagram { local, remote, bytes } => self.datagram(local, remote, &bytes),
            Input::Command(command) => self.command(command),
            // dimpl has no interface for ICMP errors or address changes; streams and signalling are not part of these roles.
            _ => {}
        }
    }

    fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    fn poll_timeout(&mut self) -> Option<(Ns, Cause)> {
        let wanted = self.associations.iter().filter_map(Association::deadline).min()?;
        Some((self.wake.deadline(self.now, wanted), "dtls"))
    }
}
