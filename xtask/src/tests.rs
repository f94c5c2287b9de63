//! All tests, and the names of those that were left out.

use crate::cargo;
use std::io::{BufRead as _, BufReader};
use std::process::{ExitCode, Stdio};

/// Packages whose tests need the feature `full`, and why they are not part of the default set.
const ONLY_FULL: &[(&str, &str)] =
    &[("adapter-webrtc17", "a longer build"), ("adapter-rice", "a longer build"), ("adapter-turn-rs", "AWS-LC, a long C build")];

/// What a test prints when it cannot run here.
const SKIPPED: &str = "skipped: ";

/// Runs the tests; `arguments` go to cargo test.
pub(crate) fn run(full: bool, arguments: &[String]) -> ExitCode {
    let mut command = cargo::cargo();
    command.args(["test", "--no-fail-fast"]).args(cargo::features(full));
    if full {
        command.arg("--workspace");
    }
    command.args(arguments).stdout(Stdio::piped());
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(error) => {
            eprintln!("cargo xtask: cannot call cargo: {error}");
            return ExitCode::from(3);
        }
    };
    let mut skipped: Vec<String> = Vec::new();
    if let Some(output) = child.stdout.take() {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            if let Some(reason) = line.trim_start().strip_prefix(SKIPPED) {
                skipped.push(reason.to_owned());
            }
            println!("{line}");
        }
    }
    let passed = child.wait().is_ok_and(|status| status.success());
    if !full {
        let packages = ONLY_FULL.iter().map(|(name, why)| format!("all tests of {name} ({why}; run `cargo xtask --full test`)"));
        skipped.extend(packages);
    }
    println!("\nLeft out: {}", if skipped.is_empty() { "nothing".to_owned() } else { String::new() });
    for reason in &skipped {
        println!("  {reason}");
    }
    if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
