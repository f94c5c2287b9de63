//! Firewalls: routers that refuse. Stateful filtering without translation is not modelled.

use crate::drop_reason::DropReason;
use crate::packet::{Body, Packet};

/// What a firewall does with UDP, both ways and for both families.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum UdpPolicy {
    /// Lets it through.
    Pass,
    /// Drops it silently.
    Block,
}

/// Everything that a firewall is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct FirewallConfig {
    /// What happens to UDP.
    pub udp: UdpPolicy,
}

impl FirewallConfig {
    /// Lets a packet pass, in either direction, or refuses it.
    ///
    /// # Errors
    /// Why the packet is dropped.
    pub fn check(self, packet: &Packet) -> Result<(), DropReason> {
        match (self.udp, &packet.body) {
            (UdpPolicy::Block, Body::Udp { .. }) => Err(DropReason::FirewallUdpBlocked),
            _ => Ok(()),
        }
    }
}
