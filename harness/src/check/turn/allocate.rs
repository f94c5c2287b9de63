//! What a server does with Allocate and Refresh (RFC 8656 sections 6 to 8).

use super::allocation::{Allocations, LIFETIME, Life};
use super::rule::{Want, knowing_allocations, rule};
use crate::check::finding::{Finding, each};
use crate::check::{Check, Context, Datagram, Frame, Level, Transaction, applies};
use wire::stun::{AddressFamily, AttributeType as T, Class, Message, Method};

pub(super) const CHECKS: &[Check] = &[
    Check {
        id: "turn.allocate.relayed-address",
        clauses: &["RFC8656-7.2-6"],
        level: Level::Must,
        summary: "a successful Allocate yields XOR-RELAYED-ADDRESS of the family that was asked for, IPv4 by default",
        applies: applies::turn_server,
        judge: |_, _| each(relayed_address),
    },
    Check {
        id: "turn.allocate.unique-address",
        clauses: &["RFC8656-6-1"],
        level: Level::Must,
        summary: "no two allocations share a relayed transport address",
        applies: applies::turn_server,
        judge: |_, _| knowing_allocations(unique_address),
    },
    Check {
        id: "turn.allocate.port-range",
        clauses: &["RFC8656-7.2-11", "RFC8656-7.2-12"],
        level: Level::Should,
        summary: "relayed ports come from 49152 to 65535",
        applies: applies::turn_server,
        judge: |_, _| each(port_range),
    },
    Check {
        id: "turn.allocate.even-port",
        clauses: &["RFC8656-7.2-u43", "RFC8656-7.2-u44"],
        level: Level::Unmarked,
        summary: "EVEN-PORT yields an even relayed port, and with the R bit a reservation token",
        applies: applies::turn_server,
        judge: |_, _| each(even_port),
    },
    Check {
        id: "turn.allocate.lifetime",
        clauses: &["RFC8656-6-u18", "RFC8656-7.2-u57", "RFC8656-7.2-u58", "RFC8656-8.2-u6", "RFC8656-8.2-u11"],
        level: Level::Unmarked,
        summary: "Allocate and Refresh grant 600 s, or up to what was asked for beyond that, and say so in LIFETIME",
        applies: applies::turn_server,
        judge: |_, _| each(lifetime),
    },
    Check {
        id: "turn.allocate.lifetime-maximum",
        clauses: &["RFC8656-7.2-14"],
        level: Level::Should,
        summary: "no lifetime beyond an hour is granted",
        applies: applies::turn_server,
        judge: |_, _| each(lifetime_maximum),
    },
    Check {
        id: "turn.allocate.in-use",
        clauses: &["RFC8656-7.2-u7"],
        level: Level::Unmarked,
        summary: "a new Allocate on a 5-tuple that has an allocation gets 437",
        applies: applies::turn_server,
        judge: |_, _| {
            rule(|situation| situation.is(Method::ALLOCATE) && situation.sends == 1 && situation.has_allocation(), Want::Error(437), &[])
        },
    },
    Check {
        id: "turn.allocate.transport-missing",
        clauses: &["RFC8656-7.2-u9"],
        level: Level::Unmarked,
        summary: "an Allocate without REQUESTED-TRANSPORT gets 400",
        applies: applies::turn_server,
        judge: |_, _| {
            rule(
                |situation| situation.is(Method::ALLOCATE) && situation.has_no_allocation() && !situation.has(T::REQUESTED_TRANSPORT),
                Want::Error(400),
                &[401, 437, 442],
            )
        },
    },
    Check {
        id: "turn.allocate.transport-unsupported",
        clauses: &["RFC8656-7.2-u10"],
        level: Level::Unmarked,
        summary: "an Allocate for a transport other than UDP and TCP gets 442",
        applies: applies::turn_server,
        judge: |_, _| {
            rule(
                |situation| {
                    let strange = matches!(situation.request.requested_transport(), Ok(Some(protocol)) if !matches!(protocol, 6 | 17));
                    situation.is(Method::ALLOCATE) && situation.has_no_allocation() && strange
                },
                Want::Error(442),
                &[401, 437],
            )
        },
    },
    Check {
        id: "turn.allocate.contradictions",
        clauses: &["RFC8656-7.2-u14", "RFC8656-7.2-u18", "RFC8656-7.2-u23", "RFC8656-7.2-u27"],
        level: Level::Unmarked,
        summary: "an Allocate whose attributes exclude each other gets 400",
        applies: applies::turn_server,
        judge: |_, _| {
            rule(
                |situation| situation.is(Method::ALLOCATE) && situation.has_no_allocation() && contradicts(&situation.request),
                Want::Error(400),
                &[],
            )
        },
    },
    Check {
        id: "turn.refresh.deletes",
        clauses: &["RFC8656-8.2-u8"],
        level: Level::Unmarked,
        summary: "a Refresh with lifetime 0 succeeds and deletes the allocation",
        applies: applies::turn_server,
        judge: |_, _| {
            rule(
                |situation| {
                    let deletes = matches!(situation.request.lifetime(), Ok(Some(0))) && !situation.has(T::REQUESTED_ADDRESS_FAMILY);
                    let owner = situation
                        .allocation
                        .is_some_and(|allocation| allocation.username.as_deref() == situation.request.username().ok().flatten());
                    situation.is(Method::REFRESH) && deletes && owner && situation.has_allocation()
                },
                Want::Success,
                &[400, 401, 403, 437, 441],
            )
        },
    },
];

/// A success response of this method that the server sent, and what it answers.
fn success<'d, 'a>(datagram: &'d Datagram<'a>, method: Method) -> Option<(&'d Message<'a>, &'d Transaction)> {
    let response =
        datagram.stun().filter(|message| datagram.sent && message.class() == Class::SuccessResponse && message.method() == method)?;
    Some((response, datagram.before?))
}

fn relayed_address(_: &Context, _: &Frame<'_>, datagram: &Datagram<'_>) -> Finding {
    const EXPECTED: &str = "XOR-RELAYED-ADDRESS of the family that was asked for";
    let Some((response, answered)) = success(datagram, Method::ALLOCATE) else { return Finding::Nothing };
    let request = answered.request();
    let wanted = request.requested_address_family().ok().flatten().unwrap_or(AddressFamily::IPV4);
    // A reserved address has the family of its reservation, and a dual allocation may come in parts.
    let free = request.has(T::RESERVATION_TOKEN) || request.has(T::ADDITIONAL_ADDRESS_FAMILY);
    let observed = match response.xor_relayed_address() {
        Ok(Some(relayed)) if free || AddressFamily::of(relayed.ip()) == wanted => return Finding::kept(EXPECTED),
        Ok(Some(_)) => "XOR-RELAYED-ADDRESS of another family",
        Ok(None) => "no XOR-RELAYED-ADDRESS",
        Err(_) => "XOR-RELAYED-ADDRESS that cannot be read",
    };
    Finding::broken(EXPECTED, observed).because(answered.last.0)
}

fn unique_address(frame: &Frame<'_>, datagram: &Datagram<'_>, allocations: &Allocations) -> Finding {
    const EXPECTED: &str = "a relayed transport address for each allocation";
    let Some((response, _)) = success(datagram, Method::ALLOCATE) else { return Finding::Nothing };
    let mut finding = Finding::Nothing;
    for relayed in response.xor_relayed_addresses().flatten() {
        let other = |(tuple, allocation): (_, &super::allocation::Allocation)| {
            tuple != (datagram.local, datagram.remote) && allocation.life(frame.at) == Life::Alive && allocation.relayed.contains(&relayed)
        };
        if allocations.iter().any(other) {
            return Finding::broken(EXPECTED, "the relayed transport address of another allocation");
        }
        finding = Finding::kept(EXPECTED);
    }
    finding
}

fn port_range(_: &Context, _: &Frame<'_>, datagram: &Datagram<'_>) -> Finding {
    let Some((response, _)) = success(datagram, Method::ALLOCATE) else { return Finding::Nothing };
    match response.xor_relayed_address() {
        Ok(Some(relayed)) if relayed.port() >= 49_152 => Finding::kept("a port from 49152 to 65535"),
        Ok(Some(relayed)) if relayed.port() < 1024 => Finding::broken("a port from 49152 to 65535", "a well-known port"),
        Ok(Some(_)) => Finding::broken("a port from 49152 to 65535", "a port below 49152"),
        _ => Finding::Nothing,
    }
}

fn even_port(_: &Context, _: &Frame<'_>, datagram: &Datagram<'_>) -> Finding {
    let Some((response, answered)) = success(datagram, Method::ALLOCATE) else { return Finding::Nothing };
    let (Ok(Some(reserve)), Ok(Some(relayed))) = (answered.request().even_port(), response.xor_relayed_address()) else {
        return Finding::Nothing;
    };
    let observed = match (relayed.port().is_multiple_of(2), reserve, response.has(T::RESERVATION_TOKEN)) {
        (true, false, _) | (true, true, true) => return Finding::kept("an even port"),
        (false, ..) => "an odd port",
        (true, true, false) => "no reservation token for the next port",
    };
    Finding::broken("an even port, and a token where the next one was to be reserved", observed).because(answered.last.0)
}

/// A response to a retransmission may name the time that is left.
const ELAPSED: u32 = 40;

fn lifetime(_: &Context, _: &Frame<'_>, datagram: &Datagram<'_>) -> Finding {
    const EXPECTED: &str = "LIFETIME of 600 s, or up to what was asked for beyond that";
    let Some((response, answered)) = success(datagram, Method::ALLOCATE).or_else(|| success(datagram, Method::REFRESH)) else {
        return Finding::Nothing;
    };
    let asked = answered.request().lifetime().ok().flatten();
    let deletes = asked == Some(0) && answered.method == Method::REFRESH;
    let observed = match response.lifetime() {
        Ok(Some(0)) if deletes => return Finding::kept("LIFETIME of 0 s for a deleted allocation"),
        Ok(Some(_)) if deletes => "LIFETIME other than 0 in the response to a deletion",
        Ok(Some(granted)) if granted < LIFETIME - ELAPSED => "a LIFETIME of less than 600 s",
        Ok(Some(granted)) if granted > asked.unwrap_or(0).max(LIFETIME) => "a LIFETIME beyond what was asked for",
        Ok(Some(_)) => return Finding::kept(EXPECTED),
        Ok(None) => "a response without LIFETIME",
        Err(_) => "a LIFETIME that is not four octets long",
    };
    Finding::broken(EXPECTED, format!("{observed} to {}", answered.method)).because(answered.last.0)
}

fn lifetime_maximum(_: &Context, _: &Frame<'_>, datagram: &Datagram<'_>) -> Finding {
    let Some((response, answered)) = success(datagram, Method::ALLOCATE).or_else(|| success(datagram, Method::REFRESH)) else {
        return Finding::Nothing;
    };
    // Only a request for more shows whether there is a maximum.
    let asked = answered.request().lifetime().ok().flatten().unwrap_or(0);
    match response.lifetime() {
        Ok(Some(granted)) if granted > 3600 => {
            Finding::broken("a maximum lifetime of an hour", format!("more than an hour granted to {}", answered.method))
                .because(answered.last.0)
        }
        Ok(Some(_)) if asked > 3600 => Finding::kept("a maximum lifetime of an hour"),
        _ => Finding::Nothing,
    }
}

/// RFC 8656 section 7.2, items 5, 6, 8 and 9.
fn contradicts(request: &Message<'_>) -> bool {
    let has = |kind| request.has(kind);
    let reserves = matches!(request.even_port(), Ok(Some(true)));
    let (requested, additional) = (has(T::REQUESTED_ADDRESS_FAMILY), has(T::ADDITIONAL_ADDRESS_FAMILY));
    let ipv4 = matches!(request.additional_address_family(), Ok(Some(AddressFamily::IPV4)));
    let token = has(T::RESERVATION_TOKEN) && (has(T::EVEN_PORT) || requested || additional);
    let sound = matches!(request.requested_transport(), Ok(Some(17)));
    sound && (token || requested && additional || reserves && additional || ipv4)
}
