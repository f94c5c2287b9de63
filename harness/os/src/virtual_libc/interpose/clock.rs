//! `clock_gettime`, `gettimeofday` and `time`.

use libc::{c_int, c_void, clockid_t, time_t, timespec, timeval};

use super::super::{MONOTONIC_BASE_NS, WALL_BASE_NS};
use super::{NANOS, Symbol, THREAD, real, set_errno};

pub(super) const SYMBOLS: &[Symbol] = &[
    Symbol { name: c"clock_gettime", address: clock_gettime as *const c_void },
    Symbol { name: c"gettimeofday", address: gettimeofday as *const c_void },
    Symbol { name: c"time", address: time as *const c_void },
];

/// The nanoseconds that a clock is ahead of the monotonic one; none for clocks that stay real (CPU time, hardware clocks).
pub(super) fn virtual_offset(clock: clockid_t) -> Option<u64> {
    match clock {
        libc::CLOCK_MONOTONIC
        | libc::CLOCK_MONOTONIC_RAW
        | libc::CLOCK_MONOTONIC_COARSE
        | libc::CLOCK_BOOTTIME
        | libc::CLOCK_BOOTTIME_ALARM => Some(0),
        libc::CLOCK_REALTIME | libc::CLOCK_REALTIME_COARSE | libc::CLOCK_REALTIME_ALARM | libc::CLOCK_TAI => {
            Some(WALL_BASE_NS - MONOTONIC_BASE_NS)
        }
        _ => None,
    }
}

// SAFETY: same prototype and contract as libc's.
#[unsafe(no_mangle)]
unsafe extern "C" fn clock_gettime(clock: clockid_t, result: *mut timespec) -> c_int {
    let offset = if THREAD.with(|t| t.active()) { virtual_offset(clock) } else { None };
    let Some(offset) = offset else {
        // SAFETY: the caller's arguments, unchanged.
        return unsafe { real::clock_gettime()(clock, result) };
    };
    // SAFETY: the caller promises a valid pointer.
    unsafe { read(offset, result) }
}

/// Reads a virtual clock, like clock_gettime(2).
///
/// # Safety
/// `result` must be null or valid for a write.
pub(super) unsafe fn read(offset: u64, result: *mut timespec) -> c_int {
    if result.is_null() {
        set_errno(libc::EFAULT);
        return -1;
    }
    let ns = THREAD.with(|t| t.read_clock()).saturating_add(offset);
    // SAFETY: not null, so valid by the caller's promise.
    unsafe { *result = timespec { tv_sec: (ns / NANOS) as time_t, tv_nsec: (ns % NANOS) as libc::c_long } };
    0
}

// SAFETY: same prototype and contract as libc's.
#[unsafe(no_mangle)]
unsafe extern "C" fn gettimeofday(result: *mut timeval, zone: *mut c_void) -> c_int {
    if !THREAD.with(|t| t.active()) {
        // SAFETY: the caller's arguments, unchanged.
        return unsafe { real::gettimeofday()(result, zone) };
    }
    // SAFETY: the caller promises pointers that are null or valid.
    unsafe { read_micros(result) }
}

/// Reads the virtual wall clock in microseconds. The time zone, obsolete, is left alone.
///
/// # Safety
/// `result` must be null or valid for a write.
pub(super) unsafe fn read_micros(result: *mut timeval) -> c_int {
    if !result.is_null() {
        let ns = read_wall();
        // SAFETY: not null, so valid by the caller's promise.
        unsafe { *result = timeval { tv_sec: (ns / NANOS) as time_t, tv_usec: (ns % NANOS / 1000) as libc::suseconds_t } };
    }
    0
}

// SAFETY: same prototype and contract as libc's.
#[unsafe(no_mangle)]
unsafe extern "C" fn time(result: *mut time_t) -> time_t {
    if !THREAD.with(|t| t.active()) {
        // SAFETY: the caller's arguments, unchanged.
        return unsafe { real::time()(result) };
    }
    // SAFETY: the caller promises a pointer that is null or valid.
    unsafe { read_seconds(result) }
}

/// Reads the virtual wall clock in seconds.
///
/// # Safety
/// `result` must be null or valid for a write.
pub(super) unsafe fn read_seconds(result: *mut time_t) -> time_t {
    let seconds = (read_wall() / NANOS) as time_t;
    if !result.is_null() {
        // SAFETY: not null, so valid by the caller's promise.
        unsafe { *result = seconds };
    }
    seconds
}

fn read_wall() -> u64 {
    THREAD.with(|t| t.read_clock()).saturating_add(WALL_BASE_NS - MONOTONIC_BASE_NS)
}
