//! What a client asks for and what it sends through its relay (RFC 8656 sections 7.1, 8, 10.1, 11.1 and 12).

use super::allocation::{CHANNEL, Life, PERMISSION};
use super::client_state::{ClientSide, is_turn, knowing_client};
use crate::check::finding::{Finding, each};
use crate::check::{Check, Content, Context, Datagram, Frame, Level, applies};
use iut::SECOND;
use wire::channel_data::ChannelNumber;
use wire::stun::{AddressFamily, AttributeType as T, Class, Message, Method};

pub(super) const CHECKS: &[Check] = &[
    Check {
        id: "turn.client.requested-transport",
        clauses: &["RFC8656-7.1-4"],
        level: Level::Must,
        summary: "Allocate carries REQUESTED-TRANSPORT",
        applies: applies::turn_client,
        judge: |_, _| each(requested_transport),
    },
    Check {
        id: "turn.client.allocate-attributes",
        clauses: &["RFC8656-7.1-5", "RFC8656-7.1-6", "RFC8656-7.1-7", "RFC8656-7.1-8", "RFC8656-7.1-9", "RFC8656-7.1-10", "RFC8656-7.1-14"],
        level: Level::Must,
        summary: "Allocate combines no attributes that exclude each other",
        applies: applies::turn_client,
        judge: |_, _| each(allocate_attributes),
    },
    Check {
        id: "turn.client.send-attributes",
        clauses: &["RFC8656-11.1-2"],
        level: Level::Must,
        summary: "a Send indication carries XOR-PEER-ADDRESS and DATA",
        applies: applies::turn_client,
        judge: |_, _| each(send_attributes),
    },
    Check {
        id: "turn.client.permission",
        clauses: &["RFC8656-11.1-1"],
        level: Level::Must,
        summary: "Send indications go to peers alone for which a permission stands",
        applies: applies::turn_client,
        judge: |_, _| knowing_client(permission),
    },
    Check {
        id: "turn.client.create-permission-peer",
        clauses: &["RFC8656-10.1-1"],
        level: Level::Must,
        summary: "CreatePermission carries XOR-PEER-ADDRESS",
        applies: applies::turn_client,
        judge: |_, _| each(create_permission_peer),
    },
    Check {
        id: "turn.client.peer-family",
        clauses: &["RFC8656-10.1-3", "RFC8656-12.1-1"],
        level: Level::Must,
        summary: "CreatePermission and ChannelBind name peers of the relayed address family alone",
        applies: applies::turn_client,
        judge: |_, _| knowing_client(peer_family),
    },
    Check {
        id: "turn.client.channel-number",
        clauses: &["RFC8656-12-1"],
        level: Level::Must,
        summary: "channel numbers lie between 0x4000 and 0x4FFF",
        applies: applies::turn_client,
        judge: |_, _| each(channel_number),
    },
    Check {
        id: "turn.client.channel-rebinding",
        clauses: &["RFC8656-12-2"],
        level: Level::Must,
        summary: "a channel number or peer is bound differently five minutes after its binding ended, not before",
        applies: applies::turn_client,
        judge: |_, _| knowing_client(channel_rebinding),
    },
    Check {
        id: "turn.client.refresh",
        clauses: &["RFC8656-8-1"],
        level: Level::Must,
        summary: "an allocation in use is refreshed before its lifetime ends",
        applies: applies::turn_client,
        judge: |_, _| knowing_client(refresh),
    },
    Check {
        id: "turn.client.same-user",
        clauses: &["RFC8656-5-u13"],
        level: Level::Unmarked,
        summary: "all requests on an allocation use the user name that created it",
        applies: applies::turn_client,
        judge: |_, _| knowing_client(same_user),
    },
];

fn requested_transport(_: &Context, _: &Frame<'_>, datagram: &Datagram<'_>) -> Finding {
    let Some(request) = datagram.sent_request(Method::ALLOCATE) else { return Finding::Nothing };
    match request.requested_transport() {
        Ok(Some(_)) => Finding::kept("REQUESTED-TRANSPORT in Allocate"),
        Ok(None) => Finding::broken("REQUESTED-TRANSPORT in Allocate", "an Allocate without it"),
        Err(_) => Finding::broken("REQUESTED-TRANSPORT in Allocate", "one that is not four octets long"),
    }
}

fn allocate_attributes(_: &Context, _: &Frame<'_>, datagram: &Datagram<'_>) -> Finding {
    const EXPECTED: &str = "attributes that do not exclude each other";
    let Some(request) = datagram.sent_request(Method::ALLOCATE) else { return Finding::Nothing };
    let has = |kind| request.has(kind);
    let (requested, additional, token) = (has(T::REQUESTED_ADDRESS_FAMILY), has(T::ADDITIONAL_ADDRESS_FAMILY), has(T::RESERVATION_TOKEN));
    let reserves = matches!(request.even_port(), Ok(Some(true)));
    let twice = request.heeded_attributes().filter(|attribute| attribute.kind == T::REQUESTED_ADDRESS_FAMILY).count() > 1;
    let ipv6 = matches!(request.additional_address_family(), Ok(None | Some(AddressFamily::IPV6)));
    let wrong = [
        (twice, "REQUESTED-ADDRESS-FAMILY twice"),
        (requested && token, "REQUESTED-ADDRESS-FAMILY beside RESERVATION-TOKEN"),
        (requested && additional, "REQUESTED-ADDRESS-FAMILY beside ADDITIONAL-ADDRESS-FAMILY"),
        (additional && token, "ADDITIONAL-ADDRESS-FAMILY beside RESERVATION-TOKEN"),
        (additional && reserves, "ADDITIONAL-ADDRESS-FAMILY beside EVEN-PORT with the R bit"),
        (has(T::EVEN_PORT) && token, "EVEN-PORT beside RESERVATION-TOKEN"),
        (!ipv6, "ADDITIONAL-ADDRESS-FAMILY for another family than IPv6"),
    ];
    match wrong.into_iter().find(|(present, _)| *present) {
        Some((_, observed)) => Finding::broken(EXPECTED, observed),
        None => Finding::kept(EXPECTED),
    }
}

/// A Send indication of the subject.
fn sent_send<'d, 'a>(datagram: &'d Datagram<'a>) -> Option<&'d Message<'a>> {
    datagram.stun().filter(|message| datagram.sent && message.class() == Class::Indication && message.method() == Method::SEND)
}

fn send_attributes(_: &Context, _: &Frame<'_>, datagram: &Datagram<'_>) -> Finding {
    let Some(send) = sent_send(datagram) else { return Finding::Nothing };
    match (send.xor_peer_address(), send.has(T::DATA)) {
        (Ok(Some(_)), true) => Finding::kept("XOR-PEER-ADDRESS and DATA"),
        (Ok(Some(_)), false) => Finding::broken("XOR-PEER-ADDRESS and DATA", "a Send indication without DATA"),
        (Ok(None), _) => Finding::broken("XOR-PEER-ADDRESS and DATA", "a Send indication without XOR-PEER-ADDRESS"),
        (Err(_), _) => Finding::broken("XOR-PEER-ADDRESS and DATA", "XOR-PEER-ADDRESS that cannot be read"),
    }
}

fn permission(frame: &Frame<'_>, datagram: &Datagram<'_>, client: &ClientSide) -> Finding {
    const EXPECTED: &str = "a permission for the peer of every Send indication";
    let Some(Ok(Some(peer))) = sent_send(datagram).map(Message::xor_peer_address) else { return Finding::Nothing };
    let Some(allocation) = client.allocations.of((datagram.local, datagram.remote)) else {
        return Finding::broken(EXPECTED, "a Send indication without an allocation");
    };
    match allocation.permission(peer.ip(), frame.at) {
        Some((Life::Alive, _)) => Finding::kept(EXPECTED),
        Some((Life::AboutToEnd, _)) => Finding::Nothing,
        Some((Life::Over, _)) => {
            Finding::broken(EXPECTED, format!("a Send indication more than {} s after the permission was installed", PERMISSION / SECOND))
        }
        None => Finding::broken(EXPECTED, "a Send indication before the permission was installed"),
    }
}

fn create_permission_peer(_: &Context, _: &Frame<'_>, datagram: &Datagram<'_>) -> Finding {
    let Some(request) = datagram.sent_request(Method::CREATE_PERMISSION) else { return Finding::Nothing };
    match request.has(T::XOR_PEER_ADDRESS) {
        true => Finding::kept("XOR-PEER-ADDRESS in CreatePermission"),
        false => Finding::broken("XOR-PEER-ADDRESS in CreatePermission", "a CreatePermission without it"),
    }
}

fn peer_family(_: &Frame<'_>, datagram: &Datagram<'_>, client: &ClientSide) -> Finding {
    const EXPECTED: &str = "peers of the relayed address family";
    let Some(request) = datagram.sent_request(Method::CREATE_PERMISSION).or_else(|| datagram.sent_request(Method::CHANNEL_BIND)) else {
        return Finding::Nothing;
    };
    let Some(allocation) = client.allocations.of((datagram.local, datagram.remote)) else { return Finding::Nothing };
    let mut finding = Finding::Nothing;
    for peer in request.xor_peer_addresses().flatten() {
        if !allocation.has_family_of(peer.ip()) {
            return Finding::broken(EXPECTED, format!("{} for a peer of the other family", request.method()));
        }
        finding = Finding::kept(EXPECTED);
    }
    finding
}

fn channel_number(_: &Context, _: &Frame<'_>, datagram: &Datagram<'_>) -> Finding {
    const EXPECTED: &str = "a channel number from 0x4000 to 0x4FFF";
    let number = match (datagram.sent_request(Method::CHANNEL_BIND), datagram.content) {
        (Some(request), _) => match request.channel_number() {
            Ok(Some(number)) => ChannelNumber(number),
            _ => return Finding::broken(EXPECTED, "a ChannelBind without a readable CHANNEL-NUMBER"),
        },
        (None, Content::ChannelData(message)) if datagram.sent => message.number,
        _ => return Finding::Nothing,
    };
    match number.is_valid() {
        true => Finding::kept(EXPECTED),
        false => Finding::broken(EXPECTED, "a channel number outside that range"),
    }
}

fn channel_rebinding(frame: &Frame<'_>, datagram: &Datagram<'_>, client: &ClientSide) -> Finding {
    const EXPECTED: &str = "one peer for a channel and one channel for a peer, until five minutes after the binding ended";
    let Some(request) = datagram.sent_request(Method::CHANNEL_BIND) else { return Finding::Nothing };
    let (Ok(Some(number)), Ok(Some(peer))) = (request.channel_number(), request.xor_peer_address()) else { return Finding::Nothing };
    let Some(allocation) = client.allocations.of((datagram.local, datagram.remote)) else { return Finding::Nothing };
    // A binding lasts for ten minutes, and its number and peer stay reserved for five more.
    let reserved = |since| Life::of(since, CHANNEL + PERMISSION, frame.at) == Life::Alive;
    let number_taken = allocation.binding(ChannelNumber(number)).is_some_and(|(bound, since)| bound != peer && reserved(since));
    let peer_taken = allocation.bindings_of(peer).any(|(bound, since)| bound != ChannelNumber(number) && reserved(since));
    match (number_taken, peer_taken) {
        (true, _) => Finding::broken(EXPECTED, "a channel bound to another peer too early"),
        (_, true) => Finding::broken(EXPECTED, "a peer bound to another channel too early"),
        _ => Finding::kept(EXPECTED),
    }
}

/// Whether the subject uses its allocation with this datagram.
fn uses(datagram: &Datagram<'_>) -> bool {
    let request = |method| datagram.sent_request(method).is_some();
    let refresh = datagram.sent_request(Method::REFRESH).is_some_and(|request| !matches!(request.lifetime(), Ok(Some(0))));
    let data = datagram.sent && matches!(datagram.content, Content::ChannelData(_));
    data || refresh || request(Method::CREATE_PERMISSION) || request(Method::CHANNEL_BIND) || sent_send(datagram).is_some()
}

fn refresh(frame: &Frame<'_>, datagram: &Datagram<'_>, client: &ClientSide) -> Finding {
    const EXPECTED: &str = "a Refresh before the allocation's lifetime ends";
    let Some(allocation) = client.allocations.of((datagram.local, datagram.remote)).filter(|_| uses(datagram)) else {
        return Finding::Nothing;
    };
    match allocation.life(frame.at) {
        Life::Alive if datagram.sent_request(Method::REFRESH).is_some() => Finding::kept(EXPECTED),
        Life::Over => Finding::broken(EXPECTED, "an allocation in use after its lifetime"),
        _ => Finding::Nothing,
    }
}

fn same_user(_: &Frame<'_>, datagram: &Datagram<'_>, client: &ClientSide) -> Finding {
    let Some(request) = datagram.stun().filter(|message| datagram.sent && message.class() == Class::Request && is_turn(message.method()))
    else {
        return Finding::Nothing;
    };
    let owner = client.allocations.of((datagram.local, datagram.remote)).and_then(|allocation| allocation.username.as_deref());
    let (Some(owner), Ok(Some(user))) = (owner, request.username()) else { return Finding::Nothing };
    if request.method() == Method::ALLOCATE {
        return Finding::Nothing;
    }
    match owner == user {
        true => Finding::kept("the user of the allocation"),
        false => Finding::broken("the user of the allocation", format!("another user in {}", request.method())),
    }
}
