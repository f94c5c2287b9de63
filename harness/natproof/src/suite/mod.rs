//! The suite: scenarios, topologies and expectations, built in or from a folder.

mod files;
mod released;
mod settings;
pub(crate) mod written;

pub(crate) use files::{Source, SourceFile};
pub(crate) use released::Released;

use harness::scenario::matrix::Expanded;
use harness::scenario::model::Topology;
use harness::scenario::problem::Problem;
use harness::scenario::{Library, load_topology, read, render};
use reports::expectation::{Expectation, Expectations};
use std::collections::{BTreeMap, BTreeSet};

/// The version of scenarios, checks and clauses together.
pub(crate) const SUITE: &str = env!("CARGO_PKG_VERSION");

/// Prints all mistakes of a file to standard error.
pub(crate) fn print(file: &SourceFile, problems: &[Problem]) {
    eprint!("{}", render(&file.path, &file.bytes, problems));
}

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
    /// Reads every scenario of a source. Without the names of implementations, scenarios may name any.
    pub(crate) fn read(source: &Source, implementations: Option<&BTreeSet<String>>) -> anyhow::Result<Self> {
        let mut suite = Self { scenarios: Vec::new(), broken: Vec::new() };
        let topologies = suite.topologies(source)?;
        let library = Library { topologies: &topologies, implementations };
        for file in source.scenarios()? {
            match read(&file.id(), &file.bytes, &library) {
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

    /// Ids of all cases, of whatever implementations, without seeds.
    pub(crate) fn case_ids(&self) -> BTreeSet<String> {
        let ids = |loaded: &Loaded| loaded.cases.iter().map(|case| format!("{}{}", loaded.path, case.suffix)).collect::<Vec<_>>();
        self.scenarios.iter().flat_map(ids).collect()
    }
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
