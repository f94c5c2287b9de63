//! The sources of the crate use no clock, thread, socket, entropy or hash iteration. Clippy says so too; this says it without Clippy.

use std::fs;
use std::path::Path;

const BANNED: &[&str] = &[
    "HashMap",
    "HashSet",
    "Instant",
    "SystemTime",
    "RandomState",
    "thread",
    "sleep",
    "UdpSocket",
    "TcpStream",
    "TcpListener",
    "async ",
    "std::fs",
    "std::env",
    "std::process",
    "std::io",
    "getrandom",
    "thread_rng",
    "unsafe ",
    "tokio",
    "static mut",
    "println!",
    "Mutex",
    "Atomic",
];

fn banned_in(source: &str) -> Vec<&'static str> {
    let code: String = source.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
    BANNED.iter().copied().filter(|name| code.contains(name)).collect()
}

fn scan(folder: &Path, found: &mut Vec<String>) -> usize {
    let mut files = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files += scan(&path, found);
        } else {
            files += 1;
            let mut source = fs::read_to_string(&path).unwrap();
            if path.ends_with("lookup.rs") {
                // The one place that wraps a hash table, so that nothing else can walk one.
                source = source.replace("FxHashMap", "");
            }
            found.extend(banned_in(&source).into_iter().map(|name| format!("{}: {name}", path.display())));
        }
    }
    files
}

#[test]
fn the_sources_use_nothing_that_differs_between_runs() {
    let mut found = Vec::new();
    let files = scan(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut found);
    assert!(files > 15, "the scan found the sources");
    assert_eq!(found, Vec::<String>::new());
}

#[test]
fn the_scan_finds_what_it_looks_for() {
    assert_eq!(banned_in("use std::time::Instant;\nlet now = Instant::now();"), ["Instant"]);
    assert_eq!(banned_in("use std::collections::HashMap;\nstd::thread::sleep(x)"), ["HashMap", "thread", "sleep"]);
    assert!(banned_in("// HashMap is banned\n/// so is Instant").is_empty());
}

#[test]
fn the_manifest_names_no_other_member_and_only_known_dependencies() {
    let manifest = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml")).unwrap();
    let after = manifest.split("\n[dependencies]\n").nth(1).unwrap();
    let names: Vec<&str> =
        after.lines().take_while(|line| !line.starts_with('[')).filter_map(|line| line.split(['.', ' ']).next()).collect();
    let names: Vec<&str> = names.into_iter().filter(|name| !name.is_empty()).collect();
    assert_eq!(names, ["bytes", "rand_core", "rand_pcg", "rustc-hash", "thiserror"]);
}
