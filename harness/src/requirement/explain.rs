//! A clause as a page of text.

use std::fmt::Write as _;

use super::clause::{Breach, Clause, Level, Testable};
use super::{CheckInfo, Registry, Unknown};

impl Registry {
    /// What there is to know about a clause, and which of `checks` cite it. The id of an obsoleted RFC's clause explains the newer one.
    ///
    /// # Errors
    /// When the id is not registered.
    pub fn explain(&self, id: &str, checks: &[CheckInfo<'_>]) -> Result<String, Unknown> {
        let clause = self.get(id).or_else(|| self.successor(id)).ok_or_else(|| self.unknown_id(id))?;
        let mut page = Page::default();
        let title = self.rfcs().find(|rfc| rfc.number == clause.rfc).map_or("", |rfc| rfc.title);
        page.line("clause", format!("{} (RFC {} {title}, section {})", clause.id, clause.rfc, clause.section));
        page.line("requires", &clause.summary);
        page.line("level", format!("{}: {}", clause.keyword, weight(clause.level())));
        page.line("roles", names(&clause.roles));
        page.line("testable", visibility(clause.testable));
        page.line("text", clause.url());
        self.relations(clause, &mut page);
        for check in checks.iter().filter(|check| check.clauses.contains(&clause.id.as_str())) {
            let controls = match (check.has_accepting_control, check.has_rejecting_control) {
                (true, true) => "both controls",
                (true, false) => "no rejecting control",
                (false, true) => "no accepting control",
                (false, false) => "no controls",
            };
            page.line("check", format!("{} ({controls})", check.id));
        }
        Ok(page.text)
    }

    fn relations(&self, clause: &Clause, page: &mut Page) {
        if !clause.dup_of.is_empty() {
            page.line("repeats", clause.dup_of.join(", "));
        }
        if let Some(twin) = &clause.twin {
            page.line("formerly", twin);
        }
        for erratum in clause.errata.iter().filter_map(|&number| self.erratum(number)) {
            let (number, status, kind, decision) = (erratum.number, &erratum.status, &erratum.kind, erratum.decision);
            page.line("erratum", format!("{number} ({status}, {kind}), {decision}: {} {}", erratum.reason, erratum.url()));
        }
        for reading in self.readings().iter().filter(|reading| reading.id == clause.id || reading.other == clause.id) {
            let other = if reading.id == clause.id { &reading.other } else { &reading.id };
            page.line("at odds", format!("with {other}, choice {}: {}", reading.choice, reading.reason));
        }
    }
}

/// Lines of a label and a value.
#[derive(Default)]
struct Page {
    text: String,
}

impl Page {
    fn line(&mut self, label: &str, value: impl AsRef<str>) {
        writeln!(self.text, "{label:<10}{}", value.as_ref()).expect("a string takes any text");
    }
}

fn weight(level: Level) -> &'static str {
    match level.breach() {
        Breach::Fail => "a breach is a fail",
        Breach::Deviates => "a breach deviates",
        Breach::Recorded => "recorded, not judged",
    }
}

fn visibility(testable: Testable) -> &'static str {
    match testable {
        Testable::Wire => "in packets",
        Testable::Api => "through the implementation's interface",
        Testable::No => "not from outside",
    }
}

fn names(roles: &[super::Role]) -> String {
    roles.iter().map(|role| role.as_str()).collect::<Vec<_>>().join(", ")
}
