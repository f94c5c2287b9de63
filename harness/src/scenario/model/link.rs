//! Links: what happens to packets between a node and the network, per direction.

use crate::scenario::units::{BitRate, Octets, Percent, Span};
use schemars::JsonSchema;
use serde::Deserialize;

/// A link, per direction.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct LinkPair {
    /// Both directions.
    #[serde(default)]
    pub both: Option<Box<Link>>,
    /// Towards the internet; wins over `both`.
    #[serde(default)]
    pub up: Option<Box<Link>>,
    /// From the internet; wins over `both`.
    #[serde(default)]
    pub down: Option<Box<Link>>,
}

/// One direction of a link.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Link {
    /// One-way delay.
    #[serde(default)]
    pub latency: Option<Span>,
    /// Extra delay, between 0 and this.
    #[serde(default)]
    pub jitter: Option<Span>,
    /// How jitter is distributed; `uniform` where nothing is said.
    #[serde(default)]
    pub jitter_shape: Option<JitterShape>,
    /// Whether packets overtake each other by jitter; `kept` where nothing is said.
    #[serde(default)]
    pub jitter_order: Option<JitterOrder>,
    /// Share of packets that are lost, independently; with `bursts`, in the good state.
    #[serde(default)]
    pub loss: Option<Percent>,
    /// Loss in bursts.
    #[serde(default)]
    pub bursts: Option<Bursts>,
    /// How fast the link is; without it any number of packets pass at once.
    #[serde(default)]
    pub rate: Option<Rate>,
    /// Share of packets that arrive twice.
    #[serde(default)]
    pub duplicate: Option<Percent>,
    /// Share of packets that are held back and overtaken.
    #[serde(default)]
    pub reorder: Option<Percent>,
}

/// How jitter is distributed between 0 and its bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum JitterShape {
    /// Every delay is as likely as any other.
    Uniform,
    /// A bell around the half of the bound, with a standard deviation of a seventh.
    Bell,
    /// Mostly short, seldom long: half of the delays are below a sixteenth of the bound.
    LongTail,
}

/// Whether packets overtake each other by jitter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum JitterOrder {
    /// No: one waits for the one before it.
    Kept,
    /// Yes.
    Free,
}

/// Loss in bursts, by the model of Gilbert and Elliott: a link begins in its good state, and before each packet it may change to the other one.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Bursts {
    /// How likely the good state turns bad before a packet.
    pub worsen: Percent,
    /// How likely the bad state turns good before a packet: bursts last `1 / recover` packets on average.
    pub recover: Percent,
    /// Share of packets that are lost in the bad state.
    pub loss: Percent,
}

/// How fast a link is, and the queue before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Rate {
    /// Bits of IP packets per second.
    pub speed: BitRate,
    /// How much waits at most, beside the packet that is being sent; what does not fit is dropped.
    pub queue: Octets,
    /// Controlled delay (RFC 8289), which shortens the queue before it is full.
    #[serde(default)]
    pub codel: Option<CoDel>,
}

/// Controlled delay: RFC 8289.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct CoDel {
    /// Delay in the queue that is acceptable for ever; the RFC recommends 5 ms.
    pub target: Span,
    /// How long the delay may be above it; the RFC recommends 100 ms.
    pub interval: Span,
}
