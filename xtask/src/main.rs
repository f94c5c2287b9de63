//! The front door: `cargo xtask COMMAND` builds `natproof` and executes it, or runs the tests.
//!
//! This program needs nothing but the standard library and depends on no member of the workspace, so that it is built in a second.
#![forbid(unsafe_code)]

mod cargo;
mod tests;

use std::env;
use std::process::ExitCode;

/// What natproof does itself; the front door passes these on as they are.
const PASSED_ON: &[&str] = &["run-scenarios", "gate", "diff", "merge", "judge", "show", "explain", "coverage", "schema", "completions"];

const USAGE: &str = "\
usage: cargo xtask COMMAND [ARGUMENTS]

  run-scenarios   run scenarios against implementations, judge them, write reports and captures
  gate            compare a report with the expected deviations; exit code 0 or 1
  bench-relay     what TURN servers spend on a datagram, beside a relay that does the least possible (docs/benchmarking.md)
  test            run all tests, and say by name which were left out and why
  diff, merge, judge, show, explain, coverage, schema, completions
                  see `cargo xtask COMMAND --help`

Options of the front door, before the command:
  --full          build with all implementations (feature `full`: a longer build)
";

fn main() -> ExitCode {
    let mut arguments: Vec<String> = env::args().skip(1).collect();
    let full = arguments.first().is_some_and(|first| first == "--full");
    if full {
        arguments.remove(0);
    }
    // CI sets this once for all commands.
    let full = full || env::var_os("NATPROOF_FULL").is_some();
    let Some(command) = arguments.first().cloned() else {
        eprint!("{USAGE}");
        return ExitCode::from(2);
    };
    match command.as_str() {
        "test" => tests::run(full, &arguments[1..]),
        "bench-relay" => cargo::relay_bench(&arguments[1..]),
        "-h" | "--help" | "help" => {
            print!("{USAGE}");
            ExitCode::SUCCESS
        }
        name if PASSED_ON.contains(&name) => cargo::natproof(full, &arguments),
        name => {
            eprintln!("cargo xtask: `{name}` is no command\n\n{USAGE}");
            ExitCode::from(2)
        }
    }
}
