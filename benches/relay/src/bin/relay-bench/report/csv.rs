//! A line for each cell, for spreadsheets. What has no value is empty.

use super::{Report, allocations, soak, table};
use relay_bench::summary::{Delay, Quantiles};

const HEADS: [&str; 43] = [
    "server",
    "direction",
    "content",
    "size",
    "flows",
    "hops",
    "carrier",
    "ip",
    "auth",
    "tx",
    "window",
    "rate",
    "burst",
    "ns_median",
    "ns_min",
    "ns_max",
    "ratio_median",
    "ratio_low",
    "ratio_high",
    "place_best",
    "place_worst",
    "delivered_per_second",
    "projected_per_second",
    "sent",
    "lost",
    "duplicates",
    "reordered",
    "corrupt",
    "paced_rate",
    "paced_ns_median",
    "up_p50_ns",
    "up_p99_ns",
    "up_p999_ns",
    "down_p50_ns",
    "down_p99_ns",
    "down_p999_ns",
    "search_lower",
    "search_upper",
    "burst_lower",
    "burst_upper",
    "limit",
    "complete",
    "error",
];

pub(super) fn render(report: &Report) -> anyhow::Result<String> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    if !report.allocations.is_empty() {
        writer.write_record(allocations::HEADS)?;
        allocations::rows(&report.allocations).iter().try_for_each(|row| writer.write_record(row))?;
        return Ok(String::from_utf8(writer.into_inner()?)?);
    }
    if !report.soaks.is_empty() {
        writer.write_record(soak::HEADS)?;
        soak::rows(&report.soaks).iter().try_for_each(|row| writer.write_record(row))?;
        return Ok(String::from_utf8(writer.into_inner()?)?);
    }
    writer.write_record(HEADS)?;
    for cell in &report.cells {
        let (ns, ratio, counts) = (cell.ns_per_packet, cell.ratio_to_null, cell.figures.as_ref().map(|figures| figures.counts));
        let count = |of: fn(&relay_bench::account::Counts) -> u64| optional(counts.as_ref().map(of));
        let (up, down) =
            (quantiles(&cell.delay_up), quantiles(cell.delay_round_trip.as_ref().map_or(&cell.delay_down, |_| &cell.delay_round_trip)));
        let paced = cell.paced.as_ref();
        writer.write_record([
            cell.server.clone(),
            cell.direction.into(),
            cell.content.clone(),
            cell.size.to_string(),
            cell.flows.to_string(),
            cell.hops.to_string(),
            cell.carrier.into(),
            cell.ip.into(),
            cell.auth.into(),
            cell.tx.name().into(),
            optional(cell.window),
            optional(cell.rate),
            cell.burst.to_string(),
            optional(ns.map(|it| it.median)),
            optional(ns.map(|it| it.min)),
            optional(ns.map(|it| it.max)),
            optional(ratio.map(|it| it.median)),
            optional(ratio.map(|it| it.low)),
            optional(ratio.map(|it| it.high)),
            optional(cell.place.map(|it| it.0)),
            optional(cell.place.map(|it| it.1)),
            optional(cell.pps.delivered.map(|it| it.median)),
            optional(cell.pps.projected),
            count(|it| it.sent),
            count(|it| it.lost()),
            count(|it| it.duplicates),
            count(|it| it.reordered),
            count(|it| it.corrupt),
            optional(paced.map(|it| it.rate)),
            optional(paced.and_then(|it| it.ns_per_packet).map(|it| it.median)),
            optional(up.and_then(|it| it.p50)),
            optional(up.and_then(|it| it.p99)),
            optional(up.and_then(|it| it.p999)),
            optional(down.and_then(|it| it.p50)),
            optional(down.and_then(|it| it.p99)),
            optional(down.and_then(|it| it.p999)),
            optional(cell.search.and_then(|it| it.lower)),
            optional(cell.search.and_then(|it| it.upper)),
            optional(cell.burst_tolerance.and_then(|it| it.lower)),
            optional(cell.burst_tolerance.and_then(|it| it.upper)),
            optional(cell.limit.map(table::word)),
            report.complete.to_string(),
            cell.error.clone().unwrap_or_default(),
        ])?;
    }
    Ok(String::from_utf8(writer.into_inner()?)?)
}

fn quantiles(delay: &Option<Delay>) -> Option<Quantiles> {
    delay.as_ref().map(|delay| delay.from_intended)
}

fn optional(value: Option<impl ToString>) -> String {
    value.map_or_else(String::new, |value| value.to_string())
}
