//! From a scenario with axes to one scenario per case. Axes are typed paths into the scenario, never text substitution.

use super::model::{Access, Actor, Axis, Dtls, DtlsFault, DtlsVersionName, Family, LinkPair, NatRef, Policy, Scenario, Value};
use super::problem::{Problem, nearest};
use super::read::is_segment;
use super::span::Spanned;
use super::tree::{Kind, Tree};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

/// More cases than this are a mistake.
pub const MOST_CASES: usize = 20_000;

/// One case of a scenario.
#[derive(Clone, Debug)]
pub struct Expanded {
    /// What is added to the scenario's id: `/rtc+str0m/full-cone+symmetric`.
    pub suffix: String,
    /// The scenario with the values of this case in place.
    pub scenario: Scenario,
}

/// A path, its value, and the place to blame for a wrong path.
type Setting<'a> = (&'a str, &'a Spanned<Value>, &'a Range<usize>);

/// Expands all axes.
///
/// # Errors
/// Paths that name nothing, and values that do not fit their path.
pub fn expand(scenario: &Scenario) -> Result<Vec<Expanded>, Vec<Problem>> {
    let mut cases = vec![unexpanded(scenario)];
    let mut problems = Vec::new();
    for axis in &scenario.matrix {
        let size = size(axis);
        if size == 0 || cases.len().saturating_mul(size) > MOST_CASES {
            let message = if size == 0 { "the axis has no values".into() } else { format!("the matrix has more than {MOST_CASES} cases") };
            problems.push(Problem::new("scenario::axis", &axis.span, message));
            continue;
        }
        let points = points(axis);
        problems.extend(wrong_names(axis));
        // A wrong value is told once, not once per case.
        let wrong = wrong_values(&cases[0].scenario, &points);
        if wrong.is_empty() {
            cases = cases.iter().flat_map(|case| points.iter().map(|(name, settings)| case.with(name, settings))).collect();
        }
        problems.extend(wrong);
    }
    if problems.is_empty() { Ok(cases) } else { Err(problems) }
}

/// One case of a scenario whose matrix is wrong: the first point of every axis that is right.
pub(super) fn sample(scenario: &Scenario) -> Expanded {
    let mut case = unexpanded(scenario);
    for axis in scenario.matrix.iter().filter(|axis| (1..=MOST_CASES).contains(&size(axis))) {
        if let Some((_, settings)) = points(axis).first() {
            for (path, value, place) in settings {
                // What is wrong with it has been told.
                let _ = set(&mut case.scenario, path, value, place);
            }
        }
    }
    case
}

fn unexpanded(scenario: &Scenario) -> Expanded {
    let mut scenario = scenario.clone();
    scenario.matrix.clear();
    Expanded { suffix: String::new(), scenario }
}

/// How many points an axis has.
fn size(axis: &Axis) -> usize {
    match axis {
        Axis::Product(paths) if paths.is_empty() => 0,
        Axis::Product(paths) => paths.values().fold(1, |size: usize, values| size.saturating_mul(values.len())),
        Axis::Variants(variants) => variants.len(),
    }
}

/// Names of points that cannot stand in a case id, or that several points share.
fn wrong_names(axis: &Axis) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut check = |name: &str, place: &Range<usize>| {
        if !is_segment(name) {
            let help = "names there have up to 100 lower-case letters, digits, `.`, `+`, `_` and `-`";
            problems.push(Problem::new("scenario::case-id", place, format!("`{name}` cannot stand in a case id")).help(help));
        }
    };
    match axis {
        Axis::Variants(variants) => variants.iter().for_each(|(name, settings)| check(name, &settings.span)),
        Axis::Product(paths) => {
            let words = paths.values().flat_map(|values| values.iter()).map(|value| (word_of(value), &value.span));
            words.for_each(|(word, place)| check(&word, place));
            for (path, values) in paths {
                let mut seen = BTreeSet::new();
                for value in values.iter().filter(|value| !seen.insert(word_of(value))) {
                    let message = format!("two values of `{path}` are called `{}` in case ids", word_of(value));
                    problems.push(Problem::new("scenario::case-id", &value.span, message).help("name them with `variants`"));
                }
            }
        }
    }
    problems
}

fn wrong_values(scenario: &Scenario, points: &[(String, Vec<Setting<'_>>)]) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (_, settings) in points {
        let mut probe = scenario.clone();
        for (path, value, place) in settings {
            if let Err(problem) = set(&mut probe, path, value, place)
                && !problems.contains(&problem)
            {
                problems.push(problem);
            }
        }
    }
    problems
}

impl Expanded {
    fn with(&self, name: &str, settings: &[Setting<'_>]) -> Self {
        let mut case = self.clone();
        for (path, value, place) in settings {
            set(&mut case.scenario, path, value, place).expect("every value was tried before");
        }
        case.suffix = format!("{}/{name}", self.suffix);
        case
    }
}

/// The points of an axis with their names.
fn points(axis: &Axis) -> Vec<(String, Vec<Setting<'_>>)> {
    match axis {
        Axis::Variants(variants) => variants
            .iter()
            .map(|(name, settings)| {
                (name.clone(), settings.value.iter().map(|(path, value)| (path.as_str(), value, &value.span)).collect())
            })
            .collect(),
        Axis::Product(paths) => {
            let mut points: Vec<(Vec<String>, Vec<Setting<'_>>)> = vec![(Vec::new(), Vec::new())];
            for (path, values) in paths {
                points = points
                    .iter()
                    .flat_map(|(names, settings)| {
                        values.value.iter().map(move |value| {
                            let names = names.iter().cloned().chain([word_of(value)]).collect();
                            let settings = settings.iter().copied().chain([(path.as_str(), value, &values.span)]).collect();
                            (names, settings)
                        })
                    })
                    .collect();
            }
            points.into_iter().map(|(names, settings)| (names.join("+"), settings)).collect()
        }
    }
}

/// A value in a case id: lower case letters, digits, `.`, `+`, `_` and `-`.
fn word_of(value: &Value) -> String {
    let text = match value {
        Value::Word(word) => word.clone(),
        Value::List(words) => words.join("-"),
    };
    text.chars()
        .map(|c| if c.is_ascii_alphanumeric() || ".+_-".contains(c) { c.to_ascii_lowercase() } else { '-' })
        .collect::<String>()
        .trim_matches('-')
        .to_owned()
}

/// Sets one path.
fn set(scenario: &mut Scenario, path: &str, value: &Spanned<Value>, place: &Range<usize>) -> Result<(), Problem> {
    let parts: Vec<&str> = path.split('.').collect();
    match parts.as_slice() {
        ["nodes", name, rest @ ..] => {
            let known: Vec<String> = scenario.nodes.keys().cloned().collect();
            let Some(node) = scenario.nodes.get_mut(*name) else {
                let mut problem = Problem::new("scenario::axis-path", place, format!("`{path}`: `{name}` is not a node of this scenario"));
                problem.help = nearest(name, known.iter().map(String::as_str)).map(|name| format!("did you mean `{name}`?"));
                return Err(problem);
            };
            let node = &mut node.value;
            match rest {
                ["implementation"] => node.implementation = Some(Spanned { value: decode(value)?, span: value.span.clone() }),
                ["nat"] => node.nat = Some(Spanned { value: decode::<NatRef>(value)?, span: value.span.clone() }),
                ["access"] => node.access = Some(Spanned { value: decode::<Access>(value)?, span: value.span.clone() }),
                ["network"] => node.network = Some(Spanned { value: decode(value)?, span: value.span.clone() }),
                ["addresses"] => node.addresses = Some(decode::<Vec<Family>>(value)?),
                ["servers"] => {
                    let names: Vec<String> = decode(value)?;
                    node.servers = names.into_iter().map(|name| Spanned { value: name, span: value.span.clone() }).collect();
                }
                ["trickle"] => node.trickle = Some(decode(value)?),
                ["offerer"] => node.offerer = Some(decode(value)?),
                ["policy"] => node.policy = Some(decode::<Policy>(value)?),
                ["dtls", "version"] => node.dtls.get_or_insert_with(Dtls::default).version = Some(decode::<DtlsVersionName>(value)?),
                ["dtls", "mtu"] => {
                    let mtu = Spanned { value: decode(value)?, span: value.span.clone() };
                    node.dtls.get_or_insert_with(Dtls::default).mtu = Some(mtu);
                }
                ["link", key] => set_link(&mut node.link, key, value, path, place)?,
                ["actor", rest @ ..] => match node.actor.as_mut() {
                    Some(actor) => set_actor(&mut actor.value, rest, value, path, place)?,
                    None => return Err(Problem::new("scenario::axis-path", place, format!("`{path}`: `{name}` is no actor"))),
                },
                _ => return Err(unknown_path(path, place)),
            }
        }
        ["networks", name, "nat"] => {
            let Some(network) = scenario.networks.get_mut(*name) else {
                return Err(Problem::new("scenario::axis-path", place, format!("`{path}`: `{name}` is not a network of this scenario")));
            };
            network.value.nat = Some(Spanned { value: decode::<NatRef>(value)?, span: value.span.clone() });
        }
        ["link", key] => set_link(&mut scenario.link, key, value, path, place)?,
        ["signalling", "candidate-loss"] => scenario.signalling.candidate_loss = Some(decode(value)?),
        ["signalling", "delay"] => scenario.signalling.delay = Some(decode(value)?),
        _ => return Err(unknown_path(path, place)),
    }
    Ok(())
}

/// Sets what is said of an actor, where the scenario says something of it.
fn set_actor(actor: &mut Actor, rest: &[&str], value: &Spanned<Value>, path: &str, place: &Range<usize>) -> Result<(), Problem> {
    match (actor, rest) {
        (Actor::Dtls(options), ["dtls", "fragment"]) => options.fragment = Some(decode(value)?),
        (Actor::Dtls(options), ["dtls", "overlap"]) => options.overlap = Some(decode(value)?),
        (Actor::Dtls(options), ["dtls", "faults", number, key]) => {
            let position = number.parse::<usize>().ok().and_then(|number| number.checked_sub(1));
            let count = options.faults.len();
            let Some(fault) = position.and_then(|position| options.faults.get_mut(position)) else {
                let message = format!("`{path}`: faults are numbered from 1, and there are {count}");
                return Err(Problem::new("scenario::axis-path", place, message));
            };
            if let (DtlsFault::Stray { bytes, .. }, "bytes") = (&mut fault.value, *key) {
                *bytes = decode(value)?;
                return Ok(());
            }
            let Some((datagram, flight)) = fault.value.numbers() else { return Err(unknown_path(path, place)) };
            match *key {
                "datagram" => *datagram = Some(decode(value)?),
                "flight" => *flight = Some(decode(value)?),
                _ => return Err(unknown_path(path, place)),
            }
        }
        (Actor::Ice(options), ["ice", "claims"]) => options.claims = decode(value)?,
        (Actor::Ice(options), ["ice", "tiebreaker"]) => options.tiebreaker = decode(value)?,
        _ => return Err(unknown_path(path, place)),
    }
    Ok(())
}

fn set_link(pair: &mut Option<LinkPair>, key: &str, value: &Spanned<Value>, path: &str, place: &Range<usize>) -> Result<(), Problem> {
    let mut changed = pair.clone().unwrap_or_default();
    let link = changed.both.get_or_insert_default();
    match key {
        "latency" => link.latency = Some(decode(value)?),
        "jitter" => link.jitter = Some(decode(value)?),
        "jitter-shape" => link.jitter_shape = Some(decode(value)?),
        "jitter-order" => link.jitter_order = Some(decode(value)?),
        "loss" => link.loss = Some(decode(value)?),
        "duplicate" => link.duplicate = Some(decode(value)?),
        "reorder" => link.reorder = Some(decode(value)?),
        _ => return Err(unknown_path(path, place)),
    }
    *pair = Some(changed);
    Ok(())
}

fn unknown_path(path: &str, place: &Range<usize>) -> Problem {
    Problem::new("scenario::axis-path", place, format!("`{path}` is not a path that an axis can set")).help(
        "known: nodes.NODE.{implementation, nat, access, network, addresses, servers, trickle, offerer, policy, dtls.version, dtls.mtu, link.*, \
         actor.dtls.{fragment, overlap, faults.N.{datagram, flight, bytes}}, actor.ice.{claims, tiebreaker}}, \
         networks.NETWORK.nat, link.{latency, jitter, jitter-shape, jitter-order, loss, duplicate, reorder}, signalling.{delay, candidate-loss}",
    )
}

/// Decodes a value as the type of its path.
fn decode<T: for<'de> Deserialize<'de>>(value: &Spanned<Value>) -> Result<T, Problem> {
    let tree = tree(value);
    T::deserialize(&tree).map_err(|mistake| mistake.into_problem(&value.span))
}

fn tree(value: &Spanned<Value>) -> Tree {
    let word = |word: &str| {
        let kind = match (word, word.parse::<i128>()) {
            ("true", _) => Kind::Bool(true, word.to_owned()),
            ("false", _) => Kind::Bool(false, word.to_owned()),
            (_, Ok(number)) => Kind::Integer(number, word.to_owned()),
            _ => Kind::Text(word.to_owned()),
        };
        Tree { span: value.span.clone(), kind }
    };
    match &value.value {
        Value::Word(text) => word(text),
        Value::List(words) => Tree { span: value.span.clone(), kind: Kind::List(words.iter().map(|text| word(text)).collect()) },
    }
}

/// Paths of a scenario that more than one axis sets: the later one would silently win.
pub fn overlaps(scenario: &Scenario) -> Vec<Problem> {
    let mut seen: BTreeMap<&str, &Range<usize>> = BTreeMap::new();
    let mut problems = Vec::new();
    for axis in &scenario.matrix {
        let paths: Vec<&str> = match &axis.value {
            Axis::Product(paths) => paths.keys().map(String::as_str).collect(),
            Axis::Variants(variants) => {
                let mut paths: Vec<&str> = variants.values().flat_map(|settings| settings.value.keys().map(String::as_str)).collect();
                paths.sort_unstable();
                paths.dedup();
                paths
            }
        };
        for path in paths {
            if seen.insert(path, &axis.span).is_some() {
                problems.push(Problem::new("scenario::axis-path", &axis.span, format!("`{path}` is set by another axis already")));
            }
        }
    }
    problems
}
