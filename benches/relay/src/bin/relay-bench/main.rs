//! `relay-bench`: what a TURN server spends on a datagram, beside a relay that does the least possible.
#![forbid(unsafe_code)]

mod allocations;
mod auth;
mod cell;
mod child;
mod cli;
mod cpus;
mod environment;
mod gate;
mod report;
mod run;
mod servers;
mod soak;

use clap::Parser as _;
use std::io::Write as _;
use std::process::ExitCode;

/// A server failed, the gate did, or the run was cut short; the report says which.
const INCOMPLETE: u8 = 1;
/// The command line asks for what cannot be done.
const USAGE: u8 = 2;
/// The benchmark itself failed.
const FAULT: u8 = 3;
/// Nothing could be compared with the baseline.
const UNDECIDED: u8 = 4;
/// After the second SIGINT: nothing is written.
const HARD_EXIT: u8 = 130;

fn main() -> ExitCode {
    let arguments = cli::Arguments::parse();
    match arguments.command {
        Some(cli::Command::Serve { server, listen, auth }) => match servers::serve(server, listen, auth) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => failed(FAULT, &error),
        },
        Some(cli::Command::Schema) => match report::schema() {
            Ok(schema) => {
                print!("{schema}");
                ExitCode::SUCCESS
            }
            Err(error) => failed(FAULT, &error),
        },
        None => bench(&arguments.bench),
    }
}

fn bench(arguments: &cli::Bench) -> ExitCode {
    let plan = match run::plan(arguments) {
        Ok(plan) => plan,
        Err(error) => return failed(USAGE, &error),
    };
    let signals = match os::signals::Signals::install(HARD_EXIT) {
        Ok(signals) => signals,
        Err(error) => return failed(FAULT, &error.into()),
    };
    let report = match run::run(&plan, &|| signals.stop_requested()) {
        Ok(report) => report,
        Err(error) => return failed(FAULT, &error),
    };
    let kept = arguments.out.as_deref().map_or(Ok(()), |folder| report::folder::write(&report, folder));
    let written = kept
        .and_then(|()| report::render(&report, arguments.format))
        .and_then(|text| Ok(std::io::stdout().lock().write_all(text.as_bytes())?));
    match written {
        Err(error) => failed(FAULT, &error),
        Ok(()) => outcome(&report),
    }
}

fn outcome(report: &report::Report) -> ExitCode {
    let gate = report.gate.as_ref();
    if !report.complete || report.errors() > 0 || gate.is_some_and(gate::Gate::fails) {
        ExitCode::from(INCOMPLETE)
    } else if gate.is_some_and(gate::Gate::is_void) {
        ExitCode::from(UNDECIDED)
    } else {
        ExitCode::SUCCESS
    }
}

fn failed(code: u8, error: &anyhow::Error) -> ExitCode {
    eprintln!("relay-bench: {error:#}");
    ExitCode::from(code)
}
