//! Mistakes as text: code, message, the lines of the file with the place marked, and what to do.

use super::problem::Problem;
use miette::{Diagnostic, GraphicalReportHandler, GraphicalTheme, LabeledSpan, NamedSource, SourceCode};
use std::fmt;

/// Characters per line of a diagnostic.
const WIDTH: usize = 120;
/// Bytes of a line of the file that are worth showing: a longer one is not meant to be read.
const LONGEST_LINE: usize = 400;

/// All mistakes of a file, in the order of the file, without colours.
pub fn render(path: &str, bytes: &[u8], problems: &[Problem]) -> String {
    let handler = GraphicalReportHandler::new_themed(GraphicalTheme::unicode_nocolor()).with_width(WIDTH).with_links(false);
    // Nothing of the file may command a terminal. The replacement is as long as what it replaces, so that places stay right.
    let quiet: Vec<u8> = bytes.iter().map(|byte| if byte.is_ascii_control() && !b"\n\r\t".contains(byte) { b'?' } else { *byte }).collect();
    let source = NamedSource::new(path, String::from_utf8_lossy(&quiet).into_owned());
    let mut sorted: Vec<&Problem> = problems.iter().collect();
    sorted.sort_by_key(|problem| (problem.span.start, problem.code));
    let mut text = String::new();
    for problem in sorted {
        let snippet = is_short(bytes, problem);
        let report = Shown { problem, path, source: snippet.then_some(&source) };
        if handler.render_report(&mut text, &report).is_err() {
            text.push_str(&format!("{report}\n"));
        }
        text.push('\n');
    }
    text
}

/// Whether the place is one that can be shown: a place at all, in lines of a readable length.
fn is_short(bytes: &[u8], problem: &Problem) -> bool {
    let around = |end: usize| {
        let end = end.min(bytes.len());
        let start = bytes[..end].iter().rev().take(LONGEST_LINE + 1).take_while(|byte| **byte != b'\n').count();
        start + bytes[end..].iter().take(LONGEST_LINE + 1).take_while(|byte| **byte != b'\n').count()
    };
    problem.span != (0..0) && around(problem.span.start) <= LONGEST_LINE && around(problem.span.end) <= LONGEST_LINE
}

/// A text without control characters.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '?' } else { c }).collect()
}

#[derive(Debug)]
struct Shown<'a> {
    problem: &'a Problem,
    path: &'a str,
    source: Option<&'a NamedSource<String>>,
}

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.source, self.problem.span.start) {
            (Some(_), _) => f.write_str(&printable(&self.problem.message)),
            (None, 0) => write!(f, "{}: {}", printable(self.path), printable(&self.problem.message)),
            (None, at) => write!(f, "{}, byte {at}: {}", printable(self.path), printable(&self.problem.message)),
        }
    }
}

impl std::error::Error for Shown<'_> {}

impl Diagnostic for Shown<'_> {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        Some(Box::new(self.problem.code))
    }
    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.problem.help.as_ref().map(|help| Box::new(printable(help)) as Box<dyn fmt::Display>)
    }
    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.source.map(|source| source as &dyn SourceCode)
    }
    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let span = self.source.map(|_| self.problem.span.clone())?;
        Some(Box::new(std::iter::once(LabeledSpan::new(Some("here".into()), span.start, span.len()))))
    }
}
