//! Password algorithms and anonymous user names: what a server announces in its nonces, and whether it notices that somebody altered its offer
//! (RFC 8489 sections 9.2 and 9.2.4).
//!
//! Which bit of the nonce cookie is which has two readings: RFC 8489 section 18.1 as printed counts from the most significant bit, verified erratum 6290 from
//! the least significant one. The checks follow the erratum, and what rests on these bits alone deviates.

use crate::check::finding::{Evidence, Finding, each};
use crate::check::{Check, Context, Datagram, Frame, FrameEvent, Judge, Judgement, Level, applies};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use wire::stun::{AttributeType as T, Class, Message, SecurityFeatures as Features};

pub(super) const CHECKS: &[Check] = &[
    Check {
        id: "turn.server.announced-features",
        clauses: &["RFC8489-9.2-2", "RFC8489-9.2.4-7", "RFC8489-9.2.4-16"],
        level: Level::Should,
        summary: "a challenge offers PASSWORD-ALGORITHMS if and only if its nonce announces them",
        applies: applies::turn_server,
        judge: |_, _| each(announced),
    },
    Check {
        id: "turn.server.anonymity-announced",
        clauses: &["RFC8489-9.2.4-8"],
        level: Level::Should,
        summary: "a server that accepts USERHASH announces username anonymity in its nonce",
        applies: applies::turn_server,
        judge: |_, _| each(anonymity),
    },
    Check {
        id: "turn.server.bid-down",
        clauses: &["RFC8489-9.2.4-12"],
        level: Level::Must,
        summary: "a request that does not repeat the offered password algorithms, or chooses one that is not among them, gets 400",
        applies: applies::turn_server,
        judge: |_, _| Box::new(BidDown::default()),
    },
];

fn announced(_: &Context, _: &Frame<'_>, datagram: &Datagram<'_>) -> Finding {
    const EXPECTED: &str = "PASSWORD-ALGORITHMS where the nonce announces them (bit 0, counted as erratum 6290 says), and only there";
    let Some((response, answered)) = datagram.stun().filter(|_| datagram.sent).zip(datagram.before) else { return Finding::Nothing };
    let challenge = matches!(response.error_code(), Ok(Some(error)) if matches!(error.code, 401 | 438));
    let Some(features) = response.nonce().ok().flatten().and_then(Features::of_nonce).filter(|_| challenge) else {
        return Finding::Nothing;
    };
    match (features.contains(Features::PASSWORD_ALGORITHMS), response.has(T::PASSWORD_ALGORITHMS)) {
        (true, true) | (false, false) => Finding::kept(EXPECTED),
        (true, false) => Finding::broken(EXPECTED, "a nonce that announces password algorithms, without PASSWORD-ALGORITHMS"),
        (false, true) => Finding::broken(EXPECTED, "PASSWORD-ALGORITHMS that the nonce does not announce"),
    }
    .because(answered.last.0)
}

fn anonymity(_: &Context, _: &Frame<'_>, datagram: &Datagram<'_>) -> Finding {
    const EXPECTED: &str = "username anonymity (bit 1, counted as erratum 6290 says) in the nonce of a server that accepts USERHASH";
    let accepted = datagram.stun().filter(|message| datagram.sent && message.class() == Class::SuccessResponse);
    let Some(answered) = accepted.and(datagram.before) else { return Finding::Nothing };
    let request = answered.request();
    let Some(features) = request.nonce().ok().flatten().and_then(Features::of_nonce).filter(|_| request.has(T::USERHASH)) else {
        return Finding::Nothing;
    };
    match features.contains(Features::USERNAME_ANONYMITY) {
        true => Finding::kept(EXPECTED),
        false => Finding::broken(EXPECTED, "success with USERHASH under a nonce that does not announce it").because(answered.last.0),
    }
}

/// Clients whose offers are remembered at most.
const CLIENTS: usize = 4_096;

/// What each client was offered last, as it stood there.
#[derive(Default)]
struct BidDown {
    offered: BTreeMap<(SocketAddr, SocketAddr), Vec<u8>>,
    evidence: Evidence,
}

impl BidDown {
    fn response(&self, response: &Message<'_>, datagram: &Datagram<'_>) -> Finding {
        const EXPECTED: &str = "400 where the offered password algorithms do not come back";
        let Some(answered) = datagram.before.filter(|answered| answered.class == Class::Request) else { return Finding::Nothing };
        let request = answered.request();
        let Some(offered) = self.offered.get(&(datagram.local, datagram.remote)) else { return Finding::Nothing };
        if !announces(&request) || !is_complete(&request) || !is_altered(&request, offered) {
            return Finding::Nothing;
        }
        match (response.class(), response.error_code()) {
            (Class::SuccessResponse, _) => Finding::broken(EXPECTED, format!("success of {}", answered.method)).because(answered.last.0),
            (_, Ok(Some(error))) if error.code == 400 => Finding::kept(EXPECTED),
            (_, Ok(Some(error))) if error.code == 401 => {
                Finding::broken(EXPECTED, format!("401 to {}", answered.method)).because(answered.last.0)
            }
            _ => Finding::Nothing,
        }
    }
}

impl Judge for BidDown {
    fn frame(&mut self, _: &Context, frame: Frame<'_>) {
        let FrameEvent::Datagram(datagram) = frame.event else { return };
        let Some(response) = datagram.stun().filter(|_| datagram.sent) else { return };
        let finding = self.response(response, datagram);
        self.evidence.add(frame.number, finding);
        if let Some(offer) = response.attribute(T::PASSWORD_ALGORITHMS).filter(|_| self.offered.len() < CLIENTS) {
            self.offered.insert((datagram.local, datagram.remote), offer.value.to_vec());
        }
    }

    fn finish(self: Box<Self>, _: &Context) -> Judgement {
        self.evidence.judgement()
    }
}

/// Whether the nonce of a request announces password algorithms.
fn announces(request: &Message<'_>) -> bool {
    let features = request.nonce().ok().flatten().and_then(Features::of_nonce);
    features.is_some_and(|features| features.contains(Features::PASSWORD_ALGORITHMS))
}

/// Whether no earlier check of RFC 8489 section 9.2.4 refuses the request.
fn is_complete(request: &Message<'_>) -> bool {
    let named = request.has(T::USERNAME) || request.has(T::USERHASH);
    let protected = request.has(T::MESSAGE_INTEGRITY) || request.has(T::MESSAGE_INTEGRITY_SHA256);
    named && protected && request.has(T::REALM)
}

/// Whether a request speaks of password algorithms and not as it was offered. One that says nothing of them means MD5 and is right.
fn is_altered(request: &Message<'_>, offered: &[u8]) -> bool {
    match (request.attribute(T::PASSWORD_ALGORITHMS), request.password_algorithm()) {
        (None, Ok(None)) => false,
        (Some(list), Ok(Some(chosen))) => {
            let among = request.password_algorithms().ok().flatten().is_some_and(|list| list.contains(&chosen));
            list.value != offered || !among
        }
        _ => true,
    }
}
