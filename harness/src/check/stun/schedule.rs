//! When STUN clients send a request again over UDP (RFC 8489 section 6.2.1). Connectivity checks follow RFC 8445 section 14 and have checks of their own.

use crate::check::finding::{Evidence, Finding, each};
use crate::check::{Check, Context, Datagram, Frame, FrameEvent, Judge, Judgement, Level, Party, Transaction, applies};
use crate::scenario::model::RoleName;
use iut::{MILLISECOND, Ns};
use std::collections::BTreeMap;
use wire::stun::{AttributeType as T, Class, Method, TransactionId};

pub(super) const CHECKS: &[Check] = &[
    Check {
        id: "stun.client.initial-rto",
        clauses: &["RFC8489-6.2.1-2"],
        level: Level::Should,
        summary: "a request is sent again after 500 ms at the earliest",
        applies: applies::stun_requester,
        judge: |_, _| each(initial_rto),
    },
    Check {
        id: "stun.client.backoff",
        clauses: &["RFC8489-6.2.1-1"],
        level: Level::Should,
        summary: "the time between retransmissions doubles each time",
        applies: applies::stun_requester,
        judge: |_, _| each(backoff),
    },
    Check {
        id: "stun.client.stops-after-response",
        clauses: &["RFC8489-6.2.1-1"],
        level: Level::Should,
        summary: "a request that was answered is not sent again",
        applies: applies::stun_requester,
        judge: |_, _| each(stops),
    },
    Check {
        id: "stun.client.send-count",
        clauses: &["RFC8489-6.2.1-11"],
        level: Level::Should,
        summary: "an unanswered request is sent seven times (Rc)",
        applies: stun_or_turn_client,
        judge: |_, _| Box::new(SendCount::default()),
    },
];

fn stun_or_turn_client(_: &Context, party: &Party) -> bool {
    matches!(party.role, RoleName::StunClient | RoleName::TurnClient)
}

/// Rc: RFC 8489 section 6.2.1.
const SENDS: u32 = 7;
/// The least initial RTO.
const RTO: Ns = 500 * MILLISECOND;
/// Timers of runtimes count milliseconds and round up; a wake-up may come a little late.
const SLACK: Ns = 5 * MILLISECOND;

/// The earlier sends of a request that is sent again and is no connectivity check.
fn again<'d>(datagram: &'d Datagram<'_>) -> Option<&'d Transaction> {
    let request = datagram.sent && datagram.stun().is_some_and(|message| message.class() == Class::Request);
    datagram.before.filter(|earlier| request && !is_check(earlier))
}

/// Connectivity and consent checks carry the short-term credentials of ICE.
fn is_check(transaction: &Transaction) -> bool {
    let request = transaction.request();
    transaction.method == Method::BINDING && (request.has(T::USERNAME) || request.has(T::PRIORITY))
}

fn initial_rto(_: &Context, frame: &Frame<'_>, datagram: &Datagram<'_>) -> Finding {
    let Some(earlier) = again(datagram).filter(|earlier| earlier.sends == 1) else { return Finding::Nothing };
    let gap = frame.at - earlier.first.1;
    if gap + SLACK >= RTO {
        Finding::kept("the first retransmission after 500 ms or more")
    } else {
        let observed = format!("a first retransmission after {} ms", gap / MILLISECOND);
        Finding::broken("the first retransmission after 500 ms or more", observed).because(earlier.first.0)
    }
}

fn backoff(_: &Context, frame: &Frame<'_>, datagram: &Datagram<'_>) -> Finding {
    let Some(earlier) = again(datagram) else { return Finding::Nothing };
    let Some(first) = earlier.interval.filter(|_| (2..=SENDS).contains(&earlier.sends)) else { return Finding::Nothing };
    let wanted = first << (earlier.sends - 1);
    let gap = frame.at - earlier.last.1;
    if gap.abs_diff(wanted) <= wanted / 10 + SLACK {
        Finding::kept("intervals that double")
    } else {
        let how = if gap < wanted { "shorter" } else { "longer" };
        Finding::broken("intervals that double", format!("an interval {how} than twice the one before")).because(earlier.last.0)
    }
}

fn stops(_: &Context, frame: &Frame<'_>, datagram: &Datagram<'_>) -> Finding {
    if let Some(earlier) = again(datagram) {
        let late = earlier.response.filter(|(_, at)| frame.at > at + SLACK);
        return late.map_or(Finding::Nothing, |(response, _)| {
            Finding::broken("no retransmission after the response", "a request sent again after its response").because(response)
        });
    }
    let answer = datagram.before.is_some_and(|transaction| transaction.by_subject && !is_check(transaction));
    if answer { Finding::kept("no retransmission after the response") } else { Finding::Nothing }
}

/// Counts how often unanswered requests are sent.
#[derive(Default)]
struct SendCount {
    open: BTreeMap<TransactionId, Open>,
    latest: Ns,
    evidence: Evidence,
}

struct Open {
    frame: u32,
    sends: u32,
    last: Ns,
    interval: Ns,
}

/// Transactions that are followed at the same time.
const OPEN: usize = 1024;

impl Judge for SendCount {
    fn frame(&mut self, _: &Context, frame: Frame<'_>) {
        self.latest = frame.at;
        let FrameEvent::Datagram(datagram) = frame.event else { return };
        let Some(message) = datagram.stun() else { return };
        let id = message.transaction_id();
        match (datagram.sent, message.class()) {
            (true, Class::Request) => {
                let (sends, interval) = datagram.before.map_or((1, 0), |earlier| (earlier.sends + 1, frame.at - earlier.last.1));
                if self.open.len() < OPEN || self.open.contains_key(&id) {
                    self.open.insert(id, Open { frame: frame.number, sends, last: frame.at, interval });
                }
                if sends > SENDS {
                    self.evidence.add(frame.number, Finding::broken("seven sends at most", "an eighth send of a request"));
                }
            }
            // Whether it counts or not: a client that gives up after a bad response is not judged here.
            (false, Class::SuccessResponse | Class::ErrorResponse) => _ = self.open.remove(&id),
            _ => {}
        }
    }

    fn finish(mut self: Box<Self>, _: &Context) -> Judgement {
        for open in self.open.values() {
            // Without a second send there is no telling when the next one would be due.
            let over = open.sends > 1 && self.latest > open.last + 3 * open.interval;
            let finding = match open.sends {
                SENDS => Finding::kept("seven sends of an unanswered request"),
                fewer if over && fewer < SENDS => {
                    Finding::broken("seven sends of an unanswered request", format!("{fewer} sends of an unanswered request"))
                }
                _ => Finding::Nothing,
            };
            self.evidence.add(open.frame, finding);
        }
        self.evidence.judgement()
    }
}
