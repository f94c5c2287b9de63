//! Reads a scenario file: all mistakes of all sections at once.

use super::decode::Mistake;
use super::model::{Scenario, Topology};
use super::problem::Problem;
use super::tree::{self, Kind, LARGEST_FILE, Tree};
use serde::Deserialize;
use std::collections::BTreeSet;

/// Keys whose entries are decoded one by one, so that a mistake in one does not hide those in the others.
const SECTIONS: &[&str] = &["nodes", "networks", "timeline", "matrix"];

/// Reads a scenario.
///
/// # Errors
/// All mistakes that can be found without knowing the rest of the suite.
pub fn load(bytes: &[u8]) -> Result<Scenario, Vec<Problem>> {
    let tree = read(bytes)?;
    let mut problems = duplicates(&tree);
    if let Kind::Map(entries) = &tree.kind {
        for (key, value) in entries {
            section(key.key().unwrap_or_default(), value, &mut problems);
        }
    }
    match Scenario::deserialize(&tree) {
        Ok(scenario) if problems.is_empty() => Ok(scenario),
        Ok(_) => Err(problems),
        Err(mistake) => {
            add(&mut problems, mistake, &tree);
            Err(problems)
        }
    }
}

/// Reads a topology file: networks that scenarios can name.
///
/// # Errors
/// All mistakes.
pub fn load_topology(bytes: &[u8]) -> Result<Topology, Vec<Problem>> {
    let tree = read(bytes)?;
    let mut problems = duplicates(&tree);
    match Topology::deserialize(&tree) {
        Ok(topology) if problems.is_empty() => Ok(topology),
        Ok(_) => Err(problems),
        Err(mistake) => {
            add(&mut problems, mistake, &tree);
            Err(problems)
        }
    }
}

fn read(bytes: &[u8]) -> Result<Tree, Vec<Problem>> {
    if bytes.len() > LARGEST_FILE {
        let message = format!("the file has {} bytes; a scenario has at most {LARGEST_FILE}", bytes.len());
        return Err(vec![Problem::new("scenario::too-large", &(0..0), message)]);
    }
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let at = error.valid_up_to();
        vec![Problem::new("scenario::encoding", &(at..at), format!("the file is not UTF-8: byte {at} is wrong"))]
    })?;
    tree::parse(text).map_err(|problem| vec![problem])
}

/// Decodes the entries of a section one by one and keeps only what is wrong with them.
fn section(name: &str, value: &Tree, problems: &mut Vec<Problem>) {
    if !SECTIONS.contains(&name) {
        return;
    }
    let entries: Vec<&Tree> = match &value.kind {
        Kind::List(items) => items.iter().collect(),
        Kind::Map(entries) => entries.iter().map(|(_, value)| value).collect(),
        _ => return,
    };
    for entry in entries {
        let outcome = match name {
            "nodes" => super::model::Node::deserialize(entry).map(drop),
            "networks" => super::model::Network::deserialize(entry).map(drop),
            "timeline" => super::step::Step::deserialize(entry).map(drop),
            _ => super::model::Axis::deserialize(entry).map(drop),
        };
        if let Err(mistake) = outcome {
            add(problems, mistake, entry);
        }
    }
}

fn add(problems: &mut Vec<Problem>, mistake: Mistake, whole: &Tree) {
    let problem = mistake.into_problem(&whole.span);
    if !problems.contains(&problem) {
        problems.push(problem);
    }
}

/// Keys that stand twice in one map, which a decoder would take for one.
fn duplicates(tree: &Tree) -> Vec<Problem> {
    let mut problems = Vec::new();
    match &tree.kind {
        Kind::List(items) => problems.extend(items.iter().flat_map(duplicates)),
        Kind::Map(entries) => {
            let mut seen = BTreeSet::new();
            for (key, value) in entries {
                if let Some(name) = key.key()
                    && !seen.insert(name)
                {
                    problems.push(Problem::new("scenario::duplicate-key", &key.span, format!("the key `{name}` stands here twice")));
                }
                problems.extend(duplicates(value));
            }
        }
        _ => {}
    }
    problems
}
