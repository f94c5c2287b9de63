//! OpenMetrics text, for Prometheus and its kin. Gauges only: a report is a state, not a history. A quantile among lost datagrams is +Inf.

use super::{Allocations, Cell, Report, Soak};
use relay_bench::stats::Spread;
use relay_bench::summary::{Delay, Quantiles};
use std::collections::BTreeMap;
use std::fmt::Write as _;

pub(super) fn render(report: &Report) -> String {
    let mut metrics = Metrics::default();
    metrics.add("relay_bench_complete", &[], f64::from(u8::from(report.complete)));
    report.cells.iter().for_each(|cell| add_cell(&mut metrics, cell));
    report.allocations.iter().for_each(|entry| add_allocations(&mut metrics, entry));
    report.soaks.iter().for_each(|soak| add_soak(&mut metrics, soak));
    metrics.text()
}

/// What each family is about, in the order in which they are written.
const FAMILIES: [(&str, &str); 17] = [
    ("relay_bench_complete", "0 when the run was broken off."),
    ("relay_bench_failed", "1 for a server that failed under a load."),
    ("relay_bench_cpu_seconds_per_packet", "CPU time of the server per delivered datagram."),
    ("relay_bench_ratio_to_null", "The same over that of null-plain in the same rounds: median and 95 % interval."),
    ("relay_bench_packets_per_second", "Delivered datagrams; not comparable between machines."),
    ("relay_bench_loss_ratio", "Share of sent datagrams that never arrived whole."),
    ("relay_bench_delay_seconds", "One-way delay from when a datagram was due, over sent datagrams."),
    ("relay_bench_search_packets_per_second", "Highest rate that passed (lower) and lowest that failed (upper)."),
    ("relay_bench_burst_packets", "Largest burst that passed without loss (lower) and smallest that failed (upper)."),
    ("relay_bench_limit", "1 for what limited most trials."),
    ("relay_bench_allocations_made", "Allocations that succeeded."),
    ("relay_bench_allocation_errors", "Allocations that failed, by error code or another reason."),
    ("relay_bench_allocations_per_second", "Successes a second."),
    ("relay_bench_allocation_latency_seconds", "From the first request to success, over all that were asked for."),
    ("relay_bench_allocation_cpu_seconds", "CPU time of the server per allocation."),
    ("relay_bench_resident_bytes", "Resident memory of the server."),
    ("relay_bench_growth_bytes_per_hour", "Median growth of resident memory in the second half of a long run."),
];

type Labels<'a> = [(&'static str, &'a str)];

/// Samples by family.
#[derive(Default)]
struct Metrics(BTreeMap<&'static str, String>);

impl Metrics {
    fn add(&mut self, family: &'static str, labels: &Labels<'_>, value: f64) {
        let pair = |(name, value): &(&str, &str)| format!("{name}=\"{}\"", escaped(value));
        let labels = labels.iter().map(pair).collect::<Vec<_>>().join(",");
        let labels = if labels.is_empty() { labels } else { format!("{{{labels}}}") };
        let value = if value == f64::INFINITY { "+Inf".to_owned() } else { value.to_string() };
        let _ = writeln!(self.0.entry(family).or_default(), "{family}{labels} {value}");
    }

    fn text(&self) -> String {
        let family = |(name, help): &(&str, &str)| {
            let samples = self.0.get(name)?;
            Some(format!("# TYPE {name} gauge\n# HELP {name} {help}\n{samples}"))
        };
        FAMILIES.iter().filter_map(family).collect::<String>() + "# EOF\n"
    }
}

fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

fn add_cell(metrics: &mut Metrics, cell: &Cell) {
    let [size, flows, hops, burst] = [cell.size, cell.flows, cell.hops, cell.burst as usize].map(|number| number.to_string());
    let rate = cell.rate.map_or_else(|| "closed-loop".to_owned(), |rate| rate.to_string());
    let own: [(&'static str, &str); 12] = [
        ("server", &cell.server),
        ("direction", cell.direction),
        ("content", &cell.content),
        ("size", &size),
        ("flows", &flows),
        ("hops", &hops),
        ("carrier", cell.carrier),
        ("ip", cell.ip),
        ("auth", cell.auth),
        ("tx", cell.tx.name()),
        ("rate", &rate),
        ("burst", &burst),
    ];
    let mut add = |family, more: &Labels<'_>, value| metrics.add(family, &[&own[..], more].concat(), value);
    add("relay_bench_failed", &[], f64::from(u8::from(cell.error.is_some())));
    if let Some(ns) = cell.ns_per_packet {
        spread(&ns).for_each(|(stat, ns)| add("relay_bench_cpu_seconds_per_packet", &[("stat", stat)], ns / 1e9));
    }
    if let Some(ratio) = cell.ratio_to_null {
        let stats = [("median", ratio.median), ("low", ratio.low), ("high", ratio.high)];
        stats.iter().for_each(|(stat, value)| add("relay_bench_ratio_to_null", &[("stat", stat)], *value));
    }
    if let Some(delivered) = cell.pps.delivered {
        spread(&delivered).for_each(|(stat, value)| add("relay_bench_packets_per_second", &[("stat", stat)], value));
    }
    cell.loss.iter().for_each(|loss| add("relay_bench_loss_ratio", &[], *loss));
    for (way, delay) in [("up", &cell.delay_up), ("down", &cell.delay_down), ("round-trip", &cell.delay_round_trip)] {
        let quantiles = delay.iter().flat_map(|delay: &Delay| quantiles(&delay.from_intended));
        quantiles.for_each(|(quantile, seconds)| add("relay_bench_delay_seconds", &[("way", way), ("quantile", quantile)], seconds));
    }
    for (bound, rate) in cell.search.iter().flat_map(|bounds| [("lower", bounds.lower), ("upper", bounds.upper)]) {
        rate.iter().for_each(|rate| add("relay_bench_search_packets_per_second", &[("bound", bound)], *rate as f64));
    }
    for (bound, burst) in cell.burst_tolerance.iter().flat_map(|bounds| [("lower", bounds.lower), ("upper", bounds.upper)]) {
        burst.iter().for_each(|burst| add("relay_bench_burst_packets", &[("bound", bound)], *burst as f64));
    }
    cell.limit.iter().for_each(|limit| add("relay_bench_limit", &[("limit", super::table::word(*limit))], 1.0));
}

fn add_allocations(metrics: &mut Metrics, entry: &Allocations) {
    let own: [(&'static str, &str); 2] = [("server", &entry.server), ("auth", entry.auth)];
    metrics.add("relay_bench_failed", &own, f64::from(u8::from(entry.error.is_some())));
    for (index, round) in entry.rounds.iter().enumerate() {
        let number = (index + 1).to_string();
        let own = [&own[..], &[("round", &number)]].concat();
        let mut add = |family, more: &Labels<'_>, value| metrics.add(family, &[&own[..], more].concat(), value);
        add("relay_bench_allocations_made", &[], round.made as f64);
        round.errors.iter().for_each(|(error, count)| add("relay_bench_allocation_errors", &[("error", error)], *count as f64));
        round.per_second.iter().for_each(|rate| add("relay_bench_allocations_per_second", &[], *rate));
        for (quantile, seconds) in quantiles(&round.latency) {
            add("relay_bench_allocation_latency_seconds", &[("quantile", quantile)], seconds);
        }
        round.cpu_us_per_allocation.iter().for_each(|micros| add("relay_bench_allocation_cpu_seconds", &[], micros / 1e6));
        let resident = &round.resident;
        for (state, kb) in [("before", resident.before_kb), ("allocated", resident.allocated_kb), ("released", resident.released_kb)] {
            kb.iter().for_each(|kb| add("relay_bench_resident_bytes", &[("state", state)], *kb as f64 * 1024.0));
        }
    }
}

/// The last lap and the figures over all.
fn add_soak(metrics: &mut Metrics, soak: &Soak) {
    let [size, flows, rate] = [soak.size as u64, soak.flows as u64, soak.rate].map(|number| number.to_string());
    let own: [(&'static str, &str); 9] = [
        ("server", &soak.server),
        ("direction", soak.direction),
        ("content", &soak.content),
        ("size", &size),
        ("flows", &flows),
        ("carrier", soak.carrier),
        ("auth", soak.auth),
        ("tx", soak.tx.name()),
        ("rate", &rate),
    ];
    metrics.add("relay_bench_failed", &own, f64::from(u8::from(soak.error.is_some())));
    soak.loss.iter().for_each(|loss| metrics.add("relay_bench_loss_ratio", &own, *loss));
    soak.growth_kb_per_hour.iter().for_each(|kb| metrics.add("relay_bench_growth_bytes_per_hour", &own, kb * 1024.0));
    let Some(last) = soak.laps.last() else { return };
    for (quantile, seconds) in last.delay.iter().flat_map(quantiles) {
        metrics.add("relay_bench_delay_seconds", &[&own[..], &[("quantile", quantile)]].concat(), seconds);
    }
    last.resident_kb.iter().for_each(|kb| metrics.add("relay_bench_resident_bytes", &own, *kb as f64 * 1024.0));
}

fn spread(spread: &Spread) -> impl Iterator<Item = (&'static str, f64)> + use<> {
    [("median", spread.median), ("min", spread.min), ("max", spread.max)].into_iter()
}

fn quantiles(quantiles: &Quantiles) -> impl Iterator<Item = (&'static str, f64)> + use<> {
    let seconds = |ns: Option<u64>| ns.map_or(f64::INFINITY, |ns| ns as f64 / 1e9);
    let of = [("0.5", quantiles.p50), ("0.99", quantiles.p99), ("0.999", quantiles.p999), ("1", quantiles.max)];
    of.into_iter().map(move |(quantile, ns)| (quantile, seconds(ns)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_are_whole_and_labels_escaped() {
        let mut metrics = Metrics::default();
        metrics.add("relay_bench_failed", &[("server", "a\"b\\c\nd")], 1.0);
        metrics.add("relay_bench_delay_seconds", &[("quantile", "1")], f64::INFINITY);
        metrics.add("relay_bench_failed", &[("server", "e")], 0.0);
        assert_eq!(
            metrics.text(),
            "# TYPE relay_bench_failed gauge\n# HELP relay_bench_failed 1 for a server that failed under a load.\n\
             relay_bench_failed{server=\"a\\\"b\\\\c\\nd\"} 1\nrelay_bench_failed{server=\"e\"} 0\n\
             # TYPE relay_bench_delay_seconds gauge\n\
             # HELP relay_bench_delay_seconds One-way delay from when a datagram was due, over sent datagrams.\n\
             relay_bench_delay_seconds{quantile=\"1\"} +Inf\n# EOF\n"
        );
    }

    #[test]
    fn a_report_without_figures_is_still_metrics() {
        assert_eq!(
            render(&Report::default()),
            "# TYPE relay_bench_complete gauge\n# HELP relay_bench_complete 0 when the run was broken off.\nrelay_bench_complete 0\n# EOF\n"
        );
    }
}
