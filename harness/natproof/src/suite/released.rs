//! What the last released version of the suite had, so that the gate can tell checks that are new from implementations that are worse.

use reports::record::Run;
use std::collections::BTreeSet;

/// Ids of checks, and paths of scenarios, which stand for their expectations.
pub(crate) struct Released(BTreeSet<String>);

impl Released {
    /// Reads a list of ids, one per line; lines that begin with `#` say something to people.
    pub(crate) fn parse(text: &str) -> Self {
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        Self(lines.map(str::to_owned).collect())
    }

    /// The checks of a run that are not among them.
    pub(crate) fn new_checks(&self, run: &Run) -> BTreeSet<String> {
        let ids = run.cases.iter().flat_map(|case| &case.checks).map(|check| &check.id);
        ids.filter(|id| !self.0.contains(id.split_once('#').map_or(id.as_str(), |(scenario, _)| scenario))).cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_blank_lines_are_no_ids() {
        let released = Released::parse("# the suite\n\nstun.cookie\n ice/nat-pairs \n");
        assert_eq!(released.0, BTreeSet::from(["stun.cookie".to_owned(), "ice/nat-pairs".to_owned()]));
    }
}
