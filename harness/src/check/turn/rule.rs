//! Rules of the form "in this situation a request gets that response".

use super::allocation::{Allocation, Allocations, Life};
use crate::check::finding::{Evidence, Finding};
use crate::check::{Context, Datagram, Frame, FrameEvent, Judge, Judgement};
use iut::Ns;
use wire::stun::{AttributeType as T, Class, Message, Method};

/// The situation in which a server answers a request that passed authentication.
pub(super) struct Situation<'a> {
    /// The request.
    pub(super) request: Message<'a>,
    /// What it got.
    pub(super) response: &'a Message<'a>,
    /// How often the request had arrived.
    pub(super) sends: u32,
    /// When the response was sent.
    pub(super) now: Ns,
    /// The allocation of the 5-tuple, also one that is over.
    pub(super) allocation: Option<&'a Allocation>,
}

impl Situation<'_> {
    /// Whether the 5-tuple certainly has an allocation.
    pub(super) fn has_allocation(&self) -> bool {
        self.allocation.is_some_and(|allocation| allocation.life(self.now) == Life::Alive)
    }

    /// Whether the 5-tuple certainly has none.
    pub(super) fn has_no_allocation(&self) -> bool {
        self.allocation.is_none_or(|allocation| allocation.life(self.now) == Life::Over)
    }

    /// Whether the request has this method, and no attribute that hides another mistake.
    pub(super) fn is(&self, method: Method) -> bool {
        self.request.method() == method && self.request.unknown_comprehension_required(|kind| kind.name().is_some()).is_empty()
    }

    /// Whether a heeded attribute is there.
    pub(super) fn has(&self, kind: T) -> bool {
        self.request.has(kind)
    }
}

/// What the request must get.
#[derive(Clone, Copy)]
pub(super) enum Want {
    /// A success response.
    Success,
    /// An error response with this code.
    Error(u16),
}

/// A rule: when it holds, and what the request must get then.
#[derive(Clone, Copy)]
pub(super) struct Rule {
    pub(super) when: fn(&Situation<'_>) -> bool,
    pub(super) want: Want,
    /// Other error codes that are wrong for certain. What is neither wanted nor here may have a reason that no packet shows.
    pub(super) never: &'static [u16],
}

/// A judge for a rule about requests that pass authentication.
pub(super) fn rule(when: fn(&Situation<'_>) -> bool, want: Want, never: &'static [u16]) -> Box<dyn Judge> {
    Box::new(Ruled { rule: Rule { when, want, never }, allocations: Allocations::default(), evidence: Evidence::default() })
}

struct Ruled {
    rule: Rule,
    allocations: Allocations,
    evidence: Evidence,
}

impl Ruled {
    fn look(&self, context: &Context, frame: &Frame<'_>, datagram: &Datagram<'_>) -> Finding {
        let (Some(response), Some(answered)) = (datagram.stun().filter(|_| datagram.sent), datagram.before) else {
            return Finding::Nothing;
        };
        let request = answered.request();
        let authentic = context.credentials.is_empty() || frame.known.is_authentic(answered);
        if answered.class != Class::Request || !authentic || !request.defects().is_empty() || !context.from_the_start {
            return Finding::Nothing;
        }
        let allocation = self.allocations.of((datagram.local, datagram.remote));
        let situation = Situation { request, response, sends: answered.sends, now: frame.at, allocation };
        if (self.rule.when)(&situation) { self.answered(&situation).because(answered.last.0) } else { Finding::Nothing }
    }

    fn answered(&self, situation: &Situation<'_>) -> Finding {
        let method = situation.request.method();
        let got = match (situation.response.class(), situation.response.error_code()) {
            (Class::SuccessResponse, _) => None,
            (_, Ok(Some(error))) => Some(error.code),
            _ => return Finding::Nothing,
        };
        match (self.rule.want, got) {
            (Want::Success, None) => Finding::kept(format!("a success response to {method}")),
            (Want::Success, Some(code)) if self.rule.never.contains(&code) => {
                Finding::broken(format!("a success response to {method}"), format!("{code} to {method}"))
            }
            (Want::Error(wanted), None) => Finding::broken(format!("{wanted} to {method}"), format!("success of {method}")),
            (Want::Error(wanted), Some(code)) if code == wanted => Finding::kept(format!("{wanted} to {method}")),
            (Want::Error(wanted), Some(code)) if self.rule.never.contains(&code) => {
                Finding::broken(format!("{wanted} to {method}"), format!("{code} to {method}"))
            }
            _ => Finding::Nothing,
        }
    }
}

impl Judge for Ruled {
    fn frame(&mut self, context: &Context, frame: Frame<'_>) {
        let FrameEvent::Datagram(datagram) = frame.event else { return };
        let finding = self.look(context, &frame, datagram);
        self.evidence.add(frame.number, finding);
        self.allocations.datagram(frame.at, datagram);
    }

    fn finish(self: Box<Self>, _: &Context) -> Judgement {
        self.evidence.judgement()
    }
}

/// Looks at one datagram, with the allocations as they were before it.
pub(super) type LookAt = fn(&Frame<'_>, &Datagram<'_>, &Allocations) -> Finding;

/// A judge that looks at each datagram and knows the allocations of the server.
pub(super) fn knowing_allocations(look: LookAt) -> Box<dyn Judge> {
    Box::new(Knowing { look, allocations: Allocations::default(), evidence: Evidence::default() })
}

struct Knowing {
    look: LookAt,
    allocations: Allocations,
    evidence: Evidence,
}

impl Judge for Knowing {
    fn frame(&mut self, context: &Context, frame: Frame<'_>) {
        let FrameEvent::Datagram(datagram) = frame.event else { return };
        if context.from_the_start {
            self.evidence.add(frame.number, (self.look)(&frame, datagram, &self.allocations));
        }
        self.allocations.datagram(frame.at, datagram);
    }

    fn finish(self: Box<Self>, _: &Context) -> Judgement {
        self.evidence.judgement()
    }
}
