//! The suite: scenarios, topologies and expectations, built in or from a folder.

mod diagnostics;
mod files;

pub(crate) use diagnostics::print;
pub(crate) use files::{Source, SourceFile};

use harness::requirement::registry;
use harness::scenario::matrix::{self, Expanded};
use harness::scenario::model::{Scenario, Topology};
use harness::scenario::problem::{Problem, nearest};
use harness::scenario::{load, load_topology};
use reports::expectation::{Expectation, Expectations};
use std::collections::BTreeMap;

/// The version of scenarios, checks and clauses together.
pub(crate) const SUITE: &str = env!("CARGO_PKG_VERSION");

/// A scenario that was read.
pub(crate) struct Loaded {
    /// Its path without extension.
    pub(crate) path: String,
    /// The file, for diagnostics.
    pub(crate) file: SourceFile,
    /// Its cases.
    pub(crate) cases: Vec<Expanded>,
}

/// All scenarios, and what is wrong with those that could not be read.
pub(crate) struct Suite {
    pub(crate) scenarios: Vec<Loaded>,
    pub(crate) broken: Vec<(SourceFile, Vec<Problem>)>,
}

impl Suite {
    /// Reads every scenario of a source.
    pub(crate) fn read(source: &Source) -> anyhow::Result<Self> {
        let mut suite = Self { scenarios: Vec::new(), broken: Vec::new() };
        let topologies = suite.topologies(source)?;
        for file in source.scenarios()? {
            match read(&file, &topologies) {
                Ok(cases) => suite.scenarios.push(Loaded { path: file.id(), file, cases }),
                Err(problems) => suite.broken.push((file, problems)),
            }
        }
        Ok(suite)
    }

    fn topologies(&mut self, source: &Source) -> anyhow::Result<BTreeMap<String, Topology>> {
        let mut topologies = BTreeMap::new();
        for file in source.topologies()? {
            match load_topology(&file.bytes) {
                Ok(topology) => {
                    topologies.insert(file.stem(), topology);
                }
                Err(problems) => self.broken.push((file, problems)),
            }
        }
        Ok(topologies)
    }
}

fn read(file: &SourceFile, topologies: &BTreeMap<String, Topology>) -> Result<Vec<Expanded>, Vec<Problem>> {
    let mut scenario = load(&file.bytes)?;
    merge_topology(&mut scenario, topologies)?;
    let mut problems = matrix::overlaps(&scenario);
    problems.extend(harness::scenario::validate(&scenario, &|id| registry().get(id).is_some(), &|id| {
        registry().suggest(id).first().map(|id| (*id).to_owned())
    }));
    if !problems.is_empty() {
        return Err(problems);
    }
    matrix::expand(&scenario)
}

fn merge_topology(scenario: &mut Scenario, topologies: &BTreeMap<String, Topology>) -> Result<(), Vec<Problem>> {
    let Some(name) = &scenario.topology else { return Ok(()) };
    let Some(topology) = topologies.get(&name.value) else {
        let mut problem = Problem::new("scenario::unknown-topology", &name.span, format!("there is no topology `{}`", name.value));
        problem.help = nearest(name, topologies.keys().map(String::as_str)).map(|name| format!("did you mean `{name}`?"));
        return Err(vec![problem]);
    };
    for (name, network) in &topology.networks {
        // Spans of the topology's file mean nothing in this one.
        let mut network = network.clone();
        network.span = scenario.title.span.clone();
        scenario.networks.entry(name.clone()).or_insert(network);
    }
    Ok(())
}

/// Reads the expectations of a source.
pub(crate) fn expectations(source: &Source) -> anyhow::Result<Result<Expectations, Vec<(SourceFile, String)>>> {
    let mut files = BTreeMap::new();
    let mut broken = Vec::new();
    for file in source.expectations()? {
        let text = String::from_utf8_lossy(&file.bytes).into_owned();
        if text.lines().all(|line| line.trim().is_empty() || line.trim_start().starts_with('#')) {
            files.insert(file.stem(), Vec::new());
            continue;
        }
        match serde_yaml::from_str::<Vec<Expectation>>(&text) {
            Ok(entries) => {
                files.insert(file.stem(), entries);
            }
            Err(error) => broken.push((file, error.to_string())),
        }
    }
    if !broken.is_empty() {
        return Ok(Err(broken));
    }
    Ok(Expectations::new(files).map_err(|errors| {
        let file = |name: &str| SourceFile { path: format!("{name}.yaml"), bytes: Vec::new() };
        errors.into_iter().map(|error| (file(&error.implementation), error.to_string())).collect()
    }))
}
