//! One case: a folded row, and in it facts, findings, checks and the ladder.

use maud::{Markup, html};

use super::{badge, ladder, quoted};
use crate::expectation::{Finding, Gate, Instance};
use crate::record::{Case, CaseFile, Check};
use crate::render::summary::seconds;

pub(super) fn row(case: &Case, findings: &[&Finding], gate: &Gate, file: Option<&CaseFile>) -> Markup {
    let names: Vec<&str> = case.implementations.values().map(String::as_str).collect();
    html! {
        details.case id={ "c=" (case.id) } data-v=(case.verdict) data-u[!case.expected] data-i={ " " (names.join(" ")) " " } data-s=(case.scenario) {
            summary {
                (badge(case.verdict))
                @if case.expected { span.mark { @if case.verdict.is_departure() { "listed" } } } @else { strong.mark { "unexpected" } }
                span.id { (case.id) }
                span.outcome {
                    @if let Some(outcome) = case.outcome { (outcome) }
                    @if let Some([local, remote]) = case.selected_pair { " " (local) "/" (remote) }
                }
                span.time { (seconds(case.virtual_ms)) }
            }
            div.body {
                (facts(case))
                @for finding in findings.iter().filter(|finding| finding.fails) {
                    p.finding { strong { (finding.kind) ": " } (quoted(&finding.text)) }
                }
                (checks(case, gate))
                @match file {
                    Some(file) => { (ladder::ladder(&file.ladder)) (ladder::nat_table(&file.nat_table)) }
                    None => p.none { "Ladder: " code { "cargo xtask show " (case.id) } ", and in " code { "cases/" (case.id) "/case.json" } "." },
                }
            }
        }
    }
}

fn facts(case: &Case) -> Markup {
    let nodes: std::collections::BTreeSet<&String> = case.implementations.keys().chain(case.roles.keys()).chain(case.nat.keys()).collect();
    html! {
        div.facts {
            table {
                tr { th { "node" } th { "role" } th { "implementation" } th { "access" } }
                @for node in nodes {
                    tr {
                        td { (node) }
                        @for facts in [&case.roles, &case.implementations, &case.nat] { td { @if let Some(fact) = facts.get(node) { (fact) } } }
                    }
                }
            }
            p {
                "driver " b { (case.driver) } ", " @if case.deterministic { "deterministic" } @else { "not deterministic" }
                ", seed " b { (case.seed) } @if case.seedless { " (seedless)" }
                ", real time " (seconds(case.volatile.wall_ms)) br;
                a href={ "cases/" (case.id) "/trace.pcapng" } { "trace.pcapng" } " · "
                a href={ "cases/" (case.id) "/case.json" } { "case.json" } " · "
                a href={ "cases/" (case.id) "/log.txt" } { "log.txt" } br;
                code.copy { (case.replay_command()) }
            }
            @if !case.volatile.attempts.is_empty() {
                p { "attempts: " @for attempt in &case.volatile.attempts { (badge(attempt.verdict)) " " (seconds(attempt.wall_ms)) " " } }
            }
        }
    }
}

/// Departures first: a reader looks for them.
fn checks(case: &Case, gate: &Gate) -> Markup {
    let (departing, others): (Vec<&Check>, Vec<&Check>) = case.checks.iter().partition(|check| check.verdict.is_departure());
    html! {
        table.checks {
            tr { th { "verdict" } th { "check" } th { "clause" } th { "expected" } th { "observed" } th { "packets" } }
            @for check in departing.into_iter().chain(others) { (check_row(case, check, gate)) }
        }
    }
}

fn check_row(case: &Case, check: &Check, gate: &Gate) -> Markup {
    html! {
        tr {
            td { (badge(check.verdict)) @if let Some(cause) = check.cause { br; small { "cause: " (cause) } } }
            td { code { (check.id) } " " small { "on " (check.subject) } }
            td { (check.clauses_text()) br; small { (check.level) } }
            td { (check.expected_text) }
            td {
                (check.observed_text)
                @if let Some(entry) = gate.listed(&Instance::of(case, check)) {
                    br; small { "listed: " (entry.reason) @if let Some(link) = &entry.link { " (" (link_or_text(link)) ")" } }
                }
            }
            td.number { @for (index, number) in check.packets.iter().enumerate() { @if index > 0 { ", " } (number) } }
        }
    }
}

/// Only web addresses become links; anything else an entry may hold stays text.
fn link_or_text(link: &str) -> Markup {
    html! { @if link.starts_with("https://") || link.starts_with("http://") { a href=(link) { (link) } } @else { (link) } }
}
