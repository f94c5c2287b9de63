//! Listed deviations, and the gate: does a run depart exactly as listed?
//!
//! Everything here is a pure function of a [`crate::record::Run`], the entries and a date. Cases are finished or absent; silence never
//! counts as agreement: a listed departure whose check passed is reported as stopped, one whose check did not judge is not.

mod bless;
mod cover;
mod entry;
mod fingerprint;
mod gate;

pub use bless::{Action, Blessing, Change, bless};
pub use chrono::NaiveDate;
pub use entry::{Departure, EntryError, EntryErrorKind, EntryRef, Expectation, Expectations};
pub use fingerprint::fingerprint;
pub use gate::{Finding, FindingKind, Gate, GateOptions, Instance, evaluate, evaluate_case};

/// The UTC date of a Unix time, for callers that read a clock and have no calendar.
pub fn date_of_unix_seconds(seconds: u64) -> NaiveDate {
    let seconds = i64::try_from(seconds).unwrap_or(i64::MAX);
    chrono::DateTime::from_timestamp(seconds, 0).map_or(NaiveDate::MAX, |time| time.date_naive())
}
