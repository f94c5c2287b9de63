//! Controls of the checks on ICE agents.

use crate::support::*;
use harness::scenario::model::RoleName as R;
use iut::{ApiEvent, CandidateSignal, ConnectionState, DescriptionKind as D, Signal};
use std::net::SocketAddr;
use wire::stun::build::RawBuilder;
use wire::stun::{Attribute, AttributeType as T, Class, Digest, Key, Method};

pub(crate) const CONTROLS: &[Control] = &[
    // --- what checks carry
    rejects("ice.check.username", "a check without USERNAME", || agents().sends(unsigned(1, None).fingerprint().build())),
    rejects("ice.check.username", "the fragments in the wrong order", || {
        agents().sends(sign(unsigned(1, Some("subj:othr")), PEER_PWD).build())
    }),
    rejects("ice.check.username", "somebody else's fragment", || agents().sends(sign(unsigned(1, Some("else:subj")), PEER_PWD).build())),
    accepts("ice.check.username", "the peer's fragment first", || agents().sends(check(1).build())),
    rejects("ice.check.integrity", "a check without MESSAGE-INTEGRITY", || {
        agents().sends(unsigned(1, Some("othr:subj")).fingerprint().build())
    }),
    rejects("ice.check.integrity", "a check with the own password", || {
        agents().sends(sign(unsigned(1, Some("othr:subj")), OWN_PWD).build())
    }),
    accepts("ice.check.integrity", "a check with the peer's password", || agents().sends(check(1).build())),
    rejects("ice.check.fingerprint", "a check without FINGERPRINT", || {
        agents().sends(unsigned(1, Some("othr:subj")).integrity(Digest::Sha1, &Key::short_term(PEER_PWD)).build())
    }),
    accepts("ice.check.fingerprint", "a check with FINGERPRINT", || agents().sends(check(1).build())),
    rejects("ice.check.priority", "a check without PRIORITY", || {
        agents()
            .sends(sign(binding(1).attribute(&Attribute::Username("othr:subj")).attribute(&Attribute::IceControlling(9)), PEER_PWD).build())
    }),
    rejects("ice.check.priority", "the priority of the host candidate", || agents().sends(with_priority(1, 2_130_706_431).build())),
    rejects("ice.check.priority", "a type preference of 127", || agents().sends(with_priority(1, 0x7FFF_FFFF).build())),
    accepts("ice.check.priority", "the priority of a peer-reflexive candidate", || agents().sends(check(1).build())),
    rejects("ice.check.role-attribute", "a check without a role", || {
        agents().sends(sign(binding(1).attribute(&Attribute::Username("othr:subj")).attribute(&PRIORITY), PEER_PWD).build())
    }),
    rejects("ice.check.role-attribute", "a check with both roles", || {
        agents().sends(sign(unsigned(1, Some("othr:subj")).attribute(&Attribute::IceControlled(9)), PEER_PWD).build())
    }),
    accepts("ice.check.role-attribute", "a check with one role", || agents().sends(check(1).build())),
    rejects("ice.check.use-candidate", "a controlled agent that nominates", || {
        answerer().sends(sign(controlled(1, 9).attribute(&Attribute::UseCandidate), PEER_PWD).build())
    }),
    accepts("ice.check.use-candidate", "a controlling agent that nominates", || agents().sends(nominating(1).build())),
    // --- answers
    rejects("ice.response.integrity", "a response without MESSAGE-INTEGRITY", || {
        let case = agents().gets(received(1).build());
        let answer = bound(1, case.other()).fingerprint();
        case.sends(answer.build())
    }),
    rejects("ice.response.integrity", "a response with the peer's password", || {
        let case = agents().gets(received(1).build());
        let answer = sign(bound(1, case.other()), PEER_PWD);
        case.sends(answer.build())
    }),
    accepts("ice.response.integrity", "a response with the own password", || agents().gets(received(1).build()).answers(1)),
    rejects("ice.response.fingerprint", "a response without FINGERPRINT", || {
        let case = agents().gets(received(1).build());
        let answer = bound(1, case.other()).integrity(Digest::Sha1, &Key::short_term(OWN_PWD));
        case.sends(answer.build())
    }),
    accepts("ice.response.fingerprint", "a response with FINGERPRINT", || agents().gets(received(1).build()).answers(1)),
    rejects("ice.response.prompt", "a check that stays without answer", || {
        agents().gets(received(1).build()).wait(3000).sends(check(2).build())
    }),
    rejects("ice.response.prompt", "an answer after three seconds", || agents().gets(received(1).build()).wait(3000).answers(1)),
    accepts("ice.response.prompt", "an answer at once, before the peer is known", || {
        let case = Case::new(R::Peer).describes(D::Offer, &own_sdp("subj", OWN_PWD));
        case.gets(received(1).build()).answers(1)
    }),
    // --- roles
    rejects("ice.role.initial", "an offerer that begins as controlled", || agents().sends(sign(controlled(1, 9), PEER_PWD).build())),
    rejects("ice.role.initial", "a full answerer that lets a lite peer control", || {
        let case = Case::new(R::Peer).told(D::Offer, &format!("{}a=ice-lite\r\n", peer_sdp("othr", PEER_PWD)));
        case.describes(D::Answer, &own_sdp("subj", OWN_PWD)).sends(sign(controlled(1, 9), PEER_PWD).build())
    }),
    accepts("ice.role.initial", "an answerer that is controlled", || answerer().sends(sign(controlled(1, 9), PEER_PWD).build())),
    rejects("ice.role.tiebreaker", "another tiebreaker in the second check", || {
        agents().sends(check(1).build()).wait(100).sends(sign(controlling(2, 10), PEER_PWD).build())
    }),
    accepts("ice.role.tiebreaker", "one tiebreaker, and a new one after 487", || {
        let case = agents().sends(check(1).build()).wait(100).sends(check(2).build()).wait(100);
        case.gets(sign(error(Method::BINDING, 2, 487), PEER_PWD).build()).wait(100).sends(sign(controlled(3, 11), PEER_PWD).build())
    }),
    rejects("ice.role.conflict-answer", "success where the own tiebreaker is larger", || {
        agents().sends(check(1).build()).gets(conflicting(2, 8).build()).answers(2)
    }),
    rejects("ice.role.conflict-answer", "487 where the own tiebreaker is smaller", || {
        agents().sends(check(1).build()).gets(conflicting(2, 10).build()).sends(sign(error(Method::BINDING, 2, 487), OWN_PWD).build())
    }),
    accepts("ice.role.conflict-answer", "487 where the own tiebreaker is equal", || {
        agents().sends(check(1).build()).gets(conflicting(2, 9).build()).sends(sign(error(Method::BINDING, 2, 487), OWN_PWD).build())
    }),
    accepts("ice.role.conflict-answer", "success where the own tiebreaker is smaller", || {
        agents().sends(check(1).build()).gets(conflicting(2, 10).build()).answers(2)
    }),
    rejects("ice.role.switch-after-487", "the same role in the next check", || after_487(controlling(2, 10))),
    accepts("ice.role.switch-after-487", "the other role in the next check", || after_487(controlled(2, 10))),
    rejects("ice.role.tiebreaker-after-487", "the same tiebreaker in the next check", || after_487(controlled(2, 9))),
    accepts("ice.role.tiebreaker-after-487", "a new tiebreaker in the next check", || after_487(controlled(2, 10))),
    // --- pacing
    rejects("ice.pacing.minimum", "two checks at the same time", || agents().sends(check(1).build()).sends(check(2).build())),
    accepts("ice.pacing.minimum", "two checks 50 ms apart", || agents().sends(check(1).build()).wait(50).sends(check(2).build())),
    rejects("ice.pacing.ta", "two checks 20 ms apart", || agents().sends(check(1).build()).wait(20).sends(check(2).build())),
    rejects("ice.pacing.ta", "two checks 20 ms apart, where the peer proposed nothing", || {
        let own = format!("{}a=ice-pacing:20\r\n", own_sdp("subj", OWN_PWD));
        offerer(&own, &peer_sdp("othr", PEER_PWD)).sends(check(1).build()).wait(20).sends(check(2).build())
    }),
    accepts("ice.pacing.ta", "two checks 20 ms apart, as both proposed", || {
        let own = format!("{}a=ice-pacing:20\r\n", own_sdp("subj", OWN_PWD));
        let peer = format!("{}a=ice-pacing:10\r\n", peer_sdp("othr", PEER_PWD));
        offerer(&own, &peer).sends(check(1).build()).wait(20).sends(check(2).build())
    }),
    rejects("ice.pacing.rto", "a check sent again after 200 ms", || agents().sends(check(1).build()).wait(200).sends(check(1).build())),
    accepts("ice.pacing.rto", "a check sent again after 500 ms", || agents().sends(check(1).build()).wait(500).sends(check(1).build())),
    // --- nomination and data
    rejects("ice.nomination.single", "USE-CANDIDATE on a second pair", || {
        let case = agents().nominates(1).wait(100);
        let (own, elsewhere) = (case.own(), SocketAddr::new(address(30), 9));
        case.sends_between(own, elsewhere, nominating(2).build())
    }),
    accepts("ice.nomination.single", "USE-CANDIDATE again on the same pair", || agents().nominates(1).wait(5000).nominates(2)),
    rejects("ice.data.selected-pair", "data on another pair after nomination", || {
        let case = agents().nominates(1).wait(2000);
        let (own, elsewhere) = (case.own(), SocketAddr::new(address(30), 9));
        let case = case.sends_between(own, elsewhere, check(2).build());
        let answer = sign(bound(2, own), PEER_PWD);
        case.gets_between(elsewhere, own, answer.build()).sends_between(own, elsewhere, DATA)
    }),
    accepts("ice.data.selected-pair", "data on the nominated pair", || agents().nominates(1).wait(2000).sends(DATA)),
    // --- consent
    rejects("ice.consent.before-data", "data before any check was answered", || agents().sends(check(1).build()).sends(DATA)),
    rejects("ice.consent.before-data", "data after a response that does not verify", || {
        let case = agents().sends(check(1).build());
        let answer = sign(bound(1, case.own()), "not the right password");
        case.gets(answer.build()).sends(DATA)
    }),
    accepts("ice.consent.before-data", "data after a valid response", || agents().nominates(1).sends(DATA)),
    rejects("ice.consent.expiry", "data 40 s after the last response", || agents().nominates(1).sends(DATA).wait(40_000).sends(DATA)),
    accepts("ice.consent.expiry", "no data any more after 30 s without response", || {
        let data = |sequence: u64| [&DATA[..10], &[sequence as u8], &DATA[11..]].concat();
        let case = (2..7)
            .fold(agents().nominates(1).sends(data(1)), |case, number| case.wait(5000).sends(check(number).build()).sends(data(number)));
        case.wait(10_000).reports(ApiEvent::Ice(ConnectionState::Disconnected))
    }),
    rejects("ice.consent.interval-minimum", "checks every two seconds", || consented(&[5000, 2000, 2000])),
    accepts("ice.consent.interval-minimum", "checks about every five seconds", || consented(&[5000, 4100, 5900])),
    rejects("ice.consent.interval-maximum", "a check after ten seconds", || consented(&[5000, 10_000])),
    accepts("ice.consent.interval-maximum", "checks about every five seconds", || consented(&[5000, 4100, 5900])),
    rejects("ice.consent.interval-random", "checks every five seconds", || consented(&[5000; 8])),
    accepts("ice.consent.interval-random", "intervals between four and six seconds", || {
        consented(&[5000, 4700, 5300, 4100, 5900, 5100, 4400, 5500])
    }),
    rejects("ice.consent.sent-once", "a consent check that is sent again", || {
        let case = agents().nominates(1).wait(5000).sends(check(2).build());
        case.wait(500).sends(check(2).build())
    }),
    accepts("ice.consent.sent-once", "consent checks with ids of their own", || consented(&[5000, 4100, 5900])),
    rejects("ice.keepalive.interval", "20 s of silence", || agents().nominates(1).wait(20_000).sends(DATA)),
    accepts("ice.keepalive.interval", "something every five seconds", || consented(&[5000, 4900, 5200, 4800])),
    // --- signalling
    rejects("ice.signalling.credentials", "a password of 21 characters", || {
        Case::new(R::Peer).describes(D::Offer, &own_sdp("subj", "123456789012345678901"))
    }),
    rejects("ice.signalling.credentials", "a fragment of three characters", || {
        Case::new(R::Peer).describes(D::Offer, &own_sdp("sub", OWN_PWD))
    }),
    accepts("ice.signalling.credentials", "4 and 22 characters", || Case::new(R::Peer).describes(D::Offer, &own_sdp("subj", OWN_PWD))),
    rejects("ice.signalling.restart", "a new fragment with the old password", || agents().describes(D::Offer, &own_sdp("newf", OWN_PWD))),
    rejects("ice.signalling.restart", "a new password with the old fragment", || agents().describes(D::Offer, &own_sdp("subj", NEW_PWD))),
    accepts("ice.signalling.restart", "both new", || agents().describes(D::Offer, &own_sdp("newf", NEW_PWD))),
    rejects("ice.signalling.ice2", "a description with trickle alone", || {
        Case::new(R::Peer).describes(D::Offer, &own_sdp("subj", OWN_PWD).replace("trickle ice2", "trickle"))
    }),
    accepts("ice.signalling.ice2", "trickle and ice2", || Case::new(R::Peer).describes(D::Offer, &own_sdp("subj", OWN_PWD))),
    rejects("ice.signalling.end-of-candidates", "a candidate behind the end", || {
        agents()
            .signals(SUBJECT, end())
            .signals(SUBJECT, candidate("candidate:2 1 udp 1694498815 198.51.100.1 7 typ srflx raddr 10.0.0.1 rport 7"))
    }),
    accepts("ice.signalling.end-of-candidates", "the end behind the last candidate", || {
        agents()
            .signals(SUBJECT, candidate("candidate:2 1 udp 1694498815 198.51.100.1 7 typ srflx raddr 10.0.0.1 rport 7"))
            .signals(SUBJECT, end())
    }),
    rejects("ice.candidates.priorities", "two candidates with one priority", || {
        agents().signals(SUBJECT, candidate("candidate:2 1 udp 2130706431 192.0.2.77 7 typ host"))
    }),
    rejects("ice.candidates.priorities", "a priority of 2^31", || {
        agents().signals(SUBJECT, candidate("candidate:2 1 udp 2147483648 192.0.2.77 7 typ host"))
    }),
    accepts("ice.candidates.priorities", "two candidates with two priorities", || {
        agents().signals(SUBJECT, candidate("candidate:2 1 udp 2130706175 192.0.2.77 7 typ host"))
    }),
    rejects("ice.candidates.formula", "one type preference for two types", || {
        agents().signals(SUBJECT, candidate("candidate:2 1 udp 2130706175 198.51.100.1 7 typ srflx raddr 10.0.0.1 rport 7"))
    }),
    rejects("ice.candidates.formula", "a priority that ends with zero", || {
        agents().signals(SUBJECT, candidate("candidate:2 1 udp 1694498816 198.51.100.1 7 typ srflx raddr 10.0.0.1 rport 7"))
    }),
    accepts("ice.candidates.formula", "host and server-reflexive candidates by the formula", || {
        agents().signals(SUBJECT, candidate("candidate:2 1 udp 1694498815 198.51.100.1 7 typ srflx raddr 10.0.0.1 rport 7"))
    }),
    rejects("ice.candidates.addresses", "a loopback candidate", || {
        agents().signals(SUBJECT, candidate("candidate:2 1 udp 2130706175 127.0.0.1 7 typ host"))
    }),
    accepts("ice.candidates.addresses", "a private address", || {
        agents().signals(SUBJECT, candidate("candidate:2 1 udp 2130706175 10.0.0.1 7 typ host"))
    }),
];

const OWN_PWD: &str = "own-password-of-22-chr";
const PEER_PWD: &str = "the-peers-password-22c";
const NEW_PWD: &str = "another-password-of-22";
const PRIORITY: Attribute<'static> = Attribute::Priority(110 << 24 | 0xFFFF << 8 | 255);
/// A record of DTLS 1.2 application data.
const DATA: &[u8] = &[23, 0xFE, 0xFD, 0, 1, 0, 0, 0, 0, 0, 1, 0, 4, 1, 2, 3, 4];

fn sdp(ufrag: &str, pwd: &str, address: SocketAddr) -> String {
    let candidate = format!("a=candidate:1 1 udp 2130706431 {} {} typ host\r\n", address.ip(), address.port());
    format!(
        "v=0\r\nm=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=ice-options:trickle ice2\r\na=ice-ufrag:{ufrag}\r\na=ice-pwd:{pwd}\r\n{candidate}"
    )
}

fn own_sdp(ufrag: &str, pwd: &str) -> String {
    sdp(ufrag, pwd, Case::new(R::Peer).own())
}

fn peer_sdp(ufrag: &str, pwd: &str) -> String {
    sdp(ufrag, pwd, Case::new(R::Peer).other())
}

/// A subject that made the offer.
fn offerer(own: &str, peer: &str) -> Case {
    let mut case = Case::new(R::Peer).describes(D::Offer, own).wait(60).told(D::Answer, peer).wait(60);
    case.context.parties[SUBJECT].offerer = true;
    case
}

fn agents() -> Case {
    offerer(&own_sdp("subj", OWN_PWD), &peer_sdp("othr", PEER_PWD))
}

/// A subject that answered.
fn answerer() -> Case {
    Case::new(R::Peer).told(D::Offer, &peer_sdp("othr", PEER_PWD)).wait(60).describes(D::Answer, &own_sdp("subj", OWN_PWD)).wait(60)
}

fn unsigned(number: u64, username: Option<&str>) -> RawBuilder {
    let check = binding(number);
    let check = username.map_or(check.clone(), |username| check.attribute(&Attribute::Username(username)));
    check.attribute(&PRIORITY).attribute(&Attribute::IceControlling(9))
}

fn controlling(number: u64, tiebreaker: u64) -> RawBuilder {
    binding(number).attribute(&Attribute::Username("othr:subj")).attribute(&PRIORITY).attribute(&Attribute::IceControlling(tiebreaker))
}

fn controlled(number: u64, tiebreaker: u64) -> RawBuilder {
    binding(number).attribute(&Attribute::Username("othr:subj")).attribute(&PRIORITY).attribute(&Attribute::IceControlled(tiebreaker))
}

fn with_priority(number: u64, priority: u32) -> RawBuilder {
    let check = binding(number).attribute(&Attribute::Username("othr:subj")).attribute(&Attribute::Priority(priority));
    sign(check.attribute(&Attribute::IceControlling(9)), PEER_PWD)
}

fn sign(message: RawBuilder, password: &str) -> RawBuilder {
    message.integrity(Digest::Sha1, &Key::short_term(password)).fingerprint()
}

/// A check of the subject.
fn check(number: u64) -> RawBuilder {
    sign(controlling(number, 9), PEER_PWD)
}

fn nominating(number: u64) -> RawBuilder {
    sign(controlling(number, 9).attribute(&Attribute::UseCandidate), PEER_PWD)
}

/// A check of the peer, which is controlled.
fn received(number: u64) -> RawBuilder {
    let check = binding(number).attribute(&Attribute::Username("subj:othr")).attribute(&PRIORITY).attribute(&Attribute::IceControlled(5));
    sign(check, OWN_PWD)
}

/// A check of the peer, which claims to control as well.
fn conflicting(number: u64, tiebreaker: u64) -> RawBuilder {
    let check = binding(number).attribute(&Attribute::Username("subj:othr")).attribute(&PRIORITY);
    sign(check.attribute(&Attribute::IceControlling(tiebreaker)), OWN_PWD)
}

fn after_487(next: RawBuilder) -> Case {
    let refused = sign(error(Method::BINDING, 1, 487), PEER_PWD);
    agents().sends(check(1).build()).wait(60).gets(refused.build()).wait(60).sends(sign(next, PEER_PWD).build())
}

/// A selected pair with consent checks, each after so many milliseconds and each answered.
fn consented(pauses: &[u64]) -> Case {
    (2..).zip(pauses).fold(agents().nominates(1), |case, (number, pause)| {
        let answer = sign(bound(number, case.own()), PEER_PWD);
        case.wait(*pause).sends(check(number).build()).gets(answer.build())
    })
}

fn candidate(line: &str) -> Signal {
    Signal::Candidate(CandidateSignal { candidate: line.into(), mid: None, ufrag: Some("subj".into()) })
}

fn end() -> Signal {
    Signal::EndOfCandidates { ufrag: Some("subj".into()) }
}

trait Agent {
    fn answers(self, number: u64) -> Self;
    fn nominates(self, number: u64) -> Self;
}

impl Agent for Case {
    /// The subject answers a check of the peer.
    fn answers(self, number: u64) -> Self {
        let answer = sign(bound(number, self.other()), OWN_PWD);
        self.sends(answer.build())
    }

    /// The subject nominates, and the peer agrees.
    fn nominates(self, number: u64) -> Self {
        let answer = sign(bound(number, self.own()), PEER_PWD);
        self.sends(nominating(number).build()).gets(answer.build())
    }
}

#[test]
fn an_agent_may_check_with_new_credentials_before_it_answers_an_offer() {
    let new =
        sign(binding(9).attribute(&Attribute::Username("newp:newo")).attribute(&PRIORITY).attribute(&Attribute::IceControlled(9)), NEW_PWD);
    let case = answerer().told(D::Offer, &peer_sdp("newp", NEW_PWD)).sends(new.build());
    let never = case.clone().judgement("ice.check.username");
    assert!(matches!(never, Some(harness::check::Judgement::Violation { .. })), "{never:?}");
    let later = case.describes(D::Answer, &own_sdp("newo", OWN_PWD)).judgement("ice.check.username");
    assert!(matches!(later, Some(harness::check::Judgement::Pass { .. })), "{later:?}");
}

#[test]
fn an_agent_that_meets_its_own_check_is_not_judged_by_how_it_refuses_it() {
    let case = agents().sends(check(1).build());
    let own = case.own();
    let refusal = sign(error(Method::BINDING, 1, 487), OWN_PWD);
    let case = case.gets_between(own, own, check(1).build()).sends_between(own, own, refusal.build());
    for record in case.judge().into_iter().filter(|record| record.id != "stun.transaction.fresh-id") {
        assert!(!matches!(record.judgement, harness::check::Judgement::Violation { .. }), "{}: {:?}", record.id, record.judgement);
    }
}

#[test]
fn checks_through_a_relay_are_judged_as_such() {
    let case = relayed(&check(1), true);
    let judged = case.judgement("ice.check.username");
    assert!(matches!(judged, Some(harness::check::Judgement::Pass { .. })), "{judged:?}");
    let wrong = relayed(&unsigned(1, None), true);
    let judged = wrong.judgement("ice.check.integrity");
    assert!(matches!(judged, Some(harness::check::Judgement::Violation { .. })), "{judged:?}");
}

#[test]
fn an_implementation_is_not_blamed_for_the_gathering_of_its_adapter() {
    let broken = RawBuilder::new(Class::Indication, Method::SEND, id(9))
        .attribute(&Attribute::XorPeerAddress(Case::new(R::Peer).other()))
        .tlv(T::DATA, 5, *b"abcde", *b"xyz");
    for (by_adapter, blamed) in [(true, false), (false, true)] {
        let mut case = agents();
        case.context.parties[SUBJECT].gathering_by_adapter = by_adapter;
        case.context.parties[1].role = R::TurnServer;
        let judged = case.sends(broken.build()).judgement("stun.attributes.padding");
        assert_eq!(matches!(judged, Some(harness::check::Judgement::Violation { .. })), blamed);
    }
}

/// A check inside a Send indication.
fn relayed(inner: &RawBuilder, by_adapter: bool) -> Case {
    let peer = SocketAddr::new(address(40), 9);
    let mut case = agents();
    case.context.parties[SUBJECT].gathering_by_adapter = by_adapter;
    case.context.parties[1].role = R::TurnServer;
    let send = RawBuilder::new(Class::Indication, Method::SEND, id(9));
    let inner = inner.build();
    case.sends(send.attribute(&Attribute::XorPeerAddress(peer)).attribute(&Attribute::Data(&inner)).build())
}
