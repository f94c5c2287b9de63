//! The run record, its renderings, and the gate over expected deviations.
#![forbid(unsafe_code)]
