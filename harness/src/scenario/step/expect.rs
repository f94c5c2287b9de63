//! What a step expects, and which packets and events fit.

use super::{Class, Method, Name, Step};
use crate::scenario::span::Spanned;
use crate::scenario::units::Span;
use schemars::JsonSchema;
use serde::Deserialize;

/// What all expectations have, whatever they expect.
#[derive(Clone, Copy, Debug)]
pub struct Expectation<'a> {
    /// The id of the step.
    pub id: &'a Name,
    /// Where something is to be seen, or not.
    pub node: &'a Name,
    /// The clauses that it decides.
    pub clauses: &'a [Name],
    /// How long it lasts at most.
    pub lasts: Span,
    /// The node that is judged, where the scenario names one.
    pub subject: Option<&'a Name>,
    /// Another defensible reading of the clauses.
    pub reading: Option<&'a Name>,
    /// The positive twin of an expectation of silence.
    pub twin: Option<&'a Name>,
}

impl Step {
    /// The step as an expectation; `None` for steps that expect nothing.
    pub fn expectation(&self) -> Option<Expectation<'_>> {
        macro_rules! of {
            ($e:expr, $lasts:expr, $twin:expr) => {
                Expectation {
                    id: &$e.id,
                    node: &$e.node,
                    clauses: &$e.clauses,
                    lasts: $lasts,
                    subject: $e.subject.as_ref(),
                    reading: $e.reading.as_ref(),
                    twin: $twin,
                }
            };
        }
        Some(match self {
            Self::Expect(e) => of!(e, e.within, None),
            Self::ExpectNone(e) => of!(e, e.duration, Some(&e.twin)),
            Self::ExpectEvent(e) => of!(e, e.within, None),
            Self::ExpectNoEvent(e) => of!(e, e.duration, Some(&e.twin)),
            Self::ExpectDiscovery(e) => {
                Expectation { id: &e.id, node: &e.node, clauses: &e.clauses, lasts: e.within, subject: None, reading: None, twin: None }
            }
            _ => return None,
        })
    }
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
    /// The datagram shows whether the subject offers at all what the scenario is about: if it does not come, this and all that follows is unsupported.
    #[serde(default)]
    pub probe: bool,
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
