//! The natproof command as a library: a crate of your own passes its implementations to [`main`] and has the whole command.
//!
//! ```no_run
//! fn main() -> std::process::ExitCode {
//!     // natproof::main(natproof::registry![MyAdapter])
//!     natproof::main(natproof::built_in())
//! }
//! ```
//!
//! The process stays single-threaded for its whole life, because it forks a child for every case.
#![forbid(unsafe_code)]

mod cli;
mod commands;
mod registry;
mod run;
mod suite;

pub use registry::{Registry, built_in};

use clap::Parser as _;
use std::process::ExitCode;

/// Implementations to test: `registry![MyAdapter, OtherAdapter]`.
#[macro_export]
macro_rules! registry {
    ($($implementation:expr),* $(,)?) => {
        $crate::Registry::new(vec![$(Box::new($implementation)),*])
    };
}

/// Runs the command line of this process with these implementations.
pub fn main(registry: Registry) -> ExitCode {
    // Replaces the process once, so it comes before everything that has an effect.
    let aslr = os::process::disable_aslr_and_reexec();
    os::process::end_on_broken_pipe();
    let arguments = cli::Arguments::parse();
    let exit = commands::dispatch(&registry, aslr != os::process::Aslr::Off, arguments);
    ExitCode::from(exit.code())
}
