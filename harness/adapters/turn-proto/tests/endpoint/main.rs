//! Clients and servers of this adapter and an echoing peer, on a wire in virtual time.

mod binding;
mod garbage;
mod relay;

use adapter_turn_proto::{TurnClientProto, TurnServerProto};
use iut::testing::Wire;
use iut::{ApiEvent, Cause, Credential, Endpoint, Implementation, Input, Instance, NodeConfig, Ns, Output, Role, ServerKind, ServerUrl};
use std::net::{IpAddr, SocketAddr};

const V4: [&str; 3] = ["192.0.2.1", "192.0.2.2", "192.0.2.3"];
const V6: [&str; 3] = ["2001:db8::1", "2001:db8::2", "2001:db8::3"];
const BOTH: [[&str; 2]; 3] = [[V4[0], V6[0]], [V4[1], V6[1]], [V4[2], V6[2]]];

fn ip(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

fn credential(password: &str) -> Credential {
    Credential { username: "user".into(), password: password.into() }
}

fn config(role: Role, addresses: &[&str]) -> NodeConfig {
    let addresses: Vec<IpAddr> = addresses.iter().map(|text| ip(text)).collect();
    NodeConfig { role, addresses, ..iut::testing::peers::peer(false) }
}

fn client_config(role: Role, addresses: &[&str], servers: &[SocketAddr], password: &str) -> NodeConfig {
    let url = |address: &SocketAddr| ServerUrl { kind: ServerKind::Turn, address: *address, credential: Some(credential(password)) };
    NodeConfig { servers: servers.iter().map(url).collect(), ..config(role, addresses) }
}

fn server_config(role: Role, addresses: &[&str]) -> NodeConfig {
    NodeConfig { port: 3478, realm: "example.org".into(), users: vec![credential("secret")], ..config(role, addresses) }
}

fn add(wire: &mut Wire, implementation: &dyn Implementation, config: &NodeConfig) -> usize {
    let Ok(Instance::Endpoint(endpoint)) = implementation.build(config) else { panic!("both are endpoints") };
    wire.add(endpoint, &config.addresses)
}

/// A client, a server and a peer that sends back what it receives; each may have several addresses.
struct Network {
    wire: Wire,
    client: usize,
    server: usize,
    listen: Vec<SocketAddr>,
    peers: Vec<SocketAddr>,
}

impl Network {
    fn new(role: Role, client: &[&str], server: &[&str], peer: &[&str], password: &str) -> Self {
        let server_role = if role == Role::TurnClient { Role::TurnServer } else { Role::StunServer };
        let listen: Vec<SocketAddr> = server.iter().map(|text| SocketAddr::new(ip(text), 3478)).collect();
        let peers: Vec<SocketAddr> = peer.iter().map(|text| SocketAddr::new(ip(text), 7)).collect();
        let mut wire = Wire::new(iut::testing::LATENCY);
        let client = add(&mut wire, &TurnClientProto, &client_config(role, client, &listen, password));
        let server = add(&mut wire, &TurnServerProto, &server_config(server_role, server));
        wire.add(Box::new(Echo(None)), &peers.iter().map(SocketAddr::ip).collect::<Vec<_>>());
        Self { wire, client, server, listen, peers }
    }

    fn events(&self) -> Vec<ApiEvent> {
        self.wire.events(self.client).iter().map(|(_, event)| event.clone()).collect()
    }

    fn names(&self) -> Vec<String> {
        self.events().iter().map(ApiEvent::name).collect()
    }
}

/// Sends each datagram back to where it came from.
struct Echo(Option<Output>);

impl Endpoint for Echo {
    fn handle(&mut self, _: Ns, input: Input) {
        if let Input::Datagram { local, remote, bytes } = input {
            self.0 = Some(Output::Datagram { local, remote, bytes });
        }
    }

    fn poll_output(&mut self) -> Option<Output> {
        self.0.take()
    }

    fn poll_timeout(&mut self) -> Option<(Ns, Cause)> {
        None
    }
}
