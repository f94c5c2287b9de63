//! ICMP errors that a server passes on (RFC 8656 sections 11.5 and 18.13).

use super::allocation::{Allocations, Life};
use super::rule::knowing_allocations;
use crate::check::finding::{Finding, each};
use crate::check::{Check, Context, Datagram, Frame, Level, applies};
use wire::stun::{AttributeType as T, Class, Message, Method};

pub(super) const CHECKS: &[Check] = &[
    Check {
        id: "turn.data-indication.icmp",
        clauses: &["RFC8656-11.5-2", "RFC8656-18.13-2"],
        level: Level::Must,
        summary: "an ICMP error reaches the client under the peer's address; its error data is an MTU or zero",
        applies: applies::turn_server,
        judge: |_, _| each(form),
    },
    Check {
        id: "turn.data-indication.icmp-permission",
        clauses: &["RFC8656-11.5-u11"],
        level: Level::Unmarked,
        summary: "ICMP errors about peers without a permission are dropped",
        applies: applies::turn_server,
        judge: |_, _| knowing_allocations(permission),
    },
];

/// A Data indication with ICMP that the server sent.
fn told<'d, 'a>(datagram: &'d Datagram<'a>) -> Option<&'d Message<'a>> {
    let data = |message: &&Message<'_>| message.method() == Method::DATA && message.class() == Class::Indication && message.has(T::ICMP);
    datagram.stun().filter(|_| datagram.sent).filter(data)
}

fn form(_: &Context, _: &Frame<'_>, datagram: &Datagram<'_>) -> Finding {
    const EXPECTED: &str = "XOR-PEER-ADDRESS, and ICMP whose error data is zero or the MTU of a packet that was too big";
    let Some(indication) = told(datagram) else { return Finding::Nothing };
    let observed = match (indication.xor_peer_address(), indication.icmp()) {
        (Ok(Some(peer)), Ok(Some(icmp))) => {
            let too_big = if peer.is_ipv4() { (icmp.icmp_type, icmp.code) == (3, 4) } else { icmp.icmp_type == 2 };
            if too_big || icmp.error_data == 0 {
                return Finding::kept(EXPECTED);
            }
            "error data in an ICMP that is not about size"
        }
        (Ok(Some(_)), _) => "ICMP that cannot be read",
        _ => "ICMP without XOR-PEER-ADDRESS",
    };
    Finding::broken(EXPECTED, observed)
}

fn permission(frame: &Frame<'_>, datagram: &Datagram<'_>, allocations: &Allocations) -> Finding {
    const EXPECTED: &str = "ICMP about peers with a permission alone";
    let Some(peer) = told(datagram).and_then(|indication| indication.xor_peer_address().ok().flatten()) else { return Finding::Nothing };
    let Some(allocation) = allocations.of((datagram.local, datagram.remote)) else { return Finding::Nothing };
    match allocation.permits(peer.ip(), frame.at) {
        Life::Alive => Finding::kept(EXPECTED),
        Life::AboutToEnd => Finding::Nothing,
        Life::Over => Finding::broken(EXPECTED, "ICMP about a peer without a permission"),
    }
}
