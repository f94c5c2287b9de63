//! Coverage as a table for the terminal.

use std::fmt::{self, Display, Formatter};

use super::coverage::{Coverage, CoverageRow, Tally};

impl Display for Coverage {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:42} {:^21} {:^21} {:^21}", "", "MUST", "SHOULD", "unmarked")?;
        let columns = format!("{:>5}{:>6}{:>5}{:>5}", "both", "cited", "n/a", "open");
        writeln!(f, "{:42} {columns} {columns} {columns}", "clauses")?;
        for row in &self.rows {
            write_row(f, &self.label(row), row)?;
        }
        write_row(f, "all RFCs", &self.total)?;
        writeln!(
            f,
            "both: a check with an accepting and a rejecting control judges the clause; cited: a check judges it, a control is missing;"
        )?;
        writeln!(
            f,
            "n/a: neither packets nor an interface show a breach. Repeated clauses count once, clauses of several roles in each role's row."
        )
    }
}

impl Coverage {
    fn label(&self, row: &CoverageRow) -> String {
        match (row.role, row.rfc.and_then(|number| self.rfcs.iter().find(|rfc| rfc.number == number))) {
            (Some(role), _) => format!("  {role}"),
            (None, Some(rfc)) => format!("RFC {} {}", rfc.number, rfc.title),
            (None, None) => String::new(),
        }
    }
}

fn write_row(f: &mut Formatter<'_>, label: &str, row: &CoverageRow) -> fmt::Result {
    write!(f, "{label:42}")?;
    for Tally { controlled, covered, not_applicable, open } in [row.must, row.should, row.unmarked] {
        write!(f, " {controlled:>5}{covered:>6}{not_applicable:>5}{open:>5}")?;
    }
    writeln!(f)
}
