//! Nothing that the network delivers may panic or stop time: random bytes, real messages with bytes changed, and broken signalling.

use crate::{ANSWERER, OFFERER, V4, address, url, wire};
use bytes::Bytes;
use fastrand::Rng;
use iut::testing::Wire;
use iut::{CandidateSignal, Command, Description, DescriptionKind, Input, MILLISECOND, NodeConfig, SECOND, ServerKind, Signal};

fn trickling() -> Wire {
    wire(|config| NodeConfig { trickle: true, servers: vec![url(ServerKind::Stun), url(ServerKind::Turn)], ..config }, V4)
}

/// Random bytes, half of them with the beginning of a STUN message and a fitting length.
fn bytes(random: &mut Rng) -> Bytes {
    let mut bytes: Vec<u8> = (0..random.usize(0..160)).map(|_| random.u8(..)).collect();
    if bytes.len() >= 20 && random.bool() {
        let length = (bytes.len() - 20) & !3;
        bytes.truncate(20 + length);
        bytes[..2].copy_from_slice(&[random.u8(0..2), [0x01, 0x11][random.usize(0..2)]]);
        bytes[2..4].copy_from_slice(&(length as u16).to_be_bytes());
        bytes[4..8].copy_from_slice(&[0x21, 0x12, 0xa4, 0x42]);
    }
    bytes.into()
}

#[test]
fn random_bytes_are_survived_at_every_stage() {
    let mut random = Rng::with_seed(3);
    let mut wire = trickling();
    wire.command(OFFERER, Command::CreateOffer);
    let local = address("192.0.2.1:5000");
    for _ in 0..2_000 {
        let remote = if random.bool() { address("192.0.2.2:5000") } else { address("198.51.100.7:7") };
        let bytes = bytes(&mut random);
        wire.input(OFFERER, Input::Datagram { local, remote, bytes });
        wire.run(MILLISECOND);
    }
    wire.run(10 * SECOND);
}

/// rice-proto 0.4.3 has a panic of its own that changed messages reach in about one session of a hundred. It is not caught in the adapter: a crash of
/// an implementation is a verdict about it. Here it is told apart from any other panic.
const PANIC_OF_THE_CRATE: &str = "Attempt was made to start an already started check";

#[test]
fn messages_with_changed_bytes_are_survived_but_for_one_known_panic() {
    for seed in 0..100 {
        let session = std::panic::catch_unwind(|| {
            let mut random = Rng::with_seed(seed);
            let mut wire = trickling();
            wire.filter(move |sent| Some(mutate(&mut random, &sent.bytes)));
            wire.command(OFFERER, Command::CreateOffer);
            wire.run(60 * SECOND);
        });
        if let Err(panic) = session
            && panic.downcast_ref::<&str>() != Some(&PANIC_OF_THE_CRATE)
        {
            std::panic::resume_unwind(panic);
        }
    }
}

#[test]
fn broken_descriptions_and_candidates_are_errors() {
    let mut wire = trickling();
    for sdp in ["", "v=0", "a=ice-ufrag:x", "a=ice-ufrag:\r\na=ice-pwd:"] {
        let description = Description { kind: DescriptionKind::Offer, sdp: sdp.into() };
        wire.input(ANSWERER, Input::Signal(Signal::Description(description)));
    }
    let sdp = "a=ice-ufrag:abcd\r\na=ice-pwd:0123456789012345678901\r\na=ice-options:trickle\r\n".into();
    wire.input(ANSWERER, Input::Signal(Signal::Description(Description { kind: DescriptionKind::Offer, sdp })));
    let candidates = [
        "",
        "candidate:",
        "candidate:1 1 udp x 192.0.2.1 5000 typ host",
        "candidate:1 1 udp 1 host.local 5000 typ host",
        "candidate:1 1 udp 1 192.0.2.1 5000 typ moon",
        "candidate:1 1 sctp 1 192.0.2.1 5000 typ host",
    ];
    for candidate in candidates {
        wire.input(ANSWERER, Input::Signal(Signal::Candidate(CandidateSignal { candidate: candidate.into(), mid: None, ufrag: None })));
    }
    let errors = wire.events(ANSWERER).iter().filter(|(_, event)| event.name() == "error").count();
    assert_eq!(errors, 4 + candidates.len(), "{:?}", wire.events(ANSWERER));
    wire.run(SECOND);
}

#[test]
fn candidates_before_the_description_are_kept_within_a_bound() {
    let mut wire = trickling();
    for port in 0..1000 {
        let candidate = format!("candidate:1 1 udp {port} 192.0.2.77 {port} typ host");
        wire.input(ANSWERER, Input::Signal(Signal::Candidate(CandidateSignal { candidate, mid: None, ufrag: None })));
    }
    assert_eq!(wire.events(ANSWERER).len(), 1000 - 256);
}

/// Changes, cuts or lengthens every second datagram.
fn mutate(random: &mut Rng, bytes: &Bytes) -> Bytes {
    let mut bytes = bytes.to_vec();
    match random.u8(0..8) {
        0 | 1 if !bytes.is_empty() => {
            for _ in 0..=random.u8(0..4) {
                let index = random.usize(0..bytes.len());
                bytes[index] ^= 1 << random.u8(0..8);
            }
        }
        2 if !bytes.is_empty() => bytes.truncate(random.usize(0..bytes.len())),
        3 => bytes.extend((0..16).map(|_| random.u8(..))),
        _ => {}
    }
    bytes.into()
}
