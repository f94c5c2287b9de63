//! Virtual clock, entropy and sockets under real callers: std, the getrandom crates, and libc called directly.
//!
//! Every case has threads of its own, because std and the crates keep what they drew per thread.

mod blocking;
mod clock;
mod entropy;
mod forwarding;
mod runtime;
mod sockets;

use std::io;

/// Runs `job` on a fresh thread in virtual time.
fn with_seed<T: Send>(seed: u64, job: impl FnOnce() -> T + Send) -> T {
    on_fresh_thread(|| {
        os::virtual_libc::enter(seed);
        job()
    })
}

fn on_fresh_thread<T: Send>(job: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| match scope.spawn(job).join() {
        Ok(result) => result,
        Err(panic) => std::panic::resume_unwind(panic),
    })
}

/// The error number of a failed call, none for success.
fn errno_of(result: impl Into<i64>) -> Option<i32> {
    (result.into() < 0).then(|| io::Error::last_os_error().raw_os_error().expect("from the system"))
}

#[test]
fn libc_calls_of_this_binary_arrive_here() {
    assert!(os::virtual_libc::supported());
}
