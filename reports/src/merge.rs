//! One run out of several: partitions of one suite, or runs of different selections.

use std::collections::{BTreeMap, BTreeSet};

use crate::record::{Case, Run, Selection, Volatile};

/// Why runs cannot become one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MergeError {
    /// There is nothing to merge.
    #[error("no report to merge")]
    Empty,
    /// Reports of different runs.
    #[error("reports differ in {what}: `{one}` and `{other}`")]
    Differ {
        /// In what.
        what: &'static str,
        /// The first value.
        one: String,
        /// Another.
        other: String,
    },
    /// The same case with different results.
    #[error("case `{0}` has different results in two reports")]
    Conflict(String),
}

/// Merges runs of one tool, suite and seed. Their cases must be disjoint or, but for what is volatile, equal. The result is complete
/// exactly when every part is, and no longer partial once the parts' selections make up the whole suite. `expected` stays as each
/// part saw it: evaluate the result again, because a part cannot know what another seed of its case shows.
///
/// # Errors
/// No run, runs of different tools, suites or seeds, or one case with two results.
pub fn merge(runs: Vec<Run>) -> Result<Run, MergeError> {
    let mut runs = runs.into_iter();
    let mut merged = runs.next().ok_or(MergeError::Empty)?;
    let mut selections = selections(&merged);
    let mut cases: BTreeMap<String, Case> = std::mem::take(&mut merged.cases).into_iter().map(|case| (case.id.clone(), case)).collect();
    for run in runs {
        same_origin(&merged, &run)?;
        selections.extend(self::selections(&run));
        merged.complete &= run.complete;
        merged.planned.extend(run.planned);
        for case in run.cases {
            add(&mut cases, case)?;
        }
    }
    merged.planned.retain(|id| !cases.contains_key(id));
    merged.cases = cases.into_values().collect();
    merged.selection = joined(selections);
    merged.partial = !merged.selection.is_empty();
    merged.count();
    Ok(merged)
}

fn same_origin(one: &Run, other: &Run) -> Result<(), MergeError> {
    let pairs = [
        ("schema", one.schema.clone(), other.schema.clone()),
        ("tool", one.tool.to_string(), other.tool.to_string()),
        ("suite", one.suite.clone(), other.suite.clone()),
        ("seed", one.seed.to_string(), other.seed.to_string()),
    ];
    let differing = pairs.into_iter().find(|(_, one, other)| one != other);
    differing.map_or(Ok(()), |(what, one, other)| Err(MergeError::Differ { what, one, other }))
}

fn add(cases: &mut BTreeMap<String, Case>, case: Case) -> Result<(), MergeError> {
    let stable = |case: &Case| Case { volatile: Volatile::default(), ..case.clone() };
    match cases.get(&case.id) {
        Some(other) if stable(other) != stable(&case) => Err(MergeError::Conflict(case.id)),
        Some(_) => Ok(()),
        None => {
            cases.insert(case.id.clone(), case);
            Ok(())
        }
    }
}

/// What a run selected; the whole suite is the selection without restriction and partition.
fn selections(run: &Run) -> BTreeSet<Selection> {
    if run.selection.is_empty() { [Selection::default()].into() } else { run.selection.iter().cloned().collect() }
}

/// Joins partitions that make up their whole, and drops everything beside the whole suite.
fn joined(selections: BTreeSet<Selection>) -> Vec<Selection> {
    let mut parts: BTreeMap<(Vec<String>, u32), BTreeSet<u32>> = BTreeMap::new();
    let mut joined = selections;
    for selection in &joined {
        if let Some(partition) = selection.partition {
            parts.entry((selection.restrictions.clone(), partition.of())).or_default().insert(partition.part());
        }
    }
    for ((restrictions, of), seen) in parts {
        if seen.len() == of as usize {
            joined.insert(Selection { restrictions, partition: None });
        }
    }
    let unpartitioned: BTreeSet<Vec<String>> =
        joined.iter().filter(|one| one.partition.is_none()).map(|one| one.restrictions.clone()).collect();
    if unpartitioned.contains(&Vec::new()) {
        return Vec::new();
    }
    joined.into_iter().filter(|one| one.partition.is_none() || !unpartitioned.contains(&one.restrictions)).collect()
}
