//! A virtual clock and seeded entropy for one thread, under code that believes it calls libc.
//!
//! Implementations under test read `Instant::now()`, `SystemTime::now()`, `RandomState`, `rand`, ring and so on. All of these end in a handful of libc
//! functions. With feature `interpose` this crate defines those functions in the executable, which wins over libc's own for every caller in the process. A
//! thread that called [`enter`] gets virtual answers; every other thread is forwarded to the real function (found once at program start, so that the clock
//! still goes through the vDSO and nothing is looked up inside a signal handler or after a fork).
//!
//! # What an active thread sees
//!
//! | functions | answer |
//! |---|---|
//! | `getrandom`, `getentropy`, `syscall(SYS_getrandom)` | one stream, a function of the seed and of the calls before |
//! | `clock_gettime`, `gettimeofday`, `time`, and `syscall` with their numbers | [`set_now`] or the clock hook, plus one nanosecond per read |
//! | `nanosleep`, `clock_nanosleep`, `usleep`, `sleep` | returns at once, the thread's clock has moved on by the duration |
//! | futex wait with a timeout (`park_timeout`, `Condvar::wait_timeout`, `recv_timeout`) | as sleep, after looking once whether it is woken |
//! | `bind` of a UDP socket to any IPv4 or IPv6 address, then `getsockname` | succeeds with the wanted address; the socket reaches nobody |
//! | `pthread_create` | real, and counted: [`threads_started`] |
//!
//! Clock reads strictly increase: frozen clocks break `<` comparisons and loops that wait for the next instant. `gettimeofday` and `time` are the same clock cut
//! to their resolution, so two reads of these may be equal. CPU-time clocks stay real.
//!
//! # Blocking
//!
//! A driver owns virtual time, so an implementation that blocks its thread cannot be allowed to wait: nothing would ever advance the clock. A sleep therefore
//! passes at once on the thread's own clock, which then runs ahead of the driver until the driver catches up. [`Stats::sleeps`] shows that it happened.
//!
//! # Threads
//!
//! A thread started by an active thread inherits nothing: it has real time and real entropy. It runs concurrently, so its steps could not be repeatable anyway,
//! and a loop such as `sleep(1s); expire()` would spin if its sleeps took no time. Two things follow. The case is not deterministic, which
//! [`threads_started`] tells; and once an active thread has started another one, its own sleeps and timed waits also take their real time, because that is the
//! time in which the other thread lives.
//!
//! # Fake sockets
//!
//! A faked socket is really bound to a loopback port, so that a packet sent through it cannot leave the machine: the kernel refuses it. At most
//! [`MAX_FAKE_SOCKETS`] can be open at once on a thread; the next `bind` fails with `ENOBUFS`. Closed ones are noticed by their inode.
//!
//! # Deliberately absent
//!
//! RDRAND, `/dev/urandom`, `arc4random`, blocking reads and polls, `getifaddrs`, address randomisation (see [`crate::process`]). On anything but
//! linux-gnu on x86_64 and aarch64 the functions exist and do nothing to libc; [`supported`] is false.

#[cfg(interposed)]
mod interpose;
mod thread;

use thread::THREAD;
pub use thread::{ClockHook, Stats};

/// What the monotonic clock shows at virtual time 0, in nanoseconds: a million seconds, so that code may subtract hours from "now".
pub const MONOTONIC_BASE_NS: u64 = 1_000_000 * 1_000_000_000;

/// What the wall clock shows at virtual time 0, in nanoseconds since the Unix epoch: 2025-01-01T00:00:00Z.
pub const WALL_BASE_NS: u64 = 1_735_689_600 * 1_000_000_000;

/// How many faked sockets a thread can have open at once.
pub const MAX_FAKE_SOCKETS: usize = 64;

/// Whether libc calls of this process really arrive here. False without feature `interpose` and on other targets; reports then say that nothing is deterministic.
///
/// This looks at what the dynamic linker resolves, not only at how the crate was compiled.
#[must_use]
pub fn supported() -> bool {
    #[cfg(interposed)]
    return interpose::effective();
    #[cfg(not(interposed))]
    return false;
}

/// Puts the calling thread into virtual time 0 with entropy drawn from `seed`, forgetting whatever it was in before.
///
/// Code that drew entropy earlier on this thread keeps it: `HashMap` keys and thread-local generators are seeded at their first use. Enter on a fresh thread
/// or, better, in a fresh child.
pub fn enter(seed: u64) {
    THREAD.with(|t| t.enter(seed));
}

/// Returns the calling thread to real time and entropy, and tells what it used. Fake sockets are forgotten.
pub fn leave() -> Stats {
    THREAD.with(|t| t.leave())
}

/// Whether the calling thread is between [`enter`] and [`leave`].
#[must_use]
pub fn active() -> bool {
    THREAD.with(|t| t.active())
}

/// Sets the virtual time of the calling thread, in nanoseconds since [`enter`]. An earlier time than one set before changes nothing: clocks never go back.
pub fn set_now(ns: u64) {
    THREAD.with(|t| t.set_now(ns));
}

/// The virtual time in nanoseconds since [`enter`], as the driver set it or as the clock hook tells. Reads of the clock do not change it.
#[must_use]
pub fn now() -> u64 {
    THREAD.with(|t| t.driver_now())
}

/// Asks `hook` for the virtual time at each clock read, for drivers in which somebody else owns time (tokio's paused clock).
///
/// `None` from the hook means that it does not know; then [`set_now`] counts. A hook may read the clock itself: it is not called again inside. It must not
/// panic, since its caller is a C function.
pub fn set_clock_hook(hook: Option<ClockHook>) {
    THREAD.with(|t| t.set_hook(hook));
}

/// What the calling thread has used since [`enter`].
#[must_use]
pub fn stats() -> Stats {
    THREAD.with(|t| t.stats())
}

/// How many threads the calling thread has started since [`enter`]. Anything above 0 means that the case is not deterministic.
#[must_use]
pub fn threads_started() -> u64 {
    stats().threads_started
}

/// What to do when the calling thread, known to be the only one of its process, starts a wait that nothing can end. Unset, it waits.
pub(crate) fn set_deadlock_handler(handler: fn() -> !) {
    THREAD.with(|t| t.set_deadlock_handler(handler));
}
