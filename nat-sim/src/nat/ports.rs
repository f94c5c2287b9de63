//! The external ports of one address: which are taken, and which comes next.

use crate::nat::config::{PortAllocation, PortRange};
use crate::rng::Stream;

const WORDS: usize = (u16::MAX as usize + 1) / u64::BITS as usize;
/// Random draws before the pool is searched in order: below three quarters of occupancy a draw hits with 99.7 %.
const DRAWS: usize = 20;

#[derive(Debug)]
pub(super) struct PortPool {
    range: PortRange,
    taken: Box<[u64; WORDS]>,
    next: u16,
    stream: Stream,
}

impl PortPool {
    pub(super) fn new(range: PortRange, stream: Stream) -> Self {
        let mut pool = Self { range, taken: Box::new([0; WORDS]), next: range.first, stream };
        pool.restart();
        pool
    }

    /// Forgets where the sequence stood, as a reboot does.
    pub(super) fn restart(&mut self) {
        self.next = self.draw();
    }

    /// Takes a port, none that `blocked` refuses; `None` when all are taken or blocked.
    pub(super) fn take(&mut self, allocation: PortAllocation, internal: u16, blocked: impl Fn(u16) -> bool) -> Option<u16> {
        let port = match allocation {
            PortAllocation::PreserveWithFallback if internal != 0 && !self.is_taken(internal) && !blocked(internal) => internal,
            PortAllocation::PreserveWithFallback | PortAllocation::Random => self.random(&blocked)?,
            PortAllocation::Sequential => {
                let port = self.search(self.next, &blocked)?;
                self.next = self.after(port);
                port
            }
        };
        self.taken[usize::from(port) / 64] |= 1 << (port % 64);
        Some(port)
    }

    pub(super) fn release(&mut self, port: u16) {
        self.taken[usize::from(port) / 64] &= !(1 << (port % 64));
    }

    fn random(&mut self, blocked: &impl Fn(u16) -> bool) -> Option<u16> {
        for _ in 0..DRAWS {
            let port = self.draw();
            if !self.is_taken(port) && !blocked(port) {
                return Some(port);
            }
        }
        let start = self.draw();
        self.search(start, blocked)
    }

    fn is_taken(&self, port: u16) -> bool {
        self.taken[usize::from(port) / 64] >> (port % 64) & 1 == 1
    }

    fn size(&self) -> u32 {
        u32::from(self.range.last - self.range.first) + 1
    }

    fn draw(&mut self) -> u16 {
        self.range.first + self.stream.below(u64::from(self.size())) as u16
    }

    fn after(&self, port: u16) -> u16 {
        if port >= self.range.last { self.range.first } else { port + 1 }
    }

    /// The first port from `start` on, around the end of the range, that is neither taken nor blocked. Full words are skipped.
    fn search(&self, start: u16, blocked: &impl Fn(u16) -> bool) -> Option<u16> {
        let (first, last) = (u32::from(self.range.first), u32::from(self.range.last));
        let scan = |mut port: u32, end: u32| {
            while port <= end {
                if port.is_multiple_of(64) && self.taken[port as usize / 64] == u64::MAX {
                    port += 64;
                    continue;
                }
                let candidate = port as u16;
                if !self.is_taken(candidate) && !blocked(candidate) {
                    return Some(candidate);
                }
                port += 1;
            }
            None
        };
        let start = u32::from(start);
        scan(start, last).or_else(|| if start > first { scan(first, start - 1) } else { None })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pool(first: u16, last: u16) -> PortPool {
        PortPool::new(PortRange { first, last }, Stream::new(1, "ports"))
    }

    #[test]
    fn every_port_of_the_range_is_handed_out_once() {
        for allocation in [PortAllocation::Random, PortAllocation::Sequential, PortAllocation::PreserveWithFallback] {
            let mut pool = pool(60_000, 60_299);
            let mut ports: Vec<u16> = (0..300).map(|_| pool.take(allocation, 60_000, |_| false).unwrap()).collect();
            assert_eq!(pool.take(allocation, 60_000, |_| false), None);
            ports.sort_unstable();
            assert_eq!(ports, (60_000..60_300).collect::<Vec<u16>>());
        }
    }

    #[test]
    fn a_released_port_is_free_again() {
        let mut pool = pool(1, 65_535);
        let ports: Vec<u16> = (0..65_535).map(|_| pool.take(PortAllocation::Random, 0, |_| false).unwrap()).collect();
        assert_eq!(pool.take(PortAllocation::Random, 0, |_| false), None);
        pool.release(ports[77]);
        assert_eq!(pool.take(PortAllocation::Sequential, 0, |_| false), Some(ports[77]));
    }

    #[test]
    fn sequential_ports_follow_each_other_around_the_end() {
        for (first, last) in [(100, 109), (65_526, 65_535), (1, 10)] {
            let mut pool = pool(first, last);
            let ports: Vec<u16> = (0..10).map(|_| pool.take(PortAllocation::Sequential, 0, |_| false).unwrap()).collect();
            let follows = |pair: &[u16]| if pair[0] == last { pair[1] == first } else { pair[1] == pair[0] + 1 };
            assert!(ports.windows(2).all(follows), "{ports:?}");
            assert!(ports.iter().all(|port| (first..=last).contains(port)), "{ports:?}");
        }
    }

    #[test]
    fn a_blocked_port_is_passed_over() {
        let mut pool = pool(100, 101);
        assert_eq!(pool.take(PortAllocation::PreserveWithFallback, 100, |port| port == 100), Some(101));
        assert_eq!(pool.take(PortAllocation::Random, 0, |port| port == 100), None);
        assert_eq!(pool.take(PortAllocation::Random, 0, |_| false), Some(100));
    }

    #[test]
    fn preservation_keeps_ports_outside_the_range() {
        assert_eq!(pool(1_024, 65_535).take(PortAllocation::PreserveWithFallback, 500, |_| false), Some(500));
    }
}
