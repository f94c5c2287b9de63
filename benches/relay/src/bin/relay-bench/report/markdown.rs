//! Tables for a page or a pull request.

use super::{Report, human, table};
use std::fmt::Write as _;

pub(super) fn render(report: &Report) -> String {
    let mut text = String::new();
    let line = |columns: &[String]| format!("| {} |\n", columns.join(" | ").replace('\n', " "));
    for group in table::groups(report) {
        let _ = writeln!(text, "**{}**\n", table::title(&group[0]));
        text.push_str(&line(&table::HEADS.map(str::to_owned)));
        text.push_str(&line(&table::HEADS.map(|_| "---".to_owned())));
        for cell in group {
            text.push_str(&line(&table::row(cell).map(|column| column.replace('|', "\\|"))));
        }
        text.push('\n');
        for note in table::notes(group) {
            let _ = writeln!(text, "- {note}");
        }
        text.push('\n');
    }
    for sentence in human::closing(report).lines() {
        let _ = writeln!(text, "- {sentence}");
    }
    text
}
