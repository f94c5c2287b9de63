//! The program: its servers as processes, its renderings, its end. Trials end by count, so that no figure of time decides anything.

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use wire::stun::build::WellformedBuilder;
use wire::stun::{Attribute, Class, ErrorCode, Message};

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
    let report = serde_json::from_slice(&output.stdout).expect("one document");
    assert_eq!(departures(&report), None);
    report
}

/// Where a report departs from the schema.
fn departures(report: &Value) -> Option<String> {
    let (mut schemas, mut compiler) = (boon::Schemas::new(), boon::Compiler::new());
    let schema = serde_json::from_str(include_str!("../schema.json")).expect("it is JSON");
    compiler.add_resource("schema.json", schema).expect("a name of its own");
    let schema = compiler.compile("schema.json", &mut schemas).expect("a schema");
    schemas.validate(report, schema).err().map(|error| error.to_string())
}

#[test]
fn the_schema_is_that_of_the_program() {
    let printed = String::from_utf8(output(&["schema"]).stdout).expect("text");
    // Not assert_eq: two files of a thousand lines say nothing.
    assert!(printed == include_str!("../schema.json"), "write it anew: cargo run -p relay-bench -- schema > benches/relay/schema.json");
}

#[test]
fn a_report_without_what_the_schema_asks_for_departs_from_it() {
    let mut report = report(&["--allocations", "5", "--server", "null-plain", "--format", "json"]);
    report["allocations"][0]["rounds"][0]["made"] = "five".into();
    assert!(departures(&report).is_some_and(|it| it.contains("made")));
    report["allocations"][0]["rounds"][0].as_object_mut().expect("an object").remove("made");
    assert!(departures(&report).is_some());
}

/// A folder of this test that was not there before.
fn folder(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_dir_all(&folder);
    folder
}

#[test]
fn a_folder_gets_every_format_and_the_terminal_one() {
    let folder = folder("every-format");
    let path = folder.to_str().expect("text");
    let common = ["--server", "null-plain,turn", "--size", "100", "--packets", "20", "--rounds", "1", "--format", "openmetrics"];
    let output = output(&[&common[..], &["--out", path]].concat());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let read = |name: &str| fs::read_to_string(folder.join(name)).expect(name);
    let mut names: Vec<String> =
        fs::read_dir(&folder).expect("a folder").map(|entry| entry.expect("an entry").file_name().into_string().expect("text")).collect();
    names.sort();
    assert_eq!(names, ["report.csv", "report.html", "report.json", "report.md", "report.prom", "report.txt"]);
    let json: Value = serde_json::from_str(&read("report.json")).expect("one document");
    assert_eq!(departures(&json), None);
    let metrics = String::from_utf8(output.stdout).expect("text");
    assert!(metrics == read("report.prom") && metrics.ends_with("# EOF\n"), "{metrics}");
    let delivered = "relay_bench_failed{server=\"turn\",direction=\"up\",content=\"100 B\",size=\"100\",flows=\"1\",hops=\"1\",carrier=\"channel\",ip=\"v4\",auth=\"long-term\"";
    assert!(metrics.contains(delivered) && metrics.contains("relay_bench_cpu_seconds_per_packet{server=\"null-plain\""), "{metrics}");
}

/// A short run of which every round counts, against a baseline.
fn gated(baseline: &Path) -> Output {
    let common =
        ["--server", "null-plain,null-gso", "--size", "100", "--packets", "200", "--rounds", "3", "--closed-loop", "--format", "json"];
    output(&[&common[..], &["--gate", baseline.to_str().expect("text")]].concat())
}

#[test]
fn the_gate_fails_where_a_planted_baseline_was_far_cheaper_and_only_there() {
    let folder = folder("gate");
    fs::create_dir_all(&folder).expect("a folder");
    let arguments =
        ["--server", "null-plain,null-gso", "--size", "100", "--packets", "200", "--rounds", "3", "--closed-loop", "--format", "json"];
    let mut planted = report(&arguments);
    // What the machine made of this run shall not matter: both were saturated, and the ratio is planted.
    for (ratio, wanted) in [(0.000_1, "dearer"), (10_000.0, "cheaper")] {
        for cell in planted["cells"].as_array_mut().expect("cells") {
            cell["limit"] = "SERVER_SATURATED".into();
            cell["ratio_to_null"] = serde_json::json!({ "median": ratio, "low": ratio, "high": ratio });
        }
        let baseline = folder.join("baseline.json");
        fs::write(&baseline, planted.to_string()).expect("written");
        let output = gated(&baseline);
        let report: Value = serde_json::from_slice(&output.stdout).expect("one document");
        assert_eq!(departures(&report), None);
        let gate = report["gate"]["cells"].as_array().expect("cells");
        assert_eq!((gate.len(), &gate[0]["server"]), (1, &"null-gso".into()), "{gate:#?}");
        let saturated = report["cells"].as_array().expect("cells").iter().all(|cell| cell["limit"] == "SERVER_SATURATED");
        // A machine that others keep busy decides nothing, and the gate says so.
        let (outcome, code) = match (saturated, wanted) {
            (false, _) => ("undecided", 4),
            (true, "dearer") => ("dearer", 1),
            (true, _) => (wanted, 0),
        };
        assert_eq!((&gate[0]["outcome"], output.status.code()), (&outcome.into(), Some(code)), "{gate:#?}");
    }
    // A cell that is no longer measured is no pass.
    planted["cells"].as_array_mut().expect("cells").iter_mut().for_each(|cell| cell["content"] = "999 B".into());
    let baseline = folder.join("gone.json");
    fs::write(&baseline, planted.to_string()).expect("written");
    let output = gated(&baseline);
    let report: Value = serde_json::from_slice(&output.stdout).expect("one document");
    assert_eq!((&report["gate"]["cells"][0]["outcome"], output.status.code()), (&"not-measured".into(), Some(1)));
}

#[test]
fn a_baseline_that_cannot_be_compared_is_refused() {
    let folder = folder("refused");
    fs::create_dir_all(&folder).expect("a folder");
    let file = |name: &str, text: &str| {
        let path = folder.join(name);
        fs::write(&path, text).expect("written");
        path
    };
    let build = if cfg!(debug_assertions) { "release" } else { "debug" };
    let other_build = format!(r#"{{"schema": "relay-bench/1", "environment": {{"build": "{build}"}}, "cells": []}}"#);
    for (path, word) in [
        (folder.join("missing.json"), "cannot be read"),
        (file("text.json", "hello"), "no report"),
        (file("old.json", r#"{"schema": "relay-bench/0", "environment": null, "cells": []}"#), "schema"),
        (file("build.json", &other_build), "build"),
        (file("empty.json", r#"{"schema": "relay-bench/1", "environment": null, "cells": []}"#), "no ratio"),
    ] {
        let output = gated(&path);
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0), "{text}");
        assert!(text.contains(word), "{text}");
    }
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
        [("human", "up, 100 B, 1 hop"), ("md", "**up, 100 B, 1 hop"), ("csv", "server,direction,content,size"), ("html", "<!DOCTYPE html>")]
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

/// A server that answers each datagram with what `answer` makes of it.
fn strange_server(answer: fn(&[u8]) -> Vec<u8>) -> String {
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").expect("a port");
    let address = socket.local_addr().expect("bound");
    #[expect(clippy::disallowed_methods, reason = "this test does not fork")]
    std::thread::spawn(move || {
        let mut buffer = [0; 2048];
        while let Ok((length, client)) = socket.recv_from(&mut buffer) {
            let _ = socket.send_to(&answer(&buffer[..length]), client);
        }
    });
    format!("turn:{address}")
}

/// A response to a request: its transaction, this class and these attributes.
fn response(request: &[u8], class: Class, attribute: Option<Attribute<'_>>) -> Vec<u8> {
    let message = Message::parse_lenient(request).expect("the generator's own");
    let builder = WellformedBuilder::new(class, message.method(), message.transaction_id());
    let built = attribute.into_iter().fold(builder, |builder, attribute| builder.attribute(attribute)).build();
    built.expect("well-formed")
}

#[test]
fn servers_that_answer_nonsense_are_named_with_what_is_wrong_and_the_run_ends() {
    let garbage = strange_server(|request| request.iter().map(|byte| byte ^ 0x5a).collect());
    let empty = strange_server(|request| response(request, Class::SuccessResponse, None));
    let codeless = strange_server(|request| response(request, Class::ErrorResponse, None));
    let full = strange_server(|request| {
        let error = ErrorCode { code: 508, reason: "no ports" };
        response(request, Class::ErrorResponse, Some(Attribute::ErrorCode(error)))
    });
    let challenging = strange_server(|request| {
        let error = ErrorCode { code: 401, reason: "" };
        response(request, Class::ErrorResponse, Some(Attribute::ErrorCode(error)))
    });
    // It relays to where nobody is.
    let nowhere = strange_server(|request| {
        let relayed = Attribute::XorRelayedAddress("127.0.0.1:9".parse().expect("an address"));
        response(request, Class::SuccessResponse, Some(relayed))
    });
    let cut = strange_server(|request| response(request, Class::SuccessResponse, None)[..10].to_vec());
    let expected = [
        (garbage, "no response to Allocate"),
        (empty, "no XOR-RELAYED-ADDRESS"),
        (codeless, "without ERROR-CODE"),
        (full, "refused with 508"),
        (challenging, "refused with 401"),
        (nowhere, "nothing arrived"),
        (cut, "no response to Allocate"),
    ];
    let servers = expected.iter().map(|(server, _)| server.as_str()).collect::<Vec<_>>().join(",");
    let common = ["--size", "100", "--packets", "50", "--rounds", "1", "--rate", "5000", "--format", "json"];
    let output = output(&[&common[..], &["--server", &format!("null-plain,{servers}")]].concat());
    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stderr));
    let report: Value = serde_json::from_slice(&output.stdout).expect("one document");
    assert_eq!((departures(&report), &report["cells"][0]["error"], &report["complete"]), (None, &Value::Null, &true.into()));
    for (index, (server, word)) in expected.iter().enumerate() {
        let cell = &report["cells"][index + 1];
        assert_eq!(cell["server"], server.as_str());
        assert!(cell["error"].as_str().is_some_and(|error| error.contains(word)) && cell["ns_per_packet"].is_null(), "{word}: {cell:#}");
    }
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
        (&["--server", "pion"][..], "turn-server-proto"),
        (&["--size", "20"], "44"),
        (&["--duration", "5"], "500ms"),
        (&["--user", "name:password"], "turn:HOST:PORT"),
        (&["--flows", "20000", "--server", "null-plain"], "open files"),
        (&["--rate", "5", "--closed-loop"], "cannot be used"),
        (&["--allocations", "5", "--carrier", "indication"], "cannot be used"),
        (&["--server", "turn:192.0.2.1:3478", "--ip", "cross"], "loopback"),
        (&["--server", "turn-rs"], "c2c"),
        (&["--server", "turn-rs", "--direction", "c2c", "--ip", "cross"], "one address family"),
        (&["--server", "turn", "--auth", "none"], "credentials"),
        (&["--server", "turn-server-proto", "--auth", "rest-secret"], "not secrets"),
        (&["--server", "turn:127.0.0.1:3478", "--auth", "rest-secret"], "--secret"),
        (&["--server", "turn:127.0.0.1:3478", "--auth", "long-term"], "--user"),
        (&["--server", "turn:127.0.0.1:3478", "--auth", "none", "--user", "a:b"], "contradict"),
        (&["--server", "turn:127.0.0.1:3478", "--user", "a"], "NAME:PASSWORD"),
        (&["--server", "turn", "--secret", "s", "--auth", "rest-secret"], "turn:HOST:PORT"),
        (&["--until-error"], "--allocations"),
        (&["--size", "video", "--burst", "5"], "frames"),
        (&["--size", "imixed"], "imix"),
        (&["--soak", "1m"], "--rate"),
        (&["--soak", "1m", "--rate", "5,6"], "one --rate"),
        (&["--duration", "5m"], "240s"),
        (&["--search", "burst", "--burst", "5"], "--burst"),
        (&["--out", "/proc/nowhere"], "--out"),
        (&["--gate", "x.json", "--rate", "5"], "cannot be used"),
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
fn mixes_and_frames_are_carried_and_named() {
    let arguments = [
        "--server",
        "null-plain,turn",
        "--size",
        "imix,audio,video",
        "--packets",
        "60",
        "--rounds",
        "1",
        "--rate",
        "2000",
        "--format",
        "json",
    ];
    let report = report(&arguments);
    let seen: Vec<_> =
        report["cells"].as_array().expect("cells").iter().map(|cell| (cell["content"].clone(), cell["size"].clone())).collect();
    let expected = [("imix", 531), ("imix", 531), ("audio", 172), ("audio", 172), ("video", 1100), ("video", 1100)];
    assert_eq!(seen, expected.map(|(content, size)| (content.into(), size.into())));
    for cell in report["cells"].as_array().expect("cells") {
        assert_eq!((&cell["figures"]["counts"]["delivered"], &cell["figures"]["counts"]["corrupt"]), (&60.into(), &0.into()), "{cell:#}");
    }
}

#[test]
fn a_soak_tells_memory_loss_and_delay_lap_by_lap() {
    let arguments = ["--server", "null-plain,turn", "--size", "100", "--packets", "50", "--rate", "1000", "--soak", "1s", "--format"];
    let report = report(&[&arguments[..], &["json"]].concat());
    let soaks = report["soaks"].as_array().expect("soaks");
    assert_eq!((soaks.len(), report["cells"].as_array().map(Vec::len)), (2, Some(0)));
    for soak in soaks {
        let laps = soak["laps"].as_array().expect("laps");
        assert!(!laps.is_empty() && soak["error"].is_null(), "{soak:#}");
        for lap in laps {
            assert!(lap["sent"] == 50 && lap["resident_kb"].as_u64() > Some(0), "{lap:#}");
            assert_eq!(lap["delay"].is_object(), lap["limit"] != "GENERATOR_LIMITED", "{lap:#}");
        }
    }
    for (format, word) in [
        ("human", "growth kB/h"),
        ("md", "| growth kB/h |"),
        ("csv", "growth kB/h"),
        ("html", "Resident memory"),
        ("openmetrics", "_resident_"),
    ] {
        let text = String::from_utf8(output(&[&arguments[..], &[format]].concat()).stdout).expect("text");
        assert!(text.contains(word) && text.contains("null-plain"), "{text}");
    }
}

#[test]
fn a_server_that_dies_in_a_soak_ends_it_with_an_error() {
    let mut child = program(&["serve", "null-plain"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("it starts");
    let mut line = String::new();
    BufReader::new(child.stdout.take().expect("a pipe")).read_line(&mut line).expect("a line");
    let (server, pid) = (format!("turn:{}", line.trim()), child.id().to_string());
    let arguments =
        ["--size", "100", "--packets", "50", "--rate", "1000", "--soak", "10m", "--format", "json", "--server", &server, "--pid", &pid];
    let mut run = program(&arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program starts");
    let mut progress = String::new();
    BufReader::new(run.stderr.take().expect("a pipe")).read_line(&mut progress).expect("a line");
    child.kill().expect("it runs");
    child.wait().expect("it ends");
    let mut text = String::new();
    run.stdout.take().expect("a pipe").read_to_string(&mut text).expect("text");
    assert_eq!(run.wait().expect("it ends by itself").code(), Some(1));
    let report: Value = serde_json::from_str(&text).expect("one document");
    assert_eq!(departures(&report), None);
    assert!(report["soaks"][0]["error"].is_string() && report["complete"] == true, "{report:#}");
}

#[test]
fn the_largest_burst_is_told_with_both_bounds() {
    let arguments = ["--server", "null-plain", "--size", "100", "--packets", "200", "--rounds", "1", "--search", "burst", "--format"];
    let cell = report(&[&arguments[..], &["json"]].concat())["cells"][0].clone();
    let found = &cell["burst_tolerance"];
    let ends = ["narrow", "ceiling", "generator-limited", "nothing-passes"];
    assert!(found["end"].as_str().is_some_and(|end| ends.contains(&end)) && cell["search"].is_null(), "{cell:#}");
    let table = String::from_utf8(output(&[&arguments[..], &["human"]].concat()).stdout).expect("text");
    assert!(table.contains("null-plain: bursts of "), "{table}");
}

#[test]
fn the_maximum_of_allocations_is_told_with_what_ended_it() {
    let arguments = ["--allocations", "50", "--until-error", "--server", "null-plain", "--format"];
    let entry = report(&[&arguments[..], &["json"]].concat())["allocations"][0].clone();
    assert_eq!(
        (&entry["maximum"], entry["rounds"].as_array().map(Vec::len)),
        (&serde_json::json!({"made": 50, "ended_by": null}), Some(1))
    );
    let table = String::from_utf8(output(&[&arguments[..], &["human"]].concat()).stdout).expect("text");
    assert!(table.contains("null-plain: 50 allocations without an error; more were not asked for."), "{table}");
}

#[test]
fn allocations_are_counted_with_their_errors_and_memory() {
    let report = report(&["--allocations", "200", "--in-flight", "8", "--format", "json"]);
    let entries = report["allocations"].as_array().expect("entries");
    assert_eq!(entries.len(), 6);
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
        assert!(entry["kb_first_touch"].is_number() && entry["kb_growth"].is_number() && entry["kb_kept"].is_number(), "{entry:#}");
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
fn servers_of_this_program_serve_clients_that_share_a_secret() {
    let common = ["--direction", "c2c", "--size", "100", "--packets", "50", "--rounds", "1", "--closed-loop", "--format", "json"];
    let report = report(&[&common[..], &["--auth", "rest-secret"]].concat());
    let cells = report["cells"].as_array().expect("cells");
    let auth = |name: &str| {
        let cell = cells.iter().find(|cell| cell["server"] == name)?;
        assert!(cell["error"].is_null() && cell["figures"]["counts"]["delivered"].as_u64() > Some(0), "{cell:#}");
        cell["auth"].as_str()
    };
    assert_eq!((auth("null-plain"), auth("turn"), auth("turn-rs")), (Some("none"), Some("rest-secret"), Some("rest-secret")));
    // It knows no secrets.
    assert_eq!(auth("turn-server-proto"), None);
}

#[test]
fn a_running_server_checks_the_secret() {
    let mut child =
        program(&["serve", "turn", "--auth", "rest-secret"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("it starts");
    let mut line = String::new();
    BufReader::new(child.stdout.take().expect("a pipe")).read_line(&mut line).expect("a line");
    let server = format!("turn:{}", line.trim());
    let run = |secret: &str| {
        let common = ["--size", "100", "--packets", "50", "--rounds", "1", "--closed-loop", "--format", "json"];
        output(&[&common[..], &["--server", &server, "--auth", "rest-secret", "--secret", secret]].concat())
    };
    let (right, wrong) = (run("bench"), run("other"));
    drop(child.stdin.take());
    child.wait().expect("it ends");
    let text = String::from_utf8_lossy(&wrong.stdout).into_owned();
    assert!(text.contains("--secret ...") && !text.contains("--secret other"), "{text}");
    let cell = |output: &Output| serde_json::from_slice::<Value>(&output.stdout).expect("one document")["cells"][0].clone();
    assert_eq!((right.status.code(), &cell(&right)["auth"]), (Some(0), &"rest-secret".into()));
    let refused = cell(&wrong);
    assert_eq!(wrong.status.code(), Some(1));
    assert!(refused["error"].as_str().is_some_and(|error| error.contains("Allocate was refused")), "{refused:#}");
}

#[test]
fn turn_rs_hands_data_over_in_one_hop() {
    let arguments =
        ["--server", "null-plain,turn-rs", "--direction", "c2c", "--size", "100", "--packets", "50", "--rounds", "1", "--closed-loop"];
    for carrier in ["channel", "indication"] {
        let report = report(&[&arguments[..], &["--carrier", carrier, "--format", "json"]].concat());
        assert_eq!((&report["cells"][0]["hops"], &report["cells"][1]["hops"]), (&2.into(), &1.into()));
        assert_eq!((&report["cells"][1]["error"], &report["cells"][1]["figures"]["counts"]["delivered"]), (&Value::Null, &50.into()));
    }
    let table = String::from_utf8(output(&arguments).stdout).expect("text");
    assert!(table.contains("turn-rs: one hop"), "{table}");
}

#[test]
fn coturn_carries_every_direction_where_it_is_installed() {
    let paths = std::env::var_os("PATH").unwrap_or_default();
    if !std::env::split_paths(&paths).any(|folder| folder.join("turnserver").is_file()) {
        println!("skipped: coturn (no turnserver on PATH)");
        let refused = output(&["--server", "coturn"]);
        assert_eq!(refused.status.code(), Some(2));
        return;
    }
    for auth in ["none", "long-term", "rest-secret"] {
        let common = ["--server", "coturn", "--size", "100", "--packets", "50", "--rounds", "1", "--closed-loop", "--format", "json"];
        let report = report(&[&common[..], &["--auth", auth, "--direction", "up,down,echo,c2c"]].concat());
        for cell in report["cells"].as_array().expect("cells") {
            assert_eq!((&cell["auth"], &cell["error"]), (&auth.into(), &Value::Null), "{cell:#}");
            assert!(cell["ns_per_packet"].is_object(), "{cell:#}");
        }
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
