//! Nothing that the network delivers may panic or stop time: random bytes, and real messages with bytes changed.

use crate::{Network, V4};
use bytes::Bytes;
use fastrand::Rng;
use iut::{Command, IcmpError, IcmpKind, Input, MILLISECOND, Role, SECOND};
use std::net::SocketAddr;

fn relaying() -> Network {
    let mut network = Network::new(Role::TurnClient, &V4[..1], &V4[1..2], &V4[2..], "secret");
    network.wire.command(network.client, Command::Allocate { server: network.listen[0] });
    network.wire.run(SECOND);
    network.wire.command(network.client, Command::BindChannel { peer: network.peers[0] });
    network.wire.run(SECOND);
    network
}

/// Random bytes, half of them with the beginning of a STUN message and a fitting length.
fn bytes(random: &mut Rng) -> Bytes {
    let mut bytes: Vec<u8> = (0..random.usize(0..160)).map(|_| random.u8(..)).collect();
    if bytes.len() >= 20 && random.bool() {
        let length = (bytes.len() - 20) & !3;
        bytes.truncate(20 + length);
        bytes[0] = random.u8(0..2);
        bytes[1] = [0x01, 0x03, 0x04, 0x06, 0x08, 0x09, 0x11, 0x13, 0x16, 0x17][random.usize(0..10)];
        bytes[2..4].copy_from_slice(&(length as u16).to_be_bytes());
        bytes[4..8].copy_from_slice(&[0x21, 0x12, 0xa4, 0x42]);
    }
    bytes.into()
}

#[test]
fn random_bytes_are_survived_by_client_server_and_relay() {
    let mut random = Rng::with_seed(2);
    let mut network = relaying();
    let (client, listen) = (SocketAddr::new(crate::ip(V4[0]), 5000), network.listen[0]);
    let relayed = SocketAddr::new(listen.ip(), 49152);
    for _ in 0..20_000 {
        let bytes = bytes(&mut random);
        let (node, local, remote) = match random.u8(0..4) {
            0 => (network.client, client, listen),
            1 => (network.server, relayed, network.peers[0]),
            2 => (network.server, listen, SocketAddr::new(crate::ip(V4[2]), random.u16(1..))),
            _ => (network.server, listen, client),
        };
        network.wire.input(node, Input::Datagram { local, remote, bytes });
    }
    network.wire.run(SECOND);
}

#[test]
fn messages_with_changed_bytes_are_survived() {
    for seed in 0..200 {
        let mut random = Rng::with_seed(seed);
        let mut network = Network::new(Role::TurnClient, &V4[..1], &V4[1..2], &V4[2..], "secret");
        network.wire.filter(move |sent| Some(mutate(&mut random, &sent.bytes)));
        let (server, peer) = (network.listen[0], network.peers[0]);
        network.wire.command(network.client, Command::Allocate { server });
        network.wire.run(40 * SECOND);
        for command in [
            Command::CreatePermission { peers: vec![peer] },
            Command::BindChannel { peer },
            Command::SendToPeer { peer, data: Bytes::from_static(b"hello") },
            Command::Close,
        ] {
            network.wire.command(network.client, command);
            network.wire.run(40 * SECOND);
        }
    }
}

#[test]
fn stun_messages_with_changed_bytes_are_survived() {
    for seed in 0..200 {
        let mut random = Rng::with_seed(seed);
        let mut network = Network::new(Role::StunClient, &V4[..1], &V4[1..2], &V4[2..], "");
        network.wire.filter(move |sent| Some(mutate(&mut random, &sent.bytes)));
        network.wire.command(network.client, Command::Bind { server: network.listen[0] });
        network.wire.run(60 * SECOND);
        assert!(!network.names().is_empty(), "a transaction always ends");
    }
}

#[test]
fn icmp_errors_about_anything_are_survived() {
    let mut network = relaying();
    let kinds = [
        IcmpKind::PortUnreachable,
        IcmpKind::HostUnreachable,
        IcmpKind::AdministrativelyProhibited,
        IcmpKind::PacketTooBig { mtu: 0 },
        IcmpKind::TimeExceeded,
    ];
    let v6: SocketAddr = "[2001:db8::9]:9".parse().expect("an address");
    let relayed = SocketAddr::new(network.listen[0].ip(), 49152);
    for kind in kinds {
        for (local, remote) in [(relayed, network.peers[0]), (relayed, v6), (v6, v6), (network.listen[0], network.peers[0])] {
            for node in [network.client, network.server] {
                network.wire.input(node, Input::IcmpError(IcmpError { kind, reporter: remote.ip(), local, remote }));
            }
        }
    }
    network.wire.run(MILLISECOND);
}

/// Changes, cuts or lengthens every second datagram.
fn mutate(random: &mut Rng, bytes: &Bytes) -> Bytes {
    let mut bytes = bytes.to_vec();
    match random.u8(0..8) {
        0 | 1 if !bytes.is_empty() => {
            for _ in 0..=random.u8(0..4) {
                let index = random.usize(0..bytes.len());
                bytes[index] ^= 1 << random.u8(0..8);
            }
        }
        2 if !bytes.is_empty() => bytes.truncate(random.usize(0..bytes.len())),
        3 => bytes.extend((0..16).map(|_| random.u8(..))),
        _ => {}
    }
    bytes.into()
}
