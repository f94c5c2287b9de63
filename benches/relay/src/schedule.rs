//! When datagrams are sent, and when the sending ends.

use std::time::Duration;

/// When datagrams are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// As soon as fewer than this many are on their way in a flow and direction: closed loop.
    Window(u64),
    /// At fixed times, whatever became of earlier ones: open loop.
    Rate(Rate),
}

/// The window that closed-loop trials use unless told otherwise: two batches.
pub const WINDOW: Pace = Pace::Window(2 * crate::io::BATCH as u64);

/// Fixed times of sending.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// Datagrams a second over all flows, in each direction.
    pub per_second: u64,
    /// How many of them leave back to back, by one flow; 1 spreads them evenly.
    pub burst: u64,
}

impl Rate {
    /// Evenly spread datagrams.
    #[must_use]
    pub fn even(per_second: u64) -> Self {
        Self { per_second, burst: 1 }
    }

    /// When datagram `number` (from 0) is due, in ns after the beginning.
    #[must_use]
    pub fn intended(self, number: u64) -> u64 {
        let first_of_burst = number - number % self.burst.max(1);
        (u128::from(first_of_burst) * 1_000_000_000 / u128::from(self.per_second.max(1))) as u64
    }

    /// How many datagrams are due at `now`. The first is due at once: without the one every datagram would leave a slot late.
    #[must_use]
    pub fn due(self, now: u64) -> u64 {
        let (burst, slots) = (self.burst.max(1), (u128::from(now) * u128::from(self.per_second) / 1_000_000_000) as u64);
        (slots / burst + 1) * burst
    }

    /// The flow of datagram `number`.
    pub(crate) fn flow(self, number: u64, flows: usize) -> usize {
        (number / self.burst.max(1) % flows as u64) as usize
    }
}

/// How much is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// What fits in this time.
    Time(Duration),
    /// This many datagrams of each flow in each direction, however long that takes.
    Count(u64),
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_first_datagram_is_due_at_once_and_the_next_a_slot_later() {
        let rate = Rate::even(1000);
        assert_eq!((rate.due(0), rate.due(999_999), rate.due(1_000_000)), (1, 1, 2));
        assert_eq!((rate.intended(0), rate.intended(1)), (0, 1_000_000));
    }

    #[test]
    fn a_burst_is_due_as_a_whole_and_leaves_by_one_flow() {
        let rate = Rate { per_second: 1000, burst: 4 };
        assert_eq!((rate.due(0), rate.due(3_999_999), rate.due(4_000_000)), (4, 4, 8));
        assert_eq!(
            (0..8).map(|number| rate.intended(number)).collect::<Vec<_>>(),
            [0, 0, 0, 0, 4_000_000, 4_000_000, 4_000_000, 4_000_000]
        );
        assert_eq!((0..9).map(|number| rate.flow(number, 2)).collect::<Vec<_>>(), [0, 0, 0, 0, 1, 1, 1, 1, 0]);
    }

    proptest! {
        #[test]
        fn no_datagram_is_sent_before_it_is_due(now in 0u64..60_000_000_000, per_second in 1u64..5_000_000, burst in 1u64..100) {
            let rate = Rate { per_second, burst };
            prop_assert!(rate.intended(rate.due(now) - 1) <= now);
        }
    }
}
