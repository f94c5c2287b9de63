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
    FaultyFlights::new(Box::new(inner), DtlsActor { faults: placed(faults), fragment })
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
                Output::Api(ApiEvent::Dtls(_)) => {}
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
    assert_eq!(after(vec![DtlsFault::Drop { datagram: 2 }]), "0 one, 0 three, 1 four");
}

#[test]
fn a_delayed_datagram_comes_later() {
    assert_eq!(after(vec![DtlsFault::Delay { datagram: 1, by: Span(7 * MILLISECOND) }]), "0 two, 0 three, 1 four, 7 one");
}

#[test]
fn replays_follow_their_datagram() {
    assert_eq!(after(vec![DtlsFault::Replay { datagram: 2, times: 2, after: None }]), "0 one, 0 two, 0 two, 0 two, 0 three, 1 four");
    let spaced = DtlsFault::Replay { datagram: 2, times: 2, after: Some(Span(5 * MILLISECOND)) };
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
    let faults = vec![DtlsFault::Reorder { from: 1, to: 3 }, DtlsFault::Drop { datagram: 3 }];
    assert_eq!(after(faults), "0 two, 0 one, 1 four");
}

#[test]
fn corruption_flips_one_bit_counted_from_the_end() {
    let sent = run(actor(&[(0, FLIGHT)], vec![DtlsFault::Corrupt { datagram: 3, from_end: 1 }], None));
    assert_eq!(sent[2].1, "thrde");
}

#[test]
fn corruption_beyond_the_datagram_is_told_and_not_ignored() {
    let mut actor = actor(&[(0, FLIGHT)], vec![DtlsFault::Corrupt { datagram: 3, from_end: 5 }], None);
    actor.handle(0, Input::Command(Command::Start));
    let errors = std::iter::from_fn(|| actor.poll_output()).filter(|output| matches!(output, Output::Api(ApiEvent::Error { .. }))).count();
    assert_eq!(errors, 1);
}

#[test]
fn strays_go_before_their_datagram_and_have_no_number() {
    let stray = DtlsFault::Stray { before: 2, bytes: Hex(b"stray".to_vec()) };
    assert_eq!(after(vec![stray, DtlsFault::Drop { datagram: 3 }]), "0 one, 0 stray, 0 two, 1 four");
}

#[test]
fn faults_of_one_datagram_apply_in_their_order() {
    let corrupt = DtlsFault::Corrupt { datagram: 1, from_end: 0 };
    let replay = DtlsFault::Replay { datagram: 1, times: 1, after: None };
    assert_eq!(after(vec![corrupt, replay.clone()]), "0 ond, 0 ond, 0 two, 0 three, 1 four");
    assert_eq!(after(vec![DtlsFault::Drop { datagram: 1 }, replay]), "0 two, 0 three, 1 four");
}

#[test]
fn more_waiting_datagrams_than_the_bound_are_lost_and_told() {
    let replay = DtlsFault::Replay { datagram: 1, times: u32::MAX, after: Some(Span(MILLISECOND)) };
    let twice = vec![replay, DtlsFault::Replay { datagram: 2, times: 5, after: Some(Span(1)) }];
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
    let faults = vec![DtlsFault::Delay { datagram: 1, by: Span(10) }];
    run(FaultyFlights::new(Box::new(inner), DtlsActor { faults: placed(faults), fragment: None }));
    assert_eq!(*given.borrow(), ["0: other", "20: timeout"]);
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
fn faults_count_the_fragments() {
    let hello = message(0, HandshakeType::CLIENT_HELLO, 0, 50);
    let sent = run(actor(&[(0, &[&hello])], vec![DtlsFault::Drop { datagram: 2 }], Some(20)));
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
