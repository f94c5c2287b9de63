//! Whole sessions between two agents.

use crate::{ANSWERER, OFFERER, SERVER, V4, address, config, url, wire};
use adapter_rice::Rice;
use bytes::Bytes;
use iut::testing::Wire;
use iut::{
    ApiEvent, BuildError, CandidateType, Command, Description, DescriptionKind, Implementation, Input, NodeConfig, PairView, Role, SECOND,
    ServerKind, Signal, TransportPolicy,
};

fn connect(wire: &mut Wire) {
    wire.command(OFFERER, Command::CreateOffer);
    let connected =
        |wire: &Wire| [OFFERER, ANSWERER].iter().all(|node| wire.saw(*node, "ice:connected") && wire.saw(*node, "selected-pair"));
    assert!(wire.run_until(120 * SECOND, connected), "{:?}\n{:?}", wire.events(OFFERER), wire.events(ANSWERER));
}

fn send(wire: &mut Wire, node: usize, text: &'static str) {
    wire.command(node, Command::SendData { channel: String::new(), data: Bytes::from_static(text.as_bytes()) });
    wire.run(SECOND);
}

fn assert_data_both_ways(wire: &mut Wire) {
    send(wire, OFFERER, "ping");
    send(wire, ANSWERER, "pong");
    assert_eq!(wire.delivered(ANSWERER), ["ping"]);
    assert_eq!(wire.delivered(OFFERER), ["pong"]);
}

fn selected(wire: &Wire, node: usize) -> PairView {
    let pair = |event: &ApiEvent| if let ApiEvent::SelectedPair(pair) = event { Some(pair.clone()) } else { None };
    wire.events(node).iter().rev().find_map(|(_, event)| pair(event)).expect("a selected pair")
}

fn unchanged(config: NodeConfig) -> NodeConfig {
    config
}

fn trickling(config: NodeConfig) -> NodeConfig {
    NodeConfig { trickle: true, ..config }
}

#[test]
fn two_agents_connect_and_carry_data() {
    for change in [unchanged, trickling] {
        let mut wire = wire(change, V4);
        connect(&mut wire);
        assert_data_both_ways(&mut wire);
        let pair =
            PairView { local: (address("192.0.2.1:5000"), CandidateType::Host), remote: (address("192.0.2.2:5000"), CandidateType::Host) };
        let addresses = |pair: PairView| (pair.local, pair.remote.0);
        // A check may come before the signalled candidate, which makes the remote one peer-reflexive.
        assert_eq!(addresses(selected(&wire, OFFERER)), (pair.local, pair.remote.0));
        assert_eq!(addresses(selected(&wire, ANSWERER)), (pair.remote, pair.local.0));
    }
}

#[test]
fn trickled_candidates_follow_an_empty_description() {
    let mut wire = wire(trickling, V4);
    connect(&mut wire);
    let [Signal::Description(offer), Signal::Candidate(candidate), Signal::EndOfCandidates { .. }] = wire.signals(OFFERER) else {
        panic!("an offer, a candidate, the end: {:?}", wire.signals(OFFERER))
    };
    assert!(!offer.sdp.contains("a=candidate") && offer.sdp.contains("a=ice-options:trickle"));
    assert!(candidate.candidate.starts_with("candidate:"), "{}", candidate.candidate);
}

#[test]
fn bundled_candidates_are_in_the_description() {
    let mut wire = wire(unchanged, V4);
    connect(&mut wire);
    let [Signal::Description(offer)] = wire.signals(OFFERER) else { panic!("one offer: {:?}", wire.signals(OFFERER)) };
    assert!(offer.sdp.contains("192.0.2.1 5000 typ host") && offer.sdp.contains("a=end-of-candidates"), "{}", offer.sdp);
}

#[test]
fn agents_connect_over_ipv6_and_with_several_addresses() {
    let v6: [&[&str]; 2] = [&["2001:db8::1"], &["2001:db8::2"]];
    let both: [&[&str]; 2] = [&["192.0.2.1", "2001:db8::1"], &["192.0.2.2", "2001:db8::2"]];
    for addresses in [v6, both] {
        let mut wire = wire(unchanged, addresses);
        connect(&mut wire);
        assert_data_both_ways(&mut wire);
    }
}

#[test]
fn each_stun_server_is_asked() {
    let mut wire = wire(|config| NodeConfig { servers: vec![url(ServerKind::Stun)], ..config }, V4);
    connect(&mut wire);
    let asked = wire.sent().iter().filter(|sent| sent.remote == address(SERVER)).count();
    assert_eq!(asked, 2, "one request from each agent, answered at once");
}

#[test]
fn relayed_candidates_alone_connect_through_the_server() {
    let relay =
        |config| NodeConfig { servers: vec![url(ServerKind::Turn)], transport_policy: TransportPolicy::Relay, trickle: true, ..config };
    let mut wire = wire(relay, V4);
    connect(&mut wire);
    assert_data_both_ways(&mut wire);
    for node in [OFFERER, ANSWERER] {
        assert_eq!(selected(&wire, node).local.1, CandidateType::Relayed);
    }
    assert!(wire.sent().iter().all(|sent| sent.local.ip() == address(SERVER).ip() || sent.remote.ip() == address(SERVER).ip()));
}

#[test]
fn loss_is_recovered() {
    for seed in 0..10 {
        let mut wire = wire(trickling, V4).with_loss(5, seed);
        connect(&mut wire);
    }
}

#[test]
fn agents_that_cannot_reach_each_other_fail() {
    let mut wire = wire(trickling, V4);
    wire.filter(|_| None);
    wire.command(OFFERER, Command::CreateOffer);
    assert!(wire.run_until(300 * SECOND, |wire| wire.saw(OFFERER, "ice:failed") && wire.saw(ANSWERER, "ice:failed")));
}

#[test]
fn close_ends_the_agent() {
    let mut wire = wire(trickling, V4);
    connect(&mut wire);
    wire.command(OFFERER, Command::Close);
    assert!(wire.run_until(60 * SECOND, |wire| wire.saw(OFFERER, "ice:closed")), "{:?}", wire.events(OFFERER));
    wire.command(OFFERER, Command::Close);
    assert_eq!(wire.events(OFFERER).last().map(|(_, event)| event.name()), Some("error".into()));
}

#[test]
fn a_second_offer_or_answer_is_an_error() {
    let mut wire = wire(trickling, V4);
    connect(&mut wire);
    wire.command(OFFERER, Command::CreateOffer);
    for kind in [DescriptionKind::Offer, DescriptionKind::Answer] {
        wire.input(OFFERER, Input::Signal(Signal::Description(Description { kind, sdp: String::new() })));
    }
    let errors = wire.events(OFFERER).iter().filter(|(_, event)| event.name() == "error").count();
    assert_eq!(errors, 3);
}

#[test]
fn data_before_a_pair_is_selected_is_an_error() {
    let mut wire = wire(trickling, V4);
    send(&mut wire, OFFERER, "early");
    assert_eq!(wire.events(OFFERER).last().map(|(_, event)| event.name()), Some("error".into()));
}

#[test]
fn what_is_not_offered_is_refused_by_name() {
    let mut wire = wire(unchanged, V4);
    wire.command(OFFERER, Command::Probe { verb: "levitate".into() });
    wire.command(OFFERER, Command::RestartIce);
    wire.command(OFFERER, Command::SendData { channel: "chat".into(), data: Bytes::new() });
    let events: Vec<_> = wire.events(OFFERER).iter().map(|(_, event)| event.clone()).collect();
    assert_eq!(events, ["levitate", "restart-ice", "send-data"].map(|verb| ApiEvent::Unsupported { verb: verb.into() }));
}

#[test]
fn other_roles_and_impossible_policies_are_refused_when_building() {
    let peer = NodeConfig { role: Role::Peer, ..config(V4[0], true) };
    assert!(matches!(Rice.build(&peer), Err(BuildError::Unsupported(_))));
    let relay = NodeConfig { transport_policy: TransportPolicy::Relay, ..config(V4[0], true) };
    assert!(matches!(Rice.build(&relay), Err(BuildError::Failed(_))));
}
