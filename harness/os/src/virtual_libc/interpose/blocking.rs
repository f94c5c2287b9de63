//! Sleeps and futex waits of active threads: virtual time passes at once, since nobody advances it while the thread blocks.

use libc::{c_int, c_long, c_uint, c_void, clockid_t, timespec};

use super::{NANOS, Symbol, THREAD, clock, real, set_errno};

pub(super) const SYMBOLS: &[Symbol] = &[
    Symbol { name: c"nanosleep", address: nanosleep as *const c_void },
    Symbol { name: c"clock_nanosleep", address: clock_nanosleep as *const c_void },
    Symbol { name: c"usleep", address: usleep as *const c_void },
    Symbol { name: c"sleep", address: sleep as *const c_void },
];

// SAFETY: same prototype and contract as libc's.
#[unsafe(no_mangle)]
unsafe extern "C" fn nanosleep(request: *const timespec, remaining: *mut timespec) -> c_int {
    if !THREAD.with(|t| t.active()) {
        // SAFETY: the caller's arguments, unchanged.
        return unsafe { real::nanosleep()(request, remaining) };
    }
    // SAFETY: the caller promises a pointer that is valid or null.
    match unsafe { sleep_relative(request) } {
        0 => 0,
        error => {
            set_errno(error);
            -1
        }
    }
}

// SAFETY: same prototype and contract as libc's.
#[unsafe(no_mangle)]
unsafe extern "C" fn clock_nanosleep(clock: clockid_t, flags: c_int, request: *const timespec, remaining: *mut timespec) -> c_int {
    if THREAD.with(|t| t.active()) {
        // SAFETY: the caller promises a pointer that is valid or null.
        if let Some(error) = unsafe { sleep_on(clock, flags, request) } {
            return error;
        }
    }
    // SAFETY: the caller's arguments, unchanged.
    unsafe { real::clock_nanosleep()(clock, flags, request, remaining) }
}

// SAFETY: same prototype and contract as libc's.
#[unsafe(no_mangle)]
unsafe extern "C" fn usleep(micros: c_uint) -> c_int {
    if !THREAD.with(|t| t.active()) {
        // SAFETY: always callable.
        return unsafe { real::usleep()(micros) };
    }
    pass(u64::from(micros) * 1000);
    0
}

// SAFETY: same prototype and contract as libc's.
#[unsafe(no_mangle)]
unsafe extern "C" fn sleep(seconds: c_uint) -> c_uint {
    if !THREAD.with(|t| t.active()) {
        // SAFETY: always callable.
        return unsafe { real::sleep()(seconds) };
    }
    pass(u64::from(seconds) * NANOS);
    0
}

/// Sleeps for a duration; returns 0 or an error number.
///
/// # Safety
/// `request` must be null or valid for a read.
pub(super) unsafe fn sleep_relative(request: *const timespec) -> c_int {
    // SAFETY: the caller's promise.
    match unsafe { nanos(request) } {
        Ok(ns) => {
            pass(ns);
            0
        }
        Err(error) => error,
    }
}

/// Sleeps like clock_nanosleep(2); returns 0 or an error number, or `None` for a clock that stays real.
///
/// # Safety
/// `request` must be null or valid for a read.
pub(super) unsafe fn sleep_on(clock: clockid_t, flags: c_int, request: *const timespec) -> Option<c_int> {
    let offset = clock::virtual_offset(clock)?;
    if flags & libc::TIMER_ABSTIME == 0 {
        // SAFETY: the caller's promise.
        return Some(unsafe { sleep_relative(request) });
    }
    // SAFETY: the caller's promise.
    Some(match unsafe { nanos(request) } {
        Ok(until) => {
            pass(until.saturating_sub(offset).saturating_sub(THREAD.with(|t| t.floor_now())));
            0
        }
        Err(error) => error,
    })
}

/// The arguments of futex(2).
pub(super) struct Futex {
    pub(super) word: usize,
    pub(super) operation: c_int,
    pub(super) value: usize,
    pub(super) timeout: *const timespec,
    pub(super) word2: usize,
    pub(super) mask: usize,
}

/// Waits on a futex like the kernel would, but never longer than it takes to look once. `None` leaves the call to the kernel.
///
/// # Safety
/// The arguments must meet the contract of futex(2).
pub(super) unsafe fn wait_on_futex(futex: Futex) -> Option<c_long> {
    let absolute = match futex.operation & !(libc::FUTEX_PRIVATE_FLAG | libc::FUTEX_CLOCK_REALTIME) {
        libc::FUTEX_WAIT => false,
        libc::FUTEX_WAIT_BITSET => true,
        _ => return None,
    };
    let started_threads = THREAD.with(|t| t.stats()).threads_started > 0;
    if futex.timeout.is_null() {
        let on_deadlock = THREAD.with(|t| t.deadlock_handler()).filter(|_| !started_threads)?;
        // SAFETY: the caller's promise.
        let (result, errno) = unsafe { futex.look(0) };
        // The word still has the value that the only thread of this process waits on: nobody can change it.
        return Some(if errno == libc::ETIMEDOUT { on_deadlock() } else { result });
    }
    // SAFETY: the caller's promise.
    let Ok(timeout) = (unsafe { nanos(futex.timeout) }) else { return None };
    let now = THREAD.with(|t| t.floor_now());
    let on_wall_clock = futex.operation & libc::FUTEX_CLOCK_REALTIME != 0;
    let offset = clock::virtual_offset(if on_wall_clock { libc::CLOCK_REALTIME } else { libc::CLOCK_MONOTONIC }).unwrap_or(0);
    let until = if absolute { timeout.saturating_sub(offset) } else { now.saturating_add(timeout) };
    // SAFETY: the caller's promise.
    let (result, errno) = unsafe { futex.look(if started_threads { until.saturating_sub(now) } else { 0 }) };
    if errno == libc::ETIMEDOUT {
        THREAD.with(|t| t.pass_until(until));
    }
    Some(result)
}

impl Futex {
    /// Waits for `ns` of real time; tells what `syscall` returned and the error number, 0 for none.
    ///
    /// # Safety
    /// The arguments must meet the contract of futex(2).
    unsafe fn look(&self, ns: u64) -> (c_long, c_int) {
        // Relative to now, whatever the operation was: a plain wait with the mask of a plain wait, unless there is one to keep.
        let mut deadline = timespec { tv_sec: 0, tv_nsec: 0 };
        if ns > 0 {
            // SAFETY: a valid pointer.
            unsafe { real::clock_gettime()(libc::CLOCK_MONOTONIC, &raw mut deadline) };
        }
        let until = (deadline.tv_sec as u64).saturating_mul(NANOS).saturating_add(deadline.tv_nsec as u64).saturating_add(ns);
        let deadline = timespec { tv_sec: (until / NANOS) as libc::time_t, tv_nsec: (until % NANOS) as c_long };
        let private = self.operation & libc::FUTEX_PRIVATE_FLAG;
        let plain = self.operation & !(libc::FUTEX_PRIVATE_FLAG | libc::FUTEX_CLOCK_REALTIME) == libc::FUTEX_WAIT;
        let mask = if plain { libc::FUTEX_BITSET_MATCH_ANY as u32 as usize } else { self.mask };
        let operation = (libc::FUTEX_WAIT_BITSET | private) as usize;
        // SAFETY: the caller's word and value; the timeout lives until the call returns.
        let result =
            unsafe { real::syscall()(libc::SYS_futex, self.word, operation, self.value, &raw const deadline as usize, self.word2, mask) };
        // SAFETY: glibc's accessor returns a valid pointer.
        (result, if result < 0 { unsafe { *libc::__errno_location() } } else { 0 })
    }
}

/// Lets `ns` pass: on the thread's clock, and really where another thread may be what is waited for.
fn pass(ns: u64) {
    let until = THREAD.with(|t| t.floor_now()).saturating_add(ns);
    if THREAD.with(|t| t.stats()).threads_started > 0 {
        let request = timespec { tv_sec: (ns / NANOS) as libc::time_t, tv_nsec: (ns % NANOS) as c_long };
        // SAFETY: a valid pointer; null tells that the remainder is not wanted.
        unsafe { real::nanosleep()(&raw const request, std::ptr::null_mut()) };
    }
    THREAD.with(|t| t.pass_until(until));
}

/// A time in nanoseconds, or the error number that the kernel would give.
///
/// # Safety
/// `time` must be null or valid for a read.
unsafe fn nanos(time: *const timespec) -> Result<u64, c_int> {
    if time.is_null() {
        return Err(libc::EFAULT);
    }
    // SAFETY: not null, so valid by the caller's promise.
    let time = unsafe { *time };
    if time.tv_sec < 0 || !(0..NANOS as c_long).contains(&time.tv_nsec) {
        return Err(libc::EINVAL);
    }
    Ok((time.tv_sec as u64).saturating_mul(NANOS).saturating_add(time.tv_nsec as u64))
}
