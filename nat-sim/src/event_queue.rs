//! Pending events, ordered by time and, for equal times, by insertion.
//!
//! Most links have a constant delay, so most events are inserted in the order in which they come up, one such order per delay. Those orders are kept as
//! lanes, which cost the same however many packets are in flight; what fits no lane goes to a binary heap. Events mostly come in runs of the same lane, so
//! the lanes are searched only where another place has the next one.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use crate::time::Ns;

const HOLDS_ONE: &str = "the place of the next event holds an event";
/// Enough for the distinct delays of usual networks; each costs a comparison per event.
const LANES: usize = 8;

/// A queue of events.
#[derive(Debug)]
pub(crate) struct EventQueue<E> {
    /// Each sorted by key.
    lanes: [VecDeque<(Key, E)>; LANES],
    /// The first key of each lane; [`Key::NEVER`] where it is empty.
    firsts: [Key; LANES],
    /// The time of the last event of each lane, also of one that has been taken since.
    lasts: [Ns; LANES],
    heap: BinaryHeap<Reverse<Keyed<E>>>,
    /// The key of the next event and where it is.
    next: (Key, Place),
    /// The first key of all other places.
    rival: Key,
    /// The lane that was pushed to last.
    latest: usize,
    inserted: u64,
}

/// Field order is the ordering.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    at: Ns,
    number: u64,
}

impl Key {
    /// After every event: no event has this number.
    const NEVER: Self = Self { at: Ns::MAX, number: u64::MAX };
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Lane(usize),
    Heap,
}

impl<E> EventQueue<E> {
    pub(crate) fn new() -> Self {
        Self {
            lanes: std::array::from_fn(|_| VecDeque::new()),
            firsts: [Key::NEVER; LANES],
            lasts: [0; LANES],
            heap: BinaryHeap::new(),
            next: (Key::NEVER, Place::Heap),
            rival: Key::NEVER,
            latest: 0,
            inserted: 0,
        }
    }

    pub(crate) fn push(&mut self, at: Ns, event: E) {
        self.inserted += 1;
        let key = Key { at, number: self.inserted };
        let place = match self.lane_for(at) {
            Some(lane) => {
                self.lasts[lane] = at;
                self.latest = lane;
                if self.lanes[lane].is_empty() {
                    self.firsts[lane] = key;
                }
                self.lanes[lane].push_back((key, event));
                Place::Lane(lane)
            }
            None => {
                self.heap.push(Reverse(Keyed { key, event }));
                Place::Heap
            }
        };
        if key < self.next.0 {
            if place != self.next.1 {
                self.rival = self.next.0;
            }
            self.next = (key, place);
        } else if place != self.next.1 {
            self.rival = self.rival.min(key);
        }
    }

    pub(crate) fn next_at(&self) -> Option<Ns> {
        (self.next.0 != Key::NEVER).then_some(self.next.0.at)
    }

    /// The next event if it is due at `until`.
    pub(crate) fn pop_due(&mut self, until: Ns) -> Option<(Ns, E)> {
        let at = self.next_at().filter(|at| *at <= until)?;
        let (first, event) = match self.next.1 {
            Place::Heap => {
                let event = self.heap.pop().expect(HOLDS_ONE).0.event;
                (self.first_of_heap(), event)
            }
            Place::Lane(lane) => {
                let (_, event) = self.lanes[lane].pop_front().expect(HOLDS_ONE);
                self.firsts[lane] = self.lanes[lane].front().map_or(Key::NEVER, |(first, _)| *first);
                (self.firsts[lane], event)
            }
        };
        if first < self.rival {
            self.next.0 = first;
        } else {
            self.find_next();
        }
        Some((at, event))
    }

    /// The lane that ends latest and yet not after `at`. A lane that was emptied may take any time, but a closer one keeps the lanes apart.
    fn lane_for(&self, at: Ns) -> Option<usize> {
        if self.lasts[self.latest] == at {
            return Some(self.latest);
        }
        let closest = (0..LANES).filter(|lane| self.lasts[*lane] <= at).max_by_key(|lane| self.lasts[*lane]);
        closest.or_else(|| self.lanes.iter().position(VecDeque::is_empty))
    }

    fn find_next(&mut self) {
        self.next = (self.first_of_heap(), Place::Heap);
        self.rival = Key::NEVER;
        for (lane, first) in self.firsts.iter().enumerate() {
            if *first < self.next.0 {
                self.rival = self.next.0;
                self.next = (*first, Place::Lane(lane));
            } else {
                self.rival = self.rival.min(*first);
            }
        }
    }

    fn first_of_heap(&self) -> Key {
        self.heap.peek().map_or(Key::NEVER, |Reverse(keyed)| keyed.key)
    }
}

/// An event that its key alone orders.
#[derive(Debug)]
struct Keyed<E> {
    key: Key,
    event: E,
}

impl<E> PartialEq for Keyed<E> {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key
    }
}

impl<E> Eq for Keyed<E> {}

impl<E> PartialOrd for Keyed<E> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl<E> Ord for Keyed<E> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.key.cmp(&other.key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Stream;

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
    fn any_mixture_of_delays_comes_out_sorted() {
        let mut stream = Stream::new(1, "queue");
        for delays in [1, 3, 20, 1_000] {
            let (mut queue, mut expected, mut popped, mut now) = (EventQueue::new(), Vec::new(), Vec::new(), 0);
            for number in 0..5_000 {
                let at = now + stream.below(delays) * 10;
                queue.push(at, number);
                expected.push((at, number));
                if stream.below(2) == 0 {
                    let event = queue.pop_due(Ns::MAX).expect("just pushed");
                    now = event.0;
                    popped.push(event);
                }
            }
            popped.extend(std::iter::from_fn(|| queue.pop_due(Ns::MAX)));
            expected.sort_unstable();
            assert_eq!(popped, expected);
        }
    }

    #[test]
    fn constant_delays_need_no_heap() {
        let mut queue = EventQueue::new();
        for now in 0..1_000 {
            for delay in [1, 5, 30, 300_000] {
                queue.push(now + delay, ());
            }
            while queue.pop_due(now).is_some() {}
        }
        assert!(queue.heap.is_empty());
    }
}
