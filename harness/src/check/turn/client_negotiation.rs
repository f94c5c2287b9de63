//! How a client answers an offer of password algorithms and anonymous user names (RFC 8489 section 9.2.5), and what it makes of responses that count as
//! never received.

use super::client_state::{is_protected, is_turn, value};
use crate::check::finding::{Evidence, Finding};
use crate::check::{Check, Context, Datagram, Frame, FrameEvent, Judge, Judgement, Level, Transaction, applies};
use iut::{Ns, SECOND};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use wire::stun::{AttributeType as T, Class, Message, Method, PasswordAlgorithm, SecurityFeatures as Features, TransactionId};

pub(super) const CHECKS: &[Check] = &[
    Check {
        id: "turn.client.anonymity",
        clauses: &["RFC8489-9.2.5-5", "RFC8489-9.2.5-1"],
        // The bits of the nonce cookie have two readings: see the module `features`.
        level: Level::Should,
        summary: "the retry after a challenge names the user by USERHASH if the nonce announces anonymity, and by USERNAME otherwise",
        applies: applies::turn_client,
        judge: |_, _| Box::new(Answered { look: anonymity, open: BTreeMap::new(), evidence: Evidence::default() }),
    },
    Check {
        id: "turn.client.password-algorithm",
        clauses: &["RFC8489-9.2.5-8", "RFC8489-9.2.5-9", "RFC8656-6-3"],
        level: Level::Must,
        summary: "the retry repeats the offered password algorithms and chooses one of them",
        applies: applies::turn_client,
        judge: |_, _| Box::new(Answered { look: algorithm, open: BTreeMap::new(), evidence: Evidence::default() }),
    },
    Check {
        id: "turn.client.negotiated-integrity",
        clauses: &["RFC8489-9.2.5-19"],
        level: Level::Must,
        summary: "requests after an offer of password algorithms carry MESSAGE-INTEGRITY-SHA256 and no MESSAGE-INTEGRITY",
        applies: applies::turn_client,
        judge: |_, _| Box::new(Answered { look: integrity, open: BTreeMap::new(), evidence: Evidence::default() }),
    },
    Check {
        id: "turn.client.bid-down",
        clauses: &["RFC8489-9.2.5-2"],
        // The bits of the nonce cookie have two readings: see the module `features`.
        level: Level::Should,
        summary: "a challenge whose nonce announces password algorithms that are not offered is not answered",
        applies: applies::turn_client,
        judge: |_, _| Box::new(Unanswerable { when: withheld, open: BTreeMap::new(), evidence: Evidence::default() }),
    },
    Check {
        id: "turn.client.unknown-algorithms",
        clauses: &["RFC8489-9.2.5-10"],
        level: Level::Must,
        summary: "a challenge that offers unknown password algorithms alone is not answered",
        applies: applies::turn_client,
        judge: |_, _| Box::new(Unanswerable { when: foreign, open: BTreeMap::new(), evidence: Evidence::default() }),
    },
    Check {
        id: "turn.client.forged-response",
        clauses: &["RFC8489-9.2.5-16", "RFC8489-9.2.5-u19"],
        level: Level::Must,
        summary: "a response whose integrity attribute does not verify counts as never received: the request is sent again",
        applies: applies::turn_client,
        judge: |_, _| Box::new(Unheard { when: forged, open: BTreeMap::new(), latest: 0, evidence: Evidence::default() }),
    },
    Check {
        id: "turn.client.unprotected-400",
        clauses: &["RFC8489-9.2.5-15"],
        // RFC 8489 section 14.8 lets a 400 come without integrity; a client that takes it as failure follows that reading.
        level: Level::Should,
        summary: "a 400 without integrity attribute counts as never received: the request is sent again",
        applies: applies::turn_client,
        judge: |_, _| Box::new(Unheard { when: unprotected_400, open: BTreeMap::new(), latest: 0, evidence: Evidence::default() }),
    },
];

/// Challenges, clients and transactions that are followed at most.
const FOLLOWED: usize = 256;

/// A challenge: what it said, and where.
struct Challenge {
    frame: u32,
    at: Ns,
    features: Option<Features>,
    offered: Option<Vec<u8>>,
}

/// A 401 to a request without credentials, or a 438.
fn challenge(frame: &Frame<'_>, datagram: &Datagram<'_>) -> Option<Challenge> {
    let response = datagram.stun().filter(|message| !datagram.sent && is_turn(message.method()))?;
    let answered = datagram.before.filter(|answered| answered.by_subject)?;
    let code = response.error_code().ok().flatten()?.code;
    let challenges = code == 438 || code == 401 && !is_protected(&answered.request());
    let features = response.nonce().ok().flatten().and_then(Features::of_nonce);
    challenges.then(|| Challenge { frame: frame.number, at: frame.at, features, offered: value(response, T::PASSWORD_ALGORITHMS) })
}

/// A new request with credentials.
fn retry<'d, 'a>(datagram: &'d Datagram<'a>) -> Option<&'d Message<'a>> {
    let request = datagram.stun().filter(|message| datagram.sent && message.class() == Class::Request && is_turn(message.method()))?;
    (datagram.before.is_none() && is_protected(request)).then_some(request)
}

/// The client's address and the server.
type Tuple = (SocketAddr, SocketAddr);

/// Judges requests by the latest challenge of their server.
struct Answered {
    look: fn(&Message<'_>, &Challenge) -> Finding,
    open: BTreeMap<Tuple, Challenge>,
    evidence: Evidence,
}

impl Judge for Answered {
    fn frame(&mut self, _: &Context, frame: Frame<'_>) {
        let FrameEvent::Datagram(datagram) = frame.event else { return };
        let tuple = (datagram.local, datagram.remote);
        if let Some(challenge) = challenge(&frame, datagram).filter(|_| self.open.len() < FOLLOWED) {
            self.open.insert(tuple, challenge);
        } else if let Some((request, challenge)) = retry(datagram).zip(self.open.get(&tuple)) {
            self.evidence.add(frame.number, (self.look)(request, challenge).because(challenge.frame));
        }
    }

    fn finish(self: Box<Self>, _: &Context) -> Judgement {
        self.evidence.judgement()
    }
}

fn anonymity(request: &Message<'_>, challenge: &Challenge) -> Finding {
    const EXPECTED: &str = "USERHASH where the nonce announces anonymity (bit 1, counted as erratum 6290 says), otherwise USERNAME";
    let announced = challenge.features.is_some_and(|features| features.contains(Features::USERNAME_ANONYMITY));
    let observed = match (announced, request.has(T::USERHASH), request.has(T::USERNAME)) {
        (true, true, false) | (false, false, true) => return Finding::kept(EXPECTED),
        (true, _, true) => "USERNAME although the nonce announces anonymity",
        (false, true, _) => "USERHASH although the nonce does not announce anonymity",
        (_, false, false) => "neither",
    };
    Finding::broken(EXPECTED, format!("{} with {observed}", request.method()))
}

/// The offer, where the nonce announces one too and the client could answer it.
fn offer(challenge: &Challenge) -> Option<&[u8]> {
    let announced = challenge.features.is_some_and(|features| features.contains(Features::PASSWORD_ALGORITHMS));
    challenge.offered.as_deref().filter(|_| announced)
}

fn algorithm(request: &Message<'_>, challenge: &Challenge) -> Finding {
    const EXPECTED: &str = "PASSWORD-ALGORITHMS as offered, and PASSWORD-ALGORITHM with an entry of it";
    let Some(offered) = offer(challenge) else { return Finding::Nothing };
    let listed = || request.password_algorithms().ok().flatten().unwrap_or_default();
    let observed = match (value(request, T::PASSWORD_ALGORITHMS), request.password_algorithm()) {
        (Some(list), Ok(Some(chosen))) if list == offered && listed().contains(&chosen) => return Finding::kept(EXPECTED),
        (Some(list), Ok(Some(_))) if list == offered => "a choice that was not offered",
        (Some(_), Ok(Some(_))) => "an altered list",
        (None, _) => "no PASSWORD-ALGORITHMS",
        (Some(_), _) => "no PASSWORD-ALGORITHM",
    };
    Finding::broken(EXPECTED, format!("{} with {observed}", request.method()))
}

fn integrity(request: &Message<'_>, challenge: &Challenge) -> Finding {
    const EXPECTED: &str = "MESSAGE-INTEGRITY-SHA256 alone";
    if offer(challenge).is_none() {
        return Finding::Nothing;
    }
    match (request.has(T::MESSAGE_INTEGRITY_SHA256), request.has(T::MESSAGE_INTEGRITY)) {
        (true, false) => Finding::kept(EXPECTED),
        (true, true) => Finding::broken(EXPECTED, format!("{} with both integrity attributes", request.method())),
        (false, _) => Finding::broken(EXPECTED, format!("{} with MESSAGE-INTEGRITY", request.method())),
    }
}

/// How soon a client would try again.
const PATIENCE: Ns = 5 * SECOND;

/// Judges what follows a challenge that must not be answered.
struct Unanswerable {
    when: fn(&Challenge) -> bool,
    open: BTreeMap<Tuple, Challenge>,
    evidence: Evidence,
}

impl Judge for Unanswerable {
    fn frame(&mut self, _: &Context, frame: Frame<'_>) {
        const EXPECTED: &str = "no request with credentials after this challenge";
        let FrameEvent::Datagram(datagram) = frame.event else { return };
        let tuple = (datagram.local, datagram.remote);
        if let Some(challenge) = challenge(&frame, datagram) {
            if (self.when)(&challenge) && self.open.len() < FOLLOWED {
                self.open.insert(tuple, challenge);
            }
        } else if let Some((request, challenge)) = retry(datagram).zip(self.open.get(&tuple))
            && frame.at < challenge.at + PATIENCE
        {
            let finding = Finding::broken(EXPECTED, format!("{} with credentials", request.method())).because(challenge.frame);
            self.evidence.add(frame.number, finding);
        }
    }

    fn finish(mut self: Box<Self>, _: &Context) -> Judgement {
        for challenge in self.open.values() {
            self.evidence.add(challenge.frame, Finding::kept("no request with credentials"));
        }
        self.evidence.judgement()
    }
}

fn withheld(challenge: &Challenge) -> bool {
    challenge.features.is_some_and(|features| features.contains(Features::PASSWORD_ALGORITHMS)) && challenge.offered.is_none()
}

/// The offer names no algorithm of RFC 8489.
fn foreign(challenge: &Challenge) -> bool {
    let known = [PasswordAlgorithm::MD5, PasswordAlgorithm::SHA256];
    offer(challenge).is_some_and(|offered| {
        // Entries without parameters: number, length zero.
        let numbers = offered.chunks_exact(4).map(|entry| u16::from_be_bytes([entry[0], entry[1]]));
        !offered.is_empty() && offered.len().is_multiple_of(4) && numbers.into_iter().all(|number| !known.contains(&number))
    })
}

/// By then a client has sent its request again, whatever interval it had reached (RFC 8489 section 6.2.1: 16 s at most).
const LONGEST_INTERVAL: Ns = 20 * SECOND;
/// Rc of RFC 8489 section 6.2.1: a request that was sent so often is not sent again.
const MOST_SENDS: u32 = 7;

/// Judges whether a request goes on after a response that counts as never received.
struct Unheard {
    when: fn(&Frame<'_>, &Datagram<'_>, &Transaction) -> bool,
    /// Frame, time and method by transaction.
    open: BTreeMap<TransactionId, (u32, Ns, Method)>,
    latest: Ns,
    evidence: Evidence,
}

const EXPECTED_AGAIN: &str = "the request again, as if nothing had come";

impl Judge for Unheard {
    fn frame(&mut self, context: &Context, frame: Frame<'_>) {
        self.latest = frame.at;
        let FrameEvent::Datagram(datagram) = frame.event else { return };
        let (Some(message), Some(transaction)) = (datagram.stun(), datagram.before) else { return };
        if !transaction.by_subject || !context.from_the_start {
            return;
        }
        let id = message.transaction_id();
        if datagram.sent {
            if let Some((because, ..)) = self.open.remove(&id) {
                self.evidence.add(frame.number, Finding::kept(EXPECTED_AGAIN).because(because));
            }
        } else if (self.when)(&frame, datagram, transaction) {
            if transaction.sends < MOST_SENDS && transaction.response.is_none() && self.open.len() < FOLLOWED {
                self.open.entry(id).or_insert((frame.number, frame.at, message.method()));
            }
        } else {
            // A response that counts ends the transaction.
            self.open.remove(&id);
        }
    }

    fn finish(mut self: Box<Self>, _: &Context) -> Judgement {
        for (frame, at, method) in self.open.values() {
            if at + LONGEST_INTERVAL < self.latest {
                self.evidence.add(*frame, Finding::broken(EXPECTED_AGAIN, format!("no {method} any more")));
            }
        }
        self.evidence.judgement()
    }
}

fn forged(frame: &Frame<'_>, datagram: &Datagram<'_>, transaction: &Transaction) -> bool {
    is_protected(&transaction.request()) && datagram.integrity(frame.known) == Some(false)
}

fn unprotected_400(_: &Frame<'_>, datagram: &Datagram<'_>, transaction: &Transaction) -> bool {
    let Some(response) = datagram.stun() else { return false };
    let bad_request = matches!(response.error_code(), Ok(Some(error)) if error.code == 400);
    let long_term = is_protected(&transaction.request()) && transaction.request().has(T::REALM);
    long_term && bad_request && !is_protected(response)
}
