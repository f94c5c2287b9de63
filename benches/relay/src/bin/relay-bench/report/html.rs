//! One page that needs nothing from elsewhere: tables, charts, environment, the command to repeat it.

use super::chart::{self, Bar, Line, Tick};
use super::{Cell, Lap, Report, Soak, allocations, human, soak, table};
use maud::{DOCTYPE, Markup, PreEscaped, html};
use relay_bench::summary::Delay;

pub(super) fn render(report: &Report) -> String {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'";
                title { "relay-bench" }
                style { (PreEscaped(include_str!("page.css"))) }
            }
            body {
                h1 { "What TURN servers spend on a datagram" }
                @if !report.complete { p.warning { "INCOMPLETE: the run was broken off; what is missing was not measured." } }
                @for group in table::groups(report) { (section(group)) }
                @for (title, cells) in curves(report) { (over_load(&title, &cells)) }
                @if !report.allocations.is_empty() {
                    h2 { "Allocations" }
                    (grid(&allocations::HEADS, &allocations::rows(&report.allocations)))
                    ul { @for note in allocations::notes(&report.allocations) { li { (note) } } }
                }
                @if !report.soaks.is_empty() { (soaks(&report.soaks)) }
                (environment(report))
            }
        }
    };
    page.into_string()
}

fn section(group: &[Cell]) -> Markup {
    let rows: Vec<Vec<String>> = group.iter().map(|cell| table::row(cell).to_vec()).collect();
    let ratio = |cell: &Cell| cell.ratio_to_null.map(|it| Bar { name: cell.server.clone(), value: it.median, low: it.low, high: it.high });
    let bars: Vec<Bar> = group.iter().filter_map(ratio).collect();
    html! {
        h2 { (table::title(&group[0])) }
        (grid(&table::HEADS, &rows))
        ul { @for note in table::notes(group) { li { (note) } } }
        @if !bars.is_empty() { (chart::bars("CPU time per packet over that of null-plain, with 95 % interval", "above 1 costs more", &bars)) }
        @for (name, of) in DELAYS { (percentiles(name, group, of)) }
    }
}

type OfCell = fn(&Cell) -> Option<&Delay>;
const DELAYS: [(&str, OfCell); 3] = [
    ("Delay up", |cell| cell.delay_up.as_ref()),
    ("Delay down", |cell| cell.delay_down.as_ref()),
    ("Delay of the round trip", |cell| cell.delay_round_trip.as_ref()),
];

/// Delay over quantile, on a scale on which each nine takes the same room. A curve ends where datagrams were lost.
fn percentiles(name: &str, group: &[Cell], of: OfCell) -> Markup {
    let nines = |quantile: f64| -(1.0 - quantile).log10();
    let curve = |delay: &Delay| delay.curve.iter().map(|(quantile, ns)| (nines(*quantile), (*ns as f64 / 1000.0).log10())).collect();
    let lines: Vec<Line> = group.iter().filter_map(|cell| Some(Line { name: cell.server.clone(), points: curve(of(cell)?) })).collect();
    let micros = lines.iter().flat_map(|line| &line.points).map(|(_, log)| 10f64.powf(*log));
    let ticks = chart::powers(micros);
    let quantiles = [(0.0, "0"), (0.5, "50 %"), (0.9, "90 %"), (0.99, "99 %"), (0.999, "99.9 %"), (0.9999, "99.99 %")];
    let across: Vec<Tick> = quantiles.iter().map(|(quantile, text)| Tick { at: nines(*quantile), text: (*text).to_owned() }).collect();
    html! {
        @if !ticks.is_empty() {
            (chart::lines(&format!("{name}, from when datagrams were due, over all that were sent"), ("quantile", &across), ("µs", &ticks), &lines))
        }
    }
}

/// Cells that differ in their rate alone, where there are several rates.
fn curves(report: &Report) -> Vec<(String, Vec<&Cell>)> {
    let mut curves: Vec<(String, Vec<&Cell>)> = Vec::new();
    for cell in report.cells.iter().filter(|cell| cell.rate.is_some()) {
        let title = format!("{}, {}", cell.direction, cell.content);
        match curves.iter_mut().find(|(known, _)| *known == title) {
            Some((_, cells)) => cells.push(cell),
            None => curves.push((title, vec![cell])),
        }
    }
    curves.retain(|(_, cells)| cells.iter().any(|cell| cell.rate != cells[0].rate));
    curves
}

fn over_load(title: &str, cells: &[&Cell]) -> Markup {
    let rates = chart::even(cells.iter().filter_map(|cell| cell.rate).max().unwrap_or(1) as f64);
    let lines = |of: &dyn Fn(&Cell) -> Option<f64>| {
        let mut lines: Vec<Line> = Vec::new();
        for cell in cells {
            let Some(point) = cell.rate.zip(of(cell)).map(|(rate, value)| (rate as f64, value)) else { continue };
            match lines.iter_mut().find(|line| line.name == cell.server) {
                Some(line) => line.points.push(point),
                None => lines.push(Line { name: cell.server.clone(), points: vec![point] }),
            }
        }
        lines.iter_mut().for_each(|line| line.points.sort_by(|one, other| one.0.total_cmp(&other.0)));
        lines
    };
    let ticks = |lines: &[Line]| chart::even(lines.iter().flat_map(|line| &line.points).map(|point| point.1).fold(0.0, f64::max));
    let (cpu, loss) = (lines(&|cell| cell.ns_per_packet.map(|ns| ns.median)), lines(&|cell| cell.loss.map(|loss| loss * 100.0)));
    html! {
        h2 { (title) " over load" }
        (chart::lines("CPU time of the server per packet over load", ("packets/s", &rates), ("ns", &ticks(&cpu)), &cpu))
        (chart::lines("Loss over load", ("packets/s", &rates), ("%", &ticks(&loss)), &loss))
    }
}

/// What creeps over time, as curves of each server.
fn soaks(soaks: &[Soak]) -> Markup {
    let minutes = chart::even(soaks.iter().filter_map(|soak| soak.laps.last()).map(|lap| lap.at_seconds / 60.0).fold(0.0, f64::max));
    let chart = |title: &str, unit: &str, of: &dyn Fn(&Lap) -> Option<f64>| {
        let points = |soak: &Soak| soak.laps.iter().filter_map(|lap| Some((lap.at_seconds / 60.0, of(lap)?))).collect();
        let all = soaks.iter().map(|soak| Line { name: soak.server.clone(), points: points(soak) });
        let lines: Vec<Line> = all.filter(|line| !line.points.is_empty()).collect();
        let highest = lines.iter().flat_map(|line| &line.points).map(|point| point.1).fold(0.0, f64::max);
        html! { @if !lines.is_empty() { (chart::lines(title, ("minutes", &minutes), (unit, &chart::even(highest)), &lines)) } }
    };
    html! {
        h2 { "Over time" }
        (grid(&soak::HEADS, &soak::rows(soaks)))
        ul { @for note in soak::notes(soaks) { li { (note) } } }
        (chart("Resident memory", "MB", &|lap| lap.resident_kb.map(|kb| kb as f64 / 1024.0)))
        (chart("Delay p99 of each lap, from when datagrams were due", "µs", &|lap| Some(lap.delay.as_ref()?.p99? as f64 / 1000.0)))
        (chart("Loss of each lap", "%", &|lap| (lap.sent > 0).then(|| lap.lost as f64 * 100.0 / lap.sent as f64)))
    }
}

fn grid(heads: &[&str], rows: &[Vec<String>]) -> Markup {
    html! {
        table {
            thead { tr { @for head in heads { th { (head) } } } }
            tbody { @for row in rows { tr { @for column in row { td { (column) } } } } }
        }
    }
}

fn environment(report: &Report) -> Markup {
    html! {
        h2 { "Environment" }
        ul { @for line in human::closing(report).lines() { li { (line) } } }
        @if let Some(environment) = &report.environment {
            dl {
                dt { "repeat it" } dd { code { "cargo xtask bench-relay " (environment.command) } }
                dt { "versions" } dd { "relay-bench " (environment.version) " (" (environment.build) ")" @for server in &environment.servers { ", " (server) } }
                dt { "processors" } dd { (environment.processors) }
                dt { "buffers" } dd { "rmem_max " (or_unknown(environment.rmem_max)) ", wmem_max " (or_unknown(environment.wmem_max)) }
                dt { "open files" } dd { (or_unknown(environment.open_files)) }
                dt { "load before" } dd { (or_unknown(environment.load_before)) }
                @for mitigation in &environment.mitigations { dt { "mitigation" } dd { (mitigation) } }
            }
        }
        p { "How to read this, and how each figure can mislead: docs/benchmarking.md." }
    }
}

fn or_unknown(value: Option<impl ToString>) -> String {
    value.map_or_else(|| "unknown".to_owned(), |value| value.to_string())
}
