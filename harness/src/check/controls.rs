//! Which controls each check has, for `natproof coverage`. The list is data that the tests write and hold against what they ran.

use std::collections::BTreeMap;
use std::sync::LazyLock;

/// The controls of one check: what the traces show.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Controls {
    /// Traces that the check rejects.
    pub rejecting: Vec<&'static str>,
    /// Traces that the check passes.
    pub accepting: Vec<&'static str>,
}

/// The controls by check.
pub fn controls() -> &'static BTreeMap<&'static str, Controls> {
    static CONTROLS: LazyLock<BTreeMap<&'static str, Controls>> = LazyLock::new(|| read(include_str!("controls.csv")));
    &CONTROLS
}

fn read(list: &'static str) -> BTreeMap<&'static str, Controls> {
    let mut controls: BTreeMap<&str, Controls> = BTreeMap::new();
    for line in list.lines().skip(1) {
        let mut fields = line.splitn(3, ',');
        let (Some(check), Some(verdict), Some(name)) = (fields.next(), fields.next(), fields.next()) else { continue };
        let of_check = controls.entry(check).or_default();
        let names = if verdict == "rejects" { &mut of_check.rejecting } else { &mut of_check.accepting };
        names.push(name.trim_matches('"'));
    }
    controls
}
