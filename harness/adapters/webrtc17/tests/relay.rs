//! Peers of `webrtc` 0.21 that gather from, and relay through, the 0.17 server.

#[path = "../../webrtc/tests/case/mod.rs"]
mod case;

use adapter_webrtc17::Turn;
use case::{connect, peer, run, say, start};
use harness::driver::direct::Direct;
use iut::{
    ApiEvent, CandidateType, Command, Credential, GatheringState, Implementation, NodeConfig, Role, ServerKind, ServerUrl, TransportPolicy,
};
use std::net::IpAddr;
use std::time::Duration;

fn user() -> Credential {
    Credential { username: "alice".into(), password: "secret".into() }
}

fn server(addresses: &[&str]) -> NodeConfig {
    NodeConfig { role: Role::TurnServer, port: 3478, realm: "example.org".into(), users: vec![user()], ..peer("s", addresses) }
}

fn with_server(config: NodeConfig, kind: ServerKind, address: &str) -> NodeConfig {
    let credential = (kind == ServerKind::Turn).then(user);
    NodeConfig { servers: vec![ServerUrl { kind, address: address.parse().unwrap(), credential }], ..config }
}

fn relayed(config: NodeConfig, address: &str) -> NodeConfig {
    NodeConfig { transport_policy: TransportPolicy::Relay, ..with_server(config, ServerKind::Turn, address) }
}

fn add_server(case: &mut Direct, config: &NodeConfig) {
    case.add(Turn.build(config).unwrap(), config);
}

fn candidates(case: &Direct, name: &str) -> Vec<String> {
    let text = |(_, node, event): &(Duration, String, ApiEvent)| match event {
        ApiEvent::LocalCandidate(text) if node == name => Some(text.clone()),
        _ => None,
    };
    case.events.iter().filter_map(text).collect()
}

async fn echo_through_the_relay(trickle: bool, addresses: [&str; 3], address: &str) {
    let [s, a, b] = addresses;
    let mut case = Direct::new();
    add_server(&mut case, &server(&[s]));
    for (name, own) in [("a", a), ("b", b)] {
        let config = NodeConfig { trickle, ..relayed(peer(name, &[own]), address) };
        case.add(adapter_webrtc::Webrtc.build(&config).unwrap(), &config);
    }
    connect(&mut case).await;
    assert!(say(&mut case, "a", "b", "chat", "ping").await && say(&mut case, "b", "a", "chat", "pong").await);
    for name in ["a", "b"] {
        assert!(candidates(&case, name).iter().all(|candidate| candidate.contains("typ relay")), "{:?}", candidates(&case, name));
    }
    let relay: IpAddr = s.parse().unwrap();
    let direct = case.packets().into_iter().filter(|packet| packet.from.ip() != relay && packet.to.ip() != relay).count();
    assert_eq!(direct, 0, "no packet goes from peer to peer");
    let pair = case.events.iter().rev().find_map(|(.., event)| match event {
        ApiEvent::SelectedPair(pair) => Some((pair.local.1, pair.remote.1)),
        _ => None,
    });
    assert_eq!(pair, Some((CandidateType::Relayed, CandidateType::Relayed)));
}

#[test]
fn relay_only_peers_with_trickled_candidates_talk_through_the_relay() {
    run(1, echo_through_the_relay(true, ["203.0.113.1", "10.0.0.1", "10.0.0.2"], "203.0.113.1:3478"));
}

#[test]
fn relay_only_peers_with_bundled_candidates_talk_through_the_relay() {
    run(1, echo_through_the_relay(false, ["203.0.113.1", "10.0.0.1", "10.0.0.2"], "203.0.113.1:3478"));
}

/// The client asks for no address family, so the server allocates an IPv4 relayed address or, having none, refuses (RFC 8656 section 7.2).
#[test]
fn an_ipv6_only_server_gives_the_peer_no_relayed_candidate() {
    run(1, async {
        let mut case = Direct::new();
        add_server(&mut case, &server(&["2001:db8::9"]));
        let config = relayed(peer("a", &["2001:db8::1"]), "[2001:db8::9]:3478");
        case.add(adapter_webrtc::Webrtc.build(&config).unwrap(), &config);
        case.command("a", case::open("chat"));
        case.command("a", Command::CreateOffer);
        assert!(case.until(case::LIMIT, |case| case.saw("a", &ApiEvent::Gathering(GatheringState::Complete))).await, "{:#?}", case.events);
        assert_eq!(candidates(&case, "a"), Vec::<String>::new());
        assert!(case.packets().iter().any(|packet| packet.to.is_ipv6() && packet.to.port() == 3478), "the server was asked");
    });
}

#[test]
fn a_peer_gathers_its_reflexive_address_from_a_stun_server() {
    run(1, async {
        let mut case = start(&[with_server(peer("a", &["10.0.0.1"]), ServerKind::Stun, "203.0.113.1:3478")]);
        add_server(&mut case, &server(&["203.0.113.1"]));
        case.command("a", case::open("chat"));
        case.command("a", Command::CreateOffer);
        assert!(case.until(case::LIMIT, |case| case.saw("a", &ApiEvent::Gathering(GatheringState::Complete))).await, "{:#?}", case.events);
        let reflexive: Vec<_> = candidates(&case, "a").into_iter().filter(|candidate| candidate.contains("typ srflx")).collect();
        assert!(reflexive.len() == 1 && reflexive[0].contains(" 10.0.0.1 5000 "), "{:?}", candidates(&case, "a"));
    });
}
