//! Implementation against scenario, and NAT against NAT.

use maud::{Markup, html};

use super::{link_to, symbol};
use crate::expectation::Gate;
use crate::record::{Case, Run, Verdict};
use crate::render::summary::{Grid, Tally, cell_outcome, grids, matrix};

/// One row per scenario, one column per implementation; a cell leads to its cases.
pub(super) fn scenarios(run: &Run, gate: &Gate) -> Markup {
    let matrix = matrix(run, gate, |case| &case.scenario);
    html! {
        section {
            h2 { "Implementations and scenarios " small { "passed of the cases that judge it" } }
            div.scroll.tall { table.matrix {
                thead { tr { th { "scenario" } @for name in &matrix.implementations { th { (name) } } } }
                tbody { @for scenario in &matrix.columns {
                    tr {
                        th { a href={ "#s=" (scenario) } { (scenario) } }
                        @for name in &matrix.implementations {
                            @match matrix.cells.get(&(*name, *scenario)) {
                                Some(tally) => (tally_cell(tally, name, scenario)),
                                None => td.none {},
                            }
                        }
                    }
                } }
            } }
        }
    }
}

fn tally_cell(tally: &Tally, name: &str, scenario: &str) -> Markup {
    let worst = tally.worst();
    let seen: Vec<String> = Verdict::ALL
        .into_iter()
        .filter(|verdict| tally.count(*verdict) > 0)
        .map(|verdict| format!("{} {verdict}", tally.count(verdict)))
        .collect();
    html! {
        td.(worst.as_str()).unexpected[tally.unexpected > 0] title={ (seen.join(", ")) @if tally.unexpected > 0 { "; " (tally.unexpected) " unexpected" } } {
            a href={ "#i=" (name) "&s=" (scenario) } { (symbol(worst)) " " (tally.count(Verdict::Pass)) "/" (tally.total()) }
        }
    }
}

/// The grids of every implementation pair, folded unless something in them is unexpected.
pub(super) fn nats(run: &Run) -> Markup {
    let grids = grids(run);
    html! {
        @if !grids.is_empty() {
            section {
                h2 { "NAT against NAT " small { "rows: node a, columns: node b; outcome and selected pair (local/remote of a)" } }
                div.grids { @for grid in &grids { (nat_grid(grid)) } }
            }
        }
    }
}

fn nat_grid(grid: &Grid<'_>) -> Markup {
    let unexpected = grid.cells.values().flatten().filter(|case| !case.expected).count();
    let connected = grid.cells.values().flatten().filter(|case| case.verdict == Verdict::Pass).count();
    let [a, b] = grid.pair;
    html! {
        details.grid open[unexpected > 0] {
            summary {
                b { (a) " → " (b) } " " (grid.scenario) @if !grid.variant.is_empty() { " · " (grid.variant) }
                " · " (connected) "/" (grid.cells.values().map(Vec::len).sum::<usize>()) " pass"
                @if unexpected > 0 { " · " strong.mark { (unexpected) " unexpected" } }
            }
            div.scroll { table {
                thead { tr { th { "a \\ b" } @for column in &grid.columns { th { (column) } } } }
                tbody { @for row in &grid.rows {
                    tr {
                        th { (row) }
                        @for column in &grid.columns {
                            @match grid.cells.get(&(*row, *column)) { Some(cases) => (nat_cell(cases)), None => td.none {} }
                        }
                    }
                } }
            } }
        }
    }
}

fn nat_cell(cases: &[&Case]) -> Markup {
    let verdict = Verdict::aggregate(cases.iter().map(|case| case.verdict));
    let unexpected = cases.iter().any(|case| !case.expected);
    let said = cell_outcome(cases);
    let (outcome, pair) = said.split_once(' ').unwrap_or((&said, ""));
    html! {
        td.(verdict.as_str()).(outcome).unexpected[unexpected] title={ (verdict) @if unexpected { ", unexpected" } } {
            a href=(cases.first().map(|case| link_to(&case.id)).unwrap_or_default()) {
                @if verdict != Verdict::Pass { (symbol(verdict)) " " } (outcome) @if !pair.is_empty() { br; small { (pair) } }
            }
        }
    }
}
