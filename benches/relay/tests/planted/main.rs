//! Relays with planted behaviour: the tool must report what is planted. What is asserted follows from the plant and from the relay's own account; a busy machine
//! makes these tests slower, and delays longer, but no assertion depends on how much.

mod proxy;

use proxy::{Account, DEPTH, Plant};
use relay_bench::account::over_sent;
use relay_bench::carrier::Carrier;
use relay_bench::content::Content;
use relay_bench::flow::{Flow, Server, Target};
use relay_bench::io::Mode;
use relay_bench::load::{self, Load, Outcome, Traffic};
use relay_bench::schedule::{Extent, Pace, Rate};
use relay_bench::search::{self, End, Judgement, PRECISION, Search};
use relay_bench::storm::Storm;
use std::collections::BTreeSet;
use std::sync::Mutex;
use std::time::Duration;

/// More than any socket's buffer needs.
const CLOSED: Pace = Pace::Window(16);
/// Silence that is taken for loss: longer than a proxy that wants to run is kept from it.
const PATIENCE: Duration = Duration::from_secs(2);
const MS: u64 = 1_000_000;

fn planned(pace: Pace, count: u64) -> Load {
    Load {
        traffic: Traffic::Up,
        content: Content::Bytes(100),
        mode: Mode::Plain,
        pace,
        extent: Extent::Count(count),
        patience: PATIENCE,
        run: 1,
    }
}

fn trial(target: &Target, load: &Load) -> Outcome {
    let flows = [Flow::open(target, load.mode).expect("an allocation")];
    load::run(&flows, load, &|| false).expect("a trial")
}

/// What the tool reports of `count` datagrams under a plant, and what the relay did.
fn reported(plant: Plant, pace: Pace, count: u64) -> (Outcome, Account) {
    let mut reported = None;
    proxy::with(plant, |target, account| {
        let outcome = trial(target, &planned(pace, count));
        reported = Some((outcome, read(account)));
    });
    reported.expect("the trial ran")
}

fn read(account: &Mutex<Account>) -> Account {
    account.lock().expect("nobody panicked").clone()
}

/// Lost, duplicates, reordered, corrupt.
fn faults(outcome: &Outcome) -> (u64, u64, u64, u64) {
    let total = outcome.total();
    (total.lost(), total.duplicates, total.reordered, total.corrupt)
}

#[test]
fn one_percent_loss_is_reported_to_the_datagram() {
    let (outcome, account) = reported(Plant::Lose(100), CLOSED, 2000);
    assert_eq!((account.seen, account.dropped), (2000, 20));
    assert_eq!(faults(&outcome), (20, 0, 0, 0));
    // 20 of 2000 are in the tail: no pretty p99.9.
    let delays = &outcome.legs[0].delays.intended;
    assert!(over_sent(delays, 2000, 0.99).is_some() && over_sent(delays, 2000, 0.999).is_none());
}

#[test]
fn duplicates_are_reported_and_are_no_deliveries() {
    let (outcome, account) = reported(Plant::Duplicate(50), CLOSED, 1000);
    assert_eq!((account.seen, account.duplicated), (1000, 20));
    assert_eq!((outcome.total().delivered, faults(&outcome)), (1000, (0, 20, 0, 0)));
}

#[test]
fn reordering_is_reported() {
    let (outcome, account) = reported(Plant::Swap(50), CLOSED, 1000);
    assert_eq!((account.seen, account.swapped), (1000, 20));
    assert_eq!(faults(&outcome), (0, 0, 20, 0));
}

#[test]
fn corruption_is_reported_and_corrupt_datagrams_are_not_delivered() {
    let (outcome, account) = reported(Plant::Corrupt(100), CLOSED, 1000);
    assert_eq!((account.seen, account.corrupted), (1000, 10));
    assert_eq!((outcome.total().delivered, faults(&outcome)), (990, (10, 0, 0, 10)));
}

#[test]
fn what_is_planted_is_reported_of_indications_too() {
    let reported = |plant| {
        let mut faults_of = None;
        proxy::with(plant, |target, _| {
            let Target::Peer(server) = target else { panic!("the proxy stands before a relay") };
            let target = Target::Peer(Server { carrier: Carrier::Indication, ..server.clone() });
            faults_of = Some(faults(&trial(&target, &planned(CLOSED, 1000))));
        });
        faults_of.expect("the trial ran")
    };
    assert_eq!(reported(Plant::Lose(100)), (10, 0, 0, 0));
    assert_eq!(reported(Plant::Duplicate(100)), (0, 10, 0, 0));
    assert_eq!(reported(Plant::Corrupt(100)), (10, 0, 0, 10));
}

#[test]
fn corruption_and_loss_are_reported_in_a_mix_of_sizes_and_in_frames() {
    for (content, pace) in [(Content::Imix, CLOSED), (Content::Video, Pace::Rate(Rate::even(5000)))] {
        for (plant, expected) in [(Plant::Corrupt(100), (10, 0, 0, 10)), (Plant::Lose(50), (20, 0, 0, 0))] {
            proxy::with(plant, |target, _| {
                let outcome = trial(target, &Load { content, ..planned(pace, 1000) });
                assert_eq!(faults(&outcome), expected, "{content} {plant:?}");
            });
        }
    }
}

#[test]
fn a_fixed_delay_is_in_every_delay() {
    let planted = Duration::from_millis(20);
    let (outcome, account) = reported(Plant::Delay(planted), Pace::Rate(Rate::even(1000)), 500);
    assert!(account.held.len() == 500 && account.held.iter().all(|held| *held == planted));
    assert_eq!(faults(&outcome), (0, 0, 0, 0));
    let delays = &outcome.legs[0].delays;
    for histogram in [&delays.intended, &delays.actual] {
        assert_eq!(histogram.len(), 500);
        // The shortest of 500 that are spread over half a second has waited for nothing but the plant, unless the machine stood still all the time.
        assert!((20 * MS - 20 * MS / 1000..520 * MS).contains(&histogram.min()), "{} ns", histogram.min());
    }
}

#[test]
fn a_stall_is_in_the_delays_of_an_open_loop_and_hardly_in_those_of_a_closed_one() {
    let stall = Plant::Stall(1000, Duration::from_millis(50));
    let (open, account) = reported(stall, Pace::Rate(Rate::even(1000)), 1000);
    assert_eq!((account.stalls, faults(&open)), (1, (0, 0, 0, 0)));
    // Number 500 stalls the relay for 50 ms. The ten behind it are due within 10 ms and wait 40 ms at least, so with it more than 1 in 100 do.
    let p99 = over_sent(&open.legs[0].delays.intended, 1000, 0.99).expect("nothing is lost");
    assert!(p99 >= 40 * MS - MS, "{p99} ns");

    // A client that waits for each datagram before it sends the next sees the same stall, but with one datagram in 1000: it has sent no other meanwhile.
    let (closed, account) = reported(stall, Pace::Window(1), 1000);
    assert_eq!((account.stalls, faults(&closed)), (1, (0, 0, 0, 0)));
    let naive = &closed.legs[0].delays.intended;
    assert!(naive.max() >= 50 * MS - MS, "{} ns", naive.max());
    let (in_open, in_closed) = (open.legs[0].delays.intended.count_between(39 * MS, u64::MAX), account.stalls);
    assert!(in_open > 10 * in_closed, "{in_open} datagrams of the open loop show the stall");
}

#[test]
fn a_slow_allocator_is_in_the_latency_of_each_allocation() {
    let planted = Duration::from_millis(20);
    proxy::with(Plant::SlowAllocate(planted), |target, account| {
        let Target::Peer(server) = target else { panic!("the proxy stands before a relay") };
        let mut storm = Storm::new(server.clone(), 50, &mut BTreeSet::new()).expect("sockets");
        let made = storm.allocate(8, &|| false).expect("a storm");
        assert_eq!((made.made, made.latency.len(), made.errors.len()), (50, 50, 0), "{made:?}");
        // Requests that were repeated are held again.
        assert!(read(account).held.len() >= 50);
        // 8 at once: the 50 take at least seven times the delay, so no more than 50 in 140 ms.
        assert!(made.latency.min() >= 20 * MS - MS && made.elapsed >= planted * 7 && made.per_second() <= 50.0 / 0.14, "{made:?}");
        let ended = storm.release(8, &|| false).expect("a storm");
        assert_eq!((ended.made, ended.errors.len()), (50, 0), "{ended:?}");
    });
}

#[test]
fn the_search_finds_a_rate_cap() {
    const CAP: u64 = 4000;
    const COUNT: u64 = 600;
    proxy::with(Plant::Cap(CAP), |target, account| {
        let flows = [Flow::open(target, Mode::Plain).expect("an allocation")];
        let mut search = Search::new(0.0, 10_000, 20_000);
        let mut run = 0;
        while let Some(rate) = search.rate() {
            run += 1;
            let before = read(account).dropped;
            let load = Load { run, patience: Duration::from_millis(300), ..planned(Pace::Rate(Rate::even(rate)), COUNT) };
            let outcome = load::run(&flows, &load, &|| false).expect("a trial");
            let dropped = read(account).dropped - before;
            // What a busy machine keeps from arriving in time would be no finding about the relay.
            let judgement = match (outcome.total().lost(), dropped) {
                (lost, dropped) if lost != dropped => Judgement::Unusable,
                (0, _) => Judgement::Passed,
                _ => Judgement::Failed,
            };
            search.record(judgement);
        }
        let bounds = search.bounds();
        assert_eq!(bounds.end, End::Narrow, "{bounds:?}");
        // Of 600 datagrams the bucket lets the ten of its depth through above the cap.
        let (lower, upper) = (bounds.lower.expect("narrow"), bounds.upper.expect("narrow"));
        let highest = CAP as f64 * COUNT as f64 / (COUNT - DEPTH - 2) as f64;
        assert!(lower as f64 <= highest && upper >= CAP && upper as f64 <= lower as f64 * PRECISION, "{bounds:?}");
    });
}

#[test]
fn the_largest_burst_without_loss_is_found_to_the_datagram() {
    proxy::with(Plant::Cap(1000), |target, account| {
        let flows = [Flow::open(target, Mode::Plain).expect("an allocation")];
        let (mut search, mut run) = (Search::bursts(200), 0);
        while let Some(burst) = search.rate() {
            run += 1;
            let before = read(account).dropped;
            let pace = Pace::Rate(search::bursts_of(burst));
            let load = Load { run, patience: Duration::from_millis(300), ..planned(pace, 4 * burst) };
            let outcome = load::run(&flows, &load, &|| false).expect("a trial");
            // The plant counts by the times at which datagrams are due, so how fast the generator sends shall not matter here.
            let outcome = Outcome { torn: 0, ..outcome };
            let elsewhere = outcome.total().lost().abs_diff(read(account).dropped - before);
            search.record(search::judge_bursts(&outcome, elsewhere, burst));
        }
        let bounds = search.bounds();
        assert_eq!((bounds.lower, bounds.upper, bounds.end), (Some(DEPTH), Some(DEPTH + 1), End::Narrow), "{bounds:?}");
    });
}

#[test]
fn a_burst_that_did_not_leave_at_once_proves_nothing() {
    let outcome = trial(&Target::Direct(std::net::Ipv4Addr::LOCALHOST.into()), &planned(Pace::Rate(search::bursts_of(8)), 32));
    let judged = |torn, own| search::judge_bursts(&Outcome { torn, ..outcome.clone() }, own, 8);
    let expected = (Judgement::Passed, Judgement::Passed, Judgement::Unusable, Judgement::Unusable);
    assert_eq!((judged(0, 0), judged(2, 0), judged(3, 0), judged(0, 1)), expected);
    let mut lossy = outcome.clone();
    lossy.legs[0].flows[0].delivered -= 1;
    assert_eq!(search::judge_bursts(&Outcome { torn: 4, ..lossy }, 0, 8), Judgement::Failed);
}

#[test]
fn a_quota_is_found_with_the_error_that_ends_the_allocations() {
    proxy::with(Plant::Quota(37), |target, account| {
        let Target::Peer(server) = target else { panic!("the proxy stands before a relay") };
        let mut storm = Storm::new(server.clone(), 200, &mut BTreeSet::new()).expect("sockets");
        let made = storm.allocate_until_error(4, &|| false).expect("a storm");
        assert_eq!((made.made, made.interrupted), (37, false), "{made:?}");
        // Those that were on their way when the first error came back have it too, and nobody else was asked for.
        let refused = made.errors.get("486").copied().unwrap_or(0);
        assert!(made.errors.len() == 1 && (1..=4).contains(&refused) && read(account).dropped >= refused, "{made:?}");
        assert_eq!(storm.release(4, &|| false).expect("a storm").made, 37);
    });
}

#[test]
fn an_allocation_is_refreshed_between_trials_when_half_its_lifetime_has_passed() {
    for (lifetime, expected) in [(0, 3), (600, 0)] {
        proxy::with(Plant::Lifetime(lifetime), |target, account| {
            let flow = Flow::open(target, Mode::Plain).expect("an allocation");
            let before = read(account).refreshes;
            for _ in 0..3 {
                flow.keep().expect("the relay knows the allocation");
            }
            // A request whose response was late is repeated, and counts again.
            let refreshes = read(account).refreshes - before;
            assert!(if expected == 0 { refreshes == 0 } else { refreshes >= expected }, "{refreshes} with {lifetime} s");
            flow.close().expect("the relay knows the allocation");
        });
    }
}
