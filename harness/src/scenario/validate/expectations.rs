//! Expectations: that they can be met, that they can fail, and that it is clear who is judged.

use super::timeline::{Before, is_discovery};
use super::{Validator, player_word};
use crate::scenario::model::Scenario;
use crate::scenario::span::Spanned;
use crate::scenario::step::{ExpectDiscovery, Expectation, Step};

type Name = Spanned<String>;

/// The expectations of a scenario with the clauses that they decide.
pub fn citations(scenario: &Scenario) -> Vec<(String, Vec<String>)> {
    let cited = |clauses: &[Name]| clauses.iter().map(|clause| clause.value.clone()).collect();
    let steps = scenario.timeline.iter().filter_map(|step| step.value.expectation());
    let steps = steps.map(|about| (about.id.value.clone(), cited(about.clauses)));
    steps.chain(scenario.outcome.iter().map(|outcome| ("outcome".to_owned(), cited(&outcome.clauses)))).collect()
}

impl<'a> Validator<'a> {
    pub(super) fn expect(&mut self, step: &'a Step, before: &mut Before<'a>) {
        let Some(about) = step.expectation() else { return };
        self.clauses(about.clauses);
        self.identity(&about, before);
        self.judged(step, &about);
        self.reading(&about);
        let node = self.node(about.node);
        match step {
            Step::Expect(e) => {
                self.arrives(node, &e.node, &e.packet, before);
                before.arrivals.insert(&e.id);
            }
            Step::ExpectNone(e) => self.arrives(node, &e.node, &e.packet, before),
            Step::ExpectEvent(e) => self.event(node, &e.node, &e.event, before),
            Step::ExpectNoEvent(e) => self.event(node, &e.node, &e.event, before),
            Step::ExpectDiscovery(e) => self.expect_discovery(e, before),
            _ => {}
        }
    }

    /// Its id, its twin and how long it lasts.
    fn identity(&mut self, about: &Expectation<'a>, before: &mut Before<'a>) {
        let legal = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || b".-_".contains(&c);
        if about.id.is_empty() || !about.id.bytes().all(legal) || about.id.value == "outcome" {
            let message = format!("`{}` cannot be the id of an expectation", about.id.value);
            let help = "ids have lower-case letters, digits, dots and hyphens; `outcome` is the id of the outcome";
            self.wrong_with("scenario::name", &about.id.span, message, help);
        }
        if about.lasts.0 == 0 {
            self.wrong("scenario::range", &about.id.span, format!("`{}` lasts no time: it could see nothing", about.id.value));
        }
        if let Some(twin) = about.twin {
            match before.expectations.get(twin.as_str()) {
                Some(true) => {}
                Some(false) => {
                    let message =
                        format!("`{}` expects silence itself: it cannot show that the stimulus is answered when done right", twin.value);
                    self.wrong("scenario::twin", &twin.span, message);
                }
                None => self.unknown("scenario::twin", twin, "the id of an earlier expectation", before.expectations.keys().copied()),
            }
        }
        if before.expectations.insert(about.id, about.twin.is_none()).is_some() {
            let message = format!("two expectations have the id `{}`", about.id.value);
            self.wrong("scenario::duplicate-step", &about.id.span, message);
        }
    }

    /// Who is judged: the subject, or the only one that can be meant.
    fn judged(&mut self, step: &Step, about: &Expectation<'a>) {
        let scenario = self.scenario;
        if let Some(subject) = about.subject {
            if let Some(node) = self.node(subject).filter(|node| node.implementation.is_none()) {
                let message = format!("`{}` is {}: only implementations are judged", subject.value, player_word(node));
                self.wrong("scenario::subject", &subject.span, message);
            }
            return;
        }
        let own = scenario.nodes.get(&about.node.value).is_none_or(|node| node.implementation.is_some());
        let judged: Vec<&str> =
            scenario.nodes.iter().filter(|(_, node)| node.implementation.is_some()).map(|(name, _)| name.as_str()).collect();
        if !own && judged.len() > 1 && !matches!(step, Step::ExpectDiscovery(_)) {
            let message = format!("it is not clear whom `{}` judges", about.id.value);
            self.wrong_with("scenario::subject", &about.id.span, message, format!("say `subject:`, one of {}", judged.join(", ")));
        }
    }

    fn reading(&mut self, about: &Expectation<'a>) {
        let Some(reading) = about.reading else { return };
        if reading.value.trim().is_empty() || about.clauses.is_empty() {
            self.wrong("scenario::value", &reading.span, "`reading` says in words how else the `clauses` of this expectation can be read");
        }
    }

    fn expect_discovery(&mut self, expect: &'a ExpectDiscovery, before: &mut Before<'a>) {
        let waiting = before.discoveries.get_mut(expect.node.as_str()).filter(|runs| **runs > 0);
        if let Some(runs) = waiting {
            *runs -= 1;
        } else if self.scenario.nodes.get(&expect.node.value).is_some_and(|node| is_discovery(node)) {
            let message = format!("no `discover` before this step is left for `{}`", expect.id.value);
            self.wrong("scenario::never", &expect.id.span, message);
        } else if let Some(node) = self.scenario.nodes.get(&expect.node.value) {
            let message = format!("`{}` is {}, not a discovery client", expect.node.value, player_word(node));
            self.wrong("scenario::player", &expect.node.span, message);
        }
        if !expect.as_configured {
            self.wrong("scenario::value", &expect.id.span, "`as-configured: false` would expect anything");
        }
    }
}
