//! Steps of a timeline: maps with one key.

mod expect;
mod message;

pub use expect::{EventMatch, EventName, Expect, ExpectDiscovery, ExpectEvent, ExpectNoEvent, ExpectNone, Expectation, Match, StunMatch};
pub use message::{
    Attribute, Auth, ByteFault, ChangeRequest, ChannelData, Class, Fingerprint, LongTerm, Method, Omit, Overwrite, PasswordAlgorithm,
    RawAttribute, Send, ShortTerm, StunMessage,
};

use super::model::LinkPair;
use super::span::Spanned;
use super::units::Span;
use schemars::JsonSchema;
use serde::Deserialize;

type Name = Spanned<String>;

/// One step. Commands and sends end at once; expectations end when they are met or their time is over; waits end when their time is over.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Step {
    /// Peer: open a data channel.
    OpenChannel(OpenChannel),
    /// Peer: create the offer; the other peer answers by itself.
    CreateOffer(OnNode),
    /// Peer: restart ICE.
    RestartIce(OnNode),
    /// Peer, ICE agent, DTLS endpoint: send application data.
    SendData(SendData),
    /// DTLS client: begin the handshake.
    Connect(Towards),
    /// STUN client: one Binding transaction.
    Bind(Towards),
    /// TURN client: create an allocation.
    Allocate(Towards),
    /// TURN client: install a permission.
    CreatePermission(TowardsPeer),
    /// TURN client: bind a channel.
    BindChannel(TowardsPeer),
    /// TURN client: send data to a peer through the allocation.
    SendToPeer(SendToPeer),
    /// TURN client: refresh the allocation.
    Refresh(RefreshAllocation),
    /// Close in order what can be closed.
    Close(OnNode),
    /// Send a verb that no implementation knows: it must answer that it is unsupported.
    Probe(OnNode),
    /// Actor: send one datagram.
    Send(Box<Send>),
    /// Discovery actor: run a discovery algorithm.
    Discover(Discover),
    /// Actor: a datagram that fits must arrive.
    Expect(Box<Expect>),
    /// Actor: no datagram that fits may arrive from now on for so long.
    ExpectNone(Box<ExpectNone>),
    /// Implementation: an event of the application interface must come.
    ExpectEvent(ExpectEvent),
    /// Implementation: no such event may come for so long.
    ExpectNoEvent(ExpectNoEvent),
    /// Discovery actor: what it found.
    ExpectDiscovery(ExpectDiscovery),
    /// Let time pass.
    Wait(Wait),
    /// A NAT loses its mappings and comes back at once.
    RebootNat(OnGateway),
    /// Change links from now on.
    SetLink(SetLink),
    /// The host of a node dies: its sockets and its state are gone. Needs the `turmoil` driver.
    Crash(OnNode),
    /// The host of a node starts again from nothing. Needs the `turmoil` driver.
    Bounce(OnNode),
    /// The NAT or firewall of a node dies and comes back after a while. Needs the `turmoil` driver.
    CrashGateway(CrashGateway),
}

/// A step on one node.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct OnNode {
    /// The node.
    pub node: Name,
}

/// A step on the NAT of a node or of a network.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct OnGateway {
    /// The node whose own NAT is meant, or the network whose NAT is meant.
    pub of: Name,
}

/// A gateway that dies for a while.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct CrashGateway {
    /// The node whose own gateway is meant, or the network whose gateway is meant.
    pub of: Name,
    /// How long it is away.
    #[serde(rename = "for")]
    pub duration: Span,
}

/// See [`Step::OpenChannel`].
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct OpenChannel {
    /// The node.
    pub node: Name,
    /// The label.
    pub label: String,
    /// Messages may overtake each other.
    #[serde(default)]
    pub unordered: bool,
    /// Retransmissions of a message before it is given up.
    #[serde(default)]
    pub max_retransmits: Option<u16>,
}

/// See [`Step::SendData`].
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct SendData {
    /// The node.
    pub node: Name,
    /// The label of the data channel; nothing for DTLS endpoints and ICE agents.
    #[serde(default)]
    pub channel: Option<String>,
    /// The message.
    pub text: String,
    /// Make the message so many bytes long by repeating the text.
    #[serde(default)]
    pub size: Option<u32>,
}

/// A step towards a node.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Towards {
    /// The node that acts.
    pub node: Name,
    /// The node that it acts towards.
    pub to: Name,
}

/// A step towards a peer behind a relay.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct TowardsPeer {
    /// The node that acts.
    pub node: Name,
    /// The peer: a node.
    pub peer: Name,
}

/// See [`Step::SendToPeer`].
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct SendToPeer {
    /// The node that acts.
    pub node: Name,
    /// The peer: a node.
    pub peer: Name,
    /// The message.
    pub text: String,
}

/// See [`Step::Refresh`].
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct RefreshAllocation {
    /// The node that acts.
    pub node: Name,
    /// The lifetime to ask for; `0s` deletes.
    pub lifetime: Span,
}

/// See [`Step::Discover`].
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Discover {
    /// The discovery actor.
    pub node: Name,
    /// The STUN server, which must offer `discovery`.
    pub server: Name,
    /// The algorithm.
    pub algorithm: Algorithm,
}

/// Discovery algorithms.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Algorithm {
    /// RFC 3489 section 10.1: names the NAT's type.
    Rfc3489,
    /// RFC 5780 sections 4.3 and 4.4: mapping and filtering.
    Rfc5780,
}

/// See [`Step::Wait`].
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Wait {
    /// How long.
    #[serde(rename = "for")]
    pub duration: Span,
}

/// See [`Step::SetLink`].
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct SetLink {
    /// The node whose access is meant, or the network whose uplink is meant.
    pub of: Name,
    /// New properties. What is not said is as in a scenario that says nothing: 10 ms each way, no loss.
    #[serde(default)]
    pub link: Option<LinkPair>,
    /// Nothing passes in either direction.
    #[serde(default)]
    pub down: Option<bool>,
}
