//! Roles: who controls, and how a conflict is settled (RFC 8445 sections 6.1.1, 7.2.5.1, 7.3.1.1 and 16.1).

use super::{binding, fragments, received_check, sent_check};
use crate::check::finding::{Evidence, Finding};
use crate::check::{Check, Context, Datagram, Frame, FrameEvent, Judge, Judgement, Level, applies};
use iut::Signal;
use std::collections::BTreeMap;
use wire::stun::{Class, Message, TransactionId};

pub(super) const CHECKS: &[Check] = &[
    Check {
        id: "ice.role.initial",
        clauses: &["RFC8445-6.1.1-1", "RFC8445-6.1.1-2"],
        level: Level::Must,
        summary: "the offerer controls and the answerer is controlled, until a conflict; a full agent controls a lite one",
        applies: applies::ice_agent,
        judge: |_, subject| Box::new(Initial::new(subject)),
    },
    Check {
        id: "ice.role.tiebreaker",
        clauses: &["RFC8445-16.1-1", "RFC8445-16.1-3"],
        level: Level::Must,
        summary: "the tiebreaker stays the same until a 487 response",
        applies: applies::ice_agent,
        judge: |_, _| Box::new(Tiebreaker::default()),
    },
    Check {
        id: "ice.role.conflict-answer",
        clauses: &["RFC8445-7.3.1.1-3", "RFC8445-7.3.1.1-u7", "RFC8445-7.3.1.1-u8", "RFC8445-7.3.1.1-u10", "RFC8445-7.3.1.1-u11"],
        level: Level::Must,
        summary: "a check with the own role is answered by the tiebreaker table: 487, or a change of role",
        applies: applies::ice_agent,
        judge: |_, _| Box::new(ConflictAnswer::default()),
    },
    Check {
        id: "ice.role.switch-after-487",
        clauses: &["RFC8445-7.2.5.1-1", "RFC8445-7.2.5.1-2"],
        level: Level::Must,
        summary: "after a 487 response checks carry the other role",
        applies: applies::ice_agent,
        judge: |_, _| Box::new(Switch { about: About::Role, ..Switch::default() }),
    },
    Check {
        id: "ice.role.tiebreaker-after-487",
        clauses: &["RFC8445-7.2.5.1-4"],
        level: Level::Must,
        summary: "after a 487 response checks carry a new tiebreaker",
        applies: applies::ice_agent,
        judge: |_, _| Box::new(Switch { about: About::Tiebreaker, ..Switch::default() }),
    },
];

/// What a check says about its sender.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Role {
    controlling: bool,
    tiebreaker: u64,
}

fn role(check: &Message<'_>) -> Option<Role> {
    match (check.ice_controlling(), check.ice_controlled()) {
        (Ok(Some(tiebreaker)), Ok(None)) => Some(Role { controlling: true, tiebreaker }),
        (Ok(None), Ok(Some(tiebreaker))) => Some(Role { controlling: false, tiebreaker }),
        _ => None,
    }
}

fn word(controlling: bool) -> &'static str {
    if controlling { "controlling" } else { "controlled" }
}

/// Whether this is a 487 response that reached the subject and verifies.
fn received_487(context: &Context, frame: &Frame<'_>, datagram: &Datagram<'_>) -> bool {
    let Some(response) = binding(context, datagram, false, Class::ErrorResponse) else { return false };
    let conflict = matches!(response.error_code(), Ok(Some(error)) if error.code == 487);
    conflict && datagram.integrity(frame.known) == Some(true)
}

/// The role of the first checks.
struct Initial {
    subject: usize,
    own_lite: bool,
    peer_lite: bool,
    /// A conflict, after which either role may be right.
    conflict: bool,
    evidence: Evidence,
}

impl Initial {
    fn new(subject: usize) -> Self {
        Self { subject, own_lite: false, peer_lite: false, conflict: false, evidence: Evidence::default() }
    }

    fn datagram(&mut self, context: &Context, frame: &Frame<'_>, datagram: &Datagram<'_>) {
        let offerer = context.parties[self.subject].offerer;
        let expected = if self.own_lite == self.peer_lite { offerer } else { self.peer_lite };
        if received_487(context, frame, datagram) {
            self.conflict = true;
        } else if let Some(peer) = received_check(context, datagram).and_then(role) {
            self.conflict |= peer.controlling == expected;
        } else if let Some(own) = sent_check(context, datagram).and_then(role)
            && !self.conflict
        {
            self.evidence.add(
                frame.number,
                match own.controlling == expected {
                    true => Finding::kept("the role that offer and answer give"),
                    false => {
                        let (seen, wanted) = (word(own.controlling), word(expected));
                        Finding::broken(format!("{wanted} checks by offer and answer"), format!("{seen} checks without a conflict"))
                    }
                },
            );
        }
    }
}

impl Judge for Initial {
    fn frame(&mut self, context: &Context, frame: Frame<'_>) {
        match frame.event {
            // Who made the offer is known of whole cases only.
            FrameEvent::Datagram(datagram) if context.from_the_start => self.datagram(context, &frame, datagram),
            FrameEvent::SentSignal(Signal::Description(description)) => self.own_lite |= super::Description::read(&description.sdp).lite,
            FrameEvent::PeerSignal(Signal::Description(description)) => self.peer_lite |= super::Description::read(&description.sdp).lite,
            _ => {}
        }
    }

    fn finish(self: Box<Self>, _: &Context) -> Judgement {
        self.evidence.judgement()
    }
}

/// The tiebreaker of the latest check of this generation.
#[derive(Default)]
struct Tiebreaker {
    latest: Option<(u32, u64, String)>,
    evidence: Evidence,
}

impl Judge for Tiebreaker {
    fn frame(&mut self, context: &Context, frame: Frame<'_>) {
        let FrameEvent::Datagram(datagram) = frame.event else { return };
        if received_487(context, &frame, datagram) {
            self.latest = None;
        }
        // A request that is sent again repeats what it said at first.
        let Some(check) = sent_check(context, datagram).filter(|_| datagram.before.is_none()) else { return };
        let (Some(own), Some((_, generation))) = (role(check), fragments(check)) else { return };
        if let Some((because, tiebreaker, before)) = &self.latest
            && before == generation
        {
            self.evidence.add(
                frame.number,
                match *tiebreaker == own.tiebreaker {
                    true => Finding::kept("one tiebreaker for all checks"),
                    false => {
                        Finding::broken("one tiebreaker for all checks", "another tiebreaker without a 487 response").because(*because)
                    }
                },
            );
        }
        self.latest = Some((frame.number, own.tiebreaker, generation.to_owned()));
    }

    fn finish(self: Box<Self>, _: &Context) -> Judgement {
        self.evidence.judgement()
    }
}

/// How a conflict must be answered.
#[derive(Clone, Copy)]
struct Conflict {
    own: Role,
    peer: Role,
}

impl Conflict {
    /// The table of RFC 8445 section 7.3.1.1.
    fn wants_487(self) -> bool {
        if self.own.controlling { self.own.tiebreaker >= self.peer.tiebreaker } else { self.own.tiebreaker < self.peer.tiebreaker }
    }
}

/// Follows each check that claims the subject's own role to its answer.
#[derive(Default)]
struct ConflictAnswer {
    own: Option<Role>,
    open: BTreeMap<TransactionId, Conflict>,
    evidence: Evidence,
}

impl Judge for ConflictAnswer {
    fn frame(&mut self, context: &Context, frame: Frame<'_>) {
        let FrameEvent::Datagram(datagram) = frame.event else { return };
        if let Some(check) = sent_check(context, datagram).filter(|_| datagram.before.is_none()) {
            self.own = role(check).or(self.own);
        } else if received_487(context, &frame, datagram) {
            // The role changes now, and the tiebreaker with it: unknown until the next check shows both.
            self.own = None;
        } else if let Some(check) = received_check(context, datagram) {
            let authentic = datagram.integrity(frame.known) == Some(true);
            if let (true, Some(own), Some(peer)) = (authentic, self.own, role(check))
                && own.controlling == peer.controlling
                && datagram.before.is_none()
                && self.open.len() < 256
            {
                self.open.insert(check.transaction_id(), Conflict { own, peer });
                // A subject that gives way has the other role from now on.
                if !(Conflict { own, peer }).wants_487() {
                    self.own = Some(Role { controlling: !own.controlling, ..own });
                }
            }
        } else if datagram.sent
            && let Some(message) = datagram.stun()
            && let Some(conflict) = self.open.remove(&message.transaction_id())
        {
            let because = datagram.before.map_or(frame.number, |answered| answered.first.0);
            self.evidence.add(frame.number, answer(message, conflict).because(because));
        }
    }

    fn finish(self: Box<Self>, _: &Context) -> Judgement {
        self.evidence.judgement()
    }
}

fn answer(message: &Message<'_>, conflict: Conflict) -> Finding {
    let wanted = if conflict.wants_487() { "487 (Role Conflict)" } else { "a change of role and no 487" };
    let given = match (message.class(), message.error_code()) {
        (Class::SuccessResponse, _) => false,
        (Class::ErrorResponse, Ok(Some(error))) if error.code == 487 => true,
        _ => return Finding::Nothing,
    };
    if given == conflict.wants_487() {
        return Finding::kept(wanted);
    }
    let order = if conflict.own.tiebreaker >= conflict.peer.tiebreaker { "not smaller" } else { "smaller" };
    let seen = if given { "487" } else { "success" };
    Finding::broken(wanted, format!("{seen} of a {} agent whose own tiebreaker is {order}", word(conflict.own.controlling)))
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum About {
    #[default]
    Role,
    Tiebreaker,
}

/// The first check after a 487 response shows whether the agent changed its role and its tiebreaker.
#[derive(Default)]
struct Switch {
    about: About,
    refused: Option<(u32, Role)>,
    evidence: Evidence,
}

impl Judge for Switch {
    fn frame(&mut self, context: &Context, frame: Frame<'_>) {
        let FrameEvent::Datagram(datagram) = frame.event else { return };
        if received_487(context, &frame, datagram) {
            let refused = datagram.before.and_then(|answered| role(&answered.request()));
            self.refused = refused.map(|refused| (frame.number, refused)).or(self.refused);
            return;
        }
        if let Some(peer) = received_check(context, datagram).and_then(role) {
            // A check that claims the role to which the subject changes is a conflict anew.
            self.refused = self.refused.filter(|(_, refused)| peer.controlling == refused.controlling);
            return;
        }
        let Some(own) = sent_check(context, datagram).filter(|_| datagram.before.is_none()).and_then(role) else { return };
        let Some((because, refused)) = self.refused.take() else { return };
        let (wanted, kept, observed) = match self.about {
            About::Role => ("the other role after 487", own.controlling != refused.controlling, "the same role after 487"),
            About::Tiebreaker => ("a new tiebreaker after 487", own.tiebreaker != refused.tiebreaker, "the same tiebreaker after 487"),
        };
        self.evidence.add(frame.number, if kept { Finding::kept(wanted) } else { Finding::broken(wanted, observed).because(because) });
    }

    fn finish(self: Box<Self>, _: &Context) -> Judgement {
        self.evidence.judgement()
    }
}
