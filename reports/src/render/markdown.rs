//! `report.md`: the summary for a pull request comment or a job page, always shorter than GitHub's limit.
//!
//! Every piece of foreign text stands in a code span, so that an `@name` or `#7` in it neither notifies nor links.

use std::collections::BTreeMap;

use super::summary::{Grid, Matrix, Tally, Unexpected, cell_outcome, extent, grids, matrix, placeless, plural, unexpected};
use crate::expectation::{Finding, Gate, Instance};
use crate::record::{Case, Run, Verdict};

/// GitHub refuses a comment of more characters. Counted here in bytes, which are never fewer.
pub const LIMIT: usize = 65_536;

/// What each part may take; the sum stays below [`LIMIT`].
const HEADER: usize = 3_000;
const UNEXPECTED: usize = 30_000;
const ENTRIES: usize = 5_000;
const AREAS: usize = 5_000;
const GRIDS: usize = 16_000;
const LISTED: usize = 6_000;
const _: () = assert!(HEADER + UNEXPECTED + ENTRIES + AREAS + GRIDS + LISTED < LIMIT);

/// Characters that are shown of one foreign text.
const CLIP: usize = 300;

/// The text of `report.md`, shorter than [`LIMIT`]. A section that does not fit says how much it leaves out.
pub fn render(run: &Run, gate: &Gate) -> String {
    let places = unexpected(run, gate);
    let title = format!("Unexpected ({})", places.len());
    let mut text = header(run, gate);
    text.push_str(&section(&title, "", places.iter().map(place), UNEXPECTED));
    text.push_str(&section("Expectations and report", "", placeless(gate).map(entry), ENTRIES));
    text.push_str(&areas(&matrix(run, gate, Case::area)));
    text.push_str(&section("NAT of a (rows) against NAT of b (columns)", "", grids(run).iter().map(grid), GRIDS));
    text.push_str(&section("Listed departures", "", listed(run, gate).into_iter(), LISTED));
    text
}

fn header(run: &Run, gate: &Gate) -> String {
    let failing = gate.findings.iter().filter(|finding| finding.fails).count();
    let state = match failing {
        0 => "as expected".to_owned(),
        _ => format!("{} in {}", plural(failing as u64, "unexpected finding"), plural(run.summary.unexpected, "case")),
    };
    let names = Verdict::ALL.map(Verdict::as_str).join(" | ");
    let counts = Verdict::ALL.map(|verdict| run.summary.count(verdict).to_string()).join(" | ");
    let origin = format!("{}, suite {}, seed {}: {}", run.tool, run.suite, run.seed, extent(run));
    let origin = clipped(&origin, 4 * CLIP);
    format!(
        "## natproof: {state}\n\n{origin}\n\n| cases | {names} | unexpected |\n|{}\n| {} | {counts} | {} |\n",
        "--:|".repeat(9),
        run.summary.cases,
        run.summary.unexpected,
        origin = code(&origin),
    )
}

/// A heading and as many blocks as fit into `share` bytes; nothing at all where there is no block.
fn section(title: &str, head: &str, blocks: impl Iterator<Item = String>, share: usize) -> String {
    const NOTE: usize = 100;
    let mut text = format!("\n### {title}\n\n");
    let fits = text.len() + head.len() + NOTE < share;
    text.push_str(if fits { head } else { "" });
    let (mut shown, mut left_out) = (0_u64, 0_u64);
    for block in blocks {
        // Once one is left out the rest is too: what follows must not look like everything.
        if fits && left_out == 0 && text.len() + block.len() + NOTE < share {
            text.push_str(&block);
            shown += 1;
        } else {
            left_out += 1;
        }
    }
    if left_out > 0 {
        text.push_str(&format!("\n_{left_out} more left out here; see report.html and report.json._\n"));
    }
    if shown + left_out == 0 { String::new() } else { text }
}

fn place(place: &Unexpected<'_>) -> String {
    let Unexpected { finding, case, check } = place;
    let implementation = case.implementations.get(check.subject().node).map_or("no implementation", String::as_str);
    let packets: Vec<String> = check.packets.iter().take(12).map(ToString::to_string).collect();
    let trace = if packets.is_empty() { "none".to_owned() } else { format!("{} in `trace.pcapng`", packets.join(", ")) };
    let rows = [
        ("case", code(&case.id)),
        ("clause", format!("{} ({})", code(&check.clauses_text()), check.level)),
        ("verdict", format!("{}, {}", check.verdict, code(&finding.text))),
        ("expected", code(&check.expected_text)),
        ("observed", code(&check.observed_text)),
        ("packets", trace),
        ("replay", code(&case.replay_command())),
    ];
    let head = format!("- **{}**: {} on {} ({})\n", finding.kind, code(&check.id), code(&check.subject), code(implementation));
    rows.iter().fold(head, |text, (name, value)| text + &format!("  - {name}: {value}\n"))
}

fn entry(finding: &Finding) -> String {
    let file =
        finding.entry.as_ref().map(|at| format!(" {}, entry {}", code(&format!("expected/{}.yaml", at.implementation)), at.index + 1));
    format!("- **{}**{}: {}\n", finding.kind, file.unwrap_or_default(), code(&finding.text))
}

/// Implementations against areas: passed of judged, and how many of those cases are unexpected.
fn areas(matrix: &Matrix<'_>) -> String {
    let names: Vec<String> = matrix.columns.iter().map(|area| cell_code(area)).collect();
    let head = format!("| | {} |\n|---|{}\n", names.join(" | "), "---|".repeat(names.len()));
    let rows = matrix.implementations.iter().map(|name| {
        let cells: Vec<String> =
            matrix.columns.iter().map(|area| matrix.cells.get(&(*name, *area)).map_or_else(String::new, tally)).collect();
        format!("| {} | {} |\n", cell_code(name), cells.join(" | "))
    });
    section("Implementations against areas (passed / cases that judge it)", &head, rows, AREAS)
}

fn tally(tally: &Tally) -> String {
    let unexpected = if tally.unexpected > 0 { format!(" **{} unexpected**", tally.unexpected) } else { String::new() };
    format!("{} / {}{unexpected}", tally.count(Verdict::Pass), tally.total())
}

fn grid(grid: &Grid<'_>) -> String {
    let variant = if grid.variant.is_empty() { String::new() } else { format!(", {}", html_code(&grid.variant)) };
    let [a, b] = grid.pair;
    let columns: Vec<String> = grid.columns.iter().map(|nat| cell_code(nat)).collect();
    let mut text =
        format!("<details><summary>{} a = {}, b = {}{variant}</summary>\n\n", html_code(grid.scenario), html_code(a), html_code(b));
    text.push_str(&format!("| | {} |\n|---|{}\n", columns.join(" | "), "---|".repeat(columns.len())));
    for row in &grid.rows {
        let cells: Vec<String> =
            grid.columns.iter().map(|column| grid.cells.get(&(*row, *column)).map_or_else(String::new, |cases| cell(cases))).collect();
        text.push_str(&format!("| {} | {} |\n", cell_code(row), cells.join(" | ")));
    }
    text + "\n</details>\n\n"
}

/// `direct srflx/prflx`; bold with the reason where it is not as expected, with the verdict where it is a listed departure.
fn cell(cases: &[&Case]) -> String {
    let outcome = cell_outcome(cases);
    let verdict = Verdict::aggregate(cases.iter().map(|case| case.verdict));
    if cases.iter().any(|case| !case.expected) {
        format!("**{outcome}: unexpected {verdict}**")
    } else if verdict.is_departure() {
        format!("{outcome} (listed {verdict})")
    } else {
        outcome
    }
}

/// One line per check, implementation and reason.
fn listed(run: &Run, gate: &Gate) -> Vec<String> {
    let mut lines: BTreeMap<(&str, &str, Verdict, &str, Option<&str>), u64> = BTreeMap::new();
    for case in &run.cases {
        for check in &case.checks {
            let Some(entry) = gate.listed(&Instance::of(case, check)) else { continue };
            let name = case.implementations.get(check.subject().node).map_or("", String::as_str);
            *lines.entry((name, &check.id, check.verdict, &entry.reason, entry.link.as_deref())).or_default() += 1;
        }
    }
    let line = |((name, check, verdict, reason, link), count): ((&str, &str, Verdict, &str, Option<&str>), u64)| {
        let link = link.map(|link| format!(" ({})", code(link))).unwrap_or_default();
        format!("- {} {}: {verdict} in {}: {}{link}\n", code(name), code(check), plural(count, "case"), code(reason))
    };
    lines.into_iter().map(line).collect()
}

/// Foreign text as a code span: one line, clipped, and without what would end the span.
fn code(text: &str) -> String {
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ").replace('`', "'");
    let words = words.replace(|letter: char| letter.is_control(), "\u{fffd}");
    if words.is_empty() { "` `".to_owned() } else { format!("`{}`", clipped(&words, CLIP)) }
}

/// The same in a table cell, which a bar would end.
fn cell_code(text: &str) -> String {
    code(text).replace('|', "\\|")
}

/// The same where Markdown is not read: inside an HTML element.
fn html_code(text: &str) -> String {
    let escaped = clipped(text, CLIP).replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    format!("<code>{escaped}</code>")
}

fn clipped(text: &str, characters: usize) -> String {
    match text.char_indices().nth(characters) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}
