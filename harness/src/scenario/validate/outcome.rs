//! The outcome: two peers, and words that say how they may be connected.

use super::{Validator, player_word};
use crate::plan::preset_name;
use crate::scenario::model::{Cell, Outcome, RoleName, Table};
use crate::scenario::span::Spanned;
use std::collections::BTreeSet;

const TYPES: [&str; 4] = ["host", "srflx", "prflx", "relay"];

impl<'a> Validator<'a> {
    pub(super) fn outcome(&mut self) {
        let Some(outcome) = &self.scenario.outcome else { return };
        let (a, b) = (&outcome.between.0, &outcome.between.1);
        if a == b {
            self.wrong("scenario::itself", &b.span, format!("the outcome is between two nodes, not between `{}` and itself", b.value));
        }
        for name in [a, b] {
            let Some(node) = self.node(name) else { continue };
            if !matches!(node.role.value, RoleName::Peer | RoleName::IceAgent) || node.implementation.is_none() {
                let message = format!(
                    "`{}` is {} in the role `{}`, and an outcome is between peers",
                    name.value,
                    player_word(node),
                    node.role.value.name()
                );
                self.wrong("scenario::role", &name.span, message);
            }
        }
        match (&outcome.allowed, &outcome.table) {
            (Some(allowed), None) => self.allowed(outcome, allowed),
            (None, Some(table)) => self.table(outcome, table),
            _ => self.wrong("scenario::outcome", &outcome.span, "an outcome needs either `allowed` or `table`"),
        }
    }

    fn allowed(&mut self, outcome: &Spanned<Outcome>, allowed: &[Spanned<Cell>]) {
        if allowed.is_empty() {
            self.wrong("scenario::outcome", &outcome.span, "`allowed` allows nothing");
        }
        for cell in allowed {
            self.alternative(cell, cell);
        }
    }

    /// One alternative of a cell: `failed`, `direct`, `relayed`, the latter two with or without the candidate types of the pair.
    fn alternative(&mut self, cell: &Spanned<Cell>, alternative: &str) {
        let (word, pair) = alternative.trim().split_once(' ').map_or((alternative.trim(), None), |(word, pair)| (word, Some(pair.trim())));
        let typed = |pair: &str| pair.split_once('-').is_some_and(|(local, remote)| TYPES.contains(&local) && TYPES.contains(&remote));
        let known = match pair {
            None => matches!(word, "failed" | "direct" | "relayed"),
            Some(pair) => matches!(word, "direct" | "relayed") && typed(pair),
        };
        if !known {
            let help = format!(
                "say `direct`, `relayed` or `failed`, the first two with a pair: `direct host-srflx`; types are {}",
                TYPES.join(", ")
            );
            self.wrong_with("scenario::outcome", &cell.span, format!("`{}` is no outcome", alternative.trim()), help);
        }
    }

    fn table(&mut self, outcome: &Spanned<Outcome>, table: &Table) {
        let mut columns = BTreeSet::new();
        for column in &table.columns {
            self.preset(column);
            if !columns.insert(column.as_str()) {
                self.wrong("scenario::table", &column.span, format!("the column `{}` stands here twice", column.value));
            }
        }
        for (name, cells) in &table.rows {
            self.preset(&Spanned { value: name.clone(), span: cells.span.clone() });
            if cells.len() != table.columns.len() {
                let message = format!("the row `{name}` has {} cells for {} columns", cells.len(), table.columns.len());
                self.wrong("scenario::table", &cells.span, message);
            }
            for cell in cells.iter() {
                for alternative in cell.split('|') {
                    self.alternative(cell, alternative);
                }
            }
        }
        let row = self.nat_of(&outcome.between.0);
        let column = self.nat_of(&outcome.between.1);
        if let Some(row) = row.filter(|row| !table.rows.contains_key(*row)) {
            self.wrong("scenario::table", &outcome.between.0.span, format!("the table has no row for `{row}`"));
        }
        if let Some(column) = column.filter(|column| !columns.contains(column)) {
            self.wrong("scenario::table", &outcome.between.1.span, format!("the table has no column for `{column}`"));
        }
    }

    fn preset(&mut self, name: &Spanned<String>) {
        if !nat_sim::PRESETS.contains(&name.as_str()) {
            self.unknown("scenario::table", name, "a preset", nat_sim::PRESETS.iter().copied());
        }
    }

    /// The preset by which a peer finds its row or column.
    fn nat_of(&mut self, name: &Spanned<String>) -> Option<&'a str> {
        let node = self.scenario.nodes.get(&name.value)?;
        if node.access.is_some() || node.network.is_some() {
            let message = format!("a table looks at the `nat` of its peers, and `{}` has none of its own", name.value);
            self.wrong("scenario::table", &name.span, message);
            return None;
        }
        Some(node.nat.as_ref().map_or("open", |nat| preset_name(&nat.value)))
    }
}
