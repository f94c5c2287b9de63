//! How `--bless` writes a file of expectations: reasons as folded paragraphs, for people who edit and compare them line by line.

use reports::expectation::{Departure, Expectation};
use serde::Serialize;
use serde_yaml::FoldStr;

/// The width of a line of a reason, without its indentation.
const WIDTH: usize = 136;

/// [`Expectation`] with its reason as a block.
#[derive(Serialize)]
struct Entry<'a> {
    check: &'a str,
    cases: &'a str,
    verdict: Departure,
    reason: FoldStr<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    link: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<String>,
    fingerprint: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    with: Option<&'a str>,
}

impl<'a> From<&'a Expectation> for Entry<'a> {
    fn from(entry: &'a Expectation) -> Self {
        Self {
            check: &entry.check,
            cases: &entry.cases,
            verdict: entry.verdict,
            reason: FoldStr(&entry.reason),
            link: entry.link.as_deref(),
            until: entry.until.map(|day| day.to_string()),
            fingerprint: &entry.fingerprint,
            with: entry.with.as_deref(),
        }
    }
}

/// The text of a file with these entries.
///
/// # Errors
///
/// When a text holds characters that YAML cannot carry.
pub(crate) fn expectations(entries: &[Expectation]) -> anyhow::Result<String> {
    if entries.is_empty() {
        return Ok("[]\n".to_owned());
    }
    let entries: Vec<Entry<'_>> = entries.iter().map(Entry::from).collect();
    let options = serde_yaml::ser_options! { folded_wrap_chars: WIDTH, prefer_block_scalars: false };
    Ok(serde_yaml::to_string_with_options(&entries, options)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_reads_back_the_same_with_reasons_as_folded_lines() {
        let entry = Expectation {
            check: "ice.response.prompt".into(),
            cases: "**".into(),
            verdict: Departure::Fail,
            reason: format!("one: two 'three' # four, {}end", "and so on, ".repeat(30)),
            link: Some("https://example.org/1".into()),
            until: Some("2027-01-31".parse().unwrap()),
            fingerprint: "RFC8445-7.3-1: no answer".into(),
            with: None,
        };
        let written = expectations(std::slice::from_ref(&entry)).unwrap();
        let read: Vec<Expectation> = serde_yaml::from_str(&written).unwrap();
        assert_eq!(read, [entry]);
        assert!(written.contains("reason: >"), "{written}");
        assert!(written.lines().all(|line| line.len() <= 140), "{written}");
    }
}
