//! Pending events, ordered by time and, for equal times, by insertion.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::time::Ns;

/// A queue of events. The heap orders small keys; the events themselves rest in a slab and are never moved by the heap.
#[derive(Debug)]
pub(crate) struct EventQueue<E> {
    heap: BinaryHeap<Reverse<Key>>,
    slab: Vec<Option<E>>,
    free: Vec<u32>,
    inserted: u64,
}

/// Field order is the ordering.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    at: Ns,
    number: u64,
    slot: u32,
}

impl<E> EventQueue<E> {
    pub(crate) fn new() -> Self {
        Self { heap: BinaryHeap::new(), slab: Vec::new(), free: Vec::new(), inserted: 0 }
    }

    pub(crate) fn push(&mut self, at: Ns, event: E) {
        let slot = if let Some(slot) = self.free.pop() {
            self.slab[slot as usize] = Some(event);
            slot
        } else {
            self.slab.push(Some(event));
            u32::try_from(self.slab.len() - 1).expect("the network bounds the number of pending events far below 2^32")
        };
        self.inserted += 1;
        self.heap.push(Reverse(Key { at, number: self.inserted, slot }));
    }

    pub(crate) fn next_at(&self) -> Option<Ns> {
        self.heap.peek().map(|Reverse(key)| key.at)
    }

    /// The next event if it is due at `until`.
    pub(crate) fn pop_due(&mut self, until: Ns) -> Option<(Ns, E)> {
        if self.next_at()? > until {
            return None;
        }
        let Reverse(key) = self.heap.pop()?;
        let event = self.slab[key.slot as usize].take().expect("each key in the heap owns its slot");
        self.free.push(key.slot);
        Some((key.at, event))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_come_by_time_then_by_insertion() {
        let mut queue = EventQueue::new();
        for (at, name) in [(5, "c"), (3, "a"), (5, "d"), (3, "b"), (9, "e")] {
            queue.push(at, name);
        }
        assert_eq!(queue.next_at(), Some(3));
        let due: Vec<_> = std::iter::from_fn(|| queue.pop_due(8)).collect();
        assert_eq!(due, [(3, "a"), (3, "b"), (5, "c"), (5, "d")]);
        assert_eq!(queue.next_at(), Some(9));
    }

    #[test]
    fn slots_are_reused() {
        let mut queue = EventQueue::new();
        for round in 0..1_000 {
            queue.push(round, round);
            assert_eq!(queue.pop_due(round), Some((round, round)));
        }
        assert_eq!(queue.slab.len(), 1);
    }
}
