//! The external ports of one address: which are taken, and which comes next.

use crate::nat::config::{PortAllocation, PortRange};
use crate::rng::Stream;

const WORDS: usize = (u16::MAX as usize + 1) / u64::BITS as usize;
/// Random draws before the pool is searched in order: below three quarters of occupancy a draw hits with 99.7 %.
const DRAWS: usize = 20;

#[derive(Debug)]
pub(super) struct PortPool {
    taken: Box<[u64; WORDS]>,
    next: u16,
    stream: Stream,
}

/// Which ports will do.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wish {
    pub(super) allocation: PortAllocation,
    /// Where ports are taken from.
    pub(super) range: PortRange,
    /// Whether a preserved port must lie in the range, too.
    pub(super) range_binds: bool,
    /// The internal port.
    pub(super) internal: u16,
    /// The port must be even or odd as the internal one is.
    pub(super) same_parity: bool,
    /// The port after it must be free.
    pub(super) room_after: bool,
    /// Where a sequence continues, if not where the pool's own stands.
    pub(super) continues: Option<u16>,
}

impl PortPool {
    pub(super) fn new(range: PortRange, stream: Stream) -> Self {
        let mut pool = Self { taken: Box::new([0; WORDS]), next: range.first, stream };
        pool.restart(range);
        pool
    }

    /// Forgets where the sequence stood, as a reboot does.
    pub(super) fn restart(&mut self, range: PortRange) {
        self.next = self.draw(range);
    }

    /// Finds a port, none that `blocked` refuses; `None` when no port will do. It is not taken yet.
    pub(super) fn find(&mut self, wish: &Wish, blocked: impl Fn(u16) -> bool) -> Option<u16> {
        let internal = wish.internal;
        let preserved = || {
            let inside = !wish.range_binds || wish.range.contains(internal);
            let free = wish.allocation == PortAllocation::PreserveAndSteal || self.will_do(internal, wish, &blocked);
            (internal != 0 && inside && free).then_some(internal)
        };
        match wish.allocation {
            PortAllocation::Preserve | PortAllocation::PreserveAndSteal => preserved(),
            PortAllocation::PreserveWithFallback => preserved().or_else(|| self.random(wish, &blocked)),
            PortAllocation::Random => self.random(wish, &blocked),
            PortAllocation::Sequential => {
                let port = self.search(wish.continues.unwrap_or(self.next), wish, &blocked)?;
                if wish.continues.is_none() {
                    self.next = after(port, wish.range);
                }
                Some(port)
            }
        }
    }

    pub(super) fn take(&mut self, port: u16) {
        self.taken[usize::from(port) / 64] |= 1 << (port % 64);
    }

    pub(super) fn release(&mut self, port: u16) {
        self.taken[usize::from(port) / 64] &= !(1 << (port % 64));
    }

    pub(super) fn release_all(&mut self) {
        self.taken.fill(0);
    }

    pub(super) fn is_taken(&self, port: u16) -> bool {
        self.taken[usize::from(port) / 64] >> (port % 64) & 1 == 1
    }

    fn random(&mut self, wish: &Wish, blocked: &impl Fn(u16) -> bool) -> Option<u16> {
        for _ in 0..DRAWS {
            let port = self.draw(wish.range);
            if self.will_do(port, wish, blocked) {
                return Some(port);
            }
        }
        let start = self.draw(wish.range);
        self.search(start, wish, blocked)
    }

    fn will_do(&self, port: u16, wish: &Wish, blocked: &impl Fn(u16) -> bool) -> bool {
        let parity = !wish.same_parity || port % 2 == wish.internal % 2;
        let room = !wish.room_after || port < wish.range.last && !self.is_taken(port + 1);
        !self.is_taken(port) && parity && room && !blocked(port)
    }

    fn draw(&mut self, range: PortRange) -> u16 {
        range.first + self.stream.below(u64::from(range.size())) as u16
    }

    /// The first port from `start` on, around the end of the range, that will do. Full words are skipped.
    fn search(&self, start: u16, wish: &Wish, blocked: &impl Fn(u16) -> bool) -> Option<u16> {
        let (first, last) = (u32::from(wish.range.first), u32::from(wish.range.last));
        let scan = |mut port: u32, end: u32| {
            while port <= end {
                if port.is_multiple_of(64) && self.taken[port as usize / 64] == u64::MAX {
                    port += 64;
                    continue;
                }
                let candidate = port as u16;
                if self.will_do(candidate, wish, blocked) {
                    return Some(candidate);
                }
                port += 1;
            }
            None
        };
        let start = u32::from(start).clamp(first, last);
        scan(start, last).or_else(|| if start > first { scan(first, start - 1) } else { None })
    }
}

/// The port after `port`, around the end of the range.
pub(super) fn after(port: u16, range: PortRange) -> u16 {
    if port >= range.last { range.first } else { port + 1 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pool(first: u16, last: u16) -> (PortPool, Wish) {
        let range = PortRange { first, last };
        let wish = Wish {
            allocation: PortAllocation::Random,
            range,
            range_binds: false,
            internal: 0,
            same_parity: false,
            room_after: false,
            continues: None,
        };
        (PortPool::new(range, Stream::new(1, "ports")), wish)
    }

    fn take(pool: &mut PortPool, wish: Wish) -> Option<u16> {
        let port = pool.find(&wish, |_| false)?;
        pool.take(port);
        Some(port)
    }

    #[test]
    fn every_port_of_the_range_is_handed_out_once() {
        for allocation in [PortAllocation::Random, PortAllocation::Sequential, PortAllocation::PreserveWithFallback] {
            let (mut pool, wish) = pool(60_000, 60_299);
            let wish = Wish { allocation, internal: 60_000, ..wish };
            let mut ports: Vec<u16> = (0..300).map(|_| take(&mut pool, wish).unwrap()).collect();
            assert_eq!(take(&mut pool, wish), None);
            ports.sort_unstable();
            assert_eq!(ports, (60_000..60_300).collect::<Vec<u16>>());
        }
    }

    #[test]
    fn a_released_port_is_free_again() {
        let (mut pool, wish) = pool(1, 65_535);
        let ports: Vec<u16> = (0..65_535).map(|_| take(&mut pool, wish).unwrap()).collect();
        assert_eq!(take(&mut pool, wish), None);
        pool.release(ports[77]);
        assert_eq!(take(&mut pool, Wish { allocation: PortAllocation::Sequential, ..wish }), Some(ports[77]));
    }

    #[test]
    fn sequential_ports_follow_each_other_around_the_end() {
        for (first, last) in [(100, 109), (65_526, 65_535), (1, 10)] {
            let (mut pool, wish) = pool(first, last);
            let wish = Wish { allocation: PortAllocation::Sequential, ..wish };
            let ports: Vec<u16> = (0..10).map(|_| take(&mut pool, wish).unwrap()).collect();
            let follows = |pair: &[u16]| if pair[0] == last { pair[1] == first } else { pair[1] == pair[0] + 1 };
            assert!(ports.windows(2).all(follows), "{ports:?}");
            assert!(ports.iter().all(|port| (first..=last).contains(port)), "{ports:?}");
        }
    }

    #[test]
    fn a_blocked_port_is_passed_over() {
        let (mut pool, wish) = pool(100, 101);
        let preserve = Wish { allocation: PortAllocation::PreserveWithFallback, internal: 100, ..wish };
        assert_eq!(pool.find(&preserve, |port| port == 100), Some(101));
        pool.take(101);
        assert_eq!(pool.find(&wish, |port| port == 100), None);
        assert_eq!(pool.find(&wish, |_| false), Some(100));
    }

    #[test]
    fn preservation_keeps_ports_outside_the_range_unless_the_range_binds() {
        let (mut pool, wish) = pool(1_024, 65_535);
        let wish = Wish { allocation: PortAllocation::Preserve, internal: 500, ..wish };
        assert_eq!(pool.find(&wish, |_| false), Some(500));
        assert_eq!(pool.find(&Wish { range_binds: true, ..wish }, |_| false), None);
    }

    #[test]
    fn parity_and_room_are_hard_conditions() {
        let (mut pool, wish) = pool(100, 103);
        pool.take(103);
        let even = Wish { internal: 2, same_parity: true, room_after: true, ..wish };
        assert_eq!(take(&mut pool, even), Some(100));
        assert_eq!(take(&mut pool, even), None, "102 has no room after it");
        assert_eq!(take(&mut pool, Wish { room_after: false, ..even }), Some(102));
        assert_eq!(take(&mut pool, Wish { internal: 3, room_after: false, ..even }), Some(101));
    }
}
