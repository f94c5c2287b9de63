//! The commands.

use crate::cli::{Arguments, Command};
use crate::{Registry, run};
use reports::exit::Exit;

/// Carries out what the command line asks for.
pub(crate) fn dispatch(registry: &Registry, aslr: bool, arguments: Arguments) -> Exit {
    let outcome = match arguments.command {
        Command::Run(options) => run::run(registry, aslr, &options),
    };
    outcome.unwrap_or_else(|error| {
        eprintln!("natproof: {error:#}");
        Exit::HarnessFault
    })
}
