//! Workloads: what the benchmarks measure, callable from tests too.
//!
//! Every workload returns what it has done, so that nobody measures work that was left out; the tests of this crate look at it. The benchmarks
//! themselves are in `benches/`, and `docs/benchmarks.md` tells how to run them and what they gave.
//!
//! Deliberately absent: a baseline to compare with, and any verdict about speed. Time depends on the machine.
#![forbid(unsafe_code)]

pub mod case;
pub mod nat_core;
pub mod stun;
