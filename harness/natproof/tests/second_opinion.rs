//! Two drivers, one verdict: what the network does under `tokio` and under `turmoil` is computed by different code, so a case that both carry must end alike.

use reports::record::{Case, Driver, Run, Verdict};
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

/// Everything but ICE, and of ICE the truth table of one pair, a state machine and an asynchronous program, with a relay. A case of the truth table lasts up to
/// a minute of virtual time, which costs `turmoil` a third of a second each: the 800 cases of `ice` are in the test that is ignored.
const QUICK: &[&str] = &["stun", "nat", "dtls", "turn", "sctp", "webrtc", "ice/nat-pairs/str0m+webrtc/*/turn"];

#[test]
fn tokio_and_turmoil_agree() {
    let compared = agree_on(QUICK);
    assert!(compared >= 250, "only {compared} cases were compared");
}

#[test]
#[ignore = "takes some five minutes of CPU; a step of .ci/run of its own"]
fn tokio_and_turmoil_agree_on_every_case() {
    let compared = agree_on(&["*"]);
    assert!(compared >= 1000, "only {compared} cases were compared");
}

/// Runs the selected cases on both drivers, and returns how many both have carried.
fn agree_on(filters: &[&str]) -> usize {
    let (tokio, turmoil) = (carried(filters, "tokio"), carried(filters, "turmoil"));
    let both: BTreeSet<&String> = tokio.keys().filter(|id| turmoil.contains_key(*id)).collect();
    let pairs = both.iter().map(|id| (*id, what_is_told(&tokio[*id]), what_is_told(&turmoil[*id])));
    let differ: Vec<String> = pairs.filter(|(_, a, b)| a != b).map(|(id, a, b)| difference(id, &a, &b)).collect();
    let (only_tokio, only_turmoil) = (tokio.len() - both.len(), turmoil.len() - both.len());
    // What a passing test prints by `println!` is kept from view.
    writeln!(std::io::stdout(), "\n{} cases on both drivers; {only_tokio} on tokio alone, {only_turmoil} on turmoil alone", both.len())
        .expect("a test has an output");
    assert!(differ.is_empty(), "{} cases differ:\n{}", differ.len(), differ.join("\n"));
    both.len()
}

/// The cases that a driver carries, by id.
fn carried(filters: &[&str], driver: &str) -> BTreeMap<String, Case> {
    let folder = tempfile::tempdir().expect("the system has room for temporary files");
    let output = Command::new(env!("CARGO_BIN_EXE_natproof"))
        .arg("run")
        .args(filters)
        .args(["--driver", driver, "--out"])
        .arg(folder.path())
        .env("NO_COLOR", "1")
        .stdin(Stdio::null())
        .output()
        .expect("the binary was built for this test");
    // 1 where a verdict is not listed: listed or not, both drivers must tell the same.
    assert!(matches!(output.status.code(), Some(0 | 1)), "{}", String::from_utf8_lossy(&output.stderr));
    let wanted = if driver == "tokio" { Driver::Tokio } else { Driver::Turmoil };
    let cases = report(folder.path()).cases.into_iter().filter(|case| case.driver == wanted && has_run(case));
    cases.map(|case| (case.id.clone(), case)).collect()
}

/// A case that a driver or the build cannot carry is unsupported without a trace: two of those agree about nothing.
fn has_run(case: &Case) -> bool {
    case.trace_sha256.is_some() || case.verdict == Verdict::Error
}

fn report(folder: &Path) -> Run {
    let text = std::fs::read_to_string(folder.join("report.json")).expect("every run writes a report");
    Run::from_json(&text).expect("every report is valid")
}

/// Everything that a case says of the implementations: verdicts of case and checks, outcome, and the selected pair.
fn what_is_told(case: &Case) -> BTreeMap<String, String> {
    let checks = case.checks.iter().map(|check| (format!("{} on {}", check.id, check.subject), format!("{:?}", check.verdict)));
    let whole = [
        ("verdict".to_owned(), format!("{:?}", case.verdict)),
        ("outcome".to_owned(), format!("{:?}", case.outcome)),
        ("selected pair".to_owned(), format!("{:?}", case.selected_pair)),
    ];
    checks.chain(whole).collect()
}

fn difference(id: &str, tokio: &BTreeMap<String, String>, turmoil: &BTreeMap<String, String>) -> String {
    let what: BTreeSet<&String> = tokio.keys().chain(turmoil.keys()).filter(|what| tokio.get(*what) != turmoil.get(*what)).collect();
    let said = |told: &BTreeMap<String, String>, what: &String| told.get(what).cloned().unwrap_or_else(|| "nothing".into());
    let lines = what.iter().map(|what| format!("  {what}: tokio {}, turmoil {}", said(tokio, what), said(turmoil, what)));
    format!("{id}\n{}", lines.collect::<Vec<_>>().join("\n"))
}
