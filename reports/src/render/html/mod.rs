//! `report.html`: one file that works offline, from a CI artefact or a mail attachment.
//!
//! Everything is in the markup, folded; the script only filters, and holds its state in the URL's fragment so that a view can be
//! shared. No font, style, script or image is loaded from anywhere, and the page's own policy forbids it. Message ladders are
//! embedded for the cases that [`wanted_ladders`] names; the others are one `natproof show` away.

mod case;
mod ladder;
mod matrix;

use std::collections::{BTreeMap, BTreeSet};

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::summary::{extent, placeless, plural};
use crate::expectation::Gate;
use crate::record::{Case, CaseFile, Run, Verdict};

/// Ladders of unexpected cases that one page embeds at most; it says so where there are more.
const LADDERS: usize = 150;

/// Ids of the cases whose ladders belong into the page: unexpected ones, and the first of every scenario.
pub fn wanted_ladders(run: &Run) -> BTreeSet<&str> {
    let unexpected = run.cases.iter().filter(|case| !case.expected).take(LADDERS);
    let mut scenarios = BTreeSet::new();
    let first = run.cases.iter().filter(|case| scenarios.insert(case.scenario.as_str()));
    unexpected.chain(first).map(|case| case.id.as_str()).collect()
}

/// The page. `files` holds the `case.json` of the [`wanted_ladders`]; one that is missing is replaced by the command that shows it.
pub fn render(run: &Run, gate: &Gate, files: &BTreeMap<String, CaseFile>) -> String {
    let findings = gate.by_case();
    let (unexpected, expected): (Vec<&Case>, Vec<&Case>) = run.cases.iter().partition(|case| !case.expected);
    let row =
        |case: &&Case| case::row(case, findings.get(case.id.as_str()).map(Vec::as_slice).unwrap_or_default(), gate, files.get(&case.id));
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'";
                title { "natproof: " (plural(run.summary.cases, "case")) ", " (run.summary.unexpected) " unexpected" }
                style { (PreEscaped(include_str!("page.css"))) }
            }
            body {
                (header(run, gate))
                main {
                    (entries(gate))
                    (matrix::scenarios(run, gate))
                    (matrix::nats(run))
                    section {
                        h2 { "Cases " small #shown {} }
                        (filters(run))
                        div #cases { @for case in unexpected.iter().chain(&expected) { (row(case)) } }
                        p #none hidden { "No case passes the filters. " a href="#" { "Show all" } }
                    }
                }
                script { (PreEscaped(include_str!("page.js"))) }
            }
        }
    };
    page.into_string()
}

fn header(run: &Run, gate: &Gate) -> Markup {
    let failing = gate.findings.iter().filter(|finding| finding.fails).count() as u64;
    let state = if failing == 0 { "good" } else { "bad" };
    html! {
        header {
            h1 { "natproof " span.state.(state) {
                @if failing == 0 { "✓ as expected" } @else { "✗ " (plural(failing, "unexpected finding")) }
            } }
            p.origin { (run.tool) ", suite " (run.suite) ", seed " (run.seed) ", " (plural(run.summary.cases, "case")) ", " (extent(run)) }
        }
    }
}

/// What turns the gate red without having a place in a case.
fn entries(gate: &Gate) -> Markup {
    let findings: Vec<_> = placeless(gate).collect();
    html! {
        @if !findings.is_empty() {
            section {
                h2 { "Expectations and report" }
                ul.findings {
                    @for finding in findings {
                        li {
                            strong { (finding.kind) } " "
                            @if let Some(at) = &finding.entry { code { "expected/" (at.implementation) ".yaml" } ", entry " (at.index + 1) ": " }
                            (quoted(&finding.text))
                        }
                    }
                }
            }
        }
    }
}

fn filters(run: &Run) -> Markup {
    html! {
        form #filters {
            div role="group" aria-label="Verdicts" {
                button type="button" data-v="unexpected" { "unexpected " b { (run.summary.unexpected) } }
                @for verdict in Verdict::ALL {
                    @let count = run.summary.count(verdict);
                    @if count > 0 {
                        button type="button" class=(verdict) data-v=(verdict) { (symbol(verdict)) " " (verdict) " " b { (count) } }
                    }
                }
            }
            label { "Implementation " select name="i" {
                option value="" { "all" }
                @for (name, count) in run.implementations() { option value=(name) { (name) " (" (count) ")" } }
            } }
            label { "Text " input name="q" type="search" placeholder="id, check, clause, observed ..."; }
            a href="#" { "show all" }
        }
    }
}

/// A sign beside the verdict's name, for eyes that see no colour.
fn symbol(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Pass => "✓",
        Verdict::Fail => "✗",
        Verdict::Deviates => "≈",
        Verdict::Inconclusive => "?",
        Verdict::Unsupported => "∅",
        Verdict::NotApplicable => "–",
        Verdict::Error => "!",
    }
}

/// A sentence of ours, with what it quotes in backticks as code. A quoted text that holds backticks itself stays plain.
fn quoted(text: &str) -> Markup {
    let parts: Vec<&str> = text.split('`').collect();
    let is_nested = parts.iter().skip(1).step_by(2).any(|part| part.is_empty() || part.ends_with(' ')) || parts.len().is_multiple_of(2);
    html! {
        @if is_nested { (text) } @else {
            @for (index, part) in parts.iter().enumerate() { @if index % 2 == 1 { code { (part) } } @else { (part) } }
        }
    }
}

fn badge(verdict: Verdict) -> Markup {
    html! { span.badge.(verdict.as_str()) { (symbol(verdict)) " " (verdict) } }
}

/// The fragment that shows one case. Ids hold nothing that a fragment must escape but `+`.
fn link_to(id: &str) -> String {
    format!("#c={}", id.replace('+', "%2B"))
}
