//! When datagrams are sent, and when the sending ends.

use crate::content::Content;
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

/// When each datagram of an open loop leaves, and by which flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Schedule {
    /// Bursts of equal size, a burst by a flow.
    Bursts(Rate),
    /// Frames of video, a frame by a flow, in even time; so many datagrams a second on average.
    Frames(u64),
}

/// Frames of a group: one large one and the rest.
const GROUP: u64 = 30;
/// Datagrams of the large frame.
const LARGE: u64 = 30;
/// Datagrams of each other frame.
const SMALL: u64 = 4;
/// Datagrams of a group.
const TOTAL: u64 = LARGE + (GROUP - 1) * SMALL;

impl Schedule {
    pub(crate) fn new(rate: Rate, content: Content) -> Self {
        if content == Content::Video { Self::Frames(rate.per_second.max(1)) } else { Self::Bursts(rate) }
    }

    /// When datagram `number` (from 0) is due, in ns after the beginning.
    pub(crate) fn intended(self, number: u64) -> u64 {
        match self {
            Self::Bursts(rate) => rate.intended(number),
            Self::Frames(per_second) => {
                (u128::from(frame(number)) * u128::from(TOTAL) * 1_000_000_000 / (u128::from(per_second) * u128::from(GROUP))) as u64
            }
        }
    }

    /// How many datagrams are due at `now`.
    pub(crate) fn due(self, now: u64) -> u64 {
        match self {
            Self::Bursts(rate) => rate.due(now),
            Self::Frames(per_second) => {
                let frames = u128::from(now) * u128::from(per_second) * u128::from(GROUP) / (u128::from(TOTAL) * 1_000_000_000);
                first(frames as u64 + 1)
            }
        }
    }

    /// The flow of datagram `number`. Large frames go round the flows.
    pub(crate) fn flow(self, number: u64, flows: usize) -> usize {
        match self {
            Self::Bursts(rate) => rate.flow(number, flows),
            Self::Frames(_) => ((frame(number) + frame(number) / GROUP) % flows as u64) as usize,
        }
    }

    /// Whether a burst begins with datagram `number`, so that the one before it was the last of its burst.
    pub(crate) fn begins(self, number: u64) -> bool {
        match self {
            Self::Bursts(rate) => number.is_multiple_of(rate.burst.max(1)),
            Self::Frames(_) => first(frame(number)) == number,
        }
    }

    /// The datagrams of the longest burst.
    pub(crate) fn longest(self) -> u64 {
        match self {
            Self::Bursts(rate) => rate.burst.max(1),
            Self::Frames(_) => LARGE,
        }
    }
}

/// The frame of a datagram.
fn frame(number: u64) -> u64 {
    let (group, within) = (number / TOTAL, number % TOTAL);
    group * GROUP + within.checked_sub(LARGE).map_or(0, |rest| 1 + rest / SMALL)
}

/// The first datagram of a frame.
fn first(frame: u64) -> u64 {
    let (group, within) = (frame / GROUP, frame % GROUP);
    group * TOTAL + within.checked_sub(1).map_or(0, |rest| LARGE + rest * SMALL)
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

    #[test]
    fn frames_leave_at_once_in_even_time_and_keep_the_rate() {
        let video = Schedule::new(Rate::even(TOTAL), Content::Video);
        let sizes: Vec<u64> = (0..=GROUP).map(|it| first(it + 1) - first(it)).collect();
        assert_eq!((sizes[0], sizes[1], sizes[29], sizes[30]), (LARGE, SMALL, SMALL, LARGE));
        // A group a second: thirty frames of a thirtieth of a second.
        assert_eq!((video.intended(LARGE - 1), video.intended(LARGE), video.intended(TOTAL)), (0, 33_333_333, 1_000_000_000));
        assert_eq!(
            (video.due(0), video.due(33_333_332), video.due(33_333_334), video.due(1_000_000_000)),
            (LARGE, LARGE, LARGE + SMALL, TOTAL + LARGE)
        );
        assert_eq!((0..TOTAL).filter(|number| video.begins(*number)).count() as u64, GROUP);
        // With as many flows as frames large ones would otherwise always be those of the first flow.
        assert_eq!((video.flow(0, 30), video.flow(TOTAL, 30), video.flow(LARGE, 30)), (0, 1, 1));
    }

    proptest! {
        #[test]
        fn no_frame_is_sent_before_it_is_due(now in 0u64..60_000_000_000, per_second in 1u64..5_000_000) {
            let video = Schedule::new(Rate::even(per_second), Content::Video);
            prop_assert!(video.intended(video.due(now) - 1) <= now && video.intended(video.due(now)) + 1 > now);
        }

        #[test]
        fn no_datagram_is_sent_before_it_is_due(now in 0u64..60_000_000_000, per_second in 1u64..5_000_000, burst in 1u64..100) {
            let rate = Rate { per_second, burst };
            prop_assert!(rate.intended(rate.due(now) - 1) <= now);
        }
    }
}
