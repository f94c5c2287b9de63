//! What a run says while it runs: live counters on a terminal, one line per surprise when piped; all surprises again at the end.

use os::process::terminal_size;
use reports::expectation::{Finding, Gate};
use reports::record::{Case, Run, RunHeader, Summary};
use reports::render::text::{self, Style};
use std::collections::BTreeMap;
use std::io::{IsTerminal as _, Write as _};
use std::path::Path;
use std::time::{Duration, Instant};

/// A case that takes longer is named.
const SLOW: Duration = Duration::from_secs(3);
/// Surprises that are printed in full.
const SHOWN: usize = 40;

/// The style of standard output: colours only on a terminal, and never against `NO_COLOR`.
pub(crate) fn style() -> Style {
    let wanted = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    if wanted { Style::coloured() } else { Style::plain() }
}

pub(super) struct Progress {
    planned: u64,
    summary: Summary,
    running: BTreeMap<usize, (String, Instant)>,
    terminal: bool,
    drawn: bool,
}

impl Progress {
    pub(super) fn new(header: &RunHeader, planned: usize) -> Self {
        let planned = planned as u64;
        eprint!("{}", text::header(header, planned, style()));
        Self { planned, summary: Summary::default(), running: BTreeMap::new(), terminal: std::io::stderr().is_terminal(), drawn: false }
    }

    pub(super) fn started(&mut self, key: usize, id: &str) {
        self.running.insert(key, (id.to_owned(), Instant::now()));
    }

    pub(super) fn ended(&mut self, key: usize) {
        self.running.remove(&key);
    }

    pub(super) fn finished(&mut self, case: &Case, gate: &Gate) {
        let findings: Vec<&Finding> = gate.findings.iter().collect();
        let one = Summary::of([case]);
        self.add(&one);
        if findings.iter().any(|finding| finding.fails) {
            self.summary.unexpected += 1;
            self.clear();
            eprint!("{}", text::case_line(case, Some(&findings), style()));
        }
    }

    fn add(&mut self, one: &Summary) {
        let sum = &mut self.summary;
        sum.cases += one.cases;
        sum.pass += one.pass;
        sum.fail += one.fail;
        sum.deviates += one.deviates;
        sum.inconclusive += one.inconclusive;
        sum.unsupported += one.unsupported;
        sum.not_applicable += one.not_applicable;
        sum.error += one.error;
    }

    /// Redraws the line of counters on a terminal.
    pub(super) fn tick(&mut self) {
        if !self.terminal {
            return;
        }
        let slow: Vec<&str> = self.running.values().filter(|(_, since)| since.elapsed() > SLOW).map(|(id, _)| id.as_str()).collect();
        let line = text::progress(&self.summary, self.planned, &slow);
        let width = terminal_size().map_or(80, |(columns, _)| usize::from(columns));
        let line: String = line.chars().take(width.saturating_sub(1)).collect();
        eprint!("\r\x1b[K{line}");
        // A terminal that cannot be written to shows nothing; the run goes on.
        let _ = std::io::stderr().flush();
        self.drawn = true;
    }

    pub(super) fn clear(&mut self) {
        if std::mem::take(&mut self.drawn) {
            eprint!("\r\x1b[K");
        }
    }
}

/// The end of a run.
pub(super) fn summary(run: &Run, gate: &Gate, wall: Duration, cpu_seconds: f64, out: &Path) {
    print!("{}", text::finish(run, gate, SHOWN, style()));
    println!("{:.1} s, {cpu_seconds:.1} CPU-s; {}", wall.as_secs_f64(), out.join("report.html").display());
}
