//! On which pairs data travels (RFC 8445 section 12.1).

use super::selected::{Nomination, nomination};
use super::{Path, is_data, path};
use crate::check::finding::{Evidence, Finding};
use crate::check::{Check, Context, Frame, FrameEvent, Judge, Judgement, Level, applies};
use iut::{Ns, SECOND};
use std::collections::BTreeSet;

pub(super) const CHECKS: &[Check] = &[Check {
    id: "ice.data.selected-pair",
    clauses: &["RFC8445-12.1-2"],
    level: Level::Must,
    summary: "once a pair is selected, data is sent on nominated pairs alone",
    applies: applies::ice_agent,
    judge: |_, _| Box::new(SelectedPair::default()),
}];

/// Data that is on its way through the stack when a pair is nominated may still take the old one.
const GRACE: Ns = SECOND;

/// The pairs that were nominated so far, also those before a restart: they carry data until the new ones do.
#[derive(Default)]
struct SelectedPair {
    nominated: BTreeSet<Path>,
    first: Option<Nomination>,
    evidence: Evidence,
}

impl Judge for SelectedPair {
    fn frame(&mut self, context: &Context, frame: Frame<'_>) {
        let FrameEvent::Datagram(datagram) = frame.event else { return };
        if let Some(found) = nomination(context, &frame, datagram) {
            self.nominated.insert(found.path);
            self.first.get_or_insert(found);
        }
        let Some(first) = self.first.filter(|_| datagram.sent && is_data(context, datagram)) else { return };
        const EXPECTED: &str = "data on nominated pairs alone";
        if self.nominated.contains(&path(datagram)) {
            self.evidence.add(frame.number, Finding::kept(EXPECTED));
        } else if frame.at > first.at + GRACE {
            self.evidence.add(frame.number, Finding::broken(EXPECTED, "data on a pair that was not nominated").because(first.frame));
        }
    }

    fn finish(self: Box<Self>, _: &Context) -> Judgement {
        self.evidence.judgement()
    }
}
