//! Mistakes that types cannot show: names that mean nothing, steps that can never be met, expectations that decide nothing.

use super::model::Scenario;
use super::problem::{Problem, nearest};
use super::span::Spanned;
use super::step::Step;
use std::collections::BTreeSet;

/// All mistakes of a scenario before its matrix is expanded. `known` tells whether a clause is registered, `suggest` the nearest one.
pub fn validate(scenario: &Scenario, known: &dyn Fn(&str) -> bool, suggest: &dyn Fn(&str) -> Option<String>) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut ids: BTreeSet<&str> = BTreeSet::new();
    for step in &scenario.timeline {
        if let Some((id, clauses)) = expectation(&step.value) {
            if !ids.insert(id) {
                problems.push(Problem::new("scenario::duplicate-step", &id.span, format!("two expectations have the id `{}`", id.value)));
            }
            unknown_clauses(clauses, known, suggest, &mut problems);
        }
    }
    if let Some(outcome) = &scenario.outcome {
        unknown_clauses(&outcome.clauses, known, suggest, &mut problems);
    }
    let checks: Vec<&str> = crate::check::catalogue().iter().map(|check| check.id).collect();
    for check in &scenario.decides {
        if !checks.contains(&check.as_str()) {
            let mut problem =
                Problem::new("scenario::unknown-check", &check.span, format!("`{}` is not a check of this suite", check.value));
            problem.help = nearest(check, checks.iter().copied()).map(|name| format!("did you mean `{name}`?"));
            problems.push(problem);
        }
    }
    if ids.is_empty() && scenario.outcome.is_none() && scenario.decides.is_empty() {
        let message = "nothing decides this scenario: it has no expectation, no outcome and no check under `decides`";
        problems.push(Problem::new("scenario::undecided", &scenario.title.span, message));
    }
    problems
}

fn expectation(step: &Step) -> Option<(&Spanned<String>, &[Spanned<String>])> {
    Some(match step {
        Step::Expect(step) => (&step.id, &step.clauses),
        Step::ExpectNone(step) => (&step.id, &step.clauses),
        Step::ExpectEvent(step) => (&step.id, &step.clauses),
        Step::ExpectNoEvent(step) => (&step.id, &step.clauses),
        Step::ExpectDiscovery(step) => (&step.id, &step.clauses),
        _ => return None,
    })
}

/// The expectations of a scenario with the clauses that they decide.
pub fn citations(scenario: &Scenario) -> Vec<(String, Vec<String>)> {
    let cited = |clauses: &[Spanned<String>]| clauses.iter().map(|clause| clause.value.clone()).collect();
    let steps = scenario.timeline.iter().filter_map(|step| expectation(&step.value));
    let steps = steps.map(|(id, clauses)| (id.value.clone(), cited(clauses)));
    steps.chain(scenario.outcome.iter().map(|outcome| ("outcome".to_owned(), cited(&outcome.clauses)))).collect()
}

fn unknown_clauses(
    clauses: &[Spanned<String>],
    known: &dyn Fn(&str) -> bool,
    suggest: &dyn Fn(&str) -> Option<String>,
    problems: &mut Vec<Problem>,
) {
    for clause in clauses.iter().filter(|clause| !known(clause)) {
        let mut problem = Problem::new("scenario::unknown-clause", &clause.span, format!("`{}` is not a registered clause", clause.value));
        problem.help = suggest(clause).map(|id| format!("did you mean `{id}`?"));
        problems.push(problem);
    }
}
