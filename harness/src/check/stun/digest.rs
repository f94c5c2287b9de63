//! FINGERPRINT and the integrity attributes.

use super::{named, sent};
use crate::check::finding::{Finding, each};
use crate::check::{Check, Context, Datagram, Frame, Level, applies};
use wire::stun::{AttributeType as T, Integrity};

pub(super) const CHECKS: &[Check] = &[
    Check {
        id: "stun.fingerprint.last",
        clauses: &["RFC8489-14.7-2"],
        level: Level::Must,
        summary: "FINGERPRINT, where present, is the last attribute",
        applies: applies::stun_agent,
        judge: |_, _| each(fingerprint_last),
    },
    Check {
        id: "stun.fingerprint.value",
        clauses: &["RFC8489-14.7-u10"],
        level: Level::Unmarked,
        summary: "FINGERPRINT is the CRC-32 of the message before it, XORed with 0x5354554E",
        applies: applies::stun_agent,
        judge: |_, _| each(fingerprint_value),
    },
    Check {
        id: "stun.integrity.order",
        clauses: &["RFC8489-9-1", "RFC8489-9-2"],
        // The clauses bind the receiver. A sender that breaks them sends attributes that nobody may heed, which can be called careless or pointless.
        level: Level::Should,
        summary: "nothing but MESSAGE-INTEGRITY-SHA256 and FINGERPRINT follows an integrity attribute",
        applies: applies::stun_agent,
        judge: |_, _| each(integrity_order),
    },
    Check {
        id: "stun.integrity.value",
        clauses: &["RFC8489-14.5-u11", "RFC8489-14.6-u14"],
        level: Level::Unmarked,
        summary: "integrity attributes are the HMAC of the message before them, with the key that both sides know",
        applies: applies::stun_agent,
        judge: |_, _| each(integrity_value),
    },
    Check {
        id: "stun.integrity.sha256-length",
        clauses: &["RFC8489-14.6-1"],
        level: Level::Must,
        summary: "MESSAGE-INTEGRITY-SHA256 is 16 to 32 octets long, in steps of four",
        applies: applies::stun_agent,
        judge: |_, _| each(sha256_length),
    },
];

fn fingerprint_last(_: &Context, _: &Frame<'_>, datagram: &Datagram<'_>) -> Finding {
    let Some(message) = sent(datagram) else { return Finding::Nothing };
    let mut behind = message.attributes().skip_while(|attribute| attribute.kind != T::FINGERPRINT).skip(1);
    match (message.attributes().any(|attribute| attribute.kind == T::FINGERPRINT), behind.next()) {
        (false, _) => Finding::Nothing,
        (true, None) => Finding::kept("FINGERPRINT at the end"),
        (true, Some(next)) => {
            Finding::broken("FINGERPRINT at the end", format!("{} behind FINGERPRINT in a {}", next.kind, named(message)))
        }
    }
}

fn fingerprint_value(_: &Context, _: &Frame<'_>, datagram: &Datagram<'_>) -> Finding {
    let Some(message) = sent(datagram) else { return Finding::Nothing };
    match message.verify_fingerprint() {
        Integrity::Absent => Finding::Nothing,
        Integrity::Valid => Finding::kept("a FINGERPRINT that verifies"),
        Integrity::Mismatch | Integrity::WrongLength => {
            Finding::broken("a FINGERPRINT that verifies", format!("a {} whose FINGERPRINT does not", named(message)))
        }
    }
}

fn integrity_order(_: &Context, _: &Frame<'_>, datagram: &Datagram<'_>) -> Finding {
    let Some(message) = sent(datagram) else { return Finding::Nothing };
    let integrity = |kind| matches!(kind, T::MESSAGE_INTEGRITY | T::MESSAGE_INTEGRITY_SHA256);
    let mut behind = message.attributes().skip_while(|attribute| !integrity(attribute.kind)).peekable();
    if behind.peek().is_none() {
        return Finding::Nothing;
    }
    match behind.find(|attribute| !integrity(attribute.kind) && attribute.kind != T::FINGERPRINT) {
        None => Finding::kept("integrity attributes at the end"),
        Some(late) => {
            let expected = "attributes before the integrity attribute, where receivers heed them";
            Finding::broken(expected, format!("{} behind the integrity attribute of a {}", late.kind, named(message)))
        }
    }
}

fn integrity_value(_: &Context, frame: &Frame<'_>, datagram: &Datagram<'_>) -> Finding {
    let Some(message) = sent(datagram) else { return Finding::Nothing };
    match datagram.integrity(frame.known) {
        None => Finding::Nothing,
        Some(true) => Finding::kept("an integrity attribute that verifies"),
        Some(false) => {
            let expected = "an integrity attribute that verifies with the password of the user";
            Finding::broken(expected, format!("a {} whose integrity attribute does not verify", named(message)))
        }
    }
}

fn sha256_length(_: &Context, _: &Frame<'_>, datagram: &Datagram<'_>) -> Finding {
    let Some(attribute) = sent(datagram).and_then(|message| message.attribute(T::MESSAGE_INTEGRITY_SHA256)) else {
        return Finding::Nothing;
    };
    let length = attribute.value.len();
    if (16..=32).contains(&length) && length.is_multiple_of(4) {
        Finding::kept("a length from 16 to 32, a multiple of four")
    } else {
        Finding::broken("a length from 16 to 32, a multiple of four", format!("{length} octets"))
    }
}
