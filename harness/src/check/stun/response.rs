//! Responses: to whom they go, what they repeat, and what they have to carry.

use super::sent_response;
use crate::check::finding::{Finding, each};
use crate::check::{Check, Context, Datagram, Frame, Level, Transaction, applies};
use wire::stun::{AttributeType as T, Class, Digest, Message, Method};

pub(super) const CHECKS: &[Check] = &[
    Check {
        id: "stun.response.matches-request",
        clauses: &["RFC8489-5-6"],
        level: Level::Must,
        summary: "a response repeats transaction id and method of a request that was received; nothing else is answered",
        applies: applies::stun_responder,
        judge: |_, _| each(matches_request),
    },
    Check {
        id: "stun.response.addresses",
        clauses: &["RFC8489-6.3.1.2-u2"],
        level: Level::Unmarked,
        summary: "a response leaves from the address that the request was sent to and goes to the address that it came from",
        applies: applies::stun_responder,
        judge: |_, _| each(addresses),
    },
    Check {
        id: "stun.response.mapped-address",
        clauses: &["RFC8489-6.3.1.1-u14", "RFC8445-7.3.1.2-u1"],
        level: Level::Unmarked,
        summary: "a Binding success response carries XOR-MAPPED-ADDRESS with the source address of the request",
        applies: applies::stun_responder,
        judge: |_, _| each(mapped_address),
    },
    Check {
        id: "stun.response.error-code",
        clauses: &["RFC8489-6.3.1.1-1"],
        level: Level::Must,
        summary: "an error response carries ERROR-CODE",
        applies: applies::stun_responder,
        judge: |_, _| each(error_code),
    },
    Check {
        id: "stun.response.unknown-attributes",
        clauses: &["RFC8489-6.3.1.1-3", "RFC8489-14.8-10"],
        level: Level::Must,
        summary: "a 420 response lists in UNKNOWN-ATTRIBUTES what was not understood",
        applies: applies::stun_responder,
        judge: |_, _| each(unknown_attributes),
    },
    Check {
        id: "stun.response.comprehension-required",
        clauses: &["RFC8489-6.3.1-u1"],
        level: Level::Unmarked,
        summary: "a request with an unknown comprehension-required attribute gets 420",
        applies: applies::stun_responder,
        judge: |_, _| each(comprehension_required),
    },
    Check {
        id: "stun.response.integrity",
        clauses: &["RFC8489-9.1.3-11", "RFC8489-9.1.3-10", "RFC8489-9.2.4-26", "RFC8489-9.2.4-27", "RFC8489-6.3.1.1-4"],
        level: Level::Must,
        summary: "the success response to an authenticated request carries the integrity attribute of the request",
        applies: applies::stun_responder,
        judge: |_, _| each(integrity),
    },
];

fn matches_request(context: &Context, frame: &Frame<'_>, datagram: &Datagram<'_>) -> Finding {
    const EXPECTED: &str = "a response to a request that was received, with its transaction id and method";
    let Some(message) = sent_response(datagram) else { return Finding::Nothing };
    match datagram.before {
        None if !context.from_the_start || frame.known.forgot_early() => Finding::Nothing,
        None => Finding::broken(EXPECTED, format!("a {} {} that answers no request", message.method(), message.class())),
        Some(answered) if answered.class == Class::Indication => {
            Finding::broken(EXPECTED, format!("a {} {} to an indication", message.method(), message.class())).because(answered.first.0)
        }
        Some(answered) if answered.method != message.method() => {
            let observed = format!("a {} {} to a {} request", message.method(), message.class(), answered.method);
            Finding::broken(EXPECTED, observed).because(answered.first.0)
        }
        Some(_) => Finding::kept("responses to requests that were received"),
    }
}

/// Attributes that ask for a response along another way (RFC 5780 section 7, RFC 3489 section 11.2).
const DIVERTING: [T; 3] = [T::CHANGE_REQUEST, T::RESPONSE_PORT, T::RESPONSE_ADDRESS];

fn addresses(_: &Context, _: &Frame<'_>, datagram: &Datagram<'_>) -> Finding {
    const EXPECTED: &str = "a response along the way of its request, source and destination swapped";
    let (Some(message), Some(answered)) = (sent_response(datagram), datagram.before) else { return Finding::Nothing };
    if DIVERTING.iter().any(|kind| answered.request().has(*kind)) {
        return Finding::Nothing;
    }
    let wrong = match (answered.local == datagram.local, answered.remote == datagram.remote) {
        (true, true) if answered.through == datagram.through => return Finding::kept(EXPECTED),
        (true, true) => "through another relay than the request",
        (false, _) => "from another address than the request was sent to",
        (true, false) => "to another address than the request came from",
    };
    Finding::broken(EXPECTED, format!("a {} {} {wrong}", message.method(), message.class())).because(answered.last.0)
}

/// A Binding request that this success response answers. Requests of RFC 3489 get MAPPED-ADDRESS instead and are left out.
fn answered_binding<'d>(message: &Message<'_>, datagram: &'d Datagram<'_>) -> Option<&'d Transaction> {
    let wanted = message.class() == Class::SuccessResponse && message.method() == Method::BINDING;
    datagram.before.filter(|answered| wanted && answered.request().has_cookie())
}

fn mapped_address(_: &Context, _: &Frame<'_>, datagram: &Datagram<'_>) -> Finding {
    const EXPECTED: &str = "XOR-MAPPED-ADDRESS with the source address and port of the request";
    let Some(message) = sent_response(datagram) else { return Finding::Nothing };
    let Some(answered) = answered_binding(message, datagram) else { return Finding::Nothing };
    let observed = match message.xor_mapped_address() {
        Ok(Some(mapped)) if mapped == answered.remote => return Finding::kept(EXPECTED),
        Ok(Some(_)) => "XOR-MAPPED-ADDRESS with another address",
        Ok(None) => "no XOR-MAPPED-ADDRESS",
        Err(_) => "XOR-MAPPED-ADDRESS that cannot be read",
    };
    Finding::broken(EXPECTED, observed).because(answered.last.0)
}

fn error_code(_: &Context, _: &Frame<'_>, datagram: &Datagram<'_>) -> Finding {
    let Some(message) = sent_response(datagram).filter(|message| message.class() == Class::ErrorResponse) else { return Finding::Nothing };
    match message.has(T::ERROR_CODE) {
        true => Finding::kept("ERROR-CODE in error responses"),
        false => Finding::broken("ERROR-CODE", format!("a {} error response without it", message.method())),
    }
}

fn unknown_attributes(_: &Context, _: &Frame<'_>, datagram: &Datagram<'_>) -> Finding {
    const EXPECTED: &str = "UNKNOWN-ATTRIBUTES that lists attributes of the request which need comprehension";
    let (Some(message), Some(answered)) = (sent_response(datagram), datagram.before) else { return Finding::Nothing };
    if !matches!(message.error_code(), Ok(Some(error)) if error.code == 420) {
        return Finding::Nothing;
    }
    let unregistered = unregistered(&answered.request());
    let observed = match message.unknown_attributes() {
        Ok(Some(listed)) if !listed.is_empty() && unregistered.iter().all(|kind| listed.contains(kind)) => return Finding::kept(EXPECTED),
        Ok(Some(listed)) if listed.is_empty() => "an empty UNKNOWN-ATTRIBUTES",
        Ok(Some(_)) => "UNKNOWN-ATTRIBUTES without an attribute that nobody knows",
        Ok(None) => "420 without UNKNOWN-ATTRIBUTES",
        Err(_) => "UNKNOWN-ATTRIBUTES that cannot be read",
    };
    Finding::broken(EXPECTED, observed).because(answered.last.0)
}

/// Comprehension-required attributes that no registry knows, so that no implementation understands them.
fn unregistered(request: &Message<'_>) -> Vec<T> {
    request.unknown_comprehension_required(|kind| kind.name().is_some())
}

fn comprehension_required(_: &Context, _: &Frame<'_>, datagram: &Datagram<'_>) -> Finding {
    let (Some(message), Some(answered)) = (sent_response(datagram), datagram.before) else { return Finding::Nothing };
    let request = answered.request();
    if !request.defects().is_empty() || unregistered(&request).is_empty() {
        return Finding::Nothing;
    }
    match (message.class(), message.error_code()) {
        (Class::SuccessResponse, _) => {
            Finding::broken("420 (Unknown Attribute)", format!("a {} success response", message.method())).because(answered.last.0)
        }
        (_, Ok(Some(error))) if error.code == 420 => Finding::kept("420 for an unknown comprehension-required attribute"),
        // Other errors come first, above all those of authentication (RFC 8489 section 6.3).
        _ => Finding::Nothing,
    }
}

fn integrity(_: &Context, frame: &Frame<'_>, datagram: &Datagram<'_>) -> Finding {
    const EXPECTED: &str = "the integrity attribute that protected the request";
    let (Some(message), Some(answered)) = (sent_response(datagram), datagram.before) else { return Finding::Nothing };
    let request = answered.request();
    if message.class() != Class::SuccessResponse || !frame.known.is_authentic(answered) {
        return Finding::Nothing;
    }
    let has = |message: &Message<'_>, digest: Digest| message.has(digest.attribute());
    // A short-term request may carry both, and then SHA-256 decides. A long-term request that names no password algorithm counts as one with MD5.
    let fallback = request.has(T::REALM) && !request.has(T::PASSWORD_ALGORITHM) && !request.has(T::PASSWORD_ALGORITHMS);
    let wanted = if has(&request, Digest::Sha256) && !fallback { Digest::Sha256 } else { Digest::Sha1 };
    if has(message, wanted) {
        return Finding::kept(EXPECTED);
    }
    let observed = if has(message, Digest::Sha1) || has(message, Digest::Sha256) { "another integrity attribute" } else { "none" };
    Finding::broken(EXPECTED, format!("{observed} in a {} success response", message.method())).because(answered.last.0)
}
