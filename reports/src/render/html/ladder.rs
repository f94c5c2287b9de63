//! A message ladder as lanes, with what each NAT makes of the addresses, and the NAT table over time.

use maud::{Markup, html};

use crate::record::{Ladder, LadderKind, LadderRow, LaneKind, NatTable};
use crate::render::summary::plural;

pub(super) fn ladder(ladder: &Ladder) -> Markup {
    html! {
        @if !ladder.rows.is_empty() {
            details.fold open {
                summary { "Message ladder (" (plural(ladder.rows.len() as u64, "row")) ")" }
                div.scroll { div.ladder style={ "--n:" (ladder.lanes.len().max(1)) } {
                    div.r.top {
                        span.t { "time" }
                        div.l { @for lane in &ladder.lanes { div.lane.nat[lane.kind == LaneKind::Nat] { b { (lane.id) } br; small { (lane.label) } } } }
                        span.p { "packets" }
                    }
                    @for row in &ladder.rows {
                        @if row.skipped > 0 { div.gap { (plural(row.skipped, "row")) " left out" } }
                        (event(ladder, row))
                    }
                } }
            }
        }
    }
}

fn event(ladder: &Ladder, row: &LadderRow) -> Markup {
    html! {
        div.r.(kind(row.kind)) {
            span.t { (format!("{:.6}", row.at_ns as f64 / 1e9)) }
            div.l {
                (what(ladder, row))
                @for hop in &row.via {
                    @if let Some(lane) = ladder.lane(&hop.lane) {
                        div.h style={ "grid-column:" (lane + 1) } { (hop.before) br; "→ " (hop.after) }
                    }
                }
                @if !row.note.is_empty() { div.n style={ "grid-column:" (leftmost(ladder, row) + 1) "/-1" } { (row.note) } }
            }
            span.p { @for number in &row.packets { "#" (number) " " } }
        }
    }
}

/// An arrow between two lanes, a box at one, or, for what happens at no lane, a box over all.
fn what(ladder: &Ladder, row: &LadderRow) -> Markup {
    let columns = ladder.lane(&row.from).zip(ladder.lane(&row.to)).map(|(from, to)| (from + 1, to + 1));
    html! {
        @match columns {
            None => div.e style="grid-column:1/-1" { (row.text) },
            Some((from, to)) if from == to => div.e style={ "grid-column:" (from) } { (row.text) },
            Some((from, to)) => {
                @let (first, last) = (from.min(to), from.max(to));
                div.m.back[to < from] style={ "grid-column:" (first) "/" (last + 1) ";--s:" (last - first + 1) } { span { (row.text) } }
            }
        }
    }
}

fn leftmost(ladder: &Ladder, row: &LadderRow) -> usize {
    [&row.from, &row.to].into_iter().filter_map(|id| ladder.lane(id)).min().unwrap_or_default()
}

fn kind(kind: LadderKind) -> &'static str {
    match kind {
        LadderKind::Packet => "packet",
        LadderKind::Drop => "drop",
        LadderKind::Api => "api",
        LadderKind::Step => "step",
        LadderKind::Nat => "mapping",
    }
}

pub(super) fn nat_table(table: &NatTable) -> Markup {
    let seconds = |ns: u64| format!("{:.6}", ns as f64 / 1e9);
    html! {
        @if !table.mappings.is_empty() {
            details.fold {
                summary { "NAT mappings (" (table.mappings.len() as u64 + table.skipped_at_end) ")" }
                div.scroll { table.mappings {
                    tr { th { "NAT" } th { "" } th { "internal" } th { "external" } th { "remote" } th { "made, s" } th { "gone, s" } }
                    @for mapping in &table.mappings {
                        tr {
                            td { (mapping.nat) } td { (mapping.protocol) }
                            td { code { (mapping.internal) } } td { code { (mapping.external) } }
                            td { @if let Some(remote) = &mapping.remote { code { (remote) } } @else { "any" } }
                            td.number { (seconds(mapping.made_ns)) }
                            td.number { @if let Some(gone) = mapping.gone_ns { (seconds(gone)) } @else { "–" } @if let Some(because) = &mapping.gone_because { " " (because) } }
                        }
                    }
                } }
                @if table.skipped_at_end > 0 { p { (plural(table.skipped_at_end, "mapping")) " left out" } }
            }
        }
    }
}
