//! Exit codes: what a command found, never how often.

/// How a command ends. Where several apply, [`Exit::worst`] decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// 0: everything as expected.
    AsExpected,
    /// 1: an unexpected verdict, a stale expectation, or a report that the gate may not judge.
    Unexpected,
    /// 2: wrong usage, or a scenario or expectation file that cannot be read.
    Usage,
    /// 3: the harness failed, or the run was interrupted.
    HarnessFault,
    /// 4: no case was selected (before partitioning).
    NothingSelected,
}

impl Exit {
    /// The process exit code.
    pub fn code(self) -> u8 {
        match self {
            Self::AsExpected => 0,
            Self::Unexpected => 1,
            Self::Usage => 2,
            Self::HarnessFault => 3,
            Self::NothingSelected => 4,
        }
    }

    /// The one that wins: 3, then 2, then 4, then 1, then 0; 0 where none is given.
    pub fn worst(found: impl IntoIterator<Item = Self>) -> Self {
        found.into_iter().max_by_key(|exit| exit.precedence()).unwrap_or(Self::AsExpected)
    }

    fn precedence(self) -> u8 {
        match self {
            Self::AsExpected => 0,
            Self::Unexpected => 1,
            Self::NothingSelected => 2,
            Self::Usage => 3,
            Self::HarnessFault => 4,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Exit::{self, AsExpected, HarnessFault, NothingSelected, Unexpected, Usage};

    #[test]
    fn each_exit_code_loses_against_every_one_before_it() {
        let order = [HarnessFault, Usage, NothingSelected, Unexpected, AsExpected];
        assert_eq!(order.map(Exit::code), [3, 2, 4, 1, 0]);
        for (rank, winner) in order.iter().enumerate() {
            for loser in &order[rank..] {
                assert_eq!(Exit::worst([*loser, *winner]), *winner);
                assert_eq!(Exit::worst([*winner, *loser]), *winner);
            }
        }
        assert_eq!(Exit::worst([]), AsExpected);
    }
}
