//! Which driver carries a case: the first that refuses nothing of it.

use crate::driver::turmoil::LONGEST_CASE;
use crate::scenario::model::{DriverName, Scenario};
use crate::scenario::span::Spanned;
use crate::scenario::step::Step;
use crate::scenario::units::Span;
use iut::Ns;

/// What is added to the sum of all waits where a scenario names no `max-virtual`.
const SLACK: Ns = 10 * iut::SECOND;

/// What a case asks of its driver.
pub(super) struct Needs<'a> {
    pub(super) scenario: &'a Scenario,
    /// A node needs an executor.
    pub(super) asynchronous: bool,
    pub(super) max_virtual: Ns,
}

impl Needs<'_> {
    /// The driver: `wanted`, where the user named one.
    ///
    /// # Errors
    /// Why none carries the case.
    pub(super) fn driver(&self, wanted: Option<DriverName>) -> Result<DriverName, String> {
        const IN_ORDER: [DriverName; 3] = [DriverName::Sim, DriverName::Tokio, DriverName::Turmoil];
        let candidates = wanted.map_or(IN_ORDER.to_vec(), |driver| vec![driver]);
        let mut reasons = Vec::new();
        for driver in candidates {
            match self.refusal(driver) {
                None => return Ok(driver),
                Some(reason) => reasons.push(format!("`{}` {reason}", driver.name())),
            }
        }
        Err(format!("no driver carries this case: {}", reasons.join(", ")))
    }

    fn refusal(&self, driver: DriverName) -> Option<String> {
        let allowed = &self.scenario.drivers;
        if !allowed.is_empty() && allowed.iter().all(|name| name.value != driver) {
            return Some("is not among the scenario's `drivers`".into());
        }
        match driver {
            DriverName::Sim if self.asynchronous => Some("has no executor for asynchronous implementations".into()),
            DriverName::Sim | DriverName::Tokio if first_crash(self.scenario).is_some() => Some("has no hosts that can die".into()),
            DriverName::Turmoil if self.max_virtual > LONGEST_CASE => Some(format!(
                "goes from millisecond to millisecond and takes cases of at most {}, this one lasts up to {}",
                Span(LONGEST_CASE),
                Span(self.max_virtual)
            )),
            _ => None,
        }
    }
}

/// The first step by which a host or gateway dies or starts again.
pub(crate) fn first_crash(scenario: &Scenario) -> Option<&Spanned<Step>> {
    scenario.timeline.iter().find(|step| matches!(step.value, Step::Crash(_) | Step::Bounce(_) | Step::CrashGateway(_)))
}

/// Virtual time after which a case of the scenario ends: what it says, else what its steps can last, and a little.
pub(crate) fn max_virtual(scenario: &Scenario) -> Ns {
    let steps = || scenario.timeline.iter().filter_map(|step| crate::conductor::lasts(&step.value)).fold(0, Ns::saturating_add);
    scenario.max_virtual.as_ref().map_or_else(|| steps().saturating_add(SLACK), |span| span.0)
}
