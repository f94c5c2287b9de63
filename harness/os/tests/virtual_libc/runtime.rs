//! A tokio runtime on a paused clock, which a hook hands on to libc.

use std::cell::Cell;
use std::time::{Duration, Instant, SystemTime};

use super::with_seed;
use os::virtual_libc::{WALL_BASE_NS, now, set_clock_hook, stats, threads_started};
use tokio::time::Instant as Paused;

const HOUR: Duration = Duration::from_secs(3600);
/// A clock read moves the clock on by a nanosecond, so that durations are a few too long or too short.
const SLACK: Duration = Duration::from_micros(1);

thread_local! {
    static START: Cell<Option<Paused>> = const { Cell::new(None) };
}

fn paused_clock() -> Option<u64> {
    tokio::runtime::Handle::try_current().ok()?;
    Some((Paused::now() - START.get()?).as_nanos() as u64)
}

/// Runs a future to its end in virtual time.
fn on_paused_clock<F: Future<Output: Send>>(job: impl FnOnce() -> F + Send) -> F::Output {
    with_seed(1, || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().expect("a runtime");
        runtime.block_on(async {
            START.set(Some(Paused::now()));
            set_clock_hook(Some(paused_clock));
            job().await
        })
    })
}

fn assert_close(measured: Duration, wanted: Duration) {
    assert!(measured.abs_diff(wanted) < SLACK, "{measured:?}");
}

#[test]
fn the_clocks_of_std_follow_the_paused_clock() {
    on_paused_clock(|| async {
        let before = Instant::now();
        tokio::time::sleep(HOUR).await;
        assert_close(before.elapsed(), HOUR);
        let wall = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("after 1970");
        assert_close(wall, Duration::from_nanos(WALL_BASE_NS) + HOUR);
        assert_eq!(now(), HOUR.as_nanos() as u64);
        assert_eq!((threads_started(), stats().sleeps), (0, 0), "the runtime needs neither threads nor waits");
    });
}

#[test]
fn a_task_that_blocks_does_not_stop_the_timers_of_others() {
    on_paused_clock(|| async {
        let timer = tokio::spawn(tokio::time::sleep(HOUR));
        std::thread::sleep(Duration::from_secs(10));
        timer.await.expect("no panic");
        assert_eq!(now(), HOUR.as_nanos() as u64);
        assert_eq!(stats().sleeps, 1);
    });
}

#[test]
fn work_on_a_blocking_thread_is_waited_for_and_counted() {
    on_paused_clock(|| async {
        let timer = tokio::spawn(tokio::time::sleep(HOUR));
        let answer = tokio::task::spawn_blocking(|| {
            std::thread::sleep(Duration::from_millis(30));
            42
        });
        assert_eq!(answer.await.expect("no panic"), 42);
        assert_eq!(now(), 0, "the clock stands still while a thread works");
        timer.await.expect("no panic");
        assert_eq!(threads_started(), 1);
    });
}
