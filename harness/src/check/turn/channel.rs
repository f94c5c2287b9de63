//! Channels at a server (RFC 8656 section 12).

use super::allocation::{Allocations, Life};
use super::gate::{PATIENCE, Watch, watching};
use super::passage::{Gate, Passage, UnderWay};
use super::rule::knowing_allocations;
use crate::check::finding::{Evidence, Finding};
use crate::check::{Check, Datagram, Frame, Judgement, Level, applies};
use iut::Ns;

pub(super) const CHECKS: &[Check] = &[
    Check {
        id: "turn.channel.preferred",
        clauses: &["RFC8656-12.5-1"],
        level: Level::Must,
        summary: "data of a peer with a bound channel reaches the client as ChannelData",
        applies: applies::turn_server,
        judge: |_, _| knowing_allocations(preferred),
    },
    Check {
        id: "turn.channel.unbound",
        clauses: &["RFC8656-12.6-u5", "RFC8656-12-u24", "RFC8656-12-u15"],
        level: Level::Unmarked,
        summary: "ChannelData on a channel that is not bound, or no more, is dropped; the server sends none",
        applies: applies::turn_server,
        judge: |_, _| watching(Unbound::default()),
    },
];

fn preferred(frame: &Frame<'_>, datagram: &Datagram<'_>, allocations: &Allocations) -> Finding {
    let Some(passage) = Passage::of(datagram, allocations, frame.at).filter(|passage| passage.gate == Gate::ToClient) else {
        return Finding::Nothing;
    };
    let bound = passage.peer.and_then(|peer| passage.allocation.channel_of(peer, frame.at));
    match (passage.channel, bound) {
        (Some(_), Some((_, Life::Alive))) => Finding::kept("ChannelData from peers with a channel"),
        (None, Some((_, Life::Alive))) => {
            Finding::broken("ChannelData from peers with a channel", "a Data indication for a peer with a channel")
        }
        _ => Finding::Nothing,
    }
}

/// ChannelData without a binding, on its way in and out.
#[derive(Default)]
struct Unbound {
    /// ChannelData that arrived on channels without binding.
    forbidden: UnderWay,
    /// Everything else that clients sent: the same data may leave for its sake.
    others: UnderWay,
    /// ChannelData was passed on: without this twin, a server without channels would do.
    passed: bool,
    dropped: Option<u32>,
    evidence: Evidence,
}

impl Watch for Unbound {
    fn age(&mut self, now: Ns) {
        let dropped = self.forbidden.stayed(now.saturating_sub(PATIENCE));
        self.dropped = self.dropped.or(dropped.first().map(|entered| entered.frame));
    }

    fn passage(&mut self, frame: &Frame<'_>, passage: &Passage<'_>) {
        let binding = passage.channel.map(|number| passage.allocation.channel(number, frame.at).map_or(Life::Over, |(_, life)| life));
        match (passage.gate, binding) {
            (Gate::ToClient, Some(Life::Over)) => {
                self.evidence.add(
                    frame.number,
                    Finding::broken("ChannelData on bound channels alone", "ChannelData on a channel that is not bound"),
                );
            }
            (Gate::ToClient, Some(_)) => self.passed = true,
            (Gate::FromClient, Some(Life::Over)) => self.forbidden.enter(frame.number, frame.at, passage),
            (Gate::FromClient, _) => self.others.enter(frame.number, frame.at, passage),
            (Gate::ToPeer, _) if self.others.leave(|entered| entered.is(passage)).is_some() => self.passed = true,
            (Gate::ToPeer, _) => {
                let here = |entered: &super::passage::Entered| entered.tuple == passage.tuple && entered.data == passage.data;
                if let Some(entered) = self.forbidden.leave(here) {
                    let finding = Finding::broken("nothing from channels without a binding", "ChannelData passed on without a binding");
                    self.evidence.add(frame.number, finding.because(entered.frame));
                }
            }
            _ => {}
        }
    }

    fn finish(mut self) -> Judgement {
        if let Some(frame) = self.dropped.filter(|_| self.passed) {
            self.evidence.add(frame, Finding::kept("nothing from channels without a binding"));
        }
        self.evidence.judgement()
    }
}
