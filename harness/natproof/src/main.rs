//! The `natproof` command with the implementations of this build.
#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    natproof::main(natproof::built_in())
}
