//! One mistake in a scenario file.

use std::ops::Range;

/// A mistake: what is wrong, where, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// A stable code: `scenario::unknown-node`.
    pub code: &'static str,
    /// What is wrong.
    pub message: String,
    /// Where, as byte offsets into the file.
    pub span: Range<usize>,
    /// What to do about it.
    pub help: Option<String>,
}

impl Problem {
    /// A mistake without a hint.
    pub fn new(code: &'static str, span: &Range<usize>, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), span: span.clone(), help: None }
    }

    /// The same with a hint.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

/// The known name that is nearest to a wrong one, for `did you mean`.
pub fn nearest<'a>(wrong: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let scored = known.into_iter().map(|name| (strsim::levenshtein(wrong, name), name));
    scored.filter(|(distance, name)| *distance <= 2.max(name.len() / 3)).min().map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_suggested_only_when_it_is_near() {
        assert_eq!(nearest("ful-cone", ["full-cone", "restricted"]), Some("full-cone"));
        assert_eq!(nearest("bicycle", ["full-cone", "restricted"]), None);
    }
}
