//! What a scenario chooses about DTLS, seen in the datagrams.

use adapter_str0m::Str0m;
use iut::testing::peers::{self, Pair, peer};
use iut::testing::{LATENCY, Wire};
use iut::{BuildError, DtlsVersion, Implementation, Role, Signal};
use sha2::{Digest, Sha256};

const PAIR: Pair<'static> = Pair { a: &Str0m, b: &Str0m };

/// First bytes of the DTLS datagrams (RFC 7983: 20 to 63) and their lengths.
fn dtls(wire: &Wire) -> Vec<(u8, usize)> {
    wire.sent().iter().map(|sent| (sent.bytes[0], sent.bytes.len())).filter(|(first, _)| (20..64).contains(first)).collect()
}

#[test]
fn the_version_is_the_one_that_was_asked_for() {
    // RFC 9147 section 4: a record with a unified header begins with the bits 001; RFC 6347 has content types 20 to 23 instead.
    let unified = |version| {
        let mut wire = PAIR.connect(Wire::new(LATENCY), |config| config.dtls.version = version);
        peers::echo(&mut wire, "hello");
        dtls(&wire).iter().any(|(first, _)| first >> 5 == 1)
    };
    assert!(!unified(DtlsVersion::V12));
    assert!(unified(DtlsVersion::V13));
}

#[test]
fn no_dtls_datagram_is_larger_than_the_mtu() {
    let largest = |mtu| {
        let mut wire = PAIR.connect(Wire::new(LATENCY), |config| config.dtls.mtu = mtu);
        peers::echo(&mut wire, &"long ".repeat(1000));
        dtls(&wire).iter().map(|(_, length)| *length).max().expect("there was DTLS")
    };
    assert!(largest(None) > 600, "otherwise the case below shows nothing");
    assert!(largest(Some(600)) <= 600);
}

#[test]
fn a_size_or_role_that_the_crate_does_not_take_is_refused() {
    let mut config = peer(true);
    config.dtls.mtu = Some(200);
    assert!(matches!(Str0m.build(&config), Err(BuildError::Unsupported(_))));
    config = peer(true);
    config.role = Role::IceAgent;
    assert!(matches!(Str0m.build(&config), Err(BuildError::Unsupported(_))));
}

#[test]
fn descriptions_carry_the_fingerprints_of_the_fixture_certificates() {
    let wire = PAIR.connect(Wire::new(LATENCY), |_| {});
    for (node, offerer) in [(0, true), (1, false)] {
        let digest = Sha256::digest(peer(offerer).dtls.certificate.certificate_der());
        let fingerprint: Vec<String> = digest.iter().map(|byte| format!("{byte:02X}")).collect();
        let Signal::Description(description) = &wire.signals(node)[0] else { panic!("a description comes first") };
        assert!(description.sdp.to_uppercase().contains(&fingerprint.join(":")), "{}", description.sdp);
    }
}
