//! What several renderings say about a whole run: verdict counts, unexpected places, matrices.

use std::collections::{BTreeMap, BTreeSet};

use crate::expectation::{Finding, Gate};
use crate::record::{Case, Check, Outcome, Run, Summary, Verdict};

/// `1000 pass, 40 fail, 2 unsupported`: the verdicts that occur.
pub(crate) fn counts(summary: &Summary) -> String {
    let seen = Verdict::ALL.into_iter().filter(|verdict| summary.count(*verdict) > 0);
    let parts: Vec<String> = seen.map(|verdict| format!("{} {verdict}", summary.count(verdict))).collect();
    if parts.is_empty() { "no cases".to_owned() } else { parts.join(", ") }
}

/// `complete`, or in which ways a run is less than the whole suite.
pub(crate) fn extent(run: &Run) -> String {
    let incomplete = (!run.complete).then(|| format!("INCOMPLETE: {} planned cases did not finish", run.planned.len()));
    let parts: Vec<String> = run.selection.iter().map(ToString::to_string).collect();
    let partial = run.partial.then(|| format!("PARTIAL: only {}", parts.join("; ")));
    let limits: Vec<String> = incomplete.into_iter().chain(partial).collect();
    if limits.is_empty() { "complete".to_owned() } else { limits.join("; ") }
}

/// `1 case`, `2 cases`.
pub(crate) fn plural(count: u64, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}

/// Virtual time as seconds.
pub(crate) fn seconds(ms: u64) -> String {
    format!("{}.{:03}s", ms / 1_000, ms % 1_000)
}

/// A failing finding at one place.
pub(crate) struct Unexpected<'a> {
    pub(crate) finding: &'a Finding,
    pub(crate) case: &'a Case,
    pub(crate) check: &'a Check,
}

/// Every place that turns the gate red, gravest first.
pub(crate) fn unexpected<'a>(run: &'a Run, gate: &'a Gate) -> Vec<Unexpected<'a>> {
    let failing = gate.findings.iter().filter(|finding| finding.fails);
    let places = failing.flat_map(|finding| finding.at.iter().map(move |instance| (finding, instance)));
    places
        .filter_map(|(finding, instance)| {
            let case = run.case(&instance.case)?;
            Some(Unexpected { finding, case, check: case.check(&instance.check, &instance.subject)? })
        })
        .collect()
}

/// Failing findings about entries or the report, which have no place in a case.
pub(crate) fn placeless(gate: &Gate) -> impl Iterator<Item = &Finding> {
    gate.findings.iter().filter(|finding| finding.fails && finding.at.is_empty())
}

/// How the cases of one implementation in one column ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) verdicts: [u64; 7],
    pub(crate) unexpected: u64,
}

impl Tally {
    pub(crate) fn total(&self) -> u64 {
        self.verdicts.iter().sum()
    }

    pub(crate) fn count(&self, verdict: Verdict) -> u64 {
        self.verdicts[verdict as usize]
    }

    /// The verdict that a cell is coloured by.
    pub(crate) fn worst(&self) -> Verdict {
        Verdict::aggregate(Verdict::ALL.into_iter().filter(|verdict| self.count(*verdict) > 0))
    }
}

/// Implementations against scenario areas or scenarios.
pub(crate) struct Matrix<'a> {
    pub(crate) implementations: BTreeSet<&'a str>,
    pub(crate) columns: BTreeSet<&'a str>,
    pub(crate) cells: BTreeMap<(&'a str, &'a str), Tally>,
}

/// Sorts each implementation's own verdict of each case by `column`. Cases in which no check judges the implementation are left out:
/// a peer's failure is not its own.
pub(crate) fn matrix<'a>(run: &'a Run, gate: &'a Gate, column: impl Fn(&'a Case) -> &'a str) -> Matrix<'a> {
    let players = |place: Unexpected<'a>| {
        let nodes = place.check.subject.split('+').filter_map(|node| place.case.implementations.get(node));
        nodes.map(|name| (place.case.id.as_str(), name.as_str())).collect::<Vec<_>>()
    };
    let unexpected: BTreeSet<(&str, &str)> = unexpected(run, gate).into_iter().flat_map(players).collect();
    let mut matrix = Matrix { implementations: BTreeSet::new(), columns: BTreeSet::new(), cells: BTreeMap::new() };
    for case in &run.cases {
        for name in case.implementations.values().map(String::as_str).collect::<BTreeSet<_>>() {
            let Some(verdict) = case.verdict_for(name) else { continue };
            matrix.implementations.insert(name);
            matrix.columns.insert(column(case));
            let tally = matrix.cells.entry((name, column(case))).or_default();
            tally.verdicts[verdict as usize] += 1;
            tally.unexpected += u64::from(unexpected.contains(&(case.id.as_str(), name)));
        }
    }
    matrix
}

/// NAT of node a against NAT of node b, for one implementation pair in one variant of a scenario.
pub(crate) struct Grid<'a> {
    pub(crate) scenario: &'a str,
    /// Names of the implementations at a and b.
    pub(crate) pair: [&'a str; 2],
    /// The remaining axis values, e.g. `turn`; empty where there are none.
    pub(crate) variant: String,
    pub(crate) rows: Vec<&'a str>,
    pub(crate) columns: Vec<&'a str>,
    pub(crate) cells: BTreeMap<(&'a str, &'a str), Vec<&'a Case>>,
}

/// The grids of all scenarios in which peers connect through more than one combination of NATs.
pub(crate) fn grids(run: &Run) -> Vec<Grid<'_>> {
    let mut grids: BTreeMap<(&str, [&str; 2], String), Grid<'_>> = BTreeMap::new();
    for case in run.cases.iter().filter(|case| case.outcome.is_some()) {
        let Some((nodes, pair, nats)) = peers(case) else { continue };
        let variant = variant(case, pair, nats, nodes);
        let key = (case.scenario.as_str(), pair, variant.clone());
        let empty = || Grid { scenario: &case.scenario, pair, variant, rows: vec![], columns: vec![], cells: BTreeMap::new() };
        grids.entry(key).or_insert_with(empty).cells.entry((nats[0], nats[1])).or_default().push(case);
    }
    let mut grids: Vec<Grid<'_>> = grids.into_values().filter(|grid| grid.cells.len() > 1).collect();
    for grid in &mut grids {
        grid.rows = in_order(grid.cells.keys().map(|(a, _)| *a));
        grid.columns = in_order(grid.cells.keys().map(|(_, b)| *b));
    }
    grids
}

/// What one cell of a grid says: `direct srflx/prflx`; `mixed` where its cases differ.
pub(crate) fn cell_outcome(cases: &[&Case]) -> String {
    let said: BTreeSet<(Option<Outcome>, _)> = cases.iter().map(|case| (case.outcome, case.selected_pair)).collect();
    match said.into_iter().collect::<Vec<_>>()[..] {
        [(Some(outcome), Some([local, remote]))] => format!("{outcome} {local}/{remote}"),
        [(Some(outcome), None)] => outcome.to_string(),
        _ => "mixed".to_owned(),
    }
}

type Peers<'a> = ([&'a str; 2], [&'a str; 2], [&'a str; 2]);

/// Nodes, implementations and NATs of a case's two peers, in the order of node names. A peer that the harness plays is called `actor`.
fn peers(case: &Case) -> Option<Peers<'_>> {
    let nodes: Vec<&str> = case.roles.iter().filter(|(_, role)| *role == "peer").map(|(node, _)| node.as_str()).collect();
    let [a, b] = nodes[..] else { return None };
    let name = |node: &str| case.implementations.get(node).map_or("actor", String::as_str);
    Some(([a, b], [name(a), name(b)], [case.nat.get(a)?, case.nat.get(b)?]))
}

/// The axis values that are neither the pair, nor the NATs, nor the seed.
fn variant(case: &Case, pair: [&str; 2], nats: [&str; 2], nodes: [&str; 2]) -> String {
    let joined = |two: [&str; 2]| two.join("+");
    let known = [joined(pair), joined(nats), joined(nodes), nats[0].to_owned(), nats[1].to_owned(), pair[0].to_owned(), pair[1].to_owned()];
    let base = &case.axes()[..case.axes().len() - (case.id.len() - case.base_id().len())];
    base.split('/').filter(|segment| !known.iter().any(|known| known == segment)).collect::<Vec<_>>().join("/")
}

/// The presets in their usual order, from open to blocked, then everything else by name.
fn in_order<'a>(nats: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    const PRESETS: [&str; 7] = ["open", "full-cone", "restricted", "port-restricted", "symmetric", "symmetric-sequential", "udp-blocked"];
    let unique: BTreeSet<&str> = nats.collect();
    let mut list: Vec<&str> = unique.into_iter().collect();
    list.sort_by_key(|nat| PRESETS.iter().position(|preset| preset == nat).unwrap_or(PRESETS.len()));
    list
}
