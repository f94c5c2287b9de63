//! Scenarios, plans, drivers, actors, traces and checks.
//!
//! One way through: scenario -> plan -> driver -> trace -> checks. A [`scenario`] file is expanded and resolved into cases by [`plan`]; a [`driver`] hosts the
//! [`conductor`], which hosts the endpoints and walks through the timeline; what happens becomes a [`trace`]; [`check`] judges it.
//!
//! Deliberately absent: processes, files and the command line (crate `natproof`), and what a report looks like (crate `reports`).
#![forbid(unsafe_code)]

pub mod actor;
pub mod check;
pub mod conductor;
pub mod driver;
pub mod evaluate;
pub mod plan;
pub mod requirement;
pub mod scenario;
pub mod trace;
