//! Small traces, built by hand: one subject that is judged, and what it sends, receives, signals and reports.

use harness::check::{CheckRecord, Context, Credentials, Judgement, Party, catalogue, judge};
use harness::scenario::model::RoleName;
use harness::trace::{Body, Event, PacketEvent, Trace, Vantage};
use iut::{ApiEvent, Description, DescriptionKind, Signal};
use nat_sim::{Direction, Fate, Packet};
use std::cell::Cell;
use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use wire::stun::build::RawBuilder;
use wire::stun::{Attribute, AttributeType, Class, Digest, Key, Method, TransactionId};

thread_local! {
    /// What stands for the seed: ports, transaction ids and times follow it, and no verdict may.
    static VARIANT: Cell<u64> = const { Cell::new(0) };
}

/// Runs something with other ports, transaction ids and times.
pub(crate) fn with_variant<T>(variant: u64, run: impl FnOnce() -> T) -> T {
    VARIANT.set(variant);
    let result = run();
    VARIANT.set(0);
    result
}

fn variant() -> u64 {
    VARIANT.get()
}

/// A trace that shows one thing.
pub(crate) struct Control {
    /// The check.
    pub(crate) check: &'static str,
    /// Whether the check has to reject it.
    pub(crate) rejects: bool,
    /// What the trace shows.
    pub(crate) name: &'static str,
    /// Builds it.
    pub(crate) case: fn() -> Case,
}

/// A trace that a check has to reject.
pub(crate) const fn rejects(check: &'static str, name: &'static str, case: fn() -> Case) -> Control {
    Control { check, rejects: true, name, case }
}

/// A trace that a check has to pass.
pub(crate) const fn accepts(check: &'static str, name: &'static str, case: fn() -> Case) -> Control {
    Control { check, rejects: false, name, case }
}

/// A trace under construction.
#[derive(Clone)]
pub(crate) struct Case {
    pub(crate) trace: Trace,
    pub(crate) context: Context,
    now: u64,
}

/// The subject's only party number.
pub(crate) const SUBJECT: usize = 0;

impl Case {
    /// A subject of this role and an actor, both on the internet.
    pub(crate) fn new(role: RoleName) -> Self {
        let party = |name: &str, role, address: SocketAddr, implementation: Option<&str>| Party {
            name: name.into(),
            role,
            implementation: implementation.map(Into::into),
            addresses: vec![address.ip()],
            port: address.port(),
            offerer: false,
            gathering_by_adapter: false,
            credentials: Vec::new(),
            dtls_mtu: None,
        };
        let other = match role {
            RoleName::StunClient => RoleName::StunServer,
            RoleName::TurnClient => RoleName::TurnServer,
            RoleName::StunServer => RoleName::StunClient,
            RoleName::TurnServer => RoleName::TurnClient,
            RoleName::DtlsClient => RoleName::DtlsServer,
            RoleName::DtlsServer => RoleName::DtlsClient,
            same => same,
        };
        let parties = vec![party("subject", role, subject(role), Some("implementation")), party("other", other, other_of(role), None)];
        let vantages = (0..2).map(|index| Vantage {
            node: ["subject", "other"][index].into(),
            node_index: index,
            side: "internet".into(),
            party: Some(index),
        });
        let trace = Trace { vantages: vantages.collect(), nodes: vec!["subject".into(), "other".into()], events: Vec::new() };
        let context = Context { parties, credentials: Vec::new(), from_the_start: true };
        Self { trace, context, now: variant() * 777_777 }
    }

    /// A TURN case: both sides know the user.
    pub(crate) fn turn(role: RoleName) -> Self {
        let mut case = Self::new(role);
        case.context.credentials.push(Credentials { realm: REALM.into(), username: USER.into(), password: PASSWORD.into() });
        case
    }

    /// The subject's address.
    pub(crate) fn own(&self) -> SocketAddr {
        SocketAddr::new(self.context.parties[0].addresses[0], self.context.parties[0].port)
    }

    /// The actor's address.
    pub(crate) fn other(&self) -> SocketAddr {
        SocketAddr::new(self.context.parties[1].addresses[0], self.context.parties[1].port)
    }

    /// Lets time pass, in milliseconds.
    pub(crate) fn wait(mut self, milliseconds: u64) -> Self {
        self.now += milliseconds * iut::MILLISECOND;
        self
    }

    /// The subject sends to the actor.
    pub(crate) fn sends(self, bytes: impl AsRef<[u8]>) -> Self {
        let (own, other) = (self.own(), self.other());
        self.sends_between(own, other, bytes)
    }

    /// The actor's datagram reaches the subject.
    pub(crate) fn gets(self, bytes: impl AsRef<[u8]>) -> Self {
        let (own, other) = (self.own(), self.other());
        self.gets_between(other, own, bytes)
    }

    /// The subject sends from one address to another.
    pub(crate) fn sends_between(self, from: SocketAddr, to: SocketAddr, bytes: impl AsRef<[u8]>) -> Self {
        self.packet(Direction::Out, Fate::Sent, from, to, bytes.as_ref())
    }

    /// A datagram reaches the subject.
    pub(crate) fn gets_between(self, from: SocketAddr, to: SocketAddr, bytes: impl AsRef<[u8]>) -> Self {
        self.packet(Direction::In, Fate::Delivered, from, to, bytes.as_ref())
    }

    /// The subject's application interface reports something.
    pub(crate) fn reports(self, event: ApiEvent) -> Self {
        self.push(Body::Api { node: SUBJECT, event })
    }

    /// The subject sends a session description.
    pub(crate) fn describes(self, kind: DescriptionKind, sdp: &str) -> Self {
        self.signals(SUBJECT, Signal::Description(Description { kind, sdp: sdp.into() }))
    }

    /// The actor sends a session description.
    pub(crate) fn told(self, kind: DescriptionKind, sdp: &str) -> Self {
        self.signals(1, Signal::Description(Description { kind, sdp: sdp.into() }))
    }

    /// A party sends a message of the signalling room.
    pub(crate) fn signals(self, from: usize, signal: Signal) -> Self {
        self.push(Body::Signal { from, signal, lost: false })
    }

    fn packet(self, direction: Direction, fate: Fate, from: SocketAddr, to: SocketAddr, bytes: &[u8]) -> Self {
        let packet = Packet::udp(from, to, bytes.to_vec());
        self.push(Body::Packet(PacketEvent { vantage: SUBJECT, direction, fate, packet }))
    }

    fn push(mut self, body: Body) -> Self {
        self.trace.events.push(Event { at: self.now, body });
        // Two events never happen at exactly the same time, as on a wire.
        self.now += 1000;
        self
    }

    /// What all checks say about the subject.
    pub(crate) fn judge(&self) -> Vec<CheckRecord> {
        judge(&self.trace, &self.context, &catalogue(), &BTreeSet::new())
    }

    /// What one check says about the subject.
    pub(crate) fn judgement(&self, check: &str) -> Option<Judgement> {
        self.judge().into_iter().find(|record| record.id == check).map(|record| record.judgement)
    }
}

pub(crate) const REALM: &str = "example.org";
pub(crate) const USER: &str = "alice";
pub(crate) const PASSWORD: &str = "correct horse";

fn subject(role: RoleName) -> SocketAddr {
    let server = matches!(role, RoleName::StunServer | RoleName::TurnServer);
    SocketAddr::new(address(10), if server { 3478 } else { port(50_000) })
}

fn other_of(role: RoleName) -> SocketAddr {
    let client = matches!(role, RoleName::StunClient | RoleName::TurnClient);
    SocketAddr::new(address(20), if client { 3478 } else { port(51_000) })
}

/// An address that follows the variant.
pub(crate) fn address(last: u8) -> IpAddr {
    Ipv4Addr::new(203, 0, 113, last + (variant() % 10) as u8).into()
}

/// A port that follows the variant.
pub(crate) fn port(base: u16) -> u16 {
    base + (variant() % 100) as u16
}

/// A transaction id that looks random and follows the variant.
pub(crate) fn id(number: u64) -> TransactionId {
    let mut octets = [0; 12];
    let mut state = (variant() << 32 | number).wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ 0xD1B5_4A32_D192_ED03;
    for octet in &mut octets {
        // splitmix64
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (state ^ state >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        *octet = (mixed >> 56) as u8;
    }
    TransactionId(octets)
}

/// A message without attributes.
pub(crate) fn message(class: Class, method: Method, number: u64) -> RawBuilder {
    RawBuilder::new(class, method, id(number))
}

/// A Binding request without attributes.
pub(crate) fn binding(number: u64) -> RawBuilder {
    message(Class::Request, Method::BINDING, number)
}

/// A Binding success response with the client's address.
pub(crate) fn bound(number: u64, mapped: SocketAddr) -> RawBuilder {
    message(Class::SuccessResponse, Method::BINDING, number).attribute(&Attribute::XorMappedAddress(mapped))
}

/// An error response.
pub(crate) fn error(method: Method, number: u64, code: u16) -> RawBuilder {
    let reason = wire::stun::error_reason(code).unwrap_or("Error");
    message(Class::ErrorResponse, method, number).attribute(&Attribute::ErrorCode(wire::stun::ErrorCode { code, reason }))
}

/// The key of the TURN user.
pub(crate) fn long_term() -> Key {
    Key::long_term_md5(USER, REALM, PASSWORD)
}

/// The same message with MESSAGE-INTEGRITY of the TURN user.
pub(crate) fn signed(message: RawBuilder) -> RawBuilder {
    message.integrity(Digest::Sha1, &long_term())
}

/// An attribute that no registry knows, and that has to be understood.
pub(crate) const UNHEARD_OF: AttributeType = AttributeType(0x7F01);
