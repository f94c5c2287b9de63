//! The STUN client and server.

use crate::{Network, V4, V6, config};
use adapter_turn_proto::{TurnClientProto, TurnServerProto};
use bytes::Bytes;
use iut::{ApiEvent, Command, Implementation, Input, MILLISECOND, Role, SECOND};
use std::net::SocketAddr;

fn network(client: &[&str], server: &[&str]) -> Network {
    Network::new(Role::StunClient, client, server, &V4[2..], "")
}

#[test]
fn a_binding_tells_the_address_that_the_server_sees() {
    let port = 0x2112 ^ 5000_u16;
    let mapped = [&[0x00, 0x20, 0x00, 0x08, 0, 1][..], &port.to_be_bytes(), &[192 ^ 0x21, 0x12, 2 ^ 0xa4, 1 ^ 0x42]].concat();
    let network = answered(SUCCESS, &mapped);
    assert_eq!(network.events(), [ApiEvent::MappedAddress("192.0.2.1:5000".parse().expect("an address"))]);
}

#[test]
fn the_server_addresses_binding_responses_to_itself() {
    // turn-server-proto 0.7.3 answers a Binding request, and names its own address as the destination. The adapter sends where it is told to.
    for addresses in [V4, V6] {
        let mut network = network(&addresses[..1], &addresses[1..2]);
        let server = network.listen[0];
        network.wire.command(network.client, Command::Bind { server });
        network.wire.run(SECOND / 10);
        let [request, response] = network.wire.sent() else { panic!("a request and a response: {:?}", network.wire.sent()) };
        assert_eq!(response.bytes[..2], SUCCESS);
        assert_eq!(response.bytes[8..20], request.bytes[8..20]);
        assert_eq!((response.local, response.remote), (server, server));
    }
}

#[test]
fn a_client_uses_one_socket_for_all_servers() {
    let mut network = network(&V4[..1], &[V4[1], "192.0.2.20"]);
    for server in network.listen.clone() {
        network.wire.command(network.client, Command::Bind { server });
    }
    let sockets: Vec<_> = network.wire.sent().iter().map(|sent| sent.local).collect();
    assert_eq!(sockets, [SocketAddr::new(crate::ip(V4[0]), 5000); 2]);
}

#[test]
fn requests_are_retransmitted_with_doubling_intervals_until_the_transaction_fails() {
    let mut network = network(&V4[..1], &V4[1..2]);
    network.wire.filter(|_| None);
    network.wire.command(network.client, Command::Bind { server: network.listen[0] });
    network.wire.run(60 * SECOND);
    let times: Vec<_> = network.wire.sent().iter().map(|sent| sent.at / MILLISECOND).collect();
    assert_eq!(times, [0, 500, 1500, 3500, 7500, 15500, 31500]);
    assert!(network.wire.sent().iter().all(|sent| sent.bytes == network.wire.sent()[0].bytes), "retransmissions are equal");
    assert_eq!(network.names(), ["error"]);
}

/// Sends a Binding request and answers it with these attributes and this class.
fn answered(class: [u8; 2], attributes: &[u8]) -> Network {
    let mut network = network(&V4[..1], &V4[1..2]);
    network.wire.filter(|_| None);
    network.wire.command(network.client, Command::Bind { server: network.listen[0] });
    let request = network.wire.sent()[0].clone();
    let mut bytes = class.to_vec();
    bytes.extend((attributes.len() as u16).to_be_bytes());
    bytes.extend(&request.bytes[4..20]);
    bytes.extend(attributes);
    let input = Input::Datagram { local: request.local, remote: request.remote, bytes: Bytes::from(bytes) };
    network.wire.input(network.client, input);
    network
}

const SUCCESS: [u8; 2] = [0x01, 0x01];
const ERROR: [u8; 2] = [0x01, 0x11];

fn message_of(network: &Network) -> String {
    let [ApiEvent::Error { operation, message }] = &network.events()[..] else { panic!("one error: {:?}", network.events()) };
    assert_eq!(operation, "bind");
    message.clone()
}

#[test]
fn an_error_response_ends_the_transaction_with_its_code() {
    let mut network = answered(ERROR, &[0x00, 0x09, 0x00, 0x08, 0, 0, 5, 0, b'o', b'o', b'p', b's']);
    assert_eq!(message_of(&network), "500 oops");
    network.wire.run(60 * SECOND);
    assert_eq!(network.wire.sent().len(), 1, "nothing is retransmitted");
}

#[test]
fn a_response_with_an_unknown_comprehension_required_attribute_is_no_success() {
    let mapped = [0x00, 0x20, 0x00, 0x08, 0, 1, 0, 0, 0, 0, 0, 0];
    let unknown = [0x7f, 0x01, 0x00, 0x00];
    assert!(message_of(&answered(SUCCESS, &[&mapped[..], &unknown].concat())).contains("0x7f01"));
    let optional = [0xff, 0x01, 0x00, 0x00];
    assert_eq!(answered(SUCCESS, &[&mapped[..], &optional].concat()).names(), ["mapped-address"]);
}

#[test]
fn a_response_without_an_address_is_no_success() {
    assert!(message_of(&answered(SUCCESS, &[])).contains("XOR-MAPPED-ADDRESS"));
}

#[test]
fn a_server_of_another_family_is_an_error() {
    let mut network = network(&V4[..1], &V6[1..2]);
    network.wire.command(network.client, Command::Bind { server: network.listen[0] });
    assert!(message_of(&network).contains("family"));
}

#[test]
fn what_is_not_offered_is_refused_by_name() {
    let mut network = network(&V4[..1], &V4[1..2]);
    let server = network.listen[0];
    network.wire.command(network.client, Command::Probe { verb: "levitate".into() });
    network.wire.command(network.client, Command::Allocate { server });
    assert_eq!(network.events(), ["levitate", "allocate"].map(|verb| ApiEvent::Unsupported { verb: verb.into() }));
    network.wire.command(network.server, Command::Probe { verb: "levitate".into() });
    network.wire.command(network.server, Command::Bind { server });
    let events: Vec<_> = network.wire.events(network.server).iter().map(|(_, event)| event.clone()).collect();
    assert_eq!(events, ["levitate", "bind"].map(|verb| ApiEvent::Unsupported { verb: verb.into() }));
}

#[test]
fn roles_of_the_other_crate_are_refused() {
    assert!(TurnClientProto.build(&config(Role::TurnServer, &V4[..1])).is_err());
    assert!(TurnServerProto.build(&config(Role::StunClient, &V4[..1])).is_err());
    for implementation in [&TurnClientProto as &dyn Implementation, &TurnServerProto] {
        for role in implementation.manifest().roles {
            assert!(implementation.build(&config(role, &V4[..1])).is_ok());
        }
    }
}

#[test]
fn an_overlong_realm_is_refused_when_building() {
    let mut config = config(Role::TurnServer, &V4[..1]);
    config.realm = "x".repeat(764);
    assert!(TurnServerProto.build(&config).is_err());
}
