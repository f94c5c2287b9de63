use super::*;
use crate::scenario::span::Spanned;
use crate::scenario::units::{Hex, Span};
use iut::{Command, ConnectionState, MILLISECOND};
use proptest::prelude::*;
use wire::dtls::build::{handshake, plaintext, record};
use wire::dtls::{ContentType, FullHeader, HandshakeFragment, HandshakeType, Header, Version, records};

const LOCAL: &str = "10.0.1.2:5000";
const REMOTE: &str = "203.0.113.10:4433";

fn address(text: &str) -> SocketAddr {
    text.parse().expect("an address with a port")
}

/// A stack that sends what it is told to send, and keeps what it was given.
#[derive(Default)]
struct Recorded {
    outputs: VecDeque<Output>,
    flights: VecDeque<(Ns, Vec<Bytes>)>,
    given: std::rc::Rc<std::cell::RefCell<Vec<String>>>,
}

impl Endpoint for Recorded {
    fn handle(&mut self, now: Ns, input: Input) {
        self.given.borrow_mut().push(format!(
            "{now}: {}",
            match input {
                Input::Timeout => "timeout",
                Input::Datagram { .. } => "datagram",
                _ => "other",
            }
        ));
        while self.flights.front().is_some_and(|(at, _)| *at <= now) {
            let (_, flight) = self.flights.pop_front().expect("there is a front");
            self.outputs.extend(flight.into_iter().map(|bytes| Output::Datagram { local: address(LOCAL), remote: address(REMOTE), bytes }));
            self.outputs.push_back(Output::Api(ApiEvent::Dtls(ConnectionState::Connecting)));
        }
    }
    fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }
    fn poll_timeout(&mut self) -> Option<(Ns, Cause)> {
        self.flights.front().map(|(at, _)| (*at, "flight"))
    }
}

fn placed(faults: Vec<DtlsFault>) -> Vec<Spanned<DtlsFault>> {
    faults.into_iter().map(Spanned::nowhere).collect()
}

fn actor(flights: &[(Ns, &[&[u8]])], faults: Vec<DtlsFault>, fragment: Option<u16>) -> FaultyFlights {
    let flights = flights.iter().map(|(at, flight)| (*at, flight.iter().map(|bytes| Bytes::copy_from_slice(bytes)).collect()));
    let inner = Recorded { flights: flights.collect(), ..Recorded::default() };
    FaultyFlights::new(Box::new(inner), DtlsActor { faults: placed(faults), fragment, overlap: None }, false)
}

/// Everything that the actor sends, with the time in milliseconds; `Start` is at 0.
fn run(mut actor: FaultyFlights) -> Vec<(u64, Bytes)> {
    let mut sent = Vec::new();
    let mut now = 0;
    let mut input = Some(Input::Command(Command::Start));
    for _ in 0..100_000 {
        if let Some(input) = input.take() {
            actor.handle(now, input);
        }
        while let Some(output) = actor.poll_output() {
            match output {
                Output::Datagram { local, remote, bytes } => {
                    assert_eq!((local, remote), (address(LOCAL), address(REMOTE)));
                    sent.push((now / MILLISECOND, bytes));
                }
                Output::Api(ApiEvent::Dtls(_) | ApiEvent::Fault { .. }) => {}
                other => panic!("{other:?}"),
            }
        }
        let Some((at, _)) = actor.poll_timeout() else { return sent };
        now = now.max(at);
        input = Some(Input::Timeout);
    }
    panic!("it never ends");
}

/// Sent datagrams as words: `0 one, 5 two`.
fn words(sent: &[(u64, Bytes)]) -> String {
    let word = |(at, bytes): &(u64, Bytes)| format!("{at} {}", String::from_utf8_lossy(bytes));
    sent.iter().map(word).collect::<Vec<_>>().join(", ")
}

const FLIGHT: &[&[u8]] = &[b"one", b"two", b"three"];

fn after(faults: Vec<DtlsFault>) -> String {
    words(&run(actor(&[(0, FLIGHT), (MILLISECOND, &[b"four"])], faults, None)))
}

#[test]
fn without_faults_everything_passes_as_it_is() {
    assert_eq!(after(vec![]), "0 one, 0 two, 0 three, 1 four");
}

#[test]
fn a_dropped_datagram_is_not_sent() {
    assert_eq!(after(vec![DtlsFault::Drop { datagram: Some(2), flight: None }]), "0 one, 0 three, 1 four");
}

#[test]
fn a_delayed_datagram_comes_later() {
    assert_eq!(
        after(vec![DtlsFault::Delay { datagram: Some(1), flight: None, by: Span(7 * MILLISECOND) }]),
        "0 two, 0 three, 1 four, 7 one"
    );
}

#[test]
fn replays_follow_their_datagram() {
    assert_eq!(
        after(vec![DtlsFault::Replay { datagram: Some(2), flight: None, times: 2, after: None }]),
        "0 one, 0 two, 0 two, 0 two, 0 three, 1 four"
    );
    let spaced = DtlsFault::Replay { datagram: Some(2), flight: None, times: 2, after: Some(Span(5 * MILLISECOND)) };
    assert_eq!(after(vec![spaced]), "0 one, 0 two, 0 three, 1 four, 5 two, 10 two");
}

#[test]
fn a_complete_range_goes_in_reverse_order_at_once() {
    assert_eq!(after(vec![DtlsFault::Reorder { from: 1, to: 3 }]), "0 three, 0 two, 0 one, 1 four");
    assert_eq!(after(vec![DtlsFault::Reorder { from: 2, to: 4 }]), "0 one, 1 four, 1 three, 1 two");
}

#[test]
fn an_incomplete_range_goes_after_50_ms_and_holds_nothing_back_any_more() {
    let late = actor(&[(0, &[b"one", b"two"]), (90 * MILLISECOND, &[b"three"])], vec![DtlsFault::Reorder { from: 1, to: 3 }], None);
    assert_eq!(words(&run(late)), "50 two, 50 one, 90 three");
}

#[test]
fn a_dropped_end_completes_its_range() {
    let faults = vec![DtlsFault::Reorder { from: 1, to: 3 }, DtlsFault::Drop { datagram: Some(3), flight: None }];
    assert_eq!(after(faults), "0 two, 0 one, 1 four");
}

#[test]
fn corruption_flips_one_bit_counted_from_the_end() {
    let sent = run(actor(&[(0, FLIGHT)], vec![DtlsFault::Corrupt { datagram: Some(3), flight: None, from_end: 1 }], None));
    assert_eq!(sent[2].1, "thrde");
}

#[test]
fn corruption_beyond_the_datagram_is_told_and_not_ignored() {
    let mut actor = actor(&[(0, FLIGHT)], vec![DtlsFault::Corrupt { datagram: Some(3), flight: None, from_end: 5 }], None);
    actor.handle(0, Input::Command(Command::Start));
    let errors = std::iter::from_fn(|| actor.poll_output()).filter(|output| matches!(output, Output::Api(ApiEvent::Error { .. }))).count();
    assert_eq!(errors, 1);
}

#[test]
fn strays_go_before_their_datagram_and_have_no_number() {
    let stray = DtlsFault::Stray { datagram: Some(2), flight: None, bytes: Hex(b"stray".to_vec()) };
    assert_eq!(after(vec![stray, DtlsFault::Drop { datagram: Some(3), flight: None }]), "0 one, 0 stray, 0 two, 1 four");
}

#[test]
fn strays_keep_their_order_and_stay_as_they_are() {
    let stray = |bytes: &[u8]| DtlsFault::Stray { datagram: Some(1), flight: None, bytes: Hex(bytes.to_vec()) };
    let corrupt = DtlsFault::Corrupt { datagram: Some(1), flight: None, from_end: 0 };
    let replay = DtlsFault::Replay { datagram: Some(1), flight: None, times: 1, after: None };
    let sent = after(vec![stray(b"x"), corrupt, stray(b"y"), replay]);
    assert_eq!(sent, "0 x, 0 y, 0 ond, 0 ond, 0 two, 0 three, 1 four");
}

#[test]
fn faults_of_one_datagram_apply_in_their_order() {
    let corrupt = DtlsFault::Corrupt { datagram: Some(1), flight: None, from_end: 0 };
    let replay = DtlsFault::Replay { datagram: Some(1), flight: None, times: 1, after: None };
    assert_eq!(after(vec![corrupt, replay.clone()]), "0 ond, 0 ond, 0 two, 0 three, 1 four");
    assert_eq!(after(vec![DtlsFault::Drop { datagram: Some(1), flight: None }, replay]), "0 two, 0 three, 1 four");
}

#[test]
fn more_waiting_datagrams_than_the_bound_are_lost_and_told() {
    let replay = DtlsFault::Replay { datagram: Some(1), flight: None, times: u32::MAX, after: Some(Span(MILLISECOND)) };
    let twice = vec![replay, DtlsFault::Replay { datagram: Some(2), flight: None, times: 5, after: Some(Span(1)) }];
    let mut actor = actor(&[(0, FLIGHT)], twice, None);
    actor.handle(0, Input::Command(Command::Start));
    let errors = std::iter::from_fn(|| actor.poll_output()).filter(|output| matches!(output, Output::Api(ApiEvent::Error { .. }))).count();
    assert_eq!((errors, actor.later.len()), (5, MOST_WAITING));
}

#[test]
fn the_inner_endpoint_is_woken_only_for_its_own_deadlines() {
    let given = std::rc::Rc::default();
    let inner = Recorded {
        flights: [(0, vec![Bytes::from_static(b"one")]), (20, vec![])].into(),
        given: std::rc::Rc::clone(&given),
        ..Recorded::default()
    };
    let faults = vec![DtlsFault::Delay { datagram: Some(1), flight: None, by: Span(10) }];
    run(FaultyFlights::new(Box::new(inner), DtlsActor { faults: placed(faults), fragment: None, overlap: None }, false));
    assert_eq!(*given.borrow(), ["0: other", "20: timeout"]);
}

#[test]
fn a_fault_of_a_flight_meets_all_of_it_and_a_stray_goes_before_it() {
    let flights: &[(Ns, &[&[u8]])] = &[(0, FLIGHT), (MILLISECOND, &[b"four", b"five"])];
    let flight = Some(2);
    let after = |fault| words(&run(actor(flights, vec![fault], None)));
    assert_eq!(after(DtlsFault::Drop { datagram: None, flight }), "0 one, 0 two, 0 three");
    assert_eq!(after(DtlsFault::Delay { datagram: None, flight, by: Span(MILLISECOND) }), "0 one, 0 two, 0 three, 2 four, 2 five");
    assert_eq!(after(DtlsFault::Corrupt { datagram: None, flight, from_end: 0 }), "0 one, 0 two, 0 three, 1 fous, 1 fivd");
    let stray = DtlsFault::Stray { datagram: None, flight, bytes: Hex(b"stray".to_vec()) };
    assert_eq!(after(stray), "0 one, 0 two, 0 three, 1 stray, 1 four, 1 five");
}

#[test]
fn a_fault_is_told_once_and_only_if_it_happens() {
    let faults = vec![
        DtlsFault::Drop { datagram: Some(9), flight: None },
        DtlsFault::Drop { datagram: None, flight: Some(1) },
        DtlsFault::Reorder { from: 1, to: 2 },
    ];
    let mut actor = actor(&[(0, FLIGHT)], faults, None);
    actor.handle(0, Input::Command(Command::Start));
    let told = std::iter::from_fn(|| actor.poll_output()).filter_map(|output| match output {
        Output::Api(ApiEvent::Fault { number, what }) => Some(format!("{number} {what}")),
        _ => None,
    });
    assert_eq!(told.collect::<Vec<_>>(), ["2 drop flight 1", "3 reorder datagrams 1 to 2"]);
}

#[test]
fn of_a_peer_only_dtls_counts() {
    let dtls = message(0, HandshakeType::CLIENT_HELLO, 0, 5);
    let flights = [(0, vec![Bytes::from_static(b"stun"), Bytes::from(dtls.clone()), Bytes::from_static(b"more")])];
    let inner = Recorded { flights: flights.into(), ..Recorded::default() };
    let faults = placed(vec![DtlsFault::Drop { datagram: Some(1), flight: None }]);
    let peer = FaultyFlights::new(Box::new(inner), DtlsActor { faults, fragment: None, overlap: None }, true);
    assert_eq!(words(&run(peer)), "0 stun, 0 more");
}

// Fragmenting. A client's flight of two messages and what follows them, as DTLS 1.2 has it.

fn body(length: usize) -> Vec<u8> {
    (0..length).map(|byte| byte as u8).collect()
}

fn message(sequence: u64, kind: HandshakeType, number: u16, length: usize) -> Vec<u8> {
    plaintext(ContentType::HANDSHAKE, sequence, &handshake(kind, number, &body(length)))
}

fn change_cipher_spec(sequence: u64) -> Vec<u8> {
    plaintext(ContentType::CHANGE_CIPHER_SPEC, sequence, &[1])
}

fn encrypted(epoch: u16, sequence: u64) -> Vec<u8> {
    let header =
        FullHeader { content_type: ContentType::HANDSHAKE, version: Version::DTLS_1_2, epoch, sequence, connection_id: &[], length: 40 };
    record(&header, &[0xee; 40])
}

/// Epoch, sequence number and content type of every record of every datagram.
fn numbers(sent: &[(u64, Bytes)]) -> Vec<Vec<(u16, u64, u8)>> {
    let header = |record: wire::dtls::Record<'_>| match record.header {
        Header::Full(header) => (header.epoch, header.sequence, header.content_type.0),
        Header::Unified(header) => (header.epoch_bits.into(), header.encrypted_sequence.into(), 0),
    };
    sent.iter().map(|(_, bytes)| records(bytes, 0).map(|record| header(record.expect("a record"))).collect()).collect()
}

/// Puts the handshake messages of sent datagrams together again: number, type, body.
fn reassemble(sent: &[(u64, Bytes)]) -> BTreeMap<u16, (u8, Vec<Option<u8>>)> {
    let mut messages: BTreeMap<u16, (u8, Vec<Option<u8>>)> = BTreeMap::new();
    for (_, bytes) in sent {
        for found in records(bytes, 0) {
            let found = found.expect("a record");
            for part in found.handshake() {
                let part: HandshakeFragment<'_> = part.expect("a fragment");
                assert!(part.is_within_message());
                let (_, whole) = messages.entry(part.message_sequence).or_insert((part.message_type.0, vec![None; part.length as usize]));
                for (index, byte) in part.body.iter().enumerate() {
                    let slot = &mut whole[part.fragment_offset as usize + index];
                    assert!(slot.is_none(), "no byte is sent twice");
                    *slot = Some(*byte);
                }
            }
        }
    }
    messages
}

#[test]
fn messages_are_cut_records_numbered_anew_and_ciphertext_left_alone() {
    let flight = [
        message(0, HandshakeType::CLIENT_HELLO, 0, 50),
        [message(1, HandshakeType::CERTIFICATE, 1, 90), message(2, HandshakeType::FINISHED, 2, 10), change_cipher_spec(3), encrypted(1, 0)]
            .concat(),
    ];
    let datagrams: Vec<&[u8]> = flight.iter().map(Vec::as_slice).collect();
    let sent = run(actor(&[(0, &datagrams)], vec![], Some(32)));
    let (handshake, cipher) = (ContentType::HANDSHAKE.0, ContentType::CHANGE_CIPHER_SPEC.0);
    let expected = [
        vec![(0, 0, handshake)],
        vec![(0, 1, handshake)],
        vec![(0, 2, handshake)],
        vec![(0, 3, handshake)],
        vec![(0, 4, handshake)],
        vec![(0, 5, handshake), (0, 6, cipher), (1, 0, handshake)],
    ];
    assert_eq!(numbers(&sent), expected);
    assert!(sent[5].1.ends_with(&encrypted(1, 0)));
    let messages = reassemble(&sent);
    assert_eq!(messages[&1], (HandshakeType::CERTIFICATE.0, body(90).into_iter().map(Some).collect()));
    assert_eq!(messages.len(), 3);
}

#[test]
fn numbers_stay_consistent_for_retransmissions_and_gaps() {
    let first = message(0, HandshakeType::CLIENT_HELLO, 0, 50);
    let again = message(1, HandshakeType::CLIENT_HELLO, 0, 50);
    let gap = message(9, HandshakeType::CLIENT_HELLO, 1, 20);
    let sent = run(actor(&[(0, &[&first]), (1_000, &[&again]), (2_000, &[&gap])], vec![], Some(25)));
    let sequences: Vec<u64> = numbers(&sent).concat().iter().map(|(_, sequence, _)| *sequence).collect();
    assert_eq!(sequences, [0, 1, 2, 3, 9]);
}

#[test]
fn a_fragment_is_cut_where_it_lies_in_its_message() {
    let part = HandshakeFragment {
        offset: 0,
        message_type: HandshakeType::CERTIFICATE,
        length: 100,
        message_sequence: 1,
        fragment_offset: 40,
        fragment_length: 60,
        body: &body(60),
    };
    let bytes = plaintext(ContentType::HANDSHAKE, 5, &wire::dtls::build::handshake_fragment(&part));
    let sent = run(actor(&[(0, &[&bytes])], vec![], Some(50)));
    let (_, whole) = &reassemble(&sent)[&1];
    assert_eq!(sent.len(), 2);
    assert_eq!(whole[..40], [None; 40]);
    assert_eq!(whole[40..], body(60).into_iter().map(Some).collect::<Vec<_>>());
}

#[test]
fn overlapping_fragments_repeat_what_came_before_and_end_with_the_message() {
    for (length, expected) in
        [(50, vec![(0, 20), (15, 20), (30, 20)]), (20, vec![(0, 20)]), (21, vec![(0, 20), (15, 6)]), (0, vec![(0, 0)])]
    {
        let hello = message(0, HandshakeType::CLIENT_HELLO, 0, length);
        let inner = Recorded { flights: [(0, vec![Bytes::from(hello)])].into(), ..Recorded::default() };
        let options = DtlsActor { faults: vec![], fragment: Some(20), overlap: Some(5) };
        let sent = run(FaultyFlights::new(Box::new(inner), options, false));
        let mut found = Vec::new();
        for (_, bytes) in &sent {
            for part in records(bytes, 0).flatten().flat_map(|record| record.handshake().flatten().collect::<Vec<_>>()) {
                let start = part.fragment_offset as usize;
                assert_eq!(part.body, &body(length)[start..start + part.fragment_length as usize]);
                found.push((start, part.fragment_length));
            }
        }
        assert_eq!(found, expected, "a message of {length} bytes");
    }
}

#[test]
fn faults_count_the_fragments() {
    let hello = message(0, HandshakeType::CLIENT_HELLO, 0, 50);
    let sent = run(actor(&[(0, &[&hello])], vec![DtlsFault::Drop { datagram: Some(2), flight: None }], Some(20)));
    let (_, whole) = &reassemble(&sent)[&0];
    assert_eq!((sent.len(), whole.iter().filter(|byte| byte.is_none()).count()), (2, 20));
}

#[test]
fn what_is_no_dtls_passes_unchanged() {
    for bytes in [&b"hello"[..], b"", &[22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 1]] {
        assert_eq!(run(actor(&[(0, &[bytes])], vec![], Some(20))), [(0, Bytes::copy_from_slice(bytes))]);
    }
}

proptest! {
    #[test]
    fn whatever_the_sizes_the_messages_come_out_whole(lengths in prop::collection::vec(0_usize..3_000, 1..6), size in 1_u16..2_000) {
        let flight: Vec<Vec<u8>> =
            lengths.iter().zip(0..).map(|(length, number)| message(number.into(), HandshakeType::CERTIFICATE, number, *length)).collect();
        let datagrams: Vec<&[u8]> = flight.iter().map(Vec::as_slice).collect();
        let sent = run(actor(&[(0, &datagrams)], vec![], Some(size)));
        let messages = reassemble(&sent);
        prop_assert_eq!(messages.len(), lengths.len());
        for ((_, whole), length) in messages.values().zip(&lengths) {
            prop_assert_eq!(whole, &body(*length).into_iter().map(Some).collect::<Vec<_>>());
        }
        let sequences: Vec<u64> = numbers(&sent).concat().iter().map(|(_, sequence, _)| *sequence).collect();
        prop_assert_eq!(sequences, (0..numbers(&sent).concat().len() as u64).collect::<Vec<_>>());
    }

    #[test]
    fn no_bytes_make_it_panic(flight in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 0..5), size in 1_u16..100) {
        let datagrams: Vec<&[u8]> = flight.iter().map(Vec::as_slice).collect();
        run(actor(&[(0, &datagrams)], vec![], Some(size)));
    }
}
