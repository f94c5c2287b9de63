//! The TURN client and server.

use crate::{BOTH, Network, V4, V6};
use bytes::Bytes;
use iut::{ApiEvent, Command, IcmpError, IcmpKind, Input, Ns, Role, SECOND};
use std::net::SocketAddr;

const HOUR: Ns = 3600 * SECOND;

fn network(addresses: &[&str; 3]) -> Network {
    Network::new(Role::TurnClient, &addresses[..1], &addresses[1..2], &addresses[2..], "secret")
}

impl Network {
    fn command(&mut self, command: Command) {
        self.wire.command(self.client, command);
        self.wire.run(SECOND);
    }

    fn allocate(&mut self) {
        self.command(Command::Allocate { server: self.listen[0] });
    }

    fn permit(&mut self) {
        self.command(Command::CreatePermission { peers: self.peers.clone() });
    }

    /// Sends to the peer and gives what came back.
    fn echo(&mut self, peer: SocketAddr, text: &'static str) -> Vec<Bytes> {
        let before = self.wire.events(self.client).len();
        self.command(Command::SendToPeer { peer, data: Bytes::from_static(text.as_bytes()) });
        let data = |event: &ApiEvent| match event {
            ApiEvent::PeerData { peer: from, bytes } if *from == peer => Some(bytes.clone()),
            _ => None,
        };
        self.events()[before..].iter().filter_map(data).collect()
    }

    /// First bytes of what went to the server since `from`.
    fn first_bytes(&self, from: usize) -> Vec<u8> {
        self.wire.sent()[from..].iter().filter(|sent| sent.remote == self.listen[0]).map(|sent| sent.bytes[0]).collect()
    }
}

fn allocated(relayed: SocketAddr) -> ApiEvent {
    ApiEvent::Allocated { relayed, mapped: None, lifetime: None }
}

#[test]
fn an_allocation_relays_to_a_permitted_peer_and_back() {
    for addresses in [V4, V6] {
        let mut network = network(&addresses);
        network.allocate();
        network.permit();
        let peer = network.peers[0];
        let relayed = SocketAddr::new(network.listen[0].ip(), 49152);
        assert_eq!(network.events(), [allocated(relayed), ApiEvent::PermissionCreated { peer }]);
        let from = network.wire.sent().len();
        assert_eq!(network.echo(peer, "hello"), ["hello"]);
        assert_eq!(network.first_bytes(from), [0x00], "a Send indication");
    }
}

#[test]
fn a_channel_carries_data_with_four_bytes_of_header() {
    let mut network = network(&V4);
    network.allocate();
    let peer = network.peers[0];
    network.command(Command::BindChannel { peer });
    assert_eq!(network.names(), ["allocated", "permission-created", "channel-bound"]);
    let from = network.wire.sent().len();
    assert_eq!(network.echo(peer, "hello"), ["hello"]);
    assert_eq!(network.first_bytes(from), [0x40], "ChannelData");
}

#[test]
fn without_a_permission_nothing_is_sent() {
    let mut network = network(&V4);
    network.allocate();
    let from = network.wire.sent().len();
    assert!(network.echo(network.peers[0], "hello").is_empty());
    assert_eq!(network.names().last().map(String::as_str), Some("error"));
    assert_eq!(network.wire.sent().len(), from);
}

#[test]
fn two_peers_at_one_address_need_one_permission() {
    let mut network = network(&V4);
    network.allocate();
    let other = SocketAddr::new(network.peers[0].ip(), 8);
    network.command(Command::CreatePermission { peers: vec![network.peers[0], other] });
    assert_eq!(network.names(), ["allocated", "permission-created"]);
    assert_eq!(network.echo(other, "hello"), ["hello"]);
}

#[test]
fn allocation_permission_and_channel_are_refreshed_for_an_hour() {
    let mut network = network(&V4);
    network.allocate();
    network.permit();
    let peer = network.peers[0];
    network.command(Command::BindChannel { peer });
    let before = network.names().len();
    network.wire.run(HOUR);
    assert_eq!(network.names().len(), before, "{:?}", network.events());
    assert_eq!(network.echo(peer, "still here"), ["still here"]);
}

#[test]
fn an_allocation_is_lost_when_the_server_is_gone() {
    let mut network = network(&V4);
    network.allocate();
    network.wire.filter(|_| None);
    network.wire.run(HOUR);
    assert_eq!(network.names().last().map(String::as_str), Some("error"));
    network.wire.filter(|sent| Some(sent.bytes.clone()));
    network.allocate();
    assert_eq!(network.names().last().map(String::as_str), Some("allocated"), "{:?}", network.events());
}

#[test]
fn close_and_a_lifetime_of_zero_delete_the_allocation() {
    for command in [Command::Close, Command::Refresh { lifetime: 0 }] {
        let mut network = network(&V4);
        network.allocate();
        network.permit();
        network.command(command);
        assert_eq!(network.names().last().map(String::as_str), Some("connection:closed"));
        let relayed = SocketAddr::new(network.listen[0].ip(), 49152);
        let from = network.wire.sent().len();
        let stray = Input::Datagram { local: relayed, remote: network.peers[0], bytes: Bytes::from_static(b"late") };
        network.wire.input(network.server, stray);
        assert_eq!(network.wire.sent().len(), from, "the relayed address is dead");
    }
}

#[test]
fn a_second_allocation_after_deletion_takes_the_next_ports() {
    let mut network = network(&V4);
    network.allocate();
    network.command(Command::Close);
    network.allocate();
    assert_eq!(network.events().last(), Some(&allocated(SocketAddr::new(network.listen[0].ip(), 49153))));
    assert_eq!(network.wire.sent().last().map(|sent| sent.remote.port()), Some(5001));
}

#[test]
fn a_lifetime_cannot_be_asked_for() {
    let mut network = network(&V4);
    network.allocate();
    network.command(Command::Refresh { lifetime: 600 });
    assert_eq!(network.events().last(), Some(&ApiEvent::Unsupported { verb: "refresh".into() }));
}

#[test]
fn a_wrong_password_or_an_unknown_server_fails() {
    let mut network = Network::new(Role::TurnClient, &V4[..1], &V4[1..2], &V4[2..], "wrong");
    network.allocate();
    // The client takes the second 401 for a forgery and waits for another answer.
    network.wire.run(60 * SECOND);
    assert_eq!(network.names(), ["error"]);
    network.command(Command::Allocate { server: network.peers[0] });
    assert_eq!(network.names(), ["error", "error"]);
}

#[test]
fn a_silent_server_fails() {
    let mut network = network(&V4);
    network.wire.filter(|_| None);
    network.allocate();
    network.wire.run(100 * SECOND);
    assert_eq!(network.names(), ["error"]);
}

#[test]
fn commands_without_an_allocation_are_errors() {
    let mut network = network(&V4);
    network.permit();
    network.command(Command::Close);
    assert!(network.echo(network.peers[0], "hello").is_empty());
    assert_eq!(network.names(), ["error", "error", "error"]);
}

#[test]
fn a_second_allocation_beside_the_first_is_an_error() {
    let mut network = network(&V4);
    network.allocate();
    network.allocate();
    assert_eq!(network.names(), ["allocated", "error"]);
}

#[test]
fn a_dual_stack_node_gets_both_families() {
    let mut network = Network::new(Role::TurnClient, &BOTH[0], &BOTH[1], &BOTH[2], "secret");
    network.allocate();
    network.permit();
    assert_eq!(network.names(), ["allocated", "allocated", "permission-created", "permission-created"], "{:?}", network.events());
    for peer in network.peers.clone() {
        assert_eq!(network.echo(peer, "hello"), ["hello"]);
    }
}

#[test]
fn a_server_relays_for_clients_of_each_of_its_addresses() {
    for listener in 0..2 {
        let mut network = Network::new(Role::TurnClient, &V4[..1], &[V4[1], "192.0.2.20"], &V4[2..], "secret");
        network.command(Command::Allocate { server: network.listen[listener] });
        network.permit();
        assert_eq!(network.echo(network.peers[0], "hello"), ["hello"]);
    }
}

#[test]
fn an_unreachable_peer_is_told_to_the_client() {
    for (addresses, told) in [(V4, "type 3 code 3"), (V6, "type 1 code 4")] {
        let mut network = network(&addresses);
        network.allocate();
        network.permit();
        let local = SocketAddr::new(network.listen[0].ip(), 49152);
        let (reporter, remote) = (network.peers[0].ip(), network.peers[0]);
        network.wire.input(network.server, Input::IcmpError(IcmpError { kind: IcmpKind::PortUnreachable, reporter, local, remote }));
        network.wire.run(SECOND);
        let events = network.events();
        let Some(ApiEvent::Error { message, .. }) = events.last() else { panic!("an error: {events:?}") };
        assert!(message.contains(told) && message.contains(&remote.to_string()), "{message}");
    }
}

#[test]
fn what_is_not_offered_is_refused_by_name() {
    let mut network = network(&V4);
    let server = network.listen[0];
    network.command(Command::Probe { verb: "levitate".into() });
    network.command(Command::Bind { server });
    assert_eq!(network.events(), ["levitate", "bind"].map(|verb| ApiEvent::Unsupported { verb: verb.into() }));
}
