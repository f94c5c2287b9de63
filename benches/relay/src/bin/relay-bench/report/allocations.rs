//! The part of a report about allocations.

use relay_bench::summary::Quantiles;
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeMap;

/// Allocations of one server, in rounds.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Allocations {
    pub(crate) server: String,
    pub(crate) auth: &'static str,
    /// How many were asked for in each round.
    requested: usize,
    /// Requests on their way at once.
    in_flight: usize,
    pub(crate) rounds: Vec<Round>,
    /// Memory per allocation in the first round of a fresh server, in kB.
    kb_first_touch: Option<f64>,
    /// Memory that the later rounds took in addition, per allocation and round, in kB: what does not come back, such as a leak.
    kb_growth: Option<f64>,
    /// Memory that was still resident after the last release, beyond that of the fresh server, per allocation of a round, in kB.
    kb_kept: Option<f64>,
    /// Where it was asked for until the first error: how many there were, and the error.
    pub(crate) maximum: Option<Maximum>,
    pub(crate) error: Option<String>,
}

/// How many allocations a server has room for.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Maximum {
    pub(crate) made: u64,
    /// The error code that ended them, or another reason; none where all that were asked for were made.
    pub(crate) ended_by: Option<String>,
}

/// Allocating for all clients, and releasing.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Round {
    pub(crate) made: u64,
    /// How many failed, by error code or another reason.
    pub(crate) errors: BTreeMap<String, u64>,
    pub(crate) per_second: Option<f64>,
    /// From the first request to success, a challenge for credentials included; over all that were asked for.
    pub(crate) latency: Quantiles,
    pub(crate) cpu_us_per_allocation: Option<f64>,
    pub(crate) resident: Resident,
    /// Allocations that could not be ended, by error code or another reason.
    pub(crate) not_released: BTreeMap<String, u64>,
}

/// Resident memory of the server's process in kB.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Resident {
    pub(crate) before_kb: Option<u64>,
    pub(crate) allocated_kb: Option<u64>,
    pub(crate) released_kb: Option<u64>,
}

impl Allocations {
    pub(crate) fn new(server: String, auth: &'static str, requested: usize, in_flight: usize) -> Self {
        Self {
            server,
            auth,
            requested,
            in_flight,
            rounds: Vec::new(),
            kb_first_touch: None,
            kb_growth: None,
            kb_kept: None,
            maximum: None,
            error: None,
        }
    }

    /// Figures over the rounds.
    pub(crate) fn sum_up(&mut self, until_error: bool) {
        let ended_by = |round: &Round| round.errors.keys().next().cloned();
        let maximum = self.rounds.first().map(|round| Maximum { made: round.made, ended_by: ended_by(round) });
        self.maximum = maximum.filter(|_| until_error);
        let Some(first) = self.rounds.first().filter(|round| round.made > 0) else { return };
        let peak = |round: &Round| round.resident.allocated_kb.map(|kb| kb as f64);
        let before = first.resident.before_kb.map(|kb| kb as f64);
        self.kb_first_touch = before.zip(peak(first)).map(|(before, peak)| (peak - before) / first.made as f64);
        let released = self.rounds.last().and_then(|last| last.resident.released_kb).map(|kb| kb as f64);
        self.kb_kept = before.zip(released).map(|(before, released)| (released - before) / first.made as f64);
        let last = self.rounds.last().filter(|_| self.rounds.len() > 1);
        let later = last.and_then(|last| Some(peak(last)? - peak(first)?));
        self.kb_growth = later.map(|kb| kb / (self.rounds.len() - 1) as f64 / first.made as f64);
    }
}

/// Lines below the table.
pub(super) fn notes(entries: &[Allocations]) -> Vec<String> {
    let maximum = |entry: &Allocations| {
        let maximum = entry.maximum.as_ref()?;
        Some(match &maximum.ended_by {
            Some(error) => format!("{}: {} allocations, ended by {error}.", entry.server, maximum.made),
            None => format!("{}: {} allocations without an error; more were not asked for.", entry.server, maximum.made),
        })
    };
    let error = |entry: &Allocations| entry.error.as_ref().map(|error| format!("{}: {error}", entry.server));
    entries.iter().filter_map(maximum).chain(entries.iter().filter_map(error)).collect()
}

/// Heads of the columns, for tables and CSV.
pub(super) const HEADS: [&str; 12] = [
    "server",
    "auth",
    "round",
    "made",
    "errors",
    "allocations/s",
    "latency p50 / p99 / max µs",
    "CPU µs each",
    "resident kB before / allocated / released",
    "kB each, first touch",
    "kB each, growth",
    "kB each, kept",
];

/// A row for each round.
pub(super) fn rows(entries: &[Allocations]) -> Vec<Vec<String>> {
    entries.iter().flat_map(|entry| entry.rounds.iter().enumerate().map(|(index, round)| row(entry, index, round))).collect()
}

fn row(entry: &Allocations, index: usize, round: &Round) -> Vec<String> {
    let optional = |value: Option<f64>, digits: usize| value.map_or_else(|| "-".to_owned(), |value| format!("{value:.digits$}"));
    let kb = |value: Option<u64>| optional(value.map(|value| value as f64), 0);
    let micros = |ns: Option<u64>| ns.map_or_else(|| "failed".to_owned(), |ns| format!("{:.0}", ns as f64 / 1000.0));
    let (latency, resident) = (&round.latency, &round.resident);
    vec![
        entry.server.clone(),
        entry.auth.to_owned(),
        (index + 1).to_string(),
        format!("{} of {}", round.made, entry.requested),
        errors(round),
        optional(round.per_second, 0),
        [latency.p50, latency.p99, latency.max].map(micros).join(" / "),
        optional(round.cpu_us_per_allocation, 1),
        [resident.before_kb, resident.allocated_kb, resident.released_kb].map(kb).join(" / "),
        optional(entry.kb_first_touch.filter(|_| index == 0), 2),
        optional(entry.kb_growth.filter(|_| index + 1 == entry.rounds.len()), 2),
        optional(entry.kb_kept.filter(|_| index + 1 == entry.rounds.len()), 2),
    ]
}

fn errors(round: &Round) -> String {
    let list = |errors: &BTreeMap<String, u64>, word: &str| {
        errors.iter().map(|(name, count)| format!("{count} x {word}{name}")).collect::<Vec<_>>()
    };
    let all = [list(&round.errors, ""), list(&round.not_released, "release: ")].concat();
    if all.is_empty() { "-".to_owned() } else { all.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round(made: u64, before: u64, allocated: u64) -> Round {
        let latency = Quantiles { p50: None, p99: None, p999: None, max: None };
        let resident = Resident { before_kb: Some(before), allocated_kb: Some(allocated), released_kb: Some(allocated) };
        let (errors, not_released) = (BTreeMap::new(), BTreeMap::new());
        Round { made, errors, per_second: None, latency, cpu_us_per_allocation: None, resident, not_released }
    }

    #[test]
    fn first_touch_and_growth_are_told_apart() {
        let mut entry = Allocations::new("server".into(), "none", 100, 32);
        entry.rounds = vec![round(100, 1000, 3000), round(100, 3000, 3100), round(100, 3100, 3200)];
        entry.rounds[2].resident.released_kb = Some(1500);
        entry.sum_up(false);
        assert_eq!((entry.kb_first_touch, entry.kb_growth, entry.kb_kept), (Some(20.0), Some(1.0), Some(5.0)));
        assert!(entry.maximum.is_none());
    }

    #[test]
    fn without_a_process_there_is_no_memory() {
        let mut entry = Allocations::new("server".into(), "none", 100, 32);
        entry.rounds = vec![Round { resident: Resident { before_kb: None, allocated_kb: None, released_kb: None }, ..round(100, 0, 0) }];
        entry.sum_up(false);
        assert_eq!((entry.kb_first_touch, entry.kb_growth, entry.kb_kept), (None, None, None));
    }
}
