//! Allocations: how many a second, at which latency, and what memory they take. Each server is started anew, since what its memory was touched for before counts.

use crate::cpus;
use crate::report::{Allocations, Report, Resident, Round};
use crate::run::{self, Plan};
use relay_bench::load::Stop;
use relay_bench::proc::{self, Cpu};
use relay_bench::storm::{self, Storm};
use relay_bench::summary;
use std::collections::BTreeSet;

/// Rounds of allocating and releasing: what the second takes more than the first is growth.
const ROUNDS: usize = 3;

/// Adds an entry for each server to the report.
pub(crate) fn run(plan: &Plan, count: usize, stop: Stop<'_>, report: &mut Report) -> anyhow::Result<()> {
    for choice in plan.choices.iter().take_while(|_| !stop()) {
        cpus::pin(plan.cpus.server)?;
        let contender = run::start(plan, choice)?;
        cpus::pin(plan.cpus.generator)?;
        let rounds = if plan.until_error { 1 } else { ROUNDS };
        eprintln!("{}: {rounds} rounds of {count} allocations, {} at once", contender.name, plan.in_flight);
        let mut entry = Allocations::new(contender.name.clone(), contender.auth, count, plan.in_flight);
        let mut used = BTreeSet::new();
        for _ in 0..rounds {
            match round(plan, &contender, count, &mut used, stop) {
                Ok(Some(round)) => entry.rounds.push(round),
                Ok(None) => break,
                Err(error) => {
                    entry.error = Some(format!("{error:#}"));
                    break;
                }
            }
        }
        entry.sum_up(plan.until_error);
        report.allocations.push(entry);
    }
    Ok(())
}

/// One round; nothing where it was broken off.
fn round(plan: &Plan, contender: &run::Contender, count: usize, used: &mut BTreeSet<u16>, stop: Stop<'_>) -> anyhow::Result<Option<Round>> {
    let resident = || contender.process.and_then(proc::resident_kb);
    let mut storm = Storm::new(contender.server.clone(), count, used)?;
    let (before, cpu_before) = (resident(), cpu(contender));
    let made = if plan.until_error { storm.allocate_until_error(plan.in_flight, stop)? } else { storm.allocate(plan.in_flight, stop)? };
    let (allocated, cpu_after) = (resident(), cpu(contender));
    let released = storm.release(plan.in_flight, stop)?;
    if made.interrupted || released.interrupted {
        return Ok(None);
    }
    let used = cpu_before.zip(cpu_after).map(|(before, after)| (after - before).run);
    Ok(Some(Round {
        made: made.made,
        errors: made.errors.clone(),
        // On one processor the generator's time is part of it.
        per_second: (!plan.cpus.shared()).then(|| made.per_second()),
        latency: latency(&made),
        cpu_us_per_allocation: used.filter(|_| made.made > 0).map(|ns| ns as f64 / 1000.0 / made.made as f64),
        resident: Resident { before_kb: before, allocated_kb: allocated, released_kb: resident() },
        not_released: released.errors,
    }))
}

fn cpu(contender: &run::Contender) -> Option<Cpu> {
    let threads = proc::threads(contender.process?);
    let sum = |of: fn(&Cpu) -> u64| threads.values().map(of).sum();
    (!threads.is_empty()).then(|| Cpu { run: sum(|cpu| cpu.run), wait: sum(|cpu| cpu.wait) })
}

/// Over all that were asked for: those that failed count as slower than all others.
fn latency(made: &storm::Outcome) -> summary::Quantiles {
    let asked = made.made + made.errors.values().sum::<u64>();
    summary::quantiles(&made.latency, asked)
}
