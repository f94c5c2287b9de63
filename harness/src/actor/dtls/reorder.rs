//! Holds ranges of datagrams back until they are complete, and lets them go in reverse order.

use super::Datagram;
use iut::{MILLISECOND, Ns};

/// How long the first datagram of a range waits for the others: a flight leaves at one instant, so what has not come by then is another flight.
const PATIENCE: Ns = 50 * MILLISECOND;

pub(super) struct Reorder {
    ranges: Vec<Range>,
}

struct Range {
    from: u32,
    to: u32,
    /// When the range stops to hold datagrams back; none before its first datagram.
    until: Option<Ns>,
    held: Vec<Datagram>,
    done: bool,
}

impl Reorder {
    /// Ranges of numbers, both ends included.
    pub(super) fn new(ranges: Vec<(u32, u32)>) -> Self {
        Self { ranges: ranges.into_iter().map(|(from, to)| Range { from, to, until: None, held: Vec::new(), done: false }).collect() }
    }

    /// The datagrams that are to be sent now that this number was produced; `datagrams` is what is left of it.
    pub(super) fn pass(&mut self, now: Ns, number: u32, datagrams: Vec<Datagram>) -> Vec<Datagram> {
        let Some(range) = self.ranges.iter_mut().find(|range| !range.done && (range.from..=range.to).contains(&number)) else {
            return datagrams;
        };
        range.until.get_or_insert(now.saturating_add(PATIENCE));
        range.held.extend(datagrams);
        if number == range.to { range.release() } else { Vec::new() }
    }

    /// When held datagrams go in any case.
    pub(super) fn deadline(&self) -> Option<Ns> {
        self.ranges.iter().filter(|range| !range.done).filter_map(|range| range.until).min()
    }

    /// The datagrams whose range has waited long enough.
    pub(super) fn overdue(&mut self, now: Ns) -> Vec<Datagram> {
        let due = |range: &&mut Range| !range.done && range.until.is_some_and(|until| until <= now);
        self.ranges.iter_mut().filter(due).flat_map(Range::release).collect()
    }
}

impl Range {
    fn release(&mut self) -> Vec<Datagram> {
        self.done = true;
        let mut held = std::mem::take(&mut self.held);
        held.reverse();
        held
    }
}
