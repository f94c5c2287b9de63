//! The front door.
#![forbid(unsafe_code)]
fn main() {}
