//! How connectivity checks are answered (RFC 8445 section 7.3).

use super::{binding, ends, fragments, received_check};
use crate::check::finding::{Evidence, Finding, each};
use crate::check::{Check, Context, Datagram, Frame, FrameEvent, Judge, Judgement, Level, applies};
use iut::{MILLISECOND, Ns, SECOND, Signal};
use std::collections::{BTreeMap, BTreeSet};
use wire::stun::{AttributeType as T, Class, Integrity, Message, TransactionId};

pub(super) const CHECKS: &[Check] = &[
    Check {
        id: "ice.response.integrity",
        clauses: &["RFC8445-7.3-3"],
        level: Level::Must,
        summary: "success and role-conflict responses to checks are protected with the own password",
        applies: applies::ice_agent,
        judge: |_, _| each(integrity),
    },
    Check {
        id: "ice.response.fingerprint",
        clauses: &["RFC8445-7.3-8"],
        level: Level::Must,
        summary: "responses to checks carry FINGERPRINT",
        applies: applies::ice_agent,
        judge: |_, _| each(fingerprint),
    },
    Check {
        id: "ice.response.prompt",
        clauses: &["RFC8445-7.3-1", "RFC8445-7.3-5", "RFC8445-11-13"],
        level: Level::Must,
        summary: "authenticated checks are answered, also before the peer's candidates are known",
        applies: applies::ice_agent,
        judge: |_, _| Box::new(Prompt::default()),
    },
];

/// A response that the subject sent to a check which verifies.
fn response<'d, 'a>(context: &Context, frame: &Frame<'_>, datagram: &'d Datagram<'a>) -> Option<(&'d Message<'a>, u32)> {
    let success = binding(context, datagram, true, Class::SuccessResponse);
    let response = success.or_else(|| binding(context, datagram, true, Class::ErrorResponse))?;
    let answered = datagram.before?;
    (!answered.by_subject && frame.known.is_authentic(answered)).then_some((response, answered.last.0))
}

fn integrity(context: &Context, frame: &Frame<'_>, datagram: &Datagram<'_>) -> Finding {
    const EXPECTED: &str = "MESSAGE-INTEGRITY with the own password";
    let Some((response, because)) = response(context, frame, datagram) else { return Finding::Nothing };
    let conflict = matches!(response.error_code(), Ok(Some(error)) if error.code == 487);
    if response.class() == Class::ErrorResponse && !conflict {
        return Finding::Nothing;
    }
    match datagram.integrity(frame.known) {
        Some(true) => Finding::kept(EXPECTED),
        Some(false) => Finding::broken(EXPECTED, format!("a {} that does not verify with it", response.class())).because(because),
        None => Finding::broken(EXPECTED, format!("a {} without an integrity attribute", response.class())).because(because),
    }
}

fn fingerprint(context: &Context, frame: &Frame<'_>, datagram: &Datagram<'_>) -> Finding {
    let Some((response, because)) = response(context, frame, datagram) else { return Finding::Nothing };
    match response.verify_fingerprint() {
        Integrity::Absent => {
            Finding::broken("FINGERPRINT in responses", format!("a {} without FINGERPRINT", response.class())).because(because)
        }
        _ => Finding::kept("FINGERPRINT in responses"),
    }
}

/// How long an answer may take; a runtime may be busy, and a lost response is sent again with the next request.
const PATIENCE: Ns = SECOND;
/// Checks that wait for their answer at the same time.
const OPEN: usize = 1024;

/// Waits for the answer to each authenticated check, until the agent ends, restarts, or has nominated: then it may free its candidates.
#[derive(Default)]
struct Prompt {
    open: BTreeMap<TransactionId, (u32, Ns)>,
    /// Fragments that the subject signalled; the last one is the current generation.
    fragment: Option<String>,
    /// What it signalled since it began, to leave restarts alone.
    generations: BTreeSet<String>,
    /// When nomination was seen first.
    nominated: Option<Ns>,
    ended: bool,
    latest: Ns,
    evidence: Evidence,
}

impl Prompt {
    fn datagram(&mut self, context: &Context, frame: &Frame<'_>, datagram: &Datagram<'_>) {
        if let Some(check) = received_check(context, datagram) {
            if check.has(T::USE_CANDIDATE) {
                self.nominated.get_or_insert(frame.at);
            }
            if self.wants_answer(frame, datagram, check) && self.open.len() < OPEN {
                self.open.entry(check.transaction_id()).or_insert((frame.number, frame.at));
            }
            return;
        }
        let Some(message) = datagram.stun().filter(|_| datagram.sent) else { return };
        if message.class() == Class::Request {
            if message.has(T::USE_CANDIDATE) {
                self.nominated.get_or_insert(frame.at);
            }
        } else if let Some((request, at)) = self.open.remove(&message.transaction_id()) {
            self.evidence.add(
                request,
                if frame.at <= at + PATIENCE { Finding::kept("an answer at once") } else { late("an answer after more than 1 s") },
            );
        }
    }

    /// RFC 8445 section 8.3.1: three seconds after nomination candidates may be freed.
    fn wants_answer(&self, frame: &Frame<'_>, datagram: &Datagram<'_>, check: &Message<'_>) -> bool {
        let current = fragments(check).is_some_and(|(own, _)| self.fragment.as_deref() == Some(own)) && self.generations.len() == 1;
        let held = self.nominated.is_none_or(|at| frame.at < at + 3 * SECOND);
        let understood = check.unknown_comprehension_required(|kind| kind.name().is_some()).is_empty() && check.defects().is_empty();
        !self.ended && current && held && understood && datagram.integrity(frame.known) == Some(true)
    }
}

fn late(observed: &'static str) -> Finding {
    Finding::broken("an answer to every authenticated check", observed)
}

impl Judge for Prompt {
    fn frame(&mut self, context: &Context, frame: Frame<'_>) {
        self.latest = frame.at;
        match frame.event {
            FrameEvent::Datagram(datagram) => self.datagram(context, &frame, datagram),
            FrameEvent::SentSignal(Signal::Description(description)) => {
                for credentials in super::Description::read(&description.sdp).credentials {
                    self.generations.insert(credentials.ufrag.clone());
                    self.fragment = Some(credentials.ufrag);
                }
            }
            FrameEvent::Api(event) if ends(event) => {
                self.ended = true;
                // What came shortly before the end may go unanswered.
                self.open.retain(|_, (_, at)| *at + PATIENCE < frame.at);
            }
            _ => {}
        }
    }

    fn finish(mut self: Box<Self>, _: &Context) -> Judgement {
        for (request, at) in self.open.values() {
            if at + PATIENCE + 10 * MILLISECOND < self.latest {
                self.evidence.add(*request, late("no answer"));
            }
        }
        self.evidence.judgement()
    }
}
