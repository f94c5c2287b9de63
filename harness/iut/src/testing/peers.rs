//! What any pair of WebRTC peers should be able to do on a [`Wire`].
//!
//! Each function is the body of a test and panics with the events of both sides when something is missing. `a` makes the first offer. The endpoint
//! `server` of the relay cases is a TURN server at [`TURN_SERVER`] for the credential of [`turn_server`].

use super::{LATENCY, Wire};
use crate::{
    ApiEvent, CertificateChoice, ChannelOptions, Command, Credential, DescriptionKind, DtlsOptions, DtlsVersion, Implementation,
    MILLISECOND, NodeConfig, Role, SECOND, ServerKind, ServerUrl, Signal, TransportPolicy,
};
use bytes::Bytes;
use std::net::{IpAddr, SocketAddr};

/// The offerer's address.
pub const A: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 1));
/// The answerer's address.
pub const B: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 2));
/// The TURN server's address.
pub const TURN_SERVER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 3));

const MINUTE: u64 = 60 * SECOND;

/// A peer's configuration: port 5000, no servers, certificate A for the offerer at [`A`] and B for the answerer at [`B`].
pub fn peer(offerer: bool) -> NodeConfig {
    let certificate = if offerer { CertificateChoice::A } else { CertificateChoice::B };
    NodeConfig {
        name: if offerer { "a" } else { "b" }.into(),
        role: Role::Peer,
        addresses: vec![if offerer { A } else { B }],
        port: 5000,
        offerer,
        servers: Vec::new(),
        trickle: false,
        transport_policy: TransportPolicy::All,
        dtls: DtlsOptions { version: DtlsVersion::Default, mtu: None, certificate },
        realm: String::new(),
        users: Vec::new(),
        relay_addresses: Vec::new(),
        seed: if offerer { 1 } else { 2 },
    }
}

/// The configuration of the TURN server: port 3478 at [`TURN_SERVER`], one user.
pub fn turn_server() -> NodeConfig {
    let user = Credential { username: "user".into(), password: "secret".into() };
    NodeConfig {
        name: "turn".into(),
        role: Role::TurnServer,
        addresses: vec![TURN_SERVER],
        port: 3478,
        realm: "example.org".into(),
        users: vec![user],
        seed: 3,
        ..peer(false)
    }
}

fn server(kind: ServerKind, password: &str) -> ServerUrl {
    let credential = Some(Credential { username: "user".into(), password: password.into() }).filter(|_| kind == ServerKind::Turn);
    ServerUrl { kind, address: SocketAddr::new(TURN_SERVER, 3478), credential }
}

/// A pair of implementations under test.
#[derive(Clone, Copy)]
pub struct Pair<'a> {
    /// The offerer.
    pub a: &'a dyn Implementation,
    /// The answerer.
    pub b: &'a dyn Implementation,
}

impl Pair<'_> {
    /// Both peers on the wire, with configurations that `change` may alter.
    fn build(self, mut wire: Wire, change: impl Fn(&mut NodeConfig)) -> Wire {
        for (implementation, offerer) in [(self.a, true), (self.b, false)] {
            let mut config = peer(offerer);
            change(&mut config);
            wire.build(implementation, &config);
        }
        wire
    }

    /// Both peers, connected, with an open channel `chat`.
    pub fn connect(self, wire: Wire, change: impl Fn(&mut NodeConfig)) -> Wire {
        let mut wire = self.build(wire, change);
        open(&mut wire, 0, "chat");
        wire.command(0, Command::CreateOffer);
        await_channel(&mut wire);
        wire
    }
}

fn open(wire: &mut Wire, node: usize, label: &str) {
    wire.command(node, Command::OpenChannel(ChannelOptions { label: label.into(), ordered: true, max_retransmits: None }));
}

fn await_channel(wire: &mut Wire) {
    let connected =
        wire.run_until(MINUTE, |wire| (0..2).all(|node| wire.saw(node, "channel-open") && wire.saw(node, "connection:connected")));
    expect(connected, wire, "an open channel and a connection");
}

/// Sends a text both ways on the channel `chat`.
pub fn echo(wire: &mut Wire, text: &str) {
    for (from, to) in [(0, 1), (1, 0)] {
        wire.command(from, Command::SendData { channel: "chat".into(), data: text.to_owned().into() });
        let arrived = wire.run_until(MINUTE, |wire| wire.delivered(to).last().is_some_and(|data| data == text.as_bytes()));
        expect(arrived, wire, text);
    }
}

#[track_caller]
fn expect(condition: bool, wire: &Wire, what: &str) {
    let lines = |node| wire.events(node).iter().map(|(at, event)| format!("\n  {:9.3} ms {event:?}", *at as f64 / 1e6)).collect::<String>();
    assert!(condition, "no {what} by {:.3} ms\na:{}\nb:{}", wire.now() as f64 / 1e6, lines(0), lines(1));
}

fn descriptions(wire: &Wire, node: usize) -> Vec<(DescriptionKind, String)> {
    let description = |signal: &Signal| if let Signal::Description(found) = signal { Some((found.kind, found.sdp.clone())) } else { None };
    wire.signals(node).iter().filter_map(description).collect()
}

fn attributes<'a>(sdp: &'a str, name: &str) -> Vec<&'a str> {
    sdp.lines().filter_map(|line| line.strip_prefix("a=")?.strip_prefix(name)?.strip_prefix(':')).collect()
}

fn errors(wire: &Wire, node: usize) -> Vec<String> {
    let operation = |event: &ApiEvent| if let ApiEvent::Error { operation, .. } = event { Some(operation.clone()) } else { None };
    wire.events(node).iter().filter_map(|(_, event)| operation(event)).collect()
}

/// Descriptions carry all candidates, and data flows both ways.
pub fn a_pair_connects_and_echoes(pair: Pair<'_>) {
    let mut wire = pair.connect(Wire::new(LATENCY), |_| {});
    echo(&mut wire, "hello");
    for node in 0..2 {
        assert!(errors(&wire, node).is_empty(), "{:?}", wire.events(node));
        for name in ["gathering:gathering", "local-candidate", "gathering:complete", "ice:connected", "dtls:connected"] {
            expect(wire.saw(node, name) || name == "ice:connected" && wire.saw(node, "ice:completed"), &wire, name);
        }
        let said = descriptions(&wire, node);
        assert_eq!(said.len(), wire.signals(node).len(), "no candidate goes on its own");
        assert!(!attributes(&said[0].1, "candidate").is_empty(), "{}", said[0].1);
    }
}

/// Candidates follow the description one by one, and the end is announced.
pub fn candidates_are_trickled(pair: Pair<'_>) {
    let mut wire = pair.connect(Wire::new(LATENCY), |config| config.trickle = true);
    echo(&mut wire, "hello");
    for node in 0..2 {
        let [Signal::Description(description), candidates @ .., Signal::EndOfCandidates { ufrag }] = wire.signals(node) else {
            panic!("not in order: {:?}", wire.signals(node));
        };
        assert!(attributes(&description.sdp, "candidate").is_empty(), "{}", description.sdp);
        assert_eq!(ufrag.as_deref(), attributes(&description.sdp, "ice-ufrag").first().copied());
        assert!(!candidates.is_empty() && candidates.iter().all(|signal| matches!(signal, Signal::Candidate(_))));
    }
}

/// IPv6 alone, and both families together.
pub fn both_address_families_work(pair: Pair<'_>) {
    let v6 = |config: &NodeConfig| IpAddr::from([0x2001, 0xdb8, 0, 0, 0, 0, 0, if config.offerer { 1u16 } else { 2 }]);
    let mut wire = pair.connect(Wire::new(LATENCY), |config| config.addresses = vec![v6(config)]);
    echo(&mut wire, "six");
    let mut wire = pair.connect(Wire::new(LATENCY), |config| config.addresses.push(v6(config)));
    echo(&mut wire, "both");
    let offer = &descriptions(&wire, 0)[0].1;
    for address in ["10.0.0.1", "2001:db8::1"] {
        assert!(attributes(offer, "candidate").iter().any(|candidate| candidate.contains(address)), "{offer}");
    }
}

/// A channel that the answerer opens later needs no negotiation.
pub fn a_channel_opens_after_the_connection(pair: Pair<'_>) {
    let mut wire = pair.connect(Wire::new(LATENCY), |_| {});
    wire.command(1, Command::OpenChannel(ChannelOptions { label: "late".into(), ordered: false, max_retransmits: Some(0) }));
    let late =
        |wire: &Wire, node: usize| wire.events(node).iter().any(|(_, event)| *event == ApiEvent::ChannelOpen { label: "late".into() });
    expect(wire.run_until(MINUTE, |wire| late(wire, 0) && late(wire, 1)), &wire, "late channel");
    wire.command(0, Command::SendData { channel: "late".into(), data: "x".into() });
    let data = ApiEvent::Data { channel: "late".into(), bytes: "x".into() };
    expect(wire.run_until(MINUTE, |wire| wire.events(1).iter().any(|(_, event)| *event == data)), &wire, "data on the late channel");
    assert_eq!(descriptions(&wire, 0).len(), 1, "the late channel was not offered");
}

/// A third of the STUN messages is lost, for several seeds.
pub fn lost_checks_are_repeated(pair: Pair<'_>) {
    for seed in 0..5 {
        let mut wire = Wire::new(LATENCY);
        let mut random = fastrand::Rng::with_seed(seed);
        wire.filter(move |sent| Some(sent.bytes.clone()).filter(|bytes| bytes[0] > 3 || random.u8(0..3) > 0));
        let mut wire = pair.connect(wire, |_| {});
        echo(&mut wire, "through");
    }
}

/// A tenth of all datagrams is lost, for several seeds.
pub fn loss_is_overcome(pair: Pair<'_>) {
    for seed in 0..5 {
        let mut wire = pair.connect(Wire::new(LATENCY).with_loss(10, seed), |_| {});
        echo(&mut wire, "through");
    }
}

/// Both sides restart ICE in turn, bundled and trickled, and data flows after each.
pub fn ice_restarts_from_either_side(pair: Pair<'_>) {
    for trickle in [false, true] {
        let mut wire = pair.connect(Wire::new(LATENCY), |config| config.trickle = trickle);
        echo(&mut wire, "before");
        for (round, node) in [0, 1, 0].into_iter().enumerate() {
            wire.command(node, Command::RestartIce);
            let round = round + 2;
            let negotiated = wire.run_until(MINUTE, |wire| (0..2).all(|node| descriptions(wire, node).len() == round));
            expect(negotiated, &wire, "restart");
            wire.run(5 * SECOND);
            echo(&mut wire, &format!("after {round}"));
        }
        for node in 0..2 {
            let mut fragments: Vec<_> =
                descriptions(&wire, node).iter().map(|(_, sdp)| attributes(sdp, "ice-ufrag")[0].to_owned()).collect();
            fragments.sort();
            fragments.dedup();
            assert_eq!(fragments.len(), 4, "each generation has its own fragment");
            assert!(errors(&wire, node).is_empty(), "{:?}", wire.events(node));
        }
    }
}

/// The offerer moves to another address and restarts ICE; only the new address is announced.
pub fn a_restart_follows_an_address_change(pair: Pair<'_>) {
    let mut wire = pair.connect(Wire::new(LATENCY), |_| {});
    echo(&mut wire, "home");
    wire.readdress(0, &[[10, 0, 0, 9].into()]);
    wire.command(0, Command::RestartIce);
    wire.run(10 * SECOND);
    echo(&mut wire, "away");
    let offer = &descriptions(&wire, 0)[1].1;
    let candidates = attributes(offer, "candidate");
    assert!(candidates.iter().all(|candidate| candidate.contains("10.0.0.9")), "{offer}");
    assert!(!candidates.is_empty(), "{offer}");
}

/// The side that closes says so, the other learns of it, and both become quiet.
pub fn closing_ends_both_sides(pair: Pair<'_>) {
    let mut wire = pair.connect(Wire::new(LATENCY), |_| {});
    wire.command(0, Command::Close);
    expect(wire.saw(0, "connection:closed"), &wire, "closed connection");
    let ended = ["connection:closed", "connection:disconnected", "connection:failed", "channel-closed"];
    expect(wire.run_until(MINUTE, |wire| ended.iter().any(|name| wire.saw(1, name))), &wire, "end on the other side");
    wire.command(0, Command::SendData { channel: "chat".into(), data: "late".into() });
    assert_eq!(errors(&wire, 0), ["send-data"]);
    wire.run(10 * MINUTE);
    let deadline = wire.deadline(0);
    assert_eq!(deadline, None, "a closed peer wants nothing");
}

/// Data for a channel that is not open is an error, and not kept.
pub fn data_before_the_channel_opens_is_an_error(pair: Pair<'_>) {
    let mut wire = pair.build(Wire::new(LATENCY), |_| {});
    open(&mut wire, 0, "chat");
    wire.command(0, Command::SendData { channel: "chat".into(), data: "early".into() });
    assert_eq!(errors(&wire, 0), ["send-data"]);
    wire.command(0, Command::CreateOffer);
    await_channel(&mut wire);
    wire.command(0, Command::SendData { channel: "no such".into(), data: "lost".into() });
    assert_eq!(errors(&wire, 0), ["send-data", "send-data"]);
    echo(&mut wire, "on time");
    assert_eq!(wire.delivered(1).len(), 1);
}

/// Verbs that a peer does not know are refused, and nothing else happens.
pub fn unknown_verbs_are_unsupported(pair: Pair<'_>) {
    let mut wire = pair.build(Wire::new(LATENCY), |_| {});
    let before = wire.events(0).len();
    wire.command(0, Command::Probe { verb: "fly".into() });
    wire.command(0, Command::Bind { server: SocketAddr::new(TURN_SERVER, 3478) });
    let events: Vec<_> = wire.events(0)[before..].iter().map(|(_, event)| event.clone()).collect();
    assert_eq!(events, ["fly", "bind"].map(|verb| ApiEvent::Unsupported { verb: verb.into() }));
    assert!(wire.sent().is_empty());
}

/// A restart without a session, an answer without an offer, a broken description and an offer in between are errors, not panics.
pub fn misplaced_signals_are_errors(pair: Pair<'_>) {
    let mut wire = pair.build(Wire::new(LATENCY), |_| {});
    let signal = |kind, sdp: &str| crate::Input::Signal(Signal::Description(crate::Description { kind, sdp: sdp.into() }));
    wire.command(0, Command::RestartIce);
    wire.input(0, signal(DescriptionKind::Answer, "v=0\r\n"));
    wire.input(1, signal(DescriptionKind::Offer, "nonsense"));
    assert_eq!(errors(&wire, 0), ["restart-ice", "accept-answer"]);
    assert_eq!(errors(&wire, 1), ["answer"], "{:?}", wire.events(1));
    open(&mut wire, 0, "chat");
    wire.command(0, Command::CreateOffer);
    wire.command(0, Command::CreateOffer);
    assert_eq!(errors(&wire, 0).last().map(String::as_str), Some("create-offer"), "an offer is outstanding");
    await_channel(&mut wire);
    echo(&mut wire, "all the same");
    // Whether a peer recovers from a description that is well formed and says nothing is its own affair.
    let mut wire = pair.build(Wire::new(LATENCY), |_| {});
    wire.input(1, signal(DescriptionKind::Offer, "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n"));
    assert_eq!(errors(&wire, 1), ["answer"], "{:?}", wire.events(1));
}

/// Before, during and after the connection: random bytes, each real datagram cut short, each from where nothing is expected, and those whose integrity is
/// protected with a bit turned. Nothing panics, and data still flows.
///
/// DTLS handshake messages are not turned: nothing protects them when they arrive, so a changed one ends the handshake by right.
pub fn garbage_does_no_harm(pair: Pair<'_>) {
    let mut random = fastrand::Rng::with_seed(7);
    let mut wire = pair.build(Wire::new(LATENCY), |_| {});
    throw_garbage(&mut wire, &mut random, 0);
    open(&mut wire, 0, "chat");
    wire.command(0, Command::CreateOffer);
    for _ in 0..60 {
        let seen = wire.sent().len();
        wire.run(20 * MILLISECOND);
        throw_garbage(&mut wire, &mut random, seen);
    }
    await_channel(&mut wire);
    throw_garbage(&mut wire, &mut random, 0);
    echo(&mut wire, "still here");
}

fn throw_garbage(wire: &mut Wire, random: &mut fastrand::Rng, from: usize) {
    let (a, b) = (SocketAddr::new(A, 5000), SocketAddr::new(B, 5000));
    for first in [0, 1, 20, 22, 23, 0x2f, 64, 128, 255] {
        let mut bytes: Vec<u8> = (0..random.usize(0..200)).map(|_| random.u8(..)).collect();
        bytes.insert(0, first);
        wire.inject(a, b, bytes.clone().into());
        wire.inject(b, a, bytes.into());
    }
    wire.inject(a, b, Bytes::new());
    let recorded = wire.sent()[from..].to_vec();
    for sent in recorded {
        let length = sent.bytes.len();
        let cut = sent.bytes.slice(..random.usize(0..length));
        wire.inject(sent.remote, sent.local, cut);
        if sent.bytes[0] < 4 || sent.bytes[0] == 23 {
            let mut turned = sent.bytes.to_vec();
            turned[random.usize(0..length)] ^= 1 << random.u8(0..8);
            wire.inject(sent.remote, sent.local, turned.into());
        }
        // From where nothing is expected.
        wire.inject(sent.remote, SocketAddr::new(TURN_SERVER, 1), sent.bytes);
    }
}

/// With [`TransportPolicy::Relay`] everything goes through the TURN server, for longer than permissions and allocations last.
pub fn relayed_candidates_alone_are_enough(pair: Pair<'_>, turn: &dyn Implementation, trickle: bool) {
    let mut wire = pair.build(Wire::new(LATENCY), |config| {
        config.servers = vec![server(ServerKind::Turn, "secret")];
        config.transport_policy = TransportPolicy::Relay;
        config.trickle = trickle;
    });
    wire.build(turn, &turn_server());
    open(&mut wire, 0, "chat");
    wire.command(0, Command::CreateOffer);
    await_channel(&mut wire);
    echo(&mut wire, "relayed");
    // RFC 8656: an allocation lasts 10 to 60 minutes, a permission 5 minutes.
    for minute in 0..8 {
        wire.run(8 * MINUTE);
        echo(&mut wire, &format!("after {minute} times eight minutes"));
    }
    assert!(wire.sent().iter().all(|sent| sent.local.ip() == TURN_SERVER || sent.remote.ip() == TURN_SERVER));
    for node in 0..2 {
        let said: String = wire.signals(node).iter().map(|signal| format!("{signal:?}")).collect();
        assert!(
            said.contains("typ relay") && !said.contains("typ host") && !said.contains("10.0.0.1 ") && !said.contains("10.0.0.2 "),
            "{said}"
        );
    }
    close_and_forget(&mut wire);
}

/// The same over IPv6, where the relayed address is IPv6 as well, and through a restart.
pub fn relayed_candidates_work_over_ipv6(pair: Pair<'_>, turn: &dyn Implementation) {
    let address = |last: u16| IpAddr::from([0x2001, 0xdb8, 0, 0, 0, 0, 0, last]);
    let mut wire = pair.build(Wire::new(LATENCY), |config| {
        config.addresses = vec![address(if config.offerer { 1 } else { 2 })];
        config.servers = vec![ServerUrl { address: SocketAddr::new(address(3), 3478), ..server(ServerKind::Turn, "secret") }];
        config.transport_policy = TransportPolicy::Relay;
    });
    wire.build(turn, &NodeConfig { addresses: vec![address(3)], ..turn_server() });
    open(&mut wire, 0, "chat");
    wire.command(0, Command::CreateOffer);
    await_channel(&mut wire);
    echo(&mut wire, "six");
    wire.command(0, Command::RestartIce);
    wire.run(30 * SECOND);
    echo(&mut wire, "again");
    assert!(wire.sent().iter().all(|sent| sent.local.ip() == address(3) || sent.remote.ip() == address(3)));
    assert_eq!(descriptions(&wire, 1).len(), 2);
}

/// Closing deletes the allocations: nothing is sent any more once the server has answered.
fn close_and_forget(wire: &mut Wire) {
    wire.command(0, Command::Close);
    wire.command(1, Command::Close);
    wire.run(MINUTE);
    let sent = wire.sent().len();
    wire.run(60 * MINUTE);
    assert_eq!(wire.sent().len(), sent, "closed peers refresh nothing");
}

/// The direct path is cut, only the offerer has a relay: its relayed candidate pairs with the answerer's host candidate.
pub fn one_relay_is_enough(pair: Pair<'_>, turn: &dyn Implementation) {
    let mut wire = pair.build(Wire::new(LATENCY), |config| {
        if config.offerer {
            config.servers = vec![server(ServerKind::Stun, ""), server(ServerKind::Turn, "secret")];
        }
    });
    wire.build(turn, &turn_server());
    wire.cut(A, B);
    open(&mut wire, 0, "chat");
    wire.command(0, Command::CreateOffer);
    await_channel(&mut wire);
    echo(&mut wire, "around");
}

/// A wrong password costs the relayed candidate, is reported, and does no other harm.
pub fn a_refused_allocation_is_reported(pair: Pair<'_>, turn: &dyn Implementation) {
    let mut wire = pair.build(Wire::new(LATENCY), |config| config.servers = vec![server(ServerKind::Turn, "wrong")]);
    wire.build(turn, &turn_server());
    open(&mut wire, 0, "chat");
    wire.command(0, Command::CreateOffer);
    await_channel(&mut wire);
    echo(&mut wire, "direct");
    assert!(wire.now() < 2 * SECOND, "a refusal is final");
    assert_eq!((errors(&wire, 0), errors(&wire, 1)), (vec!["gather".to_owned()], vec!["gather".to_owned()]));
}

/// Servers that do not answer delay a bundled description by ten seconds, not by the 39.5 s of a STUN transaction, and are reported then.
pub fn a_silent_server_delays_a_bundled_description(pair: Pair<'_>) {
    let servers = vec![server(ServerKind::Stun, ""), server(ServerKind::Turn, "secret")];
    let mut wire = pair.connect(Wire::new(LATENCY), |config| {
        if config.offerer {
            config.servers.clone_from(&servers)
        }
    });
    assert!((10 * SECOND..12 * SECOND).contains(&wire.now()), "{}", wire.now());
    wire.run(MINUTE);
    assert_eq!(errors(&wire, 0), ["gather", "gather"]);
    echo(&mut wire, "late");
}

/// When the path dies, consent is lost on both sides (RFC 7675 section 5.1: after 30 s at most).
pub fn a_dead_path_is_noticed(pair: Pair<'_>) {
    let mut wire = pair.connect(Wire::new(LATENCY), |_| {});
    wire.run(MINUTE);
    echo(&mut wire, "alive");
    wire.cut(A, B);
    let lost = |wire: &Wire, node| ["ice:disconnected", "ice:failed"].iter().any(|name| wire.saw(node, name));
    expect(wire.run_until(35 * SECOND, |wire| lost(wire, 0) && lost(wire, 1)), &wire, "loss of consent");
}

/// An hour passes, and data still flows.
pub fn a_connection_lasts_an_hour(pair: Pair<'_>) {
    let mut wire = pair.connect(Wire::new(LATENCY), |_| {});
    wire.run(60 * MINUTE);
    echo(&mut wire, "an hour later");
    assert!(!(0..2).any(|node| wire.saw(node, "ice:disconnected")), "{:?}", wire.events(0));
}
