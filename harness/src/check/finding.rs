//! What a judge found in single frames, and how that adds up to a judgement.

use super::{Context, Datagram, FRAMES, Frame, FrameEvent, Judge, Judgement};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// Ways of violating one clause that are told apart at most.
const WAYS: usize = 16;

/// What one frame says about a clause.
#[derive(Debug)]
pub(super) enum Finding {
    /// Nothing.
    Nothing,
    /// The clause was kept; what was seen.
    Kept(Cow<'static, str>),
    /// The clause was violated.
    Broken(Broken),
}

/// A violation.
#[derive(Debug)]
pub(super) struct Broken {
    /// What the clause demands here.
    pub(super) expected: Cow<'static, str>,
    /// What was seen instead. Equal for all seeds but for what `reports` masks.
    pub(super) observed: String,
    /// A frame before the current one that belongs to it.
    pub(super) because: Option<u32>,
}

impl Finding {
    /// The clause was kept.
    pub(super) fn kept(observed: impl Into<Cow<'static, str>>) -> Self {
        Finding::Kept(observed.into())
    }

    /// The clause was violated.
    pub(super) fn broken(expected: impl Into<Cow<'static, str>>, observed: impl Into<String>) -> Self {
        Finding::Broken(Broken { expected: expected.into(), observed: observed.into(), because: None })
    }

    /// The same, and a frame before it belongs to it.
    #[must_use]
    pub(super) fn because(self, frame: u32) -> Self {
        match self {
            Finding::Broken(broken) => Finding::Broken(Broken { because: Some(frame), ..broken }),
            other => other,
        }
    }
}

/// Findings so far.
#[derive(Default)]
pub(super) struct Evidence {
    kept: Option<(Cow<'static, str>, Vec<u32>)>,
    /// By what was observed. The first of them in the order of the texts is reported, so that the order of events, which a seed changes, does not matter.
    broken: BTreeMap<String, (Cow<'static, str>, Vec<u32>)>,
    inconclusive: Option<String>,
}

impl Evidence {
    /// Adds a finding in a frame.
    pub(super) fn add(&mut self, frame: u32, finding: Finding) {
        match finding {
            Finding::Nothing => {}
            Finding::Kept(observed) => {
                let (_, frames) = self.kept.get_or_insert_with(|| (observed, Vec::new()));
                cite(frames, frame);
            }
            Finding::Broken(Broken { expected, observed, because }) => {
                if self.broken.len() < WAYS || self.broken.contains_key(&observed) {
                    let (_, frames) = self.broken.entry(observed).or_insert_with(|| (expected, Vec::new()));
                    because.into_iter().for_each(|frame| cite(frames, frame));
                    cite(frames, frame);
                }
            }
        }
    }

    /// The stimulus was there, but it cannot be told whether the clause was kept.
    pub(super) fn unclear(&mut self, reason: impl Into<String>) {
        self.inconclusive.get_or_insert(reason.into());
    }

    /// Adds it up: a violation beats everything, and without anything kept there is no pass.
    pub(super) fn judgement(self) -> Judgement {
        if let Some((observed, (expected, frames))) = self.broken.into_iter().next() {
            return Judgement::Violation { expected: expected.into_owned(), observed, frames };
        }
        match (self.kept, self.inconclusive) {
            (Some((observed, frames)), _) => Judgement::Pass { observed: observed.into_owned(), frames },
            (None, Some(reason)) => Judgement::Inconclusive { reason },
            (None, None) => Judgement::NotApplicable,
        }
    }
}

fn cite(frames: &mut Vec<u32>, frame: u32) {
    if frames.len() < FRAMES && !frames.contains(&frame) {
        frames.push(frame);
    }
}

/// Looks at one datagram.
pub(super) type Look = fn(&Context, &Frame<'_>, &Datagram<'_>) -> Finding;

/// A judge that looks at each datagram by itself.
pub(super) fn each(look: Look) -> Box<dyn Judge> {
    Box::new(Each { look, evidence: Evidence::default() })
}

struct Each {
    look: Look,
    evidence: Evidence,
}

impl Judge for Each {
    fn frame(&mut self, context: &Context, frame: Frame<'_>) {
        if let FrameEvent::Datagram(datagram) = frame.event {
            self.evidence.add(frame.number, (self.look)(context, &frame, datagram));
        }
    }

    fn finish(self: Box<Self>, _context: &Context) -> Judgement {
        self.evidence.judgement()
    }
}
