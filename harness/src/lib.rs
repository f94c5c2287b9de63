//! Scenarios, plans, drivers, actors, traces and checks.
#![forbid(unsafe_code)]

pub mod driver;
pub mod requirement;
pub mod scenario;
