//! What agents signal: credentials, candidates, options (RFC 8445 sections 5.1, 5.3, 9 and 10, RFC 8838 section 13).
//!
//! Candidates are judged only where the implementation finds them itself.

use super::Description;
use super::description::Candidate;
use crate::check::finding::{Evidence, Finding};
use crate::check::{Check, Context, Frame, FrameEvent, Judge, Judgement, Level, Party};
use crate::scenario::model::RoleName;
use iut::{CandidateType, Signal};
use std::collections::BTreeMap;
use std::net::SocketAddr;

pub(super) const CHECKS: &[Check] = &[
    Check {
        id: "ice.signalling.credentials",
        clauses: &["RFC8445-5.3-6"],
        level: Level::Must,
        summary: "username fragments have at least 24 bits, which is 4 characters, and passwords 128 bits, which is 22",
        applies: peer,
        judge: |_, _| Box::new(Signalled { look: credentials, before: Own::default(), evidence: Evidence::default() }),
    },
    Check {
        id: "ice.signalling.restart",
        clauses: &["RFC8445-9-3"],
        level: Level::Must,
        summary: "a restart changes username fragment and password together",
        applies: peer,
        judge: |_, _| Box::new(Signalled { look: restart, before: Own::default(), evidence: Evidence::default() }),
    },
    Check {
        id: "ice.signalling.ice2",
        clauses: &["RFC8445-10-1"],
        // An agent without the option calls itself one of RFC 5245, which is still interoperable.
        level: Level::Should,
        summary: "descriptions contain the ice2 option",
        applies: peer,
        judge: |_, _| Box::new(Signalled { look: ice2, before: Own::default(), evidence: Evidence::default() }),
    },
    Check {
        id: "ice.signalling.end-of-candidates",
        clauses: &["RFC8838-13-6"],
        level: Level::Must,
        summary: "no candidate follows the end of candidates",
        applies: gathering_peer,
        judge: |_, _| Box::new(Signalled { look: end_of_candidates, before: Own::default(), evidence: Evidence::default() }),
    },
    Check {
        id: "ice.candidates.priorities",
        clauses: &["RFC8445-5.1.2-1"],
        level: Level::Must,
        summary: "candidate priorities are distinct and lie between 1 and 2^31-1",
        applies: gathering_peer,
        judge: |_, _| Box::new(Signalled { look: priorities, before: Own::default(), evidence: Evidence::default() }),
    },
    Check {
        id: "ice.candidates.formula",
        clauses: &["RFC8445-5.1.2-2"],
        level: Level::Should,
        summary: "candidate priorities are those of the recommended formula: type preference, local preference, component",
        applies: gathering_peer,
        judge: |_, _| Box::new(Signalled { look: formula, before: Own::default(), evidence: Evidence::default() }),
    },
    Check {
        id: "ice.candidates.addresses",
        clauses: &["RFC8445-5.1.1.1-4"],
        level: Level::Must,
        summary: "loopback addresses are no candidates",
        applies: gathering_peer,
        judge: |_, _| Box::new(Signalled { look: addresses, before: Own::default(), evidence: Evidence::default() }),
    },
];

/// Peers write their descriptions themselves; those of plain agents are the adapter's.
fn peer(_: &Context, party: &Party) -> bool {
    party.role == RoleName::Peer
}

fn gathering_peer(context: &Context, party: &Party) -> bool {
    peer(context, party) && !party.gathering_by_adapter
}

/// What the subject signalled before, in this generation of credentials.
#[derive(Default)]
struct Own {
    credentials: Option<(u32, String, String)>,
    candidates: BTreeMap<(u32, u64), (u32, Option<SocketAddr>, CandidateType)>,
    preferences: BTreeMap<CandidateType, u64>,
    ended: Option<u32>,
}

impl Own {
    fn learn(&mut self, frame: u32, signalled: &Message) {
        if let Some(first) = signalled.description.as_ref().and_then(|description| description.credentials.first()) {
            if self.credentials.as_ref().is_some_and(|(_, ufrag, _)| *ufrag != first.ufrag) {
                *self = Self::default();
            }
            self.credentials.get_or_insert((frame, first.ufrag.clone(), first.pwd.clone()));
        }
        for candidate in &signalled.candidates {
            self.candidates.entry((candidate.component, candidate.priority)).or_insert((frame, candidate.address, candidate.kind));
            self.preferences.entry(candidate.kind).or_insert(candidate.priority >> 24);
        }
        if signalled.end {
            self.ended.get_or_insert(frame);
        }
    }
}

/// One signal, read.
struct Message {
    description: Option<Description>,
    candidates: Vec<Candidate>,
    end: bool,
}

impl Message {
    fn read(signal: &Signal) -> Self {
        match signal {
            Signal::Description(description) => {
                let read = Description::read(&description.sdp);
                Self { candidates: read.candidates.clone(), description: Some(read), end: false }
            }
            Signal::Candidate(candidate) => {
                Self { description: None, candidates: Candidate::read(&candidate.candidate).into_iter().collect(), end: false }
            }
            Signal::EndOfCandidates { .. } => Self { description: None, candidates: Vec::new(), end: true },
        }
    }
}

/// Looks at each signal of the subject.
struct Signalled {
    look: fn(&Own, &Message) -> Finding,
    before: Own,
    evidence: Evidence,
}

impl Judge for Signalled {
    fn frame(&mut self, _: &Context, frame: Frame<'_>) {
        let FrameEvent::SentSignal(signal) = frame.event else { return };
        let message = Message::read(signal);
        self.evidence.add(frame.number, (self.look)(&self.before, &message));
        self.before.learn(frame.number, &message);
    }

    fn finish(self: Box<Self>, _: &Context) -> Judgement {
        self.evidence.judgement()
    }
}

fn credentials(_: &Own, message: &Message) -> Finding {
    let all = message.description.iter().flat_map(|description| &description.credentials);
    let mut finding = Finding::Nothing;
    for credentials in all {
        if credentials.ufrag.len() < 4 {
            return Finding::broken("at least 4 characters", format!("a username fragment of {} characters", credentials.ufrag.len()));
        }
        if credentials.pwd.len() < 22 {
            return Finding::broken("at least 22 characters", format!("a password of {} characters", credentials.pwd.len()));
        }
        finding = Finding::kept("fragments of 4 and passwords of 22 characters or more");
    }
    finding
}

fn restart(before: &Own, message: &Message) -> Finding {
    const EXPECTED: &str = "a new username fragment together with a new password";
    let now = message.description.as_ref().and_then(|description| description.credentials.first());
    let (Some((frame, ufrag, pwd)), Some(now)) = (&before.credentials, now) else { return Finding::Nothing };
    match (*ufrag != now.ufrag, *pwd != now.pwd) {
        (true, true) => Finding::kept(EXPECTED),
        (false, false) => Finding::Nothing,
        (true, false) => Finding::broken(EXPECTED, "a new username fragment with the old password").because(*frame),
        (false, true) => Finding::broken(EXPECTED, "a new password with the old username fragment").because(*frame),
    }
}

fn ice2(_: &Own, message: &Message) -> Finding {
    let Some(description) = message.description.as_ref().filter(|description| !description.credentials.is_empty()) else {
        return Finding::Nothing;
    };
    match description.options.iter().any(|option| option == "ice2") {
        true => Finding::kept("a=ice-options with ice2"),
        false => Finding::broken("a=ice-options with ice2", "a description without the ice2 option"),
    }
}

fn end_of_candidates(before: &Own, message: &Message) -> Finding {
    match before.ended {
        // A description repeats what was trickled before.
        Some(ended) if message.description.is_none() && !message.candidates.is_empty() => {
            Finding::broken("no candidate after the end of candidates", "a candidate after the end of candidates").because(ended)
        }
        _ if message.end => Finding::kept("an end of candidates behind the last one"),
        _ => Finding::Nothing,
    }
}

fn priorities(before: &Own, message: &Message) -> Finding {
    let mut finding = Finding::Nothing;
    let mut here = BTreeMap::new();
    for candidate in &message.candidates {
        if !(1..1 << 31).contains(&candidate.priority) {
            return Finding::broken("priorities from 1 to 2^31-1", "a priority outside that range");
        }
        let key = (candidate.component, candidate.priority);
        let same = |address: Option<SocketAddr>, kind: CandidateType| address == candidate.address && kind == candidate.kind;
        if let Some((frame, ..)) = before.candidates.get(&key).filter(|(_, address, kind)| !same(*address, *kind)) {
            return Finding::broken("distinct priorities", "two candidates of one component with the same priority").because(*frame);
        }
        if here.insert(key, (candidate.address, candidate.kind)).is_some_and(|(address, kind)| !same(address, kind)) {
            return Finding::broken("distinct priorities", "two candidates of one component with the same priority");
        }
        finding = Finding::kept("distinct priorities from 1 to 2^31-1");
    }
    finding
}

fn formula(before: &Own, message: &Message) -> Finding {
    const EXPECTED: &str = "2^24 times the type preference, 2^8 times the local preference, 256 minus the component id";
    let mut finding = Finding::Nothing;
    for candidate in &message.candidates {
        let (preference, last) = (candidate.priority >> 24, candidate.priority & 0xFF);
        if preference > 126 {
            return Finding::broken(EXPECTED, "a type preference above 126");
        }
        if last != u64::from(256_u32.saturating_sub(candidate.component)) & 0xFF {
            return Finding::broken(EXPECTED, "a priority that does not end with 256 minus the component id");
        }
        let mut others = before.preferences.iter().filter(|(kind, other)| **kind != candidate.kind && **other == preference);
        if let Some((kind, _)) = others.next().filter(|_| candidate.transport == "udp") {
            let observed = format!("one type preference for candidates of types {} and {}", kind.token(), candidate.kind.token());
            return Finding::broken(EXPECTED, observed);
        }
        finding = Finding::kept(EXPECTED);
    }
    finding
}

fn addresses(_: &Own, message: &Message) -> Finding {
    let mut finding = Finding::Nothing;
    for candidate in &message.candidates {
        if candidate.address.is_some_and(|address| address.ip().is_loopback()) {
            return Finding::broken("no loopback candidates", "a loopback candidate");
        }
        finding = Finding::kept("no loopback candidates");
    }
    finding
}
