//! Whole cases in this process: the real plan, conductor, driver, network and implementations; no capture, no checks, no fork.

use harness::actor;
use harness::conductor::{Conductor, Ending, Player, StepVerdict};
use harness::driver::tokio::Program;
use harness::driver::{sim, tokio};
use harness::plan::{CasePlan, PlannedPlayer, Resolver};
use harness::scenario::model::DriverName;
use harness::scenario::{Library, read};
use harness::trace::{Body, Recorder, vantages};
use iut::{Implementation, Instance, Manifest, Ns};
use std::collections::BTreeMap;
use std::sync::Arc;

const CONNECT: &str = include_str!("../scenarios/connect.yaml");
const HOUR: &str = include_str!("../scenarios/hour.yaml");

/// A case that can be run any number of times.
pub struct Case {
    plan: CasePlan,
}

/// What a case has done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Done {
    /// Expectations that were met: channels opened, texts delivered.
    pub met: usize,
    /// Expectations of the case.
    pub expected: usize,
    /// Packets that were recorded, at all places.
    pub packets: usize,
    /// Virtual time that has passed.
    pub at: Ns,
}

impl Case {
    /// Two rtc peers behind port-restricted NATs with a STUN server: gather, ICE, DTLS, SCTP, a data channel, an echo.
    pub fn connect() -> Self {
        Self::of(CONNECT, DriverName::Sim)
    }

    /// The same peers connect, are idle for an hour, and still talk. The driver is `sim` or `tokio`. (`webrtc` binds its sockets itself, so that it
    /// runs where libc is interposed, in natproof alone.)
    pub fn hour(driver: DriverName) -> Self {
        Self::of(HOUR, driver)
    }

    fn of(text: &str, driver: DriverName) -> Self {
        let library = Library { topologies: &BTreeMap::new(), implementations: None };
        let cases = read("bench", text.as_bytes(), &library).unwrap_or_else(|problems| panic!("{problems:?}"));
        let manifest = adapter_rtc::Rtc.manifest();
        let manifests: BTreeMap<String, Manifest> = BTreeMap::from([(manifest.name.to_owned(), manifest)]);
        let resolver = Resolver { manifests: &manifests, seed: 1, driver: Some(driver) };
        let (plan, not_run) = resolver.resolve("bench", "bench", &cases[0].scenario).unwrap_or_else(|problems| panic!("{problems:?}"));
        assert!(not_run.is_none() && plan.driver == driver, "{not_run:?}");
        Self { plan }
    }

    /// Runs the case once.
    ///
    /// # Panics
    /// When an implementation does, or refuses its configuration.
    pub fn run(&self) -> Done {
        let plan = &self.plan;
        let built = plan.network.build(plan.seed).expect("the plan is sound");
        let (players, programs) = players(plan);
        let party = |id| built.hosts.iter().position(|host| *host == id);
        let names = plan.nodes.iter().map(|node| node.name.clone()).collect();
        let recorder = Recorder::new(names, vantages(built.net.vantages(), party));
        let conductor = Conductor::new(Arc::new(plan.clone()), players, recorder);
        let ending = match plan.driver {
            DriverName::Tokio => tokio::run(built, conductor, programs),
            _ => sim::run(built, conductor, |_| {}),
        };
        done(ending)
    }
}

fn done(ending: Ending) -> Done {
    let met = ending.results.iter().filter(|result| result.verdict == StepVerdict::Met).count();
    let trace = ending.recorder.into_trace();
    let packets = trace.events.iter().filter(|event| matches!(event.body, Body::Packet(_))).count();
    Done { met, expected: ending.results.len(), packets, at: ending.at }
}

fn players(plan: &CasePlan) -> (Vec<Player>, Vec<Program>) {
    let mut programs = Vec::new();
    let mut player = |index: usize| {
        let node = &plan.nodes[index];
        if let PlannedPlayer::Actor(actor) = &node.player {
            return actor::player(actor, node, None);
        }
        match adapter_rtc::Rtc.build(&node.config).expect("the configuration is plain") {
            Instance::Endpoint(endpoint) => Player::Endpoint(endpoint),
            Instance::Async(program) => {
                programs.push(Program { node: index, addresses: node.addresses.clone(), program });
                Player::Asynchronous
            }
        }
    };
    let players = (0..plan.nodes.len()).map(&mut player).collect();
    (players, programs)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Packets that a connected pair exchanges in an hour at least: each side checks consent every 4 to 6 s (RFC 7675 section 5.1), each check is
    /// answered, and each of these is seen at its sender and its receiver.
    const HOUR_OF_CONSENT: usize = 2 * 2 * 2 * 600;

    #[test]
    fn a_connect_ends_with_an_echo() {
        let done = Case::connect().run();
        assert_eq!((done.met, done.expected), (4, 4), "{done:?}");
    }

    #[test]
    fn an_hour_passes_on_both_drivers_with_consent_checks_and_an_echo_at_its_end() {
        for driver in [DriverName::Sim, DriverName::Tokio] {
            let done = Case::hour(driver).run();
            assert_eq!((done.met, done.expected), (4, 4), "{driver:?}: {done:?}");
            assert!(done.at >= 3_600 * iut::SECOND && done.packets >= HOUR_OF_CONSENT, "{driver:?}: {done:?}");
        }
    }
}
