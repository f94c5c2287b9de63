//! Actors among themselves: scripts that answer each other, and ICE agents that both claim a role.

use harness::actor;
use harness::conductor::{Conductor, StepVerdict};
use harness::driver::sim;
use harness::plan::{PlannedPlayer, Resolver};
use harness::scenario::load;
use harness::trace::{Recorder, vantages};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What became of the expectations of a scenario of actors alone.
fn run(text: &str) -> BTreeMap<String, StepVerdict> {
    let scenario = load(text.as_bytes()).unwrap_or_else(|problems| panic!("{text}\n{problems:?}"));
    let resolver = Resolver { manifests: &BTreeMap::new(), seed: 1, driver: None };
    let (plan, not_run) = resolver.resolve("actors", "actors", &scenario).unwrap_or_else(|problems| panic!("{text}\n{problems:?}"));
    assert_eq!(not_run, None);
    let built = plan.network.build(plan.seed).expect("the plan is sound");
    let players = plan.nodes.iter().map(|node| match &node.player {
        PlannedPlayer::Actor(actor) => actor::player(actor, node, None),
        PlannedPlayer::Implementation(name) => panic!("{name} is not played here"),
    });
    let party = |id| built.hosts.iter().position(|host| *host == id);
    let recorder = Recorder::new(plan.nodes.iter().map(|node| node.name.clone()).collect(), vantages(built.net.vantages(), party));
    let ending = sim::run(built, Conductor::new(Arc::new(plan.clone()), players.collect(), recorder), |_| {});
    ending.results.into_iter().map(|result| (result.id, result.verdict)).collect()
}

/// A client and a server behind a NAT, both scripts; the server answers with this message.
fn answered(answer: &str) -> BTreeMap<String, StepVerdict> {
    run(&format!(
        "title: A script answers\nnodes:\n  client: {{role: turn-client, actor: {{script: {{}}}}, nat: symmetric}}\n  \
         server: {{role: turn-server, actor: {{script: {{}}}}}}\ntimeline:\n  \
         - send: {{node: client, to: server, as: request, stun: {{method: allocate}}}}\n  \
         - expect: {{node: server, id: asked, within: 1s, packet: {{stun: {{method: allocate, class: request}}}}}}\n  \
         - send: {{node: server, to: source-of asked, stun: {{method: allocate, {answer}}}}}\n  \
         - expect: {{node: client, id: refused, within: 1s, packet: {{answers: request, stun: {{class: error, error: 486}}}}}}\n  \
         - expect:\n      node: client\n      id: granted\n      within: 1s\n      \
           packet: {{answers: request, stun: {{class: success, has: [XOR-RELAYED-ADDRESS, ALTERNATE-SERVER], mapped-is-seen: true}}}}\n"
    ))
}

#[test]
fn a_script_answers_the_transaction_of_the_request_that_it_expected() {
    let verdicts = answered("class: error, answers: asked, attributes: [{error-code: 486}]");
    assert_eq!((verdicts["asked"], verdicts["refused"], verdicts["granted"]), (StepVerdict::Met, StepVerdict::Met, StepVerdict::NotMet));
}

#[test]
fn a_script_tells_addresses_by_name() {
    let attributes = "[{xor-relayed-address: \"203.0.113.99:50000\"}, {alternate-server: server}, {xor-mapped-address: source-of asked}]";
    let verdicts = answered(&format!("class: success, answers: asked, attributes: {attributes}"));
    assert_eq!((verdicts["asked"], verdicts["refused"], verdicts["granted"]), (StepVerdict::Met, StepVerdict::NotMet, StepVerdict::Met));
}

#[test]
fn a_message_of_another_transaction_answers_nothing() {
    let verdicts = answered("class: error, attributes: [{error-code: 486}]");
    assert_eq!((verdicts["asked"], verdicts["refused"]), (StepVerdict::Met, StepVerdict::NotMet));
}

/// Two ICE agents that both claim to control, told apart by their tiebreakers; what the loser and the winner get.
fn conflict(winner: &str, loser: &str) -> BTreeMap<String, StepVerdict> {
    run(&format!(
        "title: A role conflict\nnodes:\n  a: {{role: ice-agent, actor: {{ice: {{claims: controlling, tiebreaker: {winner}}}}}}}\n  \
         b: {{role: ice-agent, actor: {{ice: {{claims: controlling, tiebreaker: {loser}, checks: false}}}}}}\ntimeline:\n  \
         - create-offer: {{node: a}}\n  \
         - expect: {{node: b, id: checked, within: 3s, packet: {{from: a, stun: {{class: request, has: [ICE-CONTROLLING]}}}}}}\n  \
         - expect: {{node: a, id: succeeds, within: 1s, packet: {{from: b, stun: {{class: success}}}}}}\n  \
         - expect: {{node: a, id: refused, within: 1s, packet: {{from: b, stun: {{class: error, error: 487}}}}}}\n"
    ))
}

#[test]
fn of_two_ice_agents_the_one_with_the_larger_tiebreaker_keeps_control() {
    let verdicts = conflict("highest", "lowest");
    assert_eq!((verdicts["checked"], verdicts["succeeds"], verdicts["refused"]), (StepVerdict::Met, StepVerdict::Met, StepVerdict::NotMet));
}

#[test]
fn an_ice_agent_that_was_refused_checks_again_in_the_other_role() {
    let verdicts = conflict("lowest", "highest");
    assert_eq!((verdicts["checked"], verdicts["succeeds"], verdicts["refused"]), (StepVerdict::Met, StepVerdict::Met, StepVerdict::Met));
}
