//! What a run says while it runs: live counters on a terminal, plain lines for surprises when piped, all failures again at the end.

use reports::expectation::Gate;
use reports::record::{Case, Run, Verdict};
use std::collections::BTreeMap;
use std::io::{IsTerminal as _, Write as _};
use std::path::Path;
use std::time::{Duration, Instant};

/// A case that takes longer is named.
const SLOW: Duration = Duration::from_secs(3);

pub(super) struct Progress {
    total: usize,
    done: usize,
    unexpected: usize,
    running: BTreeMap<usize, (String, Instant)>,
    terminal: bool,
    drawn: bool,
}

impl Progress {
    pub(super) fn new(total: usize) -> Self {
        Self { total, done: 0, unexpected: 0, running: BTreeMap::new(), terminal: std::io::stderr().is_terminal(), drawn: false }
    }

    pub(super) fn started(&mut self, key: usize, id: &str) {
        self.running.insert(key, (id.to_owned(), Instant::now()));
    }

    pub(super) fn ended(&mut self, key: usize) {
        self.running.remove(&key);
    }

    pub(super) fn finished(&mut self, case: &Case, gate: &Gate) {
        self.done += 1;
        let surprises = gate.findings.iter().filter(|finding| finding.fails).count();
        if surprises > 0 {
            self.unexpected += 1;
            self.clear();
            eprintln!("{:>14}  {}", case.verdict.to_string(), case.id);
        }
    }

    pub(super) fn tick(&mut self) {
        if !self.terminal {
            return;
        }
        let slow: Vec<&str> = self.running.values().filter(|(_, since)| since.elapsed() > SLOW).map(|(id, _)| id.as_str()).collect();
        let slow = if slow.is_empty() { String::new() } else { format!("  slow: {}", slow.join(", ")) };
        eprint!("\r\x1b[K{}/{} cases, {} unexpected{slow}", self.done, self.total, self.unexpected);
        let _ = std::io::stderr().flush();
        self.drawn = true;
    }

    pub(super) fn clear(&mut self) {
        if std::mem::take(&mut self.drawn) {
            eprint!("\r\x1b[K");
        }
    }
}

/// The end of a run: every surprise with what decides it, and the counts.
pub(super) fn summary(run: &Run, gate: &Gate, wall: Duration, out: &Path) {
    for finding in gate.findings.iter().filter(|finding| finding.fails) {
        println!("{finding:?}");
    }
    for case in run.cases.iter().filter(|case| !case.expected) {
        println!("{} {}", case.verdict, case.id);
        for check in case.checks.iter().filter(|check| check.verdict != Verdict::Pass) {
            println!("  {} {} on {} ({})", check.verdict, check.id, check.subject, check.clauses_text());
            println!("    expected  {}", check.expected_text);
            println!("    observed  {}", check.observed_text);
        }
        println!("  cargo xtask run-scenarios --replay {}", case.replay);
    }
    let summary = &run.summary;
    println!(
        "{} cases: {} pass, {} fail, {} deviates, {} inconclusive, {} unsupported, {} not applicable, {} error; {} unexpected; {:.1} s, {:.1} CPU-s; {}",
        summary.cases,
        summary.pass,
        summary.fail,
        summary.deviates,
        summary.inconclusive,
        summary.unsupported,
        summary.not_applicable,
        summary.error,
        summary.unexpected,
        wall.as_secs_f64(),
        os::process::cpu_seconds(),
        out.join("report.json").display()
    );
}
