//! The natproof binary: runs scenarios, judges traces, writes reports, gates.
#![forbid(unsafe_code)]
