//! What real implementations do, byte for byte, for one seed: the snapshots in `reports/golden/`, whose README says what belongs there.

use serde_json::Value;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

/// One ladder per behaviour of a NAT and per kind of exchange. All of them run in a build without optional implementations.
const CHOSEN: &[&str] = &[
    "dtls/close-notify/dimpl+dimpl-1.2",
    "dtls/handshake/dimpl+dimpl-1.3",
    "ice/host-only/str0m+str0m",
    "nat/hairpin-presets/port-restricted",
    "nat/hole-punching/port-restricted+full-cone",
    "nat/no-hole-punching/symmetric+symmetric",
    "nat/reboot/symmetric",
    "stun/basic-checks/turn-server-proto",
    "stun/fingerprint/turn-server-proto",
    "turn/channel-data/turn-server-proto",
    "turn/client-relays/turn-client-proto+turn-server-proto/restricted",
];

fn natproof(arguments: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_natproof"));
    let output = command.args(arguments).env("NO_COLOR", "1").stdin(Stdio::null()).output().expect("the binary was built for this test");
    assert_eq!(output.status.code(), Some(0), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("natproof prints UTF-8")
}

fn golden(check: impl FnOnce()) {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(concat!(env!("CARGO_MANIFEST_DIR"), "/../../reports/golden"));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(check);
}

/// Takes away what another release of a dependency may change, or another machine.
fn stable(report: &Path) -> Value {
    let text = std::fs::read_to_string(report).expect("every run writes a report");
    let mut report: Value = serde_json::from_str(&text).expect("a report is JSON");
    report["tool"] = "[tool]".into();
    for case in report["cases"].as_array_mut().expect("cases are a list") {
        assert_eq!(case["deterministic"], true, "{} has no place among golden reports", case["id"]);
        for key in ["trace_sha256", "replay", "volatile"] {
            case[key] = format!("[{key}]").into();
        }
    }
    report
}

#[test]
fn the_report_and_the_ladders_of_the_chosen_cases_are_as_committed() {
    if !cfg!(all(target_os = "linux", target_env = "gnu", target_arch = "x86_64")) {
        // What a passing test prints by `println!` is kept from view; `cargo xtask test` lists this line.
        writeln!(std::io::stdout(), "\nskipped: golden reports (their bytes are of linux-gnu x86_64)").expect("a test has an output");
        return;
    }
    let folder = tempfile::tempdir().expect("the system has room for temporary files");
    let out = folder.path().to_string_lossy();
    natproof(&[&["run", "--out", &out][..], CHOSEN].concat());
    golden(|| insta::assert_json_snapshot!("report", stable(&folder.path().join("report.json"))));
    for case in CHOSEN {
        let ladder = natproof(&["show", case, "--out", &out]);
        golden(|| insta::assert_snapshot!(format!("ladder-{}", case.replace('/', "-")), ladder));
    }
}
