//! The command line.

use clap::{Args, Parser, Subcommand, ValueEnum};
use reports::record::{Partition, Seeds};
use std::path::PathBuf;

/// Protocol conformance and NAT simulation for STUN, TURN, ICE, DTLS and what rides on them.
#[derive(Debug, Parser)]
#[command(name = "natproof", version, max_term_width = 120)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run scenarios, judge them, write reports and captures.
    #[command(visible_alias = "run-scenarios")]
    Run(Box<Run>),
}

/// What to run and how.
#[derive(Clone, Debug, Args)]
pub(crate) struct Run {
    /// Cases: a path prefix (`ice/`, `turn/allocate`) or a glob over case ids; several are joined by OR.
    pub(crate) filters: Vec<String>,
    /// Only cases in which an implementation plays this role.
    #[arg(long)]
    pub(crate) role: Option<String>,
    /// Only cases with this implementation; may be repeated.
    #[arg(long)]
    pub(crate) implementation: Vec<String>,
    /// Only cases in which node a is behind the NAT A and node b behind the NAT B.
    #[arg(long, value_name = "A,B")]
    pub(crate) nat: Option<String>,
    /// Carry every case with this driver.
    #[arg(long)]
    pub(crate) driver: Option<DriverArgument>,
    /// The seed, or an inclusive range of seeds.
    #[arg(long, value_name = "N|A..B", default_value = "1")]
    pub(crate) seed: Seeds,
    /// Cases that run at the same time; the number of processors by default.
    #[arg(long)]
    pub(crate) jobs: Option<usize>,
    /// Only the K-th of N parts of the cases, 1-based.
    #[arg(long, value_name = "K/N")]
    pub(crate) partition: Option<Partition>,
    /// List the cases and stop.
    #[arg(long)]
    pub(crate) list: bool,
    /// Load and plan everything, run nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Count deviations from SHOULD as failures.
    #[arg(long)]
    pub(crate) strict: bool,
    /// Write the deviations of this run into the expectations.
    #[arg(long)]
    pub(crate) bless: bool,
    /// Where reports and captures go.
    #[arg(long, value_name = "DIR", default_value = "target/natproof")]
    pub(crate) out: PathBuf,
    /// Run one case again, bit for bit, as a failing line says.
    #[arg(long, value_name = "TOKEN")]
    pub(crate) replay: Option<String>,
    /// Go on past scenario files that cannot be read; the exit code is still 2.
    #[arg(long)]
    pub(crate) keep_going: bool,
    /// What to print.
    #[arg(long, default_value = "human")]
    pub(crate) format: Format,
    /// Scenarios of your own in place of the built-in ones.
    #[arg(long, value_name = "DIR")]
    pub(crate) scenarios: Option<PathBuf>,
    /// Expectations of your own in place of the built-in ones.
    #[arg(long, value_name = "DIR")]
    pub(crate) expected: Option<PathBuf>,
}

/// Drivers by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum DriverArgument {
    /// Endpoints in virtual time.
    Sim,
    /// Asynchronous implementations on a paused runtime.
    Tokio,
    /// Every node a turmoil host.
    Turmoil,
}

/// What a run prints on standard output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// Lines for people.
    Human,
    /// The report.
    Json,
}
