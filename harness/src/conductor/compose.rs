//! From a `send` step to the bytes of one datagram, with what the actors have learned so far.

use super::program::{ALTERNATE_PORT_OFFSET, Address};
use crate::plan::CasePlan;
use crate::scenario::step::{
    Attribute as A, Auth, ByteFault, Class, Fingerprint, LongTerm, Method, Omit, PasswordAlgorithm, Send, StunMessage,
};
use bytes::Bytes;
use nat_sim::Stream;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use wire::stun::build::RawBuilder;
use wire::stun::{Attribute, AttributeType, Credential, Digest, ErrorCode, Key, Message, PasswordHash, TransactionId, userhash};

/// What actors have learned and sent.
pub(super) struct Memory {
    rng: Stream,
    /// By the name that the step gives them.
    sent: BTreeMap<String, Sent>,
    /// Datagrams that met expectations, by the expectation.
    met: BTreeMap<String, Met>,
    realm: Vec<Option<String>>,
    nonce: Vec<Option<String>>,
    relayed: Vec<Option<SocketAddr>>,
    /// The value of PASSWORD-ALGORITHMS.
    algorithms: Vec<Option<Vec<u8>>>,
    token: Vec<Option<[u8; 8]>>,
    /// What each actor sent last.
    last: Vec<Option<Bytes>>,
    /// Where the last packet of each actor came from, as another node saw it.
    seen: Vec<Option<SocketAddr>>,
}

/// A message that was sent under a name.
#[derive(Clone, Debug)]
pub(super) struct Sent {
    pub(super) transaction: [u8; 16],
    pub(super) key: Option<Key>,
}

/// A datagram that met an expectation.
#[derive(Clone, Debug)]
struct Met {
    source: SocketAddr,
    transaction: Option<[u8; 16]>,
}

/// One datagram to send.
pub(super) struct Composed {
    pub(super) local: SocketAddr,
    pub(super) remote: SocketAddr,
    pub(super) bytes: Bytes,
}

impl Memory {
    pub(super) fn new(plan: &CasePlan) -> Self {
        let nodes = plan.nodes.len();
        Self {
            rng: Stream::new(plan.seed, "actors"),
            sent: BTreeMap::new(),
            met: BTreeMap::new(),
            realm: vec![None; nodes],
            nonce: vec![None; nodes],
            relayed: vec![None; nodes],
            algorithms: vec![None; nodes],
            token: vec![None; nodes],
            last: vec![None; nodes],
            seen: vec![None; nodes],
        }
    }

    pub(super) fn sent(&self, name: &str) -> Option<&Sent> {
        self.sent.get(name)
    }

    /// A datagram met an expectation.
    pub(super) fn met(&mut self, expectation: &str, source: SocketAddr, bytes: &[u8]) {
        let transaction = Message::parse_lenient(bytes).ok().map(|message| message.transaction_id_rfc3489());
        self.met.insert(expectation.to_owned(), Met { source, transaction });
    }

    /// Where `node` was seen last.
    pub(super) fn seen(&self, node: usize) -> Option<SocketAddr> {
        self.seen[node]
    }

    pub(super) fn allocated(&mut self, node: usize, relayed: SocketAddr) {
        self.relayed[node] = Some(relayed);
    }

    /// A datagram arrived at `node`: if it is what an actor sent last, this is where that actor was seen.
    pub(super) fn arrived(&mut self, node: usize, remote: SocketAddr, bytes: &Bytes) {
        let sender = self.last.iter().position(|last| last.as_ref() == Some(bytes)).filter(|sender| *sender != node);
        if let Some(sender) = sender {
            self.seen[sender] = Some(remote);
        }
    }

    /// Learns realm, nonce and relayed address from what an actor receives.
    pub(super) fn received(&mut self, node: usize, bytes: &[u8]) {
        let Ok(message) = Message::parse_lenient(bytes) else { return };
        if let Ok(Some(realm)) = message.realm() {
            self.realm[node] = Some(realm.to_owned());
        }
        if let Ok(Some(nonce)) = message.nonce() {
            self.nonce[node] = Some(nonce.to_owned());
        }
        if let Some(algorithms) = message.attribute(AttributeType::PASSWORD_ALGORITHMS) {
            self.algorithms[node] = Some(algorithms.value.to_vec());
        }
        if let Ok(Some(token)) = message.reservation_token() {
            self.token[node] = Some(token);
        }
        if let Ok(Some(relayed)) = message.xor_relayed_address() {
            self.relayed[node] = Some(relayed);
        }
    }

    /// What an address of a step means now.
    pub(super) fn resolve(&self, plan: &CasePlan, address: &Address, like: SocketAddr) -> Result<SocketAddr, String> {
        let name = |node: &usize| plan.nodes[*node].name.clone();
        match address {
            Address::Node(node) => Ok(plan.address_of(*node, Some(like.ip()))),
            Address::Literal(address) => Ok(*address),
            Address::SourceOf(id) => self.met.get(id).map(|met| met.source).ok_or_else(|| format!("`{id}` was not met")),
            Address::Alternate(node) => {
                let own = plan.address_of(*node, Some(like.ip()));
                let family = |address: &&std::net::IpAddr| address.is_ipv4() == own.is_ipv4() && **address != own.ip();
                let second = plan.nodes[*node].addresses.iter().find(family).copied();
                let port = own.port() + ALTERNATE_PORT_OFFSET;
                second.map(|ip| SocketAddr::new(ip, port)).ok_or_else(|| format!("{} has no second address", name(node)))
            }
            Address::RelayOf(node) => self.relayed[*node].ok_or_else(|| format!("{} has no relayed transport address", name(node))),
            Address::Mapped(node) => self.seen[*node].ok_or_else(|| format!("no packet of {} has been seen", name(node))),
        }
    }

    fn transaction(&mut self) -> [u8; 16] {
        let mut id = [0; 16];
        id[..4].copy_from_slice(&wire::stun::MAGIC_COOKIE.to_be_bytes());
        for byte in &mut id[4..] {
            *byte = self.rng.below(256) as u8;
        }
        id
    }
}

/// Builds the datagram of a step.
///
/// # Errors
/// Why it cannot be built: it needs an address or a nonce that no packet has brought.
pub(super) fn compose(plan: &CasePlan, memory: &mut Memory, send: &Send) -> Result<Composed, String> {
    let node = plan.node(&send.node).expect("node names of steps were checked when the scenario was loaded");
    let own = plan.address_of(node, None);
    let remote = memory.resolve(plan, &plan.address(&send.to), own)?;
    let mut local = plan.address_of(node, Some(remote.ip()));
    if let Some(port) = send.from_port {
        local.set_port(port);
    }
    let bytes = if let Some(message) = &send.stun {
        stun(plan, memory, node, local, send, message)?
    } else if let Some(data) = &send.channel_data {
        let length = data.length.unwrap_or_else(|| u16::try_from(data.text.len()).unwrap_or(u16::MAX));
        let header = [data.number.to_be_bytes(), length.to_be_bytes()].concat();
        [&header, data.text.as_bytes()].concat()
    } else if let Some(bytes) = &send.bytes {
        bytes.0.clone()
    } else {
        send.text.clone().unwrap_or_default().into_bytes()
    };
    let bytes = Bytes::from(bytes);
    memory.last[node] = Some(bytes.clone());
    Ok(Composed { local, remote, bytes })
}

fn stun(
    plan: &CasePlan,
    memory: &mut Memory,
    node: usize,
    local: SocketAddr,
    send: &Send,
    message: &StunMessage,
) -> Result<Vec<u8>, String> {
    let transaction = match (&message.same_transaction_as, &message.answers) {
        (Some(name), _) => memory.sent(name).ok_or_else(|| format!("`{}` was never sent", name.value))?.transaction,
        (None, Some(id)) => {
            let asked = memory.met.get(id.as_str()).and_then(|met| met.transaction);
            asked.ok_or_else(|| format!("no request has met `{}`", id.value))?
        }
        (None, None) => memory.transaction(),
    };
    let id = TransactionId(std::array::from_fn(|index| transaction[4 + index]));
    let mut builder = RawBuilder::new(class(message.class), method(message.method), id);
    for attribute in &message.attributes {
        builder = add(plan, memory, local, builder, attribute)?;
    }
    let protection = match &message.auth {
        Auth::None => None,
        Auth::ShortTerm(credential) => {
            builder = builder.attribute(&Attribute::Username(&credential.username));
            Some((Digest::Sha1, Key::short_term(&credential.password), Digest::Sha1.length()))
        }
        Auth::LongTerm(credential) => long_term(memory, node, &mut builder, credential)?,
    };
    if let Some((digest, key, length)) = &protection {
        builder = builder.shortened_integrity(*digest, key, *length);
    }
    for attribute in &message.after_integrity {
        builder = add(plan, memory, local, builder, attribute)?;
    }
    builder = match message.fingerprint {
        Fingerprint::None => builder,
        Fingerprint::Correct => builder.fingerprint(),
        Fingerprint::Wrong => builder.wrong_fingerprint(0xFFFF_FFFF),
    };
    let mut bytes = builder.build();
    for fault in &message.faults {
        spoil(&mut bytes, fault);
    }
    if let Some(name) = &send.name {
        let true_key = true_key(memory, node, &message.auth);
        memory.sent.insert(name.value.clone(), Sent { transaction, key: true_key });
    }
    Ok(bytes)
}

/// An integrity attribute: digest, key, and how many of its bytes are sent.
type Protection = (Digest, Key, usize);

/// Adds user name, REALM, NONCE and what a password algorithm needs; returns how the message is protected.
fn long_term(memory: &Memory, node: usize, builder: &mut RawBuilder, credential: &LongTerm) -> Result<Option<Protection>, String> {
    let learned = |own: &Option<String>, learned: &Option<String>, what: &str| {
        own.clone().or_else(|| learned.clone()).ok_or_else(|| format!("the server has not given a {what} yet"))
    };
    let realm = learned(&credential.realm, &memory.realm[node], "realm")?;
    let nonce = learned(&credential.nonce, &memory.nonce[node], "nonce")?;
    let keep = |omit: Omit| !credential.omit.contains(&omit);
    let mut attributes = Vec::new();
    if keep(Omit::Username) {
        attributes.push(match credential.userhash {
            true => Attribute::Userhash(userhash(&credential.username, &realm)),
            false => Attribute::Username(&credential.username),
        });
    }
    if keep(Omit::Realm) {
        attributes.push(Attribute::Realm(&realm));
    }
    if keep(Omit::Nonce) {
        attributes.push(Attribute::Nonce(&nonce));
    }
    for attribute in &attributes {
        *builder = std::mem::replace(builder, empty()).attribute(attribute);
    }
    if let Some(algorithm) = credential.algorithm {
        negotiate(memory, node, builder, credential, algorithm)?;
    }
    if credential.no_integrity {
        return Ok(None);
    }
    let key = key_of(credential, &realm);
    let key = if credential.wrong_integrity { Key::from_bytes(key.as_bytes().iter().map(|byte| !byte).collect::<Vec<u8>>()) } else { key };
    let digest = if credential.algorithm.is_some() { Digest::Sha256 } else { Digest::Sha1 };
    Ok(Some((digest, key, credential.integrity_bytes.map_or(digest.length(), usize::from))))
}

/// Adds PASSWORD-ALGORITHMS and PASSWORD-ALGORITHM.
fn negotiate(
    memory: &Memory,
    node: usize,
    builder: &mut RawBuilder,
    credential: &LongTerm,
    algorithm: PasswordAlgorithm,
) -> Result<(), String> {
    let learned = || memory.algorithms[node].clone();
    let offered = credential.offered.as_ref().map(|offered| offered.0.clone()).or_else(learned);
    let offered = offered.ok_or("the server has not offered password algorithms")?;
    let mut with = std::mem::replace(builder, empty());
    if !offered.is_empty() {
        with = with.value(AttributeType::PASSWORD_ALGORITHMS, offered);
    }
    let chosen = wire::stun::PasswordAlgorithm::plain(hash(algorithm).number());
    *builder = with.attribute(&Attribute::PasswordAlgorithm(chosen));
    Ok(())
}

fn hash(algorithm: PasswordAlgorithm) -> PasswordHash {
    match algorithm {
        PasswordAlgorithm::Md5 => PasswordHash::Md5,
        PasswordAlgorithm::Sha256 => PasswordHash::Sha256,
    }
}

/// The key of a long-term credential in a realm.
fn key_of(credential: &LongTerm, realm: &str) -> Key {
    let algorithm = credential.algorithm.map_or(PasswordHash::Md5, hash);
    Credential::long_term(&credential.username, realm, &credential.password).with_algorithm(algorithm).key()
}

/// The key with which the answer's MESSAGE-INTEGRITY must be made.
fn true_key(memory: &Memory, node: usize, auth: &Auth) -> Option<Key> {
    match auth {
        Auth::None => None,
        Auth::ShortTerm(credential) => Some(Key::short_term(&credential.password)),
        Auth::LongTerm(credential) => {
            let realm = credential.realm.clone().or_else(|| memory.realm[node].clone())?;
            Some(key_of(credential, &realm))
        }
    }
}

fn empty() -> RawBuilder {
    RawBuilder::new(wire::stun::Class::Request, wire::stun::Method::BINDING, TransactionId::default())
}

fn add(plan: &CasePlan, memory: &Memory, local: SocketAddr, builder: RawBuilder, attribute: &A) -> Result<RawBuilder, String> {
    let known = match attribute {
        A::Software(text) => Attribute::Software(text),
        A::Username(text) => Attribute::Username(text),
        A::Realm(text) => Attribute::Realm(text),
        A::Nonce(text) => Attribute::Nonce(text),
        A::Lifetime(seconds) => Attribute::Lifetime(*seconds),
        A::RequestedTransport(protocol) => Attribute::RequestedTransport(*protocol),
        A::RequestedAddressFamily(family) => Attribute::RequestedAddressFamily(wire::stun::AddressFamily(*family)),
        A::EvenPort(reserve) => Attribute::EvenPort { reserve: *reserve },
        A::DontFragment(_) => Attribute::DontFragment,
        A::TokenOf(node) => {
            let index = plan.node(node).expect("node names of steps were checked when the scenario was loaded");
            Attribute::ReservationToken(memory.token[index].ok_or_else(|| format!("{} has no reservation token", node.value))?)
        }
        A::ReservationToken(token) => return Ok(builder.value(AttributeType::RESERVATION_TOKEN, token.0.clone())),
        A::ChannelNumber(number) => Attribute::ChannelNumber(*number),
        A::XorPeerAddress(peer) => Attribute::XorPeerAddress(memory.resolve(plan, &plan.address(peer), local)?),
        A::Data(text) => Attribute::Data(text.as_bytes()),
        A::ChangeRequest(change) => Attribute::ChangeRequest { ip: change.address, port: change.port },
        A::ResponsePort(port) => Attribute::ResponsePort(*port),
        A::Priority(priority) => Attribute::Priority(*priority),
        A::ErrorCode(code) => Attribute::ErrorCode(ErrorCode { code: *code, reason: wire::stun::error_reason(*code).unwrap_or("Error") }),
        A::XorMappedAddress(address) => Attribute::XorMappedAddress(memory.resolve(plan, &plan.address(address), local)?),
        A::XorRelayedAddress(address) => Attribute::XorRelayedAddress(memory.resolve(plan, &plan.address(address), local)?),
        A::AlternateServer(address) => Attribute::AlternateServer(memory.resolve(plan, &plan.address(address), local)?),
        A::Raw(raw) => {
            let length = raw.length.unwrap_or_else(|| u16::try_from(raw.value.0.len()).unwrap_or(u16::MAX));
            let zeros = vec![0; (4 - raw.value.0.len() % 4) % 4];
            let padding = raw.padding.as_ref().map_or(zeros, |padding| padding.0.clone());
            return Ok(builder.tlv(AttributeType(raw.kind), length, raw.value.0.clone(), padding));
        }
    };
    Ok(builder.attribute(&known))
}

fn spoil(bytes: &mut Vec<u8>, fault: &ByteFault) {
    let mut overwrite = |at: usize, new: &[u8]| {
        for (old, new) in bytes.iter_mut().skip(at).zip(new) {
            *old = *new;
        }
    };
    match fault {
        ByteFault::Cookie(cookie) => overwrite(4, &cookie.0[..cookie.0.len().min(4)]),
        ByteFault::Length(length) => overwrite(2, &length.to_be_bytes()),
        ByteFault::FirstBits(bits) => {
            if let Some(first) = bytes.first_mut() {
                *first = *first & 0x3f | bits << 6;
            }
        }
        ByteFault::Truncate(length) => bytes.truncate(*length as usize),
        ByteFault::Trailing(more) => bytes.extend_from_slice(&more.0),
        ByteFault::Overwrite(new) => overwrite(new.at as usize, &new.bytes.0),
    }
}

pub(super) fn class(class: Class) -> wire::stun::Class {
    match class {
        Class::Request => wire::stun::Class::Request,
        Class::Indication => wire::stun::Class::Indication,
        Class::Success => wire::stun::Class::SuccessResponse,
        Class::Error => wire::stun::Class::ErrorResponse,
    }
}

pub(crate) fn method(method: Method) -> wire::stun::Method {
    use wire::stun::Method as M;
    match method {
        Method::Binding => M::BINDING,
        Method::Allocate => M::ALLOCATE,
        Method::Refresh => M::REFRESH,
        Method::CreatePermission => M::CREATE_PERMISSION,
        Method::ChannelBind => M::CHANNEL_BIND,
        Method::Send => M::SEND,
        Method::Data => M::DATA,
        Method::Unassigned => M(0x0ff),
    }
}
