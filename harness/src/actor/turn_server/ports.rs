//! Relayed transport addresses and reservations (RFC 8656 section 7.2).

use iut::Ns;
use nat_sim::Stream;
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};

/// First of the dynamic ports.
const FIRST: u16 = 49_152;
/// First port of a server that does not keep to them.
const LOW: u16 = 10_000;

/// Which port is asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Parity {
    Any,
    Even,
    Odd,
}

/// The ports of the relay addresses.
pub(super) struct Ports {
    addresses: Vec<IpAddr>,
    used: BTreeSet<SocketAddr>,
    /// Address and end by token.
    reserved: BTreeMap<[u8; 8], (SocketAddr, Ns)>,
    low: u16,
}

impl Ports {
    pub(super) fn new(addresses: Vec<IpAddr>) -> Self {
        Self { addresses, used: BTreeSet::new(), reserved: BTreeMap::new(), low: LOW }
    }

    pub(super) fn address(&self, ipv4: bool) -> Option<IpAddr> {
        self.addresses.iter().copied().find(|address| address.is_ipv4() == ipv4)
    }

    /// A free port of an address, chosen at random; with `pair` the next one is free as well.
    pub(super) fn take(&mut self, rng: &mut Stream, address: IpAddr, parity: Parity, pair: bool) -> Option<SocketAddr> {
        let count = u64::from(u16::MAX - FIRST) + 1;
        let start = rng.below(count);
        let fits = |port: u16| match parity {
            Parity::Any => true,
            Parity::Even => port.is_multiple_of(2),
            Parity::Odd => !port.is_multiple_of(2),
        };
        let free = |port: u16| !self.used.contains(&SocketAddr::new(address, port));
        let port = (0..count)
            .map(|step| FIRST + ((start + step) % count) as u16)
            .find(|port| fits(*port) && free(*port) && (!pair || port.checked_add(1).is_some_and(free)))?;
        self.used.insert(SocketAddr::new(address, port));
        Some(SocketAddr::new(address, port))
    }

    /// The next port outside the dynamic range.
    pub(super) fn take_low(&mut self, address: IpAddr) -> SocketAddr {
        self.low += 1;
        let taken = SocketAddr::new(address, self.low);
        self.used.insert(taken);
        taken
    }

    pub(super) fn reserve(&mut self, token: [u8; 8], address: SocketAddr, until: Ns) {
        self.used.insert(address);
        self.reserved.insert(token, (address, until));
    }

    /// The address that was reserved; it stays in use.
    pub(super) fn claim(&mut self, token: [u8; 8]) -> Option<SocketAddr> {
        self.reserved.remove(&token).map(|(address, _)| address)
    }

    pub(super) fn release(&mut self, address: SocketAddr) {
        self.used.remove(&address);
    }

    pub(super) fn end_reservations(&mut self, now: Ns) {
        let used = &mut self.used;
        self.reserved.retain(|_, (address, until)| *until > now || !used.remove(address));
    }
}
