//! When a flight is sent again (RFC 6347 section 4.2.4.1, RFC 9147 section 5.8.2).
//!
//! Only the hello messages of epoch 0 are timed: they begin a flight, and nothing is known of the round trip yet. A flight that is sent again because the
//! other side repeated its own is no matter of timers, so only intervals without anything received in between count.

use super::association::{following, handshake, new_handshake};
use crate::check::finding::{Evidence, Finding};
use crate::check::{Check, Datagram, Frame, Level, applies};
use iut::{MILLISECOND, Ns, SECOND};
use std::collections::BTreeMap;
use wire::dtls::{HandshakeFragment, HandshakeType};

pub(super) const CHECKS: &[Check] = &[
    Check {
        id: "dtls.timer.initial",
        clauses: &["RFC9147-5.8.2-1", "RFC6347-4.2.4.1-1"],
        level: Level::Should,
        summary: "a flight is sent again after 1 s",
        // A peer knows the round trip from ICE and may use another value (RFC 9147 section 5.8.2).
        applies: applies::plain_dtls_endpoint,
        judge: |context, subject| following(context, subject, initial),
    },
    Check {
        id: "dtls.timer.backoff",
        clauses: &["RFC9147-5.8.2-1", "RFC6347-4.2.4.1-1"],
        level: Level::Should,
        summary: "the retransmission timer doubles each time, up to 60 s or more",
        applies: applies::dtls_endpoint,
        judge: |context, subject| following(context, subject, backoff),
    },
];

/// When a message was sent, by its type and number.
#[derive(Default)]
struct Flights {
    sends: BTreeMap<(HandshakeType, u16), Sends>,
    received: Ns,
    random: Option<[u8; 32]>,
}

struct Sends {
    frame: u32,
    at: Ns,
    /// The first interval, where the timer alone decided this one and all since.
    first: Option<Ns>,
    count: u32,
}

/// An interval between two sends of one message.
struct Interval {
    because: u32,
    length: Ns,
    /// The first interval of this message.
    first: Option<Ns>,
    /// How many sends there were before this one.
    count: u32,
}

impl Flights {
    fn datagram(&mut self, frame: &Frame<'_>, datagram: &Datagram<'_>) -> Option<Interval> {
        if let Some(random) = new_handshake(datagram)
            && self.random.replace(random).is_some_and(|before| before != random)
        {
            self.sends.clear();
        }
        if !datagram.sent {
            self.received = frame.at;
            return None;
        }
        // The second ClientHello of DTLS 1.3 comes when the round trip is known.
        let timed = |kind, sequence| kind == HandshakeType::SERVER_HELLO || kind == HandshakeType::CLIENT_HELLO && sequence == 0;
        let begins =
            |fragment: &HandshakeFragment<'_>| timed(fragment.message_type, fragment.message_sequence) && fragment.fragment_offset == 0;
        let message = handshake(datagram).find(|message| begins(message))?;
        let key = (message.message_type, message.message_sequence);
        let Some(sends) = self.sends.get_mut(&key) else {
            self.sends.insert(key, Sends { frame: frame.number, at: frame.at, first: None, count: 1 });
            return None;
        };
        let length = frame.at - sends.at;
        let undisturbed = self.received <= sends.at && length > 0;
        let interval = Interval { because: sends.frame, length, first: sends.first, count: sends.count };
        let first = if sends.count == 1 { Some(length) } else { sends.first };
        *sends = Sends { frame: frame.number, at: frame.at, first: first.filter(|_| undisturbed), count: sends.count + 1 };
        undisturbed.then_some(interval)
    }
}

fn initial(flights: &mut Flights, frame: &Frame<'_>, datagram: &Datagram<'_>, evidence: &mut Evidence) {
    const EXPECTED: &str = "the first retransmission after about 1 s";
    let Some(interval) = flights.datagram(frame, datagram).filter(|interval| interval.count == 1) else { return };
    let finding = match interval.length {
        // A quarter of jitter is common and keeps endpoints from marching in step; the RFCs neither ask for it nor forbid it.
        short if short < 700 * MILLISECOND => Finding::broken(EXPECTED, "a shorter time"),
        long if long > 1400 * MILLISECOND => Finding::broken(EXPECTED, "a longer time"),
        _ => Finding::kept(EXPECTED),
    };
    evidence.add(frame.number, finding.because(interval.because));
}

fn backoff(flights: &mut Flights, frame: &Frame<'_>, datagram: &Datagram<'_>, evidence: &mut Evidence) {
    const EXPECTED: &str = "intervals that double, up to 60 s or more";
    let Some(interval) = flights.datagram(frame, datagram) else { return };
    let Some(first) = interval.first.filter(|_| interval.count >= 2) else { return };
    let doubled = first.saturating_mul(1 << (interval.count - 1).min(16));
    // Both intervals may have a quarter of jitter: between 0.75 / 1.25 and 1.25 / 0.75 of what is wanted.
    let (least, most) = (doubled * 11 / 20, doubled * 9 / 5);
    let finding = match interval.length {
        short if short < least.min(45 * SECOND) => Finding::broken(EXPECTED, "intervals that grow more slowly"),
        long if long > most => Finding::broken(EXPECTED, "intervals that grow faster"),
        _ => Finding::kept(EXPECTED),
    };
    evidence.add(frame.number, finding.because(interval.because));
}
