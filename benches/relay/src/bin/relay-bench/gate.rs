//! The gate: what servers cost beside the null relay, compared with an earlier report.
//!
//! Only ratios are compared, and only between trials that saturated the server as well as the null relay: neither time nor rate decides anything.

use crate::report::{Cell, SCHEMA};
use crate::servers::BuiltIn;
use anyhow::{Context as _, bail};
use relay_bench::stats::Interval;
use relay_bench::verdict::Verdict;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fs;
use std::path::Path;

/// How far a ratio may leave the interval of the baseline, as a share of it.
pub(crate) const BAND: f64 = 0.10;

/// An earlier report, as far as it is compared.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Baseline {
    schema: String,
    environment: Option<Build>,
    cells: Vec<Known>,
}

#[derive(Clone, Debug, Deserialize)]
struct Build {
    build: String,
}

/// What tells cells apart, and what is compared.
#[derive(Clone, Debug, Deserialize)]
struct Known {
    server: String,
    direction: String,
    content: String,
    flows: usize,
    carrier: String,
    transport: String,
    ip: String,
    auth: String,
    tx: String,
    window: Option<u64>,
    rate: Option<u64>,
    burst: u64,
    ratio_to_null: Option<Interval>,
    limit: Option<Verdict>,
}

/// What the gate found.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Gate {
    /// How far a ratio may leave the interval of the baseline, as a share of it.
    pub(crate) band: f64,
    /// Each server of the baseline, but null-plain.
    pub(crate) cells: Vec<Gated>,
}

/// What the gate found about one server under one load.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Gated {
    pub(crate) server: String,
    /// The load: direction, size and the like.
    pub(crate) load: String,
    /// The ratio to null-plain in the baseline.
    pub(crate) baseline: Option<Interval>,
    /// The same in this run.
    pub(crate) now: Option<Interval>,
    pub(crate) outcome: Outcome,
}

/// How a ratio compares with that of the baseline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Outcome {
    /// The intervals, with the band, have a ratio in common.
    Within,
    /// The whole interval is above the band: the gate fails.
    Dearer,
    /// The whole interval is below the band: time for a new baseline.
    Cheaper,
    /// The server or the null relay was not saturated, or there were too few rounds, in this run or in the baseline.
    Undecided,
    /// This run has no such cell: the gate fails.
    NotMeasured,
}

impl Outcome {
    /// Name in reports.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Within => "within",
            Self::Dearer => "dearer",
            Self::Cheaper => "cheaper",
            Self::Undecided => "undecided",
            Self::NotMeasured => "not measured",
        }
    }
}

impl Baseline {
    /// Reads an earlier report; refuses one that has nothing to compare.
    pub(crate) fn read(path: &Path) -> anyhow::Result<Self> {
        let place = path.display();
        let text = fs::read_to_string(path).with_context(|| format!("the baseline {place} cannot be read"))?;
        let baseline: Self = serde_json::from_str(&text).with_context(|| format!("{place} is no report of relay-bench"))?;
        let own = env!("RELAY_BENCH_PROFILE");
        match &baseline.environment {
            _ if baseline.schema != SCHEMA => bail!("the baseline {place} has the schema {}, this program {SCHEMA}", baseline.schema),
            Some(environment) if environment.build != own => {
                bail!("the baseline {place} is of a {} build and this is a {own} one: their ratios are not comparable", environment.build)
            }
            _ if !baseline.cells.iter().any(Known::is_compared) => bail!("the baseline {place} has no ratio to null-plain to compare with"),
            _ => Ok(baseline),
        }
    }

    /// Compares the cells of a run.
    pub(crate) fn compare(&self, cells: &[Cell]) -> Gate {
        let now: Vec<Known> = cells.iter().map(Known::from).collect();
        let compared = self.cells.iter().filter(|known| known.is_compared());
        let cells = compared.map(|known| {
            let other = now.iter().find(|other| other.server == known.server && other.has_load_of(known));
            let both = other.and_then(|other| known.usable(&self.cells).zip(other.usable(&now)));
            let outcome = match (other, both) {
                (None, _) => Outcome::NotMeasured,
                (Some(_), None) => Outcome::Undecided,
                (Some(_), Some((baseline, now))) => judge(baseline, now),
            };
            let now = other.and_then(|other| other.ratio_to_null);
            Gated { server: known.server.clone(), load: known.load(), baseline: known.ratio_to_null, now, outcome }
        });
        Gate { band: BAND, cells: cells.collect() }
    }
}

impl Gate {
    /// Whether something got dearer or was left out.
    pub(crate) fn fails(&self) -> bool {
        self.cells.iter().any(|cell| matches!(cell.outcome, Outcome::Dearer | Outcome::NotMeasured))
    }

    /// Whether nothing could be compared: then passing would mean nothing.
    pub(crate) fn is_void(&self) -> bool {
        self.cells.iter().all(|cell| cell.outcome == Outcome::Undecided)
    }
}

/// Fails only where the interval lies wholly outside that of the baseline and its band.
fn judge(baseline: Interval, now: Interval) -> Outcome {
    if now.low > baseline.high * (1.0 + BAND) {
        Outcome::Dearer
    } else if now.high < baseline.low * (1.0 - BAND) {
        Outcome::Cheaper
    } else {
        Outcome::Within
    }
}

impl Known {
    /// The null relay is what the others are compared with.
    fn is_compared(&self) -> bool {
        self.server != BuiltIn::NullPlain.name() && self.ratio_to_null.is_some()
    }

    fn has_load_of(&self, other: &Self) -> bool {
        (&self.direction, &self.content, self.flows, &self.carrier, &self.transport, &self.ip)
            == (&other.direction, &other.content, other.flows, &other.carrier, &other.transport, &other.ip)
            && (&self.auth, &self.tx, self.window, self.rate, self.burst) == (&other.auth, &other.tx, other.window, other.rate, other.burst)
    }

    /// The ratio, if both sides of it were saturated. The null relay asks for no credentials, and these cost nothing on a datagram.
    fn usable(&self, among: &[Self]) -> Option<Interval> {
        let saturated = |known: &Self| known.limit == Some(Verdict::ServerSaturated);
        let null = |known: &&Self| {
            known.server == BuiltIn::NullPlain.name() && Self { auth: self.auth.clone(), ..(*known).clone() }.has_load_of(self)
        };
        let reference = among.iter().find(null)?;
        self.ratio_to_null.filter(|_| saturated(self) && saturated(reference))
    }

    fn load(&self) -> String {
        let pace = self.rate.map_or_else(|| "closed loop".to_owned(), |rate| format!("{rate} packets/s"));
        format!("{}, {}, {} flows, {}, IP {}, tx {}, {pace}", self.direction, self.content, self.flows, self.carrier, self.ip, self.tx)
    }
}

impl From<&Cell> for Known {
    fn from(cell: &Cell) -> Self {
        Self {
            server: cell.server.clone(),
            direction: cell.direction.into(),
            content: cell.content.clone(),
            flows: cell.flows,
            carrier: cell.carrier.into(),
            transport: cell.transport.into(),
            ip: cell.ip.into(),
            auth: cell.auth.into(),
            tx: cell.tx.name().into(),
            window: cell.window,
            rate: cell.rate,
            burst: cell.burst,
            ratio_to_null: cell.ratio_to_null,
            limit: cell.limit,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn interval(low: f64, high: f64) -> Option<Interval> {
        Some(Interval { median: (low + high) / 2.0, low, high })
    }

    fn known(server: &str, ratio_to_null: Option<Interval>) -> Known {
        let word = |text: &str| text.to_owned();
        Known {
            server: word(server),
            direction: word("up"),
            content: word("100 B"),
            flows: 1,
            carrier: word("channel"),
            transport: word("udp"),
            ip: word("v4"),
            auth: word(if server == "null-plain" { "none" } else { "long-term" }),
            tx: word("plain"),
            window: Some(64),
            rate: None,
            burst: 1,
            ratio_to_null,
            limit: Some(Verdict::ServerSaturated),
        }
    }

    #[test]
    fn only_an_interval_wholly_outside_the_band_fails() {
        let baseline = interval(1.0, 1.2).expect("an interval");
        for (low, high, outcome) in [
            (1.0, 1.2, Outcome::Within),
            (1.31, 1.5, Outcome::Within),
            (1.33, 1.5, Outcome::Dearer),
            (0.8, 0.91, Outcome::Within),
            (0.8, 0.89, Outcome::Cheaper),
            (0.5, 9.0, Outcome::Within),
        ] {
            assert_eq!(judge(baseline, interval(low, high).expect("an interval")), outcome, "{low} to {high}");
        }
    }

    #[test]
    fn a_server_beside_a_null_relay_that_waited_is_not_judged() {
        let mut among = [known("null-plain", interval(1.0, 1.0)), known("turn", interval(1.2, 1.3))];
        assert_eq!(among[1].usable(&among), interval(1.2, 1.3));
        among[0].limit = Some(Verdict::Contended);
        assert_eq!(among[1].usable(&among), None);
        among[0] = Known { content: "200 B".into(), ..known("null-plain", interval(1.0, 1.0)) };
        assert_eq!(among[1].usable(&among), None);
    }

    #[test]
    fn what_this_run_lacks_fails_and_what_cannot_be_told_is_void() {
        let cells = vec![known("null-plain", interval(1.0, 1.0)), known("turn", interval(1.2, 1.3))];
        let gate = Baseline { schema: SCHEMA.into(), environment: None, cells }.compare(&[]);
        assert_eq!(gate.cells.iter().map(|cell| cell.outcome).collect::<Vec<_>>(), [Outcome::NotMeasured]);
        assert!(gate.fails() && !gate.is_void());
        let undecided = |outcome| Gated { server: String::new(), load: String::new(), baseline: None, now: None, outcome };
        let gate = Gate { band: BAND, cells: vec![undecided(Outcome::Undecided)] };
        assert!(!gate.fails() && gate.is_void());
        let gate = Gate { band: BAND, cells: vec![undecided(Outcome::Undecided), undecided(Outcome::Cheaper)] };
        assert!(!gate.fails() && !gate.is_void());
    }
}
