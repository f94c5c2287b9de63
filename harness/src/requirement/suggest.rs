//! Misspelt clause ids, and what was probably meant.

use std::fmt;

use super::{Clause, Registry};

/// A clause id that is not registered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unknown {
    /// The id as it was written.
    pub id: String,
    /// The registered id that was probably meant.
    pub suggestion: Option<String>,
}

impl fmt::Display for Unknown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "unknown clause `{}`", self.id)?;
        match &self.suggestion {
            Some(suggestion) => write!(f, ", did you mean `{suggestion}`?"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Unknown {}

/// Several of them: at least one.
#[derive(Debug, thiserror::Error)]
#[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
pub struct UnknownClauses(pub Vec<Unknown>);

/// Edits beyond which two ids of one section have nothing to do with each other.
const MOST_EDITS: usize = 3;
/// The same across sections, where a neighbour is less likely to be meant.
const MOST_EDITS_ELSEWHERE: usize = 2;
/// More suggestions than this do not help.
const MOST_SUGGESTIONS: usize = 3;

impl Registry {
    /// The registered ids nearest to `id`, nearest first: at most three, none when nothing is near. Case, a missing `RFC` and the ids of
    /// obsoleted RFCs are understood.
    pub fn suggest(&self, id: &str) -> Vec<&str> {
        let wanted = normal(id);
        if let Some(newer) = self.successor(&wanted.to_uppercase()) {
            return vec![&newer.id];
        }
        let section = section(&wanted).to_owned();
        let mut near: Vec<(bool, usize, &Clause)> = self
            .iter()
            .map(|clause| (clause, clause.id.to_lowercase()))
            .filter(|(_, candidate)| candidate.len().abs_diff(wanted.len()) <= MOST_EDITS)
            .map(|(clause, candidate)| (section != self::section(&candidate), strsim::osa_distance(&wanted, &candidate), clause))
            .filter(|(elsewhere, edits, _)| *edits <= if *elsewhere { MOST_EDITS_ELSEWHERE } else { MOST_EDITS })
            .collect();
        near.sort_by_key(|(elsewhere, edits, _)| (*edits > 0, *elsewhere, *edits));
        if near.first().is_some_and(|(_, edits, _)| *edits == 0) {
            near.truncate(1);
        }
        near.into_iter().take(MOST_SUGGESTIONS).map(|(_, _, clause)| clause.id.as_str()).collect()
    }

    /// The ids among `ids` that are not registered, in the order given.
    pub fn unknown<'a>(&self, ids: impl IntoIterator<Item = &'a str>) -> Vec<Unknown> {
        ids.into_iter().filter(|id| self.get(id).is_none()).map(|id| self.unknown_id(id)).collect()
    }

    /// The report about one id that is not registered.
    pub(super) fn unknown_id(&self, id: &str) -> Unknown {
        Unknown { id: id.to_owned(), suggestion: self.suggest(id).first().map(|&near| near.to_owned()) }
    }
}

fn normal(id: &str) -> String {
    let id: String = id.trim().to_lowercase().split_whitespace().collect();
    if id.starts_with(|c: char| c.is_ascii_digit()) { format!("rfc{id}") } else { id }
}

/// `rfc8656-7.2` of `rfc8656-7.2-u9`.
fn section(id: &str) -> &str {
    id.rsplit_once('-').map_or(id, |(section, _)| section)
}

#[cfg(test)]
mod tests {
    use crate::requirement::registry;

    #[test]
    fn a_misspelt_id_leads_to_its_neighbour_in_the_same_section() {
        assert_eq!(registry().suggest("RFC8656-7.2-u8"), ["RFC8656-7.2-8", "RFC8656-7.2-u7", "RFC8656-7.2-u9"]);
        assert_eq!(registry().suggest("RFC8566-9-1")[0], "RFC8656-9-1");
    }

    #[test]
    fn case_and_a_missing_prefix_are_forgiven() {
        assert_eq!(registry().suggest("rfc8656-9-U9"), ["RFC8656-9-u9"]);
        assert_eq!(registry().suggest(" 8656-9-1 "), ["RFC8656-9-1"]);
    }

    #[test]
    fn the_id_of_an_obsoleted_rfc_leads_to_the_newer_clause() {
        assert_eq!(registry().suggest("RFC5766-6.1-5"), ["RFC8656-7.1-4"]);
    }

    #[test]
    fn nothing_is_suggested_for_what_is_no_clause_id() {
        assert!(registry().suggest("stun.binding.success").is_empty());
        assert!(registry().suggest("").is_empty());
        assert!(registry().suggest(&"RFC".repeat(10_000)).is_empty());
    }

    #[test]
    fn only_unregistered_ids_are_reported() {
        let unknown = registry().unknown(["RFC8656-9-1", "RFC8656-9-99", "x"]);
        let told: Vec<String> = unknown.iter().map(ToString::to_string).collect();
        assert_eq!(told, ["unknown clause `RFC8656-9-99`, did you mean `RFC8656-9-u9`?", "unknown clause `x`"]);
    }
}
