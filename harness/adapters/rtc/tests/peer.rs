//! `rtc` with itself on a wire.

use adapter_rtc::Rtc;
use adapter_turn_proto::TurnServerProto;
use iut::testing::peers::{self, Pair, peer};
use iut::testing::{LATENCY, Wire};
use iut::{BuildError, DtlsVersion, Implementation, NodeConfig, Role, Signal};
use sha2::{Digest, Sha256};

const PAIR: Pair<'static> = Pair { a: &Rtc, b: &Rtc };

#[test]
fn a_pair_connects_and_echoes() {
    peers::a_pair_connects_and_echoes(PAIR);
}

#[test]
fn candidates_are_trickled() {
    peers::candidates_are_trickled(PAIR);
}

#[test]
fn both_address_families_work() {
    peers::both_address_families_work(PAIR);
}

#[test]
fn a_channel_opens_after_the_connection() {
    peers::a_channel_opens_after_the_connection(PAIR);
}

#[test]
fn lost_checks_are_repeated() {
    peers::lost_checks_are_repeated(PAIR);
}

#[test]
fn ice_restarts_from_either_side() {
    peers::ice_restarts_from_either_side(PAIR);
}

#[test]
fn a_restart_follows_an_address_change() {
    peers::a_restart_follows_an_address_change(PAIR);
}

#[test]
fn closing_ends_both_sides() {
    peers::closing_ends_both_sides(PAIR);
}

#[test]
fn data_before_the_channel_opens_is_an_error() {
    peers::data_before_the_channel_opens_is_an_error(PAIR);
}

#[test]
fn unknown_verbs_are_unsupported() {
    peers::unknown_verbs_are_unsupported(PAIR);
}

#[test]
fn misplaced_signals_are_errors() {
    peers::misplaced_signals_are_errors(PAIR);
}

#[test]
fn garbage_does_no_harm() {
    peers::garbage_does_no_harm(PAIR);
}

#[test]
fn bundled_relayed_candidates_alone_are_enough() {
    peers::relayed_candidates_alone_are_enough(PAIR, &TurnServerProto, false);
}

#[test]
fn trickled_relayed_candidates_alone_are_enough() {
    peers::relayed_candidates_alone_are_enough(PAIR, &TurnServerProto, true);
}

#[test]
fn relayed_candidates_work_over_ipv6() {
    peers::relayed_candidates_work_over_ipv6(PAIR, &TurnServerProto);
}

#[test]
fn one_relay_is_enough() {
    peers::one_relay_is_enough(PAIR, &TurnServerProto);
}

#[test]
fn a_refused_allocation_is_reported() {
    peers::a_refused_allocation_is_reported(PAIR, &TurnServerProto);
}

#[test]
fn a_silent_server_delays_a_bundled_description() {
    peers::a_silent_server_delays_a_bundled_description(PAIR);
}

#[test]
fn a_dead_path_is_noticed() {
    peers::a_dead_path_is_noticed(PAIR);
}

#[test]
fn a_connection_lasts_an_hour() {
    peers::a_connection_lasts_an_hour(PAIR);
}

#[test]
fn what_the_crate_cannot_do_is_refused() {
    let refused = |change: fn(&mut NodeConfig)| {
        let mut config = peer(true);
        change(&mut config);
        matches!(Rtc.build(&config), Err(BuildError::Unsupported(_)))
    };
    assert!(refused(|config| config.dtls.version = DtlsVersion::V13));
    assert!(refused(|config| config.dtls.mtu = Some(600)));
    assert!(refused(|config| config.role = Role::TurnServer));
    assert!(!refused(|config| config.dtls.version = DtlsVersion::V12));
}

#[test]
fn descriptions_carry_the_fingerprints_of_the_fixture_certificates() {
    let wire = PAIR.connect(Wire::new(LATENCY), |_| {});
    for (node, offerer) in [(0, true), (1, false)] {
        let digest = Sha256::digest(peer(offerer).dtls.certificate.certificate_der());
        let fingerprint: Vec<String> = digest.iter().map(|byte| format!("{byte:02X}")).collect();
        let Signal::Description(description) = &wire.signals(node)[0] else { panic!("a description comes first") };
        assert!(description.sdp.contains(&fingerprint.join(":")), "{}", description.sdp);
    }
}
