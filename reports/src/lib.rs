//! The run record, its renderings, and the gate over expected deviations.
//!
//! One way through: the harness fills a [`record::Run`] case by case ([`render::json::ReportFile`] keeps it on disk meanwhile),
//! [`expectation::evaluate`] compares it with the listed deviations, and every rendering shows the same record and the same
//! [`expectation::Gate`]. [`diff`] and [`merge`] work on stored records alone, so a report can be read again long after its run.
//!
//! Deliberately absent: judging (a record arrives with its verdicts), reading YAML (the caller parses, so that diagnostics keep their
//! spans), clocks (today's date and elapsed time are arguments), and any knowledge of packets beyond their numbers.
#![forbid(unsafe_code)]

pub mod coverage;
pub mod diff;
pub mod exit;
pub mod expectation;
pub mod merge;
pub mod record;
pub mod render;
