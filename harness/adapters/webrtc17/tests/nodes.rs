//! The roles of the 0.17 family over a perfect wire.

use adapter_webrtc17::{Dtls, Turn};
use bytes::Bytes;
use harness::driver::direct::{Direct, LATENCY, Packet};
use harness::driver::paused::paused;
use iut::{
    ApiEvent, BuildError, CertificateChoice, Command, ConnectionState, Credential, DtlsOptions, DtlsVersion, Implementation, NodeConfig,
    Role, ServerKind, ServerUrl, TransportPolicy,
};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(20);
const SERVER: &str = "203.0.113.1:3478";

fn at(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

fn node(name: &str, role: Role, address: &str) -> NodeConfig {
    let local = at(address);
    NodeConfig {
        name: name.into(),
        role,
        addresses: vec![local.ip()],
        port: local.port(),
        offerer: false,
        servers: Vec::new(),
        trickle: true,
        transport_policy: TransportPolicy::All,
        dtls: DtlsOptions {
            version: DtlsVersion::V12,
            mtu: None,
            certificate: if name == "a" { CertificateChoice::A } else { CertificateChoice::B },
        },
        realm: "example.org".into(),
        users: vec![user("alice", "secret")],
        relay_addresses: Vec::new(),
        seed: 1,
    }
}

fn user(username: &str, password: &str) -> Credential {
    Credential { username: username.into(), password: password.into() }
}

fn turn_client(name: &str, address: &str, server: &str, credential: Credential) -> NodeConfig {
    let server = ServerUrl { kind: ServerKind::Turn, address: at(server), credential: Some(credential) };
    NodeConfig { servers: vec![server], ..node(name, Role::TurnClient, address) }
}

fn start(configs: &[NodeConfig]) -> Direct {
    let mut case = Direct::new();
    for config in configs {
        let instance = if Dtls.manifest().roles.contains(&config.role) { Dtls.build(config) } else { Turn.build(config) };
        case.add(instance.unwrap(), config);
    }
    case
}

fn errors(case: &Direct) -> Vec<String> {
    let text = |(_, name, event): &(Duration, String, ApiEvent)| match event {
        ApiEvent::Error { operation, message } => Some(format!("{name} {operation}: {message}")),
        ApiEvent::Unsupported { verb } => Some(format!("{name} does not support {verb}")),
        _ => None,
    };
    case.events.iter().filter_map(text).collect()
}

fn relayed(case: &Direct, name: &str) -> Option<SocketAddr> {
    case.events.iter().find_map(|(_, node, event)| match event {
        ApiEvent::Allocated { relayed, .. } if node == name => Some(*relayed),
        _ => None,
    })
}

async fn allocate(case: &mut Direct, name: &str, server: &str) -> SocketAddr {
    case.command(name, Command::Allocate { server: at(server) });
    assert!(case.until(LIMIT, |case| relayed(case, name).is_some()).await, "{:?}", errors(case));
    relayed(case, name).unwrap()
}

fn send_to_peer(case: &Direct, name: &str, peer: SocketAddr, data: &'static str) {
    case.command(name, Command::SendToPeer { peer, data: Bytes::from(data) });
}

fn heard(case: &Direct, name: &str, peer: SocketAddr, data: &'static str) -> bool {
    case.saw(name, &ApiEvent::PeerData { peer, bytes: Bytes::from(data) })
}

async fn relay_both_ways(server: &str, a: &str, b: &str) {
    let mut case = start(&[
        node("s", Role::TurnServer, server),
        turn_client("a", a, server, user("alice", "secret")),
        turn_client("b", b, server, user("alice", "secret")),
    ]);
    let relayed_a = allocate(&mut case, "a", server).await;
    let relayed_b = allocate(&mut case, "b", server).await;
    assert_ne!(relayed_a, relayed_b);
    case.command("a", Command::CreatePermission { peers: vec![relayed_b] });
    case.command("b", Command::CreatePermission { peers: vec![relayed_a] });
    case.run_for(Duration::from_secs(1)).await;
    send_to_peer(&case, "a", relayed_b, "ping");
    assert!(case.until(LIMIT, |case| heard(case, "b", relayed_a, "ping")).await, "{:#?}", case.events);
    send_to_peer(&case, "b", relayed_a, "pong");
    assert!(case.until(LIMIT, |case| heard(case, "a", relayed_b, "pong")).await, "{:#?}", case.events);
    assert_eq!(errors(&case), Vec::<String>::new());
}

#[test]
fn two_allocations_relay_to_each_other() {
    paused(relay_both_ways(SERVER, "198.51.100.1:5000", "198.51.100.2:5000"));
}

#[test]
fn a_peer_without_permission_is_not_heard() {
    paused(async {
        let mut case = start(&[
            NodeConfig { relay_addresses: vec!["203.0.113.7".parse().unwrap()], ..node("s", Role::TurnServer, SERVER) },
            turn_client("a", "198.51.100.1:5000", SERVER, user("alice", "secret")),
            turn_client("b", "198.51.100.2:5000", SERVER, user("alice", "secret")),
        ]);
        let relayed_a = allocate(&mut case, "a", SERVER).await;
        let relayed_b = allocate(&mut case, "b", SERVER).await;
        assert_eq!(relayed_a.ip(), "203.0.113.7".parse::<std::net::IpAddr>().unwrap(), "the configured relay address is used");
        send_to_peer(&case, "a", relayed_b, "unheard");
        case.run_for(Duration::from_secs(1)).await;
        assert!(!heard(&case, "b", relayed_a, "unheard"));
        send_to_peer(&case, "b", relayed_a, "hole");
        case.run_for(Duration::from_secs(1)).await;
        send_to_peer(&case, "a", relayed_b, "heard");
        assert!(case.until(LIMIT, |case| heard(case, "b", relayed_a, "heard")).await, "{:#?}", case.events);
    });
}

#[test]
fn a_wrong_password_gets_no_allocation() {
    paused(async {
        let mut case = start(&[
            node("s", Role::TurnServer, SERVER),
            turn_client("a", "198.51.100.1:5000", SERVER, user("alice", "wrong")),
            turn_client("b", "198.51.100.2:5000", SERVER, user("mallory", "secret")),
        ]);
        for name in ["a", "b"] {
            case.command(name, Command::Allocate { server: at(SERVER) });
        }
        assert!(case.until(LIMIT, |case| errors(case).len() == 2).await, "{:#?}", case.events);
        assert!(relayed(&case, "a").is_none() && relayed(&case, "b").is_none());
    });
}

#[test]
fn a_closed_client_deletes_its_allocation() {
    paused(async {
        let mut case =
            start(&[node("s", Role::TurnServer, SERVER), turn_client("a", "198.51.100.1:5000", SERVER, user("alice", "secret"))]);
        allocate(&mut case, "a", SERVER).await;
        let before = case.packets().len();
        case.command("a", Command::Close);
        case.run_for(Duration::from_secs(1)).await;
        assert!(case.has_ended("a") && case.has_no_sockets("a"));
        // A Refresh request (method 4) of the client, then the server's answer.
        let refresh = &case.packets()[before];
        assert_eq!((refresh.from, &refresh.bytes[..2]), (at("198.51.100.1:5000"), &[0x00, 0x04][..]), "{refresh:?}");
    });
}

#[test]
fn a_stun_client_learns_its_address_from_the_server() {
    paused(async {
        for (server, client) in [(SERVER, "198.51.100.1:5000"), ("[2001:db8::1]:3478", "[2001:db8::2]:5000")] {
            let mut case = start(&[node("s", Role::StunServer, server), node("a", Role::StunClient, client)]);
            case.command("a", Command::Bind { server: at(server) });
            assert!(case.until(LIMIT, |case| case.saw("a", &ApiEvent::MappedAddress(at(client)))).await, "{:#?}", case.events);
        }
    });
}

#[test]
fn commands_that_the_crates_do_not_offer_are_unsupported() {
    paused(async {
        let mut case = start(&[
            node("s", Role::TurnServer, SERVER),
            turn_client("a", "198.51.100.1:5000", SERVER, user("alice", "secret")),
            node("d", Role::DtlsClient, "198.51.100.3:5000"),
        ]);
        for name in ["s", "a", "d"] {
            case.command(name, Command::Probe { verb: "juggle".into() });
        }
        case.command("a", Command::Refresh { lifetime: 600 });
        case.command("a", Command::BindChannel { peer: at(SERVER) });
        case.command("d", Command::Allocate { server: at(SERVER) });
        case.run_for(Duration::from_secs(1)).await;
        let mut seen = errors(&case);
        seen.sort();
        let wanted = [("a", "bind-channel"), ("a", "juggle"), ("a", "refresh"), ("d", "allocate"), ("d", "juggle"), ("s", "juggle")];
        assert_eq!(seen, wanted.map(|(name, verb)| format!("{name} does not support {verb}")));
    });
}

#[test]
fn what_the_crates_do_not_offer_cannot_be_built() {
    let dtls = node("d", Role::DtlsClient, "198.51.100.3:5000");
    let v13 = NodeConfig { dtls: DtlsOptions { version: DtlsVersion::V13, ..dtls.dtls.clone() }, ..dtls };
    for config in [v13, node("p", Role::Peer, "198.51.100.3:5000"), node("i", Role::IceAgent, "198.51.100.3:5000")] {
        assert!(matches!(Dtls.build(&config), Err(BuildError::Unsupported(_))), "{config:?}");
        assert!(matches!(Turn.build(&config), Err(BuildError::Unsupported(_))), "{config:?}");
    }
}

const DTLS_SERVER: &str = "203.0.113.1:4433";

fn dtls_pair(mtu: Option<u16>) -> Direct {
    let with = |config: NodeConfig| NodeConfig { dtls: DtlsOptions { mtu, ..config.dtls.clone() }, ..config };
    let case = start(&[with(node("a", Role::DtlsClient, "198.51.100.1:5000")), with(node("b", Role::DtlsServer, DTLS_SERVER))]);
    case.command("a", Command::Connect { remote: at(DTLS_SERVER) });
    case
}

fn is_connected(case: &Direct) -> bool {
    ["a", "b"].iter().all(|name| case.saw(name, &ApiEvent::Dtls(ConnectionState::Connected)))
}

fn send(case: &Direct, name: &str, data: &'static str) {
    case.command(name, Command::SendData { channel: String::new(), data: Bytes::from(data) });
}

fn got(case: &Direct, name: &str, data: &'static str) -> bool {
    case.saw(name, &ApiEvent::Data { channel: String::new(), bytes: Bytes::from(data) })
}

#[test]
fn a_dtls_pair_connects_talks_and_closes() {
    paused(async {
        let mut case = dtls_pair(None);
        assert!(case.until(LIMIT, is_connected).await, "{:#?}", case.events);
        send(&case, "a", "ping");
        assert!(case.until(LIMIT, |case| got(case, "b", "ping")).await, "{:#?}", case.events);
        send(&case, "b", "pong");
        assert!(case.until(LIMIT, |case| got(case, "a", "pong")).await, "{:#?}", case.events);
        assert!(!case.packets().iter().any(|packet| packet.bytes.windows(4).any(|part| part == b"ping")), "data is encrypted");
        case.command("a", Command::Close);
        let closed = |case: &Direct| ["a", "b"].iter().all(|name| case.saw(name, &ApiEvent::Dtls(ConnectionState::Closed)));
        assert!(case.until(LIMIT, closed).await, "{:#?}", case.events);
        assert_eq!(errors(&case), Vec::<String>::new());
    });
}

#[test]
fn a_closing_dtls_server_says_goodbye() {
    paused(async {
        let mut case = dtls_pair(None);
        assert!(case.until(LIMIT, is_connected).await);
        case.command("b", Command::Close);
        assert!(case.until(LIMIT, |case| case.saw("a", &ApiEvent::Dtls(ConnectionState::Closed))).await, "{:#?}", case.events);
    });
}

#[test]
fn a_lost_dtls_flight_is_sent_again() {
    paused(async {
        let mut case = dtls_pair(None);
        let left = AtomicUsize::new(2);
        case.set_filter(move |packet: &Packet| {
            packet.from != at(DTLS_SERVER) || left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_err()
        });
        assert!(case.until(LIMIT, is_connected).await, "{:#?}", case.events);
        assert!(case.now() > Duration::from_secs(1), "a retransmission timer has run");
    });
}

#[test]
fn a_dtls_server_keeps_its_clients_apart() {
    paused(async {
        let mut case = start(&[
            node("b", Role::DtlsServer, DTLS_SERVER),
            node("a", Role::DtlsClient, "198.51.100.1:5000"),
            node("c", Role::DtlsClient, "198.51.100.2:5000"),
        ]);
        for name in ["a", "c"] {
            case.command(name, Command::Connect { remote: at(DTLS_SERVER) });
            assert!(case.until(LIMIT, |case| case.saw(name, &ApiEvent::Dtls(ConnectionState::Connected))).await, "{:#?}", case.events);
        }
        send(&case, "a", "from a");
        send(&case, "c", "from c");
        assert!(case.until(LIMIT, |case| got(case, "b", "from a") && got(case, "b", "from c")).await, "{:#?}", case.events);
        send(&case, "b", "to the newest");
        assert!(case.until(LIMIT, |case| got(case, "c", "to the newest")).await && !got(&case, "a", "to the newest"));
    });
}

#[test]
fn a_small_mtu_limits_handshake_fragments_but_not_their_headers() {
    // Record and handshake headers (RFC 6347 sections 4.1 and 4.2.2): the crate does not count them.
    const HEADERS: usize = 13 + 12;
    paused(async {
        let mut case = dtls_pair(Some(200));
        assert!(case.until(LIMIT, is_connected).await, "{:#?}", case.events);
        let largest = case.packets().iter().map(|packet| packet.bytes.len()).max();
        assert_eq!(largest, Some(200 + HEADERS));
    });
}

#[test]
fn no_task_outlives_its_nodes_by_more_than_a_retransmission() {
    let alive = || tokio::runtime::Handle::current().metrics().num_alive_tasks();
    paused(async move {
        let before = alive();
        let mut case = start(&[
            node("s", Role::TurnServer, SERVER),
            turn_client("a", "198.51.100.1:5000", SERVER, user("alice", "secret")),
            node("b", Role::DtlsServer, DTLS_SERVER.replace(".1:", ".2:").as_str()),
            node("c", Role::DtlsClient, "198.51.100.2:5000"),
        ]);
        let relayed = allocate(&mut case, "a", SERVER).await;
        send_to_peer(&case, "a", relayed, "x");
        case.command("c", Command::Connect { remote: at("203.0.113.2:4433") });
        assert!(case.until(LIMIT, |case| case.saw("c", &ApiEvent::Dtls(ConnectionState::Connected))).await, "{:#?}", case.events);
        assert!(alive() > before);
        case.crash().await;
        tokio::time::sleep(Duration::from_secs(15) + LATENCY).await;
        assert_eq!(alive(), before);
    });
}
