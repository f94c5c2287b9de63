//! Workloads and benchmarks.
#![forbid(unsafe_code)]
