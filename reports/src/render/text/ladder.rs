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
    let mut line = canvas.blank('|');
    // What happens at no lane stands at the left edge.
    let ends = ladder.lane(&row.from).zip(ladder.lane(&row.to)).map(|(from, to)| (canvas.at(from), canvas.at(to)));
    let left = ends.map_or(0, |(from, to)| from.min(to));
    match ends {
        Some((from, to)) if from != to => {
            if let Some(above) = arrow(&mut line, canvas, row, from, to) {
                let _ = writeln!(text, "{:TIME$}{}", "", finished(above));
            }
        }
        _ => canvas.beside(&mut line, left, marker(row.kind), &row.text),
    }
    let time = format!("{:>width$.6}", row.at_ns as f64 / 1e9, width = TIME - 1);
    let numbers: Vec<String> = row.packets.iter().map(|number| format!("#{number}")).collect();
    let painted = if row.kind == LadderKind::Drop { style.verdict(Verdict::Fail, &finished(line)) } else { finished(line) };
    let numbers = if numbers.is_empty() { String::new() } else { format!(" {}", style.dim(&numbers.join(" "))) };
    let _ = writeln!(text, "{} {painted}{numbers}", style.dim(&time));
    for hop in &row.via {
        let mut words = canvas.blank('|');
        let lane = canvas.at(ladder.lane(&hop.lane).unwrap_or_default());
        canvas.centre(&mut words, lane, &format!(" {} -> {} ", hop.before, hop.after));
        let _ = writeln!(text, "{:TIME$}{}", "", style.dim(&finished(words)));
    }
    if !row.note.is_empty() {
        let mut words = canvas.blank('|');
        canvas.write(&mut words, left + 2, &row.note);
        let _ = writeln!(text, "{:TIME$}{}", "", finished(words));
    }
}

/// Draws an arrow with its text on it; where the text is too long, returns the line that goes above.
fn arrow(line: &mut [char], canvas: &Canvas, row: &LadderRow, from: usize, to: usize) -> Option<Vec<char>> {
    let (left, right) = (from.min(to), from.max(to));
    line[left + 1..right].fill('-');
    let head = if row.kind == LadderKind::Drop {
        'x'
    } else if from < to {
        '>'
    } else {
        '<'
    };
    line[if from < to { right - 1 } else { left + 1 }] = head;
    let label = format!(" {} ", super::clean(&row.text).replace('\n', " "));
    let length = label.chars().count();
    if length + 4 > right - left {
        let mut above = canvas.blank('|');
        let start = (left + 2).min((canvas.lane * canvas.lanes).saturating_sub(length));
        canvas.write(&mut above, start, &row.text);
        return Some(above);
    }
    let start = usize::midpoint(left, right) - length / 2;
    label.chars().enumerate().for_each(|(index, letter)| line[start + index] = letter);
    None
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

    /// A mark at column `at` with words to its right or, where only there is room, to its left.
    fn beside(&self, line: &mut Vec<char>, at: usize, mark: char, words: &str) {
        let length = words.chars().count() + 1;
        let fits_right = at + length < self.lane * self.lanes;
        if fits_right || length > at {
            self.write(line, at, &format!("{mark} {words}"));
        } else {
            self.write(line, at - length, &format!("{words} {mark}"));
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
