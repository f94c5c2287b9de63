//! The clause registry: what the specifications require, by id.
//!
//! The data lies in `harness/requirements/` and is embedded at compile time, so that a verdict can name its clause without any file at hand.
//! [`registry`] parses it once. From there a caller finds a clause ([`Registry::get`]), refuses misspelt ids ([`Registry::unknown`]), explains
//! one to a reader ([`Registry::explain`]) and counts what the checks cover ([`Registry::coverage`]).
//!
//! Deliberately absent: the sentences of the RFCs (a link leads there), permissions (nothing can breach a MAY), and any judgement. A check
//! decides what happened; the registry only says how much that weighs ([`Level::breach`]).

mod clause;
mod coverage;
mod coverage_text;
mod explain;
mod load;
mod suggest;
#[cfg(test)]
mod tests;

pub use clause::{Breach, Clause, Decision, Erratum, Keyword, Level, Reading, Rfc, Role, Testable};
pub use coverage::{CheckInfo, Coverage, CoverageRow, State, Tally};
pub use load::{LoadError, Registry};
pub use suggest::{Unknown, UnknownClauses};

use std::sync::LazyLock;

/// The registry that this build carries.
pub fn registry() -> &'static Registry {
    static REGISTRY: LazyLock<Registry> =
        LazyLock::new(|| Registry::embedded().expect("the embedded registry is well formed: a unit test loads it"));
    &REGISTRY
}
