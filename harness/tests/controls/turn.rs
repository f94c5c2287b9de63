//! Controls of the checks on TURN servers and clients.

use crate::support::*;
use harness::scenario::model::RoleName as R;
use std::net::SocketAddr;
use wire::channel_data::{ChannelNumber, build as channel_data};
use wire::stun::build::RawBuilder;
use wire::stun::{AddressFamily, Attribute, Class, Digest, Key, Method, TransactionId};

pub(crate) const CONTROLS: &[Control] = &[
    // --- challenge
    rejects("turn.server.requires-credentials", "success without credentials", || {
        server().gets(bare(1).build()).answered(1, |case| allocated(1, case))
    }),
    accepts("turn.server.requires-credentials", "401 without credentials", || server().challenges(1)),
    rejects("turn.server.challenge", "401 without NONCE", || {
        server().gets(bare(1).build()).sends(error(Method::ALLOCATE, 1, 401).attribute(&Attribute::Realm(REALM)).build())
    }),
    rejects("turn.server.challenge", "401 without REALM", || {
        server().gets(bare(1).build()).sends(error(Method::ALLOCATE, 1, 401).attribute(&NONCE).build())
    }),
    accepts("turn.server.challenge", "401 with REALM and NONCE", || server().challenges(1)),
    rejects("turn.server.stale-nonce", "438 without a new NONCE", || {
        server().gets(allocate(1).build()).sends(error(Method::ALLOCATE, 1, 438).attribute(&Attribute::Realm(REALM)).build())
    }),
    accepts("turn.server.stale-nonce", "438 with REALM and NONCE", || {
        let stale = error(Method::ALLOCATE, 1, 438).attribute(&Attribute::Realm(REALM)).attribute(&NONCE);
        server().gets(allocate(1).build()).sends(stale.build())
    }),
    rejects("turn.server.challenge-anonymous", "401 with a user name", || {
        let challenge = challenge(1).attribute(&Attribute::Username(USER));
        server().gets(bare(1).build()).sends(challenge.build())
    }),
    accepts("turn.server.challenge-anonymous", "401 with REALM and NONCE alone", || server().challenges(1)),
    rejects("turn.server.nonce-cookie", "a nonce of hexadecimal digits", || {
        let challenge = error(Method::ALLOCATE, 1, 401).attribute(&Attribute::Realm(REALM)).attribute(&Attribute::Nonce("00112233445566"));
        server().gets(bare(1).build()).sends(challenge.build())
    }),
    accepts("turn.server.nonce-cookie", "a nonce with the cookie", || server().challenges(1)),
    rejects("turn.server.nonce-per-client", "one nonce for two ports", || two_challenges("obMatJos2AAAAx")),
    accepts("turn.server.nonce-per-client", "two nonces for two ports", || two_challenges("obMatJos2AAAAy")),
    rejects("turn.server.missing-attributes", "401 where NONCE is missing", || {
        let request = signed(bare(1).attribute(&Attribute::Username(USER)).attribute(&Attribute::Realm(REALM)));
        server().gets(request.build()).sends(challenge(1).build())
    }),
    accepts("turn.server.missing-attributes", "400 where NONCE is missing", || {
        let request = signed(bare(1).attribute(&Attribute::Username(USER)).attribute(&Attribute::Realm(REALM)));
        server().gets(request.build()).sends(error(Method::ALLOCATE, 1, 400).build())
    }),
    rejects("turn.server.unknown-user", "success of a stranger", || {
        server().gets(of_user(1, "mallory", PASSWORD).build()).answered(1, |case| allocated(1, case))
    }),
    accepts("turn.server.unknown-user", "401 for a stranger", || {
        server().gets(of_user(1, "mallory", PASSWORD).build()).sends(challenge(1).build())
    }),
    rejects("turn.server.wrong-integrity", "success with a wrong password", || {
        server().gets(of_user(1, USER, "guessed").build()).answered(1, |case| allocated(1, case))
    }),
    accepts("turn.server.wrong-integrity", "401 with a wrong password", || {
        server().gets(of_user(1, USER, "guessed").build()).sends(challenge(1).build())
    }),
    // --- Allocate and Refresh
    rejects("turn.allocate.relayed-address", "success without XOR-RELAYED-ADDRESS", || {
        server()
            .gets(allocate(1).build())
            .answered(1, |case| success(Method::ALLOCATE, 1).attribute(&Attribute::Lifetime(600)).attribute(&mapped(case)))
    }),
    rejects("turn.allocate.relayed-address", "an IPv6 address without being asked for it", || {
        let relayed: SocketAddr = "[2001:db8::5]:50000".parse().unwrap();
        server().gets(allocate(1).build()).answered(1, |case| allocated_at(1, case, relayed, 600))
    }),
    accepts("turn.allocate.relayed-address", "an IPv4 address", || server().allocates(1)),
    rejects("turn.allocate.unique-address", "one relayed address for two clients", || two_allocations(relayed())),
    accepts("turn.allocate.unique-address", "two relayed addresses for two clients", || {
        two_allocations(SocketAddr::new(relayed().ip(), relayed().port() + 1))
    }),
    rejects("turn.allocate.port-range", "port 40000", || allocates_port(40_000)),
    rejects("turn.allocate.port-range", "port 500", || allocates_port(500)),
    accepts("turn.allocate.port-range", "port 60000", || allocates_port(60_000)),
    rejects("turn.allocate.even-port", "an odd port", || even_port(false, 50_001)),
    rejects("turn.allocate.even-port", "no token for the reserved port", || even_port(true, 50_002)),
    accepts("turn.allocate.even-port", "an even port", || even_port(false, 50_002)),
    rejects("turn.allocate.lifetime", "300 s", || lifetime(None, 300)),
    rejects("turn.allocate.lifetime", "more than was asked for", || lifetime(Some(1200), 1800)),
    rejects("turn.allocate.lifetime", "less than the default, as was asked for", || lifetime(Some(60), 60)),
    rejects("turn.allocate.lifetime", "success without LIFETIME", || {
        server()
            .gets(allocate(1).build())
            .answered(1, |case| success(Method::ALLOCATE, 1).attribute(&Attribute::XorRelayedAddress(relayed())).attribute(&mapped(case)))
    }),
    accepts("turn.allocate.lifetime", "600 s", || lifetime(None, 600)),
    rejects("turn.allocate.lifetime-maximum", "a day", || lifetime(Some(86_400), 86_400)),
    accepts("turn.allocate.lifetime-maximum", "an hour where a day was asked for", || lifetime(Some(86_400), 3600)),
    rejects("turn.allocate.in-use", "a second allocation on the 5-tuple", || {
        server()
            .allocates(1)
            .wait(1000)
            .gets(allocate(2).build())
            .answered(2, |case| allocated_at(2, case, SocketAddr::new(relayed().ip(), 60_002), 600))
    }),
    accepts("turn.allocate.in-use", "437 on the 5-tuple in use", || {
        server().allocates(1).wait(1000).gets(allocate(2).build()).sends(signed(error(Method::ALLOCATE, 2, 437)).build())
    }),
    rejects("turn.allocate.transport-missing", "success without REQUESTED-TRANSPORT", || {
        server().gets(without_transport(1).build()).answered(1, |case| allocated(1, case))
    }),
    rejects("turn.allocate.transport-missing", "442 without REQUESTED-TRANSPORT", || {
        server().gets(without_transport(1).build()).sends(signed(error(Method::ALLOCATE, 1, 442)).build())
    }),
    accepts("turn.allocate.transport-missing", "400 without REQUESTED-TRANSPORT", || {
        server().gets(without_transport(1).build()).sends(signed(error(Method::ALLOCATE, 1, 400)).build())
    }),
    rejects("turn.allocate.transport-unsupported", "success for protocol 132", || {
        server().gets(with(1, &Attribute::RequestedTransport(132)).build()).answered(1, |case| allocated(1, case))
    }),
    accepts("turn.allocate.transport-unsupported", "442 for protocol 132", || {
        server().gets(with(1, &Attribute::RequestedTransport(132)).build()).sends(signed(error(Method::ALLOCATE, 1, 442)).build())
    }),
    rejects("turn.allocate.contradictions", "success for both family attributes", || {
        server().gets(both_families(1).build()).answered(1, |case| allocated(1, case))
    }),
    accepts("turn.allocate.contradictions", "400 for both family attributes", || {
        server().gets(both_families(1).build()).sends(signed(error(Method::ALLOCATE, 1, 400)).build())
    }),
    rejects("turn.refresh.deletes", "437 to a Refresh with lifetime 0", || {
        server().allocates(1).wait(1000).gets(refresh(2, 0).build()).sends(signed(error(Method::REFRESH, 2, 437)).build())
    }),
    accepts("turn.refresh.deletes", "success of a Refresh with lifetime 0", || {
        let deleted = signed(success(Method::REFRESH, 2).attribute(&Attribute::Lifetime(0)));
        server().allocates(1).wait(1000).gets(refresh(2, 0).build()).sends(deleted.build())
    }),
    // --- requests on an allocation
    rejects("turn.request.without-allocation", "success of Refresh without allocation", || {
        let refreshed = signed(success(Method::REFRESH, 1).attribute(&Attribute::Lifetime(600)));
        server().gets(refresh(1, 600).build()).sends(refreshed.build())
    }),
    accepts("turn.request.without-allocation", "437 to CreatePermission after the allocation has expired", || {
        let case = server().allocates(1).wait(605_000).gets(permit(2, peer()).build());
        case.sends(signed(error(Method::CREATE_PERMISSION, 2, 437)).build())
    }),
    rejects("turn.request.other-user", "success of another user", || {
        let permitted = success(Method::CREATE_PERMISSION, 2).integrity(Digest::Sha1, &Key::long_term_md5("bob", REALM, "bobs"));
        server_for_two().allocates(1).wait(1000).gets(bobs_permission(2).build()).sends(permitted.build())
    }),
    accepts("turn.request.other-user", "441 for another user", || {
        let refused = error(Method::CREATE_PERMISSION, 2, 441).integrity(Digest::Sha1, &Key::long_term_md5("bob", REALM, "bobs"));
        server_for_two().allocates(1).wait(1000).gets(bobs_permission(2).build()).sends(refused.build())
    }),
    rejects("turn.create-permission.without-peer", "success without a peer", || {
        server()
            .allocates(1)
            .gets(authenticated(Method::CREATE_PERMISSION, 2, |request| request).build())
            .sends(signed(success(Method::CREATE_PERMISSION, 2)).build())
    }),
    accepts("turn.create-permission.without-peer", "400 without a peer", || {
        server()
            .allocates(1)
            .gets(authenticated(Method::CREATE_PERMISSION, 2, |request| request).build())
            .sends(signed(error(Method::CREATE_PERMISSION, 2, 400)).build())
    }),
    rejects("turn.create-permission.other-family", "success for an IPv6 peer", || {
        server().allocates(1).gets(permit(2, ipv6_peer()).build()).sends(signed(success(Method::CREATE_PERMISSION, 2)).build())
    }),
    accepts("turn.create-permission.other-family", "443 for an IPv6 peer", || {
        server().allocates(1).gets(permit(2, ipv6_peer()).build()).sends(signed(error(Method::CREATE_PERMISSION, 2, 443)).build())
    }),
    rejects("turn.channel-bind.attributes", "success without a number", || {
        let request = authenticated(Method::CHANNEL_BIND, 2, |request| request.attribute(&Attribute::XorPeerAddress(peer())));
        server().allocates(1).gets(request.build()).sends(signed(success(Method::CHANNEL_BIND, 2)).build())
    }),
    accepts("turn.channel-bind.attributes", "400 without a number", || {
        let request = authenticated(Method::CHANNEL_BIND, 2, |request| request.attribute(&Attribute::XorPeerAddress(peer())));
        server().allocates(1).gets(request.build()).sends(signed(error(Method::CHANNEL_BIND, 2, 400)).build())
    }),
    rejects("turn.channel-bind.number-range", "success for 0x5000", || server().allocates(1).binds(2, 0x5000, peer())),
    accepts("turn.channel-bind.number-range", "400 for 0x5000", || {
        server().allocates(1).gets(bind(2, 0x5000, peer()).build()).sends(signed(error(Method::CHANNEL_BIND, 2, 400)).build())
    }),
    rejects("turn.channel-bind.conflict", "one number for two peers", || {
        server().allocates(1).binds(2, 0x4000, peer()).binds(3, 0x4000, second_peer())
    }),
    rejects("turn.channel-bind.conflict", "two numbers for one peer", || {
        server().allocates(1).binds(2, 0x4000, peer()).binds(3, 0x4001, peer())
    }),
    accepts("turn.channel-bind.conflict", "400 for one number and two peers", || {
        let case = server().allocates(1).binds(2, 0x4000, peer()).gets(bind(3, 0x4000, second_peer()).build());
        case.sends(signed(error(Method::CHANNEL_BIND, 3, 400)).build())
    }),
    rejects("turn.channel-bind.other-family", "success for an IPv6 peer", || server().allocates(1).binds(2, 0x4000, ipv6_peer())),
    accepts("turn.channel-bind.other-family", "443 for an IPv6 peer", || {
        server().allocates(1).gets(bind(2, 0x4000, ipv6_peer()).build()).sends(signed(error(Method::CHANNEL_BIND, 2, 443)).build())
    }),
    // --- relaying
    rejects("turn.data-indication.attributes", "a Data indication without DATA", || {
        let data = message(Class::Indication, Method::DATA, 9).attribute(&Attribute::XorPeerAddress(peer()));
        server().allocates(1).permits(2, peer()).sends(data.build())
    }),
    accepts("turn.data-indication.attributes", "a Data indication with both attributes", || {
        server().allocates(1).permits(2, peer()).relays_to_client(b"hello")
    }),
    rejects("turn.relay.to-client-intact", "changed data", || {
        server().allocates(1).permits(2, peer()).peer_sends(peer(), b"hello").sends(data_indication(peer(), b"hallo").build())
    }),
    rejects("turn.relay.to-client-intact", "the address of another peer", || {
        let case = server().allocates(1).permits(2, peer()).peer_sends(peer(), b"hello");
        case.sends(data_indication(SocketAddr::new(peer().ip(), 1), b"hello").build())
    }),
    accepts("turn.relay.to-client-intact", "data as it came", || server().allocates(1).permits(2, peer()).relays_to_client(b"hello")),
    rejects("turn.relay.to-peer-intact", "changed data", || {
        server().allocates(1).permits(2, peer()).gets(send(peer(), b"hello").build()).peer_gets(peer(), b"hallo")
    }),
    rejects("turn.relay.to-peer-intact", "the same data twice", || {
        server()
            .allocates(1)
            .permits(2, peer())
            .gets(send(peer(), b"hello").build())
            .peer_gets(peer(), b"hello")
            .peer_gets(peer(), b"hello")
    }),
    accepts("turn.relay.to-peer-intact", "data as it came, also with DONT-FRAGMENT", || {
        let fragile = send(peer(), b"fragile").attribute(&Attribute::DontFragment);
        let case = server().allocates(1).permits(2, peer()).gets(send(peer(), b"hello").build()).peer_gets(peer(), b"hello");
        case.gets(fragile.build()).peer_gets(peer(), b"fragile")
    }),
    rejects("turn.relay.permission-from-peer", "data of a stranger", || {
        let case = server().allocates(1).permits(2, peer()).peer_sends(stranger(), b"spam");
        case.sends(data_indication(stranger(), b"spam").build())
    }),
    rejects("turn.relay.permission-from-peer", "data 310 s after the permission", || {
        server().allocates(1).permits(2, peer()).wait(310_000).relays_to_client(b"late")
    }),
    accepts("turn.relay.permission-from-peer", "data of a permitted peer and none of a stranger", || {
        server().allocates(1).permits(2, peer()).peer_sends(stranger(), b"spam").wait(2000).relays_to_client(b"hello")
    }),
    rejects("turn.relay.permission-to-peer", "data to a stranger", || {
        server().allocates(1).permits(2, peer()).gets(send(stranger(), b"spam").build()).peer_gets(stranger(), b"spam")
    }),
    accepts("turn.relay.permission-to-peer", "data to a permitted peer and none to a stranger", || {
        let case = server().allocates(1).permits(2, peer()).gets(send(stranger(), b"spam").build()).wait(2000);
        case.gets(send(peer(), b"hello").build()).peer_gets(peer(), b"hello")
    }),
    rejects("turn.relay.permission-lifetime", "data dropped after 200 s", || {
        server().allocates(1).permits(2, peer()).wait(200_000).peer_sends(peer(), b"hello").wait(2000).gets(refresh(3, 600).build())
    }),
    accepts("turn.relay.permission-lifetime", "data after 290 s, on any port of the peer", || {
        let other_port = SocketAddr::new(peer().ip(), 77);
        let case = server().allocates(1).permits(2, peer()).wait(290_000).peer_sends(other_port, b"hello");
        case.sends(data_indication(other_port, b"hello").build()).wait(3000)
    }),
    rejects("turn.channel.preferred", "a Data indication for a peer with a channel", || {
        server().allocates(1).binds(2, 0x4000, peer()).relays_to_client(b"hello")
    }),
    accepts("turn.channel.preferred", "ChannelData for a peer with a channel", || {
        server().allocates(1).binds(2, 0x4000, peer()).relays_by_channel(b"hello")
    }),
    rejects("turn.channel.unbound", "ChannelData on a channel that was never bound", || {
        server().allocates(1).permits(2, peer()).peer_sends(peer(), b"hello").sends(channel_data(ChannelNumber(0x4007), b"hello").unwrap())
    }),
    rejects("turn.channel.unbound", "ChannelData passed on after the binding has expired", || {
        let case = server().allocates_for(1, 3600).binds(2, 0x4000, peer()).wait(610_000);
        case.gets(channel_data(ChannelNumber(0x4000), b"late").unwrap()).peer_gets(peer(), b"late")
    }),
    accepts("turn.channel.unbound", "data of a bound channel and none of another", || {
        let case = server().allocates(1).binds(2, 0x4000, peer()).gets(channel_data(ChannelNumber(0x4001), b"spam").unwrap());
        case.wait(2000).gets(channel_data(ChannelNumber(0x4000), b"hello").unwrap()).peer_gets(peer(), b"hello")
    }),
    // --- clients
    rejects("turn.client.requested-transport", "Allocate without REQUESTED-TRANSPORT", || {
        client().sends(message(Class::Request, Method::ALLOCATE, 1).build())
    }),
    accepts("turn.client.requested-transport", "Allocate for UDP", || client().sends(bare(1).build())),
    rejects("turn.client.allocate-attributes", "a token beside EVEN-PORT", || {
        client().sends(bare(1).attribute(&Attribute::ReservationToken([1; 8])).attribute(&Attribute::EvenPort { reserve: false }).build())
    }),
    rejects("turn.client.allocate-attributes", "both family attributes", || {
        let families = bare(1).attribute(&Attribute::RequestedAddressFamily(AddressFamily::IPV4));
        client().sends(families.attribute(&Attribute::AdditionalAddressFamily(AddressFamily::IPV6)).build())
    }),
    rejects("turn.client.allocate-attributes", "an additional IPv4 address", || {
        client().sends(bare(1).attribute(&Attribute::AdditionalAddressFamily(AddressFamily::IPV4)).build())
    }),
    accepts("turn.client.allocate-attributes", "EVEN-PORT alone", || {
        client().sends(bare(1).attribute(&Attribute::EvenPort { reserve: true }).build())
    }),
    rejects("turn.client.send-attributes", "a Send indication without DATA", || {
        let send = message(Class::Indication, Method::SEND, 9).attribute(&Attribute::XorPeerAddress(peer()));
        client().obtains(1).gets_permission(3, peer()).sends(send.build())
    }),
    accepts("turn.client.send-attributes", "a Send indication with both attributes", || {
        client().obtains(1).gets_permission(3, peer()).sends(send(peer(), b"x").build())
    }),
    rejects("turn.client.permission", "a Send indication before CreatePermission has succeeded", || {
        client().obtains(1).sends(permit(3, peer()).build()).sends(send(peer(), b"x").build())
    }),
    rejects("turn.client.permission", "a Send indication after 310 s", || {
        client().obtains(1).gets_permission(3, peer()).wait(310_000).sends(send(peer(), b"x").build())
    }),
    accepts("turn.client.permission", "a Send indication under a permission", || {
        client().obtains(1).gets_permission(3, peer()).sends(send(peer(), b"x").build())
    }),
    rejects("turn.client.create-permission-peer", "CreatePermission without a peer", || {
        client().obtains(1).sends(authenticated(Method::CREATE_PERMISSION, 3, |request| request).build())
    }),
    accepts("turn.client.create-permission-peer", "CreatePermission for a peer", || client().obtains(1).gets_permission(3, peer())),
    rejects("turn.client.peer-family", "a permission for an IPv6 peer", || client().obtains(1).sends(permit(3, ipv6_peer()).build())),
    accepts("turn.client.peer-family", "a permission for an IPv4 peer", || client().obtains(1).gets_permission(3, peer())),
    rejects("turn.client.channel-number", "channel 0x6000", || client().obtains(1).sends(bind(3, 0x6000, peer()).build())),
    accepts("turn.client.channel-number", "channel 0x4FFF", || client().obtains(1).sends(bind(3, 0x4FFF, peer()).build())),
    rejects("turn.client.channel-rebinding", "a number for another peer after 12 minutes", || {
        let case =
            client().obtains_for(1, 3600).sends(bind(3, 0x4000, peer()).build()).gets(signed(success(Method::CHANNEL_BIND, 3)).build());
        case.wait(720_000).sends(bind(4, 0x4000, second_peer()).build())
    }),
    accepts("turn.client.channel-rebinding", "a number for another peer after 16 minutes", || {
        let case =
            client().obtains_for(1, 3600).sends(bind(3, 0x4000, peer()).build()).gets(signed(success(Method::CHANNEL_BIND, 3)).build());
        case.wait(960_000).sends(bind(4, 0x4000, second_peer()).build())
    }),
    rejects("turn.client.refresh", "data after the lifetime", || {
        client().obtains(1).gets_permission(3, peer()).wait(605_000).sends(permit(4, peer()).build())
    }),
    accepts("turn.client.refresh", "a Refresh before the lifetime ends", || {
        client().obtains(1).wait(500_000).sends(refresh(3, 600).build())
    }),
    rejects("turn.client.same-user", "another user for a permission", || client().obtains(1).sends(bobs_permission(3).build())),
    accepts("turn.client.same-user", "the same user for a permission", || client().obtains(1).gets_permission(3, peer())),
    rejects("turn.client.first-request", "a user name in the first request", || {
        client().sends(bare(1).attribute(&Attribute::Username(USER)).build())
    }),
    accepts("turn.client.first-request", "a bare first request", || client().sends(bare(1).build())),
    rejects("turn.client.retry-after-401", "a retry with another nonce", || {
        let retry =
            signed(bare(2).attribute(&Attribute::Username(USER)).attribute(&Attribute::Realm(REALM)).attribute(&Attribute::Nonce("other")));
        client().sends(bare(1).build()).gets(challenge(1).build()).sends(retry.build())
    }),
    rejects("turn.client.retry-after-401", "a retry without credentials", || {
        client().sends(bare(1).build()).gets(challenge(1).build()).sends(bare(2).build())
    }),
    accepts("turn.client.retry-after-401", "a retry with what the server sent", || client().obtains(1)),
    accepts("turn.client.retry-after-401", "a retry with the nonce of the second answer to a doubled request", || {
        let second = error(Method::ALLOCATE, 1, 401).attribute(&Attribute::Realm(REALM)).attribute(&Attribute::Nonce("other"));
        let retry =
            signed(bare(2).attribute(&Attribute::Username(USER)).attribute(&Attribute::Realm(REALM)).attribute(&Attribute::Nonce("other")));
        client().sends(bare(1).build()).gets(challenge(1).build()).gets(second.build()).sends(retry.build())
    }),
    rejects("turn.client.retry-after-438", "the old nonce again", || stale().sends(refresh(4, 600).build())),
    rejects("turn.client.retry-after-438", "no retry", || stale().wait(60_000).sends(send(peer(), b"x").build())),
    accepts("turn.client.retry-after-438", "the new nonce", || stale().sends(renewed(4).build())),
    rejects("turn.client.cached-credentials", "a later request without credentials", || {
        let bare = message(Class::Request, Method::REFRESH, 3).attribute(&Attribute::Lifetime(600));
        client().obtains(1).sends(bare.build())
    }),
    accepts("turn.client.cached-credentials", "a later request with credentials", || client().obtains(1).sends(refresh(3, 600).build())),
    rejects("turn.client.refused-credentials", "the same user again after 401", || {
        let case = client().sends(bare(1).build()).gets(challenge(1).build()).sends(allocate(2).build()).gets(challenge(2).build());
        case.wait(100).sends(allocate(3).build())
    }),
    accepts("turn.client.refused-credentials", "silence after 401", || {
        client().sends(bare(1).build()).gets(challenge(1).build()).sends(allocate(2).build()).gets(challenge(2).build())
    }),
    rejects("turn.client.no-repeat", "the same Allocate again after 442", || {
        let case = client().sends(bare(1).build()).gets(challenge(1).build()).sends(allocate(2).build());
        case.gets(signed(error(Method::ALLOCATE, 2, 442)).build()).wait(100).sends(allocate(3).build())
    }),
    accepts("turn.client.no-repeat", "silence after 403", || {
        let case = client().sends(bare(1).build()).gets(challenge(1).build()).sends(allocate(2).build());
        case.gets(signed(error(Method::ALLOCATE, 2, 403)).build())
    }),
];

const NONCE: Attribute<'static> = Attribute::Nonce("obMatJos2AAAAx");

fn server() -> Case {
    Case::turn(R::TurnServer)
}

/// A server that knows a second user.
fn server_for_two() -> Case {
    let mut case = server();
    let bob = harness::check::Credentials { realm: REALM.into(), username: "bob".into(), password: "bobs".into() };
    case.context.credentials.push(bob);
    case
}

fn client() -> Case {
    Case::turn(R::TurnClient)
}

fn relayed() -> SocketAddr {
    SocketAddr::new(address(10), port(60_000))
}

fn peer() -> SocketAddr {
    SocketAddr::new(address(40), port(7000))
}

fn second_peer() -> SocketAddr {
    SocketAddr::new(address(60), port(7000))
}

fn stranger() -> SocketAddr {
    SocketAddr::new(address(80), port(7000))
}

fn ipv6_peer() -> SocketAddr {
    "[2001:db8::9]:7000".parse().unwrap()
}

/// An Allocate request without credentials.
fn bare(number: u64) -> RawBuilder {
    message(Class::Request, Method::ALLOCATE, number).attribute(&Attribute::RequestedTransport(17))
}

fn credentials(request: RawBuilder) -> RawBuilder {
    request.attribute(&Attribute::Username(USER)).attribute(&Attribute::Realm(REALM)).attribute(&NONCE)
}

/// An authenticated request.
fn authenticated(method: Method, number: u64, attributes: impl Fn(RawBuilder) -> RawBuilder) -> RawBuilder {
    signed(credentials(attributes(message(Class::Request, method, number))))
}

fn allocate(number: u64) -> RawBuilder {
    with(number, &Attribute::RequestedTransport(17))
}

fn with(number: u64, attribute: &Attribute<'_>) -> RawBuilder {
    authenticated(Method::ALLOCATE, number, |request| request.attribute(attribute))
}

fn without_transport(number: u64) -> RawBuilder {
    authenticated(Method::ALLOCATE, number, |request| request)
}

fn both_families(number: u64) -> RawBuilder {
    authenticated(Method::ALLOCATE, number, |request| {
        let request =
            request.attribute(&Attribute::RequestedTransport(17)).attribute(&Attribute::RequestedAddressFamily(AddressFamily::IPV4));
        request.attribute(&Attribute::AdditionalAddressFamily(AddressFamily::IPV6))
    })
}

fn of_user(number: u64, user: &str, password: &str) -> RawBuilder {
    let request = bare(number).attribute(&Attribute::Username(user)).attribute(&Attribute::Realm(REALM)).attribute(&NONCE);
    request.integrity(Digest::Sha1, &Key::long_term_md5(user, REALM, password))
}

fn refresh(number: u64, lifetime: u32) -> RawBuilder {
    authenticated(Method::REFRESH, number, |request| request.attribute(&Attribute::Lifetime(lifetime)))
}

/// The same with the nonce of [`stale`].
fn renewed(number: u64) -> RawBuilder {
    let request =
        message(Class::Request, Method::REFRESH, number).attribute(&Attribute::Lifetime(600)).attribute(&Attribute::Username(USER));
    signed(request.attribute(&Attribute::Realm(REALM)).attribute(&Attribute::Nonce("obMatJos2AAAAnew")))
}

fn permit(number: u64, peer: SocketAddr) -> RawBuilder {
    authenticated(Method::CREATE_PERMISSION, number, |request| request.attribute(&Attribute::XorPeerAddress(peer)))
}

fn bobs_permission(number: u64) -> RawBuilder {
    let request = message(Class::Request, Method::CREATE_PERMISSION, number).attribute(&Attribute::XorPeerAddress(peer()));
    let request = request.attribute(&Attribute::Username("bob")).attribute(&Attribute::Realm(REALM)).attribute(&NONCE);
    request.integrity(Digest::Sha1, &Key::long_term_md5("bob", REALM, "bobs"))
}

fn bind(number: u64, channel: u16, peer: SocketAddr) -> RawBuilder {
    authenticated(Method::CHANNEL_BIND, number, |request| {
        request.attribute(&Attribute::ChannelNumber(channel)).attribute(&Attribute::XorPeerAddress(peer))
    })
}

fn success(method: Method, number: u64) -> RawBuilder {
    message(Class::SuccessResponse, method, number)
}

fn challenge(number: u64) -> RawBuilder {
    error(Method::ALLOCATE, number, 401).attribute(&Attribute::Realm(REALM)).attribute(&NONCE)
}

fn mapped(case: &Case) -> Attribute<'static> {
    let client = if case.context.parties[SUBJECT].role == R::TurnServer { case.other() } else { case.own() };
    Attribute::XorMappedAddress(client)
}

fn allocated_at(number: u64, case: &Case, relayed: SocketAddr, lifetime: u32) -> RawBuilder {
    let response = success(Method::ALLOCATE, number).attribute(&Attribute::XorRelayedAddress(relayed));
    response.attribute(&mapped(case)).attribute(&Attribute::Lifetime(lifetime))
}

fn allocated(number: u64, case: &Case) -> RawBuilder {
    allocated_at(number, case, relayed(), 600)
}

fn send(peer: SocketAddr, data: &[u8]) -> RawBuilder {
    message(Class::Indication, Method::SEND, 900 + u64::from(data[0]))
        .attribute(&Attribute::XorPeerAddress(peer))
        .attribute(&Attribute::Data(data))
}

fn data_indication(peer: SocketAddr, data: &[u8]) -> RawBuilder {
    RawBuilder::new(Class::Indication, Method::DATA, TransactionId([data[0]; 12]))
        .attribute(&Attribute::XorPeerAddress(peer))
        .attribute(&Attribute::Data(data))
}

/// Two clients on two ports: the first gets the usual nonce, the second this one.
fn two_challenges(nonce: &str) -> Case {
    let case = server().challenges(1);
    let (own, second) = (case.own(), SocketAddr::new(case.other().ip(), case.other().port() + 1));
    let answer = error(Method::ALLOCATE, 2, 401).attribute(&Attribute::Realm(REALM)).attribute(&Attribute::Nonce(nonce));
    case.gets_between(second, own, bare(2).build()).sends_between(own, second, answer.build())
}

fn two_allocations(second_relayed: SocketAddr) -> Case {
    let case = server().allocates(1);
    let (own, second) = (case.own(), SocketAddr::new(case.other().ip(), case.other().port() + 1));
    let answer = success(Method::ALLOCATE, 2)
        .attribute(&Attribute::XorRelayedAddress(second_relayed))
        .attribute(&Attribute::XorMappedAddress(second));
    let answer = signed(answer.attribute(&Attribute::Lifetime(600)));
    case.gets_between(second, own, allocate(2).build()).sends_between(own, second, answer.build())
}

fn allocates_port(port: u16) -> Case {
    server().gets(allocate(1).build()).answered(1, |case| allocated_at(1, case, SocketAddr::new(relayed().ip(), port), 600))
}

fn even_port(reserve: bool, port: u16) -> Case {
    let request = authenticated(Method::ALLOCATE, 1, |request| {
        request.attribute(&Attribute::RequestedTransport(17)).attribute(&Attribute::EvenPort { reserve })
    });
    server().gets(request.build()).answered(1, |case| allocated_at(1, case, SocketAddr::new(relayed().ip(), port), 600))
}

fn lifetime(asked: Option<u32>, granted: u32) -> Case {
    let request = authenticated(Method::ALLOCATE, 1, |request| {
        let request = request.attribute(&Attribute::RequestedTransport(17));
        asked.map_or(request.clone(), |asked| request.attribute(&Attribute::Lifetime(asked)))
    });
    server().gets(request.build()).answered(1, |case| allocated_at(1, case, relayed(), granted))
}

/// A client whose Refresh met a stale nonce.
fn stale() -> Case {
    let stale = error(Method::REFRESH, 3, 438).attribute(&Attribute::Realm(REALM)).attribute(&Attribute::Nonce("obMatJos2AAAAnew"));
    client().obtains(1).gets_permission(9, peer()).wait(1000).sends(refresh(3, 600).build()).gets(stale.build())
}

trait Turn: Sized {
    fn challenges(self, number: u64) -> Self;
    fn answered(self, number: u64, answer: impl Fn(&Case) -> RawBuilder) -> Self;
    fn allocates(self, number: u64) -> Self;
    fn allocates_for(self, number: u64, lifetime: u32) -> Self;
    fn permits(self, number: u64, peer: SocketAddr) -> Self;
    fn binds(self, number: u64, channel: u16, peer: SocketAddr) -> Self;
    fn peer_sends(self, peer: SocketAddr, data: &[u8]) -> Self;
    fn peer_gets(self, peer: SocketAddr, data: &[u8]) -> Self;
    fn relays_to_client(self, data: &[u8]) -> Self;
    fn relays_by_channel(self, data: &[u8]) -> Self;
    fn obtains(self, number: u64) -> Self;
    fn obtains_for(self, number: u64, lifetime: u32) -> Self;
    fn gets_permission(self, number: u64, peer: SocketAddr) -> Self;
}

impl Turn for Case {
    /// The server refuses a bare Allocate.
    fn challenges(self, number: u64) -> Self {
        self.gets(bare(number).build()).sends(challenge(number).build())
    }

    /// The server answers with a protected response.
    fn answered(self, _number: u64, answer: impl Fn(&Case) -> RawBuilder) -> Self {
        let answer = signed(answer(&self)).build();
        self.sends(answer)
    }

    /// The server makes an allocation.
    fn allocates(self, number: u64) -> Self {
        self.gets(allocate(number).build()).answered(number, |case| allocated(number, case))
    }

    fn allocates_for(self, number: u64, lifetime: u32) -> Self {
        let request = authenticated(Method::ALLOCATE, number, |request| {
            request.attribute(&Attribute::RequestedTransport(17)).attribute(&Attribute::Lifetime(lifetime))
        });
        self.gets(request.build()).answered(number, |case| allocated_at(number, case, relayed(), lifetime))
    }

    /// The server installs a permission.
    fn permits(self, number: u64, peer: SocketAddr) -> Self {
        self.gets(permit(number, peer).build()).sends(signed(success(Method::CREATE_PERMISSION, number)).build())
    }

    /// The server binds a channel.
    fn binds(self, number: u64, channel: u16, peer: SocketAddr) -> Self {
        self.gets(bind(number, channel, peer).build()).sends(signed(success(Method::CHANNEL_BIND, number)).build())
    }

    /// A datagram arrives at the relayed address.
    fn peer_sends(self, peer: SocketAddr, data: &[u8]) -> Self {
        self.gets_between(peer, relayed(), data)
    }

    /// A datagram leaves from the relayed address.
    fn peer_gets(self, peer: SocketAddr, data: &[u8]) -> Self {
        self.sends_between(relayed(), peer, data)
    }

    fn relays_to_client(self, data: &[u8]) -> Self {
        self.peer_sends(peer(), data).sends(data_indication(peer(), data).build())
    }

    fn relays_by_channel(self, data: &[u8]) -> Self {
        self.peer_sends(peer(), data).sends(channel_data(ChannelNumber(0x4000), data).unwrap())
    }

    /// The client gets an allocation; it uses this transaction and the next.
    fn obtains(self, number: u64) -> Self {
        let (first, response) = (number, number + 1);
        let case = self.sends(bare(first).build()).gets(challenge(first).build()).sends(allocate(response).build());
        let answer = signed(allocated(response, &case));
        case.gets(answer.build())
    }

    fn obtains_for(self, number: u64, lifetime: u32) -> Self {
        let (first, response) = (number, number + 1);
        let case = self.sends(bare(first).build()).gets(challenge(first).build()).sends(allocate(response).build());
        let answer = signed(allocated_at(response, &case, relayed(), lifetime));
        case.gets(answer.build())
    }

    /// The client gets a permission.
    fn gets_permission(self, number: u64, peer: SocketAddr) -> Self {
        self.sends(permit(number, peer).build()).gets(signed(success(Method::CREATE_PERMISSION, number)).build())
    }
}
