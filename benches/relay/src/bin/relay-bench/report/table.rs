//! What human and Markdown tables have in common: columns, words and the notes below.

use super::{Cell, Report};
use relay_bench::bench::Direction;
use relay_bench::carrier::Carrier;
use relay_bench::search::{Bounds, End};
use relay_bench::summary::{Delay, Quantiles};
use relay_bench::verdict::{Ledger, Verdict};

/// Heads of the columns.
pub(super) const HEADS: [&str; 9] = [
    "server",
    "CPU ns/packet (min-max)",
    "x null-plain (95 %)",
    "place",
    "packets/s",
    "of one CPU",
    "loss",
    "delay p50 / p99 / p99.9 / max µs",
    "limit",
];

/// A group of cells that may be compared: one direction, size and rate.
pub(super) fn groups(report: &Report) -> impl Iterator<Item = &[Cell]> {
    report.cells.chunk_by(|one, other| (one.direction, &one.content, one.rate) == (other.direction, &other.content, other.rate))
}

/// What the cells of a group have in common.
pub(super) fn title(cell: &Cell) -> String {
    let hops = if cell.direction == Direction::C2c.name() { "2 hops" } else { "1 hop" };
    let load = match (cell.window, cell.rate) {
        (Some(window), _) => format!("closed loop, {window} on the way"),
        (None, rate) => format!("{} packets/s", rate.unwrap_or(0)),
    };
    let burst = if cell.burst > 1 { format!(", bursts of {}", cell.burst) } else { String::new() };
    let delays = cell.paced.as_ref().map_or(String::new(), |paced| format!("; delays at {} packets/s", paced.rate));
    let flows = if cell.flows == 1 { "1 flow".to_owned() } else { format!("{} flows", cell.flows) };
    let carrier = if cell.carrier == Carrier::Channel.name() { "" } else { ", indications" };
    let ip = if cell.ip == "v4" { String::new() } else { format!(", IP {}", cell.ip) };
    format!("{}, {}, {hops}, {flows}{carrier}{ip}, tx {}; {load}{burst}{delays}", cell.direction, cell.content, cell.tx.name())
}

/// The columns of a cell.
pub(super) fn row(cell: &Cell) -> [String; 9] {
    let dash = || "-".to_owned();
    let ns = cell.ns_per_packet.map_or_else(dash, |ns| format!("{:.0} ({:.0}-{:.0})", ns.median, ns.min, ns.max));
    let ratio = cell.ratio_to_null.map_or_else(dash, |it| format!("{:.2} ({:.2}-{:.2})", it.median, it.low, it.high));
    let place = match cell.place {
        None => dash(),
        Some((best, worst)) if best == worst => best.to_string(),
        Some((best, worst)) => format!("{best}-{worst}"),
    };
    let delivered = cell.pps.delivered.map_or_else(dash, |pps| format!("{:.0}", pps.median));
    let projected = cell.pps.projected.map_or_else(dash, |pps| format!("{pps:.0}"));
    let limit = match (cell.limit, &cell.error) {
        (Some(limit), _) => word(limit).to_owned(),
        (None, Some(_)) => "failed".to_owned(),
        (None, None) => dash(),
    };
    [cell.server.clone(), ns, ratio, place, delivered, projected, cell.loss.map_or_else(dash, percent), delays(cell), limit]
}

fn delays(cell: &Cell) -> String {
    let parts = [("up", &cell.delay_up), ("down", &cell.delay_down), ("round trip", &cell.delay_round_trip)];
    let present: Vec<(&str, &Delay)> = parts.into_iter().filter_map(|(name, delay)| Some((name, delay.as_ref()?))).collect();
    match &present[..] {
        [] => "-".to_owned(),
        [(_, only)] => quantiles(only.from_intended),
        several => several.iter().map(|(name, delay)| format!("{name} {}", quantiles(delay.from_intended))).collect::<Vec<_>>().join(", "),
    }
}

/// Microseconds; a quantile among the lost ones is not a time.
fn quantiles(quantiles: Quantiles) -> String {
    let one = |nanoseconds: Option<u64>| nanoseconds.map_or_else(|| "lost".to_owned(), |it| format!("{:.0}", it as f64 / 1000.0));
    [quantiles.p50, quantiles.p99, quantiles.p999, quantiles.max].map(one).join(" / ")
}

fn percent(share: f64) -> String {
    match share * 100.0 {
        0.0 => "0".to_owned(),
        small if small < 0.01 => "<0.01 %".to_owned(),
        other => format!("{other:.2} %"),
    }
}

/// The verdict as reports write it.
pub(super) fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Ok => "OK",
        Verdict::ServerSaturated => "SERVER_SATURATED",
        Verdict::Contended => "CONTENDED",
        Verdict::GeneratorLimited => "GENERATOR_LIMITED",
    }
}

/// Lines below a table: whose figures mean less than they seem, what failed, and where datagrams were lost.
pub(super) fn notes(cells: &[Cell]) -> Vec<String> {
    let mut notes = Vec::new();
    let names = |limit| {
        let names: Vec<&str> =
            cells.iter().filter(|cell| cell.window.is_some() && cell.limit == Some(limit)).map(|it| it.server.as_str()).collect();
        (!names.is_empty()).then(|| names.join(", "))
    };
    if let Some(names) = names(Verdict::GeneratorLimited) {
        notes.push(format!(
            "{names}: the generator was the limit; a server that waits for packets spends more on each, so ns/packet is an upper bound."
        ));
    }
    if let Some(names) = names(Verdict::Contended) {
        notes.push(format!(
            "{names}: neither server nor generator was at its limit; others had the processor, or the process is out of sight."
        ));
    }
    for cell in cells.iter().filter(|cell| cell.hops == 1 && cell.direction == Direction::C2c.name()) {
        notes.push(format!(
            "{}: one hop: it hands data from client to client inside, and relays nothing between sockets of its own.",
            cell.server
        ));
    }
    let late: Vec<&str> = cells.iter().filter(|cell| is_late(cell)).map(|cell| cell.server.as_str()).collect();
    if !late.is_empty() {
        notes.push(format!(
            "{}: the generator was late in most trials at the fixed rate; delays are from the others, if any.",
            late.join(", ")
        ));
    }
    cells.iter().for_each(|cell| notes.extend(own_notes(cell)));
    notes
}

/// Whether most of the trials that delays come from have none to tell.
fn is_late(cell: &Cell) -> bool {
    let timed = cell.paced.as_ref().map_or(cell.limit.filter(|_| cell.rate.is_some()), |paced| Some(paced.limit));
    timed == Some(Verdict::GeneratorLimited)
}

fn own_notes(cell: &Cell) -> Vec<String> {
    let mut notes: Vec<String> = cell.error.iter().map(|error| format!("{}: {error}.", cell.server)).collect();
    notes.extend(cell.search.as_ref().map(|bounds| format!("{}: {}", cell.server, found(bounds))));
    notes.extend(cell.burst_tolerance.as_ref().map(|bounds| format!("{}: {}", cell.server, largest(bounds))));
    let Some(figures) = &cell.figures else { return notes };
    let counts = &figures.counts;
    if counts.lost() > 0 {
        notes.push(lost(cell, counts.lost(), &figures.ledger));
    }
    if counts.corrupt + counts.duplicates + counts.reordered > 0 {
        let (duplicates, reordered, corrupt) = (counts.duplicates, counts.reordered, counts.corrupt);
        notes.push(format!("{}: {duplicates} duplicates, {reordered} reordered, {corrupt} corrupt.", cell.server));
    }
    notes
}

/// Always both bounds, never a single number: the truth lies between them at best.
fn found(bounds: &Bounds) -> String {
    let goal = if bounds.goal == 0.0 { "without loss".to_owned() } else { format!("with at most {} % lost", bounds.goal * 100.0) };
    let rate = |rate: Option<u64>| rate.map_or_else(|| "unknown".to_owned(), |rate| format!("{rate} packets/s"));
    let why = match bounds.end {
        End::Narrow => "",
        End::Ceiling => "; no more was offered, since no more arrives without a relay",
        End::GeneratorLimited => "; above that, the generator was the limit in most trials",
        End::NothingPasses => "; not even the lowest rate passed",
        End::Unfinished => "; the search was broken off",
    };
    let (lower, upper) = (rate(bounds.lower), rate(bounds.upper));
    format!("{goal} passed {lower}, failed {upper} ({} trials, {} unusable{why}).", bounds.trials, bounds.unusable)
}

fn largest(bounds: &Bounds) -> String {
    let burst = |burst: Option<u64>| burst.map_or_else(|| "unknown".to_owned(), |burst| burst.to_string());
    let why = match bounds.end {
        End::Narrow => "",
        End::Ceiling => "; larger ones were not tried",
        End::GeneratorLimited => "; larger ones the generator could not send back to back, or lost itself",
        End::NothingPasses => "; not even single datagrams passed",
        End::Unfinished => "; the search was broken off",
    };
    let (lower, upper) = (burst(bounds.lower), burst(bounds.upper));
    format!("bursts of {lower} passed without loss, of {upper} failed ({} trials, {} unusable{why}).", bounds.trials, bounds.unusable)
}

fn lost(cell: &Cell, lost: u64, ledger: &Ledger) -> String {
    let places = [
        ("at the client's socket", ledger.client_sockets as i64),
        ("at the peer's socket", ledger.peer_sockets as i64),
        ("at the server's listener", ledger.server_listener as i64),
        ("at its relay sockets", ledger.server_relay_sockets as i64),
        ("refused by the generator's kernel", ledger.refused as i64),
        ("unexplained", ledger.unexplained),
    ];
    let parts: Vec<String> = places.iter().filter(|(_, count)| *count != 0).map(|(place, count)| format!("{count} {place}")).collect();
    format!("{}: {lost} lost: {}.", cell.server, parts.join(", "))
}
