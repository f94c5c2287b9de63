//! The part of a report about long runs.

use crate::run::Contender;
use relay_bench::bench::{Direction, Trial};
use relay_bench::io::Mode;
use relay_bench::load::Load;
use relay_bench::stats;
use relay_bench::summary::{self, Quantiles};
use relay_bench::verdict::Verdict;
use schemars::JsonSchema;
use serde::Serialize;
use std::time::Duration;

/// One server under one rate for a long time.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Soak {
    pub(crate) server: String,
    pub(crate) direction: &'static str,
    /// What datagrams are like: their size, or the name of a mix.
    pub(crate) content: String,
    /// Bytes of payload, on average.
    pub(crate) size: usize,
    pub(crate) flows: usize,
    pub(crate) carrier: &'static str,
    pub(crate) auth: &'static str,
    pub(crate) tx: Mode,
    /// Datagrams a second in each direction.
    pub(crate) rate: u64,
    pub(crate) laps: Vec<Lap>,
    /// Share of datagrams that never arrived whole, over all laps, 0 to 1.
    pub(crate) loss: Option<f64>,
    /// By how much resident memory grew in the second half, in kB an hour: the median slope between laps (Theil-Sen), so that a step or a spike is none.
    /// Nothing where that half took less than five minutes.
    pub(crate) growth_kb_per_hour: Option<f64>,
    /// Why it ended before its time.
    pub(crate) error: Option<String>,
}

/// What one lap showed.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Lap {
    /// When it had ended, in seconds after the start.
    pub(crate) at_seconds: f64,
    pub(crate) sent: u64,
    pub(crate) lost: u64,
    pub(crate) corrupt: u64,
    /// Over sent datagrams and all directions, in ns; nothing where the generator was late.
    pub(crate) delay: Option<Quantiles>,
    pub(crate) ns_per_packet: Option<f64>,
    /// Resident memory of the server's process after the lap.
    pub(crate) resident_kb: Option<u64>,
    pub(crate) limit: Verdict,
}

impl Lap {
    pub(crate) fn of(at: Duration, trial: &Trial, resident_kb: Option<u64>) -> Self {
        let total = trial.outcome.total();
        let mut delays = relay_bench::account::Delays::default();
        trial.outcome.legs.iter().for_each(|leg| delays.add(&leg.delays));
        let in_time = trial.verdict != Verdict::GeneratorLimited;
        Self {
            at_seconds: at.as_secs_f64(),
            sent: total.sent,
            lost: total.lost(),
            corrupt: total.corrupt,
            delay: in_time.then(|| summary::quantiles(&delays.intended, total.sent)),
            ns_per_packet: trial.ns_per_packet(),
            resident_kb,
            limit: trial.verdict,
        }
    }
}

impl Soak {
    pub(crate) fn new(contender: &Contender, direction: Direction, load: &Load, flows: usize, rate: u64) -> Self {
        Self {
            server: contender.name.clone(),
            direction: direction.name(),
            content: load.content.to_string(),
            size: load.content.mean(),
            flows,
            carrier: contender.server.carrier.name(),
            auth: contender.auth,
            tx: load.mode,
            rate,
            laps: Vec::new(),
            loss: None,
            growth_kb_per_hour: None,
            error: None,
        }
    }

    /// Figures over the laps.
    pub(crate) fn sum_up(&mut self) {
        let (sent, lost) = self.laps.iter().fold((0, 0), |(sent, lost), lap| (sent + lap.sent, lost + lap.lost));
        self.loss = (sent > 0).then(|| lost as f64 / sent as f64);
        let second_half = &self.laps[self.laps.len() / 2..];
        let points: Vec<(f64, f64)> =
            second_half.iter().filter_map(|lap| Some((lap.at_seconds / 3600.0, lap.resident_kb? as f64))).collect();
        let hours = points.first().zip(points.last()).map_or(0.0, |(first, last)| last.0 - first.0);
        self.growth_kb_per_hour = stats::slope(&points).filter(|_| hours >= SHORTEST);
    }
}

/// A second half that is shorter than this, in hours, is no ground for a figure per hour: one page of memory would be megabytes.
const SHORTEST: f64 = 300.0 / 3600.0;

/// Heads of the columns, for tables and CSV.
pub(super) const HEADS: [&str; 9] = [
    "server",
    "load",
    "laps",
    "minutes",
    "loss %",
    "delay p99 first / worst / last µs",
    "CPU ns/packet first / last",
    "resident kB first / most / last",
    "growth kB/h",
];

/// A row for each server and load.
pub(super) fn rows(soaks: &[Soak]) -> Vec<Vec<String>> {
    soaks.iter().map(row).collect()
}

fn row(soak: &Soak) -> Vec<String> {
    let optional = |value: Option<f64>, digits: usize| value.map_or_else(|| "-".to_owned(), |value| format!("{value:.digits$}"));
    let p99: Vec<Option<u64>> = soak.laps.iter().filter_map(|lap| lap.delay.as_ref()).map(|delay| delay.p99).collect();
    let micros = |ns: Option<Option<u64>>| match ns {
        None => "-".to_owned(),
        Some(None) => "lost".to_owned(),
        Some(Some(ns)) => format!("{:.0}", ns as f64 / 1000.0),
    };
    // A quantile among the lost ones is worse than any time.
    let worst = p99.iter().copied().max_by_key(|ns| ns.unwrap_or(u64::MAX));
    let ns = |lap: Option<&Lap>| optional(lap.and_then(|lap| lap.ns_per_packet), 0);
    let resident: Vec<u64> = soak.laps.iter().filter_map(|lap| lap.resident_kb).collect();
    let kb = |kb: Option<&u64>| kb.map_or_else(|| "-".to_owned(), u64::to_string);
    vec![
        soak.server.clone(),
        format!("{}, {}, flows: {}, {}, {} packets/s", soak.direction, soak.content, soak.flows, soak.carrier, soak.rate),
        soak.laps.len().to_string(),
        optional(soak.laps.last().map(|lap| lap.at_seconds / 60.0), 1),
        optional(soak.loss.map(|loss| loss * 100.0), 3),
        [p99.first().copied(), worst, p99.last().copied()].map(micros).join(" / "),
        [soak.laps.first(), soak.laps.last()].map(ns).join(" / "),
        [resident.first(), resident.iter().max(), resident.last()].map(kb).join(" / "),
        optional(soak.growth_kb_per_hour, 0),
    ]
}

/// Lines below the table: what ended early, and whose figures mean less than they seem.
pub(super) fn notes(soaks: &[Soak]) -> Vec<String> {
    let error = |soak: &Soak| soak.error.as_ref().map(|error| format!("{}: {error}.", soak.server));
    let late = |soak: &Soak| {
        let late = soak.laps.iter().filter(|lap| lap.limit == Verdict::GeneratorLimited).count();
        (late > 0).then(|| format!("{}: the generator was late in {late} of {} laps, which have no delays.", soak.server, soak.laps.len()))
    };
    soaks.iter().filter_map(error).chain(soaks.iter().filter_map(late)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn soak(laps: usize, minutes: f64, resident: impl Fn(usize) -> u64) -> Soak {
        let lap = |number: usize| Lap {
            at_seconds: minutes * 60.0 * (number + 1) as f64 / laps as f64,
            sent: 1000,
            lost: u64::from(number == 0) * 10,
            corrupt: 0,
            delay: None,
            ns_per_packet: None,
            resident_kb: Some(resident(number)),
            limit: Verdict::Ok,
        };
        let mut soak = Soak {
            server: "server".into(),
            direction: "up",
            content: "100 B".into(),
            size: 100,
            flows: 1,
            carrier: "channel",
            auth: "none",
            tx: Mode::Plain,
            rate: 1000,
            laps: (0..laps).map(lap).collect(),
            loss: None,
            growth_kb_per_hour: None,
            error: None,
        };
        soak.sum_up();
        soak
    }

    #[test]
    fn a_planted_leak_is_a_growth_and_a_warm_up_is_none() {
        // 100 laps in 60 minutes with 2 kB each.
        let leak = soak(100, 60.0, |lap| 5000 + 2 * lap as u64).growth_kb_per_hour.expect("long enough");
        assert!((leak - 200.0).abs() < 1e-6, "{leak}");
        let warm_up = soak(100, 60.0, |lap| if lap < 40 { 1000 + 100 * lap as u64 } else { 5000 });
        assert_eq!((warm_up.growth_kb_per_hour, warm_up.loss), (Some(0.0), Some(0.0001)));
    }

    #[test]
    fn minutes_are_no_ground_for_a_figure_per_hour() {
        assert_eq!(soak(100, 9.0, |lap| 5000 + 4 * lap as u64).growth_kb_per_hour, None);
        assert_eq!(soak(0, 0.0, |_| 0).growth_kb_per_hour, None);
    }
}
