//! str0m with `rtc`, in both roles.

use adapter_rtc::Rtc;
use adapter_str0m::Str0m;
use adapter_turn_proto::TurnServerProto;
use iut::testing::peers::{self, Pair};

const PAIRS: [Pair<'static>; 2] = [Pair { a: &Str0m, b: &Rtc }, Pair { a: &Rtc, b: &Str0m }];

#[test]
fn a_pair_connects_and_echoes() {
    PAIRS.into_iter().for_each(peers::a_pair_connects_and_echoes);
}

#[test]
fn candidates_are_trickled() {
    PAIRS.into_iter().for_each(peers::candidates_are_trickled);
}

#[test]
fn both_address_families_work() {
    PAIRS.into_iter().for_each(peers::both_address_families_work);
}

#[test]
fn ice_restarts_from_either_side() {
    PAIRS.into_iter().for_each(peers::ice_restarts_from_either_side);
}

#[test]
fn a_restart_follows_an_address_change() {
    PAIRS.into_iter().for_each(peers::a_restart_follows_an_address_change);
}

#[test]
fn closing_ends_both_sides() {
    PAIRS.into_iter().for_each(peers::closing_ends_both_sides);
}

#[test]
fn relayed_candidates_alone_are_enough() {
    for trickle in [false, true] {
        PAIRS.into_iter().for_each(|pair| peers::relayed_candidates_alone_are_enough(pair, &TurnServerProto, trickle));
    }
}

#[test]
fn relayed_candidates_work_over_ipv6() {
    PAIRS.into_iter().for_each(|pair| peers::relayed_candidates_work_over_ipv6(pair, &TurnServerProto));
}

#[test]
fn a_dead_path_is_noticed() {
    PAIRS.into_iter().for_each(peers::a_dead_path_is_noticed);
}

#[test]
fn a_connection_lasts_an_hour() {
    PAIRS.into_iter().for_each(peers::a_connection_lasts_an_hour);
}
