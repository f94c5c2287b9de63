//! turn-rs 4.1.5 as a library: TURN server.
#![forbid(unsafe_code)]
