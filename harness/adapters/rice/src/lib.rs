//! rice-proto: sans-I/O ICE agent.
#![forbid(unsafe_code)]
