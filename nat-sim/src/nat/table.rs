//! The mapping table: mappings, the indices to find them by, and their expiry.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::net::{IpAddr, SocketAddr};

use crate::lookup::Lookup;
use crate::nat::contacts::ContactList;
use crate::nat::key::{EndpointKey, ScopeKey};
use crate::time::Ns;

/// Which remotes a mapping serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MappingScope {
    /// Every remote (endpoint-independent mapping).
    AnyRemote,
    /// Every port of one remote address (address-dependent mapping).
    RemoteAddress(IpAddr),
    /// One remote endpoint (address and port-dependent mapping, or a session that had to leave its mapping).
    RemoteEndpoint(SocketAddr),
}

/// Names a mapping of one NAT while it lives; numbers are reused afterwards.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MappingId(pub(super) u32);

/// A mapping as an observer sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MappingView {
    /// The endpoint inside.
    pub internal: SocketAddr,
    /// The endpoint that the outside sees.
    pub external: SocketAddr,
    /// Which remotes it serves.
    pub scope: MappingScope,
    /// When it was made.
    pub made: Ns,
    /// When it expires unless it is refreshed.
    pub expires: Ns,
}

#[derive(Debug)]
pub(super) struct Mapping {
    pub(super) view: MappingView,
    pub(super) filters: ContactList,
    pub(super) bindings: ContactList,
    /// Whether it has let anything in.
    pub(super) answered: bool,
    generation: u32,
}

#[derive(Debug)]
pub(super) struct Table {
    slots: Vec<Option<Mapping>>,
    free: Vec<u32>,
    by_rule: Lookup<(EndpointKey, ScopeKey), u32>,
    by_external: Lookup<EndpointKey, u32>,
    /// One entry per mapping, at or before its expiry: a refresh moves the mapping's expiry alone, and the entry follows when it comes up.
    expiries: BinaryHeap<Reverse<(Ns, u32, u32)>>,
    /// The time of the first entry of `expiries`.
    due: Option<Ns>,
    generation: u32,
}

impl Table {
    pub(super) fn new() -> Self {
        Self {
            slots: Vec::new(),
            free: Vec::new(),
            by_rule: Lookup::new(),
            by_external: Lookup::new(),
            expiries: BinaryHeap::new(),
            due: None,
            generation: 0,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    pub(super) fn by_rule(&self, internal: SocketAddr, scope: MappingScope) -> Option<u32> {
        self.by_rule.get(&(internal.into(), scope.into())).copied()
    }

    pub(super) fn by_external(&self, external: SocketAddr) -> Option<u32> {
        self.by_external.get(&external.into()).copied()
    }

    pub(super) fn get(&self, slot: u32) -> &Mapping {
        self.slots[slot as usize].as_ref().expect(LIVE)
    }

    pub(super) fn get_mut(&mut self, slot: u32) -> &mut Mapping {
        self.slots[slot as usize].as_mut().expect(LIVE)
    }

    pub(super) fn find(&self, id: MappingId) -> Option<&Mapping> {
        self.slots.get(id.0 as usize)?.as_ref()
    }

    /// Adds a mapping. `by_rule` is false for one that its internal endpoint uses for a single session, beside the mapping of the rule.
    pub(super) fn insert(&mut self, view: MappingView, by_rule: bool) -> u32 {
        self.generation = self.generation.wrapping_add(1);
        let generation = self.generation;
        let mapping = Mapping { view, filters: ContactList::default(), bindings: ContactList::default(), answered: false, generation };
        let slot = if let Some(slot) = self.free.pop() {
            self.slots[slot as usize] = Some(mapping);
            slot
        } else {
            self.slots.push(Some(mapping));
            u32::try_from(self.slots.len() - 1).expect("the limit of mappings is a u32")
        };
        if by_rule {
            self.by_rule.insert((view.internal.into(), view.scope.into()), slot);
        }
        self.by_external.insert(view.external.into(), slot);
        self.expiries.push(Reverse((view.expires, slot, generation)));
        self.due = Some(self.due.map_or(view.expires, |due| due.min(view.expires)));
        slot
    }

    pub(super) fn remove(&mut self, slot: u32) -> Mapping {
        let mapping = self.slots[slot as usize].take().expect(LIVE);
        let rule = (mapping.view.internal.into(), mapping.view.scope.into());
        if self.by_rule.get(&rule) == Some(&slot) {
            self.by_rule.remove(&rule);
        }
        // Where ports are overloaded, a later mapping may stand there.
        let external = mapping.view.external.into();
        if self.by_external.get(&external) == Some(&slot) {
            self.by_external.remove(&external);
        }
        self.free.push(slot);
        mapping
    }

    /// A time at or before the next expiry.
    pub(super) fn next_expiry(&self) -> Option<Ns> {
        self.due
    }

    /// A mapping that has expired by `now` and is still in the table.
    pub(super) fn next_expired(&mut self, now: Ns) -> Option<u32> {
        if self.due.is_none_or(|due| due > now) {
            return None;
        }
        let expired = self.find_expired(now);
        self.due = self.expiries.peek().map(|Reverse((at, ..))| *at);
        expired
    }

    fn find_expired(&mut self, now: Ns) -> Option<u32> {
        while let Some(Reverse((at, slot, generation))) = self.expiries.peek().copied() {
            if at > now {
                return None;
            }
            self.expiries.pop();
            let mapping = self.slots[slot as usize].as_ref().filter(|mapping| mapping.generation == generation);
            match mapping.map(|mapping| mapping.view.expires) {
                Some(expires) if expires <= now => return Some(slot),
                Some(expires) => self.expiries.push(Reverse((expires, slot, generation))),
                None => {}
            }
        }
        None
    }

    /// Every mapping.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Mapping> {
        self.slots.iter().flatten()
    }

    /// Every mapping, ordered by external endpoint.
    pub(super) fn views(&self) -> Vec<MappingView> {
        let mut views: Vec<_> = self.iter().map(|mapping| mapping.view).collect();
        views.sort_unstable_by_key(|view| (view.external, view.internal, view.scope));
        views
    }

    /// Empties the table; the mappings ordered by external endpoint.
    pub(super) fn drain(&mut self) -> Vec<MappingView> {
        let views = self.views();
        let generation = self.generation;
        *self = Self::new();
        self.generation = generation;
        views
    }
}

const LIVE: &str = "a slot that an index names holds a mapping";
