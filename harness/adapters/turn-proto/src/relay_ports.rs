//! The ports of the relayed transport addresses of one server.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};

/// The range that RFC 8656 section 7.2 recommends: the dynamic ports.
const FIRST: u16 = 49152;

/// Hands out ports, counting up from the first and around; a port is free again once it is released.
pub(crate) struct RelayPorts {
    addresses: Vec<IpAddr>,
    next: u16,
    used: BTreeSet<SocketAddr>,
}

/// Why there is no relayed transport address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The server has no address of this family.
    Family,
    /// All ports are in use.
    Exhausted,
}

impl RelayPorts {
    pub(crate) fn new(addresses: Vec<IpAddr>) -> Self {
        Self { addresses, next: FIRST, used: BTreeSet::new() }
    }

    pub(crate) fn take(&mut self, ipv4: bool) -> Result<SocketAddr, Refusal> {
        let address = *self.addresses.iter().find(|address| address.is_ipv4() == ipv4).ok_or(Refusal::Family)?;
        for _ in FIRST..=u16::MAX {
            let candidate = SocketAddr::new(address, self.next);
            self.next = self.next.checked_add(1).unwrap_or(FIRST);
            if self.used.insert(candidate) {
                return Ok(candidate);
            }
        }
        Err(Refusal::Exhausted)
    }

    pub(crate) fn release(&mut self, address: SocketAddr) {
        self.used.remove(&address);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ports() -> RelayPorts {
        RelayPorts::new(vec![[192, 0, 2, 1].into()])
    }

    #[test]
    fn ports_count_up_from_the_first_dynamic_one() {
        let mut ports = ports();
        assert_eq!(ports.take(true).expect("free").to_string(), "192.0.2.1:49152");
        assert_eq!(ports.take(true).expect("free").to_string(), "192.0.2.1:49153");
    }

    #[test]
    fn a_family_without_an_address_is_refused() {
        assert_eq!(ports().take(false), Err(Refusal::Family));
    }

    #[test]
    fn an_exhausted_range_is_refused_until_a_port_is_released() {
        let mut ports = ports();
        let taken: Vec<_> = (FIRST..=u16::MAX).map(|_| ports.take(true).expect("free")).collect();
        assert_eq!(ports.take(true), Err(Refusal::Exhausted));
        ports.release(taken[7]);
        assert_eq!(ports.take(true), Ok(taken[7]));
        assert_eq!(ports.take(true), Err(Refusal::Exhausted));
    }
}
