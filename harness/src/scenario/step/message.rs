//! What a step sends: datagrams, well-formed or with faults down to the byte.

use super::Name;
use crate::scenario::span::Spanned;
use crate::scenario::units::Hex;
use schemars::JsonSchema;
use serde::Deserialize;

/// See [`Step::Send`](super::Step::Send). Exactly one of `stun`, `channel-data`, `bytes` and `text` says what is sent.
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
    /// RESERVATION-TOKEN as the server gave it to this node.
    TokenOf(Name),
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
    /// Negotiate this password algorithm: PASSWORD-ALGORITHMS as the server sent it, PASSWORD-ALGORITHM, and MESSAGE-INTEGRITY-SHA256 in place of
    /// MESSAGE-INTEGRITY (RFC 8489 section 9.2.5).
    #[serde(default)]
    pub algorithm: Option<PasswordAlgorithm>,
    /// With `algorithm`: the value of PASSWORD-ALGORITHMS in place of the server's; empty bytes leave the attribute out.
    #[serde(default)]
    pub offered: Option<Hex>,
    /// With `algorithm`: the first bytes of MESSAGE-INTEGRITY-SHA256 alone (RFC 8489 section 14.6).
    #[serde(default)]
    pub integrity_bytes: Option<u8>,
    /// USERHASH in place of USERNAME (RFC 8489 section 9.2.5).
    #[serde(default)]
    pub userhash: bool,
    /// Attributes to leave out: username, realm, nonce.
    #[serde(default)]
    pub omit: Vec<Omit>,
}

/// Password algorithms (RFC 8489 section 18.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PasswordAlgorithm {
    /// MD5.
    Md5,
    /// SHA-256.
    Sha256,
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
