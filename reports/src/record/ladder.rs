//! `case.json`: the case again, with its message ladder and its NAT table over time.

use std::collections::{BTreeSet, VecDeque};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Case;

/// A ladder never has more rows.
pub const LADDER_ROWS: usize = 400;
/// A NAT table never has more mappings.
pub const MAPPING_ROWS: usize = 400;
/// Rows kept from the start: how things began explains most failures.
const HEAD: usize = 200;
/// Rows kept from between start and end because a check cites them.
const CITED: usize = 100;
/// Rows kept from the end.
const TAIL: usize = LADDER_ROWS - HEAD - CITED;

/// `cases/CASE-ID/case.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CaseFile {
    /// The same record as in `report.json`.
    pub case: Case,
    /// Who sent what to whom.
    pub ladder: Ladder,
    /// Which NAT mappings existed when.
    pub nat_table: NatTable,
}

/// Messages, API events and faults in the order of time, between named lanes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Ladder {
    /// Lanes from left to right; a NAT stands between its host and the outside.
    pub lanes: Vec<Lane>,
    /// At most [`LADDER_ROWS`] rows.
    pub rows: Vec<LadderRow>,
}

/// One vertical line of a ladder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Lane {
    /// The id that rows refer to: the node's or NAT's name in the topology.
    pub id: String,
    /// What to print below the id, e.g. `rtc 0.21` or `port-restricted`.
    pub label: String,
    /// What stands there.
    pub kind: LaneKind,
}

/// What stands at a lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum LaneKind {
    /// A node of the scenario.
    Host,
    /// A NAT.
    Nat,
    /// A router or firewall.
    Router,
}

/// One event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LadderRow {
    /// When, in ns since the case began; for a packet, when it was sent.
    pub at_ns: u64,
    /// The lane it starts at. Empty for what happens at no lane, e.g. a step that waits.
    pub from: String,
    /// The lane it ends at: the receiver, or where it was dropped. Equal to `from` for what happens at one place.
    pub to: String,
    /// The NATs that rewrote it on the way, in the order of travel.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub via: Vec<Hop>,
    /// What it is, e.g. `Binding request`.
    pub text: String,
    /// What is special about it: the drop reason, the step that matched, the check that cites it. Empty for nothing.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
    /// What kind of event.
    pub kind: LadderKind,
    /// Numbers, from 1, of its packets in `trace.pcapng`, one per vantage.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub packets: Vec<u64>,
    /// Rows left out just before this one.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub skipped: u64,
}

/// One rewriting by a NAT.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Hop {
    /// The NAT's lane.
    pub lane: String,
    /// The transport address before: the source of an outbound packet, the destination of an inbound one.
    pub before: String,
    /// The transport address after.
    pub after: String,
}

/// What kind of event a row shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum LadderKind {
    /// A packet that arrived.
    Packet,
    /// A packet that did not.
    Drop,
    /// An event that an implementation reported.
    Api,
    /// A step of the scenario, or a fault it planted.
    Step,
    /// A mapping made or expired.
    Nat,
}

/// Mappings of all NATs of a case.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NatTable {
    /// At most [`MAPPING_ROWS`], in the order of their making.
    pub mappings: Vec<NatMapping>,
    /// Mappings left out after those.
    #[serde(default)]
    pub skipped_at_end: u64,
}

/// One mapping and its life.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NatMapping {
    /// The NAT's lane.
    pub nat: String,
    /// `udp`, `tcp` or `icmp`.
    pub protocol: String,
    /// Internal endpoint (RFC 4787 section 4: IP address and port).
    pub internal: String,
    /// External endpoint.
    pub external: String,
    /// The destination that the mapping is bound to; null for endpoint-independent mapping.
    pub remote: Option<String>,
    /// When it was made, in ns since the case began.
    pub made_ns: u64,
    /// When it went; null if it outlived the case.
    pub gone_ns: Option<u64>,
    /// Why it went, e.g. `expired`, `reboot`; null if it outlived the case.
    pub gone_because: Option<String>,
}

impl Ladder {
    /// Builds a ladder from rows in the order of time, with bounded memory: all rows where they fit, else the first, the last, and,
    /// from between, rows whose packets are `cited` by a check. Gaps are counted in [`LadderRow::skipped`].
    pub fn build(lanes: Vec<Lane>, rows: impl IntoIterator<Item = LadderRow>, cited: &BTreeSet<u64>) -> Self {
        let mut kept: Vec<(u64, LadderRow)> = Vec::new();
        let mut tail: VecDeque<(u64, LadderRow)> = VecDeque::new();
        let mut room = CITED;
        for (index, row) in rows.into_iter().enumerate() {
            if kept.len() < HEAD {
                kept.push((index as u64, row));
                continue;
            }
            tail.push_back((index as u64, row));
            while tail.len() > TAIL + room {
                let Some((index, row)) = tail.pop_front() else { break };
                if room > 0 && row.packets.iter().any(|number| cited.contains(number)) {
                    room -= 1;
                    kept.push((index, row));
                }
            }
        }
        kept.extend(tail);
        let mut next = 0;
        let rows = kept
            .into_iter()
            .map(|(index, row)| {
                let skipped = index - next;
                next = index + 1;
                LadderRow { skipped, ..row }
            })
            .collect();
        Self { lanes, rows }
    }

    /// The position of a lane from the left.
    pub fn lane(&self, id: &str) -> Option<usize> {
        self.lanes.iter().position(|lane| lane.id == id)
    }
}

impl NatTable {
    /// Keeps the first [`MAPPING_ROWS`] mappings and counts the rest.
    pub fn build(mappings: impl IntoIterator<Item = NatMapping>) -> Self {
        let mut mappings = mappings.into_iter();
        let kept = mappings.by_ref().take(MAPPING_ROWS).collect();
        Self { mappings: kept, skipped_at_end: mappings.count() as u64 }
    }

    /// The mappings that exist at `at_ns`.
    pub fn at(&self, at_ns: u64) -> impl Iterator<Item = &NatMapping> {
        self.mappings.iter().filter(move |mapping| mapping.made_ns <= at_ns && mapping.gone_ns.is_none_or(|gone| at_ns < gone))
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(number: u64) -> LadderRow {
        LadderRow {
            at_ns: number,
            from: "a".into(),
            to: "b".into(),
            via: vec![],
            text: format!("message {number}"),
            note: String::new(),
            kind: LadderKind::Packet,
            packets: vec![number],
            skipped: 0,
        }
    }

    #[test]
    fn a_ladder_that_fits_is_kept_whole() {
        for count in [0, 1, 199, 200, 201, 300, 399, 400] {
            let ladder = Ladder::build(vec![], (0..count).map(row), &BTreeSet::new());
            assert_eq!(ladder.rows, (0..count).map(row).collect::<Vec<_>>(), "{count} rows");
        }
    }

    #[test]
    fn a_long_ladder_keeps_start_end_and_cited_rows_and_counts_the_rest() {
        let cited: BTreeSet<u64> = [1_000, 2_000].into();
        let ladder = Ladder::build(vec![], (0..5_000).map(row), &cited);
        let numbers: Vec<u64> = ladder.rows.iter().map(|row| row.at_ns).collect();
        assert!(ladder.rows.len() <= LADDER_ROWS);
        assert_eq!(numbers[..200], (0..200).collect::<Vec<_>>());
        assert!(cited.iter().all(|number| numbers.contains(number)));
        assert_eq!(numbers.last(), Some(&4_999));
        assert_eq!(ladder.rows.iter().map(|row| row.skipped).sum::<u64>() + ladder.rows.len() as u64, 5_000);
    }

    #[test]
    fn citing_everything_does_not_break_the_bound() {
        let ladder = Ladder::build(vec![], (0..5_000).map(row), &(0..5_000).collect());
        assert_eq!(ladder.rows.len(), LADDER_ROWS);
        assert_eq!(ladder.rows.iter().map(|row| row.skipped).sum::<u64>(), 4_600);
    }

    #[test]
    fn a_mapping_is_in_the_table_from_its_making_until_it_goes() {
        let mapping = NatMapping {
            nat: "nat-a".into(),
            protocol: "udp".into(),
            internal: "10.0.0.2:5000".into(),
            external: "192.0.2.1:5000".into(),
            remote: None,
            made_ns: 10,
            gone_ns: Some(20),
            gone_because: Some("expired".into()),
        };
        let table = NatTable::build(vec![mapping; MAPPING_ROWS + 3]);
        assert_eq!(table.skipped_at_end, 3);
        let counts: Vec<usize> = [9, 10, 19, 20].map(|at| table.at(at).count()).to_vec();
        assert_eq!(counts, [0, MAPPING_ROWS, MAPPING_ROWS, 0]);
    }
}
