//! Judges of what passes a relay: what all of them do alike.

use super::allocation::Allocations;
use super::passage::Passage;
use crate::check::{Context, Frame, FrameEvent, Judge, Judgement};
use iut::{Ns, SECOND};

/// How long a server may take to pass something on.
pub(super) const PATIENCE: Ns = SECOND;

/// Looks at what enters and leaves a relay.
pub(super) trait Watch {
    /// Time has come this far.
    fn age(&mut self, _now: Ns) {}

    /// A datagram enters or leaves, with the allocations as they were before it.
    fn passage(&mut self, frame: &Frame<'_>, passage: &Passage<'_>);

    /// The trace is over.
    fn finish(self) -> Judgement;
}

/// A judge that watches the gates of a relay. Without the beginning of the trace nothing is known of the allocations, so nothing is looked at.
pub(super) fn watching(watch: impl Watch + 'static) -> Box<dyn Judge> {
    Box::new(Watching { watch, allocations: Allocations::default() })
}

struct Watching<W> {
    watch: W,
    allocations: Allocations,
}

impl<W: Watch> Judge for Watching<W> {
    fn frame(&mut self, context: &Context, frame: Frame<'_>) {
        self.watch.age(frame.at);
        let FrameEvent::Datagram(datagram) = frame.event else { return };
        if let Some(passage) = Passage::of(datagram, &self.allocations, frame.at).filter(|_| context.from_the_start) {
            self.watch.passage(&frame, &passage);
        }
        self.allocations.datagram(frame.at, datagram);
    }

    fn finish(self: Box<Self>, _: &Context) -> Judgement {
        self.watch.finish()
    }
}
