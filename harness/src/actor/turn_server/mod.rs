//! A TURN server over UDP (RFC 8656) that answers Binding requests too (RFC 8489): correct by default, and wrong in exactly the ways that it is told.
//!
//! It is what the checks of TURN servers are tried on: every [`TurnFault`](F) must be caught, and no [`TurnVariation`](V) may be. It draws its random numbers
//! from the seed of its node and knows no clock but the driver's, so a case with it repeats bit for bit.
//!
//! Deliberately absent: TCP and TLS, RFC 6062, mobility, third-party authorization, ALTERNATE-SERVER, and the DF bit, which a simulated datagram does not
//! have; so DONT-FRAGMENT is an unknown attribute here, as RFC 8656 section 7.2 asks for.

mod allocation;
mod authentication;
mod ports;
mod relay;
mod reply;
mod requests;

use crate::scenario::turn_server::{TurnFault as F, TurnRefusal, TurnServerActor, TurnVariation as V};
use allocation::{Allocations, FiveTuple};
use authentication::Nonces;
use bytes::Bytes;
use iut::{Cause, Endpoint, Input, NodeConfig, Ns, Output};
use nat_sim::Stream;
use ports::Ports;
use reply::Refusal;
use std::collections::VecDeque;
use std::net::SocketAddr;
use wire::Reason;
use wire::stun::{AttributeType as T, Class, Integrity, Message, Method};

/// The server.
pub(super) struct TurnServer {
    options: TurnServerActor,
    config: NodeConfig,
    rng: Stream,
    nonces: Nonces,
    allocations: Allocations,
    ports: Ports,
    outputs: VecDeque<Output>,
}

impl TurnServer {
    pub(super) fn new(config: &NodeConfig, options: TurnServerActor) -> Self {
        let relay = if config.relay_addresses.is_empty() { &config.addresses } else { &config.relay_addresses };
        Self {
            rng: Stream::new(config.seed, "turn-server"),
            nonces: Nonces::default(),
            allocations: Allocations::default(),
            ports: Ports::new(relay.clone()),
            outputs: VecDeque::new(),
            config: config.clone(),
            options,
        }
    }

    /// Whether the server was told to do this wrong.
    fn wrong(&self, fault: F) -> bool {
        self.options.faults.contains(&fault)
    }

    /// Whether the server was told to choose this.
    fn varied(&self, variation: V) -> bool {
        self.options.variations.contains(&variation)
    }

    fn datagram(&mut self, now: Ns, local: SocketAddr, remote: SocketAddr, bytes: &[u8]) {
        self.end_what_is_over(now);
        if local.port() != self.config.port {
            return self.relay_to_client(local, remote, bytes);
        }
        let tuple = FiveTuple { client: remote, server: local };
        // RFC 8656 section 12: the first two bits tell STUN from ChannelData.
        match bytes.first().map(|first| first >> 6) {
            Some(0) => self.stun(now, tuple, bytes),
            Some(1) => self.channel_data(now, tuple, bytes),
            Some(_) if self.wrong(F::LeadingBitsUnchecked) => self.stun(now, tuple, bytes),
            _ => {}
        }
    }

    fn end_what_is_over(&mut self, now: Ns) {
        for relayed in self.allocations.end_what_is_over(now) {
            self.ports.release(relayed);
        }
        self.ports.end_reservations(now);
    }

    fn stun(&mut self, now: Ns, tuple: FiveTuple, bytes: &[u8]) {
        let Some(message) = Message::parse_lenient(bytes).ok().filter(|message| self.is_sound(message)) else { return };
        match message.class() {
            Class::Request => self.request(now, tuple, &message),
            Class::Indication if message.method() == Method::SEND => self.send_indication(now, tuple, &message),
            Class::Indication if self.wrong(F::AnswersIndications) => self.request(now, tuple, &message),
            Class::SuccessResponse | Class::ErrorResponse if self.wrong(F::AnswersResponses) => self.request(now, tuple, &message),
            _ => {}
        }
    }

    /// The basic checks of RFC 8489 section 6.3. A Binding request without cookie comes from a client of RFC 3489 (section 12).
    fn is_sound(&self, message: &Message<'_>) -> bool {
        let passed_over = |reason: &Reason| match reason {
            Reason::Cookie(_) => message.method() == Method::BINDING || self.wrong(F::CookieUnchecked),
            Reason::LeadingBits => self.wrong(F::LeadingBitsUnchecked),
            Reason::Length { .. } | Reason::Alignment { .. } => self.wrong(F::LengthUnchecked),
            _ => false,
        };
        let fingerprint = matches!(message.verify_fingerprint(), Integrity::Absent | Integrity::Valid);
        message.defects().iter().all(|defect| passed_over(&defect.reason)) && (fingerprint || self.wrong(F::FingerprintUnchecked))
    }

    fn request(&mut self, now: Ns, tuple: FiveTuple, request: &Message<'_>) {
        if request.method() == Method::BINDING {
            let answer = self.understand(request).map(|()| self.bound(tuple, request));
            return self.answer(tuple, request, answer, None);
        }
        if !matches!(request.method(), Method::ALLOCATE | Method::REFRESH | Method::CREATE_PERMISSION | Method::CHANNEL_BIND) {
            return;
        }
        let user = match self.authenticate(now, tuple, request) {
            Ok(user) => user,
            Err(refusal) => return self.answer(tuple, request, Err(refusal), None),
        };
        let answer = self.understand(request).and_then(|()| self.refused(request)).and_then(|()| match request.method() {
            Method::ALLOCATE => self.allocate(now, tuple, request, &user),
            Method::REFRESH => self.refresh(now, tuple, request, &user),
            Method::CREATE_PERMISSION => self.create_permission(now, tuple, request, &user),
            _ => self.channel_bind(now, tuple, request, &user),
        });
        self.answer(tuple, request, answer, Some(&user));
    }

    /// What the scenario wants refused.
    fn refused(&self, request: &Message<'_>) -> Result<(), Refusal> {
        let method = |refusal: &TurnRefusal| crate::conductor::method(refusal.method) == request.method();
        match self.options.refuses.iter().find(|refusal| method(&refusal.value)) {
            Some(refusal) => Err(Refusal::code(refusal.error)),
            None => Ok(()),
        }
    }

    /// RFC 8489 section 6.3.1: what cannot be passed over and is not known gets 420.
    fn understand(&self, request: &Message<'_>) -> Result<(), Refusal> {
        const KNOWN: [T; 17] = [
            T::USERNAME,
            T::USERHASH,
            T::REALM,
            T::NONCE,
            T::MESSAGE_INTEGRITY,
            T::MESSAGE_INTEGRITY_SHA256,
            T::PASSWORD_ALGORITHM,
            T::CHANNEL_NUMBER,
            T::LIFETIME,
            T::XOR_PEER_ADDRESS,
            T::DATA,
            T::REQUESTED_ADDRESS_FAMILY,
            T::EVEN_PORT,
            T::REQUESTED_TRANSPORT,
            T::RESERVATION_TOKEN,
            T::PRIORITY,
            T::USE_CANDIDATE,
        ];
        let lenient = self.wrong(F::DontFragmentDropped);
        let unknown = request.unknown_comprehension_required(|kind| KNOWN.contains(&kind) || lenient && kind == T::DONT_FRAGMENT);
        if unknown.is_empty() || self.wrong(F::UnknownAttributeIgnored) { Ok(()) } else { Err(Refusal::unknown(unknown)) }
    }

    fn send(&mut self, local: SocketAddr, remote: SocketAddr, bytes: Vec<u8>) {
        self.outputs.push_back(Output::Datagram { local, remote, bytes: Bytes::from(bytes) });
    }
}

impl Endpoint for TurnServer {
    fn handle(&mut self, now: Ns, input: Input) {
        match input {
            Input::Datagram { local, remote, bytes } if self.config.addresses.contains(&local.ip()) => {
                self.datagram(now, local, remote, &bytes);
            }
            Input::IcmpError(error) => {
                self.end_what_is_over(now);
                self.relay_icmp(&error);
            }
            _ => {}
        }
    }

    fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// State ends when the next packet comes that could show it.
    fn poll_timeout(&mut self) -> Option<(Ns, Cause)> {
        None
    }
}
