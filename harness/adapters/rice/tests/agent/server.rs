//! A STUN and TURN server for the tests.

use iut::{Cause, Endpoint, Input, Ns, Output};
use std::collections::VecDeque;
use std::net::SocketAddr;
use stun_proto::Instant;
use stun_proto::types::attribute::XorMappedAddress;
use stun_proto::types::message::{BINDING, Message, MessageClass, MessageWriteVec};
use stun_proto::types::prelude::{MessageWrite, MessageWriteExt};
use turn_server_proto::api::{Transmit, TurnServerApi, TurnServerPollRet};
use turn_server_proto::server::TurnServer;
use turn_server_proto::types::TransportType;

pub(crate) const USER: &str = "user";
pub(crate) const PASSWORD: &str = "secret";

pub(crate) struct Server {
    turn: TurnServer,
    listen: SocketAddr,
    next_port: u16,
    outputs: VecDeque<Output>,
}

impl Server {
    pub(crate) fn new(listen: SocketAddr) -> Self {
        let mut turn = TurnServer::new(TransportType::Udp, listen, "example.org".into());
        turn.add_user(USER.into(), PASSWORD.into());
        Self { turn, listen, next_port: 49152, outputs: VecDeque::new() }
    }

    fn send(&mut self, from: SocketAddr, to: SocketAddr, bytes: Vec<u8>) {
        self.outputs.push_back(Output::Datagram { local: from, remote: to, bytes: bytes.into() });
    }

    fn poll(&mut self, now: Instant) {
        loop {
            while let Some(transmit) = self.turn.poll_transmit(now) {
                self.send(transmit.from, transmit.to, transmit.data);
            }
            match self.turn.poll(now) {
                TurnServerPollRet::AllocateSocket { transport, listen_addr, client_addr, allocation_transport, family } => {
                    let relayed = SocketAddr::new(self.listen.ip(), self.next_port);
                    self.next_port += 1;
                    self.turn.allocated_socket(transport, listen_addr, client_addr, allocation_transport, family, Ok(relayed), now);
                }
                TurnServerPollRet::WaitUntil(_) => match self.turn.poll_transmit(now) {
                    Some(transmit) => self.send(transmit.from, transmit.to, transmit.data),
                    None => return,
                },
                _ => {}
            }
        }
    }
}

/// A Binding success response, which turn-server-proto would send to itself.
fn binding_response(message: &Message<'_>, mapped: SocketAddr) -> Vec<u8> {
    let mut response = Message::builder_success(message, MessageWriteVec::new());
    response.add_attribute(&XorMappedAddress::new(mapped, message.transaction_id())).expect("an empty message has room");
    response.finish()
}

impl Endpoint for Server {
    fn handle(&mut self, now: Ns, input: Input) {
        let now = Instant::from_nanos(now as i64);
        let Input::Datagram { local, remote, bytes } = input else { return };
        let binding =
            Message::from_bytes(&bytes).ok().filter(|message| message.has_class(MessageClass::Request) && message.has_method(BINDING));
        match binding {
            Some(message) if local == self.listen => self.send(local, remote, binding_response(&message, remote)),
            _ => {
                let transmit = Transmit::new(bytes.to_vec(), TransportType::Udp, remote, local);
                if let Some(reply) = self.turn.recv(transmit, now) {
                    let reply = reply.build();
                    self.send(reply.from, reply.to, reply.data);
                }
            }
        }
        self.poll(now);
    }

    fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    fn poll_timeout(&mut self) -> Option<(Ns, Cause)> {
        None
    }
}
