//! The types of a scenario file: what YAML may say, and nothing else.
//!
//! Every field is typed and unknown keys are refused. These types are also the source of the JSON Schema that editors use, so their docs are what a
//! scenario author reads.

mod actor;
mod link;
mod nat;
mod network;

pub use actor::{
    Actor, Discovery, DtlsActor, DtlsFault, DtlsTarget, Echo, IceActor, IceRole, Script, StunAnswer, StunServerActor, Tiebreaker,
};
pub use link::{Bursts, CoDel, JitterOrder, JitterShape, Link, LinkPair, Rate};
pub use nat::{
    AfterExpiry, BlockAssignment, Dependence, Hairpinning, LimitReply, MappingDependence, NatRef, NatTerms, Pooling, PortBlock, PortBounds,
    Ports, Refresh, ReverseBinding, Translation, UnsolicitedInbound, UnsolicitedReply,
};
pub use network::{Access, Family, FirewallRef, Network, Topology};

use super::span::Spanned;
use super::units::{Percent, Span};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer};
use std::collections::BTreeMap;
use std::sync::Arc;

/// One scenario: nodes, what happens, and what decides the verdict.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Scenario {
    /// One line that says what is shown: `Two peers connect through every pair of NATs`.
    pub title: Spanned<String>,
    /// Why the scenario exists and how to read its verdict.
    #[serde(default)]
    pub about: Option<String>,
    /// The parties, by name.
    pub nodes: BTreeMap<String, Spanned<Node>>,
    /// A named topology of `scenarios/topologies/`, whose networks are added to `networks`.
    #[serde(default)]
    pub topology: Option<Spanned<String>>,
    /// Networks that several nodes share or that lie behind each other. A node that has an `access` of its own needs none.
    #[serde(default)]
    pub networks: BTreeMap<String, Spanned<Network>>,
    /// The path from every access to the rest of the internet; 10 ms each way where nothing is said.
    #[serde(default)]
    pub link: Option<LinkPair>,
    /// The signalling room of the peers.
    #[serde(default)]
    pub signalling: Signalling,
    /// Axes along which the scenario expands into cases. The order of the axes is the order in the case id.
    #[serde(default)]
    pub matrix: Vec<Spanned<Axis>>,
    /// What happens, in order: each step begins when the one before it has ended.
    #[serde(default, deserialize_with = "shared")]
    #[schemars(with = "Vec<Spanned<Step>>")]
    pub timeline: Arc<Vec<Spanned<Step>>>,
    /// How two peers must be connected in the end.
    #[serde(default, deserialize_with = "shared_if_said")]
    #[schemars(with = "Option<Spanned<Outcome>>")]
    pub outcome: Option<Arc<Spanned<Outcome>>>,
    /// Library checks that decide the verdict beside the expectations; silence of one of them is inconclusive.
    #[serde(default)]
    pub decides: Vec<Spanned<String>>,
    /// Library checks that this scenario provokes on purpose, with the reason; they are not run.
    #[serde(default)]
    pub provokes: BTreeMap<String, Spanned<String>>,
    /// Virtual time after which the case ends whatever has happened.
    #[serde(default)]
    pub max_virtual: Option<Spanned<Span>>,
    /// Restricts the drivers, where a scenario is about one of them.
    #[serde(default)]
    pub drivers: Vec<Spanned<DriverName>>,
    /// Another seed changes no byte of this scenario.
    #[serde(default)]
    pub seedless: bool,
    /// Packets that decoders rightly call malformed are part of this scenario.
    #[serde(default)]
    pub malformed: bool,
}

/// What no axis changes is kept once for all cases of a scenario.
fn shared<'de, T: Deserialize<'de>, D: Deserializer<'de>>(yaml: D) -> Result<Arc<T>, D::Error> {
    T::deserialize(yaml).map(Arc::new)
}

fn shared_if_said<'de, T: Deserialize<'de>, D: Deserializer<'de>>(yaml: D) -> Result<Option<Arc<T>>, D::Error> {
    Ok(Option::<T>::deserialize(yaml)?.map(Arc::new))
}

/// The drivers that a scenario can name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum DriverName {
    /// Endpoints in virtual time.
    Sim,
    /// Asynchronous implementations on a paused tokio runtime.
    Tokio,
    /// Every node a turmoil host.
    Turmoil,
}

impl DriverName {
    /// The name in scenarios and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            DriverName::Sim => "sim",
            DriverName::Tokio => "tokio",
            DriverName::Turmoil => "turmoil",
        }
    }
}

/// One party.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Node {
    /// What the node is.
    pub role: Spanned<RoleName>,
    /// The implementation under test that plays it; a node has this or `actor`.
    #[serde(default)]
    pub implementation: Option<Spanned<String>>,
    /// The node is played by the harness.
    #[serde(default)]
    pub actor: Option<Spanned<Actor>>,
    /// How the node reaches the internet, with a network of its own; `none` where neither this nor `network` is given.
    #[serde(default)]
    pub access: Option<Spanned<Access>>,
    /// Short for `access: {nat: ...}`.
    #[serde(default)]
    pub nat: Option<Spanned<NatRef>>,
    /// The shared network that the node is in.
    #[serde(default)]
    pub network: Option<Spanned<String>>,
    /// Address families that the node has; `[v4]` where nothing is said. `addresses: [v4, v4]` gives two IPv4 addresses.
    #[serde(default)]
    pub addresses: Option<Vec<Family>>,
    /// First local port; 3478 for STUN and TURN servers, 4433 for DTLS servers, else 5000.
    #[serde(default)]
    pub port: Option<Spanned<u16>>,
    /// Names of the nodes that serve this one as STUN or TURN servers.
    #[serde(default)]
    pub servers: Vec<Spanned<String>>,
    /// Peers and ICE agents: whether this one makes the offer; by default the first peer by name.
    #[serde(default)]
    pub offerer: Option<bool>,
    /// Peers: candidates go one by one (RFC 8838).
    #[serde(default)]
    pub trickle: Option<bool>,
    /// Peers: which candidates may be used.
    #[serde(default)]
    pub policy: Option<Policy>,
    /// DTLS options.
    #[serde(default)]
    pub dtls: Option<Dtls>,
    /// TURN servers: users and realm; user `alice` with password `secret` in realm `example.org` where nothing is said.
    #[serde(default)]
    pub credentials: Option<Credentials>,
    /// The node's own link to its network.
    #[serde(default)]
    pub link: Option<LinkPair>,
}

/// Roles as scenarios name them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RoleName {
    /// A WebRTC peer.
    Peer,
    /// An ICE agent without DTLS.
    IceAgent,
    /// A STUN client.
    StunClient,
    /// A STUN server.
    StunServer,
    /// A TURN client.
    TurnClient,
    /// A TURN server.
    TurnServer,
    /// A DTLS client.
    DtlsClient,
    /// A DTLS server.
    DtlsServer,
    /// A plain UDP host, only for actors.
    UdpPeer,
}

impl RoleName {
    /// All roles.
    pub const ALL: [RoleName; 9] = [
        RoleName::Peer,
        RoleName::IceAgent,
        RoleName::StunClient,
        RoleName::StunServer,
        RoleName::TurnClient,
        RoleName::TurnServer,
        RoleName::DtlsClient,
        RoleName::DtlsServer,
        RoleName::UdpPeer,
    ];

    /// The name in scenarios.
    pub fn name(self) -> &'static str {
        match self {
            RoleName::Peer => "peer",
            RoleName::IceAgent => "ice-agent",
            RoleName::StunClient => "stun-client",
            RoleName::StunServer => "stun-server",
            RoleName::TurnClient => "turn-client",
            RoleName::TurnServer => "turn-server",
            RoleName::DtlsClient => "dtls-client",
            RoleName::DtlsServer => "dtls-server",
            RoleName::UdpPeer => "udp-peer",
        }
    }
}

/// Which candidates a peer may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Policy {
    /// All.
    All,
    /// Only relayed ones.
    Relay,
}

/// DTLS options.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Dtls {
    /// The version.
    #[serde(default)]
    pub version: Option<DtlsVersionName>,
    /// Largest datagram in bytes.
    #[serde(default)]
    pub mtu: Option<Spanned<u16>>,
}

/// DTLS versions as scenarios name them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
pub enum DtlsVersionName {
    /// DTLS 1.2.
    #[serde(rename = "1.2")]
    V12,
    /// DTLS 1.3.
    #[serde(rename = "1.3")]
    V13,
}

/// Users of a TURN server.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Credentials {
    /// The realm.
    pub realm: String,
    /// User names and passwords.
    pub users: BTreeMap<String, String>,
}

/// The two-person signalling room.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Signalling {
    /// Time that a message takes; 30 ms where nothing is said.
    #[serde(default)]
    pub delay: Option<Span>,
    /// Share of trickled candidates that get lost; descriptions always arrive.
    #[serde(default)]
    pub candidate_loss: Option<Percent>,
}

/// One axis of the matrix.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Axis {
    /// All combinations of the values of these paths; the values are joined with `+` in the case id.
    Product(BTreeMap<String, Spanned<Vec<Spanned<Value>>>>),
    /// Named sets of settings; the name stands in the case id.
    Variants(BTreeMap<String, Spanned<BTreeMap<String, Spanned<Value>>>>),
}

/// The value of a matrix path; which kinds fit depends on the path.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A word, a duration, a share, a number or a truth value in its YAML spelling.
    Word(String),
    /// A list of words.
    List(Vec<String>),
}

/// How two peers must be connected.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Outcome {
    /// The two peers; the first one's local candidate stands first in a pair.
    pub between: (Spanned<String>, Spanned<String>),
    /// What decides it, as clauses.
    #[serde(default)]
    pub clauses: Vec<Spanned<String>>,
    /// The allowed outcomes, where they are the same for all cases.
    #[serde(default)]
    pub allowed: Option<Vec<Spanned<Cell>>>,
    /// The allowed outcomes by the presets of the two peers' NATs.
    #[serde(default)]
    pub table: Option<Table>,
}

/// An allowed outcome: `direct`, `relayed`, `failed`, or with the pair's candidate types: `direct host-srflx`.
pub type Cell = String;

/// A truth table: rows are the first peer's NAT, columns the second's.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Table {
    /// The second peer's NAT, in the order of the cells.
    pub columns: Vec<Spanned<String>>,
    /// The first peer's NAT, with one cell per column; alternatives in a cell are separated by `|`. `relayed` means `failed` in cases in which no TURN
    /// server serves both peers' needs.
    pub rows: BTreeMap<String, Spanned<Vec<Spanned<Cell>>>>,
}

pub use super::step::Step;
