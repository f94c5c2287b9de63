//! The benchmark: servers are started once, and each cell (direction and size) goes round them all.

use crate::child;
use crate::cli::Bench;
use crate::cpus::{self, Cpus};
use crate::environment::{Environment, Ticks};
use crate::report::{self, Calibration, Cell, Paced, Report};
use crate::servers::{BuiltIn, Choice};
use anyhow::{Context as _, bail};
use relay_bench::bench::{self, Direction, Series, Subject};
use relay_bench::client::User;
use relay_bench::flow::{Server, Target};
use relay_bench::io::Mode;
use relay_bench::load::{self, Load, Stop};
use relay_bench::payload::Way;
use relay_bench::schedule::{Extent, Pace, Rate, WINDOW};
use relay_bench::summary;
use std::net::{IpAddr, Ipv4Addr};

/// What to do, checked.
pub(crate) struct Plan {
    choices: Vec<Choice>,
    user: Option<User>,
    pid: Option<u32>,
    directions: Vec<Direction>,
    sizes: Vec<usize>,
    flows: usize,
    mode: Mode,
    rate: Option<u64>,
    closed_loop: bool,
    burst: u64,
    rounds: usize,
    extent: Extent,
    cpus: Cpus,
}

/// Rounds at a fixed rate after the saturating ones.
const PACED_ROUNDS: usize = 2;
/// The fixed rate is this part of what the slowest server delivers.
const PACED_PART: f64 = 0.25;
/// The name of trials without a relay.
const DIRECT: &str = "direct";

/// Checks the command line.
pub(crate) fn plan(arguments: &Bench) -> anyhow::Result<Plan> {
    let named = |choice: &Choice| matches!(choice, Choice::Running(..));
    let running = arguments.server.iter().filter(|choice| named(choice)).count();
    if running == 0 && (arguments.user.is_some() || arguments.pid.is_some()) {
        bail!("--user and --pid are about a server turn:HOST:PORT, and there is none");
    }
    if running > 1 && arguments.pid.is_some() {
        bail!("--pid can be the process of one server only");
    }
    let user = match arguments.user.as_deref().map(|user| user.split_once(':').context("--user is NAME:PASSWORD")) {
        Some(parts) => parts.map(|(name, password)| Some(User { name: name.into(), password: password.into() }))?,
        None => None,
    };
    let cpus = arguments.cpus.map_or_else(Cpus::choose, Ok)?;
    if cpus.shared() && arguments.rate.is_some() {
        bail!("server and generator share a processor: no rate can be kept; without --rate the CPU time per packet is measured");
    }
    let choices = if arguments.server.is_empty() { BuiltIn::ALL.map(Choice::BuiltIn).to_vec() } else { arguments.server.clone() };
    Ok(Plan {
        choices,
        user,
        pid: arguments.pid,
        directions: arguments.direction.clone(),
        sizes: arguments.size.clone(),
        flows: arguments.flows as usize,
        mode: arguments.tx.into(),
        rate: arguments.rate,
        closed_loop: arguments.closed_loop || cpus.shared(),
        burst: arguments.burst,
        rounds: arguments.rounds as usize,
        extent: arguments.packets.map_or(Extent::Time(arguments.duration), Extent::Count),
        cpus,
    })
}

/// Runs all of it. `stop` breaks it off; the report then says that it is incomplete.
pub(crate) fn run(plan: &Plan, stop: Stop<'_>) -> anyhow::Result<Report> {
    let open_files = open_files(plan)?;
    let mut environment = Environment::read(plan.cpus, open_files);
    let before = Ticks::now();
    let servers = start(plan)?;
    cpus::pin(plan.cpus.generator)?;
    let mut report = Report::default();
    for direction in &plan.directions {
        for size in &plan.sizes {
            if !stop() {
                cell(plan, &servers, *direction, *size, stop, &mut report)?;
            }
        }
    }
    let shares = before.zip(Ticks::now()).and_then(|(before, after)| after.shares_since(before));
    (environment.busy, environment.steal) = (shares.map(|(busy, _)| busy), shares.map(|(_, steal)| steal));
    report.environment = Some(environment);
    report.complete = !stop();
    Ok(report)
}

/// Raises the limit of open files and refuses what does not fit. Servers inherit the limit, and open as many sockets as the generator.
fn open_files(plan: &Plan) -> anyhow::Result<Option<u64>> {
    const SPARE: u64 = 64;
    let limit = os::process::raise_nofile().context("the limit of open files cannot be raised")?;
    // All servers of a cell have their flows open at the same time, and so has the calibration.
    let needed = (plan.choices.len() as u64 + 1) * plan.flows as u64 * 2 + SPARE;
    if needed > limit {
        bail!("{needed} open files are needed and {limit} allowed: fewer --flows, fewer --server, or a higher `ulimit -n`");
    }
    Ok(Some(limit))
}

/// A server in the benchmark, and the process behind it while it is ours.
struct Contender {
    name: String,
    server: Server,
    process: Option<u32>,
    _child: Option<child::Server>,
}

fn start(plan: &Plan) -> anyhow::Result<Vec<Contender>> {
    cpus::pin(plan.cpus.server)?;
    let contender = |choice: &Choice| {
        Ok(match choice {
            Choice::BuiltIn(built_in) => {
                let child = child::Server::start(*built_in)?;
                let server = Server { address: child.address, user: built_in.user() };
                Contender { name: built_in.name().into(), server, process: Some(child.process()), _child: Some(child) }
            }
            Choice::Running(name, address) => {
                let server = Server { address: *address, user: plan.user.clone() };
                Contender { name: name.clone(), server, process: plan.pid, _child: None }
            }
        })
    };
    plan.choices.iter().map(contender).collect()
}

/// One direction and size: all servers in turn, first as much as they take, then at a fixed rate.
fn cell(plan: &Plan, servers: &[Contender], direction: Direction, size: usize, stop: Stop<'_>, report: &mut Report) -> anyhow::Result<()> {
    let mut subjects: Vec<Subject> = servers.iter().map(|it| subject(it, direction)).collect();
    // Calibration: the same load from socket to socket.
    subjects.push(Subject { name: DIRECT.into(), target: Target::Direct(IpAddr::V4(Ipv4Addr::LOCALHOST)), process: None });
    let load = Load {
        traffic: direction.traffic(),
        size,
        mode: plan.mode,
        pace: plan.rate.map_or(WINDOW, |per_second| Pace::Rate(Rate { per_second, burst: plan.burst })),
        extent: plan.extent,
        patience: load::PATIENCE,
        run: report.next_run(),
    };
    let go = |load: &Load, rounds: usize, subjects: &[Subject]| {
        let (name, trials, extent) = (direction.name(), (rounds + 1) * subjects.len(), extent_text(load.extent));
        eprintln!("{name}, {size} B, {}: {trials} trials of {extent}", pace_text(load.pace));
        bench::run(subjects, load, plan.flows, rounds, stop, &mut |_, _| {})
    };
    let series = go(&load, plan.rounds, &subjects);
    let calibration = series.last().and_then(summary::figures);
    report.calibration.push(Calibration { direction: direction.name(), size, tx: plan.mode, figures: calibration });
    let paced = match paced_rate(&series[..servers.len()]).filter(|_| plan.rate.is_none() && !plan.closed_loop && !stop()) {
        Some(per_second) => {
            let pace = Pace::Rate(Rate { per_second, burst: plan.burst });
            let load = Load { pace, run: report.next_run(), ..load.clone() };
            Some((per_second, go(&load, PACED_ROUNDS, &subjects[..servers.len()])))
        }
        None => None,
    };
    let reference = series.iter().find(|series| series.name == BuiltIn::NullPlain.name());
    let first = report.cells.len();
    for (index, contender) in servers.iter().enumerate() {
        let mut cell = Cell::new(direction, &load, plan.flows, contender.name.clone(), &contender.server);
        cell.add_figures(&series[index], reference, plan.cpus.shared());
        let timed = match &paced {
            Some((rate, series)) => {
                cell.paced = Paced::of(*rate, &series[index]);
                Some(&series[index])
            }
            None => plan.rate.map(|_| &series[index]),
        };
        if let Some(timed) = timed {
            cell.delay_up = summary::delay(timed, Way::Up);
            let down = summary::delay(timed, Way::Down);
            if direction == Direction::Echo { cell.delay_round_trip = down } else { cell.delay_down = down }
        }
        report.cells.push(cell);
    }
    report::place(&mut report.cells[first..]);
    Ok(())
}

fn subject(contender: &Contender, direction: Direction) -> Subject {
    Subject { name: contender.name.clone(), target: direction.through(contender.server.clone()), process: contender.process }
}

/// One rate for all, so that their delays can be compared: a part of what the slowest delivers, in two digits.
fn paced_rate(series: &[Series]) -> Option<u64> {
    let delivered = series.iter().filter_map(|series| Some(summary::figures(series)?.delivered_per_second?.median));
    let slowest = delivered.min_by(f64::total_cmp)? * PACED_PART;
    let digits = 10f64.powf((slowest.max(10.0).log10() - 1.0).floor());
    Some(((slowest / digits).floor() * digits).max(1.0) as u64)
}

fn pace_text(pace: Pace) -> String {
    match pace {
        Pace::Window(window) => format!("closed loop with {window} on the way"),
        Pace::Rate(rate) => format!("{} packets/s", rate.per_second),
    }
}

fn extent_text(extent: Extent) -> String {
    match extent {
        Extent::Time(time) => format!("{time:?}"),
        Extent::Count(count) => format!("{count} packets"),
    }
}
