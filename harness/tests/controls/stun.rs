//! Controls of the checks on STUN.

use crate::support::*;
use harness::scenario::model::RoleName as R;
use std::net::SocketAddr;
use wire::stun::build::RawBuilder;
use wire::stun::{Attribute, AttributeType as T, Class, Digest, Key, Method, TransactionId};

pub(crate) const CONTROLS: &[Control] = &[
    // --- header and framing
    rejects("stun.header.leading-bits", "a request that begins with a one bit", || client(binding(1).message_type(0x8001))),
    accepts("stun.header.leading-bits", "a plain Binding request", || client(binding(1))),
    rejects("stun.header.magic-cookie", "a request with another cookie", || client(binding(1).cookie(0x2112_A443))),
    rejects("stun.header.magic-cookie", "a response without cookie to a request with one", || {
        server(binding(1), |case| bound(1, case.other()).cookie(7))
    }),
    accepts("stun.header.magic-cookie", "a request with the cookie", || client(binding(1))),
    rejects("stun.header.length", "a length of four too many", || client(binding(1).length(4))),
    rejects("stun.header.length", "a length that counts the header", || client(binding(1).attribute(&SOFTWARE).length(32))),
    rejects("stun.header.length", "a length that is no multiple of four", || {
        client(binding(1).value(T::SOFTWARE, *b"abc").length(7).truncate(27))
    }),
    accepts("stun.header.length", "a request with an attribute", || client(binding(1).attribute(&SOFTWARE))),
    rejects("stun.attributes.framing", "an attribute longer than the message", || client(binding(1).tlv(T::SOFTWARE, 64, *b"abcd", []))),
    rejects("stun.attributes.framing", "an attribute without its padding", || client(binding(1).tlv(T::SOFTWARE, 5, *b"abcde", []))),
    rejects("stun.attributes.framing", "half an attribute header", || client(binding(1).attribute(&SOFTWARE).bytes([0x80, 0x22]))),
    accepts("stun.attributes.framing", "an attribute that needs padding", || client(binding(1).value(T::SOFTWARE, *b"abcde"))),
    rejects("stun.attributes.padding", "padding of spaces", || client(binding(1).tlv(T::SOFTWARE, 5, *b"abcde", *b"   "))),
    accepts("stun.attributes.padding", "padding of zeros", || client(binding(1).value(T::SOFTWARE, *b"abcde"))),
    rejects("stun.attributes.address-form", "an address of family 3", || {
        server(binding(1), |_| message(Class::SuccessResponse, Method::BINDING, 1).value(T::XOR_MAPPED_ADDRESS, [0, 3, 1, 1, 1, 1, 1, 1]))
    }),
    rejects("stun.attributes.address-form", "an IPv6 address of four octets", || {
        server(binding(1), |_| message(Class::SuccessResponse, Method::BINDING, 1).value(T::MAPPED_ADDRESS, [0, 2, 1, 1, 1, 1, 1, 1]))
    }),
    rejects("stun.attributes.address-form", "a first octet of one", || {
        server(binding(1), |_| message(Class::SuccessResponse, Method::BINDING, 1).value(T::MAPPED_ADDRESS, [1, 1, 1, 1, 1, 1, 1, 1]))
    }),
    accepts("stun.attributes.address-form", "an IPv4 address", || server(binding(1), |case| bound(1, case.other()))),
    rejects("stun.attributes.turn-reserved-octets", "REQUESTED-TRANSPORT with reserved octets set", || {
        turn_client(message(Class::Request, Method::ALLOCATE, 1).value(T::REQUESTED_TRANSPORT, [17, 0, 0, 1]))
    }),
    accepts("stun.attributes.turn-reserved-octets", "REQUESTED-TRANSPORT with zeros behind the protocol", || {
        turn_client(message(Class::Request, Method::ALLOCATE, 1).attribute(&Attribute::RequestedTransport(17)))
    }),
    // --- error codes
    rejects("stun.error-code.form", "a class of 7", || {
        server(binding(1), |_| message(Class::ErrorResponse, Method::BINDING, 1).value(T::ERROR_CODE, [0, 0, 7, 0]))
    }),
    rejects("stun.error-code.form", "a number of 100", || {
        server(binding(1), |_| message(Class::ErrorResponse, Method::BINDING, 1).value(T::ERROR_CODE, [0, 0, 4, 100]))
    }),
    accepts("stun.error-code.form", "400", || server(binding(1), |_| error(Method::BINDING, 1, 400))),
    rejects("stun.error-code.reserved-bits", "a reserved bit beside the class", || {
        server(binding(1), |_| message(Class::ErrorResponse, Method::BINDING, 1).value(T::ERROR_CODE, [0, 0, 0x0C, 0]))
    }),
    accepts("stun.error-code.reserved-bits", "400", || server(binding(1), |_| error(Method::BINDING, 1, 400))),
    rejects("stun.error-code.reason-length", "a phrase of 128 characters", || {
        let value: Vec<u8> = [0, 0, 4, 0].into_iter().chain([b'x'; 128]).collect();
        server(binding(1), |_| message(Class::ErrorResponse, Method::BINDING, 1).value(T::ERROR_CODE, value.clone()))
    }),
    accepts("stun.error-code.reason-length", "a short phrase", || server(binding(1), |_| error(Method::BINDING, 1, 500))),
    // --- text
    rejects("stun.username.length", "a user name of 509 octets", || client(binding(1).value(T::USERNAME, [b'u'; 509]))),
    rejects("stun.username.length", "a user name that is not UTF-8", || client(binding(1).value(T::USERNAME, [0xFF; 4]))),
    accepts("stun.username.length", "a user name of 508 octets", || client(binding(1).value(T::USERNAME, [b'u'; 508]))),
    rejects("stun.realm.length", "a realm of 128 characters", || challenge(|answer| answer.value(T::REALM, [b'r'; 128]).attribute(&NONCE))),
    accepts("stun.realm.length", "a realm of 127 two-octet characters", || {
        challenge(|answer| answer.value(T::REALM, "ä".repeat(127)).attribute(&NONCE))
    }),
    rejects("stun.nonce.length", "a nonce of 128 characters", || {
        challenge(|answer| answer.attribute(&Attribute::Realm(REALM)).value(T::NONCE, [b'n'; 128]))
    }),
    accepts("stun.nonce.length", "a nonce of 127 characters", || {
        challenge(|answer| answer.attribute(&Attribute::Realm(REALM)).value(T::NONCE, format!("obMatJos2AAAA{}", "n".repeat(114))))
    }),
    rejects("stun.software.length", "a description of 128 characters", || client(binding(1).value(T::SOFTWARE, [b's'; 128]))),
    accepts("stun.software.length", "a short description", || client(binding(1).attribute(&SOFTWARE))),
    // --- digests
    rejects("stun.fingerprint.last", "SOFTWARE behind FINGERPRINT", || client(binding(1).fingerprint().attribute(&SOFTWARE))),
    accepts("stun.fingerprint.last", "FINGERPRINT at the end", || client(binding(1).attribute(&SOFTWARE).fingerprint())),
    rejects("stun.fingerprint.value", "a FINGERPRINT with one bit changed", || client(binding(1).wrong_fingerprint(1))),
    rejects("stun.fingerprint.value", "a CRC-32 without the XOR", || client(binding(1).wrong_fingerprint(wire::stun::FINGERPRINT_XOR))),
    accepts("stun.fingerprint.value", "a right FINGERPRINT", || client(binding(1).fingerprint())),
    rejects("stun.integrity.order", "SOFTWARE behind MESSAGE-INTEGRITY", || {
        client(binding(1).integrity(Digest::Sha1, &unknown()).attribute(&SOFTWARE))
    }),
    accepts("stun.integrity.order", "SHA-256 and FINGERPRINT behind MESSAGE-INTEGRITY", || {
        client(binding(1).integrity(Digest::Sha1, &unknown()).integrity(Digest::Sha256, &unknown()).fingerprint())
    }),
    rejects("stun.integrity.value", "the key of another password", || {
        turn_client(allocate(2).integrity(Digest::Sha1, &Key::long_term_md5(USER, REALM, "wrong")))
    }),
    rejects("stun.integrity.value", "a digest over the length without the attribute", || {
        let length = u16::try_from(allocate(2).build().len() - 20).unwrap();
        turn_client(allocate(2).integrity_over_length(Digest::Sha1, &long_term(), length))
    }),
    accepts("stun.integrity.value", "the key of the user", || challenged(signed(allocate(2)))),
    rejects("stun.integrity.sha256-length", "a digest of 12 octets", || {
        client(binding(1).shortened_integrity(Digest::Sha256, &unknown(), 12))
    }),
    accepts("stun.integrity.sha256-length", "a digest of 32 octets", || client(binding(1).integrity(Digest::Sha256, &unknown()))),
    // --- transaction ids
    rejects("stun.transaction.fresh-id", "another request with the same id", || {
        client(binding(1)).sends(binding(1).attribute(&SOFTWARE).build())
    }),
    rejects("stun.transaction.fresh-id", "the same request to another server", || {
        let case = client(binding(1));
        let (own, elsewhere) = (case.own(), SocketAddr::new(address(30), 3478));
        case.sends_between(own, elsewhere, binding(1).build())
    }),
    accepts("stun.transaction.fresh-id", "two requests with two ids, one of them sent again", || {
        client(binding(1)).wait(500).sends(binding(1).build()).sends(binding(2).build())
    }),
    rejects("stun.transaction.random-id", "ids that count", || {
        many(5, |number| TransactionId([7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, number as u8]))
    }),
    rejects("stun.transaction.random-id", "ids of printable characters", || {
        many(40, |number| TransactionId(id(number).0.map(|octet| octet & 0x7F)))
    }),
    rejects("stun.transaction.random-id", "an id of zeros", || many(1, |_| TransactionId([0; 12]))),
    accepts("stun.transaction.random-id", "forty random ids", || many(40, id)),
    // --- responses
    rejects("stun.response.matches-request", "a response with another transaction id", || {
        server(binding(1), |case| bound(2, case.other()))
    }),
    rejects("stun.response.matches-request", "a response with another method", || {
        server(binding(1), |case| message(Class::SuccessResponse, Method::REFRESH, 1).attribute(&Attribute::XorMappedAddress(case.other())))
    }),
    rejects("stun.response.matches-request", "a response to an indication", || {
        server(message(Class::Indication, Method::BINDING, 1), |case| bound(1, case.other()))
    }),
    accepts("stun.response.matches-request", "a response to a request", || server(binding(1), |case| bound(1, case.other()))),
    rejects("stun.response.addresses", "a response from another port", || {
        let case = Case::new(R::StunServer).gets(binding(1).build());
        let (from, to) = (SocketAddr::new(case.own().ip(), 3479), case.other());
        case.sends_between(from, to, bound(1, to).build())
    }),
    rejects("stun.response.addresses", "a response to another port", || {
        let case = Case::new(R::StunServer).gets(binding(1).build());
        let (from, client) = (case.own(), case.other());
        case.sends_between(from, SocketAddr::new(client.ip(), client.port() + 1), bound(1, client).build())
    }),
    accepts("stun.response.addresses", "a response along the same way", || server(binding(1), |case| bound(1, case.other()))),
    rejects("stun.response.mapped-address", "the server's own address", || server(binding(1), |case| bound(1, case.own()))),
    rejects("stun.response.mapped-address", "MAPPED-ADDRESS alone", || {
        server(binding(1), |case| message(Class::SuccessResponse, Method::BINDING, 1).attribute(&Attribute::MappedAddress(case.other())))
    }),
    accepts("stun.response.mapped-address", "the client's address", || server(binding(1), |case| bound(1, case.other()))),
    rejects("stun.response.error-code", "an error response without ERROR-CODE", || {
        server(binding(1), |_| message(Class::ErrorResponse, Method::BINDING, 1))
    }),
    accepts("stun.response.error-code", "an error response with 500", || server(binding(1), |_| error(Method::BINDING, 1, 500))),
    rejects("stun.response.unknown-attributes", "420 without a list", || server(strange(1), |_| error(Method::BINDING, 1, 420))),
    rejects("stun.response.unknown-attributes", "420 with the wrong list", || {
        server(strange(1), |_| error(Method::BINDING, 1, 420).attribute(&Attribute::UnknownAttributes(vec![T::SOFTWARE])))
    }),
    accepts("stun.response.unknown-attributes", "420 with the right list", || {
        server(strange(1), |_| error(Method::BINDING, 1, 420).attribute(&Attribute::UnknownAttributes(vec![UNHEARD_OF])))
    }),
    rejects("stun.response.comprehension-required", "success in spite of an unknown attribute", || {
        server(strange(1), |case| bound(1, case.other()))
    }),
    accepts("stun.response.comprehension-required", "420 for an unknown attribute", || {
        server(strange(1), |_| error(Method::BINDING, 1, 420).attribute(&Attribute::UnknownAttributes(vec![UNHEARD_OF])))
    }),
    rejects("stun.response.integrity", "an unprotected success response to a protected request", || refreshed(refresh_success())),
    rejects("stun.response.integrity", "SHA-256 in the response to a request with SHA-1", || {
        refreshed(refresh_success().integrity(Digest::Sha256, &long_term()))
    }),
    accepts("stun.response.integrity", "a protected success response", || refreshed(signed(refresh_success()))),
    // --- retransmission
    rejects("stun.client.initial-rto", "a second send after 100 ms", || sends_at(&[0, 100])),
    accepts("stun.client.initial-rto", "a second send after 500 ms", || sends_at(&[0, 500])),
    rejects("stun.client.backoff", "a constant interval", || sends_at(&[0, 500, 1000])),
    rejects("stun.client.backoff", "an interval that doubles once", || sends_at(&[0, 500, 1500, 2500])),
    accepts("stun.client.backoff", "intervals of 500, 1000, 2000 ms", || sends_at(&[0, 500, 1500, 3500])),
    rejects("stun.client.stops-after-response", "a request sent again after its response", || {
        client(binding(1)).wait(50).gets(bound(1, Case::new(R::StunClient).own()).build()).wait(450).sends(binding(1).build())
    }),
    accepts("stun.client.stops-after-response", "a request that is answered after its second send", || {
        client(binding(1)).wait(500).sends(binding(1).build()).wait(50).gets(bound(1, Case::new(R::StunClient).own()).build())
    }),
    rejects("stun.client.send-count", "an eighth send", || sends_at(&[0, 500, 1500, 3500, 7500, 15_500, 31_500, 63_500])),
    rejects("stun.client.send-count", "a client that gives up after three sends", || {
        sends_at(&[0, 500, 1500]).wait(60_000).sends(binding(2).build())
    }),
    accepts("stun.client.send-count", "seven sends", || sends_at(&[0, 500, 1500, 3500, 7500, 15_500, 31_500])),
];

const SOFTWARE: Attribute<'static> = Attribute::Software("controls");
const NONCE: Attribute<'static> = Attribute::Nonce("obMatJos2AAAAx");

/// A key that no check can know.
fn unknown() -> Key {
    Key::from_bytes(*b"unknown")
}

fn strange(number: u64) -> RawBuilder {
    binding(number).value(UNHEARD_OF, *b"what")
}

/// A client that sends one message.
fn client(message: RawBuilder) -> Case {
    Case::new(R::StunClient).sends(message.build())
}

fn turn_client(message: RawBuilder) -> Case {
    Case::turn(R::TurnClient).sends(message.build())
}

fn allocate(number: u64) -> RawBuilder {
    message(Class::Request, Method::ALLOCATE, number)
        .attribute(&Attribute::RequestedTransport(17))
        .attribute(&Attribute::Username(USER))
        .attribute(&Attribute::Realm(REALM))
        .attribute(&NONCE)
}

/// A client that is challenged and sends this.
fn challenged(retry: RawBuilder) -> Case {
    turn_client(message(Class::Request, Method::ALLOCATE, 1).attribute(&Attribute::RequestedTransport(17)))
        .gets(error(Method::ALLOCATE, 1, 401).attribute(&Attribute::Realm(REALM)).attribute(&NONCE).build())
        .sends(retry.build())
}

/// A STUN server that answers one message.
fn server(request: RawBuilder, answer: impl Fn(&Case) -> RawBuilder) -> Case {
    let case = Case::new(R::StunServer).gets(request.build());
    let answer = answer(&case).build();
    case.sends(answer)
}

/// A TURN server that answers an Allocate request without credentials.
fn challenge(attributes: impl Fn(RawBuilder) -> RawBuilder) -> Case {
    let request = message(Class::Request, Method::ALLOCATE, 1).attribute(&Attribute::RequestedTransport(17));
    Case::turn(R::TurnServer).gets(request.build()).sends(attributes(error(Method::ALLOCATE, 1, 401)).build())
}

/// A TURN server that answers an authenticated Binding request: no allocation is needed for it.
fn refreshed(answer: RawBuilder) -> Case {
    let request = binding(1).attribute(&Attribute::Username(USER)).attribute(&Attribute::Realm(REALM)).attribute(&NONCE);
    Case::turn(R::TurnServer).gets(signed(request).build()).sends(answer.build())
}

fn refresh_success() -> RawBuilder {
    bound(1, Case::turn(R::TurnServer).other())
}

/// A client that sends one request at these times, in milliseconds.
fn sends_at(times: &[u64]) -> Case {
    let mut case = Case::new(R::StunClient);
    let mut now = 0;
    for time in times {
        case = case.wait(time - now).sends(binding(1).build());
        now = *time;
    }
    case
}

/// A client that does so many transactions.
fn many(count: u64, id: impl Fn(u64) -> TransactionId) -> Case {
    (0..count).fold(Case::new(R::StunClient), |case, number| {
        let own = case.own();
        let request = RawBuilder::new(Class::Request, Method::BINDING, id(number));
        let response = RawBuilder::new(Class::SuccessResponse, Method::BINDING, id(number)).attribute(&Attribute::XorMappedAddress(own));
        case.sends(request.build()).wait(20).gets(response.build()).wait(1000)
    })
}
