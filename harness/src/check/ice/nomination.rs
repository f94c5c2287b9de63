//! Nomination (RFC 8445 section 8.1.1).

use super::selected::nomination;
use super::{Path, fragments, path, sent_check};
use crate::check::finding::{Evidence, Finding};
use crate::check::{Check, Context, Frame, FrameEvent, Judge, Judgement, Level, applies};
use std::collections::BTreeMap;
use wire::stun::{AttributeType as T, Message};

pub(super) const CHECKS: &[Check] = &[Check {
    id: "ice.nomination.single",
    clauses: &["RFC8445-8.1.1-3", "RFC8445-8.1.1-2"],
    level: Level::Must,
    summary: "after a successful nomination no other pair of the component is nominated",
    applies: applies::ice_agent,
    judge: |_, _| Box::new(Single::default()),
}];

/// What is nominated once: a component of a generation of credentials.
type Component = (String, u8);

fn component(check: &Message<'_>) -> Option<Component> {
    let priority = check.priority().ok()??;
    // The recommended formula ends with 256 minus the component id.
    Some((check.username().ok()??.to_owned(), (priority & 0xFF) as u8))
}

/// The pair of each component that was nominated.
#[derive(Default)]
struct Single {
    nominated: BTreeMap<Component, (Path, u32)>,
    evidence: Evidence,
}

impl Judge for Single {
    fn frame(&mut self, context: &Context, frame: Frame<'_>) {
        let FrameEvent::Datagram(datagram) = frame.event else { return };
        if let Some(found) = nomination(context, &frame, datagram).filter(|_| !datagram.sent) {
            let component = datagram.before.and_then(|answered| component(&answered.request()));
            if let Some(component) = component.filter(|_| self.nominated.len() < 256) {
                self.nominated.entry(component).or_insert((found.path, found.frame));
                self.evidence.add(found.frame, Finding::kept("one nominated pair"));
            }
        }
        let Some(check) = sent_check(context, datagram).filter(|check| check.has(T::USE_CANDIDATE) && datagram.before.is_none()) else {
            return;
        };
        let known = component(check).filter(|_| fragments(check).is_some()).and_then(|component| self.nominated.get(&component));
        if let Some((nominated, because)) = known
            && *nominated != path(datagram)
        {
            let finding = Finding::broken("one nominated pair", "USE-CANDIDATE on another pair after a successful nomination");
            self.evidence.add(frame.number, finding.because(*because));
        }
    }

    fn finish(self: Box<Self>, _: &Context) -> Judgement {
        self.evidence.judgement()
    }
}
