//! Verdicts, their aggregation, and what grades them.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What one check says about its subject, and, aggregated, what a case says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// The clause was exercised and held.
    Pass,
    /// A MUST, or a clause without a keyword, was violated.
    Fail,
    /// A SHOULD was not followed, or the text has two defensible readings and both are named.
    Deviates,
    /// Nothing can be said: the stimulus never took effect, or the positive control failed.
    Inconclusive,
    /// The implementation lacks the capability, and the probe agrees.
    Unsupported,
    /// The clause does not apply here: the case lacks what it speaks about.
    NotApplicable,
    /// The subject or the harness broke; [`Cause`] tells which.
    Error,
}

impl Verdict {
    /// Every verdict, in the order in which reports list them.
    pub const ALL: [Self; 7] =
        [Self::Pass, Self::Fail, Self::Deviates, Self::Inconclusive, Self::Unsupported, Self::NotApplicable, Self::Error];

    /// The verdict of a case: the worst of error, fail, inconclusive and deviates; else pass if anything passed; else unsupported
    /// if anything was; else not-applicable.
    pub fn aggregate(verdicts: impl IntoIterator<Item = Self>) -> Self {
        verdicts.into_iter().max_by_key(|verdict| verdict.weight()).unwrap_or(Self::NotApplicable)
    }

    /// Whether the verdict is a departure that the gate wants to see listed.
    pub fn is_departure(self) -> bool {
        matches!(self, Self::Error | Self::Fail | Self::Inconclusive | Self::Deviates)
    }

    /// The name as reports spell it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::Deviates => "deviates",
            Self::Inconclusive => "inconclusive",
            Self::Unsupported => "unsupported",
            Self::NotApplicable => "not-applicable",
            Self::Error => "error",
        }
    }

    fn weight(self) -> u8 {
        match self {
            Self::NotApplicable => 0,
            Self::Unsupported => 1,
            Self::Pass => 2,
            Self::Deviates => 3,
            Self::Inconclusive => 4,
            Self::Fail => 5,
            Self::Error => 6,
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The requirement level of what a check judges (RFC 2119, and clauses that state a fact without a keyword).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub enum Level {
    /// MUST, MUST NOT, REQUIRED, SHALL: a violation is `fail`.
    #[serde(rename = "MUST")]
    Must,
    /// SHOULD, SHOULD NOT, RECOMMENDED: a violation is `deviates`.
    #[serde(rename = "SHOULD")]
    Should,
    /// MAY, OPTIONAL: recorded, never held against anyone.
    #[serde(rename = "MAY")]
    May,
    /// Normative text without a keyword: graded like MUST.
    #[serde(rename = "unmarked")]
    Unmarked,
}

impl Level {
    /// The name as reports spell it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Must => "MUST",
            Self::Should => "SHOULD",
            Self::May => "MAY",
            Self::Unmarked => "unmarked",
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Who is to blame for [`Verdict::Error`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Cause {
    /// The implementation crashed, hung or flooded. Gates like `fail`.
    Implementation,
    /// The harness broke. Exit code 3; can never be expected.
    Harness,
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Implementation => "implementation",
            Self::Harness => "harness",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_departure_decides_a_case() {
        use Verdict::*;
        for (verdicts, case) in [
            (vec![Pass, Deviates, Inconclusive, Fail, Error], Error),
            (vec![Pass, Deviates, Inconclusive, Fail], Fail),
            (vec![Pass, Deviates, Inconclusive], Inconclusive),
            (vec![Unsupported, Deviates, Pass], Deviates),
            (vec![Unsupported, Pass, NotApplicable], Pass),
            (vec![NotApplicable, Unsupported], Unsupported),
            (vec![NotApplicable], NotApplicable),
            (vec![], NotApplicable),
        ] {
            assert_eq!(Verdict::aggregate(verdicts.clone()), case, "{verdicts:?}");
        }
    }

    #[test]
    fn names_are_the_serialised_names() {
        for verdict in Verdict::ALL {
            assert_eq!(serde_json::to_value(verdict).unwrap(), verdict.as_str());
        }
        for level in [Level::Must, Level::Should, Level::May, Level::Unmarked] {
            assert_eq!(serde_json::to_value(level).unwrap(), level.as_str());
        }
        for cause in [Cause::Implementation, Cause::Harness] {
            assert_eq!(serde_json::to_value(cause).unwrap(), cause.to_string());
        }
    }
}
