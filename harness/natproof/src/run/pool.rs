//! The parent: starts a child per case, collects what comes back, keeps the report up to date.

use super::child::{self, Message};
use super::progress::Progress;
use super::{Listed, Planned};
use crate::Registry;
use anyhow::Context as _;
use harness::check::Check;
use harness::evaluate::{broken_case, unsupported_case};
use harness::plan::NotRun;
use os::child::{Event, Finished, Limits, Pool};
use os::signals::Signals;
use reports::expectation::{Gate, GateOptions, evaluate, evaluate_case};
use reports::record::{Case, Cause, Run, RunHeader, Volatile};
use reports::render::json::ReportFile;
use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

/// How often counters move although nothing has ended.
const TICK: Duration = Duration::from_millis(200);
/// The exit code after a second SIGINT.
const HARD_EXIT: u8 = 3;

/// What all cases share.
pub(crate) struct Environment<'a> {
    pub(crate) registry: &'a Registry,
    pub(crate) checks: &'a [Check],
    pub(crate) aslr: bool,
    pub(crate) out: &'a Path,
    pub(crate) jobs: usize,
}

/// What a run leaves.
pub(crate) struct Outcome {
    pub(crate) run: Run,
    /// How it compares with what is listed.
    pub(crate) gate: Gate,
    pub(crate) interrupted: bool,
    pub(crate) wall: Duration,
}

/// Runs the planned cases.
pub(crate) fn run(
    environment: &Environment<'_>,
    planned: Vec<Planned>,
    header: RunHeader,
    listed: &Listed,
    options: &GateOptions,
) -> anyhow::Result<Outcome> {
    let started = Instant::now();
    let signals = Signals::install(HARD_EXIT).context("install signal handlers")?;
    std::fs::create_dir_all(environment.out).with_context(|| format!("create {}", environment.out.display()))?;
    let ids = planned.iter().map(|planned| planned.plan.id.clone()).collect();
    let mut progress = Progress::new(&header, planned.len());
    let mut report = ReportFile::create(environment.out.join("report.json"), header, ids)?;
    let limits = Limits::default();
    let mut pool: Pool<usize> = Pool::new(environment.jobs, limits, signals)?;
    let mut waiting = planned.into_iter().enumerate();
    // A plan is forgotten when its case has ended: every child begins with a copy of our page tables.
    let mut running: BTreeMap<usize, Planned> = BTreeMap::new();
    let mut interrupted = false;
    loop {
        while !interrupted
            && pool.has_room()
            && let Some((number, case)) = waiting.next()
        {
            if let Some(not_run) = &case.not_run {
                let record = not_run_case(&case, not_run);
                progress.finished(&record, &evaluate_case(&record, listed, options));
                report.record(record, started.elapsed())?;
            } else {
                spawn(environment, &mut pool, number, &case)?;
                progress.started(number, &case.plan.id);
                running.insert(number, case);
            }
        }
        match pool.wait(Some(TICK))? {
            Event::Finished(finished) => {
                let case = running.remove(&finished.key).expect("only what was started ends");
                progress.ended(finished.key);
                if matches!(finished.outcome, os::child::Outcome::Cancelled) {
                    continue;
                }
                let record = record_of(&case, finished);
                progress.finished(&record, &evaluate_case(&record, listed, options));
                report.record(record, started.elapsed())?;
            }
            Event::Signal(_) => {
                interrupted = true;
                pool.cancel();
            }
            Event::Idle if interrupted || waiting.len() == 0 => break,
            _ => report.flush(started.elapsed())?,
        }
        progress.tick();
    }
    progress.clear();
    let mut gate = Gate::default();
    let run = report.finish(|run| {
        gate = evaluate(run, listed, options);
        gate.mark(run);
    })?;
    Ok(Outcome { run, gate, interrupted, wall: started.elapsed() })
}

fn spawn(environment: &Environment<'_>, pool: &mut Pool<usize>, key: usize, case: &Planned) -> anyhow::Result<()> {
    let folder = environment.out.join("cases").join(&case.plan.id);
    std::fs::create_dir_all(&folder).with_context(|| format!("create {}", folder.display()))?;
    let log = folder.join("log.txt");
    let (registry, checks, aslr) = (environment.registry, environment.checks, environment.aslr);
    pool.spawn(key, &log, move |_| {
        let message = child::run(registry, checks, aslr, &case.plan, case.replay.clone(), &folder);
        serde_json::to_vec(&message).unwrap_or_default()
    })?;
    Ok(())
}

/// Turns the end of a child into the record of its case.
fn record_of(case: &Planned, finished: Finished<usize>) -> Case {
    use os::child::Outcome as End;
    let volatile = Volatile {
        wall_ms: millis(finished.wall),
        cpu_ms: Some(millis(finished.cpu)),
        peak_rss_kib: Some(finished.max_resident / 1024),
        ..Volatile::default()
    };
    let broken = |cause, what: String| broken_case(&case.plan, case.replay.clone(), cause, &what, volatile.clone());
    let implementation = |what: String| broken(Cause::Implementation, what);
    match finished.outcome {
        End::Done(bytes) => match serde_json::from_slice::<Message>(&bytes) {
            Ok(Message::Done(mut record)) => {
                record.volatile.clone_from(&volatile);
                if let Some(panic) = finished.panics.first() {
                    // A runtime caught it and went on; the application would have seen a task die.
                    return implementation(format!("a task panicked: {} ({})", panic.message, panic.location));
                }
                *record
            }
            Ok(Message::Unsupported { node, what }) => unsupported_case(broken(Cause::Harness, String::new()), &node, &what),
            Ok(Message::Fault(what)) => broken(Cause::Harness, what),
            Err(error) => broken(Cause::Harness, format!("the case's result is unreadable: {error}")),
        },
        End::Panicked(panic) => implementation(format!("panicked: {} ({})", panic.message, panic.location)),
        End::Crashed { signal } => implementation(format!("crashed with signal {signal}")),
        End::Exited { code } => implementation(format!("ended the process with exit code {code}")),
        End::CpuLimit => implementation("used up its processor time: an endless loop".into()),
        End::MemoryLimit => implementation("used up its memory".into()),
        End::FileLimit => implementation("wrote more than a case may write".into()),
        End::Deadlock => implementation("waits for something that cannot come".into()),
        End::WallBackstop => broken(Cause::Harness, "did not end within the wall-clock backstop".into()),
        End::Broken(what) => broken(Cause::Harness, what),
        other => broken(Cause::Harness, format!("{other:?}")),
    }
}

fn not_run_case(case: &Planned, not_run: &NotRun) -> Case {
    let template = broken_case(&case.plan, case.replay.clone(), Cause::Harness, "", Volatile::default());
    match not_run {
        NotRun::Unsupported { node, what } => unsupported_case(template, node, what),
        NotRun::Driver(what) => unsupported_case(template, harness::evaluate::NETWORK, what),
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
