//! The definitions that win over libc's, by subject. Each one asks whether its thread is active and otherwise forwards to the real function.
//!
//! They are C functions called by anything, so they must not panic, allocate, or touch thread-locals that have destructors.

mod blocking;
mod clock;
mod entropy;
mod real;
mod sockets;
mod syscall;
mod threads;

use std::sync::atomic::{AtomicU8, Ordering};

use super::thread::THREAD;

const NANOS: u64 = 1_000_000_000;

/// Whether the dynamic linker resolves every interposed name to this crate. Looked up once per process.
pub(super) fn effective() -> bool {
    const UNKNOWN: u8 = 0;
    const YES: u8 = 1;
    const NO: u8 = 2;
    static KNOWN: AtomicU8 = AtomicU8::new(UNKNOWN);
    match KNOWN.load(Ordering::Relaxed) {
        YES => true,
        NO => false,
        _ => {
            let ours = [entropy::SYMBOLS, clock::SYMBOLS, blocking::SYMBOLS, sockets::SYMBOLS, syscall::SYMBOLS, threads::SYMBOLS];
            let all = ours.iter().copied().flatten().all(|symbol| real::first_definition(symbol.name) == symbol.address);
            KNOWN.store(if all { YES } else { NO }, Ordering::Relaxed);
            all
        }
    }
}

/// A function of ours and the name under which callers find it.
struct Symbol {
    name: &'static std::ffi::CStr,
    address: *const libc::c_void,
}

// SAFETY: the address of a function, never dereferenced.
unsafe impl Sync for Symbol {}

fn set_errno(errno: libc::c_int) {
    // SAFETY: glibc's accessor returns a valid pointer to the calling thread's errno.
    unsafe { *libc::__errno_location() = errno };
}
