//! What became of the datagrams of one flow in one direction.
//!
//! Every datagram is recorded; nothing is sampled. Lost datagrams count in the tail of a percentile, so a relay that drops one in a hundred cannot
//! have a pretty p99.9.

use crate::payload::Header;
use hdrhistogram::Histogram;
use schemars::JsonSchema;
use serde::Serialize;

/// Delays beyond this are recorded as this: one minute in ns.
const LONGEST: u64 = 60_000_000_000;

/// Counts of one flow and direction, or the sum over several.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Counts {
    /// Handed to a socket.
    pub sent: u64,
    /// Arrived at least once.
    pub delivered: u64,
    /// Arrived before the end of the trial; all that arrived where the number of datagrams was given.
    pub in_window: u64,
    /// Arrived once more.
    pub duplicates: u64,
    /// Arrived after a datagram with a higher number (RFC 4737 section 3.3).
    pub reordered: u64,
    /// Arrived with changed bytes.
    pub corrupt: u64,
}

impl Counts {
    /// Never arrived whole.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.sent.saturating_sub(self.delivered)
    }

    /// Sums up.
    pub fn add(&mut self, other: &Self) {
        self.sent += other.sent;
        self.delivered += other.delivered;
        self.in_window += other.in_window;
        self.duplicates += other.duplicates;
        self.reordered += other.reordered;
        self.corrupt += other.corrupt;
    }
}

/// Sequence numbers of one flow and direction.
#[derive(Debug, Default)]
pub struct Sequence {
    seen: Vec<u64>,
    next: u64,
    /// The counts so far.
    pub counts: Counts,
}

impl Sequence {
    /// One more than the highest number that has arrived.
    #[must_use]
    pub fn next(&self) -> u64 {
        self.next
    }

    /// Takes a datagram into account; false if it is one too many: a duplicate, or a number that was never sent.
    pub fn arrived(&mut self, sequence: u64, in_window: bool) -> bool {
        if sequence >= self.counts.sent {
            self.counts.corrupt += 1;
            return false;
        }
        let (word, bit) = ((sequence / 64) as usize, 1u64 << (sequence % 64));
        if self.seen.len() <= word {
            self.seen.resize(word + 1, 0);
        }
        if self.seen[word] & bit != 0 {
            self.counts.duplicates += 1;
            return false;
        }
        self.seen[word] |= bit;
        self.counts.delivered += 1;
        self.counts.in_window += u64::from(in_window);
        if sequence < self.next {
            self.counts.reordered += 1;
        }
        self.next = self.next.max(sequence + 1);
        true
    }
}

/// One-way delays of a direction in ns, counted from when datagrams were due and from when they left.
#[derive(Clone, Debug)]
pub struct Delays {
    /// From the time at which the datagram was due: what a user of the relay sees.
    pub intended: Histogram<u64>,
    /// From the time at which it was handed to the socket: blind for the time that a stalled generator or relay keeps later ones waiting.
    pub actual: Histogram<u64>,
    /// As `intended`, of the datagrams of each half of the trial.
    halves: [Histogram<u64>; 2],
}

impl Default for Delays {
    fn default() -> Self {
        let histogram = |digits| Histogram::new_with_bounds(1, LONGEST, digits).expect("the bounds are valid");
        Self { intended: histogram(3), actual: histogram(3), halves: [histogram(2), histogram(2)] }
    }
}

/// A median that has grown by less than this, in ns, is noise.
const GROWTH: u64 = 1_000_000;

impl Delays {
    /// Records the arrival of a datagram at `now`; the second half of the trial begins at `half`.
    pub fn record(&mut self, header: &Header, now: u64, half: u64) {
        let delay = now.saturating_sub(header.intended).max(1);
        self.intended.saturating_record(delay);
        self.halves[usize::from(header.intended >= half)].saturating_record(delay);
        self.actual.saturating_record(now.saturating_sub(header.actual).max(1));
    }

    /// Adds what another has recorded.
    pub fn add(&mut self, other: &Self) {
        self.intended += &other.intended;
        self.actual += &other.actual;
        self.halves.iter_mut().zip(&other.halves).for_each(|(half, other)| *half += other);
    }

    /// Whether datagrams wait longer and longer: the median of the second half is more than twice that of the first, and by more than 1 ms.
    #[must_use]
    pub fn grows(&self) -> bool {
        let [early, late] = self.halves.each_ref().map(|half| half.value_at_quantile(0.5));
        late > early * 2 + GROWTH
    }
}

/// The delay in ns that `quantile` (0 to 1) of `sent` datagrams do not exceed; `None` where that many did not arrive.
#[must_use]
pub fn over_sent(delays: &Histogram<u64>, sent: u64, quantile: f64) -> Option<u64> {
    let rank = ((sent as f64 * quantile).ceil() as u64).max(1);
    let arrived = delays.len();
    (sent > 0 && rank <= arrived).then(|| delays.value_at_quantile(rank as f64 / arrived as f64))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sequence(sent: u64, arrivals: &[u64]) -> Counts {
        let mut flow = Sequence { counts: Counts { sent, ..Counts::default() }, ..Sequence::default() };
        for arrival in arrivals {
            flow.arrived(*arrival, true);
        }
        flow.counts
    }

    #[test]
    fn loss_duplicates_and_reordering_are_counted_apart() {
        let counts = sequence(6, &[0, 2, 1, 2, 5]);
        assert_eq!(counts, Counts { sent: 6, delivered: 4, in_window: 4, duplicates: 1, reordered: 1, corrupt: 0 });
        assert_eq!(counts.lost(), 2);
    }

    #[test]
    fn a_number_that_was_never_sent_is_corrupt_and_not_delivered() {
        assert_eq!(sequence(2, &[0, 7]), Counts { sent: 2, delivered: 1, in_window: 1, corrupt: 1, ..Counts::default() });
    }

    #[test]
    fn lost_datagrams_count_in_the_tail() {
        let mut delays = Delays::default();
        for _ in 0..990 {
            delays.intended.record(1000).expect("within the bounds");
        }
        assert_eq!(over_sent(&delays.intended, 1000, 0.99), Some(1000));
        assert_eq!(over_sent(&delays.intended, 1000, 0.999), None);
        assert_eq!(over_sent(&delays.intended, 990, 1.0), Some(1000));
    }

    #[test]
    fn a_backlog_that_builds_up_is_seen_and_a_steady_delay_is_none() {
        let at = |intended| Header { run: 0, flow: 0, way: crate::payload::Way::Up, sequence: 0, intended, actual: intended };
        let (mut steady, mut backlog) = (Delays::default(), Delays::default());
        for number in 0..100 {
            let due = number * 1_000_000;
            steady.record(&at(due), due + 40_000_000, 50_000_000);
            backlog.record(&at(due), due + due / 2, 50_000_000);
        }
        assert!(!steady.grows() && backlog.grows() && !Delays::default().grows());
    }

    #[test]
    fn the_stall_shows_in_the_delay_from_the_intended_time_only() {
        let mut delays = Delays::default();
        let header = Header { run: 0, flow: 0, way: crate::payload::Way::Up, sequence: 0, intended: 0, actual: 50_000_000 };
        delays.record(&header, 50_010_000, 0);
        assert!(delays.intended.max() >= 50_000_000);
        assert!(delays.actual.max() < 20_000);
    }
}
