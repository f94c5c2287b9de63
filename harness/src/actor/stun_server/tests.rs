use super::*;
use crate::scenario::units::Span;
use iut::{CertificateChoice, DtlsOptions, DtlsVersion, MILLISECOND, Role, TransportPolicy};
use wire::stun::TransactionId;

const CLIENT: &str = "198.51.100.7:40000";
/// Both addresses with both ports of a server that is on port 3478.
const SOCKETS: [&str; 4] = ["203.0.113.10:3478", "203.0.113.10:3479", "203.0.113.110:3478", "203.0.113.110:3479"];

fn address(text: &str) -> SocketAddr {
    text.parse().expect("an address with a port")
}

fn server(options: StunServerActor) -> StunServer {
    let config = NodeConfig {
        name: "server".into(),
        role: Role::StunServer,
        addresses: vec![address(SOCKETS[0]).ip(), address(SOCKETS[2]).ip()],
        port: 3478,
        offerer: false,
        servers: Vec::new(),
        trickle: false,
        transport_policy: TransportPolicy::All,
        dtls: DtlsOptions { version: DtlsVersion::Default, mtu: None, certificate: CertificateChoice::A },
        realm: String::new(),
        users: Vec::new(),
        relay_addresses: Vec::new(),
        seed: 1,
    };
    StunServer::new(&config, options)
}

fn plain() -> StunServer {
    server(StunServerActor::default())
}

fn discovery() -> StunServer {
    server(StunServerActor { discovery: true, ..StunServerActor::default() })
}

fn spoilt(answer: StunAnswer) -> StunServer {
    server(StunServerActor { answer, ..StunServerActor::default() })
}

fn request() -> RawBuilder {
    RawBuilder::new(Class::Request, Method::BINDING, TransactionId([7; 12]))
}

fn old_request() -> RawBuilder {
    RawBuilder::rfc3489(Class::Request, Method::BINDING, [9; 16])
}

/// What the server sends when these bytes arrive: from, to, bytes.
fn ask(server: &mut StunServer, now: Ns, to: &str, bytes: Vec<u8>) -> Vec<(SocketAddr, SocketAddr, Bytes)> {
    server.handle(now, Input::Datagram { local: address(to), remote: address(CLIENT), bytes: bytes.into() });
    sent(server)
}

fn sent(server: &mut StunServer) -> Vec<(SocketAddr, SocketAddr, Bytes)> {
    let datagram = |output| match output {
        Output::Datagram { local, remote, bytes } => (local, remote, bytes),
        other => panic!("{other:?}"),
    };
    std::iter::from_fn(|| server.poll_output()).map(datagram).collect()
}

/// The only answer.
fn answer(server: &mut StunServer, to: &str, request: &RawBuilder) -> (SocketAddr, SocketAddr, Bytes) {
    let mut sent = ask(server, 0, to, request.build());
    assert_eq!(sent.len(), 1);
    sent.remove(0)
}

fn read(bytes: &Bytes) -> Message<'_> {
    Message::parse_lenient(bytes).expect("a header")
}

fn error_of(bytes: &Bytes) -> Option<u16> {
    let message = read(bytes);
    assert_eq!(message.class(), Class::ErrorResponse);
    message.error_code().expect("well-formed").map(|error| error.code)
}

#[test]
fn a_plain_server_says_where_the_request_came_from_and_no_more() {
    let (from, to, bytes) = answer(&mut plain(), SOCKETS[0], &request());
    assert_eq!((from, to), (address(SOCKETS[0]), address(CLIENT)));
    let message = read(&bytes);
    assert_eq!(message.defects(), []);
    assert_eq!((message.class(), message.transaction_id()), (Class::SuccessResponse, TransactionId([7; 12])));
    assert_eq!(message.xor_mapped_address(), Ok(Some(address(CLIENT))));
    assert_eq!(message.attributes().count(), 1);
}

#[test]
fn change_request_and_other_address_follow_table_1_of_rfc_5780() {
    let with_port = |ip: &str, port: &str| -> SocketAddr { SocketAddr::new(address(ip).ip(), address(port).port()) };
    for (to, other) in [(0, 3), (1, 2), (2, 1), (3, 0)] {
        let (own, other) = (SOCKETS[to], SOCKETS[other]);
        let table = [
            ((false, false), address(own)),
            ((true, false), with_port(other, own)),
            ((false, true), with_port(own, other)),
            ((true, true), address(other)),
        ];
        for ((ip, port), source) in table {
            let change = Attribute::ChangeRequest { ip, port };
            let (from, _, bytes) = answer(&mut discovery(), own, &request().attribute(&change));
            let message = read(&bytes);
            assert_eq!(from, source, "{own} with {ip} {port}");
            assert_eq!(message.response_origin(), Ok(Some(source)));
            assert_eq!(message.other_address(), Ok(Some(address(other))));
            assert_eq!((message.mapped_address(), message.xor_mapped_address()), (Ok(Some(address(CLIENT))), Ok(Some(address(CLIENT)))));
            let (from, _, bytes) = answer(&mut discovery(), own, &old_request().attribute(&change));
            let message = read(&bytes);
            assert_eq!((from, message.source_address(), message.changed_address()), (source, Ok(Some(source)), Ok(Some(address(other)))));
        }
    }
}

#[test]
fn a_request_without_a_cookie_gets_an_answer_without_one() {
    let (_, _, bytes) = answer(&mut discovery(), SOCKETS[0], &old_request());
    let message = read(&bytes);
    assert_eq!(message.transaction_id_rfc3489(), [9; 16]);
    assert_eq!(message.mapped_address(), Ok(Some(address(CLIENT))));
    let kinds: Vec<AttributeType> = message.attributes().map(|attribute| attribute.kind).collect();
    assert_eq!(kinds, [AttributeType::MAPPED_ADDRESS, AttributeType::SOURCE_ADDRESS, AttributeType::CHANGED_ADDRESS]);
    let error = answer(&mut plain(), SOCKETS[0], &old_request().value(UNKNOWN_REQUIRED, [])).2;
    assert_eq!(read(&error).transaction_id_rfc3489(), [9; 16]);
}

#[test]
fn a_server_with_one_address_refuses_change_request_with_420() {
    let change = Attribute::ChangeRequest { ip: true, port: true };
    let (from, to, bytes) = answer(&mut plain(), SOCKETS[0], &request().attribute(&change));
    assert_eq!((from, to), (address(SOCKETS[0]), address(CLIENT)));
    assert_eq!(error_of(&bytes), Some(420));
    assert_eq!(read(&bytes).unknown_attributes(), Ok(Some(vec![AttributeType::CHANGE_REQUEST])));
    let lonely = &mut discovery();
    lonely.config.addresses.truncate(1);
    let (_, _, bytes) = answer(lonely, SOCKETS[0], &request().attribute(&change));
    assert_eq!(error_of(&bytes), Some(420));
    let (_, _, bytes) = answer(lonely, SOCKETS[0], &request());
    assert_eq!(read(&bytes).other_address(), Ok(None));
}

#[test]
fn unknown_required_attributes_are_listed_and_optional_ones_ignored() {
    let asks = request().value(AttributeType(0xc0de), [1; 4]).value(UNKNOWN_REQUIRED, [2; 4]).value(AttributeType(0x7000), []);
    let (_, _, bytes) = answer(&mut plain(), SOCKETS[0], &asks);
    assert_eq!(error_of(&bytes), Some(420));
    assert_eq!(read(&bytes).unknown_attributes(), Ok(Some(vec![UNKNOWN_REQUIRED, AttributeType(0x7000)])));
    let (_, _, bytes) = answer(&mut plain(), SOCKETS[0], &request().value(AttributeType(0xc0de), [1; 4]));
    assert_eq!(read(&bytes).class(), Class::SuccessResponse);
}

#[test]
fn an_odd_list_of_unknown_attributes_repeats_one_for_rfc_3489() {
    let (_, _, bytes) = answer(&mut plain(), SOCKETS[0], &old_request().value(UNKNOWN_REQUIRED, []));
    assert_eq!(read(&bytes).unknown_attributes(), Ok(Some(vec![UNKNOWN_REQUIRED; 2])));
}

#[test]
fn response_port_sends_the_answer_to_another_port_but_never_a_padded_one() {
    let asks = request().attribute(&Attribute::ResponsePort(41_000));
    let (_, to, _) = answer(&mut discovery(), SOCKETS[0], &asks);
    assert_eq!(to, address("198.51.100.7:41000"));
    let (_, to, bytes) = answer(&mut discovery(), SOCKETS[0], &asks.attribute(&Attribute::Padding(&[0; 8])));
    assert_eq!((to, error_of(&bytes)), (address(CLIENT), Some(400)));
    let (_, _, bytes) = answer(&mut discovery(), SOCKETS[0], &request().attribute(&Attribute::Padding(&[0; 8])));
    assert_eq!(read(&bytes).padding().map(|padding| padding.map(<[u8]>::len)), Ok(Some(PADDING)));
    let (_, _, bytes) = answer(&mut plain(), SOCKETS[0], &request().attribute(&Attribute::ResponsePort(41_000)));
    assert_eq!(error_of(&bytes), Some(420), "support is optional");
}

#[test]
fn response_address_of_rfc_3489_sends_the_answer_there_and_tells_who_asked() {
    let elsewhere = address("192.0.2.9:9");
    let (_, to, bytes) = answer(&mut discovery(), SOCKETS[0], &old_request().attribute(&Attribute::ResponseAddress(elsewhere)));
    assert_eq!((to, read(&bytes).reflected_from()), (elsewhere, Ok(Some(address(CLIENT)))));
}

#[test]
fn what_is_no_binding_request_is_discarded() {
    let mut bent = request().build();
    bent[0] |= 0x80;
    let silent = [
        bent,
        request().length(4).build(),
        request().trailing([0; 4]).build(),
        request().wrong_fingerprint(1).build(),
        b"hello, this is no STUN message".to_vec(),
        RawBuilder::new(Class::Indication, Method::BINDING, TransactionId([7; 12])).build(),
        RawBuilder::new(Class::SuccessResponse, Method::BINDING, TransactionId([7; 12])).build(),
        RawBuilder::new(Class::Request, Method::ALLOCATE, TransactionId([7; 12])).build(),
    ];
    for bytes in silent {
        assert_eq!(ask(&mut discovery(), 0, SOCKETS[0], bytes.clone()), [], "{bytes:02x?}");
    }
    assert_eq!(ask(&mut discovery(), 0, SOCKETS[0], request().fingerprint().build()).len(), 1);
}

#[test]
fn only_the_ports_of_the_server_answer() {
    assert_eq!(ask(&mut discovery(), 0, "203.0.113.10:3480", request().build()), []);
    assert_eq!(ask(&mut plain(), 0, SOCKETS[1], request().build()), [], "without discovery there is no alternate port");
    assert_eq!(ask(&mut plain(), 0, SOCKETS[2], request().build()).len(), 1);
}

#[test]
fn the_first_requests_are_ignored_and_only_requests_count() {
    let mut server = server(StunServerActor { ignore_first: 2, ..StunServerActor::default() });
    assert_eq!(ask(&mut server, 0, SOCKETS[0], b"no STUN message at all here".to_vec()), []);
    let answers: Vec<usize> = (0..4).map(|now| ask(&mut server, now, SOCKETS[0], request().build()).len()).collect();
    assert_eq!(answers, [0, 0, 1, 1]);
}

#[test]
fn delayed_answers_keep_their_order_and_come_on_time() {
    let mut server = server(StunServerActor { delay: Some(Span(300 * MILLISECOND)), ..StunServerActor::default() });
    let asks = |byte| RawBuilder::new(Class::Request, Method::BINDING, TransactionId([byte; 12])).build();
    assert_eq!(ask(&mut server, 0, SOCKETS[0], asks(1)), []);
    assert_eq!(ask(&mut server, 100 * MILLISECOND, SOCKETS[0], asks(2)), []);
    assert_eq!(ask(&mut server, 100 * MILLISECOND, SOCKETS[0], asks(3)), []);
    let mut wake = |expected: Ns, ids: &[u8]| {
        assert_eq!(server.poll_timeout().map(|(at, _)| at), Some(expected));
        server.handle(expected, Input::Timeout);
        let sent = sent(&mut server);
        assert_eq!(sent.iter().map(|(_, _, bytes)| bytes[19]).collect::<Vec<u8>>(), ids);
    };
    wake(300 * MILLISECOND, &[1]);
    wake(400 * MILLISECOND, &[2, 3]);
    assert_eq!(server.poll_timeout(), None);
}

#[test]
fn a_flood_does_not_fill_the_memory() {
    let mut server = server(StunServerActor { delay: Some(Span(1)), ..StunServerActor::default() });
    for _ in 0..2 * MOST_DELAYED {
        assert_eq!(ask(&mut server, 0, SOCKETS[0], request().build()), []);
    }
    server.handle(1, Input::Timeout);
    assert_eq!(sent(&mut server).len(), MOST_DELAYED);
}

#[test]
fn every_spoilt_answer_is_spoilt_in_its_own_way() {
    use StunAnswer as A;
    let answers = |kind| ask(&mut spoilt(kind), 0, SOCKETS[0], request().build());
    let correct = answers(A::Correct);
    assert_eq!(answers(A::Silent), []);
    assert_eq!(answers(A::Duplicate), [correct.clone(), correct.clone()].concat());
    let elsewhere = answers(A::OtherPort);
    assert_eq!((elsewhere[0].0, &elsewhere[0].2), (address("203.0.113.10:3485"), &correct[0].2));
    let wrong = answers(A::WrongTransactionId);
    assert_ne!(read(&wrong[0].2).transaction_id(), TransactionId([7; 12]));
    let wrong = answers(A::WrongFingerprint);
    assert_eq!(read(&wrong[0].2).verify_fingerprint(), Integrity::Mismatch);
    let unknown = answers(A::UnknownRequiredAttribute);
    assert!(read(&unknown[0].2).has(UNKNOWN_REQUIRED));
    let double = answers(A::DuplicateAttribute);
    let message = read(&double[0].2);
    assert_eq!((message.xor_mapped_address(), message.attributes().count()), (Ok(Some(address(CLIENT))), 2), "the first one counts");
    assert_eq!(error_of(&answers(A::Error400)[0].2), Some(400));
    assert_eq!(error_of(&answers(A::Error500)[0].2), Some(500));
}
