//! How a client uses long-term credentials (RFC 8489 sections 9.2.3 and 9.2.5, RFC 8656 section 7.4).

use super::client_state::{Challenge, ClientSide, is_protected, is_turn, knowing_client, value};
use crate::check::finding::{Evidence, Finding};
use crate::check::{Check, Context, Datagram, Frame, FrameEvent, Judge, Judgement, Level, applies};
use iut::{Ns, SECOND};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use wire::stun::{AttributeType as T, Class, Message, Method};

pub(super) const CHECKS: &[Check] = &[
    Check {
        id: "turn.client.first-request",
        clauses: &["RFC8489-9.2.3.1-1"],
        level: Level::Must,
        summary: "the first request to a server carries no credential, realm, nonce or integrity attribute",
        applies: applies::turn_client,
        judge: |_, _| knowing_client(first_request),
    },
    Check {
        id: "turn.client.retry-after-401",
        clauses: &["RFC8489-9.2.5-4", "RFC8489-9.2.5-6", "RFC8489-9.2.5-7"],
        level: Level::Must,
        summary: "the retry after 401 carries a user name, and REALM and NONCE as the server sent them",
        applies: applies::turn_client,
        judge: |_, _| knowing_client(|frame, datagram, client| retry(frame, datagram, client, 401)),
    },
    Check {
        id: "turn.client.retry-after-438",
        clauses: &["RFC8489-9.2.5-12", "RFC8489-9.2.5-13"],
        level: Level::Must,
        summary: "after 438 the request is sent again with the new NONCE, user name, REALM and an integrity attribute",
        applies: applies::turn_client,
        judge: |_, _| Box::new(StaleNonce::default()),
    },
    Check {
        id: "turn.client.cached-credentials",
        clauses: &["RFC8489-9.2.3.2-2", "RFC8489-9.2.3.2-3"],
        level: Level::Must,
        summary: "later requests carry user name, REALM, NONCE and an integrity attribute",
        applies: applies::turn_client,
        judge: |_, _| knowing_client(cached_credentials),
    },
    Check {
        id: "turn.client.refused-credentials",
        clauses: &["RFC8489-9.2.5-11"],
        level: Level::Must,
        summary: "a request that was refused with 401 is not repeated with the same user and realm",
        applies: applies::turn_client,
        judge: |_, _| Box::new(Refused { codes: &[401], evidence: Evidence::default(), refused: BTreeMap::new() }),
    },
    Check {
        id: "turn.client.no-repeat",
        clauses: &["RFC8656-7.4-3", "RFC8656-7.4-6", "RFC8656-7.4-11", "RFC8656-7.4-12", "RFC8656-7.4-13", "RFC8489-14.8-8"],
        level: Level::Should,
        summary: "after 400, 403, 440, 441 and 442 an Allocate is not repeated as it was",
        applies: applies::turn_client,
        judge: |_, _| Box::new(Refused { codes: &[400, 403, 440, 441, 442], evidence: Evidence::default(), refused: BTreeMap::new() }),
    },
];

/// A new TURN request of the subject.
fn new_request<'d, 'a>(datagram: &'d Datagram<'a>) -> Option<&'d Message<'a>> {
    let request = datagram.stun().filter(|message| datagram.sent && message.class() == Class::Request && is_turn(message.method()))?;
    datagram.before.is_none().then_some(request)
}

fn has_user(request: &Message<'_>) -> bool {
    request.has(T::USERNAME) || request.has(T::USERHASH)
}

fn first_request(_: &Frame<'_>, datagram: &Datagram<'_>, client: &ClientSide) -> Finding {
    const EXPECTED: &str = "a first request without credentials";
    let Some(request) = new_request(datagram).filter(|_| !client.knows(datagram.remote)) else { return Finding::Nothing };
    let early = [T::USERNAME, T::USERHASH, T::REALM, T::NONCE, T::PASSWORD_ALGORITHM, T::MESSAGE_INTEGRITY, T::MESSAGE_INTEGRITY_SHA256];
    match early.into_iter().find(|kind| request.has(*kind)) {
        None => Finding::kept(EXPECTED),
        Some(kind) => Finding::broken(EXPECTED, format!("{kind} in the first {} to a server", request.method())),
    }
}

/// What a request after a challenge lacks.
fn lacks(request: &Message<'_>, challenge: &Challenge) -> Option<&'static str> {
    let differs = |kind, wanted: &Option<Vec<u8>>| wanted.is_some() && value(request, kind) != *wanted;
    if !has_user(request) {
        Some("without a user name")
    } else if differs(T::REALM, &challenge.realm) {
        Some("without the REALM of the server")
    } else if !challenge.has_nonce(&value(request, T::NONCE)) {
        Some("without the NONCE of the server")
    } else if !is_protected(request) {
        Some("without an integrity attribute")
    } else {
        None
    }
}

fn retry(_: &Frame<'_>, datagram: &Datagram<'_>, client: &ClientSide, code: u16) -> Finding {
    const EXPECTED: &str = "a user name, and REALM and NONCE as the server sent them";
    let Some(request) = new_request(datagram) else { return Finding::Nothing };
    let challenge = client.challenge((datagram.local, datagram.remote)).filter(|challenge| challenge.code == code);
    let Some(challenge) = challenge.filter(|challenge| challenge.method == request.method()) else { return Finding::Nothing };
    match lacks(request, challenge) {
        None => Finding::kept(EXPECTED),
        Some(what) => Finding::broken(EXPECTED, format!("{} after {code} {what}", request.method())).because(challenge.frame),
    }
}

fn cached_credentials(_: &Frame<'_>, datagram: &Datagram<'_>, client: &ClientSide) -> Finding {
    const EXPECTED: &str = "user name, REALM, NONCE and an integrity attribute";
    let tuple = (datagram.local, datagram.remote);
    let Some(request) = new_request(datagram).filter(|_| client.allocations.of(tuple).is_some()) else { return Finding::Nothing };
    let Some(challenge) = client.challenge(tuple) else { return Finding::Nothing };
    let complete = has_user(request) && request.has(T::REALM) && request.has(T::NONCE) && is_protected(request);
    match complete {
        true => Finding::kept(EXPECTED),
        false => Finding::broken(EXPECTED, format!("{} without some of them", request.method())).because(challenge.frame),
    }
}

/// How soon a client tries again: it has nothing to wait for.
const PATIENCE: Ns = 5 * SECOND;

/// The client's address, the server, and the method.
type Key = (SocketAddr, SocketAddr, Method);

/// A 438 response: its frame, when, and the new nonce.
type Stale = (u32, Ns, Option<Vec<u8>>);

/// Requests that were refused with 438 and wait for their repetition, by server and method.
#[derive(Default)]
struct StaleNonce {
    open: BTreeMap<Key, Stale>,
    latest: Ns,
    evidence: Evidence,
}

const EXPECTED_RETRY: &str = "the request again, with the new NONCE, user name, REALM and an integrity attribute";

impl StaleNonce {
    fn datagram(&mut self, frame: &Frame<'_>, datagram: &Datagram<'_>) {
        let Some(message) = datagram.stun().filter(|message| is_turn(message.method())) else { return };
        let key = (datagram.local, datagram.remote, message.method());
        let stale = !datagram.sent && matches!(message.error_code(), Ok(Some(error)) if error.code == 438);
        if let Some(answered) = datagram.before.filter(|answered| stale && answered.by_subject && answered.response.is_none()) {
            // A deletion that meets a stale nonce may be given up with the rest.
            let deletes = matches!(answered.request().lifetime(), Ok(Some(0)));
            if !deletes && message.has(T::NONCE) && self.open.len() < 256 {
                self.open.insert(key, (frame.number, frame.at, value(message, T::NONCE)));
            }
        } else if let Some(request) = new_request(datagram)
            && let Some((because, _, nonce)) = self.open.remove(&key)
        {
            let complete = has_user(request) && request.has(T::REALM) && is_protected(request);
            let finding = match (value(request, T::NONCE) == nonce, complete) {
                (true, true) => Finding::kept(EXPECTED_RETRY),
                (false, _) => {
                    Finding::broken(EXPECTED_RETRY, format!("{} with another NONCE than that of the 438 response", request.method()))
                }
                (true, false) => Finding::broken(EXPECTED_RETRY, format!("{} without some of them", request.method())),
            };
            self.evidence.add(frame.number, finding.because(because));
        }
    }
}

impl Judge for StaleNonce {
    fn frame(&mut self, context: &Context, frame: Frame<'_>) {
        self.latest = frame.at;
        match frame.event {
            FrameEvent::Datagram(datagram) if context.from_the_start => self.datagram(&frame, datagram),
            // Whoever ends the session has no need of the request any more.
            FrameEvent::Api(iut::ApiEvent::Connection(iut::ConnectionState::Closed)) => self.open.clear(),
            _ => {}
        }
    }

    fn finish(mut self: Box<Self>, _: &Context) -> Judgement {
        for ((_, _, method), (frame, at, _)) in &self.open {
            if at + PATIENCE < self.latest {
                self.evidence.add(*frame, Finding::broken(EXPECTED_RETRY, format!("no {method} after 438")));
            }
        }
        self.evidence.judgement()
    }
}

/// What was refused on a 5-tuple: with which code, when, and the attributes that a repetition has to change.
struct Refusal {
    frame: u32,
    at: Ns,
    code: u16,
    attributes: Vec<(T, Vec<u8>)>,
}

/// Looks for requests that are repeated although the server refused them for good. Only what follows at once counts: later the user may ask anew.
struct Refused {
    codes: &'static [u16],
    refused: BTreeMap<Key, Refusal>,
    evidence: Evidence,
}

impl Refused {
    /// The attributes in which a repetition must differ: for 401 user and realm, otherwise all but what belongs to one message.
    fn signature(code: u16, request: &Message<'_>) -> Vec<(T, Vec<u8>)> {
        let fresh = [T::MESSAGE_INTEGRITY, T::MESSAGE_INTEGRITY_SHA256, T::FINGERPRINT, T::NONCE];
        let counts = |kind: T| if code == 401 { matches!(kind, T::USERNAME | T::USERHASH | T::REALM) } else { !fresh.contains(&kind) };
        let attributes = request.heeded_attributes().filter(|attribute| counts(attribute.kind));
        attributes.map(|attribute| (attribute.kind, attribute.value.to_vec())).collect()
    }

    fn datagram(&mut self, frame: &Frame<'_>, datagram: &Datagram<'_>) {
        let Some(message) = datagram.stun().filter(|message| is_turn(message.method())) else { return };
        let key = (datagram.local, datagram.remote, message.method());
        if let Some(request) = new_request(datagram) {
            let Some(refusal) = self.refused.remove(&key) else { return };
            let repeated = Self::signature(refusal.code, request) == refusal.attributes && frame.at < refusal.at + PATIENCE;
            let expected = "no repetition of what was refused";
            self.evidence.add(
                frame.number,
                match repeated {
                    false => Finding::kept(expected),
                    true => Finding::broken(expected, format!("the same {} again after {}", message.method(), refusal.code))
                        .because(refusal.frame),
                },
            );
            return;
        }
        let code = message.error_code().ok().flatten().map_or(0, |error| error.code);
        let answered = datagram.before.filter(|answered| !datagram.sent && answered.by_subject && answered.response.is_none());
        let Some(request) = answered.map(crate::check::Transaction::request).filter(|_| self.codes.contains(&code)) else { return };
        // A 401 to a request without credentials is a challenge. The other codes concern Allocate.
        let concerns = if code == 401 { is_protected(&request) } else { request.method() == Method::ALLOCATE };
        if concerns && self.refused.len() < 256 {
            let refusal = Refusal { frame: frame.number, at: frame.at, code, attributes: Self::signature(code, &request) };
            self.refused.insert(key, refusal);
        }
    }
}

impl Judge for Refused {
    fn frame(&mut self, context: &Context, frame: Frame<'_>) {
        if let FrameEvent::Datagram(datagram) = frame.event
            && context.from_the_start
        {
            self.datagram(&frame, datagram);
        }
    }

    fn finish(mut self: Box<Self>, _: &Context) -> Judgement {
        // A client that stays silent after a refusal has kept the clause as well.
        for refusal in self.refused.values() {
            self.evidence.add(refusal.frame, Finding::kept("no repetition of what was refused"));
        }
        self.evidence.judgement()
    }
}
