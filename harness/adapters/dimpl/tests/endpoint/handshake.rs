//! Whole associations between a client and a server of this adapter.

use crate::wire::{Packet, Wire};
use adapter_dimpl::Dimpl;
use bytes::Bytes;
use iut::{
    ApiEvent, CertificateChoice, Command, DtlsOptions, DtlsVersion, Implementation, Instance, NodeConfig, Ns, Role, SECOND, TransportPolicy,
};
use std::net::{IpAddr, SocketAddr};

fn config(role: Role, address: &str, version: DtlsVersion, mtu: Option<u16>) -> NodeConfig {
    let certificate = if role == Role::DtlsClient { CertificateChoice::A } else { CertificateChoice::B };
    NodeConfig {
        name: role.name().into(),
        role,
        addresses: vec![address.parse().expect("an address")],
        port: 4433,
        offerer: role == Role::DtlsClient,
        servers: Vec::new(),
        trickle: false,
        transport_policy: TransportPolicy::All,
        dtls: DtlsOptions { version, mtu, certificate },
        realm: String::new(),
        users: Vec::new(),
        relay_addresses: Vec::new(),
        seed: address.len() as u64,
    }
}

fn endpoint(config: &NodeConfig) -> Box<dyn iut::Endpoint> {
    let Ok(Instance::Endpoint(endpoint)) = Dimpl.build(config) else { panic!("dimpl is an endpoint") };
    endpoint
}

struct Pair {
    wire: Wire,
    client: usize,
    server: usize,
}

const SERVER: &str = "192.0.2.2:4433";

fn pair_at(client: &str, server: &str, versions: (DtlsVersion, DtlsVersion), mtu: Option<u16>) -> Pair {
    let mut wire = Wire::new();
    let add = |wire: &mut Wire, role, address: &str, version| {
        let ip: IpAddr = address.parse().expect("an address");
        wire.add(&[ip], endpoint(&config(role, address, version, mtu)))
    };
    let client = add(&mut wire, Role::DtlsClient, client, versions.0);
    let server = add(&mut wire, Role::DtlsServer, server, versions.1);
    Pair { wire, client, server }
}

fn pair(version: DtlsVersion) -> Pair {
    pair_at("192.0.2.1", "192.0.2.2", (version, version), None)
}

impl Pair {
    fn connect(&mut self, until: Ns) {
        self.connect_to(SERVER, until);
    }

    fn connect_to(&mut self, server: &str, until: Ns) {
        let remote: SocketAddr = server.parse().expect("an address");
        self.wire.command(self.client, Command::Connect { remote });
        self.wire.run(until);
    }

    fn send(&mut self, node: usize, text: &'static str) {
        self.wire.command(node, Command::SendData { channel: String::new(), data: Bytes::from_static(text.as_bytes()) });
        self.wire.run(self.wire.now + SECOND);
    }

    fn assert_connected(&self) {
        for node in [self.client, self.server] {
            assert_eq!(self.wire.names(node), ["dtls:connecting", "dtls:connected"], "node {node}: {:?}", self.wire.events(node));
        }
    }

    fn assert_echo(&mut self) {
        self.send(self.client, "ping");
        self.send(self.server, "pong");
        assert_eq!(self.wire.data(self.server), ["ping"]);
        assert_eq!(self.wire.data(self.client), ["pong"]);
    }
}

const VERSIONS: [DtlsVersion; 3] = [DtlsVersion::V12, DtlsVersion::V13, DtlsVersion::Default];

#[test]
fn every_version_connects_and_carries_data_both_ways() {
    for version in VERSIONS {
        let mut pair = pair(version);
        pair.connect(5 * SECOND);
        pair.assert_connected();
        pair.assert_echo();
    }
}

/// The version in the supported_versions extension of DTLS 1.3 hellos cannot be read once encrypted, but a DTLS 1.3 application record has the unified
/// header (RFC 9147 section 4), whose first three bits are 001.
fn last_record_is_13(pair: &Pair) -> bool {
    pair.wire.sent.last().is_some_and(|(_, packet)| packet.bytes[0] >> 5 == 1)
}

#[test]
fn the_version_follows_the_configuration() {
    use DtlsVersion::{Default, V12, V13};
    for (versions, expect_13) in
        [((V12, V12), false), ((V13, V13), true), ((Default, Default), true), ((Default, V12), false), ((V12, Default), false)]
    {
        let mut pair = pair_at("192.0.2.1", "192.0.2.2", versions, None);
        pair.connect(5 * SECOND);
        pair.assert_connected();
        pair.assert_echo();
        assert_eq!(last_record_is_13(&pair), expect_13, "{versions:?}");
    }
}

#[test]
fn versions_that_do_not_meet_never_connect() {
    let mut pair = pair_at("192.0.2.1", "192.0.2.2", (DtlsVersion::V13, DtlsVersion::V12), None);
    pair.connect(120 * SECOND);
    assert!(pair.wire.names(pair.client).contains(&"dtls:failed".to_string()));
    assert!(!pair.wire.names(pair.client).contains(&"dtls:connected".to_string()));
}

#[test]
fn it_runs_over_ipv6() {
    let mut pair = pair_at("2001:db8::1", "2001:db8::2", (DtlsVersion::V12, DtlsVersion::V12), None);
    pair.connect_to("[2001:db8::2]:4433", 5 * SECOND);
    pair.assert_connected();
    pair.assert_echo();
}

#[test]
fn a_small_mtu_is_kept_to() {
    // 128 bytes would not hold the ACK of DTLS 1.3 that names all records of the server's flight (RFC 9147 section 7): dimpl does not split it.
    for (version, mtus) in [(DtlsVersion::V12, &[128, 256, 512][..]), (DtlsVersion::V13, &[256, 512]), (DtlsVersion::Default, &[256, 512])]
    {
        for mtu in mtus.iter().copied() {
            let mut pair = pair_at("192.0.2.1", "192.0.2.2", (version, version), Some(mtu));
            pair.connect(5 * SECOND);
            pair.assert_connected();
            pair.assert_echo();
            let largest = pair.wire.sent.iter().map(|(_, packet)| packet.bytes.len()).max();
            assert!(largest <= Some(usize::from(mtu)), "{version:?}: {largest:?} bytes with an MTU of {mtu}");
        }
    }
}

#[test]
fn an_mtu_that_no_record_fits_is_refused_when_building() {
    let error = Dimpl.build(&config(Role::DtlsClient, "192.0.2.1", DtlsVersion::V12, Some(40))).err().expect("refused");
    assert!(error.to_string().to_lowercase().contains("mtu"), "{error}");
}

#[test]
fn any_lost_datagram_of_the_handshake_is_recovered() {
    for version in VERSIONS {
        let mut whole = pair(version);
        whole.connect(5 * SECOND);
        for lost in 0..whole.wire.sent.len() {
            let mut pair = pair(version);
            let mut number = 0;
            pair.wire.filter(move |packet| {
                number += 1;
                (number != lost + 1).then(|| packet.bytes.clone())
            });
            pair.connect(30 * SECOND);
            pair.assert_connected();
            pair.assert_echo();
        }
    }
}

#[test]
fn a_silent_server_ends_in_failure_within_the_handshake_timeout() {
    for version in VERSIONS {
        let mut pair = pair(version);
        pair.wire.filter(|_| None);
        pair.connect(60 * SECOND);
        assert_eq!(pair.wire.names(pair.client), ["dtls:connecting", "error", "dtls:failed"], "{version:?}");
        assert!(pair.wire.sent.len() > 3, "the first flight was retransmitted");
    }
}

#[test]
fn close_reaches_the_peer_in_every_version() {
    for version in VERSIONS {
        for closer in [0, 1] {
            let mut pair = pair(version);
            pair.connect(5 * SECOND);
            pair.wire.command(closer, Command::Close);
            pair.wire.run(10 * SECOND);
            for node in [pair.client, pair.server] {
                assert_eq!(pair.wire.names(node).last().map(String::as_str), Some("dtls:closed"), "{version:?}, node {node}");
            }
        }
    }
}

#[test]
fn a_client_connects_again_after_closing() {
    let mut pair = pair(DtlsVersion::V12);
    pair.connect(5 * SECOND);
    pair.wire.command(pair.client, Command::Close);
    pair.wire.run(6 * SECOND);
    pair.connect(10 * SECOND);
    assert_eq!(pair.wire.names(pair.client).last().map(String::as_str), Some("dtls:connected"));
    pair.assert_echo();
}

#[test]
fn data_sent_during_the_handshake_arrives_after_it() {
    for version in VERSIONS {
        let mut pair = pair(version);
        pair.wire.command(pair.client, Command::Connect { remote: SERVER.parse().expect("an address") });
        pair.send(pair.client, "early");
        pair.wire.run(5 * SECOND);
        assert_eq!(pair.wire.data(pair.server), ["early"], "{version:?}");
    }
}

#[test]
fn a_server_serves_several_clients_and_sends_to_the_latest() {
    let mut both = pair(DtlsVersion::V12);
    both.connect(5 * SECOND);
    let second = config(Role::DtlsClient, "192.0.2.30", DtlsVersion::V12, None);
    let other = both.wire.add(&second.addresses, endpoint(&second));
    both.wire.command(other, Command::Connect { remote: SERVER.parse().expect("an address") });
    both.wire.run(10 * SECOND);
    both.send(both.server, "to the latest");
    assert_eq!(both.wire.data(other), ["to the latest"]);
    assert!(both.wire.data(both.client).is_empty());
    both.send(both.client, "from the first");
    both.send(other, "from the second");
    assert_eq!(both.wire.data(both.server), ["from the first", "from the second"]);
}

#[test]
fn the_same_seed_draws_the_same_hello_and_another_does_not() {
    // The key share is drawn from the operating system, the client random of DTLS 1.2 from the seed; its first four bytes are the clock.
    let random = |seed| {
        let mut node = config(Role::DtlsClient, "192.0.2.1", DtlsVersion::V12, None);
        node.seed = seed;
        let mut wire = Wire::new();
        let client = wire.add(&node.addresses, endpoint(&node));
        wire.command(client, Command::Connect { remote: SERVER.parse().expect("an address") });
        wire.sent[0].1.bytes.slice(31..59)
    };
    assert_eq!(random(1), random(1));
    assert_ne!(random(1), random(2));
}

#[test]
fn what_is_not_offered_is_refused_by_name() {
    let mut pair = pair(DtlsVersion::V12);
    let peer = SERVER.parse().expect("an address");
    for node in [pair.client, pair.server] {
        pair.wire.command(node, Command::Probe { verb: "levitate".into() });
        pair.wire.command(node, Command::Bind { server: peer });
        pair.wire.command(node, Command::SendData { channel: "chat".into(), data: Bytes::new() });
        let verbs = ["levitate", "bind", "send-data"].map(|verb| ApiEvent::Unsupported { verb: verb.into() });
        assert_eq!(pair.wire.events(node), verbs);
    }
    pair.wire.command(pair.server, Command::Connect { remote: peer });
    assert_eq!(pair.wire.events(pair.server).last(), Some(&ApiEvent::Unsupported { verb: "connect".into() }));
    assert!(Dimpl.build(&config(Role::TurnServer, "192.0.2.1", DtlsVersion::V12, None)).is_err());
}

#[test]
fn commands_without_an_association_are_errors() {
    let mut pair = pair(DtlsVersion::V12);
    for node in [pair.client, pair.server] {
        pair.wire.command(node, Command::Close);
        pair.wire.command(node, Command::SendData { channel: String::new(), data: Bytes::new() });
        assert_eq!(pair.wire.names(node), ["error", "error"]);
    }
    pair.connect_to("[2001:db8::2]:4433", SECOND);
    assert_eq!(pair.wire.names(pair.client), ["error", "error", "error"]);
}

#[test]
fn stray_datagrams_neither_connect_nor_exhaust_a_server() {
    let mut pair = pair(DtlsVersion::V12);
    for number in 0..200_u8 {
        let from = SocketAddr::new([198, 51, 100, number].into(), 9);
        pair.wire.send(Packet { from, to: SERVER.parse().expect("an address"), bytes: Bytes::from_static(b"\x17\xfe\xfd stray") });
    }
    pair.connect(5 * SECOND);
    pair.assert_connected();
    pair.assert_echo();
}
