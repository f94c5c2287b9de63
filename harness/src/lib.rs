//! Scenarios, plans, drivers, actors, traces and checks.
#![forbid(unsafe_code)]
