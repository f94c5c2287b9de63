//! The figures of one cell of the benchmark: one server under one load.

use crate::account::{Counts, over_sent};
use crate::bench::{Series, Trial};
use crate::load::Leg;
use crate::payload::Way;
use crate::stats::{self, Interval, Spread};
use crate::verdict::{Ledger, Verdict};
use hdrhistogram::Histogram;
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeMap;

/// What a series of trials shows.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Figures {
    /// Rounds that count.
    pub rounds: usize,
    /// CPU time of the server per delivered datagram, in ns.
    pub ns_per_packet: Option<Spread>,
    /// CPU time of the generator per sent datagram, in ns.
    pub generator_ns_per_packet: Option<Spread>,
    /// Datagrams delivered per second.
    pub delivered_per_second: Option<Spread>,
    /// Share of sent datagrams that never arrived whole, 0 to 1.
    pub loss: f64,
    /// What became of the datagrams, over all rounds.
    pub counts: Counts,
    /// Datagrams that left too late, over all rounds.
    pub late: u64,
    /// Times that the closed loop waited for nothing, over all rounds.
    pub stalls: u64,
    /// Where datagrams were lost, over all rounds.
    pub ledger: Ledger,
    /// Jain's index of what the flows delivered: 1 is equal shares, 1/n is all for one of n.
    pub fairness: Option<f64>,
    /// The verdict that most trials have; the worse one of two.
    pub limit: Verdict,
    /// How many trials have which verdict.
    pub verdicts: BTreeMap<Verdict, usize>,
}

/// Delays of a direction in ns. Datagrams that did not arrive count as slower than all others: a quantile that falls among them is `None`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Delay {
    /// Counted from the time at which a datagram was due.
    pub from_intended: Quantiles,
    /// Counted from the time at which it was sent: what tools report that wait for the relay. For comparison only.
    pub from_actual: Quantiles,
    /// The curve of `from_intended`: quantile (0 to 1) and delay in ns, as far as datagrams arrived.
    pub curve: Vec<(f64, u64)>,
}

/// Quantiles of [`Delay::curve`]: evenly spread on the scale of nines.
const CURVE: [f64; 14] = [0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.98, 0.99, 0.995, 0.998, 0.999, 0.9995, 0.9999];

/// Quantiles over sent datagrams, in ns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Quantiles {
    /// Half of the datagrams took at most this.
    pub p50: Option<u64>,
    /// 99 of 100.
    pub p99: Option<u64>,
    /// 999 of 1000.
    pub p999: Option<u64>,
    /// All.
    pub max: Option<u64>,
}

/// Sums up; `None` without trials.
#[must_use]
pub fn figures(series: &Series) -> Option<Figures> {
    let trials = &series.trials;
    let of = |figure: &dyn Fn(&Trial) -> Option<f64>| stats::spread(&trials.iter().filter_map(figure).collect::<Vec<_>>());
    let mut verdicts = BTreeMap::new();
    trials.iter().for_each(|trial| *verdicts.entry(trial.verdict).or_insert(0) += 1);
    let limit = verdicts.iter().max_by_key(|(verdict, count)| (**count, **verdict)).map(|(verdict, _)| *verdict)?;
    let (mut counts, mut ledger) = (Counts::default(), Ledger::default());
    for trial in trials {
        counts.add(&trial.outcome.total());
        ledger.add(&trial.ledger);
    }
    Some(Figures {
        rounds: trials.len(),
        ns_per_packet: of(&Trial::ns_per_packet),
        generator_ns_per_packet: of(&Trial::generator_ns_per_packet),
        delivered_per_second: of(&|trial| Some(trial.pps())),
        loss: counts.lost() as f64 / counts.sent.max(1) as f64,
        counts,
        late: trials.iter().map(|trial| trial.outcome.late).sum(),
        stalls: trials.iter().map(|trial| trial.outcome.stalls).sum(),
        ledger,
        fairness: fairness(trials),
        limit,
        verdicts,
    })
}

/// Jain's fairness index over the flows, in the direction that shares less equally.
fn fairness(trials: &[Trial]) -> Option<f64> {
    let legs = trials.first()?.outcome.legs.len();
    let of_leg = |leg: usize| {
        let flows = trials[0].outcome.legs[leg].flows.len();
        let shares: Vec<f64> =
            (0..flows).map(|flow| trials.iter().map(|it| it.outcome.legs[leg].flows[flow].delivered as f64).sum()).collect();
        stats::jain(&shares)
    };
    (0..legs).filter_map(of_leg).min_by(f64::total_cmp)
}

/// Delays in a direction over the trials in which the generator kept to its schedule; `None` where there are none.
#[must_use]
pub fn delay(series: &Series, way: Way) -> Option<Delay> {
    let usable = series.trials.iter().filter(|trial| trial.verdict != Verdict::GeneratorLimited);
    let mut legs = usable.flat_map(|trial| trial.outcome.legs.iter().filter(|leg| leg.way == way));
    let mut whole: Leg = legs.next()?.clone();
    for leg in legs {
        whole.delays.add(&leg.delays);
        whole.flows.extend(leg.flows.iter().copied());
    }
    let sent = whole.total().sent;
    let intended = &whole.delays.intended;
    let curve = CURVE.iter().filter_map(|quantile| Some((*quantile, over_sent(intended, sent, *quantile)?))).collect();
    Some(Delay { from_intended: quantiles(intended, sent), from_actual: quantiles(&whole.delays.actual, sent), curve })
}

/// Quantiles over `sent`, of which those in the histogram have arrived.
#[must_use]
pub fn quantiles(delays: &Histogram<u64>, sent: u64) -> Quantiles {
    let at = |quantile| over_sent(delays, sent, quantile);
    Quantiles { p50: at(0.5), p99: at(0.99), p999: at(0.999), max: at(1.0) }
}

/// The server's CPU time per datagram over that of the reference in the same round: above 1 costs more.
#[must_use]
pub fn ratio(series: &Series, reference: &Series) -> Option<Interval> {
    let pair = |trial: &Trial| {
        let same_round = reference.trials.iter().find(|other| other.round == trial.round)?;
        Some((trial.ns_per_packet()?, same_round.ns_per_packet()?))
    };
    stats::paired_ratio(&series.trials.iter().filter_map(pair).collect::<Vec<_>>(), SEED)
}

/// Any number will do: it makes the same trials give the same interval.
const SEED: u64 = 8656;

/// The best and the worst place, from 1, that each interval allows among the others: equal where the order is clear, a range where it is not.
#[must_use]
pub fn places(intervals: &[Interval]) -> Vec<(usize, usize)> {
    let place = |own: &Interval| {
        let cheaper = intervals.iter().filter(|other| other.high < own.low).count();
        let dearer = intervals.iter().filter(|other| other.low > own.high).count();
        (1 + cheaper, intervals.len() - dearer)
    };
    intervals.iter().map(place).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn interval(low: f64, high: f64) -> Interval {
        Interval { median: (low + high) / 2.0, low, high }
    }

    #[test]
    fn intervals_that_overlap_share_their_places() {
        let intervals = [interval(1.0, 1.0), interval(0.3, 0.4), interval(1.1, 1.3), interval(1.2, 1.5)];
        assert_eq!(places(&intervals), [(2, 2), (1, 1), (3, 4), (3, 4)]);
        assert_eq!(places(&[interval(0.9, 1.1), interval(1.0, 1.0)]), [(1, 2), (1, 2)]);
    }
}
