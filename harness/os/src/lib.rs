//! Everything of natproof that needs unsafe code or talks to the operating system about processes.
//!
//! - [`virtual_libc`]: one thread's clock, entropy, sleeps and `bind` come from a seed and a driver instead of the kernel.
//! - [`child`]: each case runs in a forked child with limits; a crash, an endless loop or a memory balloon ends that case only.
//! - [`signals`]: SIGINT and SIGTERM as events of the parent's loop.
//! - [`process`]: address randomisation, file limits, CPU time, terminal size.
//!
//! The order in a binary's life: [`process::disable_aslr_and_reexec`] first (it replaces the process), then [`signals::Signals::install`], then one
//! [`child::Pool`]. The process must stay single-threaded as long as the pool forks. Each child calls [`virtual_libc::enter`] with the seed of its case.
//!
//! Deliberately absent: anything that knows scenarios, verdicts or reports. Every public function is safe to call; each unsafe block says why it is sound.
#![cfg(unix)]

pub mod child;
pub mod process;
pub mod signals;
pub mod virtual_libc;
