//! Mistakes that types cannot show: names that mean nothing, values out of range, steps that can never be met, expectations that decide nothing.
//!
//! Every case is validated, with the places of the file that it comes from: what is right for one value of an axis can be wrong for another. All mistakes are
//! found at once; a mistake that follows from another one is not told.

mod events;
mod expectations;
mod matching;
mod network;
mod nodes;
mod outcome;
mod sends;
mod timeline;

use super::model::{DriverName, Family, Node, Scenario};
use super::problem::{Problem, nearest};
use super::read::Library;
use super::span::Spanned;
use super::step::Step;
use crate::conductor::Address;
use crate::driver::turmoil::LONGEST_CASE;
use crate::plan::{NetworkPlan, first_crash, max_virtual};
use crate::requirement::registry;
use std::net::{IpAddr, SocketAddr};
use std::ops::Range;

pub use expectations::citations;

/// Nodes of a scenario at most.
pub const MOST_NODES: usize = 16;

/// All mistakes of one case.
pub(super) fn validate(scenario: &Scenario, library: &Library<'_>) -> Vec<Problem> {
    let mut validator = Validator { scenario, library, layout: None, problems: Vec::new() };
    validator.head();
    validator.nodes();
    validator.networks();
    validator.timeline();
    validator.outcome();
    validator.problems
}

struct Validator<'a> {
    scenario: &'a Scenario,
    library: &'a Library<'a>,
    /// The network, once it is known to be sound.
    layout: Option<NetworkPlan>,
    problems: Vec<Problem>,
}

impl<'a> Validator<'a> {
    fn wrong(&mut self, code: &'static str, span: &Range<usize>, message: impl Into<String>) {
        self.problems.push(Problem::new(code, span, message));
    }

    fn wrong_with(&mut self, code: &'static str, span: &Range<usize>, message: impl Into<String>, help: impl Into<String>) {
        self.problems.push(Problem::new(code, span, message).help(help));
    }

    /// A name that is none of the known ones.
    fn unknown<'b>(&mut self, code: &'static str, name: &Spanned<String>, what: &str, known: impl IntoIterator<Item = &'b str>) {
        let mut problem = Problem::new(code, &name.span, format!("`{}` is not {what}", name.value));
        problem.help = nearest(name, known).map(|name| format!("did you mean `{name}`?"));
        self.problems.push(problem);
    }

    /// The node of this name; an unknown one is a mistake.
    fn node(&mut self, name: &Spanned<String>) -> Option<&'a Node> {
        let scenario = self.scenario;
        match scenario.nodes.get(&name.value) {
            Some(node) => Some(&node.value),
            None => {
                self.unknown("scenario::unknown-node", name, "a node of this scenario", scenario.nodes.keys().map(String::as_str));
                None
            }
        }
    }

    /// An address as steps write it, with the node that it is about.
    fn address(&mut self, text: &Spanned<String>) -> Option<(Address, Option<&'a str>)> {
        let scenario = self.scenario;
        let position = |name: &str| scenario.nodes.keys().position(|node| node == name);
        match Address::parse(text, position) {
            Ok(address) => {
                let node = match address {
                    Address::Node(node) | Address::Alternate(node) | Address::RelayOf(node) | Address::Mapped(node) => {
                        scenario.nodes.keys().nth(node).map(String::as_str)
                    }
                    Address::Literal(_) | Address::SourceOf(_) => None,
                };
                Some((address, node))
            }
            Err(reason) => {
                let last = text.rsplit(' ').next().unwrap_or_default();
                let mut problem = Problem::new("scenario::address", &text.span, reason);
                problem.help = match text.parse::<IpAddr>() {
                    Ok(address) => Some(format!("an address needs its port: `{}`", SocketAddr::new(address, 3478))),
                    Err(_) => nearest(last, scenario.nodes.keys().map(String::as_str)).map(|name| format!("did you mean `{name}`?")),
                };
                self.problems.push(problem);
                None
            }
        }
    }

    /// What is said about the scenario as a whole.
    fn head(&mut self) {
        let scenario = self.scenario;
        if scenario.title.trim().is_empty() || scenario.title.lines().count() > 1 {
            self.wrong("scenario::title", &scenario.title.span, "a title is one line that says what is shown");
        }
        self.checks();
        self.clauses(scenario.outcome.iter().flat_map(|outcome| &outcome.value.clauses));
        let decided = scenario.timeline.iter().any(|step| step.value.expectation().is_some());
        if !decided && scenario.outcome.is_none() && scenario.decides.is_empty() {
            let message = "nothing decides this scenario: it has no expectation, no outcome and no check under `decides`";
            self.wrong("scenario::undecided", &scenario.title.span, message);
        }
        self.duration_limit();
        self.crashes();
    }

    /// Hosts that can die are on one driver only, and that one has its own limits.
    fn crashes(&mut self) {
        let Some(step) = first_crash(self.scenario) else { return };
        let drivers = &self.scenario.drivers;
        if !drivers.is_empty() && drivers.iter().all(|driver| driver.value != DriverName::Turmoil) {
            let message = "only the driver `turmoil` has hosts that can die, and `drivers` does not allow it";
            self.wrong_with("scenario::driver", &step.span, message, "add `turmoil` to `drivers`, or leave `drivers` out");
        }
        let (lasts, longest) = (super::units::Span(max_virtual(self.scenario)), super::units::Span(LONGEST_CASE));
        if lasts > longest {
            let message = format!(
                "only the driver `turmoil` has hosts that can die; it takes cases of at most {longest}, this one lasts up to {lasts}"
            );
            self.wrong_with("scenario::driver", &step.span, message, "set `max-virtual`, or wait for less long");
        }
    }

    fn checks(&mut self) {
        let scenario = self.scenario;
        let checks: Vec<&str> = crate::check::catalogue().iter().map(|check| check.id).collect();
        for check in &scenario.decides {
            if !checks.contains(&check.as_str()) {
                self.unknown("scenario::unknown-check", check, "a check of this suite", checks.iter().copied());
            } else if scenario.provokes.contains_key(&check.value) {
                let message = format!("`{}` cannot decide the scenario and be provoked by it", check.value);
                self.wrong("scenario::contradiction", &check.span, message);
            }
        }
        for (check, reason) in &scenario.provokes {
            if !checks.contains(&check.as_str()) {
                let check = Spanned { value: check.clone(), span: reason.span.clone() };
                self.unknown("scenario::unknown-check", &check, "a check of this suite", checks.iter().copied());
            } else if reason.trim().is_empty() {
                self.wrong("scenario::reason", &reason.span, format!("a reason is needed why the scenario provokes `{check}`"));
            }
        }
    }

    /// Clauses that are cited.
    fn clauses<'b>(&mut self, cited: impl IntoIterator<Item = &'b Spanned<String>>) {
        for clause in cited.into_iter().filter(|clause| registry().get(clause).is_none()) {
            let mut problem =
                Problem::new("scenario::unknown-clause", &clause.span, format!("`{}` is not a registered clause", clause.value));
            problem.help = registry().suggest(clause).first().map(|id| format!("did you mean `{id}`?"));
            self.problems.push(problem);
        }
    }

    /// Whether the steps that end only when their time is over fit into `max-virtual`.
    fn duration_limit(&mut self) {
        let Some(limit) = &self.scenario.max_virtual else { return };
        let waits = |step: &Step| match step {
            Step::Wait(_) | Step::ExpectNone(_) | Step::ExpectNoEvent(_) => crate::conductor::lasts(step).unwrap_or(0),
            _ => 0,
        };
        let total = self.scenario.timeline.iter().fold(0_u64, |sum, step| sum.saturating_add(waits(&step.value)));
        if limit.value.0 == 0 || total > limit.value.0 {
            let total = super::units::Span(total);
            let message = format!("the case would end after {}, but its steps wait {total} in all", limit.value);
            self.wrong("scenario::max-virtual", &limit.span, message);
        }
    }
}

/// The address families of a node.
fn families(node: &Node) -> &[Family] {
    node.addresses.as_deref().unwrap_or(&[Family::V4])
}

/// Whether two nodes can exchange datagrams at all.
fn share_a_family(a: &Node, b: &Node) -> bool {
    let (a, b) = (families(a), families(b));
    // A node without addresses is told by itself.
    a.is_empty() || b.is_empty() || a.iter().any(|family| b.contains(family))
}

/// Whether an implementation plays the node; nobody does where that is a mistake of its own.
fn is_implementation(node: &Node) -> bool {
    node.implementation.is_some() && node.actor.is_none()
}

/// Who plays a node, for messages.
fn player_word(node: &Node) -> &'static str {
    use super::model::Actor;
    match node.actor.as_ref().map(|actor| &actor.value) {
        None => "an implementation",
        Some(Actor::Script(_)) => "a script",
        Some(Actor::StunServer(_)) => "the harness's STUN server",
        Some(Actor::TurnServer(_)) => "the harness's TURN server",
        Some(Actor::Discovery(_)) => "a discovery client",
        Some(Actor::Dtls(_)) => "the harness's DTLS endpoint",
        Some(Actor::Ice(_)) => "the harness's ICE agent",
        Some(Actor::Echo(_)) => "an echo",
    }
}
