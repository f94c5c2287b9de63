//! Two agents of this adapter and a STUN and TURN server, on a wire in virtual time.

mod garbage;
mod pair;
mod server;

use adapter_rice::Rice;
use iut::testing::Wire;
use iut::{Credential, Endpoint, Implementation, Instance, NodeConfig, Role, ServerKind, ServerUrl};
use std::net::{IpAddr, SocketAddr};

const OFFERER: usize = 0;
const ANSWERER: usize = 1;
const SERVER: &str = "192.0.2.9:3478";

fn address(text: &str) -> SocketAddr {
    text.parse().expect("an address")
}

fn config(addresses: &[&str], offerer: bool) -> NodeConfig {
    let addresses: Vec<IpAddr> = addresses.iter().map(|text| text.parse().expect("an address")).collect();
    NodeConfig { role: Role::IceAgent, addresses, ..iut::testing::peers::peer(offerer) }
}

fn url(kind: ServerKind) -> ServerUrl {
    let credential = Credential { username: server::USER.into(), password: server::PASSWORD.into() };
    ServerUrl { kind, address: address(SERVER), credential: (kind == ServerKind::Turn).then_some(credential) }
}

fn endpoint(config: &NodeConfig) -> Box<dyn Endpoint> {
    let Ok(Instance::Endpoint(endpoint)) = Rice.build(config) else { panic!("rice is an endpoint") };
    endpoint
}

/// Both agents and the server; nothing has been commanded yet.
fn wire(change: impl Fn(NodeConfig) -> NodeConfig, addresses: [&[&str]; 2]) -> Wire {
    let mut wire = Wire::new(iut::testing::LATENCY);
    for (addresses, offerer) in addresses.into_iter().zip([true, false]) {
        let config = change(config(addresses, offerer));
        wire.add(endpoint(&config), &config.addresses);
    }
    wire.add(Box::new(server::Server::new(address(SERVER))), &[address(SERVER).ip()]);
    wire
}

const V4: [&[&str]; 2] = [&["192.0.2.1"], &["192.0.2.2"]];
