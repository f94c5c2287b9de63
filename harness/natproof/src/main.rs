//! The `natproof` command.
fn main() {}
