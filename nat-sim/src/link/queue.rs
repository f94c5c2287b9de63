//! A link of limited rate: packets leave it one after the other, and wait in a queue before it.
//!
//! Nothing waits in memory: what happens to a packet in a queue is known when it comes in, because packets leave in the order in which they came.

use crate::drop_reason::DropReason;
use crate::time::{Ns, SEC};

/// How fast a link is, and the queue before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// Bits per second; 0 counts as 1. IP packets count whole, layers below them do not.
    pub bits_per_second: u64,
    /// Octets that wait at most, beside the packet that is being sent; a packet that does not fit is dropped (drop-tail).
    pub queue: u32,
    /// What shortens the queue before it is full.
    pub management: QueueManagement,
}

/// Active queue management.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QueueManagement {
    /// None: only a full queue drops.
    DropTail,
    /// Controlled delay: RFC 8289, section 5. Its exception for a queue of less than one packet is left out: it looks at packets that come later.
    CoDel {
        /// Delay in the queue that is acceptable for ever (RFC 8289, section 4.4: 5 ms).
        target: Ns,
        /// Time for which the delay may be longer (RFC 8289, section 4.3: 100 ms).
        interval: Ns,
    },
}

/// A queue at run time.
#[derive(Debug, Default)]
pub(super) struct Queue {
    /// When the packet that came last has left.
    idle_from: Ns,
    codel: CoDel,
}

/// The variables of RFC 8289, section 5.3.
#[derive(Debug, Default)]
struct CoDel {
    first_above: Option<Ns>,
    dropping: bool,
    drop_next: Ns,
    count: u32,
    last_count: u32,
}

impl Queue {
    /// A packet of `octets` comes in at `now`; when its last bit has left.
    pub(super) fn pass(&mut self, rate: Rate, now: Ns, octets: usize) -> Result<Ns, DropReason> {
        let begins = self.idle_from.max(now);
        let waiting = u128::from(begins - now) * u128::from(rate.bits_per_second) / u128::from(8 * SEC);
        let waits = begins > now;
        if waits && waiting + octets as u128 > u128::from(rate.queue) {
            return Err(DropReason::LinkQueueFull);
        }
        if let QueueManagement::CoDel { target, interval } = rate.management
            && self.codel.drops(begins - now, begins, target, interval)
        {
            return Err(DropReason::LinkCoDel);
        }
        let sending = (octets as u128 * u128::from(8 * SEC)).div_ceil(u128::from(rate.bits_per_second.max(1)));
        self.idle_from = begins.saturating_add(u64::try_from(sending).unwrap_or(Ns::MAX));
        Ok(self.idle_from)
    }
}

impl CoDel {
    /// Whether a packet that has waited for `sojourn` when its turn comes at `now` is dropped.
    fn drops(&mut self, sojourn: Ns, now: Ns, target: Ns, interval: Ns) -> bool {
        let long = self.has_been_long(sojourn, now, target, interval);
        if self.dropping {
            self.dropping = long;
            if long && now >= self.drop_next {
                self.count = self.count.saturating_add(1);
                self.drop_next = self.drop_next.saturating_add(control(interval, self.count));
                return true;
            }
            return false;
        }
        if long {
            self.dropping = true;
            // A queue that grows again soon after goes on at about the rate that controlled it before.
            let delta = self.count - self.last_count;
            self.count = if delta > 1 && now.saturating_sub(self.drop_next) < interval.saturating_mul(16) { delta } else { 1 };
            self.drop_next = now.saturating_add(control(interval, self.count));
            self.last_count = self.count;
        }
        long
    }

    /// Whether the delay has been above the target for an interval.
    fn has_been_long(&mut self, sojourn: Ns, now: Ns, target: Ns, interval: Ns) -> bool {
        if sojourn < target {
            self.first_above = None;
            return false;
        }
        let until = *self.first_above.get_or_insert(now.saturating_add(interval));
        now >= until
    }
}

/// Time to the next drop: the interval over the square root of the number of drops.
fn control(interval: Ns, count: u32) -> Ns {
    // The integer square root keeps every platform's result the same; 2^20 keeps its precision.
    const SCALE: u64 = 1 << 20;
    interval.saturating_mul(SCALE) / u64::from(count).saturating_mul(SCALE * SCALE).isqrt().max(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::MS;

    const DROP_TAIL: Rate = Rate { bits_per_second: 8_000_000, queue: 3_000, management: QueueManagement::DropTail };

    #[test]
    fn packets_leave_one_after_the_other_at_the_rate() {
        let mut queue = Queue::default();
        let exits: Vec<_> = [0, 0, 500_000, 10 * MS].into_iter().map(|at| queue.pass(DROP_TAIL, at, 1_000).unwrap()).collect();
        assert_eq!(exits, [MS, 2 * MS, 3 * MS, 11 * MS], "1,000 octets per millisecond");
    }

    #[test]
    fn a_full_queue_drops_and_has_room_again_as_it_empties() {
        let mut queue = Queue::default();
        let passed = (0..10).filter(|_| queue.pass(DROP_TAIL, 0, 1_000).is_ok()).count();
        assert_eq!(passed, 3, "one on its way, two behind it: the third octet block of the queue is the one being sent");
        assert_eq!(queue.pass(DROP_TAIL, 0, 1_000), Err(DropReason::LinkQueueFull));
        assert!(queue.pass(DROP_TAIL, MS, 1_000).is_ok());
    }

    #[test]
    fn codel_drops_a_standing_queue_more_and_more_often() {
        let rate = Rate { queue: 10_000_000, management: QueueManagement::CoDel { target: 5 * MS, interval: 100 * MS }, ..DROP_TAIL };
        let mut queue = Queue::default();
        // A tenth more than the rate, for ten seconds.
        let drops: Vec<Ns> = (0..11_000u64).map(|n| n * MS * 10 / 11).filter(|at| queue.pass(rate, *at, 1_000).is_err()).collect();
        assert!(drops[0] > 100 * MS, "an interval passes first: {}", drops[0]);
        let gaps: Vec<Ns> = drops.windows(2).map(|pair| pair[1] - pair[0]).take(20).collect();
        assert!(gaps[0] > gaps[19], "{gaps:?}");
        let mut tail = Queue::default();
        let rate = Rate { management: QueueManagement::DropTail, ..rate };
        assert!((0..11_000u64).all(|n| tail.pass(rate, n * MS * 10 / 11, 1_000).is_ok()), "a long queue would have taken all");
    }

    #[test]
    fn codel_leaves_a_short_queue_alone() {
        let rate = Rate { management: QueueManagement::CoDel { target: 5 * MS, interval: 100 * MS }, queue: 100_000, ..DROP_TAIL };
        let mut queue = Queue::default();
        assert!((0..5_000u64).all(|n| queue.pass(rate, n * MS, 1_000).is_ok()));
    }

    #[test]
    fn the_control_law_is_the_inverse_square_root() {
        assert_eq!([1, 4, 100].map(|count| control(100 * MS, count)), [100 * MS, 50 * MS, 10 * MS]);
    }
}
