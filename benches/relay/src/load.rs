//! What a trial is made of, and what came of it.
//!
//! An open-loop datagram is due at a time fixed before the trial, whatever became of earlier ones; that is what keeps a stall of the relay visible
//! (coordinated omission). A closed-loop trial finds out what the relay can do, and its delays tell the window more than the relay.

use crate::account::{Counts, Delays};
use crate::content::Content;
use crate::flow::Flow;
use crate::io::Mode;
use crate::payload::Way;
use crate::proc::Cpu;
use crate::schedule::{Extent, Pace};
use crate::shard::Shard;
use std::io;
use std::time::{Duration, Instant};

/// The directions that carry load.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Traffic {
    /// From the first end of a flow to the second.
    Up,
    /// From the second to the first.
    Down,
    /// Both at the same time, each on a schedule of its own.
    Both,
    /// From the first to the second, which sends back what arrives. The delay of the way back is that of the round trip.
    Echo,
}

impl Traffic {
    /// The directions that datagrams travel in.
    #[must_use]
    pub fn ways(self) -> &'static [Way] {
        match self {
            Self::Up => &[Way::Up],
            Self::Down => &[Way::Down],
            Self::Both | Self::Echo => &[Way::Up, Way::Down],
        }
    }

    /// How many of these have a schedule.
    #[must_use]
    pub fn scheduled(self) -> usize {
        if self == Self::Both { 2 } else { 1 }
    }
}

/// One trial.
#[derive(Clone, Debug)]
pub struct Load {
    /// The directions that carry load.
    pub traffic: Traffic,
    /// What datagrams are like.
    pub content: Content,
    /// How the sockets of the flows are used.
    pub mode: Mode,
    /// When datagrams are sent.
    pub pace: Pace,
    /// How many.
    pub extent: Extent,
    /// How long nothing may arrive after the last was sent before what is missing counts as lost.
    pub patience: Duration,
    /// Number of the trial, in every datagram.
    pub run: u32,
}

/// [`Load::patience`] unless told otherwise.
pub const PATIENCE: Duration = Duration::from_millis(100);

/// What became of the datagrams of one direction.
#[derive(Clone, Debug)]
pub struct Leg {
    /// The direction.
    pub way: Way,
    /// Counts of each flow.
    pub flows: Vec<Counts>,
    /// Delays over all flows.
    pub delays: Delays,
}

impl Leg {
    /// The sum over the flows.
    #[must_use]
    pub fn total(&self) -> Counts {
        self.flows.iter().fold(Counts::default(), |mut total, counts| {
            total.add(counts);
            total
        })
    }
}

/// What came of a trial.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Each direction, in the order of [`Traffic::ways`].
    pub legs: Vec<Leg>,
    /// Datagrams that were due (open loop) or sent (closed loop) in directions with a schedule.
    pub offered: u64,
    /// Datagrams sent in directions with a schedule.
    pub sent: u64,
    /// Datagrams that the own kernel refused to send.
    pub refused: u64,
    /// Open-loop datagrams that left more than [`LATE`] after they were due.
    pub late: u64,
    /// Bursts that did not leave back to back: from the first to the last datagram it took more than [`LATE`] and [`SENDING`] for each.
    pub torn: u64,
    /// Times that a closed loop gave up what was on its way, since nothing had arrived for [`STALL`].
    pub stalls: u64,
    /// The clock's zero: all times of datagrams count from it.
    pub begin: Instant,
    /// From the first datagram to the end of sending.
    pub sending: Duration,
    /// The time in which datagrams arrived that count as delivered in the window: that of sending, or until the last arrival where their number was given.
    pub span: Duration,
    /// CPU time of the generator while it sent.
    pub generator: Option<Cpu>,
    /// Whether the trial was broken off.
    pub interrupted: bool,
}

impl Outcome {
    /// The sum over flows and directions.
    #[must_use]
    pub fn total(&self) -> Counts {
        self.legs.iter().fold(Counts::default(), |mut total, leg| {
            total.add(&leg.total());
            total
        })
    }
}

/// A datagram that leaves later than this after it was due is late.
pub const LATE: Duration = Duration::from_millis(1);
/// How long the generator may take for a datagram of a burst.
pub const SENDING: Duration = Duration::from_micros(10);
/// How long a closed loop waits for what is on its way.
pub const STALL: Duration = Duration::from_millis(20);

/// Asks whether to break off, between datagrams.
pub type Stop<'a> = &'a dyn Fn() -> bool;

/// Sends and receives for the duration of a trial, on the calling thread. `stop` may break it off.
///
/// # Errors
/// When the system refuses to wait for or to read the sockets.
pub fn run(flows: &[Flow], load: &Load, stop: Stop<'_>) -> io::Result<Outcome> {
    Shard::new(flows, load)?.run(stop)
}
