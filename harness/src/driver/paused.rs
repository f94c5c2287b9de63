//! tokio with a clock that stands still: it moves only when every task waits, and then to the next timer.
//!
//! Timers have a resolution of one millisecond and round up; the clock itself counts nanoseconds. So whatever is handed over at a tokio deadline may come up
//! to a millisecond late, and never early.

use iut::Ns;
use std::cell::Cell;
use std::future::Future;
use tokio::runtime::{Builder, Handle};
use tokio::time::Instant;

thread_local! {
    static START: Cell<Option<Instant>> = const { Cell::new(None) };
}

/// Runs `case` on a single-threaded runtime of its own, to its end. Tasks that it leaves behind are dropped with the runtime.
///
/// # Panics
/// When the operating system refuses a runtime, or when called on a runtime.
pub fn paused<T>(case: impl Future<Output = T>) -> T {
    let runtime = Builder::new_current_thread().enable_time().start_paused(true).build();
    let runtime = runtime.expect("a runtime without I/O needs nothing of the system");
    let result = runtime.block_on(async {
        START.set(Some(Instant::now()));
        case.await
    });
    START.set(None);
    result
}

/// Nanoseconds since [`paused`] began on this thread; `None` outside of it. Reads no clock of the system, so it may stand behind one: a runner passes it to
/// whatever answers the clock reads of the implementations.
pub fn virtual_time() -> Option<Ns> {
    // While a runtime is being dropped its clock cannot be asked any more.
    Handle::try_current().ok()?;
    START.get().map(|start| nanoseconds(start.elapsed()))
}

/// Saturating after 584 years.
fn nanoseconds(duration: std::time::Duration) -> Ns {
    Ns::try_from(duration.as_nanos()).unwrap_or(Ns::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn virtual_time_is_known_inside_only() {
        assert_eq!(virtual_time(), None);
        paused(async {
            assert_eq!(virtual_time(), Some(0));
            tokio::time::sleep(Duration::from_secs(3600)).await;
            assert_eq!(virtual_time(), Some(3_600_000_000_000));
        });
        assert_eq!(virtual_time(), None);
    }

    #[test]
    fn a_timer_is_never_early_and_less_than_a_millisecond_late() {
        paused(async {
            let start = Instant::now();
            for wanted in [1, 999_999, 1_000_000, 1_000_001, 2_500_000, 123_456_789] {
                let deadline = Instant::now() + Duration::from_nanos(wanted);
                tokio::time::sleep_until(deadline).await;
                let late = Instant::now().checked_duration_since(deadline).expect("not early");
                assert!(late < Duration::from_millis(1), "{wanted} ns after {:?}: {late:?} late", start.elapsed());
            }
        });
    }
}
