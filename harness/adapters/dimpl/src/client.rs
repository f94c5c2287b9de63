//! The DTLS client: one association at a time, begun by `connect`.

use crate::association::{Association, Factory, State, error};
use bytes::Bytes;
use iut::{ApiEvent, Cause, Command, Endpoint, Input, NodeConfig, Ns, Output, WakeLimit};
use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};

pub(crate) struct Client {
    factory: Factory,
    addresses: Vec<IpAddr>,
    next_port: u16,
    association: Option<Association>,
    outputs: VecDeque<Output>,
    now: Ns,
    wake: WakeLimit,
}

impl Client {
    pub(crate) fn new(config: &NodeConfig, factory: Factory) -> Self {
        Self {
            factory,
            addresses: config.addresses.clone(),
            next_port: config.port,
            association: None,
            outputs: VecDeque::new(),
            now: 0,
            wake: WakeLimit::default(),
        }
    }

    fn command(&mut self, command: Command) {
        match command {
            Command::Start => {}
            Command::Connect { remote } => self.connect(remote),
            Command::SendData { channel, data } if channel.is_empty() => self.with("send-data", |a, now, out| a.send(now, data, out)),
            Command::Close => self.with("close", Association::close),
            other => self.outputs.push_back(Output::Api(ApiEvent::Unsupported { verb: other.verb().into() })),
        }
    }

    fn connect(&mut self, remote: SocketAddr) {
        if self.association.as_ref().is_some_and(|association| association.state() != State::Over) {
            return self.outputs.push_back(error("connect", "there is an association already".into()));
        }
        let Some(address) = self.addresses.iter().find(|address| address.is_ipv4() == remote.is_ipv4()) else {
            return self.outputs.push_back(error("connect", format!("no local address of the family of {remote}")));
        };
        let local = SocketAddr::new(*address, self.next_port);
        // A new association takes a new port, so that late records of the one before cannot reach it.
        self.next_port = self.next_port.wrapping_add(1).max(1);
        let mut association = self.factory.associate(self.now, local, remote, true);
        association.timeout(self.now, &mut self.outputs);
        self.association = Some(association);
    }

    fn with(&mut self, verb: &str, action: impl FnOnce(&mut Association, Ns, &mut VecDeque<Output>)) {
        match &mut self.association {
            Some(association) if association.state() != State::Over => action(association, self.now, &mut self.outputs),
            _ => self.outputs.push_back(error(verb, "there is no association".into())),
        }
    }

    fn datagram(&mut self, local: SocketAddr, remote: SocketAddr, bytes: &Bytes) {
        // Anything from elsewhere would be dropped by a connected socket.
        if let Some(association) = self.association.as_mut().filter(|association| association.is_between(local, remote)) {
            association.datagram(self.now, bytes, &mut self.outputs);
        }
    }
}

impl Endpoint for Client {
    fn handle(&mut self, now: Ns, input: Input) {
        self.now = now;
        match input {
            Input::Timeout => {
                self.wake.woken();
                if let Some(association) = &mut self.association {
                    association.timeout(now, &mut self.outputs);
                }
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
        let wanted = self.association.as_ref()?.deadline()?;
        Some((self.wake.deadline(self.now, wanted), "dtls"))
    }
}
