//! The program: its servers as processes, its renderings, its end. Trials end by count, so that no figure of time decides anything.

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Command, Output, Stdio};

fn program(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_relay-bench"));
    command.args(arguments);
    command
}

fn output(arguments: &[&str]) -> Output {
    program(arguments).output().expect("the program starts")
}

fn report(arguments: &[&str]) -> Value {
    let output = output(arguments);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("one document")
}

#[test]
fn every_server_carries_every_direction() {
    let arguments =
        ["--direction", "up,down,echo,bidir,c2c", "--size", "100", "--packets", "100", "--rounds", "1", "--flows", "2", "--format", "json"];
    let report = report(&arguments);
    assert_eq!((&report["schema"], &report["complete"]), (&"relay-bench/1".into(), &true.into()));
    let cells = report["cells"].as_array().expect("cells");
    let text = |cell: &Value, key: &str| cell[key].as_str().unwrap_or_default().to_owned();
    let seen: Vec<_> = cells.iter().map(|cell| (text(cell, "direction"), text(cell, "server"))).collect();
    let servers = ["null-plain", "null-mmsg", "null-gso", "turn", "turn-server-proto"];
    let expected = ["up", "down", "echo", "bidir", "c2c"]
        .into_iter()
        .flat_map(|direction| servers.map(|server| (direction.to_owned(), server.to_owned())));
    assert_eq!(seen, expected.collect::<Vec<_>>());
    for cell in cells {
        assert_eq!(cell["error"], Value::Null, "{cell:#}");
        let ways = if ["echo", "bidir"].contains(&cell["direction"].as_str().expect("a name")) { 2 } else { 1 };
        let counts = &cell["figures"]["counts"];
        // Echoes of what was lost are not sent.
        let missing = cell["figures"]["counts"]["sent"].as_u64().map(|sent| 200 * ways - sent);
        assert!(missing == Some(0) || cell["direction"] == "echo", "{cell:#}");
        assert!(counts["delivered"].as_u64() > Some(0) && counts["corrupt"] == 0 && counts["duplicates"] == 0, "{cell:#}");
        assert_eq!(cell["hops"], if cell["direction"] == "c2c" { 2 } else { 1 });
        assert!(cell["ns_per_packet"]["median"].as_f64() > Some(0.0), "{cell:#}");
    }
}

#[test]
fn a_fixed_rate_has_delays_and_a_closed_loop_has_none() {
    let common = ["--server", "null-plain", "--size", "100", "--packets", "20", "--rounds", "1", "--format", "json"];
    let cell = |more: &[&str]| report(&[&common, more].concat())["cells"][0].clone();
    let fixed = cell(&["--rate", "1000"]);
    assert_eq!((&fixed["rate"], &fixed["window"], &fixed["paced"]), (&1000.into(), &Value::Null, &Value::Null));
    // Delays of a generator that was late do not count.
    assert_eq!(fixed["delay_up"].is_object(), fixed["limit"] != "GENERATOR_LIMITED", "{fixed:#}");
    let closed = cell(&["--closed-loop"]);
    assert!(closed["delay_up"].is_null() && closed["paced"].is_null() && closed["rate"].is_null(), "{closed:#}");
}

#[test]
fn one_processor_for_both_gives_no_rates() {
    let report = report(&[
        "--server",
        "null-plain",
        "--size",
        "100",
        "--packets",
        "20",
        "--rounds",
        "1",
        "--cpus",
        "server=0,generator=0",
        "--format",
        "json",
    ]);
    let cell = &report["cells"][0];
    assert!(cell["ns_per_packet"].is_object() && cell["pps"]["delivered"].is_null() && cell["delay_up"].is_null(), "{cell:#}");
    let refused = output(&["--cpus", "server=0,generator=0", "--rate", "1000"]);
    assert_eq!(refused.status.code(), Some(2));
}

#[test]
fn tables_name_servers_and_limits() {
    let common = ["--server", "null-plain,turn", "--size", "100", "--packets", "20", "--rounds", "1", "--format"];
    for (format, head) in
        [("human", "up, 100 B, 1 hop"), ("md", "**up, 100 B, 1 hop"), ("csv", "server,direction,size"), ("html", "<!DOCTYPE html>")]
    {
        let output = output(&[&common[..], &[format]].concat());
        let text = String::from_utf8(output.stdout).expect("text");
        assert!(text.starts_with(head) && text.contains("null-plain") && text.contains("turn"), "{text}");
    }
}

#[test]
fn a_server_that_does_not_answer_is_named_and_the_others_have_figures() {
    let silent = std::net::UdpSocket::bind("127.0.0.1:0").expect("a port");
    let address = format!("turn:{}", silent.local_addr().expect("bound"));
    let servers = format!("null-plain,{address}");
    let output = output(&["--server", &servers, "--size", "100", "--packets", "20", "--rounds", "1", "--closed-loop", "--format", "json"]);
    assert_eq!(output.status.code(), Some(1));
    let report: Value = serde_json::from_slice(&output.stdout).expect("one document");
    assert!(report["cells"][0]["ns_per_packet"].is_object());
    assert_eq!(report["cells"][1]["server"], address.as_str());
    assert!(report["cells"][1]["error"].as_str().is_some_and(|error| error.contains("no response to Allocate")), "{report:#}");
}

#[test]
fn an_interrupted_run_reports_what_it_has_and_says_so() {
    let mut run = program(&["--size", "100", "--packets", "1000", "--rounds", "1000", "--format", "json"]);
    let mut child = run.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program starts");
    // The first trials have begun once it says so.
    let mut line = String::new();
    let mut progress = BufReader::new(child.stderr.take().expect("a pipe"));
    progress.read_line(&mut line).expect("a line");
    kill(Pid::from_raw(child.id() as i32), Signal::SIGINT).expect("it runs");
    let mut text = String::new();
    child.stdout.take().expect("a pipe").read_to_string(&mut text).expect("text");
    assert_eq!(child.wait().expect("it ends").code(), Some(1));
    let report: Value = serde_json::from_str(&text).expect("one document");
    assert_eq!(report["complete"], false);
}

#[test]
fn a_server_ends_with_its_parent() {
    let mut child = program(&["serve", "turn"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("the program starts");
    let mut line = String::new();
    BufReader::new(child.stdout.take().expect("a pipe")).read_line(&mut line).expect("a line");
    assert!(line.starts_with("127.0.0.1:"), "{line}");
    drop(child.stdin.take());
    assert!(child.wait().expect("it ends").success());
}

#[test]
fn what_cannot_be_done_is_refused_before_anything_starts() {
    for (arguments, word) in [
        (&["--server", "coturn"][..], "turn-server-proto"),
        (&["--size", "20"], "44"),
        (&["--duration", "5"], "500ms"),
        (&["--user", "name:password"], "turn:HOST:PORT"),
        (&["--flows", "20000", "--server", "null-plain"], "open files"),
        (&["--rate", "5", "--closed-loop"], "cannot be used"),
        (&["--allocations", "5", "--carrier", "indication"], "cannot be used"),
        (&["--server", "turn:192.0.2.1:3478", "--ip", "cross"], "loopback"),
    ] {
        let output = output(arguments);
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && output.stdout.is_empty() && text.contains(word), "{arguments:?}: {text}");
    }
}

#[test]
fn a_search_tells_bounds_and_why_it_ended() {
    let arguments =
        ["--server", "null-plain", "--size", "100", "--packets", "100", "--rounds", "1", "--search", "pdr=50%", "--format", "json"];
    let cell = report(&arguments)["cells"][0].clone();
    let search = &cell["search"];
    assert_eq!(search["goal"], 0.5);
    let ends = ["narrow", "ceiling", "generator-limited", "nothing-passes"];
    assert!(search["end"].as_str().is_some_and(|end| ends.contains(&end)), "{search:#}");
    assert!(search["trials"].as_u64().zip(search["unusable"].as_u64()).is_some_and(|(used, unused)| used + unused > 0), "{search:#}");
    assert!(cell["paced"].is_null() && cell["delay_up"].is_null());
}

#[test]
fn allocations_are_counted_with_their_errors_and_memory() {
    let report = report(&["--allocations", "200", "--in-flight", "8", "--format", "json"]);
    let entries = report["allocations"].as_array().expect("entries");
    assert_eq!(entries.len(), 5);
    for entry in entries {
        let rounds = entry["rounds"].as_array().expect("rounds");
        assert_eq!(rounds.len(), 3);
        for round in rounds {
            assert_eq!(
                (&round["made"], &round["errors"], &round["not_released"]),
                (&200.into(), &serde_json::json!({}), &serde_json::json!({})),
                "{entry:#}"
            );
            assert!(round["latency"]["max"].as_u64() > Some(0) && round["cpu_us_per_allocation"].as_f64() > Some(0.0), "{entry:#}");
        }
        assert!(entry["kb_first_touch"].is_number() && entry["kb_growth"].is_number(), "{entry:#}");
    }
    let table = output(&["--allocations", "10", "--server", "null-plain"]);
    assert!(String::from_utf8_lossy(&table.stdout).contains("10 of 10"));
}

#[test]
fn several_rates_make_a_curve_on_a_page_that_needs_nothing_else() {
    let arguments =
        ["--server", "null-plain,turn", "--size", "100", "--packets", "30", "--rounds", "1", "--rate", "500,1000", "--format", "html"];
    let page = String::from_utf8(output(&arguments).stdout).expect("text");
    for part in ["over load</h2>", "CPU time of the server per packet over load", "<polyline", "repeat it", "--rate 500,1000"] {
        assert!(page.contains(part), "{part}: {page}");
    }
    assert!(!page.contains("http://") && !page.contains("https://") && !page.contains("<script"));
}

#[test]
fn every_server_carries_indications() {
    let common = ["--size", "101", "--packets", "50", "--rounds", "1", "--closed-loop", "--carrier", "indication", "--format", "json"];
    let report = report(&[&common[..], &["--direction", "up,down,echo,c2c"]].concat());
    let cells = report["cells"].as_array().expect("cells");
    assert_eq!(cells.len(), 20);
    for cell in cells {
        assert_eq!((&cell["carrier"], &cell["error"]), (&"indication".into(), &Value::Null), "{cell:#}");
        assert!(cell["figures"]["counts"]["delivered"].as_u64() > Some(0) && cell["figures"]["counts"]["corrupt"] == 0, "{cell:#}");
    }
}

#[test]
fn servers_relay_between_families_where_this_host_has_both() {
    if std::net::UdpSocket::bind("[::1]:0").is_err() {
        println!("skipped: relays between families (this host has no ::1)");
        return;
    }
    let common = ["--size", "100", "--packets", "50", "--rounds", "1", "--closed-loop", "--ip", "cross", "--format", "json"];
    let report = report(&[&common[..], &["--direction", "up,down,c2c"]].concat());
    for cell in report["cells"].as_array().expect("cells") {
        assert_eq!((&cell["ip"], &cell["error"]), (&"cross".into(), &Value::Null), "{cell:#}");
        assert!(cell["figures"]["counts"]["delivered"].as_u64() > Some(0), "{cell:#}");
    }
}

#[test]
fn servers_carry_ipv6_where_this_host_has_it() {
    if std::net::UdpSocket::bind("[::1]:0").is_err() {
        println!("skipped: IPv6 relays (this host has no ::1)");
        return;
    }
    let report = report(&[
        "--ip",
        "v6",
        "--direction",
        "up,c2c",
        "--size",
        "100",
        "--packets",
        "50",
        "--rounds",
        "1",
        "--closed-loop",
        "--format",
        "json",
    ]);
    for cell in report["cells"].as_array().expect("cells") {
        assert_eq!((&cell["ip"], &cell["error"]), (&"v6".into(), &Value::Null), "{cell:#}");
        assert!(cell["figures"]["counts"]["delivered"].as_u64() > Some(0), "{cell:#}");
    }
}
