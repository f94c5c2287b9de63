//! `pthread_create`: real, and counted.

use libc::{c_int, c_void, pthread_attr_t, pthread_t};

use super::real::{self, ThreadBody};
use super::{Symbol, THREAD};

pub(super) const SYMBOLS: &[Symbol] = &[Symbol { name: c"pthread_create", address: pthread_create as *const c_void }];

// SAFETY: same prototype and contract as libc's.
#[unsafe(no_mangle)]
unsafe extern "C" fn pthread_create(
    thread: *mut pthread_t,
    attributes: *const pthread_attr_t,
    body: ThreadBody,
    argument: *mut c_void,
) -> c_int {
    THREAD.with(|t| {
        if t.active() {
            t.count(|s| s.threads_started += 1);
        }
    });
    // SAFETY: the caller's arguments, unchanged.
    unsafe { real::pthread_create()(thread, attributes, body, argument) }
}
