//! Nothing that the network delivers may panic or stop time: random bytes, and real flights with bytes changed.

use crate::wire::{Packet, Wire};
use adapter_dimpl::Dimpl;
use bytes::Bytes;
use iut::{CertificateChoice, Command, DtlsOptions, DtlsVersion, Implementation, Instance, NodeConfig, Role, SECOND, TransportPolicy};
use std::net::SocketAddr;

const VERSIONS: [DtlsVersion; 3] = [DtlsVersion::V12, DtlsVersion::V13, DtlsVersion::Default];

/// splitmix64: a generator for inputs, fixed by its seed.
struct Bits(u64);

impl Bits {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound.max(1) as u64) as usize
    }

    fn bytes(&mut self, length: usize) -> Vec<u8> {
        (0..length).map(|_| self.next() as u8).collect()
    }
}

fn node(role: Role, address: &str, version: DtlsVersion, wire: &mut Wire) -> usize {
    let config = NodeConfig {
        name: role.name().into(),
        role,
        addresses: vec![address.parse().expect("an address")],
        port: 4433,
        offerer: false,
        servers: Vec::new(),
        trickle: false,
        transport_policy: TransportPolicy::All,
        dtls: DtlsOptions { version, mtu: None, certificate: CertificateChoice::A },
        realm: String::new(),
        users: Vec::new(),
        relay_addresses: Vec::new(),
        seed: 1,
    };
    let Ok(Instance::Endpoint(endpoint)) = Dimpl.build(&config) else { panic!("dimpl is an endpoint") };
    wire.add(&config.addresses, endpoint)
}

const CLIENT: &str = "192.0.2.1:4433";
const SERVER: &str = "192.0.2.2:4433";

fn connecting(version: DtlsVersion) -> Wire {
    let mut wire = Wire::new();
    let client = node(Role::DtlsClient, "192.0.2.1", version, &mut wire);
    node(Role::DtlsServer, "192.0.2.2", version, &mut wire);
    wire.command(client, Command::Connect { remote: address(SERVER) });
    wire
}

fn address(text: &str) -> SocketAddr {
    text.parse().expect("an address")
}

#[test]
fn random_bytes_are_survived_at_every_stage() {
    for version in VERSIONS {
        let mut bits = Bits(1);
        let mut wire = connecting(version);
        for round in 0..1500 {
            let length = bits.below(200);
            let mut bytes = bits.bytes(length);
            if let [kind, major, minor, ..] = bytes.as_mut_slice()
                && round % 2 == 0
            {
                // Half of them look like records, so that they come further.
                (*kind, *major, *minor) = (20 + *kind % 6, 254, 253);
            }
            let (from, to) = if round % 3 == 0 { (SERVER, CLIENT) } else { (CLIENT, SERVER) };
            wire.send(Packet { from: address(from), to: address(to), bytes: bytes.into() });
            wire.run(wire.now + SECOND / 1000);
        }
        wire.run(wire.now + 100 * SECOND);
    }
}

#[test]
fn flights_with_changed_bytes_are_survived() {
    for version in VERSIONS {
        for seed in 0..25 {
            let mut bits = Bits(seed);
            let mut wire = connecting(version);
            wire.filter(move |packet| Some(mutate(&mut bits, &packet.bytes)));
            wire.run(50 * SECOND);
        }
    }
}

/// Changes, cuts or lengthens about every second datagram.
fn mutate(bits: &mut Bits, bytes: &Bytes) -> Bytes {
    let mut bytes = bytes.to_vec();
    match bits.below(8) {
        0 | 1 => {
            for _ in 0..=bits.below(4) {
                let index = bits.below(bytes.len());
                bytes[index] ^= 1 << bits.below(8);
            }
        }
        2 => bytes.truncate(bits.below(bytes.len())),
        3 => bytes.extend(bits.bytes(16)),
        _ => {}
    }
    bytes.into()
}
