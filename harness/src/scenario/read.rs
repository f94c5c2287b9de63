//! From the bytes of a scenario file to its cases, or to everything that is wrong with it.

use super::load::load;
use super::matrix::{self, Expanded};
use super::model::{Scenario, Topology};
use super::problem::{Problem, nearest};
use super::validate::validate;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

/// What a scenario may name beside itself.
#[derive(Clone, Copy, Debug)]
pub struct Library<'a> {
    /// Topologies by name.
    pub topologies: &'a BTreeMap<String, Topology>,
    /// Names of implementations; without them every name passes, and the plan decides.
    pub implementations: Option<&'a BTreeSet<String>>,
}

/// Letters of one segment of a path: it becomes a directory.
const LONGEST_SEGMENT: usize = 100;

/// Reads a scenario: decodes it, adds its topology, expands its matrix and validates every case. `path` is the file's path below the scenarios.
///
/// # Errors
/// All mistakes. Those of syntax hide the rest, and so do those of structure (unknown keys, values of the wrong kind).
pub fn read(path: &str, bytes: &[u8], library: &Library<'_>) -> Result<Vec<Expanded>, Vec<Problem>> {
    let mut scenario = load(bytes)?;
    let mut problems = Vec::new();
    if !path.split('/').all(is_segment) {
        let help = "paths have lower-case letters, digits, `.`, `+`, `_` and `-`";
        problems.push(Problem::new("scenario::path", &(0..0), format!("`{path}` cannot be the id of a scenario")).help(help));
    }
    let topology = merge_topology(&mut scenario, library.topologies);
    let unknown_topology = topology.is_some();
    problems.extend(topology);
    problems.extend(matrix::overlaps(&scenario));
    match matrix::expand(&scenario) {
        Ok(cases) => {
            problems.extend(validate_all(&cases, library));
            // The networks of a topology that does not exist are not known either.
            problems.retain(|problem| !(unknown_topology && problem.code == "scenario::unknown-network"));
            if problems.is_empty() { Ok(cases) } else { Err(problems) }
        }
        Err(more) => {
            problems.extend(more);
            let case = matrix::sample(&scenario);
            problems.extend(validate_all(&[case], library));
            // Who plays a node, and where it is, may be what the matrix was to say.
            problems.retain(|problem| !matches!(problem.code, "scenario::player" | "scenario::unknown-network"));
            Err(problems)
        }
    }
}

/// Whether this can be a segment of a case id.
pub(super) fn is_segment(text: &str) -> bool {
    let legal = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || b".+_-".contains(&c);
    !text.is_empty() && text.len() <= LONGEST_SEGMENT && !text.starts_with('.') && text.bytes().all(legal)
}

/// The mistakes of all cases, each once.
fn validate_all(cases: &[Expanded], library: &Library<'_>) -> Vec<Problem> {
    let mut found: BTreeMap<_, (Problem, usize, &str)> = BTreeMap::new();
    for case in cases {
        let mut told = BTreeSet::new();
        for problem in validate(&case.scenario, library) {
            let Range { start, end } = problem.span;
            let key = (start, end, problem.code, problem.message.clone());
            if told.insert(key.clone()) {
                found.entry(key).or_insert((problem, 0, &case.suffix)).1 += 1;
            }
        }
    }
    let mark = |(mut problem, count, first): (Problem, usize, &str)| {
        if count < cases.len() {
            let place = format!("so it is in {count} of {} cases, first in `{}`", cases.len(), first.trim_start_matches('/'));
            problem.help = Some(problem.help.map_or_else(|| place.clone(), |help| format!("{help}; {place}")));
        }
        problem
    };
    found.into_values().map(mark).collect()
}

/// Adds the networks of the scenario's topology; a mistake if there is no such topology.
fn merge_topology(scenario: &mut Scenario, topologies: &BTreeMap<String, Topology>) -> Option<Problem> {
    let name = scenario.topology.as_ref()?;
    let Some(topology) = topologies.get(&name.value) else {
        let mut problem = Problem::new("scenario::unknown-topology", &name.span, format!("there is no topology `{}`", name.value));
        problem.help = nearest(name, topologies.keys().map(String::as_str)).map(|name| format!("did you mean `{name}`?"));
        return Some(problem);
    };
    let span = name.span.clone();
    for (name, network) in &topology.networks {
        // Places in the topology's file mean nothing in this one.
        let mut network = network.clone();
        network.span = span.clone();
        scenario.networks.entry(name.clone()).or_insert(network);
    }
    None
}
