//! Clocks show what the driver sets, strictly increasing.

use std::cell::Cell;
use std::mem::zeroed;
use std::time::{Duration, Instant, SystemTime};

use super::{errno_of, on_fresh_thread, with_seed};
use os::virtual_libc::{MONOTONIC_BASE_NS, WALL_BASE_NS, enter, leave, now, set_clock_hook, set_now, stats};

const SECOND: u64 = 1_000_000_000;

fn wall() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("after 1970").as_nanos() as u64
}

fn read(clock: libc::clockid_t) -> u64 {
    // SAFETY: all-zero is a valid value of this C struct, and the pointer is valid.
    let time = unsafe {
        let mut time: libc::timespec = zeroed();
        assert_eq!(libc::clock_gettime(clock, &raw mut time), 0);
        time
    };
    time.tv_sec as u64 * SECOND + time.tv_nsec as u64
}

#[test]
fn time_begins_at_the_bases_and_follows_the_driver() {
    with_seed(1, || {
        assert_eq!(wall(), WALL_BASE_NS);
        assert_eq!(read(libc::CLOCK_MONOTONIC), MONOTONIC_BASE_NS + 1);
        let before = Instant::now();
        set_now(3600 * SECOND);
        assert_eq!(before.elapsed(), Duration::from_secs(3600) - Duration::from_nanos(2));
        assert_eq!(wall(), WALL_BASE_NS + 3600 * SECOND + 1);
        assert_eq!(now(), 3600 * SECOND);
    });
}

#[test]
fn hours_before_the_start_can_be_named() {
    with_seed(1, || {
        assert!(Instant::now().checked_sub(Duration::from_secs(100 * 3600)).is_some());
    });
}

#[test]
fn reads_strictly_increase_whatever_the_driver_sets() {
    with_seed(1, || {
        let mut last = Instant::now();
        for n in 0..10_000u64 {
            set_now([n * 10, n * 7, 0][n as usize % 3]);
            let next = Instant::now();
            assert!(next > last, "read {n}");
            last = next;
        }
        assert_eq!(stats().clock_reads, 10_001);
    });
}

#[test]
fn reads_do_not_move_the_drivers_time() {
    with_seed(1, || {
        set_now(SECOND);
        for _ in 0..100 {
            let _ = Instant::now();
        }
        assert_eq!(now(), SECOND);
        set_now(2 * SECOND);
        assert_eq!(read(libc::CLOCK_MONOTONIC), MONOTONIC_BASE_NS + 2 * SECOND);
    });
}

#[test]
fn time_set_never_goes_back() {
    with_seed(1, || {
        set_now(5 * SECOND);
        set_now(SECOND);
        assert_eq!(now(), 5 * SECOND);
    });
}

#[test]
fn all_clocks_are_one_clock() {
    with_seed(1, || {
        set_now(SECOND);
        let monotonic = [libc::CLOCK_MONOTONIC, libc::CLOCK_MONOTONIC_RAW, libc::CLOCK_MONOTONIC_COARSE, libc::CLOCK_BOOTTIME];
        for (n, clock) in monotonic.into_iter().enumerate() {
            assert_eq!(read(clock), MONOTONIC_BASE_NS + SECOND + n as u64);
        }
        set_now(2 * SECOND);
        for (n, clock) in [libc::CLOCK_REALTIME, libc::CLOCK_REALTIME_COARSE, libc::CLOCK_TAI].into_iter().enumerate() {
            assert_eq!(read(clock), WALL_BASE_NS + 2 * SECOND + n as u64);
        }
        // SAFETY: all-zero is a valid value of these C structs, and the pointers are valid or null as documented.
        unsafe {
            set_now(3 * SECOND + 5000);
            let mut time: libc::timeval = zeroed();
            assert_eq!(libc::gettimeofday(&raw mut time, std::ptr::null_mut()), 0);
            assert_eq!((time.tv_sec as u64, time.tv_usec), (WALL_BASE_NS / SECOND + 3, 5));
            let mut seconds = 0;
            assert_eq!(libc::time(&raw mut seconds) as u64, WALL_BASE_NS / SECOND + 3);
            assert_eq!(seconds, libc::time(std::ptr::null_mut()));
            let mut time: libc::timespec = zeroed();
            assert_eq!(libc::syscall(libc::SYS_clock_gettime, libc::CLOCK_REALTIME, &raw mut time), 0);
            assert_eq!(time.tv_sec as u64, WALL_BASE_NS / SECOND + 3);
        }
    });
}

#[test]
fn cpu_time_stays_real() {
    with_seed(1, || {
        let before = read(libc::CLOCK_THREAD_CPUTIME_ID);
        while read(libc::CLOCK_THREAD_CPUTIME_ID) == before {}
        assert_eq!(stats().clock_reads, 0);
    });
}

#[test]
fn wrong_arguments_are_refused_like_by_the_kernel() {
    with_seed(1, || {
        // SAFETY: all-zero is a valid value of this C struct; the call must refuse the rest.
        unsafe {
            let mut time: libc::timespec = zeroed();
            assert_eq!(errno_of(libc::clock_gettime(1234, &raw mut time)), Some(libc::EINVAL));
            assert_eq!(errno_of(libc::clock_gettime(libc::CLOCK_MONOTONIC, std::ptr::null_mut())), Some(libc::EFAULT));
        }
    });
}

thread_local! {
    static TOLD: Cell<Option<u64>> = const { Cell::new(None) };
    static ASKED: Cell<u32> = const { Cell::new(0) };
}

/// Reads the clock itself, as tokio might.
fn hook() -> Option<u64> {
    ASKED.set(ASKED.get() + 1);
    let _ = Instant::now();
    TOLD.get()
}

#[test]
fn a_hook_tells_the_time_of_each_read_and_is_not_entered_twice() {
    with_seed(1, || {
        set_clock_hook(Some(hook));
        TOLD.set(Some(7 * SECOND));
        let read_after_the_hooks_own = wall();
        assert_eq!(ASKED.get(), 1);
        assert_eq!(read_after_the_hooks_own, WALL_BASE_NS + 7 * SECOND);
        TOLD.set(Some(8 * SECOND));
        assert_eq!(now(), 8 * SECOND);
        set_clock_hook(None);
        let _ = wall();
        assert_eq!(ASKED.get(), 2);
    });
}

#[test]
fn where_the_hook_does_not_know_the_time_set_counts() {
    with_seed(1, || {
        set_clock_hook(Some(hook));
        set_now(4 * SECOND);
        TOLD.set(None);
        assert_eq!(now(), 4 * SECOND);
        assert!(wall() >= WALL_BASE_NS + 4 * SECOND);
    });
}

/// The time that the kernel stamps on a file, which no interposition reaches.
fn kernel_time() -> SystemTime {
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), b"x").expect("writes");
    file.as_file().metadata().and_then(|m| m.modified()).expect("a time")
}

fn is_real(time: SystemTime) -> bool {
    let kernel = kernel_time();
    let difference = time.duration_since(kernel).or_else(|_| kernel.duration_since(time)).expect("one way or the other");
    difference < Duration::from_secs(600)
}

#[test]
fn inactive_threads_have_real_time() {
    assert!(on_fresh_thread(|| is_real(SystemTime::now())));
    with_seed(1, || {
        assert!(!is_real(SystemTime::now()));
        assert!(on_fresh_thread(|| is_real(SystemTime::now())), "a thread started by an active one");
    });
}

#[test]
fn leaving_returns_to_real_time() {
    on_fresh_thread(|| {
        enter(1);
        assert!(!is_real(SystemTime::now()));
        leave();
        assert!(is_real(SystemTime::now()));
    });
}

#[test]
fn entering_again_starts_anew() {
    on_fresh_thread(|| {
        enter(1);
        set_clock_hook(Some(hook));
        set_now(9 * SECOND);
        enter(1);
        assert_eq!((now(), wall()), (0, WALL_BASE_NS));
        assert_eq!(ASKED.get(), 0);
    });
}
