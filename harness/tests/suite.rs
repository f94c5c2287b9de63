//! The suite's own files are right.

use harness::scenario::model::Topology;
use harness::scenario::{Library, load, load_topology, matrix, read, render};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Every implementation that has a file.
fn implementations() -> BTreeSet<String> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/implementations");
    yaml(Path::new(folder)).iter().map(|path| stem(path)).collect()
}

fn yaml(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("the folder can be listed").path()).collect();
    paths.sort();
    let (folders, files): (Vec<PathBuf>, Vec<PathBuf>) = paths.into_iter().partition(|path| path.is_dir());
    let own = files.into_iter().filter(|path| path.extension().is_some_and(|extension| extension == "yaml"));
    own.chain(folders.iter().flat_map(|folder| yaml(folder))).collect()
}

fn stem(path: &Path) -> String {
    path.file_stem().expect("a file has a name").to_string_lossy().into_owned()
}

fn root() -> PathBuf {
    concat!(env!("CARGO_MANIFEST_DIR"), "/../scenarios").into()
}

fn topologies() -> BTreeMap<String, Topology> {
    let files = yaml(&root().join("topologies"));
    let topology =
        |path: &PathBuf| load_topology(&std::fs::read(path).expect("it can be read")).unwrap_or_else(|problems| panic!("{problems:?}"));
    files.iter().map(|path| (stem(path), topology(path))).collect()
}

#[test]
fn every_scenario_is_read_without_a_mistake() {
    let (topologies, implementations) = (topologies(), implementations());
    let library = Library { topologies: &topologies, implementations: Some(&implementations) };
    let mut wrong = String::new();
    let mut cases = 0;
    for path in yaml(&root()) {
        let name = path.strip_prefix(root()).expect("it lies below").to_string_lossy().into_owned();
        if ["expected/", "topologies/", "invalid/"].iter().any(|folder| name.starts_with(folder)) {
            continue;
        }
        let bytes = std::fs::read(&path).expect("it can be read");
        match read(name.trim_end_matches(".yaml"), &bytes, &library) {
            Ok(expanded) => cases += expanded.len(),
            Err(problems) => wrong.push_str(&render(&name, &bytes, &problems)),
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
    assert!(cases > 882, "the truth table alone has so many: {cases}");
}

#[test]
fn the_truth_table_expands_to_a_case_per_cell_pair_and_variant() {
    let bytes = include_bytes!("../../scenarios/ice/nat-pairs.yaml");
    let scenario = load(bytes).unwrap();
    let cases = matrix::expand(&scenario).unwrap();
    assert_eq!(cases.len(), 9 * 49 * 2);
    assert_eq!(cases[0].suffix, "/rtc+rtc/open+open/no-turn");
    assert!(cases.iter().any(|case| case.suffix == "/rtc+str0m/full-cone+symmetric/turn"));
}
