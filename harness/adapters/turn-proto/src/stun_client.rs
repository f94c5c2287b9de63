//! The STUN client: Binding transactions of stun-proto's agent, with its own retransmission schedule.
//!
//! The agent matches responses to requests and retransmits; reading the response is left to the application, and so to this file: the address, the
//! error code, and the rule about unknown comprehension-required attributes (RFC 8489 section 6.3.3).

use crate::{address_towards, at, datagram, error, ns, unsupported};
use bytes::Bytes;
use iut::{ApiEvent, Cause, Command, Endpoint, Input, NodeConfig, Ns, Output, WakeLimit};
use std::collections::VecDeque;
use std::net::SocketAddr;
use stun_proto::agent::{StunAgent, StunAgentPollRet};
use stun_proto::types::TransportType;
use stun_proto::types::attribute::{AttributeType, ErrorCode, XorMappedAddress};
use stun_proto::types::message::{BINDING, Message, MessageClass, MessageWriteVec};
use stun_proto::types::prelude::{Attribute, MessageWrite};

pub(crate) struct StunClient {
    config: NodeConfig,
    /// One for each local address that has been used: all transactions of a family share a socket.
    agents: Vec<StunAgent>,
    outputs: VecDeque<Output>,
    deadline: Option<Ns>,
    now: Ns,
    wake: WakeLimit,
}

impl StunClient {
    pub(crate) fn new(config: &NodeConfig) -> Self {
        Self { config: config.clone(), agents: Vec::new(), outputs: VecDeque::new(), deadline: None, now: 0, wake: WakeLimit::default() }
    }

    fn command(&mut self, command: Command) {
        match command {
            Command::Start => {}
            Command::Bind { server } => self.bind(server),
            other => self.outputs.push_back(unsupported(other.verb())),
        }
    }

    fn bind(&mut self, server: SocketAddr) {
        let Some(address) = address_towards(&self.config.addresses, server) else {
            return self.outputs.push_back(error("bind", format!("no local address of the family of {server}")));
        };
        let local = SocketAddr::new(address, self.config.port);
        let request = Message::builder_request(BINDING, MessageWriteVec::new()).finish();
        let now = at(self.now);
        match self.agent(local).send_request(request, server, now) {
            Ok(transmit) => {
                let output = datagram(transmit.from, transmit.to, transmit.data.to_vec());
                self.outputs.push_back(output);
            }
            Err(reason) => self.outputs.push_back(error("bind", reason)),
        }
    }

    fn agent(&mut self, local: SocketAddr) -> &mut StunAgent {
        let index = self.agents.iter().position(|agent| agent.local_addr() == local).unwrap_or_else(|| {
            self.agents.push(StunAgent::builder(TransportType::Udp, local).build());
            self.agents.len() - 1
        });
        &mut self.agents[index]
    }

    fn datagram(&mut self, local: SocketAddr, remote: SocketAddr, bytes: &[u8]) {
        let Some(agent) = self.agents.iter_mut().find(|agent| agent.local_addr() == local) else { return };
        let Ok(message) = Message::from_bytes(bytes) else { return };
        if message.is_response() && message.has_method(BINDING) && agent.handle_stun_message_with_time(&message, remote, at(self.now)) {
            self.outputs.push_back(match read_response(&message) {
                Ok(mapped) => Output::Api(ApiEvent::MappedAddress(mapped)),
                Err(reason) => error("bind", reason),
            });
        }
    }

    /// Takes what the agents want to send and learns when they want to be asked again.
    fn poll(&mut self) {
        let now = at(self.now);
        self.deadline = None;
        for agent in &mut self.agents {
            let wanted = loop {
                while let Some(transmit) = agent.poll_transmit(now) {
                    let output = datagram(transmit.from, transmit.to, Bytes::copy_from_slice(transmit.data));
                    self.outputs.push_back(output);
                }
                match agent.poll(now) {
                    StunAgentPollRet::WaitUntil(wanted) => break ns(wanted),
                    StunAgentPollRet::TransactionTimedOut(_) => self.outputs.push_back(error("bind", "the transaction timed out")),
                    StunAgentPollRet::TransactionCancelled(_) => self.outputs.push_back(error("bind", "the transaction was cancelled")),
                }
            };
            self.deadline = Some(self.deadline.map_or(wanted, |other| other.min(wanted)));
        }
    }
}

/// The mapped address of a Binding response, or why there is none.
fn read_response(message: &Message<'_>) -> Result<SocketAddr, String> {
    let unknown = |kind: AttributeType| kind.comprehension_required() && !KNOWN.contains(&kind.value());
    if let Some((_, attribute)) = message.iter_attributes().find(|(_, attribute)| unknown(attribute.get_type())) {
        return Err(format!("the response has the unknown comprehension-required attribute {:#06x}", attribute.get_type().value()));
    }
    if message.has_class(MessageClass::Error) {
        let code = message.attribute::<ErrorCode>().map_err(|reason| format!("an error response without a readable code: {reason}"))?;
        return Err(format!("{} {}", code.code(), code.reason()));
    }
    let mapped = message.attribute::<XorMappedAddress>().map_err(|reason| format!("no readable XOR-MAPPED-ADDRESS: {reason}"))?;
    Ok(mapped.addr(message.transaction_id()))
}

/// The comprehension-required attributes that RFC 8489 section 14 defines: MAPPED-ADDRESS, USERNAME, MESSAGE-INTEGRITY, ERROR-CODE, UNKNOWN-ATTRIBUTES,
/// REALM, NONCE, MESSAGE-INTEGRITY-SHA256, PASSWORD-ALGORITHM, USERHASH, XOR-MAPPED-ADDRESS.
const KNOWN: [u16; 11] = [0x0001, 0x0006, 0x0008, 0x0009, 0x000a, 0x0014, 0x0015, 0x001c, 0x001d, 0x001e, 0x0020];

impl Endpoint for StunClient {
    fn handle(&mut self, now: Ns, input: Input) {
        self.now = now;
        match input {
            Input::Timeout => self.wake.woken(),
            Input::Datagram { local, remote, bytes } => self.datagram(local, remote, &bytes),
            Input::Command(command) => self.command(command),
            // The agent has no interface for ICMP errors or address changes; streams and signalling are not part of this role.
            _ => return,
        }
        self.poll();
    }

    fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    fn poll_timeout(&mut self) -> Option<(Ns, Cause)> {
        Some((self.wake.deadline(self.now, self.deadline?), "stun"))
    }
}
