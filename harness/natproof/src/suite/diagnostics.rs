//! Prints the mistakes of a file as miette shows them: code, message, snippet with the span, help.

use super::SourceFile;
use harness::scenario::problem::Problem;
use miette::{Diagnostic, GraphicalReportHandler, GraphicalTheme, LabeledSpan, NamedSource, SourceCode};
use std::fmt;

/// Characters per line of a diagnostic.
const WIDTH: usize = 120;

/// Prints all mistakes of a file to standard error.
pub(crate) fn print(file: &SourceFile, problems: &[Problem]) {
    eprint!("{}", render(file, problems));
}

/// All mistakes of a file as text without colours.
pub(crate) fn render(file: &SourceFile, problems: &[Problem]) -> String {
    let handler = GraphicalReportHandler::new_themed(GraphicalTheme::unicode_nocolor()).with_width(WIDTH).with_links(false);
    let source = NamedSource::new(&file.path, String::from_utf8_lossy(&file.bytes).into_owned());
    let mut sorted: Vec<&Problem> = problems.iter().collect();
    sorted.sort_by_key(|problem| (problem.span.start, problem.code));
    let mut text = String::new();
    for problem in sorted {
        let report = Shown { problem, source: &source };
        if handler.render_report(&mut text, &report).is_err() {
            text.push_str(&problem.message);
        }
        text.push('\n');
    }
    text
}

#[derive(Debug)]
struct Shown<'a> {
    problem: &'a Problem,
    source: &'a NamedSource<String>,
}

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.problem.message)
    }
}

impl std::error::Error for Shown<'_> {}

impl Diagnostic for Shown<'_> {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        Some(Box::new(self.problem.code))
    }
    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.problem.help.as_ref().map(|help| Box::new(help) as Box<dyn fmt::Display>)
    }
    fn source_code(&self) -> Option<&dyn SourceCode> {
        Some(self.source)
    }
    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let span = self.problem.span.clone();
        Some(Box::new(std::iter::once(LabeledSpan::new(Some("here".into()), span.start, span.len()))))
    }
}
