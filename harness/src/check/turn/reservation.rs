//! Reserved ports and dual allocations (RFC 8656 section 7.2).

use crate::check::finding::{Evidence, Finding, each};
use crate::check::{Check, Context, Datagram, Frame, FrameEvent, Judge, Judgement, Level, Transaction, applies};
use iut::{Ns, SECOND};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use wire::stun::{AddressFamily, AttributeType as T, Class, Message, Method};

pub(super) const CHECKS: &[Check] = &[
    Check {
        id: "turn.allocate.dual",
        clauses: &["RFC8656-7.2-u32", "RFC8656-7.2-u31"],
        level: Level::Unmarked,
        summary: "a dual allocation yields an address of each family, or ADDRESS-ERROR-CODE for the one that is missing",
        applies: applies::turn_server,
        judge: |_, _| each(dual),
    },
    Check {
        id: "turn.allocate.reservation",
        clauses: &["RFC8656-7.2-10", "RFC8656-7.2-u40"],
        level: Level::Must,
        summary: "a reservation token yields the reserved port for at least 30 s",
        applies: applies::turn_server,
        judge: |_, _| Box::new(Reservations::default()),
    },
];

/// An Allocate request that is free of other mistakes, and its response.
fn answered_allocate<'d, 'a>(datagram: &'d Datagram<'a>) -> Option<(&'d Message<'a>, &'d Transaction)> {
    let response = datagram.stun().filter(|message| datagram.sent && message.method() == Method::ALLOCATE)?;
    Some((response, datagram.before.filter(|answered| answered.class == Class::Request)?))
}

fn dual(_: &Context, _: &Frame<'_>, datagram: &Datagram<'_>) -> Finding {
    const EXPECTED: &str = "XOR-RELAYED-ADDRESS of both families, or ADDRESS-ERROR-CODE with 440 or 508 for the missing one";
    let Some((response, answered)) = answered_allocate(datagram).filter(|(response, _)| response.class() == Class::SuccessResponse) else {
        return Finding::Nothing;
    };
    if answered.request().additional_address_family() != Ok(Some(AddressFamily::IPV6)) {
        return Finding::Nothing;
    }
    let families: Vec<AddressFamily> = response.xor_relayed_addresses().flatten().map(|relayed| AddressFamily::of(relayed.ip())).collect();
    let excused = matches!(response.address_error_code(), Ok(Some((family, error)))
        if !families.contains(&family) && matches!(error.code, 440 | 508));
    let observed = match families.as_slice() {
        [first, second] if first != second => return Finding::kept("an address of each family"),
        [_] if excused => return Finding::kept("one address, and ADDRESS-ERROR-CODE for the other family"),
        [_] => "one XOR-RELAYED-ADDRESS, and no ADDRESS-ERROR-CODE for the other family",
        [] => "no XOR-RELAYED-ADDRESS",
        _ => "several XOR-RELAYED-ADDRESS of one family",
    };
    Finding::broken(EXPECTED, observed).because(answered.last.0)
}

/// How long a reservation is held at least.
const HELD: Ns = 30 * SECOND;
/// Reservations that are remembered at most.
const RESERVATIONS: usize = 4_096;

/// What tokens stand for, and since when.
#[derive(Default)]
struct Reservations {
    by_token: BTreeMap<[u8; 8], (SocketAddr, Ns, u32)>,
    evidence: Evidence,
}

impl Reservations {
    fn claimed(&mut self, frame: &Frame<'_>, response: &Message<'_>, answered: &Transaction) -> Finding {
        const EXPECTED: &str = "the reserved relayed transport address";
        let request = answered.request();
        let alone = ![T::EVEN_PORT, T::REQUESTED_ADDRESS_FAMILY, T::ADDITIONAL_ADDRESS_FAMILY].iter().any(|kind| request.has(*kind));
        let Some(token) = request.reservation_token().ok().flatten().filter(|_| alone) else { return Finding::Nothing };
        let Some((reserved, since, given)) = self.by_token.get(&token).copied() else { return Finding::Nothing };
        match (response.class(), response.xor_relayed_address(), response.error_code()) {
            (Class::SuccessResponse, Ok(Some(relayed)), _) => {
                self.by_token.remove(&token);
                if relayed == reserved { Finding::kept(EXPECTED) } else { Finding::broken(EXPECTED, "another address").because(given) }
            }
            (Class::ErrorResponse, _, Ok(Some(error))) if error.code == 508 && frame.at < since + HELD => {
                Finding::broken(EXPECTED, "508 within 30 s of the reservation").because(given)
            }
            _ => Finding::Nothing,
        }
    }

    /// The port after the one that was allocated is what the token stands for.
    fn given(&mut self, frame: &Frame<'_>, response: &Message<'_>) {
        let (Ok(Some(token)), Ok(Some(relayed))) = (response.reservation_token(), response.xor_relayed_address()) else { return };
        if let Some(next) = relayed.port().checked_add(1).filter(|_| self.by_token.len() < RESERVATIONS) {
            self.by_token.entry(token).or_insert((SocketAddr::new(relayed.ip(), next), frame.at, frame.number));
        }
    }
}

impl Judge for Reservations {
    fn frame(&mut self, context: &Context, frame: Frame<'_>) {
        let FrameEvent::Datagram(datagram) = frame.event else { return };
        let Some((response, answered)) = answered_allocate(datagram).filter(|_| context.from_the_start) else { return };
        let finding = self.claimed(&frame, response, answered);
        self.evidence.add(frame.number, finding);
        if response.class() == Class::SuccessResponse {
            self.given(&frame, response);
        }
    }

    fn finish(self: Box<Self>, _: &Context) -> Judgement {
        self.evidence.judgement()
    }
}
