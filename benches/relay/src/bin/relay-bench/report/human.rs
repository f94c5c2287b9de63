//! Tables for a terminal.

use super::{Report, allocations, soak, table};
use relay_bench::stats::Interval;
use std::fmt::Write as _;

pub(super) fn render(report: &Report) -> String {
    let mut text = String::new();
    for group in table::groups(report) {
        let rows: Vec<Vec<String>> = group.iter().map(|cell| table::row(cell).to_vec()).collect();
        let _ = writeln!(text, "{}\n{}", table::title(&group[0]), aligned(&table::HEADS, &rows));
        for note in table::notes(group) {
            let _ = writeln!(text, "  {note}");
        }
        text.push('\n');
    }
    if !report.allocations.is_empty() {
        let _ = writeln!(text, "{}\n", aligned(&allocations::HEADS, &allocations::rows(&report.allocations)));
    }
    if !report.soaks.is_empty() {
        let _ = writeln!(text, "{}", aligned(&soak::HEADS, &soak::rows(&report.soaks)));
    }
    for note in soak::notes(&report.soaks) {
        let _ = writeln!(text, "  {note}");
    }
    for note in allocations::notes(&report.allocations) {
        let _ = writeln!(text, "  {note}");
    }
    text + &closing(report)
}

/// Columns as wide as their widest entry.
fn aligned(heads: &[&str], rows: &[Vec<String>]) -> String {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).fold(heads[column].chars().count(), usize::max);
    let widths: Vec<usize> = (0..heads.len()).map(width).collect();
    let line = |columns: &mut dyn Iterator<Item = &str>| {
        let padded: Vec<String> = columns.zip(&widths).map(|(column, width)| format!("{column:<width$}")).collect();
        padded.join("  ").trim_end().to_owned()
    };
    let lines = rows.iter().map(|row| line(&mut row.iter().map(String::as_str)));
    std::iter::once(line(&mut heads.iter().copied())).chain(lines).collect::<Vec<_>>().join("\n")
}

/// Calibration, environment, and whether something is missing.
pub(super) fn closing(report: &Report) -> String {
    let mut text = String::new();
    for calibration in &report.calibration {
        let Some(figures) = &calibration.figures else { continue };
        let (Some(pps), Some(ns)) = (figures.delivered_per_second, figures.generator_ns_per_packet) else { continue };
        let (direction, content, tx) = (calibration.direction, &calibration.content, calibration.tx.name());
        // At a fixed rate the generator waits awake: its CPU time tells nothing there.
        let rest = match calibration.rate {
            Some(rate) => format!("{rate} packets/s offered, {:.0} arrived", pps.median),
            None => format!("{:.0} packets/s, generator {:.0} ns/packet", pps.median, ns.median),
        };
        let _ = writeln!(text, "without a relay ({direction}, {content}, tx {tx}): {rest}");
    }
    if let Some(environment) = &report.environment {
        let share = |share: Option<f64>| share.map_or("unknown".to_owned(), |share| format!("{:.0} %", share * 100.0));
        let _ = writeln!(
            text,
            "{}, {}; servers on processor {}, generator on {}; processors {} busy, {} stolen",
            environment.processor,
            environment.kernel,
            environment.cpus.server,
            environment.cpus.generator,
            share(environment.busy),
            share(environment.steal),
        );
        if environment.cpus.shared() {
            text.push_str("Server and generator shared a processor: CPU time per packet is measured, rates and delays are not.\n");
        }
        if environment.build != "release" {
            text.push_str("Built without optimisation: the generator measures itself. Use `cargo xtask bench-relay`.\n");
        }
    }
    for cell in report.gate.iter().flat_map(|gate| &gate.cells) {
        let ratio =
            |it: Option<Interval>| it.map_or_else(|| "-".to_owned(), |it| format!("{:.2} ({:.2}-{:.2})", it.median, it.low, it.high));
        let (baseline, now) = (ratio(cell.baseline), ratio(cell.now));
        let _ = writeln!(text, "gate: {}: {} ({}): baseline {baseline}, now {now}", cell.outcome.name(), cell.server, cell.load);
    }
    if !report.complete {
        text.push_str("INCOMPLETE: the run was broken off; what is missing was not measured.\n");
    }
    text
}
