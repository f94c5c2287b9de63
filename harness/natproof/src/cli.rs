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
    /// Compare a report with the expected deviations: 0 as expected, 1 not.
    Gate(GateArguments),
    /// What changed between two reports.
    Diff {
        /// The earlier report.json.
        before: PathBuf,
        /// The later report.json.
        after: PathBuf,
    },
    /// One report out of several, such as the partitions of a run.
    Merge(MergeArguments),
    /// Judge a capture, also one that natproof did not make.
    Judge(JudgeArguments),
    /// A case in the terminal: its checks, its message ladder, its NAT tables.
    Show {
        /// A case id, or a replay token.
        case: String,
        /// Where the run was written.
        #[arg(long, value_name = "DIR", default_value = "target/natproof")]
        out: PathBuf,
    },
    /// What a clause, a check, a scenario or a drop reason is.
    Explain {
        /// `RFC8656-9-1`, `stun.cookie`, `ice/nat-pairs`, `drop:nat-filtered`.
        #[arg(required_unless_present = "list")]
        id: Option<String>,
        /// List the ids of all checks and scenarios.
        #[arg(long, conflicts_with = "id")]
        list: bool,
    },
    /// How much of each RFC the checks and scenarios cover.
    Coverage {
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// The JSON Schema of scenario files.
    Schema,
    /// Completions for a shell.
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
    /// Scenarios that send malformed packets on purpose, as a JSON list.
    Malformed,
}

/// Options of `gate`.
#[derive(Debug, Args)]
pub(crate) struct GateArguments {
    /// The report; that of the last run by default.
    #[arg(default_value = "target/natproof/report.json")]
    pub(crate) report: PathBuf,
    /// Count deviations from SHOULD as failures.
    #[arg(long)]
    pub(crate) strict: bool,
    /// Accept a report of a part of the cases.
    #[arg(long)]
    pub(crate) allow_partial: bool,
    /// Report deviations of checks that are new in this version of the suite without failing.
    #[arg(long)]
    pub(crate) accept_new: bool,
    /// Expectations of your own in place of the built-in ones.
    #[arg(long, value_name = "DIR")]
    pub(crate) expected: Option<PathBuf>,
    /// Scenarios of your own in place of the built-in ones.
    #[arg(long, value_name = "DIR")]
    pub(crate) scenarios: Option<PathBuf>,
}

/// Options of `merge`.
#[derive(Debug, Args)]
pub(crate) struct MergeArguments {
    /// Folders of runs, each with its report.json.
    #[arg(required = true)]
    pub(crate) folders: Vec<PathBuf>,
    /// Where the merged report goes.
    #[arg(long, value_name = "DIR", default_value = "target/natproof")]
    pub(crate) out: PathBuf,
}

/// Options of `judge`.
#[derive(Debug, Args)]
pub(crate) struct JudgeArguments {
    /// A pcapng file.
    pub(crate) capture: PathBuf,
    /// Address and port of a STUN or TURN server in it; may be repeated.
    #[arg(long)]
    pub(crate) server: Vec<std::net::SocketAddr>,
    /// User of the long-term credential mechanism.
    #[arg(long, requires = "password", requires = "realm")]
    pub(crate) user: Option<String>,
    /// Its password.
    #[arg(long)]
    pub(crate) password: Option<String>,
    /// Its realm.
    #[arg(long)]
    pub(crate) realm: Option<String>,
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
    /// Cases that run at the same time; by default one more than there are processors, for one always waits for its files.
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
