//! How fast checks are sent, and how soon again (RFC 8445 section 14).

use super::sent_check;
use crate::check::finding::{Evidence, Finding, each};
use crate::check::{Check, Context, Datagram, Frame, FrameEvent, Judge, Judgement, Level, applies};
use iut::{MILLISECOND, Ns, Signal};

pub(super) const CHECKS: &[Check] = &[
    Check {
        id: "ice.pacing.minimum",
        clauses: &["RFC8445-14.2-4"],
        level: Level::Must,
        summary: "new checks are at least 5 ms apart",
        applies: applies::ice_agent,
        judge: |_, _| Box::new(Pacing::new(About::Minimum)),
    },
    Check {
        id: "ice.pacing.ta",
        clauses: &["RFC8445-14.2-1", "RFC8445-14.2-3"],
        level: Level::Should,
        summary: "new checks are Ta apart: 50 ms, or what the agents agreed on",
        applies: applies::ice_agent,
        judge: |_, _| Box::new(Pacing::new(About::Ta)),
    },
    Check {
        id: "ice.pacing.rto",
        clauses: &["RFC8445-14.3-4"],
        level: Level::Must,
        summary: "a check is sent again after 500 ms at the earliest",
        applies: applies::ice_agent,
        judge: |_, _| each(rto),
    },
];

/// Ta: RFC 8445 section 14.2.
const TA: Ns = 50 * MILLISECOND;
/// The least time between transactions of all agents together.
const MINIMUM: Ns = 5 * MILLISECOND;
/// Timers of runtimes count milliseconds.
const SLACK: Ns = MILLISECOND;
/// Checks that are further apart do not follow each other by Ta: the checklist had nothing to do.
const IDLE: Ns = 500 * MILLISECOND;

#[derive(Clone, Copy, PartialEq, Eq)]
enum About {
    Minimum,
    Ta,
}

/// Measures the time between new checks.
struct Pacing {
    about: About,
    /// What both sides proposed by `a=ice-pacing`; the default counts for a side that proposes nothing.
    proposed: [Option<Ns>; 2],
    previous: Option<(u32, Ns)>,
    evidence: Evidence,
}

impl Pacing {
    fn new(about: About) -> Self {
        Self { about, proposed: [None; 2], previous: None, evidence: Evidence::default() }
    }

    fn propose(&mut self, side: usize, signal: &Signal) {
        if let Signal::Description(description) = signal {
            let pacing = super::Description::read(&description.sdp).pacing.map(|milliseconds| u64::from(milliseconds) * MILLISECOND);
            self.proposed[side] = pacing.or(self.proposed[side]);
        }
    }

    fn interval(&self, length: Ns) -> Finding {
        match self.about {
            About::Minimum if length + SLACK / 2 >= MINIMUM => Finding::kept("new checks 5 ms or more apart"),
            About::Minimum => Finding::broken("new checks 5 ms or more apart", "new checks less than 5 ms apart"),
            About::Ta => {
                let ta = self.proposed.map(|proposed| proposed.unwrap_or(TA)).into_iter().max().unwrap_or(TA);
                match length + SLACK {
                    kept if kept >= ta => Finding::kept("new checks Ta or more apart"),
                    // Still shorter intervals are the business of the other check.
                    shortest if shortest < MINIMUM => Finding::Nothing,
                    _ => Finding::broken(format!("new checks {} ms or more apart", ta / MILLISECOND), "new checks closer together"),
                }
            }
        }
    }
}

impl Judge for Pacing {
    fn frame(&mut self, context: &Context, frame: Frame<'_>) {
        match frame.event {
            FrameEvent::Datagram(datagram) => {
                if sent_check(context, datagram).is_none() || datagram.before.is_some() {
                    return;
                }
                if let Some((because, previous)) = self.previous.replace((frame.number, frame.at))
                    && frame.at - previous < IDLE
                {
                    let finding = self.interval(frame.at - previous).because(because);
                    self.evidence.add(frame.number, finding);
                }
            }
            FrameEvent::SentSignal(signal) => self.propose(0, signal),
            FrameEvent::PeerSignal(signal) => self.propose(1, signal),
            FrameEvent::Api(_) => {}
        }
    }

    fn finish(self: Box<Self>, _: &Context) -> Judgement {
        self.evidence.judgement()
    }
}

fn rto(context: &Context, frame: &Frame<'_>, datagram: &Datagram<'_>) -> Finding {
    if sent_check(context, datagram).is_none() {
        return Finding::Nothing;
    }
    let Some(earlier) = datagram.before else { return Finding::Nothing };
    if frame.at - earlier.last.1 + SLACK >= 500 * MILLISECOND {
        Finding::kept("500 ms or more between the sends of a check")
    } else {
        Finding::broken("500 ms or more between the sends of a check", "less than 500 ms between the sends of a check")
            .because(earlier.last.0)
    }
}
