//! Runs a scenario of the suite with the harness's TURN server in the place of the implementation.

use harness::actor;
use harness::check::catalogue;
use harness::conductor::Conductor;
use harness::driver::sim;
use harness::evaluate::Evaluation;
use harness::plan::{CasePlan, PlannedPlayer, Resolver};
use harness::scenario::model::{Actor, RoleName, Scenario};
use harness::scenario::step::Step;
use harness::scenario::turn_server::TurnServerActor;
use harness::scenario::{Library, read};
use harness::trace::{Recorder, vantages};
use iut::{Capability, Manifest, Role};
use reports::record::Case;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

/// The name under which the server is judged.
const PLANTED: &str = "planted";
/// The implementation that it stands in for.
const REPLACED: &str = "turn-server-proto";

fn root() -> PathBuf {
    concat!(env!("CARGO_MANIFEST_DIR"), "/../scenarios").into()
}

/// The scenarios of STUN and TURN whose only implementation is a server.
pub(crate) fn scenarios() -> Vec<String> {
    let mut names = Vec::new();
    for folder in ["stun", "turn"] {
        let entries = std::fs::read_dir(root().join(folder)).expect("the folder exists");
        let files = entries.map(|entry| entry.expect("it can be listed").path());
        names.extend(files.map(|path| format!("{folder}/{}", path.file_stem().expect("a file has a name").to_string_lossy())));
    }
    names.sort();
    names.retain(|name| !cases(name).is_empty());
    names
}

/// The cases of a scenario in which the server takes part and no other implementation does.
fn cases(name: &str) -> Vec<(String, Scenario)> {
    let bytes = std::fs::read(root().join(format!("{name}.yaml"))).unwrap_or_else(|error| panic!("{name}: {error}"));
    let library = Library { topologies: &BTreeMap::new(), implementations: None };
    let expanded = read(name, &bytes, &library).unwrap_or_else(|problems| panic!("{name}: {problems:?}"));
    let replaced = expanded.into_iter().filter_map(|case| Some((format!("{name}{}", case.suffix), replace(case.scenario)?)));
    replaced.collect()
}

fn replace(mut scenario: Scenario) -> Option<Scenario> {
    // Hosts that die are for another driver.
    if scenario.timeline.iter().any(|step| matches!(step.value, Step::Crash(_) | Step::Bounce(_) | Step::CrashGateway(_))) {
        return None;
    }
    let mut found = false;
    for node in scenario.nodes.values_mut().map(|node| &mut node.value) {
        let Some(implementation) = &mut node.implementation else { continue };
        if implementation.value != REPLACED || !matches!(node.role.value, RoleName::TurnServer | RoleName::StunServer) {
            return None;
        }
        implementation.value = PLANTED.to_owned();
        found = true;
    }
    found.then_some(scenario)
}

fn manifests() -> BTreeMap<String, Manifest> {
    let manifest = Manifest {
        name: PLANTED,
        version: "0",
        roles: BTreeSet::from([Role::TurnServer, Role::StunServer]),
        capabilities: BTreeSet::from([Capability::Ipv6, Capability::LongTermCredentials, Capability::Channels]),
        deterministic: true,
        gathering_by_adapter: false,
        asynchronous: false,
        address_sensitive: false,
    };
    BTreeMap::from([(PLANTED.to_owned(), manifest)])
}

/// Runs all cases of a scenario.
pub(crate) fn run(name: &str, options: &TurnServerActor) -> Vec<Case> {
    let manifests = manifests();
    let resolver = Resolver { manifests: &manifests, seed: 1, driver: None };
    let mut records = Vec::new();
    for (id, scenario) in cases(name) {
        let (plan, not_run) = resolver.resolve(name, &id, &scenario).unwrap_or_else(|problems| panic!("{id}: {problems:?}"));
        assert!(not_run.is_none(), "{id} cannot run");
        records.push(carry(plan, &manifests, options));
    }
    assert!(!records.is_empty(), "{name} has no case for a server alone");
    records
}

fn carry(plan: CasePlan, manifests: &BTreeMap<String, Manifest>, options: &TurnServerActor) -> Case {
    let built = plan.network.build(plan.seed).expect("the plan is sound");
    let planted = Actor::TurnServer(options.clone());
    let players = plan.nodes.iter().map(|node| match &node.player {
        PlannedPlayer::Actor(actor) => actor::player(actor, node, None),
        PlannedPlayer::Implementation(_) => actor::player(&planted, node, None),
    });
    let party = |id| built.hosts.iter().position(|host| *host == id);
    let recorder = Recorder::new(plan.nodes.iter().map(|node| node.name.clone()).collect(), vantages(built.net.vantages(), party));
    let conductor = Conductor::new(Arc::new(plan.clone()), players.collect(), recorder);
    let ending = sim::run(built, conductor, |_| {});
    let checks = catalogue();
    let evaluation = Evaluation { checks: &checks, manifests, replay: String::new(), aslr: false };
    evaluation.case(&plan, ending).0.case
}
