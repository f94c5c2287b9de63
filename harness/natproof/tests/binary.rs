//! The command as users run it: exit codes, reports, replay, and implementations that misbehave.

use harness::trace::read_capture;
use reports::record::{Cause, Run, Verdict};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use tempfile::TempDir;

const NATPROOF: &str = env!("CARGO_BIN_EXE_natproof");

fn natproof(arguments: &[&str]) -> Output {
    Command::new(NATPROOF).args(arguments).env("NO_COLOR", "1").stdin(Stdio::null()).output().expect("the binary was built for this test")
}

/// The example, which cargo builds beside the tests.
fn own_adapter(arguments: &[&str]) -> Output {
    let tests = std::env::current_exe().expect("a test knows its own path");
    let folder = tests.parent().and_then(Path::parent).expect("tests are built in PROFILE/deps");
    let example = folder.join("examples").join("own-adapter");
    Command::new(example).args(arguments).stdin(Stdio::null()).output().expect("the example was built for this test")
}

fn report(folder: &Path) -> Run {
    let text = std::fs::read_to_string(folder.join("report.json")).expect("every run writes a report");
    Run::from_json(&text).expect("every report is valid")
}

fn out() -> (TempDir, String) {
    let folder = tempfile::tempdir().expect("the system has room for temporary files");
    let path = folder.path().to_string_lossy().into_owned();
    (folder, path)
}

fn own_suite() -> String {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/suite").to_string_lossy().into_owned()
}

/// A pair of sans-I/O endpoints, one behind a NAT: fast, deterministic, and as it should be.
const CASE: &str = "dtls/behind-nat/symmetric";

#[test]
fn a_case_that_passes_exits_with_0_and_leaves_report_and_capture() {
    let (folder, out) = out();
    let output = natproof(&["run", CASE, "--out", &out]);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let run = report(folder.path());
    assert!(run.complete && run.partial);
    assert_eq!(run.cases.len(), 1);
    assert_eq!(run.cases[0].verdict, Verdict::Pass);
    for name in ["report.json", "junit.xml", "report.md", "report.html"] {
        assert!(folder.path().join(name).is_file(), "{name}");
    }
    for name in ["trace.pcapng", "case.json", "log.txt"] {
        assert!(folder.path().join("cases").join(CASE).join(name).is_file(), "{name}");
    }
}

#[test]
fn the_replay_token_of_a_case_gives_the_same_trace() {
    let (first, path) = out();
    natproof(&["run", CASE, "--seed", "7", "--out", &path]);
    let case = report(first.path()).cases[0].clone();
    let (second, path) = out();
    natproof(&["run", "--replay", &case.replay, "--out", &path]);
    let again = report(second.path()).cases[0].clone();
    assert!(case.trace_sha256.is_some());
    assert_eq!(case.trace_sha256, again.trace_sha256);
}

#[test]
fn another_seed_gives_another_trace() {
    let traces: Vec<_> = ["1", "2"]
        .map(|seed| {
            let (folder, path) = out();
            natproof(&["run", CASE, "--seed", seed, "--out", &path]);
            report(folder.path()).cases[0].trace_sha256.clone()
        })
        .into();
    assert_ne!(traces[0], traces[1]);
}

#[test]
fn a_range_of_seeds_runs_each_case_once_per_seed() {
    let (folder, path) = out();
    natproof(&["run", CASE, "--seed", "3..5", "--out", &path]);
    let ids: Vec<String> = report(folder.path()).cases.iter().map(|case| case.id.clone()).collect();
    assert_eq!(ids, [3, 4, 5].map(|seed| format!("{CASE}/seed-{seed}")));
}

#[test]
fn partitions_are_disjoint_and_together_the_whole() {
    let list = |partition: &[&str]| {
        let output = natproof(&[&["run", "ice/nat-pairs/rtc+rtc", "--list"], partition].concat());
        String::from_utf8(output.stdout).expect("ids are ASCII").lines().map(str::to_owned).collect::<Vec<_>>()
    };
    let mut parts: Vec<String> = ["1/3", "2/3", "3/3"].iter().flat_map(|part| list(&["--partition", part])).collect();
    parts.sort();
    assert_eq!(parts, list(&[]));
}

#[test]
fn what_selects_nothing_exits_with_4() {
    let (_folder, path) = out();
    assert_eq!(natproof(&["run", "no/such/case", "--out", &path]).status.code(), Some(4));
}

#[test]
fn wrong_usage_and_unknown_implementations_exit_with_2() {
    assert_eq!(natproof(&["run", "--no-such-option"]).status.code(), Some(2));
    assert_eq!(natproof(&["run", "--implementation", "no-such-crate"]).status.code(), Some(2));
    assert_eq!(natproof(&["run", "--role", "bystander"]).status.code(), Some(2));
    let process = natproof(&["run", "--implementation", "coturn.yaml"]);
    assert_eq!(process.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&process.stderr).contains("live"), "the missing driver is named");
}

#[test]
fn a_broken_scenario_exits_with_2_and_says_where() {
    let suite = tempfile::tempdir().expect("the system has room for temporary files");
    std::fs::write(suite.path().join("broken.yaml"), "title: x\nnodes: {}\nsurprise: 1\n").expect("the folder is ours");
    let output = natproof(&["run", "--scenarios", &suite.path().to_string_lossy()]);
    assert_eq!(output.status.code(), Some(2));
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(text.contains("broken.yaml:3") && text.contains("surprise"), "{text}");
}

#[test]
fn the_gate_accepts_what_is_listed_and_refuses_an_entry_that_matches_nothing() {
    let (folder, path) = out();
    natproof(&["run", CASE, "--out", &path]);
    let report = folder.path().join("report.json").to_string_lossy().into_owned();
    assert_eq!(natproof(&["gate", &report, "--allow-partial"]).status.code(), Some(0));
    assert_eq!(natproof(&["gate", &report]).status.code(), Some(1), "a part of the suite is not the suite");
    let expected = tempfile::tempdir().expect("the system has room for temporary files");
    let stale = format!(
        "- check: dtls/behind-nat#pong\n  cases: {CASE}\n  verdict: fail\n  reason: it no longer does\n  fingerprint: \"RFC6347-4.1.1-1: nothing\"\n"
    );
    std::fs::write(expected.path().join("dimpl.yaml"), stale).expect("the folder is ours");
    let listed = expected.path().to_string_lossy().into_owned();
    assert_eq!(natproof(&["gate", &report, "--allow-partial", "--expected", &listed]).status.code(), Some(1));
}

#[test]
fn a_departure_that_no_entry_lists_fails_the_gate_unless_its_check_is_new_and_new_ones_are_accepted() {
    let (folder, path) = out();
    let run = natproof(&["run", "ice/host-only/str0m+str0m", "--out", &path]);
    assert_eq!(run.status.code(), Some(0), "the departure is listed in the suite");
    let report = folder.path().join("report.json").to_string_lossy().into_owned();
    let (_nothing, expected) = out();
    let gate = |more: &[&str]| natproof(&[&["gate", &report, "--allow-partial", "--expected", &expected], more].concat()).status.code();
    assert_eq!(gate(&[]), Some(1));
    assert_eq!(gate(&["--accept-new"]), Some(0), "no version of the suite was released that had the check");
}

#[test]
fn a_run_that_is_killed_leaves_a_report_that_says_so() {
    let (folder, path) = out();
    let mut child = Command::new(NATPROOF)
        .args(["run", "ice/nat-pairs", "--jobs", "1", "--out", &path])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the binary was built for this test");
    // The report is there before the first case ends; how far the run comes does not matter.
    while !folder.path().join("report.json").exists() {
        std::thread::yield_now();
    }
    child.kill().expect("it is our child");
    child.wait().expect("it is our child");
    assert!(!report(folder.path()).complete);
}

#[test]
fn an_adapter_of_ones_own_is_tested_by_the_whole_command() {
    let (folder, path) = out();
    let output = own_adapter(&["run", "own/binding", "--scenarios", &own_suite(), "--out", &path]);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(report(folder.path()).cases[0].verdict, Verdict::Pass);
}

#[test]
fn an_implementation_that_misbehaves_is_an_error_of_the_implementation_and_the_run_goes_on() {
    let (folder, path) = out();
    let files = |name: &str| folder.path().join("cases/own/misbehaves").join(name);
    std::fs::create_dir_all(files("aborts")).expect("the folder is ours");
    std::fs::write(files("aborts").join("trace.pcapng"), "of an older run").expect("the folder is ours");
    let output = own_adapter(&["run", "--scenarios", &own_suite(), "--out", &path]);
    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stderr));
    let run = report(folder.path());
    assert!(run.complete);
    let observed = |name: &str| {
        let case = run.case(&format!("own/misbehaves/{name}")).expect("every case is in the report");
        let check = case.checks.iter().find(|check| check.verdict == Verdict::Error).expect("it went wrong");
        assert_eq!(check.cause, Some(Cause::Implementation), "{name}");
        check.observed_text.clone()
    };
    assert!(observed("panics").contains("on purpose"));
    assert!(observed("aborts").contains("signal 6"));
    assert!(observed("loops-for-ever").contains("endless loop"));
    assert!(observed("eats-memory").contains("memory"));
    assert!(observed("never-lets-time-pass").contains("time"));
    assert_eq!(run.case("own/binding").map(|case| case.verdict), Some(Verdict::Pass));
    let log = std::fs::read_to_string(files("panics").join("log.txt")).expect("the log is kept");
    assert!(log.contains("on purpose"));
    let capture = std::fs::File::open(files("panics").join("trace.pcapng")).expect("what happened until then is kept");
    let (trace, _) = read_capture(capture).expect("the capture is whole");
    assert!(trace.packets().count() > 0, "the request that it panicked at is there");
    assert!(!files("aborts").join("trace.pcapng").exists(), "no capture of an older run stands beside the verdict");
}
