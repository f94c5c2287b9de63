//! The files in `harness/implementations/` say what the adapters of this build say.

use iut::{Manifest, Role};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Implementation {
    #[expect(dead_code, reason = "there is one kind so far, and parsing has checked it")]
    kind: Kind,
    #[serde(rename = "crate")]
    package: String,
    version: String,
    feature: String,
    roles: BTreeSet<String>,
    capabilities: BTreeSet<String>,
    gathering: Gathering,
    deterministic: bool,
    asynchronous: bool,
    address_sensitive: bool,
    notes: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Kind {
    InProcess,
}

#[derive(Deserialize, PartialEq)]
#[serde(rename_all = "kebab-case")]
enum Gathering {
    Native,
    Adapter,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The implementations by name.
fn files() -> BTreeMap<String, Implementation> {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(root().join("harness/implementations")).expect("the folder exists") {
        let path = entry.expect("the folder can be read").path();
        if path.extension().is_none_or(|extension| extension != "yaml") {
            continue;
        }
        let text = fs::read_to_string(&path).expect("the file can be read");
        let file = serde_yaml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let name = path.file_stem().and_then(|stem| stem.to_str()).expect("a name in UTF-8");
        files.insert(name.to_string(), file);
    }
    files
}

/// Whether this build has the feature of a file.
fn has(feature: &str) -> bool {
    match feature {
        "rtc" => cfg!(feature = "rtc"),
        "webrtc" => cfg!(feature = "webrtc"),
        "str0m" => cfg!(feature = "str0m"),
        "dimpl" => cfg!(feature = "dimpl"),
        "turn-proto" => cfg!(feature = "turn-proto"),
        "webrtc17" => cfg!(feature = "webrtc17"),
        "rice" => cfg!(feature = "rice"),
        "turn-rs" => cfg!(feature = "turn-rs"),
        other => panic!("no feature of natproof is called {other}"),
    }
}

fn assert_equal(name: &str, file: &Implementation, manifest: &Manifest) {
    assert_eq!(file.version, manifest.version, "version of {name}");
    assert_eq!(file.roles, manifest.roles.iter().map(|role| role.name().to_string()).collect(), "roles of {name}");
    let claimed: BTreeSet<String> = manifest.capabilities.iter().map(|capability| capability.name().to_string()).collect();
    assert_eq!(file.capabilities, claimed, "capabilities of {name}");
    assert_eq!(file.gathering == Gathering::Adapter, manifest.gathering_by_adapter, "gathering of {name}");
    assert_eq!(file.deterministic, manifest.deterministic, "deterministic of {name}");
    assert_eq!(file.asynchronous, manifest.asynchronous, "asynchronous of {name}");
    assert_eq!(file.address_sensitive, manifest.address_sensitive, "address-sensitive of {name}");
}

#[test]
fn files_and_manifests_of_this_build_agree() {
    let registry = natproof::built_in();
    let files: BTreeMap<_, _> = files().into_iter().filter(|(_, file)| has(&file.feature)).collect();
    assert_eq!(files.keys().collect::<Vec<_>>(), registry.manifests().keys().collect::<Vec<_>>());
    for (name, file) in &files {
        assert_equal(name, file, &registry.manifests()[name]);
    }
}

#[test]
fn every_crate_is_in_the_lock_file_at_its_version() {
    let lock = fs::read_to_string(root().join("Cargo.lock")).expect("the workspace has a lock file");
    for (name, file) in files() {
        let entry = format!("name = \"{}\"\nversion = \"{}\"\n", file.package, file.version);
        assert!(lock.contains(&entry), "{name}: {} {} is not in Cargo.lock", file.package, file.version);
    }
}

#[test]
fn every_file_has_notes_and_known_roles() {
    for (name, file) in files() {
        assert!(!file.roles.is_empty() && !file.notes.is_empty(), "{name}");
        assert!(file.roles.iter().all(|role| Role::ALL.iter().any(|known| known.name() == role)), "{name}: a role is unknown");
    }
}
