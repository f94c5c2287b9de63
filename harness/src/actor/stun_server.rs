//! A STUN server: correct unless the scenario says how its answers are spoilt; with RFC 5780's second address and port, and RFC 3489's attributes for
//! requests that carry no magic cookie.
//!
//! Deliberately absent: authentication, TURN, ALTERNATE-SERVER. MESSAGE-INTEGRITY of a request is neither asked for nor looked at.

use crate::conductor::ALTERNATE_PORT_OFFSET;
use crate::scenario::model::{StunAnswer, StunServerActor};
use bytes::Bytes;
use iut::{Cause, Endpoint, Input, NodeConfig, Ns, Output};
use std::collections::VecDeque;
use std::net::SocketAddr;
use wire::Reason;
use wire::stun::build::RawBuilder;
use wire::stun::{Attribute, AttributeType, Class, ErrorCode, Integrity, Message, Method};

/// An unknown comprehension-required attribute.
const UNKNOWN_REQUIRED: AttributeType = AttributeType(0x7f0f);
/// Answers that may wait to be sent; more are lost, as in a host whose queue is full.
const MOST_DELAYED: usize = 1_000;
/// Length of PADDING in bytes: the MTU of the outgoing interface (RFC 5780 section 6.1), taken to be Ethernet's.
const PADDING: usize = 1_500;

/// The server.
pub(super) struct StunServer {
    options: StunServerActor,
    config: NodeConfig,
    ignored: u32,
    outputs: VecDeque<Output>,
    /// All answers wait equally long, so the order of arrival is the order of sending.
    delayed: VecDeque<(Ns, Output)>,
}

/// A datagram of the server: from, to, bytes.
type Sent = (SocketAddr, SocketAddr, Vec<u8>);

impl StunServer {
    pub(super) fn new(config: &NodeConfig, options: StunServerActor) -> Self {
        Self { options, config: config.clone(), ignored: 0, outputs: VecDeque::new(), delayed: VecDeque::new() }
    }

    fn datagram(&mut self, now: Ns, local: SocketAddr, remote: SocketAddr, bytes: &[u8]) {
        let Some(request) = Message::parse_lenient(bytes).ok().filter(|message| self.serves(local) && is_request(message)) else { return };
        if self.ignored < self.options.ignore_first {
            self.ignored += 1;
            return;
        }
        for (local, remote, bytes) in self.answers(local, remote, &request) {
            let output = Output::Datagram { local, remote, bytes: Bytes::from(bytes) };
            match self.options.delay {
                Some(delay) if self.delayed.len() < MOST_DELAYED => self.delayed.push_back((now + delay.0, output)),
                Some(_) => {}
                None => self.outputs.push_back(output),
            }
        }
    }

    /// Whether the server listens here: on its first port, and on the alternate one where it has a second address.
    fn serves(&self, local: SocketAddr) -> bool {
        local.port() == self.config.port || local.port() == self.alternate_port() && self.other(local).is_some()
    }

    fn answers(&self, local: SocketAddr, remote: SocketAddr, request: &Message<'_>) -> Vec<Sent> {
        if self.options.answer == StunAnswer::Silent {
            return Vec::new();
        }
        if let Some(error) = self.refusal(local, request) {
            return vec![(local, remote, error)];
        }
        let source = self.source(local, request);
        let to = self.destination(remote, request);
        let correct = || self.success(local, source, remote, request);
        match self.options.answer {
            StunAnswer::Silent => Vec::new(),
            StunAnswer::Correct => vec![(source, to, correct().build())],
            StunAnswer::Duplicate => vec![(source, to, correct().build()); 2],
            StunAnswer::OtherPort => vec![(SocketAddr::new(source.ip(), source.port().wrapping_add(7)), to, correct().build())],
            StunAnswer::WrongFingerprint => vec![(source, to, correct().wrong_fingerprint(0xFFFF_FFFF).build())],
            StunAnswer::UnknownRequiredAttribute => vec![(source, to, correct().value(UNKNOWN_REQUIRED, [0; 4]).build())],
            StunAnswer::DuplicateAttribute => {
                let wrong = SocketAddr::new(remote.ip(), remote.port() ^ 1);
                vec![(source, to, correct().attribute(&Attribute::XorMappedAddress(wrong)).build())]
            }
            StunAnswer::WrongTransactionId => {
                let mut bytes = correct().build();
                if let Some(last) = bytes.get_mut(19) {
                    *last ^= 0xff;
                }
                vec![(source, to, bytes)]
            }
            StunAnswer::Error400 => vec![(local, remote, error(request, 400).build())],
            StunAnswer::Error500 => vec![(local, remote, error(request, 500).build())],
        }
    }

    /// The error response where the request cannot be carried out. It goes back the way that the request came, whatever the request asks for.
    fn refusal(&self, local: SocketAddr, request: &Message<'_>) -> Option<Vec<u8>> {
        let mut unknown = request.unknown_comprehension_required(|kind| self.understands(local, request, kind));
        if !unknown.is_empty() {
            if !request.has_cookie() && !unknown.len().is_multiple_of(2) {
                // RFC 3489 section 11.2.10: an odd list repeats one of its entries.
                unknown.extend(unknown.last().copied());
            }
            return Some(error(request, 420).attribute(&Attribute::UnknownAttributes(unknown)).build());
        }
        let malformed = request.change_request().is_err() || request.response_port().is_err() || request.response_address().is_err();
        let padded_elsewhere = request.has(AttributeType::PADDING) && request.has(AttributeType::RESPONSE_PORT);
        (malformed || padded_elsewhere).then(|| error(request, 400).build())
    }

    /// The attributes of RFC 8489 that a request may carry, and those of RFC 5780 and RFC 3489 where the server has what they need.
    fn understands(&self, local: SocketAddr, request: &Message<'_>, kind: AttributeType) -> bool {
        use AttributeType as T;
        let basic =
            [T::USERNAME, T::USERHASH, T::REALM, T::NONCE, T::MESSAGE_INTEGRITY, T::MESSAGE_INTEGRITY_SHA256, T::PASSWORD_ALGORITHM];
        match kind {
            T::CHANGE_REQUEST => self.other(local).is_some(),
            T::RESPONSE_PORT | T::PADDING => self.options.discovery && request.has_cookie(),
            T::RESPONSE_ADDRESS => self.options.discovery && !request.has_cookie(),
            _ => basic.contains(&kind),
        }
    }

    fn success(&self, local: SocketAddr, source: SocketAddr, remote: SocketAddr, request: &Message<'_>) -> RawBuilder {
        let mut builder = response(request, Class::SuccessResponse);
        if !request.has_cookie() {
            // RFC 3489 section 8.1.
            builder = builder.attribute(&Attribute::MappedAddress(remote)).attribute(&Attribute::SourceAddress(source));
            if let Some(other) = self.other(local) {
                builder = builder.attribute(&Attribute::ChangedAddress(other));
            }
            return if request.has(AttributeType::RESPONSE_ADDRESS) {
                builder.attribute(&Attribute::ReflectedFrom(remote))
            } else {
                builder
            };
        }
        builder = builder.attribute(&Attribute::XorMappedAddress(remote));
        if self.options.discovery {
            // RFC 5780 section 6.1.
            builder = builder.attribute(&Attribute::MappedAddress(remote)).attribute(&Attribute::ResponseOrigin(source));
        }
        if let Some(other) = self.other(local) {
            builder = builder.attribute(&Attribute::OtherAddress(other));
        }
        if request.has(AttributeType::PADDING) { builder.attribute(&Attribute::Padding(&[0; PADDING])) } else { builder }
    }

    /// Where the answer leaves from: elsewhere where CHANGE-REQUEST asks for it (RFC 5780 section 6.1, RFC 3489 section 8.1).
    fn source(&self, local: SocketAddr, request: &Message<'_>) -> SocketAddr {
        let (Some(other), Ok(Some((change_ip, change_port)))) = (self.other(local), request.change_request()) else { return local };
        SocketAddr::new(if change_ip { other.ip() } else { local.ip() }, if change_port { other.port() } else { local.port() })
    }

    /// Where the answer goes: elsewhere where RESPONSE-PORT (RFC 5780 section 7.5) or RESPONSE-ADDRESS (RFC 3489 section 8.1) asks for it.
    fn destination(&self, remote: SocketAddr, request: &Message<'_>) -> SocketAddr {
        match (request.response_port(), request.response_address()) {
            (Ok(Some(port)), _) => SocketAddr::new(remote.ip(), port),
            (_, Ok(Some(address))) => address,
            _ => remote,
        }
    }

    /// The other address with the other port, seen from the one that a request came to.
    fn other(&self, local: SocketAddr) -> Option<SocketAddr> {
        if !self.options.discovery {
            return None;
        }
        let address = self.config.addresses.iter().find(|own| own.is_ipv4() == local.is_ipv4() && **own != local.ip())?;
        let port = if local.port() == self.config.port { self.alternate_port() } else { self.config.port };
        Some(SocketAddr::new(*address, port))
    }

    fn alternate_port(&self) -> u16 {
        self.config.port.wrapping_add(ALTERNATE_PORT_OFFSET)
    }
}

/// Whether this is a Binding request. Other messages, and bytes that are no STUN message, are none of the server's business (RFC 8489 section 6.3).
fn is_request(message: &Message<'_>) -> bool {
    let framed = message.defects().iter().all(|defect| matches!(defect.reason, Reason::Cookie(_)));
    let whole = matches!(message.verify_fingerprint(), Integrity::Absent | Integrity::Valid);
    framed && whole && message.class() == Class::Request && message.method() == Method::BINDING
}

/// A response; to a request without a cookie it has none either, and echoes all 128 bits of the transaction id.
fn response(request: &Message<'_>, class: Class) -> RawBuilder {
    RawBuilder::rfc3489(class, Method::BINDING, request.transaction_id_rfc3489())
}

fn error(request: &Message<'_>, code: u16) -> RawBuilder {
    let reason = wire::stun::error_reason(code).unwrap_or_default();
    response(request, Class::ErrorResponse).attribute(&Attribute::ErrorCode(ErrorCode { code, reason }))
}

impl Endpoint for StunServer {
    fn handle(&mut self, now: Ns, input: Input) {
        match input {
            Input::Datagram { local, remote, bytes } => self.datagram(now, local, remote, &bytes),
            Input::Timeout => {
                while self.delayed.front().is_some_and(|(at, _)| *at <= now) {
                    self.outputs.extend(self.delayed.pop_front().map(|(_, output)| output));
                }
            }
            _ => {}
        }
    }

    fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    fn poll_timeout(&mut self) -> Option<(Ns, Cause)> {
        self.delayed.front().map(|(at, _)| (*at, "delayed answer"))
    }
}

#[cfg(test)]
mod tests;
