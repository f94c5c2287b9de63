//! The types of a scenario file: what YAML may say, and nothing else.
//!
//! Every field is typed and unknown keys are refused. These types are also the source of the JSON Schema that editors use, so their docs are what a
//! scenario author reads.

use super::span::Spanned;
use super::units::{Hex, Percent, Span};
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;

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
    #[serde(default)]
    pub timeline: Vec<Spanned<Step>>,
    /// How two peers must be connected in the end.
    #[serde(default)]
    pub outcome: Option<Spanned<Outcome>>,
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

/// What the harness plays.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Actor {
    /// Does what the steps say and nothing else.
    Script(Script),
    /// A correct STUN server, with the two addresses and ports of RFC 5780 when asked for.
    StunServer(StunServerActor),
    /// A STUN client that runs a discovery algorithm when a step says so.
    Discovery(Discovery),
    /// An honest DTLS endpoint or peer that can be told to delay, drop, reorder, re-fragment and replay its own flights.
    Dtls(DtlsActor),
    /// An ICE agent that claims a role whatever offer and answer give: for role conflicts.
    Ice(IceActor),
    /// A host that sends every datagram back to where it came from.
    Echo(Echo),
}

/// A scripted node.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Script {}

/// A host that echoes.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Echo {}

/// The harness's STUN server.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct StunServerActor {
    /// Offer RFC 5780's alternate address and port (the node needs `addresses: [v4, v4]`), and RFC 3489's attributes to requests without a cookie.
    #[serde(default)]
    pub discovery: bool,
    /// Do not answer the first so many requests.
    #[serde(default)]
    pub ignore_first: u32,
    /// Answer so much later.
    #[serde(default)]
    pub delay: Option<Span>,
    /// How answers are spoilt.
    #[serde(default)]
    pub answer: StunAnswer,
}

/// What the harness's STUN server answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum StunAnswer {
    /// A correct success response.
    #[default]
    Correct,
    /// Nothing.
    Silent,
    /// A response whose transaction id is another one.
    WrongTransactionId,
    /// A response whose FINGERPRINT is wrong.
    WrongFingerprint,
    /// A response with an unknown comprehension-required attribute.
    UnknownRequiredAttribute,
    /// A response from another port than the request went to.
    OtherPort,
    /// Error 500.
    Error500,
    /// Error 400.
    Error400,
    /// The correct response, twice.
    Duplicate,
    /// A response with a second XOR-MAPPED-ADDRESS that is wrong.
    DuplicateAttribute,
}

/// A discovery client.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Discovery {}

/// The harness's DTLS endpoint.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct DtlsActor {
    /// What happens to the DTLS datagrams that it sends. They are numbered from 1 in order of sending, after `fragment`; several faults of one datagram
    /// apply in the order of this list. A fault whose datagram or flight never comes makes the case inconclusive.
    #[serde(default)]
    pub faults: Vec<Spanned<DtlsFault>>,
    /// Split every plaintext handshake message into fragments of at most so many bytes, each in a record and a datagram of its own (RFC 6347 section
    /// 4.2.3).
    #[serde(default)]
    pub fragment: Option<u16>,
    /// Let each of these fragments repeat so many bytes of the one before it (RFC 6347 section 4.2.3, RFC 9147 section 5.5).
    #[serde(default)]
    pub overlap: Option<u16>,
}

/// The harness's ICE agent: it gathers one host candidate, checks and answers checks, and changes its role as RFC 8445 asks.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct IceActor {
    /// The role that it begins with.
    pub claims: IceRole,
    /// Its tiebreaker, which is never another one.
    pub tiebreaker: Tiebreaker,
    /// Send checks of its own.
    #[serde(default = "yes")]
    pub checks: bool,
    /// Answer the checks of the other side.
    #[serde(default = "yes")]
    pub answers: bool,
}

fn yes() -> bool {
    true
}

/// Roles of ICE agents (RFC 8445 section 6.1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum IceRole {
    /// Controlling.
    Controlling,
    /// Controlled.
    Controlled,
}

/// Tiebreakers of which it is known how they compare with any other (RFC 8445 section 16.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Tiebreaker {
    /// 0.
    Lowest,
    /// 2^64 - 1.
    Highest,
}

/// One fault in the harness's own datagrams. It is about one `datagram`, or about all of a `flight`. A flight is what the endpoint sends at once; flights
/// are numbered from 1, and one that is sent again has a new number.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum DtlsFault {
    /// Do not send it.
    Drop {
        /// Number of the datagram.
        #[serde(default)]
        datagram: Option<u32>,
        /// Number of the flight.
        #[serde(default)]
        flight: Option<u32>,
    },
    /// Send it later.
    Delay {
        /// Number of the datagram.
        #[serde(default)]
        datagram: Option<u32>,
        /// Number of the flight.
        #[serde(default)]
        flight: Option<u32>,
        /// How much later.
        by: Span,
    },
    /// Send it so many times more. Copies have no number.
    Replay {
        /// Number of the datagram.
        #[serde(default)]
        datagram: Option<u32>,
        /// Number of the flight: each of its datagrams is repeated.
        #[serde(default)]
        flight: Option<u32>,
        /// Copies.
        #[serde(default = "one")]
        times: u32,
        /// How much later each copy goes than the one before; at once where nothing is said.
        #[serde(default)]
        after: Option<Span>,
    },
    /// Send the datagrams of this range in reverse order, once the last one is there or 50 ms have passed.
    Reorder {
        /// First datagram.
        from: u32,
        /// Last datagram.
        to: u32,
    },
    /// Flip the lowest bit of one byte.
    Corrupt {
        /// Number of the datagram.
        #[serde(default)]
        datagram: Option<u32>,
        /// Number of the flight: the bit is flipped in each of its datagrams.
        #[serde(default)]
        flight: Option<u32>,
        /// Offset of the byte from the end of the datagram.
        #[serde(default)]
        from_end: u32,
    },
    /// Send these bytes before it.
    Stray {
        /// Number of the datagram.
        #[serde(default)]
        datagram: Option<u32>,
        /// Number of the flight: the bytes go before its first datagram.
        #[serde(default)]
        flight: Option<u32>,
        /// The bytes.
        bytes: Hex,
    },
}

/// What a fault is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DtlsTarget {
    /// One datagram.
    Datagram(u32),
    /// All datagrams of a flight.
    Flight(u32),
    /// Datagrams from one to another, both included.
    Range(u32, u32),
}

impl DtlsFault {
    /// What the fault is about; `None` where the scenario says nothing or too much.
    pub fn target(&self) -> Option<DtlsTarget> {
        let (datagram, flight) = match self {
            Self::Drop { datagram, flight }
            | Self::Delay { datagram, flight, .. }
            | Self::Replay { datagram, flight, .. }
            | Self::Corrupt { datagram, flight, .. }
            | Self::Stray { datagram, flight, .. } => (*datagram, *flight),
            Self::Reorder { from, to } => return Some(DtlsTarget::Range(*from, *to)),
        };
        match (datagram, flight) {
            (Some(datagram), None) => Some(DtlsTarget::Datagram(datagram)),
            (None, Some(flight)) => Some(DtlsTarget::Flight(flight)),
            _ => None,
        }
    }
}

impl DtlsFault {
    /// The numbers of its datagram and of its flight, for axes; `None` for faults that are about a range.
    pub(super) fn numbers(&mut self) -> Option<(&mut Option<u32>, &mut Option<u32>)> {
        match self {
            Self::Drop { datagram, flight }
            | Self::Delay { datagram, flight, .. }
            | Self::Replay { datagram, flight, .. }
            | Self::Corrupt { datagram, flight, .. }
            | Self::Stray { datagram, flight, .. } => Some((datagram, flight)),
            Self::Reorder { .. } => None,
        }
    }
}

impl std::fmt::Display for DtlsFault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Drop { .. } => "drop",
            Self::Delay { .. } => "delay",
            Self::Replay { .. } => "replay",
            Self::Reorder { .. } => "reorder",
            Self::Corrupt { .. } => "corrupt",
            Self::Stray { .. } => "stray before",
        })?;
        match self.target() {
            Some(DtlsTarget::Datagram(number)) => write!(f, " datagram {number}"),
            Some(DtlsTarget::Flight(number)) => write!(f, " flight {number}"),
            Some(DtlsTarget::Range(from, to)) => write!(f, " datagrams {from} to {to}"),
            None => Ok(()),
        }
    }
}

fn one() -> u32 {
    1
}

/// How a node reaches the internet.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Access {
    /// Directly: the node has public addresses.
    None,
    /// Through a NAT of its own.
    Nat(NatRef),
    /// Through a firewall of its own; the node has public addresses.
    Firewall(FirewallRef),
}

/// A NAT preset by name, or the terms of a NAT.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum NatRef {
    /// No NAT.
    Open,
    /// EIM, EIF.
    FullCone,
    /// EIM, ADF.
    Restricted,
    /// EIM, APDF.
    PortRestricted,
    /// APDM, APDF, random ports.
    Symmetric,
    /// APDM, APDF, sequential ports.
    SymmetricSequential,
    /// No NAT; no UDP passes.
    UdpBlocked,
    /// Linux MASQUERADE with a WAN side that drops what it did not ask for.
    LinuxMasqueradeDrop,
    /// Linux MASQUERADE with a WAN side that accepts: unsolicited packets create state.
    LinuxMasqueradeAccept,
    /// Exact terms.
    Custom(NatTerms),
}

/// The terms of a NAT. All must be said: there are no defaults to be surprised by.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct NatTerms {
    /// RFC 4787 section 4.1.
    pub mapping: Dependence,
    /// RFC 4787 section 5.
    pub filtering: Dependence,
    /// RFC 4787 section 4.2.1.
    pub ports: Ports,
    /// RFC 4787 section 6.
    pub hairpinning: Hairpinning,
    /// How long an idle mapping lives; RFC 4787 section 4.3.
    pub mapping_timer: Span,
    /// How long a filter entry admits packets after the last one.
    pub filter_timer: Span,
    /// Which packets refresh the mapping timer.
    pub mapping_refresh: Refresh,
    /// Which packets refresh a filter entry.
    pub filter_refresh: Refresh,
    /// Whether a packet that was admitted from outside binds the way back to its session or to the mapping.
    pub reverse_binding: ReverseBinding,
    /// What an unsolicited packet from outside leaves behind.
    pub unsolicited_inbound: UnsolicitedInbound,
    /// What an unsolicited packet from outside is answered with.
    pub unsolicited_reply: UnsolicitedReply,
}

/// How much of the remote endpoint a mapping or filter depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Dependence {
    /// Not at all.
    EndpointIndependent,
    /// On the address.
    AddressDependent,
    /// On address and port.
    AddressAndPortDependent,
}

/// Port allocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Ports {
    /// The internal port where it is free, else a random one.
    PreserveWithFallback,
    /// One after the other.
    Sequential,
    /// At random.
    Random,
}

/// Hairpinning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Hairpinning {
    /// Packets to the NAT's own external addresses from inside are dropped.
    Off,
    /// They come back in, with the external source address (RFC 4787 REQ-9a).
    ExternalSource,
}

/// Which direction refreshes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Refresh {
    /// Outbound packets (RFC 4787 REQ-6).
    Outbound,
    /// Inbound packets.
    Inbound,
    /// Both.
    Both,
}

/// The hidden knob of hole punching, first part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ReverseBinding {
    /// Like a connection tracker: replies leave through the session that admitted the packet.
    Session,
    /// Like a mapping table: replies get the mapping that any outbound packet would get.
    Mapping,
}

/// The hidden knob of hole punching, second part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum UnsolicitedInbound {
    /// Dropped without a trace.
    Ignore,
    /// Occupies the external tuple for 30 s, as on Linux with an accepting INPUT chain.
    CreatesState,
}

/// What a NAT answers to unsolicited packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum UnsolicitedReply {
    /// Nothing.
    Silent,
    /// ICMP port unreachable.
    PortUnreachable,
}

/// A firewall by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum FirewallRef {
    /// No UDP passes in either direction.
    UdpBlocked,
}

/// A network that nodes can share.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Network {
    /// The NAT between this network and the one it is behind.
    #[serde(default)]
    pub nat: Option<Spanned<NatRef>>,
    /// The firewall between this network and the one it is behind.
    #[serde(default)]
    pub firewall: Option<Spanned<FirewallRef>>,
    /// The network that this one is behind; `internet` where nothing is said.
    #[serde(default)]
    pub behind: Option<Spanned<String>>,
    /// The IPv4 prefix; networks behind different NATs may use the same one.
    #[serde(default)]
    pub prefix: Option<Spanned<String>>,
    /// The link from the gateway to the network it is behind.
    #[serde(default)]
    pub link: Option<LinkPair>,
}

/// A file of `scenarios/topologies/`: networks that scenarios can name.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Topology {
    /// What the topology is for.
    pub title: String,
    /// Its networks.
    pub networks: BTreeMap<String, Spanned<Network>>,
}

/// A link, per direction.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct LinkPair {
    /// Both directions.
    #[serde(default)]
    pub both: Option<Link>,
    /// Towards the internet; wins over `both`.
    #[serde(default)]
    pub up: Option<Link>,
    /// From the internet; wins over `both`.
    #[serde(default)]
    pub down: Option<Link>,
}

/// One direction of a link.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Link {
    /// One-way delay.
    #[serde(default)]
    pub latency: Option<Span>,
    /// Extra delay, uniform between 0 and this; order is kept.
    #[serde(default)]
    pub jitter: Option<Span>,
    /// Share of packets that are lost, independently.
    #[serde(default)]
    pub loss: Option<Percent>,
    /// Share of packets that arrive twice.
    #[serde(default)]
    pub duplicate: Option<Percent>,
    /// Share of packets that are held back and overtaken.
    #[serde(default)]
    pub reorder: Option<Percent>,
}

/// Address families.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Family {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
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
