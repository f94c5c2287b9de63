//! Controls of the checks on what TURN servers announce, reserve, and tell of ICMP.

use crate::support::*;
use harness::scenario::model::RoleName as R;
use std::net::SocketAddr;
use wire::stun::build::RawBuilder;
use wire::stun::{AddressFamily, Attribute, Class, ErrorCode, Icmp, Method, PasswordAlgorithm, TransactionId, userhash};

/// A nonce that announces password algorithms.
const ANNOUNCING: &str = "obMatJos2AAABx";
/// A nonce that announces nothing.
const PLAIN: &str = "obMatJos2AAAAx";
/// A nonce that announces anonymous users.
const ANONYMOUS: &str = "obMatJos2AAACx";

pub(crate) const CONTROLS: &[Control] = &[
    rejects("turn.server.announced-features", "an offer that the nonce does not announce", || offers(PLAIN, true)),
    rejects("turn.server.announced-features", "an announced offer that is missing", || offers(ANNOUNCING, false)),
    accepts("turn.server.announced-features", "an announced offer", || offers(ANNOUNCING, true)),
    accepts("turn.server.announced-features", "nothing announced and nothing offered", || offers(PLAIN, false)),
    rejects("turn.server.anonymity-announced", "USERHASH accepted without announcement", || anonymous(PLAIN)),
    accepts("turn.server.anonymity-announced", "USERHASH accepted as announced", || anonymous(ANONYMOUS)),
    rejects("turn.server.bid-down", "success with an altered offer", || {
        let case = offers(ANNOUNCING, true).gets(negotiated(2, Some(&[MD5]), Some(MD5)).build());
        let answer = signed(allocated(2, &case, &[relayed()]));
        case.sends(answer.build())
    }),
    rejects("turn.server.bid-down", "401 to a choice without the offer", || {
        offers(ANNOUNCING, true).gets(negotiated(2, None, Some(MD5)).build()).sends(challenge(2, ANNOUNCING, true).build())
    }),
    accepts("turn.server.bid-down", "400 to an altered offer", || {
        offers(ANNOUNCING, true).gets(negotiated(2, Some(&[MD5]), Some(MD5)).build()).sends(error(Method::ALLOCATE, 2, 400).build())
    }),
    rejects("turn.allocate.dual", "one address without a word on the other", || dual(|case| allocated(1, case, &[relayed()]))),
    rejects("turn.allocate.dual", "two addresses of one family", || {
        dual(|case| allocated(1, case, &[relayed(), SocketAddr::new(relayed().ip(), 60_000)]))
    }),
    accepts("turn.allocate.dual", "an address of each family", || {
        dual(|case| allocated(1, case, &[relayed(), "[2001:db8::5]:50000".parse().unwrap()]))
    }),
    accepts("turn.allocate.dual", "ADDRESS-ERROR-CODE for the other family", || {
        dual(|case| {
            let error = ErrorCode { code: 440, reason: "Address Family not Supported" };
            allocated(1, case, &[relayed()]).attribute(&Attribute::AddressErrorCode { family: AddressFamily::IPV6, error })
        })
    }),
    rejects("turn.allocate.reservation", "another port", || {
        claims(1_000, |case| allocated(2, case, &[SocketAddr::new(relayed().ip(), 61_000)]))
    }),
    rejects("turn.allocate.reservation", "508 after ten seconds", || claims(10_000, |_| error(Method::ALLOCATE, 2, 508))),
    accepts("turn.allocate.reservation", "the reserved port after 29 s", || {
        claims(29_000, |case| allocated(2, case, &[SocketAddr::new(relayed().ip(), relayed().port() + 1)]))
    }),
    rejects("turn.data-indication.icmp", "ICMP without a peer", || permitted().sends(icmp(None, 3, 3, 0))),
    rejects("turn.data-indication.icmp", "error data in port unreachable", || permitted().sends(icmp(Some(peer()), 3, 3, 7))),
    accepts("turn.data-indication.icmp", "port unreachable", || permitted().sends(icmp(Some(peer()), 3, 3, 0))),
    accepts("turn.data-indication.icmp", "fragmentation needed, with an MTU", || permitted().sends(icmp(Some(peer()), 3, 4, 1400))),
    rejects("turn.data-indication.icmp-permission", "a peer without permission", || {
        permitted().sends(icmp(Some(SocketAddr::new(address(70), 7000)), 3, 3, 0))
    }),
    accepts("turn.data-indication.icmp-permission", "a peer with permission", || permitted().sends(icmp(Some(peer()), 3, 3, 0))),
];

const MD5: PasswordAlgorithm<'static> = PasswordAlgorithm { algorithm: PasswordAlgorithm::MD5, parameters: &[] };
const SHA256: PasswordAlgorithm<'static> = PasswordAlgorithm { algorithm: PasswordAlgorithm::SHA256, parameters: &[] };

fn server() -> Case {
    Case::turn(R::TurnServer)
}

fn relayed() -> SocketAddr {
    SocketAddr::new(address(10), 50_000)
}

fn peer() -> SocketAddr {
    SocketAddr::new(address(60), 6000)
}

fn bare(number: u64) -> RawBuilder {
    message(Class::Request, Method::ALLOCATE, number).attribute(&Attribute::RequestedTransport(17))
}

fn challenge(number: u64, nonce: &str, offer: bool) -> RawBuilder {
    let challenge = error(Method::ALLOCATE, number, 401).attribute(&Attribute::Realm(REALM)).attribute(&Attribute::Nonce(nonce));
    if offer { challenge.attribute(&Attribute::PasswordAlgorithms(vec![SHA256, MD5])) } else { challenge }
}

/// A challenge with this nonce, with or without an offer.
fn offers(nonce: &str, offer: bool) -> Case {
    server().gets(bare(1).build()).sends(challenge(1, nonce, offer).build())
}

fn of_user(request: RawBuilder, nonce: &str) -> RawBuilder {
    request.attribute(&Attribute::Username(USER)).attribute(&Attribute::Realm(REALM)).attribute(&Attribute::Nonce(nonce))
}

/// An Allocate request that speaks of password algorithms.
fn negotiated(number: u64, offer: Option<&[PasswordAlgorithm<'static>]>, chosen: Option<PasswordAlgorithm<'static>>) -> RawBuilder {
    let mut request = of_user(bare(number), ANNOUNCING);
    if let Some(offer) = offer {
        request = request.attribute(&Attribute::PasswordAlgorithms(offer.to_vec()));
    }
    if let Some(chosen) = chosen {
        request = request.attribute(&Attribute::PasswordAlgorithm(chosen));
    }
    signed(request)
}

fn anonymous(nonce: &str) -> Case {
    let request = bare(2).attribute(&Attribute::Userhash(userhash(USER, REALM)));
    let request = signed(request.attribute(&Attribute::Realm(REALM)).attribute(&Attribute::Nonce(nonce)));
    let case = server().gets(request.build());
    let answer = signed(allocated(2, &case, &[relayed()]));
    case.sends(answer.build())
}

fn allocated(number: u64, case: &Case, relayed: &[SocketAddr]) -> RawBuilder {
    let response = message(Class::SuccessResponse, Method::ALLOCATE, number);
    let response = relayed.iter().fold(response, |response, relayed| response.attribute(&Attribute::XorRelayedAddress(*relayed)));
    response.attribute(&Attribute::XorMappedAddress(case.other())).attribute(&Attribute::Lifetime(600))
}

/// A request for both families, and what it gets.
fn dual(answer: impl Fn(&Case) -> RawBuilder) -> Case {
    let request = signed(of_user(bare(1).attribute(&Attribute::AdditionalAddressFamily(AddressFamily::IPV6)), PLAIN));
    let case = server().gets(request.build());
    let answer = signed(answer(&case));
    case.sends(answer.build())
}

const TOKEN: [u8; 8] = *b"reserved";

/// A reservation, and what a second client gets for the token after so many milliseconds.
fn claims(after: u64, answer: impl Fn(&Case) -> RawBuilder) -> Case {
    let reserving = signed(of_user(bare(1).attribute(&Attribute::EvenPort { reserve: true }), PLAIN));
    let case = server().gets(reserving.build());
    let given = signed(allocated(1, &case, &[relayed()]).attribute(&Attribute::ReservationToken(TOKEN)));
    let case = case.sends(given.build()).wait(after);
    let (own, second) = (case.own(), SocketAddr::new(case.other().ip(), case.other().port() + 1));
    let claim = signed(of_user(bare(2).attribute(&Attribute::ReservationToken(TOKEN)), PLAIN));
    // The response names the second client's own address.
    let answer = signed(answer(&case));
    case.gets_between(second, own, claim.build()).sends_between(own, second, answer.build())
}

/// A server with an allocation and a permission for the peer.
fn permitted() -> Case {
    let case = server().gets(signed(of_user(bare(1), PLAIN)).build());
    let answer = signed(allocated(1, &case, &[relayed()]));
    let permission = message(Class::Request, Method::CREATE_PERMISSION, 2).attribute(&Attribute::XorPeerAddress(peer()));
    let granted = signed(message(Class::SuccessResponse, Method::CREATE_PERMISSION, 2));
    case.sends(answer.build()).gets(signed(of_user(permission, PLAIN)).build()).sends(granted.build()).wait(1_000)
}

fn icmp(peer: Option<SocketAddr>, icmp_type: u8, code: u8, error_data: u32) -> Vec<u8> {
    let mut indication = RawBuilder::new(Class::Indication, Method::DATA, TransactionId([icmp_type; 12]));
    if let Some(peer) = peer {
        indication = indication.attribute(&Attribute::XorPeerAddress(peer));
    }
    let icmp = Attribute::Icmp(Icmp { icmp_type, code, error_data });
    indication.attribute(&icmp).build()
}
