//! An ICE agent that claims whatever role the scenario gives it, for role conflicts (RFC 8445 sections 7.2.5.1 and 7.3.1.1).
//!
//! It makes or answers one offer with a host candidate, sends a check to each candidate of the other side every half second until one was answered, and
//! answers checks. It lets the other side check first, for up to a second, so that its role is seen before anything can change it. Checks are answered with 487
//! where the tiebreaker table says so, else with success. It changes its own role as the table and 487 responses ask. Its tiebreaker
//! is the lowest or the highest there is, so that the scenario knows who wins.
//!
//! Deliberately absent: nomination, pacing, consent, restarts, and whatever would follow on a pair: of a peer's session description only the ICE part is meant.

use crate::check::Description;
use crate::scenario::model::{IceActor, IceRole, Tiebreaker};
use bytes::Bytes;
use iut::{Cause, Command, DescriptionKind, Endpoint, Input, MILLISECOND, NodeConfig, Ns, Output, Role, Signal};
use nat_sim::Stream;
use sha2::{Digest as _, Sha256};
use std::collections::{BTreeSet, VecDeque};
use std::net::SocketAddr;
use wire::stun::build::RawBuilder;
use wire::stun::{Attribute, Class, Digest, ErrorCode, Key, Message, Method, TransactionId};

/// Between two checks of one pair.
const INTERVAL: Ns = 500 * MILLISECOND;
/// How long the other side may take with its first check.
const PATIENCE: Ns = 1_000 * MILLISECOND;
/// Candidates of the other side that are checked at most.
const MOST_CANDIDATES: usize = 32;
/// Characters of a username fragment and of a password (RFC 8445 section 5.3).
const UFRAG: usize = 8;
const PASSWORD: usize = 24;
/// Type preference of peer-reflexive candidates, the largest local preference, component 1 (RFC 8445 sections 5.1.2 and 7.1.1).
const PRIORITY: u32 = (110 << 24) + (65_535 << 8) + 255;
/// The same of a host candidate.
const HOST_PRIORITY: u32 = (126 << 24) + (65_535 << 8) + 255;

/// The agent.
pub(super) struct IceAgent {
    options: IceActor,
    config: NodeConfig,
    /// The role that it claims now.
    role: IceRole,
    rng: Stream,
    ufrag: String,
    password: String,
    /// The other side's.
    remote: Option<(String, Key)>,
    candidates: BTreeSet<SocketAddr>,
    /// Checks that wait for their answer, with the role that they claimed.
    open: Vec<(TransactionId, IceRole)>,
    /// A check was answered with success.
    succeeded: bool,
    next_check: Option<Ns>,
    now: Ns,
    outputs: VecDeque<Output>,
}

impl IceAgent {
    pub(super) fn new(config: &NodeConfig, options: IceActor) -> Self {
        let mut rng = Stream::new(config.seed, "ice");
        let mut word = |length: usize| (0..length).map(|_| char::from(b'a' + rng.below(26) as u8)).collect::<String>();
        let (ufrag, password) = (word(UFRAG), word(PASSWORD));
        Self {
            role: options.claims,
            options,
            config: config.clone(),
            rng,
            ufrag,
            password,
            remote: None,
            candidates: BTreeSet::new(),
            open: Vec::new(),
            succeeded: false,
            next_check: None,
            now: 0,
            outputs: VecDeque::new(),
        }
    }

    fn local(&self) -> Option<SocketAddr> {
        self.config.addresses.first().map(|address| SocketAddr::new(*address, self.config.port))
    }

    fn tiebreaker(&self) -> u64 {
        match self.options.tiebreaker {
            Tiebreaker::Lowest => 0,
            Tiebreaker::Highest => u64::MAX,
        }
    }

    fn signal(&mut self, signal: Signal) {
        match signal {
            Signal::Description(description) => {
                let found = Description::read(&description.sdp);
                if let Some(credentials) = found.credentials.first() {
                    self.remote = Some((credentials.ufrag.clone(), Key::short_term(&credentials.pwd)));
                }
                found.candidates.iter().for_each(|candidate| self.candidate(candidate.transport == "udp", candidate.address));
                if description.kind == DescriptionKind::Offer {
                    let mid = description.sdp.lines().find_map(|line| line.strip_prefix("a=mid:")).unwrap_or("0").trim().to_owned();
                    self.describe(DescriptionKind::Answer, &mid);
                }
                self.begin();
            }
            Signal::Candidate(signal) => {
                if let Some(candidate) = crate::check::Candidate::read(&signal.candidate) {
                    self.candidate(candidate.transport == "udp", candidate.address);
                    self.begin();
                }
            }
            Signal::EndOfCandidates { .. } => {}
        }
    }

    fn candidate(&mut self, udp: bool, address: Option<SocketAddr>) {
        let same_family = |address: &SocketAddr| self.local().is_some_and(|own| own.is_ipv4() == address.is_ipv4());
        if let Some(address) = address.filter(|address| udp && address.port() != 0 && same_family(address))
            && self.candidates.len() < MOST_CANDIDATES
        {
            self.candidates.insert(address);
        }
    }

    /// Begins to send checks, where it does and both sides are known.
    fn begin(&mut self) {
        if self.options.checks && self.remote.is_some() && !self.candidates.is_empty() && !self.succeeded {
            self.next_check.get_or_insert(self.now.saturating_add(PATIENCE));
        }
    }

    fn describe(&mut self, kind: DescriptionKind, mid: &str) {
        let Some(local) = self.local() else { return };
        let sdp = self.sdp(kind, mid, local);
        self.outputs.push_back(Output::Signal(Signal::Description(iut::Description { kind, sdp })));
    }

    fn sdp(&self, kind: DescriptionKind, mid: &str, local: SocketAddr) -> String {
        let family = if local.is_ipv4() { "IP4" } else { "IP6" };
        let setup = if kind == DescriptionKind::Offer { "actpass" } else { "active" };
        let application = match self.config.role {
            Role::Peer => {
                let hash = Sha256::digest(self.config.dtls.certificate.certificate_der());
                let fingerprint: Vec<String> = hash.iter().map(|byte| format!("{byte:02X}")).collect();
                let fingerprint = fingerprint.join(":");
                format!(
                    "m=application {} UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN {family} {}\r\na=sctp-port:5000\r\n\
                     a=max-message-size:262144\r\na=setup:{setup}\r\na=fingerprint:sha-256 {fingerprint}\r\n",
                    local.port(),
                    local.ip(),
                )
            }
            _ => format!("m=application {} UDP octet-stream\r\nc=IN {family} {}\r\n", local.port(), local.ip()),
        };
        let Self { ufrag, password, .. } = self;
        format!(
            "v=0\r\no=- 1 1 IN {family} {}\r\ns=-\r\nt=0 0\r\na=group:BUNDLE {mid}\r\na=ice-options:ice2\r\n{application}\
             a=mid:{mid}\r\na=ice-ufrag:{ufrag}\r\na=ice-pwd:{password}\r\n\
             a=candidate:1 1 UDP {HOST_PRIORITY} {} {} typ host\r\na=end-of-candidates\r\n",
            local.ip(),
            local.ip(),
            local.port(),
        )
    }

    fn datagram(&mut self, local: SocketAddr, remote: SocketAddr, bytes: &[u8]) {
        let Ok(message) = Message::parse(bytes) else { return };
        if Some(local) != self.local() || message.method() != Method::BINDING {
            return;
        }
        match message.class() {
            Class::Request => {
                // From now on both sides check.
                self.next_check = self.next_check.map(|at| at.min(self.now));
                if self.options.answers {
                    self.request(local, remote, &message);
                }
            }
            Class::SuccessResponse | Class::ErrorResponse => self.response(&message),
            _ => {}
        }
    }

    /// Answers a check by the table of RFC 8445 section 7.3.1.1.
    fn request(&mut self, local: SocketAddr, remote: SocketAddr, check: &Message<'_>) {
        let key = Key::short_term(&self.password);
        let addressed = check.username().ok().flatten().is_some_and(|name| name.split(':').next() == Some(&self.ufrag));
        if !addressed || !check.verify_integrity(Digest::Sha1, &key).is_valid() {
            return;
        }
        let refused = self.conflict(check) == Some(true);
        let response = if refused {
            let reason = wire::stun::error_reason(487).unwrap_or_default();
            RawBuilder::new(Class::ErrorResponse, Method::BINDING, check.transaction_id())
                .attribute(&Attribute::ErrorCode(ErrorCode { code: 487, reason }))
        } else {
            RawBuilder::new(Class::SuccessResponse, Method::BINDING, check.transaction_id()).attribute(&Attribute::XorMappedAddress(remote))
        };
        self.send(local, remote, response.integrity(Digest::Sha1, &key).fingerprint().build());
    }

    /// Whether a check that claims the own role is refused; one that wins changes the own role.
    fn conflict(&mut self, check: &Message<'_>) -> Option<bool> {
        let theirs = match self.role {
            IceRole::Controlling => check.ice_controlling().ok()??,
            IceRole::Controlled => check.ice_controlled().ok()??,
        };
        let refused = match self.role {
            IceRole::Controlling => self.tiebreaker() >= theirs,
            IceRole::Controlled => self.tiebreaker() < theirs,
        };
        if !refused {
            self.role = other(self.role);
        }
        Some(refused)
    }

    fn response(&mut self, response: &Message<'_>) {
        let Some((_, key)) = &self.remote else { return };
        let Some(index) = self.open.iter().position(|(id, _)| *id == response.transaction_id()) else { return };
        if !response.verify_integrity(Digest::Sha1, key).is_valid() {
            return;
        }
        let (_, claimed) = self.open.remove(index);
        let conflict = response.error_code().ok().flatten().is_some_and(|error| error.code == 487);
        if response.class() == Class::SuccessResponse {
            (self.succeeded, self.next_check) = (true, None);
        } else if conflict && claimed == self.role {
            self.role = other(self.role);
        }
    }

    fn check(&mut self) {
        let (Some(local), Some((ufrag, key))) = (self.local(), self.remote.clone()) else { return };
        for remote in self.candidates.clone() {
            let id = TransactionId(std::array::from_fn(|_| self.rng.below(256) as u8));
            let role = match self.role {
                IceRole::Controlling => Attribute::IceControlling(self.tiebreaker()),
                IceRole::Controlled => Attribute::IceControlled(self.tiebreaker()),
            };
            let check = RawBuilder::new(Class::Request, Method::BINDING, id)
                .attribute(&Attribute::Username(&format!("{ufrag}:{}", self.ufrag)))
                .attribute(&Attribute::Priority(PRIORITY))
                .attribute(&role)
                .integrity(Digest::Sha1, &key)
                .fingerprint();
            self.open.push((id, self.role));
            self.send(local, remote, check.build());
        }
        // The oldest are given up.
        let excess = self.open.len().saturating_sub(4 * MOST_CANDIDATES);
        self.open.drain(..excess);
        self.next_check = Some(self.now.saturating_add(INTERVAL));
    }

    fn send(&mut self, local: SocketAddr, remote: SocketAddr, bytes: Vec<u8>) {
        self.outputs.push_back(Output::Datagram { local, remote, bytes: Bytes::from(bytes) });
    }
}

fn other(role: IceRole) -> IceRole {
    match role {
        IceRole::Controlling => IceRole::Controlled,
        IceRole::Controlled => IceRole::Controlling,
    }
}

impl Endpoint for IceAgent {
    fn handle(&mut self, now: Ns, input: Input) {
        self.now = now;
        match input {
            Input::Datagram { local, remote, bytes } => self.datagram(local, remote, &bytes),
            Input::Signal(signal) => self.signal(signal),
            Input::Command(Command::CreateOffer) => self.describe(DescriptionKind::Offer, "0"),
            _ => {}
        }
        if self.next_check.is_some_and(|at| at <= now) {
            self.check();
        }
    }

    fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    fn poll_timeout(&mut self) -> Option<(Ns, Cause)> {
        self.next_check.map(|at| (at, "connectivity check"))
    }
}

#[cfg(test)]
mod tests;
