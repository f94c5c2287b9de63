//! How a server asks for credentials and refuses wrong ones (RFC 8489 section 9.2.4, RFC 8656 section 7.2).

use crate::check::finding::{Evidence, Finding, each};
use crate::check::{Check, Context, Datagram, Frame, FrameEvent, Judge, Judgement, Level, Transaction, applies};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use wire::stun::{Attribute, AttributeType as T, Class, Message, Method, userhash};

pub(super) const CHECKS: &[Check] = &[
    Check {
        id: "turn.server.requires-credentials",
        clauses: &["RFC8656-7.2-2", "RFC8656-7.2-3", "RFC8489-9.2.4-2"],
        level: Level::Must,
        summary: "a request without an integrity attribute gets 401",
        applies: applies::turn_server,
        judge: |_, _| each(requires_credentials),
    },
    Check {
        id: "turn.server.challenge",
        clauses: &["RFC8489-9.2.4-3", "RFC8489-9.2.4-4", "RFC8489-9.2.4-14", "RFC8489-9.2.4-15", "RFC8489-9.2.4-21"],
        level: Level::Must,
        summary: "a 401 response carries REALM and NONCE",
        applies: applies::turn_server,
        judge: |_, _| each(|_: &Context, _: &Frame<'_>, datagram| carries_realm_and_nonce(datagram, 401)),
    },
    Check {
        id: "turn.server.stale-nonce",
        clauses: &["RFC8489-9.2.4-23"],
        level: Level::Must,
        summary: "a 438 response carries REALM and NONCE",
        applies: applies::turn_server,
        judge: |_, _| each(|_: &Context, _: &Frame<'_>, datagram| carries_realm_and_nonce(datagram, 438)),
    },
    Check {
        id: "turn.server.challenge-anonymous",
        clauses: &["RFC8489-9.2.4-9"],
        level: Level::Should,
        summary: "the 401 response to a request without credentials carries no user and no integrity attribute",
        applies: applies::turn_server,
        judge: |_, _| each(challenge_anonymous),
    },
    Check {
        id: "turn.server.nonce-cookie",
        clauses: &["RFC8489-9.2-1"],
        // Section 9.2 uses the cookie to show support of RFC 8489; a server of RFC 5389 and 5766 has none.
        level: Level::Should,
        summary: "NONCE begins with obMatJos2 and four characters that encode the security features",
        applies: applies::turn_server,
        judge: |_, _| each(nonce_cookie),
    },
    Check {
        id: "turn.server.nonce-per-client",
        clauses: &["RFC8489-9.2.4-5"],
        level: Level::Must,
        summary: "clients with different addresses or ports get different nonces",
        applies: applies::turn_server,
        judge: |_, _| Box::new(NoncePerClient::default()),
    },
    Check {
        id: "turn.server.missing-attributes",
        clauses: &["RFC8489-9.2.4-10"],
        level: Level::Must,
        summary: "a request with an integrity attribute and without user name, REALM or NONCE gets 400",
        applies: applies::turn_server,
        judge: |_, _| each(missing_attributes),
    },
    Check {
        id: "turn.server.unknown-user",
        clauses: &["RFC8489-9.2.4-13"],
        level: Level::Must,
        summary: "a request of an unknown user gets 401",
        applies: applies::turn_server,
        judge: |_, _| each(unknown_user),
    },
    Check {
        id: "turn.server.wrong-integrity",
        clauses: &["RFC8489-9.2.4-19", "RFC8489-9.2.4-20"],
        level: Level::Must,
        summary: "a request whose integrity attribute does not verify gets 401",
        applies: applies::turn_server,
        judge: |_, _| each(wrong_integrity),
    },
];

fn is_protected(message: &Message<'_>) -> bool {
    message.has(T::MESSAGE_INTEGRITY) || message.has(T::MESSAGE_INTEGRITY_SHA256)
}

fn is_turn_request(request: &Message<'_>) -> bool {
    matches!(request.method(), Method::ALLOCATE | Method::REFRESH | Method::CREATE_PERMISSION | Method::CHANNEL_BIND)
}

/// A response of the server to a well-formed TURN request.
fn answer<'d, 'a>(datagram: &'d Datagram<'a>) -> Option<(&'d Message<'a>, &'d Transaction)> {
    let response = datagram.stun().filter(|_| datagram.sent)?;
    let answered = datagram.before.filter(|answered| answered.class == Class::Request)?;
    (is_turn_request(&answered.request()) && answered.request().defects().is_empty()).then_some((response, answered))
}

/// The error code, where the message is an error response that has one.
fn code(message: &Message<'_>) -> Option<u16> {
    message.error_code().ok().flatten().filter(|_| message.class() == Class::ErrorResponse).map(|error| error.code)
}

/// What a request gets: the wanted code, success, which is wrong, or something else that may have reasons of its own.
fn gets(wanted: u16, response: &Message<'_>, answered: &Transaction, never: &[u16]) -> Finding {
    let expected = format!("{wanted} to {}", answered.method);
    match code(response) {
        Some(code) if code == wanted => Finding::kept(expected),
        Some(code) if never.contains(&code) => Finding::broken(expected, format!("{code} to {}", answered.method)).because(answered.last.0),
        None if response.class() == Class::SuccessResponse => {
            Finding::broken(expected, format!("success of {}", answered.method)).because(answered.last.0)
        }
        _ => Finding::Nothing,
    }
}

fn requires_credentials(context: &Context, _: &Frame<'_>, datagram: &Datagram<'_>) -> Finding {
    let Some((response, answered)) = answer(datagram).filter(|_| !context.credentials.is_empty()) else { return Finding::Nothing };
    if is_protected(&answered.request()) {
        return Finding::Nothing;
    }
    gets(401, response, answered, &[])
}

fn carries_realm_and_nonce(datagram: &Datagram<'_>, wanted: u16) -> Finding {
    let Some((response, answered)) = answer(datagram).filter(|(response, _)| code(response) == Some(wanted)) else {
        return Finding::Nothing;
    };
    let missing = match (response.has(T::REALM), response.has(T::NONCE)) {
        (true, true) => return Finding::kept("REALM and NONCE"),
        (false, true) => "REALM",
        (true, false) => "NONCE",
        (false, false) => "REALM and NONCE",
    };
    Finding::broken("REALM and NONCE", format!("{wanted} without {missing}")).because(answered.last.0)
}

fn challenge_anonymous(_: &Context, _: &Frame<'_>, datagram: &Datagram<'_>) -> Finding {
    const EXPECTED: &str = "neither user name nor integrity attribute in a challenge";
    let Some((response, answered)) = answer(datagram).filter(|(response, _)| code(response) == Some(401)) else { return Finding::Nothing };
    if is_protected(&answered.request()) {
        return Finding::Nothing;
    }
    match [T::USERNAME, T::USERHASH, T::MESSAGE_INTEGRITY, T::MESSAGE_INTEGRITY_SHA256].into_iter().find(|kind| response.has(*kind)) {
        None => Finding::kept(EXPECTED),
        Some(kind) => Finding::broken(EXPECTED, format!("{kind} in a challenge")).because(answered.last.0),
    }
}

fn nonce_cookie(_: &Context, _: &Frame<'_>, datagram: &Datagram<'_>) -> Finding {
    const EXPECTED: &str = "NONCE that begins with obMatJos2 and four base64 characters";
    let Some((response, answered)) = answer(datagram) else { return Finding::Nothing };
    let Ok(Some(nonce)) = response.nonce() else { return Finding::Nothing };
    let base64 = |character: char| character.is_ascii_alphanumeric() || "+/".contains(character);
    let cookie =
        nonce.strip_prefix("obMatJos2").is_some_and(|rest| rest.chars().take(4).filter(|character| base64(*character)).count() == 4);
    if cookie { Finding::kept(EXPECTED) } else { Finding::broken(EXPECTED, "NONCE without the cookie").because(answered.last.0) }
}

/// To whom each nonce was given.
#[derive(Default)]
struct NoncePerClient {
    given: BTreeMap<Vec<u8>, (SocketAddr, u32)>,
    clients: BTreeMap<SocketAddr, ()>,
    evidence: Evidence,
}

/// Nonces that are remembered at most.
const NONCES: usize = 4096;

impl Judge for NoncePerClient {
    fn frame(&mut self, _: &Context, frame: Frame<'_>) {
        const EXPECTED: &str = "a nonce of its own for every client address and port";
        let FrameEvent::Datagram(datagram) = frame.event else { return };
        let Some((response, _)) = answer(datagram) else { return };
        let Some(nonce) = response.attribute(T::NONCE).filter(|_| self.given.len() < NONCES) else { return };
        self.clients.insert(datagram.remote, ());
        let (client, because) = *self.given.entry(nonce.value.to_vec()).or_insert((datagram.remote, frame.number));
        if client != datagram.remote {
            self.evidence.add(frame.number, Finding::broken(EXPECTED, "one nonce for two clients").because(because));
        } else if self.clients.len() > 1 {
            self.evidence.add(frame.number, Finding::kept(EXPECTED));
        }
    }

    fn finish(self: Box<Self>, _: &Context) -> Judgement {
        self.evidence.judgement()
    }
}

fn missing_attributes(context: &Context, _: &Frame<'_>, datagram: &Datagram<'_>) -> Finding {
    let Some((response, answered)) = answer(datagram).filter(|_| !context.credentials.is_empty()) else { return Finding::Nothing };
    let request = answered.request();
    let user = request.has(T::USERNAME) || request.has(T::USERHASH);
    if !is_protected(&request) || user && request.has(T::REALM) && request.has(T::NONCE) {
        return Finding::Nothing;
    }
    gets(400, response, answered, &[401, 438])
}

/// Requests with all attributes of the mechanism.
fn complete<'d, 'a>(context: &Context, datagram: &'d Datagram<'a>) -> Option<(&'d Message<'a>, &'d Transaction)> {
    answer(datagram).filter(|(_, answered)| {
        let request = answered.request();
        let user = request.has(T::USERNAME) || request.has(T::USERHASH);
        !context.credentials.is_empty() && is_protected(&request) && user && request.has(T::REALM) && request.has(T::NONCE)
    })
}

fn unknown_user(context: &Context, _: &Frame<'_>, datagram: &Datagram<'_>) -> Finding {
    let Some((response, answered)) = complete(context, datagram) else { return Finding::Nothing };
    let request = answered.request();
    let known = match (request.username(), request.first(T::USERHASH)) {
        (Ok(Some(name)), _) => context.credentials.iter().any(|user| user.username == name),
        (_, Ok(Some(Attribute::Userhash(hash)))) => context.credentials.iter().any(|user| hash == userhash(&user.username, &user.realm)),
        _ => true,
    };
    if known { Finding::Nothing } else { gets(401, response, answered, &[]) }
}

fn wrong_integrity(context: &Context, frame: &Frame<'_>, datagram: &Datagram<'_>) -> Finding {
    let Some((response, answered)) = complete(context, datagram) else { return Finding::Nothing };
    if frame.known.request_integrity(answered) != Some(false) {
        return Finding::Nothing;
    }
    gets(401, response, answered, &[])
}
