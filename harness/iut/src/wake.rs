//! A bound on immediate wake-ups, so that an implementation which asks for the past for ever cannot stop virtual time.

use crate::{MILLISECOND, Ns};

/// How often in a row an endpoint may be woken at once before it has to wait.
const IMMEDIATE_WAKE_UPS: u32 = 32;

/// Turns the deadline that an implementation asks for into the one that its endpoint reports. A deadline that has passed means "at once", as
/// [`crate::Endpoint::poll_timeout`] says; after a bounded number of such wake-ups in a row it means "in a millisecond", until the implementation asks
/// for a time that is still to come.
#[derive(Clone, Debug, Default)]
pub struct WakeLimit {
    wake_ups: u32,
}

impl WakeLimit {
    /// Call this for each [`crate::Input::Timeout`].
    pub fn woken(&mut self) {
        self.wake_ups = self.wake_ups.saturating_add(1);
    }

    /// The deadline to report, where `now` is the time of the last input and `wanted` is what the implementation asks for.
    pub fn deadline(&mut self, now: Ns, wanted: Ns) -> Ns {
        if wanted > now {
            self.wake_ups = 0;
            wanted
        } else if self.wake_ups >= IMMEDIATE_WAKE_UPS {
            now.saturating_add(MILLISECOND)
        } else {
            now
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_in_the_future_is_kept() {
        assert_eq!(WakeLimit::default().deadline(5, 9), 9);
    }

    #[test]
    fn an_endless_wish_for_now_advances_time() {
        let mut limit = WakeLimit::default();
        let mut now = 7;
        for _ in 0..100 {
            now = limit.deadline(now, 0);
            limit.woken();
        }
        assert_eq!(now, 7 + 68 * MILLISECOND, "32 wake-ups at once, then one each millisecond");
    }

    #[test]
    fn the_bound_starts_anew_once_a_deadline_is_to_come() {
        let mut limit = WakeLimit::default();
        for _ in 0..IMMEDIATE_WAKE_UPS {
            limit.woken();
        }
        assert_eq!(limit.deadline(3, 3), 3 + MILLISECOND);
        assert_eq!(limit.deadline(3, 4), 4);
        assert_eq!(limit.deadline(4, 4), 4);
    }
}
