//! The highest rate at which a server loses no more than a given share, or the largest burst of which it loses nothing: bounds, found by many short trials.
//!
//! Between a rate (or a burst; what is said of rates here goes for both) that passed and one that failed the next is their geometric mean. A rate has passed or failed when a majority of its trials has, so that one
//! unlucky trial does not decide. Trials in which the generator fell short decide nothing; where they pile up, the search goes no higher.

use crate::bench::Trial;
use crate::load::Outcome;
use crate::schedule::Rate;
use crate::verdict::Verdict;
use schemars::JsonSchema;
use serde::Serialize;

/// What a trial says about its rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Judgement {
    /// The server carries it.
    Passed,
    /// It does not.
    Failed,
    /// The generator was the limit.
    Unusable,
}

/// What was found.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Bounds {
    /// Share of datagrams that may be lost, 0 to 1.
    pub goal: f64,
    /// The highest rate that passed, in datagrams per second and direction; of bursts the largest one, in datagrams.
    pub lower: Option<u64>,
    /// The lowest rate that failed.
    pub upper: Option<u64>,
    /// Trials that were used.
    pub trials: usize,
    /// Trials in which the generator was the limit.
    pub unusable: usize,
    /// Why the search ended.
    pub end: End,
}

/// Why a search ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum End {
    /// The bounds are within [`PRECISION`].
    Narrow,
    /// The ceiling passed: the server carries more than the generator can offer.
    Ceiling,
    /// The generator was the limit in most trials above the lower bound, or at every rate.
    GeneratorLimited,
    /// Not even the lowest rate passed.
    NothingPasses,
    /// It was broken off.
    Unfinished,
}

/// Bounds closer than this factor are narrow enough.
pub const PRECISION: f64 = 1.05;
/// The lowest rate to try, in datagrams per second.
const LOWEST: u64 = 100;
/// So many equal judgements decide about a rate.
const MAJORITY: usize = 2;
/// So many unusable trials at one rate end the search.
const PATIENCE: usize = 4;

/// A search in progress: run a trial at [`Search::rate`], tell [`Search::record`] what came of it, until there is no rate any more.
#[derive(Clone, Debug)]
pub struct Search {
    bounds: Bounds,
    ceiling: u64,
    /// Whether the generator is what holds the ceiling down.
    limited: bool,
    lowest: u64,
    next: Option<u64>,
    votes: [usize; 3],
}

impl Search {
    /// Begins at `first` and never goes above `ceiling`, both in datagrams per second and direction.
    #[must_use]
    pub fn new(goal: f64, first: u64, ceiling: u64) -> Self {
        Self::between(LOWEST, goal, first, ceiling)
    }

    /// Looks for the largest burst of at most `ceiling` datagrams of which none is lost.
    #[must_use]
    pub fn bursts(ceiling: u64) -> Self {
        Self::between(1, 0.0, 16, ceiling)
    }

    fn between(lowest: u64, goal: f64, first: u64, ceiling: u64) -> Self {
        let bounds = Bounds { goal, lower: None, upper: None, trials: 0, unusable: 0, end: End::Unfinished };
        let ceiling = ceiling.max(lowest);
        Self { bounds, ceiling, limited: false, lowest, next: Some(first.clamp(lowest, ceiling)), votes: [0; 3] }
    }

    /// The rate of the next trial; `None` at the end.
    #[must_use]
    pub fn rate(&self) -> Option<u64> {
        self.next
    }

    /// What is known by now.
    #[must_use]
    pub fn bounds(&self) -> Bounds {
        self.bounds
    }

    /// Takes the judgement of a trial at [`Search::rate`].
    pub fn record(&mut self, judgement: Judgement) {
        let Some(rate) = self.next else { return };
        self.bounds.trials += usize::from(judgement != Judgement::Unusable);
        self.bounds.unusable += usize::from(judgement == Judgement::Unusable);
        self.votes[judgement as usize] += 1;
        let [passed, failed, unusable] = self.votes;
        if passed >= MAJORITY {
            self.bounds.lower = Some(rate);
        } else if failed >= MAJORITY {
            self.bounds.upper = Some(rate);
        } else if unusable >= PATIENCE {
            return self.lower_ceiling(rate);
        } else {
            return;
        }
        self.votes = [0; 3];
        self.advance(rate);
    }

    fn advance(&mut self, rate: u64) {
        let next = match (self.bounds.lower, self.bounds.upper) {
            (Some(lower), Some(upper)) if upper as f64 <= lower as f64 * PRECISION => return self.end(End::Narrow),
            (Some(lower), Some(upper)) => (lower as f64 * upper as f64).sqrt().round() as u64,
            (Some(lower), None) if lower >= self.ceiling => {
                return self.end(if self.limited { End::GeneratorLimited } else { End::Ceiling });
            }
            (Some(lower), None) => (lower + lower.div_ceil(2)).min(self.ceiling),
            (None, Some(upper)) if upper == self.lowest => return self.end(End::NothingPasses),
            (None, _) => (rate / 2).max(self.lowest),
        };
        // Between neighbours there is nothing left to try.
        if Some(next) == self.bounds.lower || Some(next) == self.bounds.upper { self.end(End::Narrow) } else { self.next = Some(next) }
    }

    /// The generator cannot offer `rate`: below it there may be something to find.
    fn lower_ceiling(&mut self, rate: u64) {
        if self.bounds.lower.is_some() || rate <= self.lowest {
            return self.end(End::GeneratorLimited);
        }
        (self.votes, self.limited, self.ceiling) = ([0; 3], true, (rate / 2).max(self.lowest));
        self.next = Some(self.ceiling);
    }

    fn end(&mut self, end: End) {
        self.bounds.end = end;
        self.next = None;
    }
}

/// Share of datagrams that must arrive before the trial ends: large buffers hide an overload for as long as they fill.
const IN_WINDOW: f64 = 0.995;

/// Judges a trial at a fixed rate: it has passed if no more than `goal` was lost, the rest arrived in time, and the delay did not grow.
#[must_use]
pub fn judge(trial: &Trial, goal: f64) -> Judgement {
    let total = trial.outcome.total();
    if trial.verdict == Verdict::GeneratorLimited {
        return Judgement::Unusable;
    }
    let sent = total.sent as f64;
    let arrived = total.lost() as f64 <= sent * goal && total.in_window as f64 + sent * goal >= sent * IN_WINDOW;
    let grows = trial.outcome.legs.iter().any(|leg| leg.delays.grows());
    if arrived && !grows { Judgement::Passed } else { Judgement::Failed }
}

/// Quiet time after each burst: a relay that is not at its limit has sent on all of it by then.
const QUIET: u64 = 20_000_000;
/// More of it for each datagram of the burst, in ns.
const QUIET_EACH: u64 = 20_000;

/// Bursts with quiet time between them.
#[must_use]
pub fn bursts_of(burst: u64) -> Rate {
    let between = QUIET + QUIET_EACH * burst;
    Rate { per_second: (burst * 1_000_000_000 / between).max(1), burst }
}

/// Judges a trial of bursts: it has passed if nothing was lost. One in which most bursts did not leave back to back can only have failed.
#[must_use]
pub fn judge_bursts(outcome: &Outcome, own_losses: u64, burst: u64) -> Judgement {
    let torn = outcome.torn * 2 > outcome.offered / burst.max(1);
    match outcome.total().lost() {
        _ if own_losses > 0 || outcome.sent < outcome.offered => Judgement::Unusable,
        0 if torn => Judgement::Unusable,
        0 => Judgement::Passed,
        _ => Judgement::Failed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn found(mut search: Search, judge: &mut dyn FnMut(u64) -> Judgement) -> Bounds {
        for _ in 0..1000 {
            let Some(rate) = search.rate() else { return search.bounds() };
            search.record(judge(rate));
        }
        panic!("the search does not end: {:?}", search.bounds());
    }

    fn capacity(limit: u64) -> impl FnMut(u64) -> Judgement {
        move |rate| if rate <= limit { Judgement::Passed } else { Judgement::Failed }
    }

    proptest! {
        #[test]
        fn the_bounds_close_in_on_the_capacity(limit in 100u64..2_000_000, first in 1u64..3_000_000) {
            let bounds = found(Search::new(0.0, first, 4_000_000), &mut capacity(limit));
            let (lower, upper) = (bounds.lower.expect("something passes"), bounds.upper.expect("something fails"));
            prop_assert!(lower <= limit && limit < upper && bounds.end == End::Narrow);
            prop_assert!(upper as f64 <= lower as f64 * PRECISION || upper == lower + 1);
            prop_assert!(bounds.trials < 80, "{} trials", bounds.trials);
        }
    }

    proptest! {
        #[test]
        fn the_largest_burst_is_found_to_the_datagram_or_within_the_precision(limit in 1u64..5000) {
            let bounds = found(Search::bursts(10_000), &mut capacity(limit));
            let (lower, upper) = (bounds.lower.expect("one datagram passes"), bounds.upper.expect("something fails"));
            prop_assert!(lower <= limit && limit < upper && bounds.end == End::Narrow);
            prop_assert!(upper as f64 <= lower as f64 * PRECISION || upper == lower + 1);
        }
    }

    #[test]
    fn bursts_have_quiet_time_between_them() {
        for burst in [1, 16, 1000, 10_000] {
            let rate = bursts_of(burst);
            assert!(rate.intended(burst) >= QUIET + QUIET_EACH * burst, "{burst}");
        }
    }

    #[test]
    fn one_bad_trial_in_three_does_not_decide() {
        let (mut judge, mut number) = (capacity(50_000), 0);
        let mut with_luck = |rate| {
            number += 1;
            if number % 3 == 1 { Judgement::Failed } else { judge(rate) }
        };
        let bounds = found(Search::new(0.0, 60_000, 1_000_000), &mut with_luck);
        assert!(bounds.lower.is_some_and(|lower| (47_000..=50_000).contains(&lower)), "{bounds:?}");
    }

    #[test]
    fn a_server_beyond_the_ceiling_has_no_upper_bound() {
        let bounds = found(Search::new(0.0, 1000, 10_000), &mut capacity(u64::MAX));
        assert_eq!((bounds.lower, bounds.upper, bounds.end), (Some(10_000), None, End::Ceiling));
    }

    #[test]
    fn a_server_that_always_loses_has_no_lower_bound() {
        let bounds = found(Search::new(0.0, 1000, 10_000), &mut |_| Judgement::Failed);
        assert_eq!((bounds.lower, bounds.upper, bounds.end), (None, Some(100), End::NothingPasses));
    }

    #[test]
    fn a_generator_at_its_limit_is_no_failure_of_the_server() {
        let mut judge = |rate| if rate > 3000 { Judgement::Unusable } else { Judgement::Passed };
        let bounds = found(Search::new(0.0, 1000, 10_000), &mut judge);
        assert_eq!((bounds.lower, bounds.upper, bounds.end), (Some(2250), None, End::GeneratorLimited));
        assert_eq!(bounds.unusable, 4);
        // From above the generator's limit the search goes down to what can be offered.
        let bounds = found(Search::new(0.0, 9000, 10_000), &mut judge);
        assert_eq!((bounds.lower, bounds.upper, bounds.end), (Some(2250), None, End::GeneratorLimited));
        let bounds = found(Search::new(0.0, 9000, 10_000), &mut |_| Judgement::Unusable);
        assert_eq!((bounds.lower, bounds.upper, bounds.end, bounds.trials), (None, None, End::GeneratorLimited, 0));
    }
}
