//! `report.json` and `case.json` as types: the one schema that every rendering, the gate, `diff` and `merge` read.
//!
//! Everything outside [`Volatile`] is a pure function of tool, suite and seed, so two runs with one seed give identical bytes (cases
//! with `clock: wall` excepted, which promise verdicts only). Maps are ordered, cases are sorted by id, and reading refuses unknown
//! keys, because a rewrite (`merge`) would drop them silently.

mod case;
mod ladder;
mod run;
mod verdict;

pub(crate) use case::base_id;
pub use case::{Attempt, CandidateType, Case, Check, Clock, Driver, Outcome, Subject, Volatile};
pub use ladder::{CaseFile, Hop, LADDER_ROWS, Ladder, LadderKind, LadderRow, Lane, LaneKind, MAPPING_ROWS, NatMapping, NatTable};
pub use run::{Invalid, Partition, ReadError, Run, RunHeader, SCHEMA, Seeds, Selection, Summary, Tool};
pub use verdict::{Cause, Level, Verdict};
