//! Attributes that carry text: UTF-8 and how long it may be.

use super::sent;
use crate::check::finding::{Finding, each};
use crate::check::{Check, Context, Datagram, Frame, Level, applies};
use wire::stun::{AttributeType as T, Class, Message};

pub(super) const CHECKS: &[Check] = &[
    Check {
        id: "stun.username.length",
        clauses: &["RFC8489-14.3-1"],
        level: Level::Must,
        summary: "USERNAME is UTF-8 of fewer than 509 octets",
        applies: applies::stun_requester,
        judge: |_, _| each(|_: &Context, _: &Frame<'_>, datagram| of(datagram, Class::Request, T::USERNAME, Limit::Octets(509))),
    },
    Check {
        id: "stun.realm.length",
        clauses: &["RFC8489-14.9-1"],
        level: Level::Must,
        summary: "REALM is UTF-8 of fewer than 128 characters",
        applies: applies::stun_responder,
        judge: |_, _| each(|_: &Context, _: &Frame<'_>, datagram| of(datagram, Class::ErrorResponse, T::REALM, Limit::Characters(128))),
    },
    Check {
        id: "stun.nonce.length",
        clauses: &["RFC8489-14.10-1"],
        level: Level::Must,
        summary: "NONCE has fewer than 128 characters",
        applies: applies::stun_responder,
        judge: |_, _| each(|_: &Context, _: &Frame<'_>, datagram| of(datagram, Class::ErrorResponse, T::NONCE, Limit::Characters(128))),
    },
    Check {
        id: "stun.software.length",
        clauses: &["RFC8489-14.14-2"],
        level: Level::Must,
        summary: "SOFTWARE is UTF-8 of fewer than 128 characters",
        applies: applies::stun_agent,
        judge: |_, _| each(software),
    },
    Check {
        id: "stun.error-code.reason-length",
        clauses: &["RFC8489-14.8-1", "RFC8656-18.12-2"],
        level: Level::Must,
        summary: "reason phrases are UTF-8 of fewer than 128 characters",
        applies: applies::stun_responder,
        judge: |_, _| each(reason_phrase),
    },
];

enum Limit {
    Octets(usize),
    Characters(usize),
}

fn of(datagram: &Datagram<'_>, class: Class, kind: T, limit: Limit) -> Finding {
    let Some(message) = sent(datagram).filter(|message| message.class() == class) else { return Finding::Nothing };
    attribute(message, kind, 0, limit)
}

fn software(_: &Context, _: &Frame<'_>, datagram: &Datagram<'_>) -> Finding {
    sent(datagram).map_or(Finding::Nothing, |message| attribute(message, T::SOFTWARE, 0, Limit::Characters(128)))
}

fn reason_phrase(_: &Context, _: &Frame<'_>, datagram: &Datagram<'_>) -> Finding {
    let Some(message) = sent(datagram) else { return Finding::Nothing };
    match attribute(message, T::ERROR_CODE, 4, Limit::Characters(128)) {
        Finding::Nothing => attribute(message, T::ADDRESS_ERROR_CODE, 4, Limit::Characters(128)),
        finding => finding,
    }
}

/// Judges the text in an attribute behind its first `skip` octets.
fn attribute(message: &Message<'_>, kind: T, skip: usize, limit: Limit) -> Finding {
    let Some(octets) = message.attribute(kind).and_then(|attribute| attribute.value.get(skip..)) else { return Finding::Nothing };
    let Ok(text) = std::str::from_utf8(octets) else {
        return Finding::broken("UTF-8", format!("{kind} that is not UTF-8"));
    };
    let (length, limit, unit) = match limit {
        Limit::Octets(limit) => (octets.len(), limit, "octets"),
        Limit::Characters(limit) => (text.chars().count(), limit, "characters"),
    };
    if length < limit {
        Finding::kept(format!("{kind} of fewer than {limit} {unit}"))
    } else {
        Finding::broken(format!("fewer than {limit} {unit}"), format!("{kind} of {limit} {unit} or more"))
    }
}
