//! One direction and size: all servers in turn, first as much as they take, then at rates that are chosen by what they took.

use crate::cli::Goal;
use crate::report::{self, Calibration, Cell, Paced, Report};
use crate::run::{Contender, Plan};
use crate::servers::BuiltIn;
use relay_bench::bench::{self, Direction, Series, Subject};
use relay_bench::content::Content;
use relay_bench::flow::Target;
use relay_bench::load::{self, Load, Stop};
use relay_bench::payload::Way;
use relay_bench::schedule::{Extent, Pace, Rate, WINDOW};
use relay_bench::search::{self, Bounds, Search};
use relay_bench::summary;

/// Rounds at a fixed rate after the saturating ones.
const PACED_ROUNDS: usize = 2;
/// The fixed rate is this part of what the slowest server delivers.
const PACED_PART: f64 = 0.25;
/// The name of trials without a relay.
const DIRECT: &str = "direct";

/// What the servers of a cell have in common.
#[derive(Clone, Copy)]
pub(crate) struct Kind {
    pub(crate) direction: Direction,
    pub(crate) content: Content,
    /// Datagrams a second in each direction; none for as many as the server takes.
    pub(crate) rate: Option<u64>,
}

/// Adds a cell for each server to the report, and the calibration of all.
pub(crate) fn run(plan: &Plan, servers: &[Contender], kind: Kind, stop: Stop<'_>, report: &mut Report) {
    let Kind { direction, content, rate } = kind;
    let mut subjects: Vec<Subject> = servers.iter().map(|it| subject(it, direction)).collect();
    // Calibration: the same load from socket to socket.
    subjects.push(Subject { name: DIRECT.into(), target: Target::Direct(plan.loopback), process: None });
    let load = Load {
        traffic: direction.traffic(),
        content,
        mode: plan.mode,
        pace: rate.map_or(WINDOW, |per_second| Pace::Rate(Rate { per_second, burst: plan.burst })),
        extent: plan.extent,
        patience: load::PATIENCE,
        run: report.next_run(),
    };
    let tell = |what: &str| eprintln!("{}, {content}, {what}, {}", direction.name(), extent_text(plan.extent));
    tell(&pace_text(load.pace));
    let series = bench::run(&subjects, &load, plan.flows, plan.rounds, stop, &mut |_, _| {});
    let calibration = series.last().and_then(summary::figures);
    report.calibration.push(Calibration {
        direction: direction.name(),
        content: content.to_string(),
        size: content.mean(),
        rate,
        tx: plan.mode,
        figures: calibration,
    });
    let paced = paced_rate(plan, &series[..servers.len()], &load).filter(|_| rate.is_none() && !stop()).map(|per_second| {
        let load = Load { pace: Pace::Rate(Rate { per_second, burst: plan.burst }), run: report.next_run(), ..load.clone() };
        tell(&pace_text(load.pace));
        (per_second, bench::run(&subjects[..servers.len()], &load, plan.flows, PACED_ROUNDS, stop, &mut |_, _| {}))
    });
    let reference = series.iter().find(|series| series.name == BuiltIn::NullPlain.name());
    let first = report.cells.len();
    for (index, contender) in servers.iter().enumerate() {
        let mut cell = Cell::new(direction, &load, plan.flows, contender);
        cell.add_figures(&series[index], reference, plan.cpus.shared());
        if let Some((rate, series)) = &paced {
            cell.paced = Paced::of(*rate, &series[index]);
        }
        let timed = paced.as_ref().map(|(_, series)| &series[index]).or(rate.map(|_| &series[index]));
        add_delays(&mut cell, timed, direction);
        if let (Some(goal), None, false) = (plan.search, &cell.error, stop()) {
            tell(&format!("search, {}", contender.name));
            let load = Load { run: report.next_run(), ..load.clone() };
            let found = match goal {
                Goal::Rate(share) => {
                    let bounds = explore(plan, share, &subjects[index], [&series[index], &series[servers.len()]], &load, stop);
                    bounds.map(|bounds| cell.search = Some(bounds))
                }
                Goal::Burst => bursts(plan, &subjects[index], &load, stop).map(|bounds| cell.burst_tolerance = Some(bounds)),
            };
            if let Err(error) = found {
                cell.error = Some(format!("the search ended early: {error}"));
            }
        }
        report.cells.push(cell);
    }
    report::place(&mut report.cells[first..]);
}

fn subject(contender: &Contender, direction: Direction) -> Subject {
    Subject { name: contender.name.clone(), target: direction.through(contender.server.clone()), process: contender.process }
}

fn add_delays(cell: &mut Cell, timed: Option<&Series>, direction: Direction) {
    let delay = |way| timed.and_then(|series| summary::delay(series, way));
    cell.delay_up = delay(Way::Up);
    if direction == Direction::Echo { cell.delay_round_trip = delay(Way::Down) } else { cell.delay_down = delay(Way::Down) }
}

/// One rate for all, so that their delays can be compared: a part of what the slowest delivers, in two digits. None where a search or only saturation is wanted.
fn paced_rate(plan: &Plan, series: &[Series], load: &Load) -> Option<u64> {
    if plan.closed_loop || plan.search.is_some() {
        return None;
    }
    let slowest = series.iter().filter_map(|series| delivered(series, load)).min_by(f64::total_cmp)? * PACED_PART;
    let digits = 10f64.powf((slowest.max(10.0).log10() - 1.0).floor());
    Some(((slowest / digits).floor() * digits).max(1.0) as u64)
}

/// Datagrams delivered a second in each direction.
fn delivered(series: &Series, load: &Load) -> Option<f64> {
    Some(summary::figures(series)?.delivered_per_second?.median / load.traffic.ways().len() as f64)
}

/// Searches from what the server delivered in the closed loop, and up to what arrived without a relay.
fn explore(
    plan: &Plan,
    goal: f64,
    subject: &Subject,
    [server, direct]: [&Series; 2],
    load: &Load,
    stop: Stop<'_>,
) -> Result<Bounds, String> {
    let (first, ceiling) = (delivered(server, load).unwrap_or(1.0), delivered(direct, load).unwrap_or(1.0));
    let mut search = Search::new(goal, first as u64, ceiling as u64);
    bench::explore(subject, load, plan.flows, stop, &mut |trial| {
        if let Some(trial) = trial {
            search.record(search::judge(trial, goal));
        }
        search.rate().map(|per_second| Pace::Rate(Rate { per_second, burst: plan.burst }))
    })?;
    Ok(search.bounds())
}

/// The largest burst of a trial is the largest that may be asked for, and leaves room for two where their number is given.
const MOST: u64 = 10_000;

/// Searches for the largest burst without loss.
fn bursts(plan: &Plan, subject: &Subject, load: &Load, stop: Stop<'_>) -> Result<Bounds, String> {
    let most = match plan.extent {
        Extent::Time(_) => MOST,
        Extent::Count(count) => MOST.min(count * plan.flows as u64 / 2),
    };
    let mut search = Search::bursts(most);
    bench::explore(subject, load, plan.flows, stop, &mut |trial| {
        if let Some((trial, burst)) = trial.zip(search.rate()) {
            search.record(search::judge_bursts(&trial.outcome, trial.ledger.own(), burst));
        }
        search.rate().map(|burst| Pace::Rate(search::bursts_of(burst)))
    })?;
    Ok(search.bounds())
}

fn pace_text(pace: Pace) -> String {
    match pace {
        Pace::Window(window) => format!("closed loop with {window} on the way"),
        Pace::Rate(rate) => format!("{} packets/s", rate.per_second),
    }
}

fn extent_text(extent: Extent) -> String {
    match extent {
        Extent::Time(time) => format!("trials of {time:?}"),
        Extent::Count(count) => format!("trials of {count} packets"),
    }
}
