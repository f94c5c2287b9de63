//! Controls of the checks on how TURN clients negotiate, and on what they take for never received.

use crate::support::*;
use harness::scenario::model::RoleName as R;
use wire::stun::build::RawBuilder;
use wire::stun::{Attribute, Class, Credential, Digest, Key, Method, PasswordAlgorithm, PasswordHash, userhash};

/// Announces password algorithms and anonymous users.
const BOTH: &str = "obMatJos2AAADx";
/// Announces password algorithms.
const ALGORITHMS: &str = "obMatJos2AAABx";
/// Announces nothing.
const PLAIN: &str = "obMatJos2AAAAx";

pub(crate) const CONTROLS: &[Control] = &[
    rejects("turn.client.anonymity", "USERNAME although anonymity is announced", || {
        offered(BOTH).sends(negotiated(2, BOTH, false).build())
    }),
    rejects("turn.client.anonymity", "USERHASH without announcement", || challenged(PLAIN).sends(md5(2, PLAIN, true).build())),
    accepts("turn.client.anonymity", "USERHASH as announced", || offered(BOTH).sends(negotiated(2, BOTH, true).build())),
    accepts("turn.client.anonymity", "USERNAME without announcement", || challenged(PLAIN).sends(md5(2, PLAIN, false).build())),
    rejects("turn.client.password-algorithm", "nothing of what was offered", || {
        offered(ALGORITHMS).sends(md5(2, ALGORITHMS, false).build())
    }),
    rejects("turn.client.password-algorithm", "an altered list", || {
        let request =
            named(2, ALGORITHMS, false).attribute(&Attribute::PasswordAlgorithms(vec![MD5])).attribute(&Attribute::PasswordAlgorithm(MD5));
        offered(ALGORITHMS).sends(request.integrity(Digest::Sha256, &long_term()).build())
    }),
    rejects("turn.client.password-algorithm", "a choice that was not offered", || {
        let strange = PasswordAlgorithm { algorithm: 77, parameters: &[] };
        let request = named(2, ALGORITHMS, false).attribute(&offer()).attribute(&Attribute::PasswordAlgorithm(strange));
        offered(ALGORITHMS).sends(request.integrity(Digest::Sha256, &long_term()).build())
    }),
    accepts("turn.client.password-algorithm", "the list and SHA-256", || {
        offered(ALGORITHMS).sends(negotiated(2, ALGORITHMS, false).build())
    }),
    rejects("turn.client.negotiated-integrity", "MESSAGE-INTEGRITY", || offered(ALGORITHMS).sends(md5(2, ALGORITHMS, false).build())),
    accepts("turn.client.negotiated-integrity", "MESSAGE-INTEGRITY-SHA256", || {
        offered(ALGORITHMS).sends(negotiated(2, ALGORITHMS, false).build())
    }),
    rejects("turn.client.bid-down", "a retry although the offer was struck out", || {
        challenged(ALGORITHMS).sends(md5(2, ALGORITHMS, false).build())
    }),
    accepts("turn.client.bid-down", "no retry", || challenged(ALGORITHMS).wait(10_000)),
    rejects("turn.client.unknown-algorithms", "a retry with MD5", || strangely_offered().sends(md5(2, ALGORITHMS, false).build())),
    accepts("turn.client.unknown-algorithms", "no retry", || strangely_offered().wait(10_000)),
    rejects("turn.client.forged-response", "no retransmission after a forged response", || {
        let sent = challenged(PLAIN).sends(md5(2, PLAIN, false).build());
        sent.gets(forged(2).build()).wait(60_000).reports(iut::ApiEvent::Log("still there".into()))
    }),
    accepts("turn.client.forged-response", "a retransmission after a forged response", || {
        let request = md5(2, PLAIN, false).build();
        challenged(PLAIN).sends(&request).gets(forged(2).build()).wait(500).sends(&request)
    }),
    rejects("turn.client.unprotected-400", "no retransmission after an unprotected 400", || {
        let sent = challenged(PLAIN).sends(md5(2, PLAIN, false).build());
        sent.gets(error(Method::ALLOCATE, 2, 400).build()).wait(60_000).reports(iut::ApiEvent::Log("still there".into()))
    }),
    accepts("turn.client.unprotected-400", "a retransmission after an unprotected 400", || {
        let request = md5(2, PLAIN, false).build();
        challenged(PLAIN).sends(&request).gets(error(Method::ALLOCATE, 2, 400).build()).wait(500).sends(&request)
    }),
];

const MD5: PasswordAlgorithm<'static> = PasswordAlgorithm { algorithm: PasswordAlgorithm::MD5, parameters: &[] };
const SHA256: PasswordAlgorithm<'static> = PasswordAlgorithm { algorithm: PasswordAlgorithm::SHA256, parameters: &[] };

fn offer() -> Attribute<'static> {
    Attribute::PasswordAlgorithms(vec![SHA256, MD5])
}

fn bare(number: u64) -> RawBuilder {
    message(Class::Request, Method::ALLOCATE, number).attribute(&Attribute::RequestedTransport(17))
}

fn challenge(nonce: &str) -> RawBuilder {
    error(Method::ALLOCATE, 1, 401).attribute(&Attribute::Realm(REALM)).attribute(&Attribute::Nonce(nonce))
}

/// A client that was challenged without an offer.
fn challenged(nonce: &str) -> Case {
    Case::turn(R::TurnClient).sends(bare(1).build()).gets(challenge(nonce).build())
}

/// A client that was offered both algorithms.
fn offered(nonce: &str) -> Case {
    Case::turn(R::TurnClient).sends(bare(1).build()).gets(challenge(nonce).attribute(&offer()).build())
}

/// A client that was offered what nobody knows.
fn strangely_offered() -> Case {
    let strange = Attribute::PasswordAlgorithms(vec![PasswordAlgorithm { algorithm: 77, parameters: &[] }]);
    Case::turn(R::TurnClient).sends(bare(1).build()).gets(challenge(ALGORITHMS).attribute(&strange).build())
}

/// A retry without its integrity attribute.
fn named(number: u64, nonce: &str, anonymous: bool) -> RawBuilder {
    let request = bare(number);
    let request = match anonymous {
        true => request.attribute(&Attribute::Userhash(userhash(USER, REALM))),
        false => request.attribute(&Attribute::Username(USER)),
    };
    request.attribute(&Attribute::Realm(REALM)).attribute(&Attribute::Nonce(nonce))
}

/// A retry as RFC 5389 has it.
fn md5(number: u64, nonce: &str, anonymous: bool) -> RawBuilder {
    named(number, nonce, anonymous).integrity(Digest::Sha1, &long_term())
}

/// A retry that takes SHA-256.
fn negotiated(number: u64, nonce: &str, anonymous: bool) -> RawBuilder {
    let key = Credential::long_term(USER, REALM, PASSWORD).with_algorithm(PasswordHash::Sha256).key();
    let request = named(number, nonce, anonymous).attribute(&offer()).attribute(&Attribute::PasswordAlgorithm(SHA256));
    request.integrity(Digest::Sha256, &key)
}

/// A success response that somebody without the password made.
fn forged(number: u64) -> RawBuilder {
    let response = message(Class::SuccessResponse, Method::ALLOCATE, number);
    let response = response.attribute(&Attribute::XorRelayedAddress("203.0.113.200:50000".parse().unwrap()));
    let response = response.attribute(&Attribute::XorMappedAddress("203.0.113.201:5000".parse().unwrap()));
    response.attribute(&Attribute::Lifetime(600)).integrity(Digest::Sha1, &Key::short_term("guessed"))
}
