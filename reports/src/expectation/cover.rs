//! Globs that cover some case ids and spare others: how `--bless` writes one entry instead of a hundred.

use std::collections::BTreeSet;

use globset::{GlobBuilder, GlobMatcher};

/// Ids with more parts than this are generalised in their last parts only.
const PARTS: usize = 9;

/// Few globs that match every id of `wanted` and none of `spared`, chosen greedily: the glob that covers most, among equals the most
/// specific. An id in both sets counts as wanted.
pub(crate) fn cover(wanted: &BTreeSet<&str>, spared: &BTreeSet<&str>) -> Vec<String> {
    let mut left = wanted.clone();
    let mut globs = BTreeSet::new();
    while let Some(id) = left.first().copied() {
        let best = candidates(id)
            .into_iter()
            .filter(|candidate| !spared.iter().any(|spared| !wanted.contains(spared) && candidate.matcher.is_match(spared)))
            .max_by_key(|candidate| {
                let covered = left.iter().filter(|id| candidate.matcher.is_match(id)).count();
                (covered, std::cmp::Reverse(candidate.openness), candidate.glob.clone())
            });
        let Some(best) = best else { break };
        left.retain(|id| !best.matcher.is_match(id));
        globs.insert(best.glob);
    }
    globs.into_iter().collect()
}

struct Candidate {
    glob: String,
    matcher: GlobMatcher,
    /// How much it leaves open: one per `*`, more per `**` the earlier it stands.
    openness: usize,
}

/// The id itself, with any subset of its parts (what stands between `/` and `+`) replaced by `*`, and each of its ancestors with `**`.
fn candidates(id: &str) -> Vec<Candidate> {
    let parts: Vec<&str> = id.split_inclusive(['/', '+']).collect();
    let first = parts.len().saturating_sub(PARTS);
    let subsets = 0..1_u32 << (parts.len() - first);
    let mut candidates: Vec<Candidate> =
        subsets.map(|subset| (with_stars(&parts, first, subset), subset.count_ones() as usize)).filter_map(candidate).collect();
    let depth = id.split('/').count();
    let ancestors = id.match_indices('/').map(|(at, _)| &id[..=at]).chain([""]);
    candidates.extend(ancestors.map(|prefix| (format!("{prefix}**"), 100 + depth - prefix.matches('/').count())).filter_map(candidate));
    candidates
}

fn with_stars(parts: &[&str], first: usize, subset: u32) -> String {
    let is_open = |index: usize| index >= first && subset >> (index - first) & 1 == 1;
    let open = |part: &str| format!("*{}", part.trim_start_matches(|end: char| end != '/' && end != '+'));
    parts.iter().enumerate().map(|(index, part)| if is_open(index) { open(part) } else { (*part).to_owned() }).collect()
}

fn candidate((glob, openness): (String, usize)) -> Option<Candidate> {
    let matcher = GlobBuilder::new(&glob).literal_separator(true).build().ok()?.compile_matcher();
    Some(Candidate { glob, matcher, openness })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn set<'a>(ids: &[&'a str]) -> BTreeSet<&'a str> {
        ids.iter().copied().collect()
    }

    #[test]
    fn a_single_case_is_named_as_it_is() {
        assert_eq!(cover(&set(&["turn/allocate"]), &set(&[])), ["turn/allocate"]);
    }

    #[test]
    fn a_common_axis_value_becomes_the_glob() {
        let wanted = set(&["ice/pairs/rtc+str0m/open+symmetric", "ice/pairs/rtc+str0m/full-cone+symmetric"]);
        let spared = set(&["ice/pairs/rtc+str0m/open+open", "ice/pairs/rtc+rtc/open+symmetric"]);
        assert_eq!(cover(&wanted, &spared), ["ice/pairs/rtc+str0m/*+symmetric"]);
    }

    #[test]
    fn a_departure_in_every_case_of_several_scenarios_takes_one_glob() {
        assert_eq!(cover(&set(&["turn/allocate", "turn/channel/bind", "turn/refresh/rtc"]), &set(&["stun/binding"])), ["turn/**"]);
    }

    #[test]
    fn an_id_is_never_hidden_behind_a_spared_one() {
        let wanted = set(&["a/x", "a/y"]);
        assert_eq!(cover(&wanted, &set(&["a/z", "a/x"])), ["a/x", "a/y"]);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        #[test]
        fn every_wanted_id_is_matched_and_no_spared_one(rows in prop::collection::btree_map("[ab]/[ab](\\+[ab])?/[abc]", any::<bool>(), 1..30)) {
            let wanted: BTreeSet<&str> = rows.iter().filter(|(_, wanted)| **wanted).map(|(id, _)| id.as_str()).collect();
            let spared: BTreeSet<&str> = rows.keys().map(String::as_str).filter(|id| !wanted.contains(id)).collect();
            let globs: Vec<_> = cover(&wanted, &spared).into_iter().filter_map(|glob| candidate((glob, 0))).collect();
            let hit = |id: &&str| globs.iter().any(|glob| glob.matcher.is_match(id));
            prop_assert!(wanted.iter().all(hit));
            prop_assert!(!spared.iter().any(hit));
            prop_assert!(globs.len() <= wanted.len());
        }
    }
}
