//! Decodes a file, with all mistakes of its structure at once.
//!
//! A decoder stops at the first mistake. To find the others, what is wrong is taken out and the rest decoded again; what is wrong only because something
//! was taken out is not told.

use super::decode::Mistake;
use super::model::{Scenario, Topology};
use super::problem::{Problem, nearest};
use super::tree::{self, Kind, LARGEST_FILE, Tree};
use serde::de::DeserializeOwned;
use std::ops::Range;

/// Mistakes that are told of one file: who has made more starts with these.
const MOST_PROBLEMS: usize = 100;

/// Decodes a scenario.
///
/// # Errors
/// All mistakes of its structure: what [`super::read()`] finds beyond them needs a file whose structure is right.
pub fn load(bytes: &[u8]) -> Result<Scenario, Vec<Problem>> {
    decode(read(bytes)?)
}

/// Decodes a topology file: networks that scenarios can name.
///
/// # Errors
/// All mistakes of its structure.
pub fn load_topology(bytes: &[u8]) -> Result<Topology, Vec<Problem>> {
    decode(read(bytes)?)
}

fn read(bytes: &[u8]) -> Result<Tree, Vec<Problem>> {
    if bytes.len() > LARGEST_FILE {
        let message = format!("the file has {} bytes; a scenario has at most {LARGEST_FILE}", bytes.len());
        return Err(vec![Problem::new("scenario::too-large", &(0..0), message)]);
    }
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let at = error.valid_up_to();
        vec![Problem::new("scenario::encoding", &(at..at), format!("the file is not UTF-8: byte {at} is wrong"))]
    })?;
    match tree::parse(text) {
        Ok(Tree { kind: Kind::Null, .. }) => Err(vec![Problem::new("scenario::empty", &(0..0), "the file holds nothing")]),
        Ok(tree) => Ok(tree),
        Err(problem) => Err(vec![problem]),
    }
}

/// Something that was taken out of the tree.
struct Removed {
    /// The map or list that it was in.
    container: Range<usize>,
    /// Its key, in a map.
    key: Option<String>,
}

fn decode<T: DeserializeOwned>(mut tree: Tree) -> Result<T, Vec<Problem>> {
    let mut problems = Vec::new();
    let mut removed: Vec<Removed> = Vec::new();
    while problems.len() < MOST_PROBLEMS {
        let mistake = match T::deserialize(&tree) {
            Ok(value) if problems.is_empty() => return Ok(value),
            Ok(_) => break,
            Err(mistake) => mistake,
        };
        let follows = follows(&mistake, &removed);
        let problem = mistake.into_problem(&tree.span);
        let taken = remove(&mut tree, &problem.span);
        if !follows && !problems.contains(&problem) {
            problems.push(problem);
        }
        match taken {
            Some(taken) => removed.push(taken),
            None => break,
        }
    }
    Err(problems)
}

/// Whether a mistake is one only because something was taken out: a key that is missing now, or was misspelt; a container that has too little in it.
fn follows(mistake: &Mistake, removed: &[Removed]) -> bool {
    let (Some(place), missing) = mistake.place() else { return false };
    let meant = |key: &str, missing: &str| key == missing || nearest(key, [missing]).is_some();
    removed.iter().filter(|taken| taken.container == *place).any(|taken| match (missing, &taken.key) {
        (Some(missing), Some(key)) => meant(key, missing),
        _ => true,
    })
}

/// Takes the innermost thing at this place out of the tree.
fn remove(tree: &mut Tree, place: &Range<usize>) -> Option<Removed> {
    let container = tree.span.clone();
    match &mut tree.kind {
        Kind::List(items) => {
            if let Some(taken) = items.iter_mut().find_map(|item| remove(item, place)) {
                return Some(taken);
            }
            let index = items.iter().position(|item| item.span == *place)?;
            items.remove(index);
            Some(Removed { container, key: None })
        }
        Kind::Map(entries) => {
            if let Some(taken) = entries.iter_mut().find_map(|(_, value)| remove(value, place)) {
                return Some(taken);
            }
            let index = entries.iter().position(|(key, value)| key.span == *place || value.span == *place)?;
            let (key, _) = entries.remove(index);
            Some(Removed { container, key: Some(key.key().unwrap_or_default().to_owned()) })
        }
        _ => None,
    }
}
