//! The commands.

mod explain;
mod gate;
mod judge;
mod show;

use crate::cli::{Arguments, Command};
use crate::suite::{Source, Suite};
use crate::{Registry, run};
use clap::CommandFactory as _;
use reports::exit::Exit;

/// Carries out what the command line asks for.
pub(crate) fn dispatch(registry: &Registry, aslr: bool, arguments: Arguments) -> Exit {
    let outcome = match arguments.command {
        Command::Run(options) => run::run(registry, aslr, &options),
        Command::Gate(options) => gate::gate(&options),
        Command::Diff { before, after } => gate::diff(&before, &after),
        Command::Merge(options) => gate::merge(&options),
        Command::Judge(options) => judge::judge(&options),
        Command::Show { case, out } => show::show(&case, &out),
        Command::Explain { id: Some(id), .. } => explain::explain(&id),
        Command::Explain { .. } => explain::list(),
        Command::Coverage { json } => explain::coverage(json),
        Command::Schema => {
            print!("{}", harness::scenario::schema());
            Ok(Exit::AsExpected)
        }
        Command::Completions { shell } => {
            clap_complete::generate(shell, &mut Arguments::command(), "natproof", &mut std::io::stdout());
            Ok(Exit::AsExpected)
        }
        Command::Malformed => malformed(),
    };
    outcome.unwrap_or_else(|error| {
        eprintln!("natproof: {error:#}");
        Exit::HarnessFault
    })
}

fn malformed() -> anyhow::Result<Exit> {
    let suite = Suite::read(&Source::told(None, None)?, None)?;
    let on_purpose = suite.scenarios.iter().filter(|loaded| loaded.cases.iter().any(|case| case.scenario.malformed));
    let paths: Vec<&str> = on_purpose.map(|loaded| loaded.path.as_str()).collect();
    println!("{}", serde_json::to_string(&paths)?);
    Ok(Exit::AsExpected)
}
