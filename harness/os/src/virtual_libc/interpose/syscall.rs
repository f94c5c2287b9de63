//! `syscall`: getrandom 0.2 (so ring, rand 0.8) asks for entropy through it, std and parking_lot wait on futexes through it.
//!
//! Variadic in C. On the supported ABIs a callee with seven fixed integer parameters finds them where a variadic caller puts them; those that the caller did not
//! pass are garbage, which the kernel ignores too.

use libc::{c_int, c_long, c_uint, c_void, clockid_t, timespec, timeval};

use super::blocking::{self, Futex};
use super::{Symbol, THREAD, clock, entropy, real, set_errno};

pub(super) const SYMBOLS: &[Symbol] = &[Symbol { name: c"syscall", address: syscall as *const c_void }];

// SAFETY: call-compatible with libc's variadic prototype (see the module's text), same contract.
#[unsafe(no_mangle)]
unsafe extern "C" fn syscall(number: c_long, a: usize, b: usize, c: usize, d: usize, e: usize, f: usize) -> c_long {
    if THREAD.with(|t| t.active()) {
        // SAFETY: the caller's arguments under the contract of the system call.
        if let Some(result) = unsafe { virtual_answer(number, [a, b, c, d, e, f]) } {
            return result;
        }
    }
    // SAFETY: the caller's arguments, unchanged.
    unsafe { real::syscall()(number, a, b, c, d, e, f) }
}

/// The answer of an active thread, or `None` where the kernel shall answer.
///
/// # Safety
/// The arguments must meet the contract of system call `number`.
unsafe fn virtual_answer(number: c_long, [a, b, c, d, e, f]: [usize; 6]) -> Option<c_long> {
    // SAFETY: each arm reads the arguments as its system call does, under the contract that the caller keeps.
    unsafe {
        match number {
            libc::SYS_getrandom => Some(entropy::fill(a as *mut c_void, b, c as c_uint) as c_long),
            libc::SYS_clock_gettime => Some(clock::read(clock::virtual_offset(a as clockid_t)?, b as *mut timespec).into()),
            libc::SYS_gettimeofday => Some(clock::read_micros(a as *mut timeval).into()),
            #[cfg(target_arch = "x86_64")]
            libc::SYS_time => Some(clock::read_seconds(a as *mut libc::time_t)),
            libc::SYS_nanosleep => Some(minus_one(blocking::sleep_relative(a as *const timespec))),
            libc::SYS_clock_nanosleep => blocking::sleep_on(a as clockid_t, b as c_int, c as *const timespec).map(minus_one),
            libc::SYS_futex => blocking::wait_on_futex(Futex {
                word: a,
                operation: b as c_int,
                value: c,
                timeout: d as *const timespec,
                word2: e,
                mask: f,
            }),
            _ => None,
        }
    }
}

/// Turns an error number into what `syscall` returns.
fn minus_one(error: c_int) -> c_long {
    if error == 0 {
        return 0;
    }
    set_errno(error);
    -1
}
