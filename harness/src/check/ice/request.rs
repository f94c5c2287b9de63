//! What connectivity checks carry (RFC 8445 section 7.1 and 7.2).

use super::{fragments, sent_check};
use crate::check::finding::{Evidence, Finding, each};
use crate::check::{Check, Context, Datagram, Frame, FrameEvent, Judge, Judgement, Level, applies};
use iut::Signal;
use std::collections::BTreeSet;
use wire::stun::{AttributeType as T, Integrity};

pub(super) const CHECKS: &[Check] = &[
    Check {
        id: "ice.check.username",
        clauses: &["RFC8445-7.2.2-1"],
        level: Level::Must,
        summary: "a connectivity check carries USERNAME: the peer's fragment, a colon, the own fragment",
        applies: applies::ice_agent,
        judge: |_, _| Box::new(Username::default()),
    },
    Check {
        id: "ice.check.integrity",
        clauses: &["RFC8445-7.2.2-1", "RFC8445-7.2.2-u3"],
        level: Level::Must,
        summary: "a connectivity check is protected with the peer's password",
        applies: applies::ice_agent,
        judge: |_, _| each(integrity),
    },
    Check {
        id: "ice.check.fingerprint",
        clauses: &["RFC8445-7.2.4-2"],
        level: Level::Must,
        summary: "a connectivity check carries FINGERPRINT",
        applies: applies::ice_agent,
        judge: |_, _| each(fingerprint),
    },
    Check {
        id: "ice.check.priority",
        clauses: &["RFC8445-7.1.1-1"],
        level: Level::Must,
        summary: "a connectivity check carries PRIORITY: that of its candidate with the type preference of peer-reflexive ones",
        applies: applies::ice_agent,
        judge: |_, _| Box::new(Priority::default()),
    },
    Check {
        id: "ice.check.role-attribute",
        clauses: &["RFC8445-7.1.3-1", "RFC8445-7.1.3-2"],
        level: Level::Must,
        summary: "a connectivity check carries either ICE-CONTROLLING or ICE-CONTROLLED",
        applies: applies::ice_agent,
        judge: |_, _| each(role_attribute),
    },
    Check {
        id: "ice.check.use-candidate",
        clauses: &["RFC8445-7.1.2-2"],
        level: Level::Must,
        summary: "only the controlling agent sends USE-CANDIDATE",
        applies: applies::ice_agent,
        judge: |_, _| each(use_candidate),
    },
];

/// The fragments of both sides, as they were signalled.
#[derive(Default)]
struct Username {
    own: BTreeSet<String>,
    peer: BTreeSet<String>,
    /// Checks with an own fragment that was not signalled yet: an agent that restarts on an offer may check before it answers.
    early: Vec<(u32, String)>,
    evidence: Evidence,
}

/// Early checks that are remembered at most.
const EARLY: usize = 256;
const USERNAME: &str = "USERNAME with the peer's fragment, a colon and the own fragment";

impl Username {
    fn datagram(&mut self, context: &Context, frame: u32, datagram: &Datagram<'_>) {
        let Some(check) = sent_check(context, datagram) else { return };
        let observed = match fragments(check) {
            None if check.has(T::USERNAME) => "USERNAME without a colon",
            None => "a check without USERNAME",
            // Without descriptions of both sides there is nothing to compare with.
            Some(_) if self.own.is_empty() || self.peer.is_empty() => return,
            Some((peer, own)) if self.peer.contains(peer) && self.own.contains(own) => {
                return self.evidence.add(frame, Finding::kept(USERNAME));
            }
            Some((peer, own)) if self.own.contains(peer) && self.peer.contains(own) => "USERNAME with the fragments in the wrong order",
            Some((peer, _)) if !self.peer.contains(peer) => "USERNAME that does not begin with the peer's fragment",
            Some((_, own)) => {
                if self.early.len() < EARLY {
                    self.early.push((frame, own.to_owned()));
                }
                return;
            }
        };
        self.evidence.add(frame, Finding::broken(USERNAME, observed));
    }
}

impl Judge for Username {
    fn frame(&mut self, context: &Context, frame: Frame<'_>) {
        let (signal, fragments) = match frame.event {
            FrameEvent::Datagram(datagram) => return self.datagram(context, frame.number, datagram),
            FrameEvent::SentSignal(signal) => (signal, &mut self.own),
            FrameEvent::PeerSignal(signal) => (signal, &mut self.peer),
            FrameEvent::Api(_) => return,
        };
        if let Signal::Description(description) = signal {
            fragments.extend(super::Description::read(&description.sdp).credentials.into_iter().map(|credentials| credentials.ufrag));
        }
    }

    fn finish(mut self: Box<Self>, _: &Context) -> Judgement {
        for (frame, own) in std::mem::take(&mut self.early) {
            self.evidence.add(
                frame,
                match self.own.contains(&own) {
                    true => Finding::kept(USERNAME),
                    false => Finding::broken(USERNAME, "USERNAME that does not end with a fragment that was ever signalled"),
                },
            );
        }
        self.evidence.judgement()
    }
}

fn integrity(context: &Context, frame: &Frame<'_>, datagram: &Datagram<'_>) -> Finding {
    const EXPECTED: &str = "MESSAGE-INTEGRITY with the peer's password";
    let Some(check) = sent_check(context, datagram) else { return Finding::Nothing };
    if !check.has(T::MESSAGE_INTEGRITY) && !check.has(T::MESSAGE_INTEGRITY_SHA256) {
        return Finding::broken(EXPECTED, "a check without an integrity attribute");
    }
    match datagram.integrity(frame.known) {
        None => Finding::Nothing,
        Some(true) => Finding::kept(EXPECTED),
        Some(false) => Finding::broken(EXPECTED, "a check that does not verify with it"),
    }
}

fn fingerprint(context: &Context, _: &Frame<'_>, datagram: &Datagram<'_>) -> Finding {
    let Some(check) = sent_check(context, datagram) else { return Finding::Nothing };
    match check.verify_fingerprint() {
        Integrity::Absent => Finding::broken("FINGERPRINT in checks", "a check without FINGERPRINT"),
        // Whether it is right has a check of its own.
        _ => Finding::kept("FINGERPRINT in checks"),
    }
}

fn role_attribute(context: &Context, _: &Frame<'_>, datagram: &Datagram<'_>) -> Finding {
    const EXPECTED: &str = "either ICE-CONTROLLING or ICE-CONTROLLED";
    let Some(check) = sent_check(context, datagram) else { return Finding::Nothing };
    match (check.has(T::ICE_CONTROLLING), check.has(T::ICE_CONTROLLED)) {
        (true, false) | (false, true) => Finding::kept(EXPECTED),
        (true, true) => Finding::broken(EXPECTED, "a check with both"),
        (false, false) => Finding::broken(EXPECTED, "a check with neither"),
    }
}

fn use_candidate(context: &Context, _: &Frame<'_>, datagram: &Datagram<'_>) -> Finding {
    const EXPECTED: &str = "USE-CANDIDATE from the controlling agent alone";
    let Some(check) = sent_check(context, datagram) else { return Finding::Nothing };
    match (check.has(T::USE_CANDIDATE), check.has(T::ICE_CONTROLLED)) {
        (true, true) => Finding::broken(EXPECTED, "USE-CANDIDATE beside ICE-CONTROLLED"),
        (false, false) => Finding::Nothing,
        // Controlled agents that check without it, and controlling agents that nominate.
        _ => Finding::kept(EXPECTED),
    }
}

/// Type preferences in the priorities that the subject signalled: those of its candidates that are not peer-reflexive.
#[derive(Default)]
struct Priority {
    signalled: BTreeSet<u32>,
    evidence: Evidence,
}

impl Priority {
    fn judge(&self, context: &Context, datagram: &Datagram<'_>) -> Finding {
        const EXPECTED: &str = "PRIORITY with the type preference of peer-reflexive candidates";
        let Some(check) = sent_check(context, datagram) else { return Finding::Nothing };
        let priority = match check.priority() {
            Ok(Some(priority)) => priority,
            Ok(None) => return Finding::broken(EXPECTED, "a check without PRIORITY"),
            Err(_) => return Finding::broken(EXPECTED, "PRIORITY that is not four octets long"),
        };
        let preference = priority >> 24;
        match preference {
            _ if self.signalled.contains(&preference) => Finding::broken(EXPECTED, "the type preference of another type of candidate"),
            // Section 5.1.2 allows other formulas and other preferences; with the recommended ones it is 110.
            0..=126 => Finding::kept(EXPECTED),
            _ => Finding::broken(EXPECTED, "a type preference above 126"),
        }
    }

    fn learn(&mut self, signal: &Signal) {
        let candidates = match signal {
            Signal::Description(description) => super::Description::read(&description.sdp).candidates,
            Signal::Candidate(candidate) => super::description::Candidate::read(&candidate.candidate).into_iter().collect(),
            Signal::EndOfCandidates { .. } => Vec::new(),
        };
        let udp = candidates.iter().filter(|candidate| candidate.transport == "udp");
        let others = udp.filter(|candidate| candidate.kind != iut::CandidateType::PeerReflexive);
        self.signalled.extend(others.filter_map(|candidate| u32::try_from(candidate.priority >> 24).ok()));
    }
}

impl Judge for Priority {
    fn frame(&mut self, context: &Context, frame: Frame<'_>) {
        match frame.event {
            FrameEvent::Datagram(datagram) => {
                let finding = self.judge(context, datagram);
                self.evidence.add(frame.number, finding);
            }
            FrameEvent::SentSignal(signal) => self.learn(signal),
            FrameEvent::PeerSignal(_) | FrameEvent::Api(_) => {}
        }
    }

    fn finish(self: Box<Self>, _: &Context) -> Judgement {
        self.evidence.judgement()
    }
}
