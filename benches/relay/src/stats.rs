//! Medians, and the interval of a ratio between paired rounds.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Middle and ends of some figures.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Spread {
    /// The middle one.
    pub median: f64,
    /// The smallest.
    pub min: f64,
    /// The largest.
    pub max: f64,
}

/// A ratio and the interval that holds it with 95 % confidence.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Interval {
    /// The median over the rounds.
    pub median: f64,
    /// The lower end.
    pub low: f64,
    /// The upper end.
    pub high: f64,
}

impl Interval {
    /// Whether two intervals have a figure in common: no order may be told between them then.
    #[must_use]
    pub fn overlaps(&self, other: &Self) -> bool {
        self.low <= other.high && other.low <= self.high
    }
}

/// Spread of the figures; `None` without any.
#[must_use]
pub fn spread(figures: &[f64]) -> Option<Spread> {
    let sorted = sorted(figures);
    Some(Spread { median: median(&sorted)?, min: *sorted.first()?, max: *sorted.last()? })
}

/// Fewer paired rounds than this give no interval.
pub const FEWEST_ROUNDS: usize = 3;

/// How often the rounds are drawn anew.
const DRAWS: usize = 2000;

/// The median ratio over paired rounds and its bootstrap interval (percentile method). The pairing cancels drift of the machine. The generator of random
/// numbers is seeded, so the same rounds give the same interval. `None` for fewer than [`FEWEST_ROUNDS`] rounds: an interval of two figures says nothing.
#[must_use]
pub fn paired_ratio(pairs: &[(f64, f64)], seed: u64) -> Option<Interval> {
    let ratios: Vec<f64> = pairs.iter().filter(|(_, reference)| *reference > 0.0).map(|(figure, reference)| figure / reference).collect();
    if ratios.len() < FEWEST_ROUNDS {
        return None;
    }
    let mut random = fastrand::Rng::with_seed(seed);
    let draw = |_| {
        let drawn: Vec<f64> = (0..ratios.len()).map(|_| ratios[random.usize(..ratios.len())]).collect();
        median(&sorted(&drawn)).expect("at least three ratios")
    };
    let medians = sorted(&(0..DRAWS).map(draw).collect::<Vec<f64>>());
    Some(Interval { median: median(&sorted(&ratios))?, low: medians[DRAWS / 40], high: medians[DRAWS - 1 - DRAWS / 40] })
}

/// Jain's fairness index: 1 for equal shares, 1/n where one of n has all. `None` where nobody has any.
#[must_use]
pub fn jain(shares: &[f64]) -> Option<f64> {
    let (sum, squares) = shares.iter().fold((0.0, 0.0), |(sum, squares), share| (sum + share, squares + share * share));
    (squares > 0.0).then(|| sum * sum / (shares.len() as f64 * squares))
}

/// The median slope between all pairs of points (Theil-Sen): a step or a spike does not make one. `None` for fewer than three points.
#[must_use]
pub fn slope(points: &[(f64, f64)]) -> Option<f64> {
    if points.len() < 3 {
        return None;
    }
    // Of more points every so many will do: the pairs are many already.
    let points: Vec<(f64, f64)> = points.iter().copied().step_by(points.len().div_ceil(MOST_POINTS)).collect();
    let pairs = points.iter().enumerate().flat_map(|(index, one)| points[index + 1..].iter().map(move |other| (one, other)));
    let slopes: Vec<f64> = pairs.filter(|(one, other)| other.0 > one.0).map(|(one, other)| (other.1 - one.1) / (other.0 - one.0)).collect();
    median(&sorted(&slopes))
}

/// Of so many points at most all pairs are looked at.
const MOST_POINTS: usize = 500;

fn sorted(figures: &[f64]) -> Vec<f64> {
    let mut sorted = figures.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted
}

fn median(sorted: &[f64]) -> Option<f64> {
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => None,
        odd if odd % 2 == 1 => Some(sorted[middle]),
        _ => Some((sorted[middle - 1] + sorted[middle]) / 2.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drift_that_both_share_leaves_the_ratio_alone() {
        let pairs: Vec<(f64, f64)> = (1..=6).map(|round| (1.2 * f64::from(round), f64::from(round))).collect();
        let interval = paired_ratio(&pairs, 1).expect("enough rounds");
        assert!((interval.median - 1.2).abs() < 1e-9 && (interval.low - 1.2).abs() < 1e-9 && (interval.high - 1.2).abs() < 1e-9);
    }

    #[test]
    fn noise_widens_the_interval_around_the_median() {
        let pairs = [(0.9, 1.0), (1.0, 1.0), (1.1, 1.0), (1.3, 1.0), (0.8, 1.0)];
        let interval = paired_ratio(&pairs, 1).expect("enough rounds");
        assert!(interval.low < 1.0 && interval.median == 1.0 && interval.high > 1.0, "{interval:?}");
        assert_eq!(paired_ratio(&pairs, 1), Some(interval));
    }

    #[test]
    fn shares_are_fair_when_equal_and_least_so_when_one_has_all() {
        assert_eq!(jain(&[5.0, 5.0]), Some(1.0));
        assert_eq!(jain(&[5.0, 0.0, 0.0, 0.0]), Some(0.25));
        assert_eq!(jain(&[0.0]), None);
    }

    #[test]
    fn a_steady_growth_is_a_slope_and_a_step_or_a_spike_is_none() {
        let of = |value: &dyn Fn(usize) -> f64| slope(&(0..2000).map(|at| (at as f64, value(at))).collect::<Vec<_>>());
        assert_eq!(of(&|at| 3.0 * at as f64), Some(3.0));
        assert_eq!(of(&|at| if at < 100 { 0.0 } else { 500.0 }), Some(0.0));
        assert_eq!(of(&|at| if at == 1000 { 1e9 } else { 7.0 }), Some(0.0));
        assert_eq!(slope(&[(0.0, 1.0), (1.0, 2.0)]), None);
    }

    #[test]
    fn two_rounds_give_no_interval() {
        assert_eq!(paired_ratio(&[(1.0, 1.0), (2.0, 1.0)], 1), None);
    }

    #[test]
    fn the_median_of_an_even_number_lies_between() {
        assert_eq!(spread(&[4.0, 1.0, 2.0, 3.0]), Some(Spread { median: 2.5, min: 1.0, max: 4.0 }));
        assert_eq!(spread(&[]), None);
    }
}
