//! Steps of a timeline: maps with one key.

use super::model::LinkPair;
use super::span::Spanned;
use super::units::{Hex, Span};
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

/// See [`Step::Send`]. Exactly one of `stun`, `channel-data`, `bytes` and `text` says what is sent.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Send {
    /// The node that sends.
    pub node: Name,
    /// Where to: a node, `relay-of NODE` (the relayed transport address that NODE was given), `mapped NODE` (where NODE's last packet came from, as
    /// the receiver saw it), `alternate NODE`, `source-of EXPECTATION` (where the datagram that met it came from), or an address with port.
    pub to: Name,
    /// The local port, where it is not the node's first.
    #[serde(default)]
    pub from_port: Option<u16>,
    /// A name for the transaction, for `answers` of later expectations and `same-transaction-as` of later sends.
    #[serde(default, rename = "as")]
    pub name: Option<Name>,
    /// A STUN or TURN message.
    #[serde(default)]
    pub stun: Option<StunMessage>,
    /// A ChannelData message (RFC 8656 section 12.4).
    #[serde(default)]
    pub channel_data: Option<ChannelData>,
    /// Any bytes.
    #[serde(default)]
    pub bytes: Option<Hex>,
    /// Any text.
    #[serde(default)]
    pub text: Option<String>,
}

/// A ChannelData message.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ChannelData {
    /// The channel number.
    pub number: u16,
    /// The application data.
    pub text: String,
    /// The length field, where it is not the length of the data.
    #[serde(default)]
    pub length: Option<u16>,
}

/// A STUN message to send: well-formed unless it says otherwise.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct StunMessage {
    /// The method.
    pub method: Method,
    /// The class; a request where nothing is said.
    #[serde(default)]
    pub class: Class,
    /// Attributes in order. MESSAGE-INTEGRITY and FINGERPRINT follow them, unless `after-integrity` adds more.
    #[serde(default)]
    pub attributes: Vec<Spanned<Attribute>>,
    /// Authentication.
    #[serde(default)]
    pub auth: Auth,
    /// Attributes that follow MESSAGE-INTEGRITY.
    #[serde(default)]
    pub after_integrity: Vec<Spanned<Attribute>>,
    /// FINGERPRINT.
    #[serde(default)]
    pub fingerprint: Fingerprint,
    /// The transaction id of an earlier send.
    #[serde(default)]
    pub same_transaction_as: Option<Name>,
    /// The transaction id of the request that met this earlier expectation: the message is its answer.
    #[serde(default)]
    pub answers: Option<Name>,
    /// Faults at the level of bytes, applied last.
    #[serde(default)]
    pub faults: Vec<Spanned<ByteFault>>,
}

/// STUN and TURN methods.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    /// Binding.
    Binding,
    /// Allocate.
    Allocate,
    /// Refresh.
    Refresh,
    /// CreatePermission.
    CreatePermission,
    /// ChannelBind.
    ChannelBind,
    /// Send.
    Send,
    /// Data.
    Data,
    /// 0x0ff, which is not assigned.
    Unassigned,
}

/// STUN classes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Class {
    /// Request.
    #[default]
    Request,
    /// Indication.
    Indication,
    /// Success response.
    Success,
    /// Error response.
    Error,
}

/// An attribute to send.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Attribute {
    /// SOFTWARE.
    Software(String),
    /// USERNAME.
    Username(String),
    /// REALM.
    Realm(String),
    /// NONCE.
    Nonce(String),
    /// LIFETIME in seconds.
    Lifetime(u32),
    /// REQUESTED-TRANSPORT, a protocol number: 17 is UDP.
    RequestedTransport(u8),
    /// REQUESTED-ADDRESS-FAMILY, 1 or 2.
    RequestedAddressFamily(u8),
    /// EVEN-PORT with the R bit.
    EvenPort(bool),
    /// DONT-FRAGMENT.
    DontFragment(bool),
    /// RESERVATION-TOKEN.
    ReservationToken(Hex),
    /// CHANNEL-NUMBER.
    ChannelNumber(u16),
    /// XOR-PEER-ADDRESS: a node, or an address with port; as `to` of a send.
    XorPeerAddress(Name),
    /// DATA, as text.
    Data(String),
    /// CHANGE-REQUEST (RFC 5780 section 7.2).
    ChangeRequest(ChangeRequest),
    /// RESPONSE-PORT (RFC 5780 section 7.5).
    ResponsePort(u16),
    /// PRIORITY.
    Priority(u32),
    /// ERROR-CODE with the registered reason phrase.
    ErrorCode(u16),
    /// XOR-MAPPED-ADDRESS: an address as `to` of a send.
    XorMappedAddress(Name),
    /// XOR-RELAYED-ADDRESS: an address as `to` of a send.
    XorRelayedAddress(Name),
    /// ALTERNATE-SERVER: an address as `to` of a send.
    AlternateServer(Name),
    /// Any attribute.
    Raw(RawAttribute),
}

/// CHANGE-REQUEST.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ChangeRequest {
    /// Change the address.
    #[serde(default)]
    pub address: bool,
    /// Change the port.
    #[serde(default)]
    pub port: bool,
}

/// An attribute by number.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct RawAttribute {
    /// The type: below 0x8000 comprehension is required.
    #[serde(rename = "type")]
    pub kind: u16,
    /// The value.
    #[serde(default)]
    pub value: Hex,
    /// The length field, where it is not the length of the value.
    #[serde(default)]
    pub length: Option<u16>,
    /// Bytes of padding, where they are not zeros up to the next multiple of 4.
    #[serde(default)]
    pub padding: Option<Hex>,
}

/// How a message is authenticated.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Auth {
    /// Not at all.
    #[default]
    None,
    /// RFC 8489 section 9.1.
    ShortTerm(ShortTerm),
    /// RFC 8489 section 9.2, with the realm and nonce that the server gave this node last.
    LongTerm(LongTerm),
}

/// The short-term credential mechanism.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ShortTerm {
    /// USERNAME.
    pub username: String,
    /// The password.
    pub password: String,
}

/// The long-term credential mechanism.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct LongTerm {
    /// USERNAME.
    pub username: String,
    /// The password.
    pub password: String,
    /// A nonce in place of the server's.
    #[serde(default)]
    pub nonce: Option<String>,
    /// A realm in place of the server's.
    #[serde(default)]
    pub realm: Option<String>,
    /// Spoil MESSAGE-INTEGRITY.
    #[serde(default)]
    pub wrong_integrity: bool,
    /// Leave MESSAGE-INTEGRITY out.
    #[serde(default)]
    pub no_integrity: bool,
    /// Attributes to leave out: username, realm, nonce.
    #[serde(default)]
    pub omit: Vec<Omit>,
}

/// What can be left out of a long-term credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Omit {
    /// USERNAME.
    Username,
    /// REALM.
    Realm,
    /// NONCE.
    Nonce,
}

/// FINGERPRINT.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Fingerprint {
    /// None.
    #[default]
    None,
    /// A correct one.
    Correct,
    /// A wrong one.
    Wrong,
}

/// A fault at the level of bytes.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum ByteFault {
    /// Another magic cookie.
    Cookie(Hex),
    /// Another value in the length field.
    Length(u16),
    /// Set the two top bits of the first byte to this value, 0 to 3.
    FirstBits(u8),
    /// Cut the message to so many bytes.
    Truncate(u32),
    /// Add bytes at the end, outside the length.
    Trailing(Hex),
    /// Overwrite bytes.
    Overwrite(Overwrite),
}

/// Bytes to overwrite.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Overwrite {
    /// Offset of the first one.
    pub at: u32,
    /// The bytes.
    pub bytes: Hex,
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

/// See [`Step::ExpectDiscovery`].
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ExpectDiscovery {
    /// The discovery actor.
    pub node: Name,
    /// The id of the expectation.
    pub id: Name,
    /// How long the algorithm may take.
    pub within: Span,
    /// What it must find: as the NATs between the node and the server are configured.
    pub as_configured: bool,
    /// The clauses that it decides.
    #[serde(default)]
    pub clauses: Vec<Spanned<String>>,
}

/// See [`Step::Expect`]. The datagram may have arrived before the step began, if no earlier expectation has taken it.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Expect {
    /// The actor at which the datagram must arrive.
    pub node: Name,
    /// The id of the expectation.
    pub id: Name,
    /// How long it may take.
    pub within: Span,
    /// Which datagram fits.
    pub packet: Match,
    /// The node that is judged; the only implementation where nothing is said.
    #[serde(default)]
    pub subject: Option<Name>,
    /// Another defensible reading of the clauses, in words: what departs then deviates and does not fail.
    #[serde(default)]
    pub reading: Option<Spanned<String>>,
    /// The clauses that it decides.
    #[serde(default)]
    pub clauses: Vec<Spanned<String>>,
}

/// See [`Step::ExpectNone`].
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ExpectNone {
    /// The actor at which no such datagram may arrive.
    pub node: Name,
    /// The id of the expectation.
    pub id: Name,
    /// How long to watch.
    #[serde(rename = "for")]
    pub duration: Span,
    /// Which datagram must not come.
    pub packet: Match,
    /// The expectation that shows that the same stimulus, done right, is answered: without its success, silence proves nothing.
    pub twin: Name,
    /// The node that is judged; the only implementation where nothing is said.
    #[serde(default)]
    pub subject: Option<Name>,
    /// Another defensible reading of the clauses, in words: what departs then deviates and does not fail.
    #[serde(default)]
    pub reading: Option<Spanned<String>>,
    /// The clauses that it decides.
    #[serde(default)]
    pub clauses: Vec<Spanned<String>>,
}

/// Which datagram fits: all that is said must hold.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Match {
    /// Where it came from: a node, `relay-of NODE`, `alternate NODE`, or an address with port.
    #[serde(default)]
    pub from: Option<Name>,
    /// The local port that it came to.
    #[serde(default)]
    pub to_port: Option<u16>,
    /// The named send whose transaction it answers.
    #[serde(default)]
    pub answers: Option<Name>,
    /// A STUN or TURN message.
    #[serde(default)]
    pub stun: Option<StunMatch>,
    /// A ChannelData message with this number.
    #[serde(default)]
    pub channel: Option<u16>,
    /// The payload: of the datagram, of DATA, or of ChannelData.
    #[serde(default)]
    pub text: Option<String>,
}

/// Which STUN message fits.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct StunMatch {
    /// The method.
    #[serde(default)]
    pub method: Option<Method>,
    /// The class.
    #[serde(default)]
    pub class: Option<Class>,
    /// The code of ERROR-CODE.
    #[serde(default)]
    pub error: Option<u16>,
    /// Any of these codes.
    #[serde(default)]
    pub error_any: Vec<u16>,
    /// Attributes that must be there, by their RFC names: `XOR-MAPPED-ADDRESS`, or by number: `0x7fff`.
    #[serde(default)]
    pub has: Vec<Spanned<String>>,
    /// Attributes that must not be there.
    #[serde(default)]
    pub lacks: Vec<Spanned<String>>,
    /// UNKNOWN-ATTRIBUTES lists exactly these types, in any order.
    #[serde(default)]
    pub unknown_attributes: Option<Vec<u16>>,
    /// XOR-MAPPED-ADDRESS is the address from which the server saw the last packet of this actor.
    #[serde(default)]
    pub mapped_is_seen: bool,
    /// LIFETIME in seconds lies in this range, both ends included.
    #[serde(default)]
    pub lifetime: Option<(u32, u32)>,
    /// FINGERPRINT is there and correct.
    #[serde(default)]
    pub fingerprint_correct: bool,
    /// MESSAGE-INTEGRITY is there and correct for the credential that the request used.
    #[serde(default)]
    pub integrity_correct: bool,
}

/// See [`Step::ExpectEvent`]. The event may have come before the step began, if no earlier expectation has taken it.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ExpectEvent {
    /// The implementation, which is also the one that is judged unless `subject` says otherwise.
    pub node: Name,
    /// The id of the expectation.
    pub id: Name,
    /// How long it may take.
    pub within: Span,
    /// The event: `connection:connected`, `channel-open`, `data`, `mapped-address`, `allocated`, `peer-data`, `error` ...
    pub event: Spanned<EventMatch>,
    /// The node that is judged.
    #[serde(default)]
    pub subject: Option<Name>,
    /// Another defensible reading of the clauses, in words: what departs then deviates and does not fail.
    #[serde(default)]
    pub reading: Option<Spanned<String>>,
    /// The clauses that it decides.
    #[serde(default)]
    pub clauses: Vec<Spanned<String>>,
}

/// See [`Step::ExpectNoEvent`].
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ExpectNoEvent {
    /// The implementation.
    pub node: Name,
    /// The id of the expectation.
    pub id: Name,
    /// How long to watch.
    #[serde(rename = "for")]
    pub duration: Span,
    /// The event that must not come.
    pub event: Spanned<EventMatch>,
    /// The expectation that shows that the event comes when it should: without its success, silence proves nothing.
    pub twin: Name,
    /// The node that is judged.
    #[serde(default)]
    pub subject: Option<Name>,
    /// Another defensible reading of the clauses, in words: what departs then deviates and does not fail.
    #[serde(default)]
    pub reading: Option<Spanned<String>>,
    /// The clauses that it decides.
    #[serde(default)]
    pub clauses: Vec<Spanned<String>>,
}

/// An event of the application interface.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct EventMatch {
    /// Its name.
    pub name: Spanned<EventName>,
    /// The channel that it is about.
    #[serde(default)]
    pub channel: Option<String>,
    /// The data that it carries.
    #[serde(default)]
    pub text: Option<String>,
    /// The data's size in bytes.
    #[serde(default)]
    pub size: Option<u32>,
}

/// Names of events, as [`iut::ApiEvent::name`] gives them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "each name is the event's own, documented at iut::ApiEvent")]
pub enum EventName {
    #[serde(rename = "gathering:gathering")]
    GatheringStarted,
    #[serde(rename = "gathering:complete")]
    GatheringComplete,
    LocalCandidate,
    #[serde(rename = "ice:connecting")]
    IceConnecting,
    #[serde(rename = "ice:connected")]
    IceConnected,
    #[serde(rename = "ice:completed")]
    IceCompleted,
    #[serde(rename = "ice:disconnected")]
    IceDisconnected,
    #[serde(rename = "ice:failed")]
    IceFailed,
    #[serde(rename = "dtls:connecting")]
    DtlsConnecting,
    #[serde(rename = "dtls:connected")]
    DtlsConnected,
    #[serde(rename = "dtls:failed")]
    DtlsFailed,
    #[serde(rename = "dtls:closed")]
    DtlsClosed,
    #[serde(rename = "connection:connecting")]
    ConnectionConnecting,
    #[serde(rename = "connection:connected")]
    ConnectionConnected,
    #[serde(rename = "connection:disconnected")]
    ConnectionDisconnected,
    #[serde(rename = "connection:failed")]
    ConnectionFailed,
    #[serde(rename = "connection:closed")]
    ConnectionClosed,
    /// ICE or the connection as a whole reports disconnected, failed or closed.
    #[serde(rename = "path-lost")]
    PathLost,
    SelectedPair,
    ChannelOpen,
    ChannelClosed,
    Data,
    MappedAddress,
    Allocated,
    PermissionCreated,
    ChannelBound,
    PeerData,
    Error,
    Unsupported,
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
