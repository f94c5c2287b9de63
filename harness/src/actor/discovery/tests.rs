use super::*;
use wire::stun::{Attribute, Class, MAGIC_COOKIE, Message, Method, build::RawBuilder};

const SECOND: Ns = iut::SECOND;
const SERVER: &str = "203.0.113.10:3478";
const OTHER: &str = "203.0.113.110:3479";
const CLIENT: &str = "203.0.113.11";

fn address(text: &str) -> SocketAddr {
    text.parse().expect("an address with a port")
}

fn discovery(port: u16) -> Discovery {
    use iut::{CertificateChoice, DtlsOptions, DtlsVersion, Role, TransportPolicy};
    Discovery::new(&NodeConfig {
        name: "client".into(),
        role: Role::StunClient,
        addresses: vec![CLIENT.parse().expect("an address")],
        port,
        offerer: false,
        servers: Vec::new(),
        trickle: false,
        transport_policy: TransportPolicy::All,
        dtls: DtlsOptions { version: DtlsVersion::Default, mtu: None, certificate: CertificateChoice::A },
        realm: String::new(),
        users: Vec::new(),
        relay_addresses: Vec::new(),
        seed: 7,
    })
}

fn ask(client: &mut Discovery, now: Ns, algorithm: DiscoveryAlgorithm) {
    client.handle(now, Input::Command(Command::Discover { server: address(SERVER), algorithm }));
}

/// The requests that are ready: local and remote address, bytes.
fn requests(client: &mut Discovery) -> Vec<(SocketAddr, SocketAddr, bytes::Bytes)> {
    let datagram = |output| match output {
        Output::Datagram { local, remote, bytes } => (local, remote, bytes),
        other => panic!("{other:?}"),
    };
    std::iter::from_fn(|| client.poll_output()).map(datagram).collect()
}

fn events(client: &mut Discovery) -> Vec<ApiEvent> {
    std::iter::from_fn(|| client.poll_output())
        .filter_map(|output| if let Output::Api(event) = output { Some(event) } else { None })
        .collect()
}

/// Lets time pass without an answer; the times at which requests went, and what was reported in the end.
fn silence(client: &mut Discovery) -> (Vec<Ns>, Vec<ApiEvent>, Ns) {
    let (mut times, mut reported, mut now) = (Vec::new(), Vec::new(), 0);
    loop {
        while let Some(output) = client.poll_output() {
            match output {
                Output::Datagram { .. } => times.push(now),
                Output::Api(event) => reported.push(event),
                other => panic!("{other:?}"),
            }
        }
        let Some((at, _)) = client.poll_timeout() else { return (times, reported, now) };
        now = now.max(at);
        client.handle(now, Input::Timeout);
    }
}

/// The success response to a request that came from `mapped`.
fn success(request: &[u8], mapped: &str, other: Option<&str>) -> Vec<u8> {
    let request = Message::parse_lenient(request).expect("a header");
    let builder = RawBuilder::rfc3489(Class::SuccessResponse, Method::BINDING, request.transaction_id_rfc3489());
    let (mapped, other) = (address(mapped), other.map(address));
    let (mapped, other) = if request.has_cookie() {
        (Attribute::XorMappedAddress(mapped), other.map(Attribute::OtherAddress))
    } else {
        (Attribute::MappedAddress(mapped), other.map(Attribute::ChangedAddress))
    };
    other.iter().fold(builder.attribute(&mapped), |builder, other| builder.attribute(other)).build()
}

fn answer(client: &mut Discovery, now: Ns, request: &(SocketAddr, SocketAddr, bytes::Bytes), from: &str, mapped: &str) {
    let bytes = success(&request.2, mapped, Some(OTHER)).into();
    client.handle(now, Input::Datagram { local: request.0, remote: address(from), bytes });
}

#[test]
fn the_schedule_of_rfc_8489_sends_seven_requests_in_39_500_ms() {
    let mut client = discovery(5000);
    ask(&mut client, 0, DiscoveryAlgorithm::Rfc5780);
    let (times, reported, end) = silence(&mut client);
    assert_eq!(times, [0, 500, 1_500, 3_500, 7_500, 15_500, 31_500].map(|ms| ms * MILLISECOND));
    assert_eq!(end, 39_500 * MILLISECOND);
    assert_eq!(reported, [ApiEvent::Discovered("udp-blocked".into())]);
}

#[test]
fn the_schedule_of_rfc_3489_sends_nine_requests_in_9500_ms() {
    let mut client = discovery(5000);
    ask(&mut client, 0, DiscoveryAlgorithm::Rfc3489);
    let (times, reported, end) = silence(&mut client);
    assert_eq!(times, [0, 100, 300, 700, 1_500, 3_100, 4_700, 6_300, 7_900].map(|ms| ms * MILLISECOND));
    assert_eq!(end, 9_500 * MILLISECOND);
    assert_eq!(reported, [ApiEvent::Discovered("rfc3489=udp-blocked".into())]);
}

#[test]
fn retransmissions_are_the_same_request_and_only_rfc_3489_has_no_cookie() {
    for algorithm in [DiscoveryAlgorithm::Rfc3489, DiscoveryAlgorithm::Rfc5780] {
        let mut client = discovery(5000);
        ask(&mut client, 0, algorithm);
        let first = requests(&mut client);
        client.handle(500 * MILLISECOND, Input::Timeout);
        let again = requests(&mut client);
        assert_eq!(first, again, "one request each time, byte for byte");
        let message = Message::parse_lenient(&first[0].2).expect("a header");
        assert_eq!(message.cookie() == MAGIC_COOKIE, algorithm == DiscoveryAlgorithm::Rfc5780);
        assert_eq!((message.class(), message.method()), (Class::Request, Method::BINDING));
        assert_eq!(message.attributes().count(), 0, "Test I has no CHANGE-REQUEST");
    }
}

#[test]
fn rfc_3489_walks_down_its_flow_chart_on_one_port() {
    let mut client = discovery(5000);
    ask(&mut client, 0, DiscoveryAlgorithm::Rfc3489);
    let first = requests(&mut client).remove(0);
    answer(&mut client, SECOND, &first, SERVER, "198.51.100.1:9");
    let second = requests(&mut client).remove(0);
    let change = Message::parse_lenient(&second.2).expect("a header").change_request();
    assert_eq!((second.0, second.1, change), (first.0, address(SERVER), Ok(Some((true, true)))));
    assert_ne!(second.2[4..20], first.2[4..20], "another transaction id");
    let mut now = SECOND;
    while now < 10_500 * MILLISECOND {
        now = client.poll_timeout().expect("the test goes on").0;
        client.handle(now, Input::Timeout);
    }
    let elsewhere = requests(&mut client).pop().expect("Test I goes to CHANGED-ADDRESS");
    assert_eq!((now, elsewhere.0, elsewhere.1), (10_500 * MILLISECOND, first.0, address(OTHER)));
    answer(&mut client, now, &elsewhere, OTHER, "198.51.100.1:9");
    client.handle(now + SECOND, Input::Timeout);
    let third = requests(&mut client).remove(0);
    let change = Message::parse_lenient(&third.2).expect("a header").change_request();
    assert_eq!((third.0, third.1, change), (first.0, address(SERVER), Ok(Some((false, true)))));
    answer(&mut client, now + SECOND, &third, "203.0.113.10:3479", "198.51.100.1:9");
    assert_eq!(events(&mut client), [ApiEvent::Discovered("rfc3489=restricted".into())]);
}

#[test]
fn a_firewall_that_lets_only_answers_in_is_told_from_open_access() {
    let mut client = discovery(5000);
    ask(&mut client, 0, DiscoveryAlgorithm::Rfc3489);
    let first = requests(&mut client).remove(0);
    answer(&mut client, 0, &first, SERVER, "203.0.113.11:5000");
    assert_eq!(silence(&mut client).1, [ApiEvent::Discovered("rfc3489=symmetric-udp-firewall".into())]);
}

#[test]
fn rfc_5780_filters_from_a_port_that_has_talked_to_nobody() {
    let mut client = discovery(5000);
    ask(&mut client, 0, DiscoveryAlgorithm::Rfc5780);
    let first = requests(&mut client).remove(0);
    answer(&mut client, SECOND, &first, SERVER, "203.0.113.11:5000");
    let filtering = requests(&mut client).remove(0);
    assert_eq!((first.0.port(), filtering.0.port()), (5000, 5001));
    answer(&mut client, 2 * SECOND, &filtering, OTHER, "203.0.113.11:5001");
    assert_eq!(events(&mut client), [ApiEvent::Discovered("no-nat".into())]);
    ask(&mut client, 3 * SECOND, DiscoveryAlgorithm::Rfc5780);
    assert_eq!(requests(&mut client)[0].0.port(), 5002, "the next run has ports of its own");
}

#[test]
fn a_second_address_that_nobody_can_reach_is_not_taken_for_a_filter() {
    // Erratum 7971 of RFC 5780.
    let mut client = discovery(5000);
    ask(&mut client, 0, DiscoveryAlgorithm::Rfc5780);
    let first = requests(&mut client).remove(0);
    answer(&mut client, 0, &first, SERVER, "203.0.113.11:5000");
    let (_, reported, _) = silence(&mut client);
    let message = "the server does not answer at its second address 203.0.113.110:3478".to_owned();
    assert_eq!(reported, [ApiEvent::Error { operation: "discover".into(), message }]);
}

#[test]
fn transactions_begin_at_least_100_ms_apart() {
    let mut client = discovery(5000);
    ask(&mut client, 0, DiscoveryAlgorithm::Rfc5780);
    let first = requests(&mut client).remove(0);
    answer(&mut client, MILLISECOND, &first, SERVER, "203.0.113.11:5000");
    assert_eq!(requests(&mut client), []);
    assert_eq!(client.poll_timeout().map(|(at, _)| at), Some(100 * MILLISECOND));
}

#[test]
fn only_the_answer_to_the_running_test_counts() {
    let mut client = discovery(5000);
    ask(&mut client, 0, DiscoveryAlgorithm::Rfc5780);
    let first = requests(&mut client).remove(0);
    let bytes: bytes::Bytes = success(&first.2, "198.51.100.1:9", Some(OTHER)).into();
    let mut wrong_id = bytes.to_vec();
    wrong_id[19] ^= 1;
    let wrong_fingerprint = [&bytes[..], &[0x80, 0x28, 0, 4, 1, 2, 3, 4]].concat();
    let mut wrong_fingerprint = wrong_fingerprint;
    let length = u16::try_from(wrong_fingerprint.len() - 20).expect("short").to_be_bytes();
    wrong_fingerprint[2..4].copy_from_slice(&length);
    let datagrams = [
        (first.0, wrong_id),
        (first.0, wrong_fingerprint),
        (first.0, bytes[..30].to_vec()),
        (address("203.0.113.11:5001"), bytes.to_vec()),
    ];
    for (local, bytes) in datagrams {
        client.handle(1, Input::Datagram { local, remote: address(SERVER), bytes: bytes.into() });
        assert_eq!((requests(&mut client), client.poll_timeout().map(|(at, _)| at)), (Vec::new(), Some(500 * MILLISECOND)));
    }
    client.handle(2, Input::Datagram { local: first.0, remote: address(SERVER), bytes });
    assert_eq!(client.poll_timeout().map(|(at, _)| at), Some(100 * MILLISECOND), "the next test");
}

#[test]
fn an_answer_with_an_unknown_required_attribute_cannot_be_used() {
    let mut client = discovery(5000);
    ask(&mut client, 0, DiscoveryAlgorithm::Rfc5780);
    let first = requests(&mut client).remove(0);
    let request = Message::parse_lenient(&first.2).expect("a header");
    let bytes = RawBuilder::rfc3489(Class::SuccessResponse, Method::BINDING, request.transaction_id_rfc3489())
        .attribute(&Attribute::XorMappedAddress(address("198.51.100.1:9")))
        .value(wire::stun::AttributeType(0x7f0f), [0; 4])
        .build();
    client.handle(1, Input::Datagram { local: first.0, remote: address(SERVER), bytes: bytes.into() });
    assert!(matches!(&events(&mut client)[..], [ApiEvent::Error { operation, .. }] if operation == "discover"));
    assert_eq!(client.poll_timeout(), None, "the run is over");
}

#[test]
fn a_server_that_does_not_listen_ends_the_run_at_once() {
    let mut client = discovery(5000);
    ask(&mut client, 0, DiscoveryAlgorithm::Rfc5780);
    let first = requests(&mut client).remove(0);
    let error = |local| IcmpError { kind: IcmpKind::PortUnreachable, reporter: address(SERVER).ip(), local, remote: first.1 };
    client.handle(1, Input::IcmpError(error(address("203.0.113.11:9"))));
    assert_eq!(events(&mut client), [], "about another datagram");
    client.handle(1, Input::IcmpError(error(first.0)));
    let message = format!("nothing listens at {SERVER}");
    assert_eq!(events(&mut client), [ApiEvent::Error { operation: "discover".into(), message }]);
}

#[test]
fn a_run_without_ports_and_one_without_an_address_are_errors() {
    let mut client = discovery(65_535);
    ask(&mut client, 0, DiscoveryAlgorithm::Rfc5780);
    let error = |message: &str| [ApiEvent::Error { operation: "discover".into(), message: message.into() }];
    assert_eq!(events(&mut client), error("no local port is left"));
    let server = address("[2001:db8::1]:3478");
    client.handle(0, Input::Command(Command::Discover { server, algorithm: DiscoveryAlgorithm::Rfc5780 }));
    assert_eq!(events(&mut client), error("no local address can reach [2001:db8::1]:3478"));
}

#[test]
fn a_crowd_of_runs_is_refused_and_other_verbs_are_unsupported() {
    let mut client = discovery(5000);
    for _ in 0..=MOST_WAITING {
        ask(&mut client, 0, DiscoveryAlgorithm::Rfc3489);
    }
    assert_eq!(events(&mut client), [], "one runs, the others wait");
    ask(&mut client, 0, DiscoveryAlgorithm::Rfc3489);
    assert!(matches!(&events(&mut client)[..], [ApiEvent::Error { .. }]));
    client.handle(0, Input::Command(Command::RestartIce));
    assert_eq!(events(&mut client), [ApiEvent::Unsupported { verb: "restart-ice".into() }]);
}

#[test]
fn the_same_seed_draws_the_same_ids_and_another_draws_others() {
    let draw = |seed| {
        let mut client = discovery(5000);
        client.rng = Stream::new(seed, "discovery");
        ask(&mut client, 0, DiscoveryAlgorithm::Rfc3489);
        requests(&mut client).remove(0).2
    };
    assert_eq!(draw(1), draw(1));
    assert_ne!(draw(1), draw(2));
}
