//! Every file of `scenarios/invalid/` is refused, with exactly the message that its snapshot has. So are files that are too large to keep.

use harness::scenario::model::Topology;
use harness::scenario::{LARGEST_FILE, Library, load_topology, read, render};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

/// The implementations of the library: some real names, for what they are nearest to.
const IMPLEMENTATIONS: [&str; 6] = ["dimpl", "rtc", "str0m", "turn-client-proto", "turn-server-proto", "webrtc"];

/// What is said about a file; nothing where it is not refused.
fn refusal(name: &str, bytes: &[u8]) -> Option<String> {
    let topology = load_topology(b"title: An internet provider\nnetworks:\n  isp: {nat: symmetric}\n").expect("it is right");
    let topologies: BTreeMap<String, Topology> = [("carrier-grade".to_owned(), topology)].into();
    let implementations: BTreeSet<String> = IMPLEMENTATIONS.map(str::to_owned).into();
    let library = Library { topologies: &topologies, implementations: Some(&implementations) };
    let problems = read(&format!("invalid/{name}"), bytes, &library).err()?;
    assert!(!problems.is_empty(), "{name} is refused without a reason");
    for problem in &problems {
        assert!(problem.span.end <= bytes.len(), "{name}: {problem:?} lies outside the file");
    }
    Some(render(&format!("invalid/{name}.yaml"), bytes, &problems))
}

fn files() -> BTreeMap<String, Vec<u8>> {
    let folder: PathBuf = concat!(env!("CARGO_MANIFEST_DIR"), "/../scenarios/invalid").into();
    let paths = std::fs::read_dir(folder).expect("the folder is there").map(|entry| entry.expect("it can be listed").path());
    let yaml = paths.filter(|path| path.extension().is_some_and(|extension| extension == "yaml"));
    yaml.map(|path| (path.file_stem().expect("a name").to_string_lossy().into_owned(), std::fs::read(&path).expect("it can be read")))
        .collect()
}

#[test]
fn every_file_is_refused_with_its_message() {
    let files = files();
    assert!(files.len() >= 30, "{} files", files.len());
    let accepted: Vec<&String> = files.iter().filter(|(name, bytes)| refusal(name, bytes).is_none()).map(|(name, _)| name).collect();
    assert_eq!(accepted, [] as [&String; 0]);
    for (name, bytes) in &files {
        insta::with_settings!({ prepend_module_to_snapshot => false, snapshot_path => "snapshots/invalid", omit_expression => true }, {
            insta::assert_snapshot!(name.as_str(), refusal(name, bytes).expect("it is refused"));
        });
    }
}

#[test]
fn every_snapshot_has_a_file() {
    let files = files();
    let snapshots = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/snapshots/invalid")).expect("the folder is there");
    for snapshot in snapshots {
        let name = snapshot.expect("it can be listed").file_name().to_string_lossy().into_owned();
        let stem = name.trim_end_matches(".snap");
        assert!(files.contains_key(stem), "{name} is about no file");
    }
}

#[test]
fn a_file_of_100_mb_is_refused_by_its_size() {
    let refused = refusal("huge", &vec![b'#'; 100_000_000]).expect("it is refused");
    let expected =
        format!("scenario::too-large\n\n  × invalid/huge.yaml: the file has 100000000 bytes; a scenario has at most {LARGEST_FILE}\n\n");
    assert_eq!(refused, expected);
}

#[test]
fn a_line_that_nobody_can_read_is_not_shown() {
    let mut bytes = b"title: ".to_vec();
    bytes.extend(std::iter::repeat_n(b'x', 100_000));
    bytes.extend(b", {]\n");
    bytes.extend(b"nodes: {a: {role: ");
    bytes.extend(std::iter::repeat_n(b'y', 100_000));
    bytes.extend(b"}}\n");
    let refused = refusal("long", &bytes).expect("it is refused");
    assert!(refused.len() < 250_000, "{} bytes", refused.len());
}

#[test]
fn a_path_that_cannot_be_a_case_id_is_refused() {
    let right = b"title: Right\nnodes: {a: {role: udp-peer, actor: {script: {}}}, b: {role: udp-peer, actor: {script: {}}}}\ntimeline:\n  \
                  - send: {node: a, to: b, text: hello}\n  - expect: {node: b, id: heard, within: 1s, packet: {text: hello}}\n";
    let library = Library { topologies: &BTreeMap::new(), implementations: None };
    assert!(read("stun/binding", right, &library).is_ok());
    for path in ["Stun/binding", "stun//binding", "stun/../binding", "stun/the binding", ""] {
        let problems = read(path, right, &library).expect_err("it is refused");
        assert_eq!((problems.len(), problems[0].code), (1, "scenario::path"), "{path}");
    }
}

#[test]
fn a_hundred_mistakes_are_enough() {
    let steps = "  - wait: {until: noon}\n".repeat(1_000);
    let text = format!("title: Too many\nnodes: {{a: {{role: udp-peer, actor: {{script: {{}}}}}}}}\ntimeline:\n{steps}");
    let library = Library { topologies: &BTreeMap::new(), implementations: None };
    assert_eq!(read("many", text.as_bytes(), &library).expect_err("it is refused").len(), 100);
}
