//! Tables for a page or a pull request.

use super::{Report, allocations, human, soak, table};
use std::fmt::Write as _;

pub(super) fn render(report: &Report) -> String {
    let mut text = String::new();
    let plain = |columns: &[&str]| columns.iter().map(|column| (*column).to_owned()).collect::<Vec<_>>();
    let line = |columns: &[String]| format!("| {} |\n", columns.join(" | ").replace('\n', " "));
    for group in table::groups(report) {
        let _ = writeln!(text, "**{}**\n", table::title(&group[0]));
        text.push_str(&line(&plain(&table::HEADS)));
        text.push_str(&line(&plain(&["---"; table::HEADS.len()])));
        for cell in group {
            text.push_str(&line(&table::row(cell).map(|column| column.replace('|', "\\|"))));
        }
        text.push('\n');
        for note in table::notes(group) {
            let _ = writeln!(text, "- {note}");
        }
        text.push('\n');
    }
    if !report.allocations.is_empty() {
        text.push_str(&line(&plain(&allocations::HEADS)));
        text.push_str(&line(&plain(&["---"; allocations::HEADS.len()])));
        allocations::rows(&report.allocations).iter().for_each(|row| text.push_str(&line(row)));
        text.push('\n');
        allocations::notes(&report.allocations).iter().for_each(|note| text.push_str(&format!("- {note}\n")));
    }
    if !report.soaks.is_empty() {
        text.push_str(&line(&plain(&soak::HEADS)));
        text.push_str(&line(&plain(&["---"; soak::HEADS.len()])));
        soak::rows(&report.soaks).iter().for_each(|row| text.push_str(&line(row)));
        text.push('\n');
        soak::notes(&report.soaks).iter().for_each(|note| text.push_str(&format!("- {note}\n")));
    }
    for sentence in human::closing(report).lines() {
        let _ = writeln!(text, "- {sentence}");
    }
    text
}
