//! Nothing that the network delivers may panic or stop time: random bytes, and real flights with bytes changed.

use crate::{VERSIONS, add, config};
use bytes::Bytes;
use fastrand::Rng;
use iut::testing::{LATENCY, Wire};
use iut::{Command, DtlsVersion, Input, MILLISECOND, Role, SECOND};
use std::net::SocketAddr;

fn address(last: u8) -> SocketAddr {
    SocketAddr::new([192, 0, 2, last].into(), 4433)
}

/// The client is node 0 at `192.0.2.1`, the server node 1 at `192.0.2.2`.
fn connecting(version: DtlsVersion) -> Wire {
    let mut wire = Wire::new(LATENCY);
    let client = add(&mut wire, &config(Role::DtlsClient, "192.0.2.1", version, None));
    add(&mut wire, &config(Role::DtlsServer, "192.0.2.2", version, None));
    wire.command(client, Command::Connect { remote: address(2) });
    wire
}

#[test]
fn random_bytes_are_survived_at_every_stage() {
    for version in VERSIONS {
        let mut random = Rng::with_seed(1);
        let mut wire = connecting(version);
        for round in 0..1500 {
            let length = random.usize(0..200);
            let mut bytes: Vec<u8> = (0..length).map(|_| random.u8(..)).collect();
            if let [kind, major, minor, ..] = bytes.as_mut_slice()
                && round % 2 == 0
            {
                // Half of them look like records, so that they come further.
                (*kind, *major, *minor) = (20 + *kind % 6, 254, 253);
            }
            let (node, local, remote) = if round % 3 == 0 { (0, address(1), address(2)) } else { (1, address(2), address(1)) };
            wire.input(node, Input::Datagram { local, remote, bytes: bytes.into() });
            wire.run(MILLISECOND);
        }
        wire.run(100 * SECOND);
    }
}

#[test]
fn flights_with_changed_bytes_are_survived() {
    for version in VERSIONS {
        for seed in 0..25 {
            let mut random = Rng::with_seed(seed);
            let mut wire = connecting(version);
            wire.filter(move |sent| Some(mutate(&mut random, &sent.bytes)));
            wire.run(50 * SECOND);
        }
    }
}

/// Changes, cuts or lengthens every second datagram.
fn mutate(random: &mut Rng, bytes: &Bytes) -> Bytes {
    let mut bytes = bytes.to_vec();
    match random.u8(0..8) {
        0 | 1 => {
            for _ in 0..=random.u8(0..4) {
                let index = random.usize(0..bytes.len());
                bytes[index] ^= 1 << random.u8(0..8);
            }
        }
        2 => bytes.truncate(random.usize(0..bytes.len())),
        3 => bytes.extend((0..16).map(|_| random.u8(..))),
        _ => {}
    }
    bytes.into()
}
