//! The form of single messages: header, framing, padding, values of attributes.

use super::{named, sent};
use crate::check::finding::{Finding, each};
use crate::check::{Check, Context, Datagram, Frame, Level, applies};
use wire::Reason;
use wire::stun::{AttributeType as T, Class, Message, RawAttribute};

pub(super) const CHECKS: &[Check] = &[
    Check {
        id: "stun.header.leading-bits",
        clauses: &["RFC8489-5-1"],
        level: Level::Must,
        summary: "the two most significant bits of every STUN message are zero",
        applies: applies::stun_agent,
        judge: |_, _| each(leading_bits),
    },
    Check {
        id: "stun.header.magic-cookie",
        clauses: &["RFC8489-5-3"],
        level: Level::Must,
        summary: "every STUN message carries the magic cookie 0x2112A442",
        applies: applies::stun_agent,
        judge: |_, _| each(magic_cookie),
    },
    Check {
        id: "stun.header.length",
        clauses: &["RFC8489-5-7", "RFC8489-14-2"],
        level: Level::Must,
        summary: "the length field counts what follows the header, a multiple of four",
        applies: applies::stun_agent,
        judge: |_, _| each(length),
    },
    Check {
        id: "stun.attributes.framing",
        clauses: &["RFC8489-14-1", "RFC8489-14-2", "RFC8489-14-3", "RFC8656-18-1"],
        level: Level::Must,
        summary: "attributes have type, length and value and fill the message up to its end, each on a 32-bit boundary",
        applies: applies::stun_agent,
        judge: |_, _| each(framing),
    },
    Check {
        id: "stun.attributes.padding",
        clauses: &["RFC8489-14-4"],
        level: Level::Must,
        summary: "the padding of attributes is zero",
        applies: applies::stun_agent,
        judge: |_, _| each(padding),
    },
    Check {
        id: "stun.attributes.address-form",
        clauses: &["RFC8489-14.1-1", "RFC8489-14.1-2", "RFC8489-14.1-3"],
        level: Level::Must,
        summary: "address attributes hold 4 octets for IPv4 and 16 for IPv6 behind a zero octet and the family",
        applies: applies::stun_agent,
        judge: |_, _| each(address_form),
    },
    Check {
        id: "stun.attributes.turn-reserved-octets",
        clauses: &["RFC8656-18.1-1", "RFC8656-18.6-1", "RFC8656-18.8-1", "RFC8656-18.12-1", "RFC8656-18.13-1"],
        level: Level::Must,
        summary: "reserved octets of TURN attributes are zero",
        applies: applies::stun_agent,
        judge: |_, _| each(turn_reserved_octets),
    },
    Check {
        id: "stun.error-code.form",
        clauses: &["RFC8489-14.8-4", "RFC8489-14.8-5"],
        level: Level::Must,
        summary: "ERROR-CODE has a class from 3 to 6 and a number from 0 to 99",
        applies: applies::stun_responder,
        judge: |_, _| each(error_code_form),
    },
    Check {
        id: "stun.error-code.reserved-bits",
        clauses: &["RFC8489-14.8-2"],
        level: Level::Should,
        summary: "the reserved bits of ERROR-CODE are zero",
        applies: applies::stun_responder,
        judge: |_, _| each(error_code_reserved_bits),
    },
];

fn leading_bits(_: &Context, _: &Frame<'_>, datagram: &Datagram<'_>) -> Finding {
    let Some(message) = sent(datagram) else { return Finding::Nothing };
    if message.message_type() & 0xC000 == 0 {
        Finding::kept("two leading zero bits")
    } else {
        Finding::broken("two leading zero bits", format!("a {} whose leading bits are not zero", named(message)))
    }
}

fn magic_cookie(_: &Context, _: &Frame<'_>, datagram: &Datagram<'_>) -> Finding {
    let Some(message) = sent(datagram) else { return Finding::Nothing };
    if message.has_cookie() {
        return Finding::kept("the magic cookie in octets 4 to 7");
    }
    // The response to a request of RFC 3489 repeats all 128 bits of its transaction id.
    let old = message.class() != Class::Request && datagram.before.is_some_and(|transaction| !transaction.request().has_cookie());
    if old { Finding::Nothing } else { Finding::broken("the magic cookie in octets 4 to 7", format!("a {} without it", named(message))) }
}

fn length(_: &Context, _: &Frame<'_>, datagram: &Datagram<'_>) -> Finding {
    let Some(message) = sent(datagram) else { return Finding::Nothing };
    let wrong = message.defects().iter().find_map(|defect| match defect.reason {
        Reason::Length { .. } => Some("does not count the octets that follow the header"),
        Reason::Alignment { .. } => Some("is no multiple of four"),
        _ => None,
    });
    match wrong {
        None => Finding::kept("a length that counts what follows the header"),
        Some(wrong) => {
            let expected = "a length that counts the octets behind the header, a multiple of four";
            Finding::broken(expected, format!("a {} whose length field {wrong}", named(message)))
        }
    }
}

fn framing(_: &Context, _: &Frame<'_>, datagram: &Datagram<'_>) -> Finding {
    let Some(message) = sent(datagram) else { return Finding::Nothing };
    let cut = message.defects().iter().find_map(|defect| match defect.reason {
        Reason::Truncated { what, .. } => Some(what),
        _ => None,
    });
    match cut {
        Some(what) => Finding::broken("attributes that end with the message", format!("a {} that ends within an {what}", named(message))),
        None if message.attributes().next().is_some() => Finding::kept("attributes that end with the message"),
        None => Finding::Nothing,
    }
}

fn padding(_: &Context, _: &Frame<'_>, datagram: &Datagram<'_>) -> Finding {
    let Some(message) = sent(datagram) else { return Finding::Nothing };
    let mut finding = Finding::Nothing;
    for attribute in message.attributes().filter(|attribute| !attribute.padding.is_empty()) {
        if attribute.padding.iter().any(|octet| *octet != 0) {
            return Finding::broken("padding of zeros", format!("{} of a {} with other padding", attribute.kind, named(message)));
        }
        finding = Finding::kept("padding of zeros");
    }
    finding
}

/// Attributes in the form of MAPPED-ADDRESS (RFC 8489 sections 14.1, 14.2 and 14.15, RFC 8656 section 18, RFC 5780 section 7).
const ADDRESSES: [T; 7] = [
    T::MAPPED_ADDRESS,
    T::XOR_MAPPED_ADDRESS,
    T::XOR_PEER_ADDRESS,
    T::XOR_RELAYED_ADDRESS,
    T::ALTERNATE_SERVER,
    T::RESPONSE_ORIGIN,
    T::OTHER_ADDRESS,
];

fn address_form(_: &Context, _: &Frame<'_>, datagram: &Datagram<'_>) -> Finding {
    const EXPECTED: &str = "a zero octet, the family and an address of its length";
    let Some(message) = sent(datagram) else { return Finding::Nothing };
    let mut finding = Finding::Nothing;
    for attribute in message.attributes().filter(|attribute| ADDRESSES.contains(&attribute.kind)) {
        let wrong = match attribute.decode(message.transaction_id()) {
            Err(_) => Some("with a family or length that does not exist"),
            Ok(_) if attribute.value[0] != 0 => Some("whose first octet is not zero"),
            Ok(_) => None,
        };
        match wrong {
            Some(wrong) => return Finding::broken(EXPECTED, format!("{} of a {} {wrong}", attribute.kind, named(message))),
            None => finding = Finding::kept(EXPECTED),
        }
    }
    finding
}

/// Attributes with reserved octets: which of the value they are.
const RESERVED: [(T, &[usize]); 5] = [
    (T::CHANNEL_NUMBER, &[2, 3]),
    (T::REQUESTED_ADDRESS_FAMILY, &[1, 2, 3]),
    (T::REQUESTED_TRANSPORT, &[1, 2, 3]),
    (T::ADDRESS_ERROR_CODE, &[1]),
    (T::ICMP, &[0, 1]),
];

fn turn_reserved_octets(_: &Context, _: &Frame<'_>, datagram: &Datagram<'_>) -> Finding {
    let Some(message) = sent(datagram) else { return Finding::Nothing };
    let mut finding = Finding::Nothing;
    for attribute in message.attributes() {
        let Some((_, octets)) = RESERVED.iter().find(|(kind, _)| *kind == attribute.kind) else { continue };
        if octets.iter().any(|at| attribute.value.get(*at).is_some_and(|octet| *octet != 0)) {
            return Finding::broken("reserved octets of zero", format!("{} of a {} with others", attribute.kind, named(message)));
        }
        finding = Finding::kept("reserved octets of zero");
    }
    finding
}

/// The ERROR-CODE of an error response that the subject sent, where it is long enough to hold a code.
fn sent_error_code<'a>(datagram: &Datagram<'a>) -> Option<RawAttribute<'a>> {
    let message: &Message<'a> = sent(datagram).filter(|message| message.class() == Class::ErrorResponse)?;
    message.attribute(T::ERROR_CODE).filter(|attribute| attribute.value.len() >= 4)
}

fn error_code_form(_: &Context, _: &Frame<'_>, datagram: &Datagram<'_>) -> Finding {
    let Some(attribute) = sent_error_code(datagram) else { return Finding::Nothing };
    let (class, number) = (attribute.value[2] & 0x07, attribute.value[3]);
    if (3..=6).contains(&class) && number <= 99 {
        Finding::kept("a class from 3 to 6 and a number from 0 to 99")
    } else {
        Finding::broken("a class from 3 to 6 and a number from 0 to 99", format!("class {class}, number {number}"))
    }
}

fn error_code_reserved_bits(_: &Context, _: &Frame<'_>, datagram: &Datagram<'_>) -> Finding {
    let Some(attribute) = sent_error_code(datagram) else { return Finding::Nothing };
    if attribute.value[..2] == [0, 0] && attribute.value[2] & 0xF8 == 0 {
        Finding::kept("21 reserved bits of zero")
    } else {
        Finding::broken("21 reserved bits of zero", "other reserved bits in ERROR-CODE")
    }
}
