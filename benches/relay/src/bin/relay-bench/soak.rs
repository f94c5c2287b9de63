//! Soak: one rate for a long time, lap by lap, to see what creeps: memory, loss, delay. Allocations, permissions and channels are refreshed between laps.

use crate::report::{Lap, Report, Soak};
use crate::run::{Contender, Plan};
use relay_bench::bench::{self, Direction, Subject, Trial};
use relay_bench::content::Content;
use relay_bench::load::{self, Load, Stop};
use relay_bench::proc;
use relay_bench::schedule::{Pace, Rate};
use std::time::{Duration, Instant};

/// Direction, what datagrams are like, datagrams a second in each direction.
type Kind = (Direction, Content, u64);

/// Runs laps on one server until `time` has passed, at least one, and adds what they showed to the report.
pub(crate) fn run(plan: &Plan, contender: &Contender, kind: Kind, time: Duration, stop: Stop<'_>, report: &mut Report) {
    let (direction, content, per_second) = kind;
    let pace = Pace::Rate(Rate { per_second, burst: plan.burst });
    let load = Load {
        traffic: direction.traffic(),
        content,
        mode: plan.mode,
        pace,
        extent: plan.extent,
        patience: load::PATIENCE,
        run: report.next_run(),
    };
    eprintln!("{}, {}, {content}, {per_second} packets/s for {time:?}", contender.name, direction.name());
    let subject = Subject { name: contender.name.clone(), target: direction.through(contender.server.clone()), process: contender.process };
    let (begin, mut soak) = (Instant::now(), Soak::new(contender, direction, &load, plan.flows, per_second));
    let mut next = |trial: Option<&Trial>| {
        if let Some(trial) = trial {
            soak.laps.push(Lap::of(begin.elapsed(), trial, contender.process.and_then(proc::resident_kb)));
        }
        (soak.laps.is_empty() || begin.elapsed() < time).then_some(pace)
    };
    let ended = bench::explore(&subject, &load, plan.flows, stop, &mut next);
    soak.error = ended.err();
    soak.sum_up();
    report.soaks.push(soak);
}
