//! The parts that the harness plays itself.

use crate::scenario::span::Spanned;
use crate::scenario::turn_server::TurnServerActor;
use crate::scenario::units::{Hex, Span};
use schemars::JsonSchema;
use serde::Deserialize;

/// What the harness plays.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Actor {
    /// Does what the steps say and nothing else.
    Script(Script),
    /// A correct STUN server, with the two addresses and ports of RFC 5780 when asked for.
    StunServer(StunServerActor),
    /// A TURN server: correct unless it is told what to do wrong.
    TurnServer(TurnServerActor),
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
    pub(in crate::scenario) fn numbers(&mut self) -> Option<(&mut Option<u32>, &mut Option<u32>)> {
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
