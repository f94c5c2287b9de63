//! The two-person signalling room: what one peer sends, the other receives after a while, in order. Candidates may get lost; descriptions never do.

use crate::plan::CasePlan;
use iut::{Input, Ns, Signal};
use nat_sim::Stream;
use std::collections::VecDeque;

/// Time that a message takes where the scenario does not say.
const DEFAULT_DELAY: Ns = 30 * iut::MILLISECOND;

pub(super) struct Room {
    members: Vec<usize>,
    delay: Ns,
    candidate_loss: f64,
    rng: Stream,
    /// In the order of sending; the delay is constant, so this is the order of arrival too.
    queue: VecDeque<(Ns, usize, Signal)>,
}

impl Room {
    pub(super) fn new(plan: &CasePlan) -> Self {
        let members = plan.nodes.iter().enumerate().filter(|(_, node)| node.signals()).map(|(index, _)| index).collect();
        Self {
            members,
            delay: plan.signalling.delay.map_or(DEFAULT_DELAY, |span| span.0),
            candidate_loss: plan.signalling.candidate_loss.map_or(0.0, |share| share.0),
            rng: Stream::new(plan.seed, "signalling"),
            queue: VecDeque::new(),
        }
    }

    /// Takes a message for everybody else in the room; true when it was lost.
    pub(super) fn send(&mut self, now: Ns, from: usize, signal: Signal) -> bool {
        let candidate = matches!(signal, Signal::Candidate(_));
        if candidate && self.candidate_loss > 0.0 && self.rng.unit() < self.candidate_loss {
            return true;
        }
        for to in self.members.iter().copied().filter(|to| *to != from) {
            self.queue.push_back((now + self.delay, to, signal.clone()));
        }
        false
    }

    pub(super) fn next(&self) -> Option<Ns> {
        self.queue.front().map(|(at, ..)| *at)
    }

    pub(super) fn due(&mut self, now: Ns) -> Vec<(usize, Input)> {
        let mut inputs = Vec::new();
        while self.queue.front().is_some_and(|(at, ..)| *at <= now) {
            inputs.extend(self.queue.pop_front().map(|(_, to, signal)| (to, Input::Signal(signal))));
        }
        inputs
    }
}
