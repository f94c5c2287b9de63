//! A message ladder and a NAT table as plain text.

use std::fmt::Write as _;

use super::super::summary::plural;
use super::Style;
use crate::record::{Ladder, LadderKind, LadderRow, NatTable, Verdict};

/// Columns before the first lane: the time in seconds.
const TIME: usize = 13;
/// A lane is never narrower, whatever the terminal.
const NARROWEST: usize = 16;

/// The ladder with lanes side by side in `width` columns (wider where lanes would become unreadable). Packets are arrows that end
/// with `>` or, dropped, with `x`; every NAT on the way shows the address before and after; other events stand at their lane.
pub fn ladder(ladder: &Ladder, width: usize, style: Style) -> String {
    let lanes = ladder.lanes.len().max(1);
    let canvas = Canvas { lane: (width.saturating_sub(TIME) / lanes).clamp(NARROWEST, 40), lanes };
    let mut text = String::new();
    for name in [|lane: &crate::record::Lane| lane.id.clone(), |lane: &crate::record::Lane| lane.label.clone()] {
        let mut line = canvas.blank(' ');
        for (index, lane) in ladder.lanes.iter().enumerate() {
            canvas.centre(&mut line, canvas.at(index), &name(lane));
        }
        let _ = writeln!(text, "{:TIME$}{}", "", style.bold(&finished(line)));
    }
    for row in &ladder.rows {
        if row.skipped > 0 {
            let _ = writeln!(text, "{:>TIME$} {}", "", style.dim(&format!("... {} left out ...", plural(row.skipped, "row"))));
        }
        draw(&mut text, ladder, row, &canvas, style);
    }
    text
}

fn draw(text: &mut String, ladder: &Ladder, row: &LadderRow, canvas: &Canvas, style: Style) {
    let lane = |id: &str| canvas.at(ladder.lane(id).unwrap_or_default());
    let (from, to) = (lane(&row.from), lane(&row.to));
    let (left, right) = (from.min(to), from.max(to));
    let mut line = canvas.blank('|');
    let mut above = None;
    if from == to {
        canvas.write(&mut line, from, &format!("{} {}", marker(row.kind), row.text));
    } else {
        line[left + 1..right].fill('-');
        let head = if row.kind == LadderKind::Drop {
            'x'
        } else if from < to {
            '>'
        } else {
            '<'
        };
        line[if from < to { right - 1 } else { left + 1 }] = head;
        let label = format!(" {} ", row.text);
        if label.chars().count() + 4 <= right - left {
            canvas.centre(&mut line, usize::midpoint(left, right), &label);
        } else {
            let mut words = canvas.blank('|');
            canvas.write(&mut words, left + 2, &row.text);
            above = Some(words);
        }
    }
    if let Some(above) = above {
        let _ = writeln!(text, "{:TIME$}{}", "", finished(above));
    }
    let time = format!("{:>width$.6}", row.at_ns as f64 / 1e9, width = TIME - 1);
    let numbers: Vec<String> = row.packets.iter().map(|number| format!("#{number}")).collect();
    let painted = if row.kind == LadderKind::Drop { style.verdict(Verdict::Fail, &finished(line)) } else { finished(line) };
    let numbers = if numbers.is_empty() { String::new() } else { format!(" {}", style.dim(&numbers.join(" "))) };
    let _ = writeln!(text, "{} {painted}{numbers}", style.dim(&time));
    for hop in &row.via {
        let mut words = canvas.blank('|');
        canvas.centre(&mut words, lane(&hop.lane), &format!(" {} -> {} ", hop.before, hop.after));
        let _ = writeln!(text, "{:TIME$}{}", "", style.dim(&finished(words)));
    }
    if !row.note.is_empty() {
        let mut words = canvas.blank('|');
        canvas.write(&mut words, left + 2, &row.note);
        let _ = writeln!(text, "{:TIME$}{}", "", finished(words));
    }
}

fn marker(kind: LadderKind) -> char {
    match kind {
        LadderKind::Packet | LadderKind::Drop => '*',
        LadderKind::Api => '@',
        LadderKind::Step => '$',
        LadderKind::Nat => '%',
    }
}

/// Lines of equal lanes.
struct Canvas {
    lane: usize,
    lanes: usize,
}

impl Canvas {
    /// The column of a lane's line.
    fn at(&self, lane: usize) -> usize {
        lane * self.lane + self.lane / 2
    }

    /// An empty line with `line` at every lane.
    fn blank(&self, line: char) -> Vec<char> {
        let mut blank = vec![' '; self.lane * self.lanes];
        for lane in 0..self.lanes {
            blank[self.at(lane)] = line;
        }
        blank
    }

    /// Writes from column `at` on, lengthening the line where needed.
    fn write(&self, line: &mut Vec<char>, at: usize, words: &str) {
        for (index, letter) in super::clean(words).replace('\n', " ").chars().enumerate() {
            if line.len() <= at + index {
                line.resize(at + index + 1, ' ');
            }
            line[at + index] = letter;
        }
    }

    /// Writes with its middle at column `at`.
    fn centre(&self, line: &mut Vec<char>, at: usize, words: &str) {
        self.write(line, at.saturating_sub(words.chars().count() / 2), words);
    }
}

fn finished(line: Vec<char>) -> String {
    line.into_iter().collect::<String>().trim_end().to_owned()
}

/// Every mapping of every NAT with its life, in seconds since the case began.
pub fn nat_table(table: &NatTable) -> String {
    let mut text =
        format!("{:<14} {:<5} {:<26} {:<26} {:<26} {:>11} {:>11}\n", "nat", "", "internal", "external", "remote", "made", "gone");
    for mapping in &table.mappings {
        let remote = mapping.remote.as_deref().unwrap_or("any");
        let made = format!("{:.6}", mapping.made_ns as f64 / 1e9);
        let gone = mapping.gone_ns.map_or_else(|| "-".to_owned(), |gone| format!("{:.6}", gone as f64 / 1e9));
        let because = mapping.gone_because.as_ref().map(|because| format!(" ({because})")).unwrap_or_default();
        let _ = writeln!(
            text,
            "{:<14} {:<5} {:<26} {:<26} {remote:<26} {made:>11} {gone:>11}{because}",
            mapping.nat, mapping.protocol, mapping.internal, mapping.external
        );
    }
    if table.skipped_at_end > 0 {
        let _ = writeln!(text, "... and {} more", table.skipped_at_end);
    }
    text
}
