//! Transaction ids: fresh for every request, and drawn at random.

use crate::check::finding::{Evidence, Finding, each};
use crate::check::{Check, Context, Datagram, Frame, FrameEvent, Judge, Judgement, Level, applies};
use wire::stun::{Class, TransactionId};

pub(super) const CHECKS: &[Check] = &[
    Check {
        id: "stun.transaction.fresh-id",
        clauses: &["RFC8489-5-5"],
        level: Level::Must,
        summary: "requests that differ in their bytes or addresses have transaction ids of their own",
        applies: applies::stun_requester,
        judge: |_, _| each(fresh_id),
    },
    Check {
        id: "stun.transaction.random-id",
        clauses: &["RFC8489-5-4"],
        level: Level::Must,
        summary: "transaction ids are uniformly random over all 96 bits",
        applies: applies::stun_requester,
        judge: |_, _| Box::new(RandomId::default()),
    },
];

fn fresh_id(_: &Context, frame: &Frame<'_>, datagram: &Datagram<'_>) -> Finding {
    const EXPECTED: &str = "a transaction id of its own for every request that is no retransmission";
    let Some(message) = datagram.stun().filter(|message| datagram.sent && message.class() == Class::Request) else {
        return Finding::Nothing;
    };
    let earlier = frame.known.transactions(message.transaction_id());
    let Some(used) = earlier.iter().find(|used| used.by_subject && used.class == Class::Request) else {
        return Finding::kept("a transaction id that was not used before");
    };
    let same_ends = used.is_between(datagram);
    if same_ends && used.bytes == *datagram.payload {
        return Finding::Nothing;
    }
    let how = if same_ends { "another request" } else { "a request between other addresses" };
    Finding::broken(EXPECTED, format!("{how} with the transaction id of an earlier one")).because(used.first.0)
}

/// So many ids must show each bit in both states: that one of the 96 does not has a probability of 96 / 2^39.
const ENOUGH: usize = 40;

/// Looks for what random ids cannot have: bits that never change, and ids that count.
#[derive(Default)]
struct RandomId {
    seen: usize,
    previous: Option<u128>,
    always_one: u128,
    ever_one: u128,
    /// Steps from one id to the next that were small, in a row.
    small_steps: u32,
    evidence: Evidence,
}

impl Judge for RandomId {
    fn frame(&mut self, _: &Context, frame: Frame<'_>) {
        let FrameEvent::Datagram(datagram) = frame.event else { return };
        let Some(message) = datagram.stun().filter(|message| datagram.sent && message.class() == Class::Request) else { return };
        // An id that is used again is the business of the other check.
        if !frame.known.transactions(message.transaction_id()).iter().any(|used| used.by_subject) {
            self.id(frame.number, message.transaction_id());
        }
    }

    fn finish(mut self: Box<Self>, _: &Context) -> Judgement {
        if self.seen > 0 && self.seen < ENOUGH {
            self.evidence.unclear(format!("fewer than {ENOUGH} transactions"));
        }
        self.evidence.judgement()
    }
}

impl RandomId {
    fn id(&mut self, frame: u32, id: TransactionId) {
        const EXPECTED: &str = "transaction ids that are uniformly random over all 96 bits";
        let mut octets = [0; 16];
        octets[4..].copy_from_slice(&id.0);
        let number = u128::from_be_bytes(octets);
        self.always_one = if self.seen == 0 { number } else { self.always_one & number };
        self.ever_one |= number;
        self.seen += 1;
        // One octet twelve times has a probability of 2^-88.
        if id.0.iter().all(|octet| *octet == id.0[0]) {
            self.evidence.add(frame, Finding::broken(EXPECTED, "a transaction id of one octet twelve times"));
        }
        let small = self.previous.replace(number).is_some_and(|previous| previous.abs_diff(number) < 1 << 32);
        self.small_steps = if small { self.small_steps + 1 } else { 0 };
        // Three small steps in a row have a probability of 2^-189.
        if self.small_steps == 3 {
            self.evidence.add(frame, Finding::broken(EXPECTED, "transaction ids that count"));
        }
        if self.seen == ENOUGH {
            let stuck = self.always_one | !self.ever_one & ((1 << 96) - 1);
            self.evidence.add(
                frame,
                match stuck.count_ones() {
                    0 => Finding::kept(format!("each bit in both states among {ENOUGH} transaction ids")),
                    _ => Finding::broken(EXPECTED, format!("bits of the transaction id that {ENOUGH} transactions never change")),
                },
            );
        }
    }
}
