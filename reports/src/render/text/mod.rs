//! What a person reads in a terminal. Words carry the meaning; colour only repeats it, and only when asked for.

mod ladder;

use std::fmt::Write as _;

use anstyle::AnsiColor;

pub use ladder::{ladder, nat_table};

use super::summary::{Unexpected, counts, extent, placeless, plural, seconds, unexpected};
use crate::expectation::{Finding, Gate};
use crate::record::{Case, Run, RunHeader, Summary, Verdict};

/// Whether to colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    colour: bool,
}

impl Style {
    /// No escape sequences.
    pub fn plain() -> Self {
        Self { colour: false }
    }

    /// ANSI colours. The caller decides, since only it knows the terminal and `NO_COLOR`.
    pub fn coloured() -> Self {
        Self { colour: true }
    }

    fn paint(self, style: anstyle::Style, text: &str) -> String {
        if self.colour { format!("{style}{text}{style:#}") } else { text.to_owned() }
    }

    fn bold(self, text: &str) -> String {
        self.paint(anstyle::Style::new().bold(), text)
    }

    fn dim(self, text: &str) -> String {
        self.paint(anstyle::Style::new().dimmed(), text)
    }

    fn verdict(self, verdict: Verdict, text: &str) -> String {
        let colour = match verdict {
            Verdict::Pass => AnsiColor::Green,
            Verdict::Fail | Verdict::Error => AnsiColor::Red,
            Verdict::Deviates | Verdict::Inconclusive => AnsiColor::Yellow,
            Verdict::Unsupported | Verdict::NotApplicable => AnsiColor::Cyan,
        };
        self.paint(colour.on_default().bold(), text)
    }
}

/// The first line of a run.
pub fn header(header: &RunHeader, planned: u64, style: Style) -> String {
    let selection = header.selection.as_ref().map(|selection| format!(" ({selection})")).unwrap_or_default();
    format!("{}  {}, suite {}, seed {}{selection}\n", style.bold("Running"), plural(planned, "case"), header.suite, header.seed)
}

/// One line per finished case: verdict, virtual time, id, outcome, and, where the verdict is not the whole story, what the gate says.
/// An unexpected case starts with `!`. Without findings no gate was asked.
pub fn case_line(case: &Case, findings: Option<&[&Finding]>, style: Style) -> String {
    let failing = findings.unwrap_or_default().iter().find(|finding| finding.fails);
    let mark = if failing.is_some() { style.verdict(Verdict::Fail, "!") } else { " ".to_owned() };
    let verdict = style.verdict(case.verdict, &format!("{:>14}", case.verdict));
    let mut line = format!("{mark} {verdict} {} {}", style.dim(&format!("[{:>10}]", seconds(case.virtual_ms))), case.id);
    if let Some(outcome) = case.outcome {
        let pair = case.selected_pair.map(|[local, remote]| format!(" {local}/{remote}")).unwrap_or_default();
        let _ = write!(line, "  {outcome}{pair}");
    }
    let remark = match failing {
        Some(finding) => Some(finding.kind.to_string()),
        None if findings.is_some() && case.verdict.is_departure() => Some("listed".to_owned()),
        None => None,
    };
    if let Some(remark) = remark {
        let _ = write!(line, "  ({remark})");
    }
    line.push('\n');
    line
}

/// The line that a terminal shows while cases run: how far, what so far, and the longest running cases by name.
pub fn progress(summary: &Summary, planned: u64, running: &[&str]) -> String {
    let names = if running.is_empty() { String::new() } else { format!("  running: {}", running.join(" ")) };
    format!("{}/{planned}  {}{names}", summary.cases, counts(summary))
}

/// The end of a run: everything unexpected again (at most `limit` places), then entries that are stale, then the totals.
pub fn finish(run: &Run, gate: &Gate, limit: usize, style: Style) -> String {
    let places = unexpected(run, gate);
    let mut text = String::new();
    if !places.is_empty() {
        let _ = writeln!(text, "\n{}\n", style.bold(&format!("Unexpected ({})", places.len())));
    }
    for place in places.iter().take(limit) {
        let _ = writeln!(text, "{}", block(place, style));
    }
    if places.len() > limit {
        let _ = writeln!(text, "... and {} more in report.md and report.html\n", places.len() - limit);
    }
    for finding in placeless(gate) {
        let file = finding.entry.as_ref().map(|at| format!(" expected/{}.yaml, entry {}:", at.implementation, at.index + 1));
        let _ = writeln!(
            text,
            "! {}:{} {}",
            style.verdict(Verdict::Fail, &finding.kind.to_string()),
            file.unwrap_or_default(),
            clean(&finding.text)
        );
    }
    text.push_str(&summary(run, style));
    text
}

/// The last line of a run.
pub fn summary(run: &Run, style: Style) -> String {
    let unexpected = match run.summary.unexpected {
        0 => style.verdict(Verdict::Pass, "none unexpected"),
        count => style.verdict(Verdict::Fail, &format!("{count} unexpected")),
    };
    let cases = plural(run.summary.cases, "case");
    let extent = if run.complete && !run.partial { String::new() } else { format!(" ({})", extent(run)) };
    format!("{}  {cases}: {}; {unexpected}{extent}\n", style.bold("Summary"), counts(&run.summary))
}

/// One unexpected place, with all that is needed to look into it.
pub(crate) fn block(place: &Unexpected<'_>, style: Style) -> String {
    let Unexpected { finding, case, check } = place;
    let subject = match case.implementations.get(check.subject().node) {
        Some(name) if check.subject().with.is_none() => format!("{} ({name})", check.subject),
        _ => check.subject.clone(),
    };
    let head = format!("{} on {subject} in {}", check.id, case.id);
    let packets: Vec<String> = check.packets.iter().map(ToString::to_string).collect();
    let trace = format!("cases/{}/trace.pcapng", case.id);
    let rows = [
        ("clause", format!("{} ({})", check.clauses_text(), check.level)),
        ("expected", check.expected_text.clone()),
        ("observed", check.observed_text.clone()),
        ("packets", if packets.is_empty() { format!("none of {trace}") } else { format!("{} of {trace}", packets.join(", ")) }),
        ("replay", case.replay_command()),
    ];
    let mut text = format!("! {}: {}\n", style.verdict(check.verdict, &finding.kind.to_string()), style.bold(&head));
    let _ = writeln!(text, "    {:<9} {}", "verdict", clean(&finding.text));
    for (name, value) in rows {
        let _ = writeln!(text, "    {} {}", style.dim(&format!("{name:<9}")), clean(&value).replace('\n', "\n              "));
    }
    text
}

/// Text from an implementation without what would steer a terminal.
fn clean(text: &str) -> String {
    text.replace(|letter: char| letter.is_control() && letter != '\n', "\u{fffd}")
}
