//! Expiring entries that mappings own: which remotes a filter admits, and which remotes a session is bound to.

use std::net::SocketAddr;

use super::key::EndpointKey;
use crate::lookup::Lookup;
use crate::time::Ns;

/// One table for all mappings of a NAT, so that a mapping with one remote (the common case) costs no table of its own.
#[derive(Debug)]
pub(super) struct Contacts {
    entries: Lookup<(EndpointKey, EndpointKey), Entry>,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    /// The mapping that owns the entry.
    slot: u32,
    expires: Ns,
}

/// What a mapping remembers of its entries: enough to bound and to remove them.
#[derive(Debug, Default)]
pub(super) struct ContactList {
    remotes: Vec<SocketAddr>,
    /// No entry expires before this, so searching for expired ones is pointless.
    purge_from: Ns,
}

/// The mapping holds as many live entries as it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Full;

impl Contacts {
    pub(super) fn new() -> Self {
        Self { entries: Lookup::new() }
    }

    /// The mapping that owns the live entry of `own` and `remote`.
    pub(super) fn owner(&self, own: SocketAddr, remote: SocketAddr, now: Ns) -> Option<u32> {
        self.entries.get(&keys(own, remote)).filter(|entry| entry.expires > now).map(|entry| entry.slot)
    }

    /// When the entry of `own` and `remote` expires, whether or not that has passed.
    pub(super) fn expiry(&self, own: SocketAddr, remote: SocketAddr) -> Option<Ns> {
        self.entries.get(&keys(own, remote)).map(|entry| entry.expires)
    }

    /// Restarts the timer of an entry that lives.
    pub(super) fn refresh(&mut self, own: SocketAddr, remote: SocketAddr, now: Ns, expires: Ns) {
        if let Some(entry) = self.entries.get_mut(&keys(own, remote)).filter(|entry| entry.expires > now) {
            entry.expires = entry.expires.max(expires);
        }
    }

    /// Makes an entry for the mapping `slot`, taking it over from any other mapping, or restarts the timer of its live one if the grant says so.
    pub(super) fn insert(&mut self, slot: u32, list: &mut ContactList, key: (SocketAddr, SocketAddr), grant: Grant) -> Result<(), Full> {
        let Grant { now, expires, limit, refreshes } = grant;
        let ((own, remote), key, mut listed) = (key, keys(key.0, key.1), false);
        match self.entries.get_mut(&key) {
            Some(entry) if entry.slot == slot => {
                if refreshes || entry.expires <= now {
                    entry.expires = entry.expires.max(expires);
                }
                return Ok(());
            }
            // The mapping may have owned the entry before.
            Some(_) => listed = list.remotes.contains(&remote),
            None => {}
        }
        if listed {
            self.entries.insert(key, Entry { slot, expires });
            return Ok(());
        }
        if list.remotes.len() >= limit as usize {
            self.purge(slot, list, own, now);
        }
        if list.remotes.len() >= limit as usize {
            return Err(Full);
        }
        list.remotes.push(remote);
        self.entries.insert(key, Entry { slot, expires });
        Ok(())
    }

    /// Removes all entries of the mapping `slot`.
    pub(super) fn remove_all(&mut self, slot: u32, list: &ContactList, own: SocketAddr) {
        for remote in &list.remotes {
            self.remove_owned(slot, keys(own, *remote));
        }
    }

    pub(super) fn clear(&mut self) {
        self.entries.clear();
    }

    fn purge(&mut self, slot: u32, list: &mut ContactList, own: SocketAddr, now: Ns) {
        if now < list.purge_from {
            return;
        }
        let mut earliest = Ns::MAX;
        list.remotes.retain(|remote| {
            let key = keys(own, *remote);
            let expires = self.entries.get(&key).filter(|entry| entry.slot == slot).map_or(0, |entry| entry.expires);
            if expires > now {
                earliest = earliest.min(expires);
                return true;
            }
            self.remove_owned(slot, key);
            false
        });
        list.purge_from = earliest;
    }

    /// Removes the entry unless another mapping has taken it over.
    fn remove_owned(&mut self, slot: u32, key: (EndpointKey, EndpointKey)) {
        if self.entries.get(&key).is_some_and(|entry| entry.slot == slot) {
            self.entries.remove(&key);
        }
    }
}

fn keys(own: SocketAddr, remote: SocketAddr) -> (EndpointKey, EndpointKey) {
    (own.into(), remote.into())
}

impl ContactList {
    /// In the order of insertion, expired ones among them.
    pub(super) fn remotes(&self) -> &[SocketAddr] {
        &self.remotes
    }
}

/// Life of an entry, and how many its mapping may have.
#[derive(Debug, Clone, Copy)]
pub(super) struct Grant {
    pub(super) now: Ns,
    pub(super) expires: Ns,
    pub(super) limit: u32,
    /// Whether an entry that lives already gets the new expiry.
    pub(super) refreshes: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn remote(port: u16) -> SocketAddr {
        SocketAddr::from(([192, 0, 2, 1], port))
    }

    #[test]
    fn a_full_list_makes_room_only_by_expiry() {
        let (mut contacts, mut list, own) = (Contacts::new(), ContactList::default(), remote(9));
        let mut insert =
            |port, now| contacts.insert(0, &mut list, (own, remote(port)), Grant { now, expires: now + 10, limit: 2, refreshes: false });
        assert_eq!(insert(1, 0), Ok(()));
        assert_eq!(insert(2, 5), Ok(()));
        assert_eq!(insert(3, 9), Err(Full));
        assert_eq!(insert(3, 10), Ok(()));
        assert_eq!(insert(4, 11), Err(Full));
        assert_eq!(contacts.owner(own, remote(1), 11), None);
        assert_eq!(contacts.owner(own, remote(3), 11), Some(0));
    }

    #[test]
    fn an_entry_that_changes_hands_often_takes_one_place_in_each_list() {
        let (mut contacts, own) = (Contacts::new(), remote(9));
        let mut lists = [ContactList::default(), ContactList::default()];
        let grant = Grant { now: 0, expires: 10, limit: 1, refreshes: true };
        for slot in [0, 1, 0, 1, 0, 1] {
            assert_eq!(contacts.insert(slot, &mut lists[slot as usize], (own, remote(1)), grant), Ok(()));
            assert_eq!(contacts.owner(own, remote(1), 5), Some(slot));
        }
    }

    #[test]
    fn an_entry_taken_over_survives_its_former_owner() {
        let (mut contacts, own) = (Contacts::new(), remote(9));
        let (mut old, mut new) = (ContactList::default(), ContactList::default());
        let key = (own, remote(1));
        contacts.insert(0, &mut old, key, Grant { now: 0, expires: 10, limit: 9, refreshes: false }).unwrap();
        contacts.insert(1, &mut new, key, Grant { now: 10, expires: 20, limit: 9, refreshes: false }).unwrap();
        contacts.remove_all(0, &old, own);
        assert_eq!(contacts.owner(own, remote(1), 15), Some(1));
    }
}
