//! A hash table that can be looked up but not walked: iteration order of a hash table must never reach a trace, so it cannot be asked for.
#![expect(clippy::disallowed_types, reason = "this is the wrapper that the ban points to")]

use std::hash::Hash;

use rustc_hash::FxHashMap;

/// Lookup-only table with a fixed hasher (a `BTreeMap` lookup costs about six times as much at a million keys).
#[derive(Debug, Clone)]
pub(crate) struct Lookup<K, V> {
    table: FxHashMap<K, V>,
}

impl<K: Eq + Hash, V> Lookup<K, V> {
    pub(crate) fn new() -> Self {
        Self { table: FxHashMap::default() }
    }

    pub(crate) fn get(&self, key: &K) -> Option<&V> {
        // Most tables of most networks are empty: skip the hashing.
        if self.table.is_empty() { None } else { self.table.get(key) }
    }

    pub(crate) fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        if self.table.is_empty() { None } else { self.table.get_mut(key) }
    }

    pub(crate) fn contains(&self, key: &K) -> bool {
        self.get(key).is_some()
    }

    /// Returns the value that `key` had before.
    pub(crate) fn insert(&mut self, key: K, value: V) -> Option<V> {
        self.table.insert(key, value)
    }

    pub(crate) fn remove(&mut self, key: &K) -> Option<V> {
        self.table.remove(key)
    }

    pub(crate) fn len(&self) -> usize {
        self.table.len()
    }

    pub(crate) fn clear(&mut self) {
        self.table.clear();
    }
}
