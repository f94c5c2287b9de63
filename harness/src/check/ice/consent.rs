//! Consent to send, and keepalives (RFC 7675 section 5.1, RFC 8445 section 11).

use super::selected::{Nomination, gives_consent, nomination};
use super::{Path, ends, is_data, path, restarts, sent_check};
use crate::check::finding::{Evidence, Finding};
use crate::check::{Check, Context, Datagram, Frame, FrameEvent, Judge, Judgement, Level, Party, applies};
use crate::scenario::model::RoleName;
use iut::{MILLISECOND, Ns, SECOND};
use std::collections::BTreeMap;

pub(super) const CHECKS: &[Check] = &[
    Check {
        id: "ice.consent.before-data",
        clauses: &["RFC7675-5.1-1"],
        level: Level::Must,
        summary: "no data is sent on a pair before a check on it was answered",
        applies: webrtc_peer,
        judge: |_, _| Box::new(BeforeData::default()),
    },
    Check {
        id: "ice.consent.expiry",
        clauses: &["RFC7675-5.1-2"],
        level: Level::Must,
        summary: "no data is sent later than 30 s after the last valid response from the peer",
        applies: webrtc_peer,
        judge: |_, _| Box::new(Expiry::default()),
    },
    Check {
        id: "ice.consent.interval-minimum",
        clauses: &["RFC7675-5.1-5"],
        level: Level::Must,
        summary: "consent checks are never less than 4 s apart",
        applies: webrtc_peer,
        judge: |_, _| Box::new(Intervals::new(at_least_four_seconds)),
    },
    Check {
        id: "ice.consent.interval-maximum",
        clauses: &["RFC7675-5.1-4"],
        level: Level::Should,
        summary: "consent checks are 6 s apart at most",
        applies: webrtc_peer,
        judge: |_, _| Box::new(Intervals::new(at_most_six_seconds)),
    },
    Check {
        id: "ice.consent.interval-random",
        clauses: &["RFC7675-5.1-3"],
        level: Level::Must,
        summary: "the time between consent checks varies at random",
        applies: webrtc_peer,
        judge: |_, _| Box::new(Intervals::new(vary)),
    },
    Check {
        id: "ice.consent.sent-once",
        clauses: &["RFC7675-5.1-6"],
        level: Level::Must,
        summary: "each consent check has a transaction id of its own: none is sent again",
        applies: webrtc_peer,
        judge: |_, _| Box::new(SentOnce::default()),
    },
    Check {
        id: "ice.keepalive.interval",
        clauses: &["RFC8445-11-4", "RFC8445-11-5"],
        // Tr may be configured to be longer than its default of 15 s.
        level: Level::Should,
        summary: "on the selected pair something is sent at least every 15 s",
        applies: applies::ice_agent,
        judge: |_, _| Box::new(Keepalive::default()),
    },
];

/// WebRTC demands consent of its peers (RFC 8827 section 9.4), plain ICE does not.
fn webrtc_peer(_: &Context, party: &Party) -> bool {
    party.role == RoleName::Peer
}

/// Timers of runtimes, and the way from the wire into the stack.
const SLACK: Ns = 500 * MILLISECOND;
/// Consent expires after: RFC 7675 section 5.1.
const EXPIRY: Ns = 30 * SECOND;
/// Paths that are followed at most.
const PATHS: usize = 1024;

/// Paths on which checks were answered.
#[derive(Default)]
struct BeforeData {
    consented: BTreeMap<Path, ()>,
    evidence: Evidence,
}

impl Judge for BeforeData {
    fn frame(&mut self, context: &Context, frame: Frame<'_>) {
        let FrameEvent::Datagram(datagram) = frame.event else { return };
        if gives_consent(context, &frame, datagram) && self.consented.len() < PATHS {
            self.consented.insert(path(datagram), ());
        }
        if datagram.sent && is_data(context, datagram) && context.from_the_start {
            const EXPECTED: &str = "data on a pair after a check on it was answered";
            self.evidence.add(
                frame.number,
                match self.consented.contains_key(&path(datagram)) {
                    true => Finding::kept(EXPECTED),
                    false => Finding::broken(EXPECTED, "data on a pair on which no check was answered before"),
                },
            );
        }
    }

    fn finish(self: Box<Self>, _: &Context) -> Judgement {
        self.evidence.judgement()
    }
}

/// When the latest consent was given on a path, and whether data was sent under it.
struct Consent {
    frame: u32,
    at: Ns,
    data: bool,
}

#[derive(Default)]
struct Expiry {
    paths: BTreeMap<Path, Consent>,
    latest: Ns,
    evidence: Evidence,
}

impl Judge for Expiry {
    fn frame(&mut self, context: &Context, frame: Frame<'_>) {
        self.latest = frame.at;
        let FrameEvent::Datagram(datagram) = frame.event else { return };
        if gives_consent(context, &frame, datagram) && self.paths.len() < PATHS {
            let data = self.paths.get(&path(datagram)).is_some_and(|consent| consent.data);
            self.paths.insert(path(datagram), Consent { frame: frame.number, at: frame.at, data });
        }
        if !datagram.sent || !is_data(context, datagram) {
            return;
        }
        let Some(consent) = self.paths.get_mut(&path(datagram)) else { return };
        consent.data = true;
        if frame.at > consent.at + EXPIRY + SLACK {
            let finding = Finding::broken("no data later than 30 s after the last valid response", "data after consent had expired");
            self.evidence.add(frame.number, finding.because(consent.frame));
        }
    }

    fn finish(mut self: Box<Self>, _: &Context) -> Judgement {
        for consent in self.paths.values() {
            // Only an expiry that the trace outlives shows that data stopped.
            if consent.data && self.latest > consent.at + EXPIRY + SLACK {
                self.evidence.add(consent.frame, Finding::kept("no data after consent had expired"));
            }
        }
        self.evidence.judgement()
    }
}

/// Decides on the intervals between consent checks: of each, and of all.
type Decide = fn(&[Interval]) -> Vec<(u32, Finding)>;

struct Interval {
    frame: u32,
    length: Ns,
}

/// Measures the time between consent checks: requests on the selected pair once the dust of nomination has settled.
struct Intervals {
    decide: Decide,
    selected: Option<Nomination>,
    previous: Option<Ns>,
    intervals: Vec<Interval>,
}

/// Checks that are older than the selection may still be in the queue then.
const SETTLED: Ns = 3 * SECOND;
/// Intervals that are measured: half an hour has 360.
const MEASURED: usize = 1024;

impl Intervals {
    fn new(decide: Decide) -> Self {
        Self { decide, selected: None, previous: None, intervals: Vec::new() }
    }

    fn datagram(&mut self, context: &Context, frame: &Frame<'_>, datagram: &Datagram<'_>) {
        if let Some(found) = nomination(context, frame, datagram)
            && self.selected.is_none_or(|selected| selected.path != found.path)
        {
            (self.selected, self.previous) = (Some(found), None);
        }
        let Some(selected) = self.selected.filter(|selected| frame.at > selected.at + SETTLED && selected.path == path(datagram)) else {
            return;
        };
        if sent_check(context, datagram).is_none() || datagram.before.is_some() || selected.frame == frame.number {
            return;
        }
        if let Some(previous) = self.previous.replace(frame.at)
            && self.intervals.len() < MEASURED
        {
            self.intervals.push(Interval { frame: frame.number, length: frame.at - previous });
        }
    }
}

impl Judge for Intervals {
    fn frame(&mut self, context: &Context, frame: Frame<'_>) {
        match frame.event {
            FrameEvent::Datagram(datagram) => self.datagram(context, &frame, datagram),
            FrameEvent::SentSignal(signal) | FrameEvent::PeerSignal(signal) if restarts(&frame, signal) => {
                (self.selected, self.previous) = (None, None);
            }
            FrameEvent::Api(event) if ends(event) => self.previous = None,
            _ => {}
        }
    }

    fn finish(self: Box<Self>, _: &Context) -> Judgement {
        let mut evidence = Evidence::default();
        for (frame, finding) in (self.decide)(&self.intervals) {
            evidence.add(frame, finding);
        }
        evidence.judgement()
    }
}

fn at_least_four_seconds(intervals: &[Interval]) -> Vec<(u32, Finding)> {
    let finding = |interval: &Interval| match interval.length + 5 * MILLISECOND >= 4 * SECOND {
        true => Finding::kept("4 s or more between consent checks"),
        false => Finding::broken("4 s or more between consent checks", "less than 4 s between consent checks"),
    };
    intervals.iter().map(|interval| (interval.frame, finding(interval))).collect()
}

/// Shorter intervals are the business of the other check.
fn at_most_six_seconds(intervals: &[Interval]) -> Vec<(u32, Finding)> {
    let finding = |interval: &Interval| match interval.length {
        long if long > 6 * SECOND + SLACK => Finding::broken("consent checks 6 s apart at most", "more than 6 s between consent checks"),
        short if short + SLACK < 4 * SECOND => Finding::Nothing,
        _ => Finding::kept("consent checks 4 to 6 s apart"),
    };
    intervals.iter().map(|interval| (interval.frame, finding(interval))).collect()
}

/// So many intervals that are equal to the millisecond do not come from a random range of two seconds: the probability is 2000^-5.
const EQUAL: usize = 6;

fn vary(intervals: &[Interval]) -> Vec<(u32, Finding)> {
    let (Some(first), true) = (intervals.first(), intervals.len() >= EQUAL) else { return Vec::new() };
    let equal = intervals.iter().all(|interval| interval.length.abs_diff(first.length) <= MILLISECOND);
    vec![(
        first.frame,
        match equal {
            true => Finding::broken("intervals that vary at random", "consent checks at equal intervals"),
            false => Finding::kept("intervals that vary"),
        },
    )]
}

/// Whether consent checks are sent again.
#[derive(Default)]
struct SentOnce {
    selected: Option<Nomination>,
    evidence: Evidence,
}

impl Judge for SentOnce {
    fn frame(&mut self, context: &Context, frame: Frame<'_>) {
        let FrameEvent::Datagram(datagram) = frame.event else { return };
        if let Some(found) = nomination(context, &frame, datagram)
            && self.selected.is_none_or(|selected| selected.path != found.path)
        {
            self.selected = Some(found);
        }
        let Some(selected) = self.selected.filter(|selected| selected.path == path(datagram)) else { return };
        if sent_check(context, datagram).is_none() {
            return;
        }
        self.evidence.add(
            frame.number,
            match datagram.before {
                None if frame.at > selected.at + SETTLED => Finding::kept("consent checks that are sent once"),
                Some(earlier) if earlier.first.1 > selected.at + SETTLED => {
                    Finding::broken("consent checks that are sent once", "a consent check that is sent again").because(earlier.first.0)
                }
                _ => Finding::Nothing,
            },
        );
    }

    fn finish(self: Box<Self>, _: &Context) -> Judgement {
        self.evidence.judgement()
    }
}

/// Silence on the selected pair.
#[derive(Default)]
struct Keepalive {
    selected: Option<Nomination>,
    last_sent: Option<(u32, Ns)>,
    last_received: Ns,
    ended: bool,
    latest: Ns,
    evidence: Evidence,
}

/// Tr with some room for timers.
const SILENCE: Ns = 16 * SECOND;

impl Keepalive {
    /// A session counts while the other side is heard.
    fn silence(&mut self, now: Ns) {
        let Some((frame, at)) = self.last_sent else { return };
        if !self.ended && now > at + SILENCE && self.last_received + EXPIRY > now {
            self.evidence
                .add(frame, Finding::broken("something on the selected pair every 15 s", "more than 15 s of silence on the selected pair"));
        } else if self.selected.is_some_and(|selected| now > selected.at + SILENCE) && !self.ended {
            self.evidence.add(frame, Finding::kept("no silence of 15 s on the selected pair"));
        }
    }
}

impl Judge for Keepalive {
    fn frame(&mut self, context: &Context, frame: Frame<'_>) {
        self.latest = frame.at;
        match frame.event {
            FrameEvent::Datagram(datagram) => {
                if let Some(found) = nomination(context, &frame, datagram)
                    && self.selected.is_none_or(|selected| selected.path != found.path)
                {
                    (self.selected, self.last_sent) = (Some(found), Some((frame.number, frame.at)));
                }
                if self.selected.is_some_and(|selected| selected.path == path(datagram)) {
                    if datagram.sent {
                        self.silence(frame.at);
                        self.last_sent = Some((frame.number, frame.at));
                    } else {
                        self.last_received = frame.at;
                    }
                }
            }
            FrameEvent::SentSignal(signal) | FrameEvent::PeerSignal(signal) if restarts(&frame, signal) => {
                (self.selected, self.last_sent) = (None, None);
            }
            FrameEvent::Api(event) if ends(event) => self.ended = true,
            _ => {}
        }
    }

    fn finish(mut self: Box<Self>, _: &Context) -> Judgement {
        self.silence(self.latest);
        self.evidence.judgement()
    }
}
