//! A STUN server: correct unless the scenario says how its answers are spoilt; with RFC 5780's second address and port, and RFC 3489's attributes for
//! requests that carry no magic cookie.

use crate::conductor::ALTERNATE_PORT_OFFSET;
use crate::scenario::model::{StunAnswer, StunServerActor};
use bytes::Bytes;
use iut::{Cause, Endpoint, Input, NodeConfig, Ns, Output};
use std::collections::VecDeque;
use std::net::SocketAddr;
use wire::stun::build::RawBuilder;
use wire::stun::{Attribute, AttributeType, Class, ErrorCode, Message, Method};

/// An unknown comprehension-required attribute.
const UNKNOWN_REQUIRED: AttributeType = AttributeType(0x7f0f);
/// Answers that may wait to be sent.
const MOST_DELAYED: usize = 1_000;

/// The server.
pub(super) struct StunServer {
    options: StunServerActor,
    config: NodeConfig,
    ignored: u32,
    outputs: VecDeque<Output>,
    delayed: VecDeque<(Ns, Output)>,
}

impl StunServer {
    pub(super) fn new(config: &NodeConfig, options: StunServerActor) -> Self {
        Self { options, config: config.clone(), ignored: 0, outputs: VecDeque::new(), delayed: VecDeque::new() }
    }

    fn request(&mut self, now: Ns, local: SocketAddr, remote: SocketAddr, bytes: &[u8]) {
        let Ok(message) = Message::parse_lenient(bytes) else { return };
        if !message.defects().is_empty() || message.class() != Class::Request || message.method() != Method::BINDING {
            return;
        }
        if self.ignored < self.options.ignore_first {
            self.ignored += 1;
            return;
        }
        for (source, answer) in self.answers(local, remote, &message) {
            let to = match message.response_port() {
                Ok(Some(port)) if self.options.discovery => SocketAddr::new(remote.ip(), port),
                _ => remote,
            };
            let output = Output::Datagram { local: source, remote: to, bytes: Bytes::from(answer) };
            match self.options.delay {
                Some(delay) if self.delayed.len() < MOST_DELAYED => self.delayed.push_back((now + delay.0, output)),
                Some(_) => {}
                None => self.outputs.push_back(output),
            }
        }
    }

    /// The answers with the addresses that they leave from.
    fn answers(&self, local: SocketAddr, remote: SocketAddr, request: &Message<'_>) -> Vec<(SocketAddr, Vec<u8>)> {
        let source = self.source(local, request);
        let correct = || self.success(local, source, remote, request);
        match self.options.answer {
            StunAnswer::Correct => vec![(source, correct().build())],
            StunAnswer::Silent => Vec::new(),
            StunAnswer::Duplicate => vec![(source, correct().build()); 2],
            StunAnswer::OtherPort => vec![(SocketAddr::new(source.ip(), source.port() + 7), correct().build())],
            StunAnswer::WrongFingerprint => vec![(source, correct().wrong_fingerprint(0xFFFF_FFFF).build())],
            StunAnswer::UnknownRequiredAttribute => vec![(source, correct().value(UNKNOWN_REQUIRED, [0; 4]).build())],
            StunAnswer::DuplicateAttribute => {
                let wrong = SocketAddr::new(remote.ip(), remote.port() ^ 1);
                vec![(source, correct().attribute(&Attribute::XorMappedAddress(wrong)).build())]
            }
            StunAnswer::WrongTransactionId => {
                let mut bytes = correct().build();
                if let Some(last) = bytes.get_mut(19) {
                    *last ^= 0xff;
                }
                vec![(source, bytes)]
            }
            StunAnswer::Error400 => vec![(source, self.error(request, 400))],
            StunAnswer::Error500 => vec![(source, self.error(request, 500))],
        }
    }

    fn success(&self, local: SocketAddr, source: SocketAddr, remote: SocketAddr, request: &Message<'_>) -> RawBuilder {
        if !request.has_cookie() {
            // RFC 3489 section 8.1: MAPPED-ADDRESS, SOURCE-ADDRESS and CHANGED-ADDRESS; the 128 bits of the transaction id are echoed.
            let builder = RawBuilder::rfc3489(Class::SuccessResponse, Method::BINDING, request.transaction_id_rfc3489());
            let builder = builder.attribute(&Attribute::MappedAddress(remote)).attribute(&Attribute::SourceAddress(source));
            return match self.other(local) {
                Some(other) => builder.attribute(&Attribute::ChangedAddress(other)),
                None => builder,
            };
        }
        let builder = RawBuilder::new(Class::SuccessResponse, Method::BINDING, request.transaction_id());
        let builder = builder.attribute(&Attribute::XorMappedAddress(remote));
        match self.other(local) {
            Some(other) => builder.attribute(&Attribute::ResponseOrigin(source)).attribute(&Attribute::OtherAddress(other)),
            None => builder,
        }
    }

    fn error(&self, request: &Message<'_>, code: u16) -> Vec<u8> {
        let reason = wire::stun::error_reason(code).unwrap_or_default();
        let error = Attribute::ErrorCode(ErrorCode { code, reason });
        RawBuilder::new(Class::ErrorResponse, Method::BINDING, request.transaction_id()).attribute(&error).build()
    }

    /// Where the answer leaves from: elsewhere where CHANGE-REQUEST asks for it (RFC 5780 section 6.1).
    fn source(&self, local: SocketAddr, request: &Message<'_>) -> SocketAddr {
        let (Some(other), Ok(Some((change_ip, change_port)))) = (self.other(local), request.change_request()) else { return local };
        SocketAddr::new(if change_ip { other.ip() } else { local.ip() }, if change_port { other.port() } else { local.port() })
    }

    /// The other address with the other port, seen from the one that a request came to.
    fn other(&self, local: SocketAddr) -> Option<SocketAddr> {
        if !self.options.discovery {
            return None;
        }
        let address = self.config.addresses.iter().find(|own| own.is_ipv4() == local.is_ipv4() && **own != local.ip())?;
        let alternate = self.config.port + ALTERNATE_PORT_OFFSET;
        let port = if local.port() == self.config.port { alternate } else { self.config.port };
        Some(SocketAddr::new(*address, port))
    }
}

impl Endpoint for StunServer {
    fn handle(&mut self, now: Ns, input: Input) {
        match input {
            Input::Datagram { local, remote, bytes } => self.request(now, local, remote, &bytes),
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
