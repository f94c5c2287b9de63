//! A hash table that can be looked up but not walked: iteration order of a hash table must never reach a trace, so it cannot be asked for.
#![expect(clippy::disallowed_types, reason = "this is the wrapper that the ban points to")]

use std::hash::Hash;

use rustc_hash::FxHashMap;

/// Entries up to which a table is a list within its owner that is searched from its start: a lookup then takes no hashing and no further line of the cache.
const FEW: usize = 2;

/// Lookup-only table with a fixed hasher (a `BTreeMap` lookup costs about six times as much at a million keys).
#[derive(Debug, Clone)]
pub(crate) struct Lookup<K, V> {
    /// All entries, or none where the table has some.
    few: [Option<(K, V)>; FEW],
    table: FxHashMap<K, V>,
}

impl<K: Eq + Hash, V> Lookup<K, V> {
    pub(crate) fn new() -> Self {
        Self { few: [const { None }; FEW], table: FxHashMap::default() }
    }

    pub(crate) fn get(&self, key: &K) -> Option<&V> {
        if self.table.is_empty() {
            return self.few.iter().flatten().find(|(known, _)| known == key).map(|(_, value)| value);
        }
        self.table.get(key)
    }

    pub(crate) fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        if self.table.is_empty() {
            return self.few.iter_mut().flatten().find(|(known, _)| known == key).map(|(_, value)| value);
        }
        self.table.get_mut(key)
    }

    pub(crate) fn contains(&self, key: &K) -> bool {
        self.get(key).is_some()
    }

    /// Returns the value that `key` had before.
    pub(crate) fn insert(&mut self, key: K, value: V) -> Option<V> {
        if !self.table.is_empty() {
            return self.table.insert(key, value);
        }
        if let Some(known) = self.get_mut(&key) {
            return Some(std::mem::replace(known, value));
        }
        match self.few.iter_mut().find(|place| place.is_none()) {
            Some(place) => *place = Some((key, value)),
            None => {
                self.table.extend(self.few.iter_mut().filter_map(Option::take));
                self.table.insert(key, value);
            }
        }
        None
    }

    pub(crate) fn remove(&mut self, key: &K) -> Option<V> {
        if !self.table.is_empty() {
            return self.table.remove(key);
        }
        let place = self.few.iter_mut().find(|place| place.as_ref().is_some_and(|(known, _)| known == key))?;
        place.take().map(|(_, value)| value)
    }

    pub(crate) fn len(&self) -> usize {
        self.few.iter().flatten().count() + self.table.len()
    }

    pub(crate) fn clear(&mut self) {
        self.few = [const { None }; FEW];
        self.table.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Stream;
    use std::collections::BTreeMap;

    #[test]
    fn a_table_of_any_size_holds_what_was_put_into_it_last() {
        for keys in [1, 3, 5, 6, 50] {
            let (mut stream, mut lookup, mut model) = (Stream::new(keys, "lookup"), Lookup::new(), BTreeMap::new());
            for value in 0..2_000 {
                let key = stream.below(keys);
                match stream.below(4) {
                    0 | 1 => assert_eq!(lookup.insert(key, value), model.insert(key, value)),
                    2 => assert_eq!(lookup.remove(&key), model.remove(&key)),
                    _ if value % 500 == 3 => {
                        lookup.clear();
                        model.clear();
                    }
                    _ => assert_eq!(lookup.get_mut(&key).copied(), model.get(&key).copied()),
                }
                assert_eq!(lookup.len(), model.len());
                assert!((0..keys).all(|key| lookup.get(&key) == model.get(&key)));
            }
        }
    }
}
