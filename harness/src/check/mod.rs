//! Checks: pure functions of a trace that cite clauses. They read packets with natproof's own codecs and never believe the implementation.
//!
//! A check is judged per subject: a party of the case, or of a foreign capture, whose role the check is about. It sees the frames in order and keeps
//! bounded state, so that captures of any size stream through it. A check that saw nothing that it could judge says so
//! ([`Judgement::NotApplicable`]); silence never passes.

mod applies;
mod context;
mod controls;
mod dtls;
mod finding;
mod frame;
mod ice;
mod judge;
mod known;
mod lens;
mod outcome;
mod stun;
mod turn;

pub use context::{Context, Credentials, Party};
pub use controls::{Controls, controls};
pub use frame::{Content, Datagram, Frame, FrameEvent, Transaction};
pub(crate) use ice::{Candidate, Description};
pub use judge::{CheckRecord, judge};
pub use known::Known;
pub use outcome::{Connection, Outcome, Pair, connection};

/// One check.
#[derive(Clone, Copy)]
pub struct Check {
    /// `stun.response.fingerprint`: dotted, never reused.
    pub id: &'static str,
    /// The clauses that it judges, the newest RFC first.
    pub clauses: &'static [&'static str],
    /// How hard the clauses are.
    pub level: Level,
    /// One sentence: what a correct implementation does.
    pub summary: &'static str,
    /// Whether the check is about this party.
    pub applies: fn(&Context, &Party) -> bool,
    /// A judge for one subject; the number is the party's position.
    pub judge: fn(&Context, usize) -> Box<dyn Judge>,
}

/// The level of a check, which decides what a violation is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// MUST and MUST NOT: a violation fails.
    Must,
    /// SHOULD and the like, and clauses with two defensible readings: a violation deviates.
    Should,
    /// Behaviour that the RFC states without capitals: a violation fails.
    Unmarked,
}

/// Judges one subject.
pub trait Judge {
    /// Sees the next frame.
    fn frame(&mut self, context: &Context, frame: Frame<'_>);

    /// Decides after the last frame.
    fn finish(self: Box<Self>, context: &Context) -> Judgement;
}

/// What a judge decides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Judgement {
    /// It saw what the clause demands, in these frames.
    Pass {
        /// What was seen.
        observed: String,
        /// Where; at most [`FRAMES`].
        frames: Vec<u32>,
    },
    /// It saw a violation.
    Violation {
        /// What the clause demands here.
        expected: String,
        /// What was seen instead; without times, addresses and ids where they do not matter.
        observed: String,
        /// Where; at most [`FRAMES`].
        frames: Vec<u32>,
    },
    /// The stimulus was there, but it cannot be told whether the clause was kept.
    Inconclusive {
        /// Why.
        reason: String,
    },
    /// Nothing in the trace is about this clause.
    NotApplicable,
}

/// Frames that one judgement cites at most.
pub const FRAMES: usize = 8;

/// All checks, in the order of their ids.
pub fn catalogue() -> Vec<Check> {
    let mut checks: Vec<Check> = [dtls::CHECKS, ice::CHECKS, stun::CHECKS, turn::CHECKS].concat().concat();
    checks.sort_by_key(|check| check.id);
    checks
}
