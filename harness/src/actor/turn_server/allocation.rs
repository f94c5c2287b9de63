//! What the server remembers: allocations with their permissions and channels (RFC 8656 sections 6, 9 and 12).

use iut::Ns;
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use wire::stun::TransactionId;

/// Who talks to the server, and where; the protocol is UDP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct FiveTuple {
    pub(super) client: SocketAddr,
    pub(super) server: SocketAddr,
}

/// One allocation.
pub(super) struct Allocation {
    /// One, or one of each family.
    pub(super) relayed: Vec<SocketAddr>,
    /// The family of ADDITIONAL-ADDRESS-FAMILY could not be served.
    pub(super) half: bool,
    pub(super) username: String,
    /// Of the request that made it: the same once more is a retransmission.
    pub(super) transaction: TransactionId,
    pub(super) token: Option<[u8; 8]>,
    pub(super) expires: Ns,
    /// The first port of the peer counts only where the server is told to look at it.
    pub(super) permissions: BTreeMap<IpAddr, (u16, Ns)>,
    pub(super) channels: BTreeMap<u16, (SocketAddr, Ns)>,
}

impl Allocation {
    pub(super) fn relayed_like(&self, peer: IpAddr) -> Option<SocketAddr> {
        self.relayed.iter().copied().find(|relayed| relayed.is_ipv4() == peer.is_ipv4())
    }

    pub(super) fn channel_of(&self, peer: SocketAddr) -> Option<u16> {
        self.channels.iter().find(|(_, (bound, _))| *bound == peer).map(|(number, _)| *number)
    }
}

/// All allocations.
#[derive(Default)]
pub(super) struct Allocations {
    by_tuple: BTreeMap<FiveTuple, Allocation>,
}

impl Allocations {
    pub(super) fn get(&self, tuple: FiveTuple) -> Option<&Allocation> {
        self.by_tuple.get(&tuple)
    }

    pub(super) fn get_mut(&mut self, tuple: FiveTuple) -> Option<&mut Allocation> {
        self.by_tuple.get_mut(&tuple)
    }

    pub(super) fn insert(&mut self, tuple: FiveTuple, allocation: Allocation) -> Option<Allocation> {
        self.by_tuple.insert(tuple, allocation)
    }

    pub(super) fn remove(&mut self, tuple: FiveTuple) -> Option<Allocation> {
        self.by_tuple.remove(&tuple)
    }

    /// Whose relayed transport address this is.
    pub(super) fn owner(&self, relayed: SocketAddr) -> Option<FiveTuple> {
        self.by_tuple.iter().find(|(_, allocation)| allocation.relayed.contains(&relayed)).map(|(tuple, _)| *tuple)
    }

    pub(super) fn count_of(&self, username: &str) -> usize {
        self.by_tuple.values().filter(|allocation| allocation.username == username).count()
    }

    /// Forgets allocations, permissions and channels whose time is over; returns the relayed transport addresses that are free again.
    pub(super) fn end_what_is_over(&mut self, now: Ns) -> Vec<SocketAddr> {
        let mut free = Vec::new();
        self.by_tuple.retain(|_, allocation| {
            allocation.permissions.retain(|_, (_, until)| *until > now);
            allocation.channels.retain(|_, (_, until)| *until > now);
            let lives = allocation.expires > now;
            if !lives {
                free.append(&mut allocation.relayed);
            }
            lives
        });
        free
    }
}
