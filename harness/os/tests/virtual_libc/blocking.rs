//! Blocking for a time: passes at once, unless another thread may be what is waited for.

use std::mem::zeroed;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Condvar, Mutex};
use std::time::{Duration, Instant};

use super::{errno_of, on_fresh_thread, with_seed};
use os::virtual_libc::{now, set_now, stats, threads_started};

const HOUR: Duration = Duration::from_secs(3600);
/// Far more than a call takes, far less than it would wait for.
const SOON: Duration = Duration::from_secs(600);

fn timespec(seconds: i64, nanos: i64) -> libc::timespec {
    libc::timespec { tv_sec: seconds, tv_nsec: nanos }
}

/// Asserts that `wait` lets an hour pass on the thread's clock only.
fn assert_passes_an_hour(wait: impl FnOnce() + Send) {
    let real = Instant::now();
    with_seed(1, || {
        let before = Instant::now();
        wait();
        let passed = before.elapsed();
        assert!(passed >= HOUR && passed < HOUR + Duration::from_micros(1), "{passed:?}");
        assert_eq!(stats().sleeps, 1);
        assert_eq!(now(), 0, "the driver's time is its own");
    });
    assert!(real.elapsed() < SOON);
}

#[test]
fn a_std_sleep_passes_at_once() {
    assert_passes_an_hour(|| std::thread::sleep(HOUR));
}

#[test]
fn c_sleeps_pass_at_once() {
    type Sleep = unsafe fn(&libc::timespec) -> libc::c_long;
    let sleeps: [Sleep; 6] = [
        // SAFETY: the caller's time.
        |t| unsafe { libc::sleep(t.tv_sec as u32) }.into(),
        // SAFETY: the caller's time.
        |t| unsafe { libc::usleep(t.tv_sec as u32 * 1_000_000) }.into(),
        // SAFETY: the caller's time.
        |t| unsafe { libc::nanosleep(t, std::ptr::null_mut()) }.into(),
        // SAFETY: the caller's time.
        |t| unsafe { libc::clock_nanosleep(libc::CLOCK_REALTIME, 0, t, std::ptr::null_mut()) }.into(),
        // SAFETY: the caller's time.
        |t| unsafe { libc::syscall(libc::SYS_nanosleep, t, 0) },
        // SAFETY: the caller's time.
        |t| unsafe { libc::syscall(libc::SYS_clock_nanosleep, libc::CLOCK_MONOTONIC, 0, t, 0) },
    ];
    for sleep in sleeps {
        // SAFETY: a valid pointer to the time, and null where the rest is not wanted.
        assert_passes_an_hour(|| assert_eq!(unsafe { sleep(&timespec(3600, 0)) }, 0));
    }
}

#[test]
fn a_sleep_until_a_time_passes_at_once() {
    for clock in [libc::CLOCK_MONOTONIC, libc::CLOCK_REALTIME] {
        assert_passes_an_hour(|| {
            // SAFETY: all-zero is a valid value of this C struct, and the pointers are valid.
            unsafe {
                let mut time: libc::timespec = zeroed();
                libc::clock_gettime(clock, &raw mut time);
                time.tv_sec += 3600;
                assert_eq!(libc::clock_nanosleep(clock, libc::TIMER_ABSTIME, &raw const time, std::ptr::null_mut()), 0);
            }
        });
    }
}

#[test]
fn a_sleep_until_the_past_passes_no_time() {
    with_seed(1, || {
        let past = timespec(1, 0);
        let before = Instant::now();
        // SAFETY: valid pointers.
        assert_eq!(unsafe { libc::clock_nanosleep(libc::CLOCK_MONOTONIC, libc::TIMER_ABSTIME, &raw const past, std::ptr::null_mut()) }, 0);
        assert!(before.elapsed() < Duration::from_micros(1));
    });
}

#[test]
fn timed_waits_of_std_pass_at_once() {
    assert_passes_an_hour(|| std::thread::park_timeout(HOUR));
    assert_passes_an_hour(|| {
        let (_sender, receiver) = channel::<()>();
        assert_eq!(receiver.recv_timeout(HOUR), Err(RecvTimeoutError::Timeout));
    });
    assert_passes_an_hour(|| {
        let (lock, condition) = (Mutex::new(()), Condvar::new());
        let guard = lock.lock().expect("not poisoned");
        assert!(condition.wait_timeout(guard, HOUR).expect("not poisoned").1.timed_out());
    });
}

#[test]
fn a_relative_futex_wait_passes_at_once() {
    assert_passes_an_hour(|| {
        let word = 5u32;
        let hour = timespec(3600, 0);
        // SAFETY: valid pointers.
        let result =
            unsafe { libc::syscall(libc::SYS_futex, &raw const word, libc::FUTEX_WAIT | libc::FUTEX_PRIVATE_FLAG, 5, &raw const hour) };
        assert_eq!(errno_of(result), Some(libc::ETIMEDOUT));
    });
}

#[test]
fn a_futex_wait_on_a_changed_word_passes_no_time() {
    with_seed(1, || {
        let word = 6u32;
        let hour = timespec(3600, 0);
        // SAFETY: valid pointers.
        let result =
            unsafe { libc::syscall(libc::SYS_futex, &raw const word, libc::FUTEX_WAIT | libc::FUTEX_PRIVATE_FLAG, 5, &raw const hour) };
        assert_eq!(errno_of(result), Some(libc::EAGAIN));
        assert_eq!(stats().sleeps, 0);
    });
}

#[test]
fn a_loop_that_sleeps_until_a_deadline_ends() {
    with_seed(1, || {
        let deadline = Instant::now() + HOUR;
        let mut rounds = 0;
        while Instant::now() < deadline {
            std::thread::sleep(Duration::from_secs(1));
            rounds += 1;
        }
        assert_eq!(rounds, 3600);
    });
}

#[test]
fn the_clock_waits_for_the_driver_after_a_sleep() {
    with_seed(1, || {
        let start = Instant::now();
        std::thread::sleep(Duration::from_secs(10));
        set_now(5_000_000_000);
        assert_eq!(start.elapsed(), Duration::from_secs(10) + Duration::from_nanos(1));
        set_now(20_000_000_000);
        assert_eq!(start.elapsed(), Duration::from_secs(20));
    });
}

#[test]
fn threads_are_counted() {
    with_seed(1, || {
        assert_eq!(threads_started(), 0);
        std::thread::scope(|scope| {
            scope.spawn(|| on_fresh_thread(|| {}));
        });
        assert_eq!(threads_started(), 1, "those of the calling thread only");
    });
}

#[test]
fn a_timed_wait_is_ended_by_a_thread_that_takes_real_time() {
    with_seed(1, || {
        let (sender, receiver) = channel();
        let thread = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(30));
            sender.send(3)
        });
        assert_eq!(receiver.recv_timeout(HOUR), Ok(3));
        thread.join().expect("no panic").expect("received");
    });
}

#[test]
fn a_timed_wait_beside_a_silent_thread_ends_and_passes_on_the_clock() {
    with_seed(1, || {
        let (silent, told) = channel::<()>();
        let thread = std::thread::spawn(move || told.recv());
        let (_sender, receiver) = channel::<()>();
        let before = Instant::now();
        assert_eq!(receiver.recv_timeout(Duration::from_millis(20)), Err(RecvTimeoutError::Timeout));
        assert!(before.elapsed() >= Duration::from_millis(20));
        drop(silent);
        thread.join().expect("no panic").expect_err("nothing was sent");
    });
}

#[test]
fn wrong_arguments_are_refused_like_by_the_kernel() {
    with_seed(1, || {
        // SAFETY: valid pointers, or null, which the call must refuse.
        unsafe {
            for wrong in [timespec(0, 1_000_000_000), timespec(0, -1), timespec(-1, 0)] {
                assert_eq!(errno_of(libc::nanosleep(&raw const wrong, std::ptr::null_mut())), Some(libc::EINVAL));
                assert_eq!(libc::clock_nanosleep(libc::CLOCK_MONOTONIC, 0, &raw const wrong, std::ptr::null_mut()), libc::EINVAL);
                assert_eq!(
                    errno_of(libc::syscall(libc::SYS_clock_nanosleep, libc::CLOCK_MONOTONIC, 0, &raw const wrong, 0)),
                    Some(libc::EINVAL)
                );
            }
            assert_eq!(errno_of(libc::nanosleep(std::ptr::null(), std::ptr::null_mut())), Some(libc::EFAULT));
        }
        assert_eq!(stats().sleeps, 0);
    });
}
