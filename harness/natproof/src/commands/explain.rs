//! `explain` and `coverage`.

use crate::suite::{Source, Suite};
use harness::check::{Check, catalogue};
use harness::requirement::{CheckInfo, registry};
use reports::exit::Exit;
use std::collections::{BTreeMap, BTreeSet};

/// Explains a clause, a check, a scenario or a drop reason.
pub(super) fn explain(id: &str) -> anyhow::Result<Exit> {
    let checks = catalogue();
    if let Some(reason) = nat_sim::DropReason::ALL.iter().find(|reason| reason.name() == id) {
        println!("{id}\n{}", reason.explanation());
        return Ok(Exit::AsExpected);
    }
    if let Some(check) = checks.iter().find(|check| check.id == id) {
        println!("{id}\n{}\nclauses: {}", check.summary, check.clauses.join(", "));
        return Ok(Exit::AsExpected);
    }
    let suite = Suite::read(&Source::told(None, None)?, None)?;
    if let Some(loaded) = suite.scenarios.iter().find(|loaded| id == loaded.path || id.starts_with(&format!("{}/", loaded.path))) {
        let scenario = &loaded.cases[0].scenario;
        println!("{}\n{}\n{}{} cases", loaded.path, scenario.title.value, scenario.about.clone().unwrap_or_default(), loaded.cases.len());
        return Ok(Exit::AsExpected);
    }
    let citing = citing(&checks, &suite);
    match registry().explain(id, &infos(&citing, &clauses(&citing))) {
        Ok(text) => {
            print!("{text}");
            Ok(Exit::AsExpected)
        }
        Err(unknown) => {
            eprintln!("natproof: {unknown}");
            Ok(Exit::Usage)
        }
    }
}

/// Lists the ids of all checks and scenarios, for `scenarios/released.txt`.
pub(super) fn list() -> anyhow::Result<Exit> {
    let suite = Suite::read(&Source::told(None, None)?, None)?;
    let checks = catalogue().into_iter().map(|check| check.id.to_owned());
    let ids: BTreeSet<String> = checks.chain(suite.scenarios.into_iter().map(|loaded| loaded.path)).collect();
    for id in ids {
        println!("{id}");
    }
    Ok(Exit::AsExpected)
}

/// How much of each RFC is covered.
pub(super) fn coverage(json: bool) -> anyhow::Result<Exit> {
    let checks = catalogue();
    let suite = Suite::read(&Source::told(None, None)?, None)?;
    let citing = citing(&checks, &suite);
    let coverage = registry().coverage(&infos(&citing, &clauses(&citing))).map_err(|unknown| anyhow::anyhow!("{unknown}"))?;
    if json {
        println!("{}", serde_json::to_string_pretty(&coverage.to_json())?);
    } else {
        println!("{coverage}");
    }
    Ok(Exit::AsExpected)
}

/// Everything that cites clauses: checks, and expectations of scenarios.
struct Citing {
    id: String,
    clauses: Vec<String>,
    rejects: bool,
    accepts: bool,
}

fn citing(checks: &[Check], suite: &Suite) -> Vec<Citing> {
    let controls = |id: &str| {
        let known = harness::check::controls().get(id);
        known.map_or((false, false), |controls| (!controls.rejecting.is_empty(), !controls.accepting.is_empty()))
    };
    let mut all: Vec<Citing> = checks
        .iter()
        .map(|check| {
            let (rejects, accepts) = controls(check.id);
            Citing { id: check.id.into(), clauses: check.clauses.iter().map(|clause| (*clause).into()).collect(), rejects, accepts }
        })
        .collect();
    let mut steps: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for loaded in &suite.scenarios {
        for (id, clauses) in harness::scenario::citations(&loaded.cases[0].scenario) {
            steps.insert(format!("{}#{id}", loaded.path), clauses);
        }
    }
    // An expectation is run against implementations, not against planted faults: it covers without controls.
    all.extend(steps.into_iter().map(|(id, clauses)| Citing { id, clauses, rejects: false, accepts: false }));
    all
}

/// The clauses of each, for as long as the registry looks at them.
fn clauses(citing: &[Citing]) -> Vec<Vec<&str>> {
    citing.iter().map(|citing| citing.clauses.iter().map(String::as_str).collect()).collect()
}

fn infos<'a>(citing: &'a [Citing], clauses: &'a [Vec<&'a str>]) -> Vec<CheckInfo<'a>> {
    let info = |(citing, clauses): (&'a Citing, &'a Vec<&'a str>)| CheckInfo {
        id: &citing.id,
        clauses,
        has_rejecting_control: citing.rejects,
        has_accepting_control: citing.accepts,
    };
    citing.iter().zip(clauses).map(info).collect()
}
