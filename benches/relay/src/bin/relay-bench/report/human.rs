//! Tables for a terminal.

use super::{Report, table};
use std::fmt::Write as _;

pub(super) fn render(report: &Report) -> String {
    let mut text = String::new();
    for group in table::groups(report) {
        let rows: Vec<[String; 9]> = group.iter().map(table::row).collect();
        let width = |column: usize| {
            rows.iter().map(|row| row[column].chars().count()).chain([table::HEADS[column].chars().count()]).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..table::HEADS.len()).map(width).collect();
        let line = |columns: Vec<&str>| {
            let padded: Vec<String> = columns.iter().zip(&widths).map(|(column, width)| format!("{column:<width$}")).collect();
            padded.join("  ").trim_end().to_owned()
        };
        let _ = writeln!(text, "{}", table::title(&group[0]));
        let _ = writeln!(text, "{}", line(table::HEADS.to_vec()));
        for row in &rows {
            let _ = writeln!(text, "{}", line(row.iter().map(String::as_str).collect()));
        }
        for note in table::notes(group) {
            let _ = writeln!(text, "  {note}");
        }
        text.push('\n');
    }
    text + &closing(report)
}

/// Calibration, environment, and whether something is missing.
pub(super) fn closing(report: &Report) -> String {
    let mut text = String::new();
    for calibration in &report.calibration {
        let Some(figures) = &calibration.figures else { continue };
        let (Some(pps), Some(ns)) = (figures.delivered_per_second, figures.generator_ns_per_packet) else { continue };
        let (direction, size, tx) = (calibration.direction, calibration.size, calibration.tx.name());
        let _ = writeln!(
            text,
            "without a relay ({direction}, {size} B, tx {tx}): {:.0} packets/s, generator {:.0} ns/packet",
            pps.median, ns.median
        );
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
    if !report.complete {
        text.push_str("INCOMPLETE: the run was broken off; what is missing was not measured.\n");
    }
    text
}
