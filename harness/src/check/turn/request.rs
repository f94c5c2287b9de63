//! What a server does with requests on an allocation: CreatePermission, ChannelBind, Refresh (RFC 8656 sections 5, 10.2 and 12.2).

use super::rule::{Situation, Want, rule};
use crate::check::{Check, Level, applies};
use wire::channel_data::ChannelNumber;
use wire::stun::{AttributeType as T, Method};

pub(super) const CHECKS: &[Check] = &[
    Check {
        id: "turn.request.without-allocation",
        clauses: &["RFC8656-5-6"],
        level: Level::Must,
        summary: "Refresh, CreatePermission and ChannelBind on a 5-tuple without allocation get 437",
        applies: applies::turn_server,
        judge: |_, _| {
            // A retransmission may get the response that the first one got.
            let when = |situation: &Situation<'_>| on_allocation(situation) && situation.sends == 1 && situation.has_no_allocation();
            rule(when, Want::Error(437), &[])
        },
    },
    Check {
        id: "turn.request.other-user",
        clauses: &["RFC8656-5-5"],
        level: Level::Must,
        summary: "a request of another valid user than the allocation's gets 441",
        applies: applies::turn_server,
        judge: |_, _| {
            let when = |situation: &Situation<'_>| on_allocation(situation) && situation.has_allocation() && is_of_other_user(situation);
            rule(when, Want::Error(441), &[403, 437])
        },
    },
    Check {
        id: "turn.create-permission.without-peer",
        clauses: &["RFC8656-10.2-1", "RFC8656-10.2-u4"],
        level: Level::Must,
        summary: "CreatePermission without a readable XOR-PEER-ADDRESS gets 400",
        applies: applies::turn_server,
        judge: |_, _| {
            let when = |situation: &Situation<'_>| {
                let unreadable = situation.request.xor_peer_addresses().any(|peer| peer.is_err());
                is_owners(situation, Method::CREATE_PERMISSION) && (!situation.has(T::XOR_PEER_ADDRESS) || unreadable)
            };
            rule(when, Want::Error(400), &[])
        },
    },
    Check {
        id: "turn.create-permission.other-family",
        clauses: &["RFC8656-10.2-2"],
        level: Level::Must,
        summary: "CreatePermission for a peer of another family than the relayed address gets 443",
        applies: applies::turn_server,
        judge: |_, _| {
            rule(|situation| is_owners(situation, Method::CREATE_PERMISSION) && names_other_family(situation), Want::Error(443), &[])
        },
    },
    Check {
        id: "turn.channel-bind.attributes",
        clauses: &["RFC8656-12.2-u3"],
        level: Level::Unmarked,
        summary: "ChannelBind without CHANNEL-NUMBER or XOR-PEER-ADDRESS gets 400",
        applies: applies::turn_server,
        judge: |_, _| {
            let when = |situation: &Situation<'_>| {
                is_owners(situation, Method::CHANNEL_BIND) && !(situation.has(T::CHANNEL_NUMBER) && situation.has(T::XOR_PEER_ADDRESS))
            };
            rule(when, Want::Error(400), &[])
        },
    },
    Check {
        id: "turn.channel-bind.number-range",
        clauses: &["RFC8656-12.2-u4"],
        level: Level::Unmarked,
        summary: "ChannelBind with a number outside 0x4000 to 0x4FFF gets 400",
        applies: applies::turn_server,
        judge: |_, _| {
            let when = |situation: &Situation<'_>| {
                let outside = matches!(situation.request.channel_number(), Ok(Some(number)) if !ChannelNumber(number).is_valid());
                is_owners(situation, Method::CHANNEL_BIND) && situation.has(T::XOR_PEER_ADDRESS) && outside
            };
            rule(when, Want::Error(400), &[])
        },
    },
    Check {
        id: "turn.channel-bind.conflict",
        clauses: &["RFC8656-12.2-u5", "RFC8656-12.2-u6"],
        level: Level::Unmarked,
        summary: "ChannelBind of a number bound to another peer, or of a peer bound to another number, gets 400",
        applies: applies::turn_server,
        judge: |_, _| rule(|situation| is_owners(situation, Method::CHANNEL_BIND) && conflicts(situation), Want::Error(400), &[]),
    },
    Check {
        id: "turn.channel-bind.other-family",
        clauses: &["RFC8656-12.2-1"],
        level: Level::Must,
        summary: "ChannelBind for a peer of another family than the relayed address gets 443",
        applies: applies::turn_server,
        judge: |_, _| {
            let when = |situation: &Situation<'_>| {
                let number = matches!(situation.request.channel_number(), Ok(Some(number)) if ChannelNumber(number).is_valid());
                is_owners(situation, Method::CHANNEL_BIND) && number && names_other_family(situation)
            };
            rule(when, Want::Error(443), &[])
        },
    },
];

fn on_allocation(situation: &Situation<'_>) -> bool {
    [Method::REFRESH, Method::CREATE_PERMISSION, Method::CHANNEL_BIND].into_iter().any(|method| situation.is(method))
}

/// Whether the request names a user, and the allocation another one.
fn is_of_other_user(situation: &Situation<'_>) -> bool {
    let owner = situation.allocation.and_then(|allocation| allocation.username.as_deref());
    matches!((owner, situation.request.username()), (Some(owner), Ok(Some(user))) if owner != user)
}

/// A request of this method on a live allocation by the user that made it.
fn is_owners(situation: &Situation<'_>, method: Method) -> bool {
    situation.is(method) && situation.has_allocation() && !is_of_other_user(situation)
}

fn names_other_family(situation: &Situation<'_>) -> bool {
    let fits = |peer: std::net::SocketAddr| situation.allocation.is_some_and(|allocation| allocation.has_family_of(peer.ip()));
    let peers: Option<Vec<_>> = situation.request.xor_peer_addresses().map(Result::ok).collect();
    peers.is_some_and(|peers| peers.iter().any(|peer| !fits(*peer)))
}

fn conflicts(situation: &Situation<'_>) -> bool {
    use super::allocation::Life;
    let (Some(allocation), Ok(Some(number)), Ok(Some(peer))) =
        (situation.allocation, situation.request.channel_number(), situation.request.xor_peer_address())
    else {
        return false;
    };
    let number = ChannelNumber(number);
    let number_taken = matches!(allocation.channel(number, situation.now), Some((bound, Life::Alive)) if bound != peer);
    let peer_taken = matches!(allocation.channel_of(peer, situation.now), Some((bound, Life::Alive)) if bound != number);
    allocation.has_family_of(peer.ip()) && (number_taken || peer_taken)
}
