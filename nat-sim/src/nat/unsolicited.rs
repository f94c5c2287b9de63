//! Sessions between the NAT itself and remotes whose packets no mapping admitted.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::net::SocketAddr;

use crate::lookup::Lookup;
use crate::time::Ns;

/// External endpoint and remote.
type Key = (SocketAddr, SocketAddr);

#[derive(Debug)]
pub(super) struct Unsolicited {
    sessions: Lookup<Key, Ns>,
    /// One entry per session, at or before its expiry.
    expiries: BinaryHeap<Reverse<(Ns, Key)>>,
    limit: u32,
}

impl Unsolicited {
    pub(super) fn new(limit: u32) -> Self {
        Self { sessions: Lookup::new(), expiries: BinaryHeap::new(), limit }
    }

    pub(super) fn holds(&self, external: SocketAddr, remote: SocketAddr, now: Ns) -> bool {
        self.sessions.get(&(external, remote)).is_some_and(|expires| *expires > now)
    }

    /// Makes or refreshes a session; a full table leaves no state.
    pub(super) fn note(&mut self, external: SocketAddr, remote: SocketAddr, now: Ns, expires: Ns) {
        self.expire(now);
        let key = (external, remote);
        if let Some(session) = self.sessions.get_mut(&key) {
            *session = expires;
        } else if self.sessions.len() < self.limit as usize {
            self.sessions.insert(key, expires);
            self.expiries.push(Reverse((expires, key)));
        }
    }

    pub(super) fn clear(&mut self) {
        self.sessions.clear();
        self.expiries.clear();
    }

    fn expire(&mut self, now: Ns) {
        while let Some(Reverse((at, key))) = self.expiries.peek().copied() {
            if at > now {
                return;
            }
            self.expiries.pop();
            match self.sessions.get(&key).copied() {
                Some(expires) if expires > now => self.expiries.push(Reverse((expires, key))),
                _ => {
                    self.sessions.remove(&key);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sessions_expire_and_the_table_stays_bounded() {
        let endpoint = |port| SocketAddr::from(([192, 0, 2, 1], port));
        let mut sessions = Unsolicited::new(2);
        sessions.note(endpoint(1), endpoint(9), 0, 10);
        sessions.note(endpoint(2), endpoint(9), 5, 15);
        sessions.note(endpoint(3), endpoint(9), 6, 16);
        assert!(!sessions.holds(endpoint(3), endpoint(9), 7), "full");
        sessions.note(endpoint(1), endpoint(9), 8, 18);
        sessions.note(endpoint(3), endpoint(9), 15, 25);
        assert!(sessions.holds(endpoint(1), endpoint(9), 17), "refreshed");
        assert!(!sessions.holds(endpoint(2), endpoint(9), 15), "expired");
        assert!(sessions.holds(endpoint(3), endpoint(9), 15), "room after expiry");
        assert_eq!(sessions.sessions.len(), 2);
    }
}
