//! What endpoints and ports were before: ports that rest after use, and external endpoints that their former owners get back.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::net::SocketAddr;

use crate::lookup::Lookup;
use crate::nat::table::MappingScope;
use crate::time::Ns;

/// External endpoints whose port is free but not used again yet: RFC 6888, REQ-8.
#[derive(Debug)]
pub(super) struct Resting {
    until: Lookup<SocketAddr, Ns>,
    ends: BinaryHeap<Reverse<(Ns, SocketAddr)>>,
}

impl Resting {
    pub(super) fn new() -> Self {
        Self { until: Lookup::new(), ends: BinaryHeap::new() }
    }

    pub(super) fn begin(&mut self, external: SocketAddr, until: Ns) {
        self.until.insert(external, until);
        self.ends.push(Reverse((until, external)));
    }

    pub(super) fn holds(&self, external: SocketAddr) -> bool {
        self.until.contains(&external)
    }

    /// Ends the rest of an endpoint early, if it rests.
    pub(super) fn wake(&mut self, external: SocketAddr) {
        self.until.remove(&external);
    }

    /// An endpoint that has rested enough; call until `None`.
    pub(super) fn rested(&mut self, now: Ns) -> Option<SocketAddr> {
        while let Some(Reverse((until, external))) = self.ends.peek().copied() {
            if until > now {
                return None;
            }
            self.ends.pop();
            // It may have been woken, and rest again since.
            if self.until.get(&external) == Some(&until) {
                self.until.remove(&external);
                return Some(external);
            }
        }
        None
    }

    pub(super) fn clear(&mut self) {
        self.until.clear();
        self.ends.clear();
    }
}

type Owner = (SocketAddr, MappingScope);

/// Which external endpoint an internal one had last. The oldest is forgotten first.
#[derive(Debug)]
pub(super) struct FormerEndpoints {
    limit: usize,
    endpoints: Lookup<Owner, SocketAddr>,
    order: VecDeque<Owner>,
}

impl FormerEndpoints {
    pub(super) fn new(limit: u32) -> Self {
        Self { limit: limit as usize, endpoints: Lookup::new(), order: VecDeque::new() }
    }

    pub(super) fn get(&self, internal: SocketAddr, scope: MappingScope) -> Option<SocketAddr> {
        self.endpoints.get(&(internal, scope)).copied()
    }

    pub(super) fn remember(&mut self, internal: SocketAddr, scope: MappingScope, external: SocketAddr) {
        if self.endpoints.insert((internal, scope), external).is_some() {
            return;
        }
        self.order.push_back((internal, scope));
        if self.order.len() > self.limit
            && let Some(oldest) = self.order.pop_front()
        {
            self.endpoints.remove(&oldest);
        }
    }

    pub(super) fn clear(&mut self) {
        self.endpoints.clear();
        self.order.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(port: u16) -> SocketAddr {
        SocketAddr::from(([192, 0, 2, 1], port))
    }

    #[test]
    fn an_endpoint_that_was_woken_and_rests_again_rests_its_whole_time() {
        let mut resting = Resting::new();
        resting.begin(endpoint(1), 10);
        resting.wake(endpoint(1));
        resting.begin(endpoint(1), 30);
        assert_eq!(resting.rested(29), None);
        assert_eq!(resting.rested(30), Some(endpoint(1)));
        assert!(!resting.holds(endpoint(1)));
    }

    #[test]
    fn the_oldest_endpoint_is_forgotten_first() {
        let mut former = FormerEndpoints::new(2);
        for port in [1, 2, 1, 3] {
            former.remember(endpoint(port), MappingScope::AnyRemote, endpoint(100 + port));
        }
        let known = [1, 2, 3].map(|port| former.get(endpoint(port), MappingScope::AnyRemote));
        assert_eq!(known, [None, Some(endpoint(102)), Some(endpoint(103))]);
    }
}
