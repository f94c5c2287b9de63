//! The virtual time of a case: a turmoil host's own while it runs, between ticks that of the tick that has ended.
//!
//! The case begins after turmoil's first tick, in which the hosts open their tunnels: a datagram to a host that has not yet done so is lost without a word.

use iut::Ns;
use std::cell::Cell;
use std::time::Duration;

/// The smallest step of time.
pub(super) const TICK: Duration = Duration::from_millis(1);

thread_local! {
    static BETWEEN_TICKS: Cell<Option<Ns>> = const { Cell::new(None) };
}

/// Nanoseconds since the case began; `None` where no case runs on this thread. Reads no clock of the system, so it may stand behind one: a runner passes it to
/// whatever answers the clock reads of the implementations.
pub fn virtual_time() -> Option<Ns> {
    of_host().or_else(|| BETWEEN_TICKS.get())
}

/// The time of the host that runs.
pub(super) fn of_host() -> Option<Ns> {
    turmoil::sim_elapsed().map(case_time)
}

/// turmoil's time as time of the case.
pub(super) fn case_time(elapsed: Duration) -> Ns {
    nanoseconds(elapsed.saturating_sub(TICK))
}

/// Sets the time between ticks, `None` when the case is over.
pub(super) fn set_between_ticks(now: Option<Ns>) {
    BETWEEN_TICKS.set(now);
}

/// Saturating after 584 years.
fn nanoseconds(duration: Duration) -> Ns {
    Ns::try_from(duration.as_nanos()).unwrap_or(Ns::MAX)
}
