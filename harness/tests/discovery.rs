//! Both discovery algorithms, run by the discovery actor against the harness's STUN server through simulated NATs, find what is configured.

use harness::actor;
use harness::conductor::{Conductor, StepResult, StepVerdict};
use harness::driver::sim;
use harness::plan::{CasePlan, PlannedPlayer, Resolver};
use harness::scenario::load;
use harness::trace::{Body, Recorder, vantages};
use iut::ApiEvent;
use std::collections::BTreeMap;
use std::sync::Arc;

const PRESETS: [&str; 9] = [
    "open",
    "full-cone",
    "restricted",
    "port-restricted",
    "symmetric",
    "symmetric-sequential",
    "udp-blocked",
    "linux-masquerade-drop",
    "linux-masquerade-accept",
];

/// What one run of an algorithm said, what the plan expects of it, and what the timeline made of that.
struct Outcome {
    found: Vec<String>,
    configured: String,
    results: Vec<StepResult>,
    errors: Vec<String>,
}

/// A scenario in which a client with this access runs these algorithms one after the other.
fn scenario(client: &str, server: &str, networks: &str, algorithms: &[&str]) -> String {
    let steps: Vec<String> = algorithms
        .iter()
        .enumerate()
        .map(|(index, algorithm)| {
            format!(
                "  - discover: {{ node: client, server: server, algorithm: {algorithm} }}\n  \
                   - expect-discovery: {{ node: client, id: found-{index}, within: 90s, as-configured: true }}\n"
            )
        })
        .collect();
    format!(
        "title: Discovery\nnodes:\n  client: {{ role: stun-client, actor: {{ discovery: {{}} }}, {client} }}\n  \
           server: {{ role: stun-server, actor: {{ stun-server: {{ {server} }} }}, addresses: [v4, v4] }}\n\
         {networks}timeline:\n{}",
        steps.concat()
    )
}

fn run(text: &str) -> Outcome {
    let scenario = load(text.as_bytes()).unwrap_or_else(|problems| panic!("{text}\n{problems:?}"));
    let resolver = Resolver { manifests: &BTreeMap::new(), seed: 1, driver: None };
    let (plan, not_run) = resolver.resolve("discovery", "discovery", &scenario).unwrap_or_else(|problems| panic!("{text}\n{problems:?}"));
    assert_eq!(not_run, None);
    carry(plan)
}

fn carry(plan: CasePlan) -> Outcome {
    let built = plan.network.build(plan.seed).expect("the plan is sound");
    let players = plan.nodes.iter().map(|node| match &node.player {
        PlannedPlayer::Actor(actor) => actor::player(actor, node, None),
        PlannedPlayer::Implementation(name) => panic!("{name} is not played here"),
    });
    let party = |id| built.hosts.iter().position(|host| *host == id);
    let recorder = Recorder::new(plan.nodes.iter().map(|node| node.name.clone()).collect(), vantages(built.net.vantages(), party));
    let conductor = Conductor::new(Arc::new(plan.clone()), players.collect(), recorder);
    let ending = sim::run(built, conductor, |_| {});
    let events = || {
        ending.recorder.trace().events.iter().filter_map(|event| if let Body::Api { event, .. } = &event.body { Some(event) } else { None })
    };
    let found: Vec<String> =
        events().filter_map(|event| if let ApiEvent::Discovered(words) = event { Some(words.clone()) } else { None }).collect();
    let errors =
        events().filter_map(|event| if let ApiEvent::Error { message, .. } = event { Some(message.clone()) } else { None }).collect();
    let client = plan.node("client").expect("every scenario here has a client");
    let old = found.first().is_some_and(|words| words.starts_with("rfc3489="));
    Outcome { configured: plan.network.discoverable(client, old), found, results: ending.results, errors }
}

/// What one algorithm finds through an access, where the plan agrees.
fn discover(access: &str, networks: &str, algorithm: &str) -> String {
    let outcome = run(&scenario(access, "discovery: true", networks, &[algorithm]));
    assert_eq!(outcome.found, std::slice::from_ref(&outcome.configured), "{algorithm} through {access}, {networks}: {:?}", outcome.errors);
    assert!(outcome.results.iter().all(|result| result.verdict == StepVerdict::Met));
    outcome.configured
}

fn apdm() -> &'static str {
    "mapping=address-and-port-dependent filtering=address-and-port-dependent"
}

#[test]
fn rfc_3489_projects_every_preset_on_its_six_types() {
    let types = PRESETS.map(|preset| discover(&format!("nat: {preset}"), "", "rfc3489"));
    let names = types.each_ref().map(|found| found.strip_prefix("rfc3489=").expect("the words of RFC 3489"));
    let expected = [
        "open",
        "full-cone",
        "restricted",
        "port-restricted",
        "symmetric",
        "symmetric",
        "udp-blocked",
        "port-restricted",
        // The unsolicited answer of Test II occupies the way to the server's other address, so the mapping there is another one.
        "symmetric",
    ];
    assert_eq!(names, expected);
}

#[test]
fn rfc_5780_tells_mapping_from_filtering_for_every_preset() {
    let found = PRESETS.map(|preset| discover(&format!("nat: {preset}"), "", "rfc5780"));
    let eim = |filtering: &str| format!("mapping=endpoint-independent filtering={filtering}");
    let apdf = "address-and-port-dependent";
    let expected = [
        "no-nat".to_owned(),
        eim("endpoint-independent"),
        eim("address-dependent"),
        eim(apdf),
        apdm().to_owned(),
        apdm().to_owned(),
        "udp-blocked".to_owned(),
        eim(apdf),
        eim(apdf),
    ];
    assert_eq!(found, expected);
}

#[test]
fn all_27_combinations_of_mapping_filtering_and_ports_are_told_apart() {
    let kinds = ["endpoint-independent", "address-dependent", "address-and-port-dependent"];
    for (mapping, filtering, ports) in combinations(kinds, kinds, ["preserve-with-fallback", "sequential", "random"]) {
        let access = format!(
            "nat: {{ custom: {{ mapping: {mapping}, filtering: {filtering}, ports: {ports}, hairpinning: 'off', mapping-timer: 5m, \
             filter-timer: 5m, mapping-refresh: outbound, filter-refresh: outbound, reverse-binding: mapping, unsolicited-inbound: ignore, \
             unsolicited-reply: silent }} }}"
        );
        assert_eq!(discover(&access, "", "rfc5780"), format!("mapping={mapping} filtering={filtering}"));
        let named = match (mapping, filtering) {
            (_, "endpoint-independent") => "full-cone",
            ("endpoint-independent", "address-dependent") => "restricted",
            ("endpoint-independent", _) => "port-restricted",
            _ => "symmetric",
        };
        assert_eq!(discover(&access, "", "rfc3489"), format!("rfc3489={named}"), "{mapping}, {filtering}, {ports}");
    }
}

fn combinations<'a>(a: [&'a str; 3], b: [&'a str; 3], c: [&'a str; 3]) -> impl Iterator<Item = (&'a str, &'a str, &'a str)> {
    a.into_iter().flat_map(move |a| b.into_iter().flat_map(move |b| c.into_iter().map(move |c| (a, b, c))))
}

#[test]
fn of_nested_nats_the_strictest_terms_show() {
    for inner in PRESETS {
        for outer in PRESETS {
            let networks = format!("networks:\n  isp: {{ nat: {outer} }}\n  home: {{ nat: {inner}, behind: isp }}\n");
            for algorithm in ["rfc3489", "rfc5780"] {
                discover("network: home", &networks, algorithm);
            }
        }
    }
}

#[test]
fn a_nat_that_remembers_unsolicited_packets_looks_symmetric_to_rfc_3489_alone() {
    for (filtering, binding) in
        [("address-dependent", "session"), ("address-and-port-dependent", "mapping"), ("endpoint-independent", "session")]
    {
        let access = format!(
            "nat: {{ custom: {{ mapping: endpoint-independent, filtering: {filtering}, ports: preserve-with-fallback, hairpinning: 'off', \
             mapping-timer: 5m, filter-timer: 5m, mapping-refresh: both, filter-refresh: both, reverse-binding: {binding}, \
             unsolicited-inbound: creates-state, unsolicited-reply: silent }} }}"
        );
        let named = if filtering == "endpoint-independent" { "full-cone" } else { "symmetric" };
        assert_eq!(discover(&access, "", "rfc3489"), format!("rfc3489={named}"));
        assert_eq!(discover(&access, "", "rfc5780"), format!("mapping=endpoint-independent filtering={filtering}"));
    }
}

#[test]
fn several_runs_in_a_row_do_not_disturb_each_other() {
    let text = scenario("nat: port-restricted", "discovery: true", "", &["rfc5780", "rfc5780", "rfc5780"]);
    let outcome = run(&text);
    assert_eq!(outcome.found, vec!["mapping=endpoint-independent filtering=address-and-port-dependent"; 3]);
    let text = scenario("nat: restricted", "discovery: true", "", &["rfc3489", "rfc3489"]);
    assert_eq!(run(&text).found, vec!["rfc3489=restricted"; 2]);
}

#[test]
fn losses_below_the_retransmissions_change_nothing() {
    let lossy = "link: { both: { loss: 20% } }";
    for (preset, expected) in [("full-cone", "rfc3489=full-cone"), ("restricted", "rfc3489=restricted"), ("symmetric", "rfc3489=symmetric")]
    {
        assert_eq!(discover(&format!("nat: {preset}, {lossy}"), "", "rfc3489"), expected);
    }
}

#[test]
fn a_server_without_a_second_address_is_no_finding() {
    for (algorithm, attribute) in [("rfc3489", "CHANGED-ADDRESS"), ("rfc5780", "OTHER-ADDRESS")] {
        let outcome = run(&scenario("nat: full-cone", "", "", &[algorithm]));
        assert_eq!(outcome.found, [] as [String; 0]);
        assert_eq!(outcome.errors, [format!("the server offers no second address: its answer has no {attribute}")]);
        assert_eq!(outcome.results[0].verdict, StepVerdict::NotMet);
    }
}

#[test]
fn an_answer_from_the_wrong_place_is_no_finding() {
    let outcome = run(&scenario("nat: full-cone", "discovery: true, answer: other-port", "", &["rfc5780"]));
    assert_eq!(outcome.found, [] as [String; 0]);
    assert_eq!(outcome.errors.len(), 1);
    assert!(outcome.errors[0].starts_with("the server answered from "), "{:?}", outcome.errors);
}

#[test]
fn an_error_response_is_no_finding() {
    let outcome = run(&scenario("nat: full-cone", "discovery: true, answer: error500", "", &["rfc3489"]));
    assert_eq!(outcome.errors, ["the server answered with error 500"]);
}

#[test]
fn a_wrong_transaction_id_answers_nothing() {
    let outcome = run(&scenario("nat: open", "discovery: true, answer: wrong-transaction-id", "", &["rfc3489"]));
    assert_eq!(outcome.found, ["rfc3489=udp-blocked"], "the client must not take it for its own");
}
