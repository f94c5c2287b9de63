//! Network address translation: RFC 4787 for UDP, RFC 5508 for ICMP errors. Usable without [`Net`](crate::Net): packets and times come in,
//! rewritten packets or reasons come out.
//!
//! [`Nat::outbound`] and [`Nat::inbound`] first remove what has expired, so that expiry needs no timer; a caller who wants to report it as it
//! happens calls [`Nat::expire`] at [`Nat::next_expiry`]. Deliberately absent: what the crate documentation lists as not modelled.

mod config;
mod contacts;
mod ports;
mod preset;
mod table;
mod unsolicited;

use std::net::{IpAddr, SocketAddr};

pub use config::{
    FilteringBehaviour, Hairpinning, Ipv6Policy, MappingBehaviour, NatConfig, NatConfigError, NatLimits, PortAllocation, PortRange,
    Refresh, ReverseBinding, Timer, UnsolicitedInbound, UnsolicitedReply,
};
pub use preset::{Access, PRESETS, preset};
pub use table::{MappingId, MappingScope, MappingView};

use contacts::{Contacts, Grant};
use ports::PortPool;
use table::Table;
use unsolicited::Unsolicited;

use crate::drop_reason::DropReason;
use crate::packet::{Body, Packet};
use crate::rng::Stream;
use crate::time::Ns;

/// A NAT between an inside and an outside.
#[derive(Debug)]
pub struct Nat {
    config: NatConfig,
    external: IpAddr,
    table: Table,
    ports: PortPool,
    /// External endpoint and remote (port 0 where the filter ignores it): whom the filter admits.
    filters: Contacts,
    /// Internal endpoint and remote: sessions that leave by another mapping than the rule names.
    bindings: Contacts,
    unsolicited: Unsolicited,
}

/// Where a packet from inside goes after translation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Side {
    /// Back inside: it was hairpinned.
    Inside,
    /// Outside.
    Outside,
}

/// A packet from inside was translated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outbound {
    /// Where it goes.
    pub side: Side,
    /// The mapping that was made for it.
    pub made: Option<MappingId>,
}

/// A new endpoint for a packet, found before the packet is touched.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Rewrite {
    Keep,
    Source(SocketAddr),
    Destination(SocketAddr),
}

impl Nat {
    /// A NAT with the given external addresses: one of IPv4; those of IPv6 are the box's own and take no part in translation.
    ///
    /// # Errors
    /// A term out of range, or not exactly one external IPv4 address.
    pub fn new(config: NatConfig, external: &[IpAddr], seed: u64) -> Result<Self, NatConfigError> {
        config.validate()?;
        let v4: Vec<IpAddr> = external.iter().copied().filter(IpAddr::is_ipv4).collect();
        let &[external] = v4.as_slice() else { return Err(NatConfigError::ExternalAddresses(v4.len())) };
        Ok(Self {
            config,
            external,
            table: Table::new(),
            ports: PortPool::new(config.port_range, Stream::new(seed, "ports")),
            filters: Contacts::new(),
            bindings: Contacts::new(),
            unsolicited: Unsolicited::new(config.limits.unsolicited),
        })
    }

    /// The terms.
    #[must_use]
    pub fn config(&self) -> &NatConfig {
        &self.config
    }

    /// The external IPv4 address.
    #[must_use]
    pub fn external(&self) -> IpAddr {
        self.external
    }

    /// Translates a packet from inside. On an error the packet is unchanged.
    ///
    /// # Errors
    /// Why the packet is dropped.
    pub fn outbound(&mut self, now: Ns, packet: &mut Packet) -> Result<Outbound, DropReason> {
        if self.is_own(packet.dst) {
            let (made, outcome) = self.plan_hairpin(now, packet);
            *packet = outcome?;
            return Ok(Outbound { side: Side::Inside, made });
        }
        let (rewrite, made) = self.plan_outbound(now, packet)?;
        rewrite.apply(packet);
        Ok(Outbound { side: Side::Outside, made })
    }

    /// Translates a packet from outside. On an error the packet is unchanged.
    ///
    /// # Errors
    /// Why the packet is dropped.
    pub fn inbound(&mut self, now: Ns, packet: &mut Packet) -> Result<(), DropReason> {
        self.plan_inbound(now, packet)?.apply(packet);
        Ok(())
    }

    /// Whether a packet from inside to `destination` stays inside, if it gets anywhere.
    pub(crate) fn is_own(&self, destination: IpAddr) -> bool {
        destination == self.external
    }

    /// RFC 4787, REQ-9a: the packet goes out, and comes back as if it had come from outside, filters included. A mapping may have been made also where
    /// the packet is then dropped.
    pub(crate) fn plan_hairpin(&mut self, now: Ns, packet: &Packet) -> (Option<MappingId>, Result<Packet, DropReason>) {
        if self.config.hairpinning == Hairpinning::Off {
            return (None, Err(DropReason::NatHairpinOff));
        }
        let (rewrite, made) = match self.plan_outbound(now, packet) {
            Ok(plan) => plan,
            Err(reason) => return (None, Err(reason)),
        };
        let mut translated = packet.clone();
        rewrite.apply(&mut translated);
        let outcome = self.plan_inbound(now, &translated).map(|rewrite| {
            rewrite.apply(&mut translated);
            translated
        });
        (made, outcome)
    }

    pub(crate) fn plan_outbound(&mut self, now: Ns, packet: &Packet) -> Result<(Rewrite, Option<MappingId>), DropReason> {
        if packet.is_ipv6() {
            return self.plan_ipv6().map(|rewrite| (rewrite, None));
        }
        self.expire_silently(now);
        match &packet.body {
            Body::Udp { src_port, dst_port, .. } => {
                let (internal, remote) = (SocketAddr::new(packet.src, *src_port), SocketAddr::new(packet.dst, *dst_port));
                let (slot, made) = self.mapping_for(now, internal, remote)?;
                Ok((Rewrite::Source(self.table.get(slot).view.external), made.then_some(MappingId(slot))))
            }
            // An error from inside about a packet that came in: its quote shows the internal endpoint as destination (RFC 5508, REQ-5).
            Body::Icmp(icmp) => {
                let slot = self.existing_for(now, icmp.quote.dst, icmp.quote.src).ok_or(DropReason::NatIcmpNoMapping)?;
                Ok((Rewrite::Source(self.table.get(slot).view.external), None))
            }
        }
    }

    pub(crate) fn plan_inbound(&mut self, now: Ns, packet: &Packet) -> Result<Rewrite, DropReason> {
        if packet.is_ipv6() {
            return self.plan_ipv6();
        }
        self.expire_silently(now);
        match &packet.body {
            Body::Udp { src_port, dst_port, .. } => {
                let (remote, external) = (SocketAddr::new(packet.src, *src_port), SocketAddr::new(packet.dst, *dst_port));
                self.admit(now, remote, external).map(Rewrite::Destination)
            }
            // Errors are not filtered by their source (RFC 4787, REQ-12a) and refresh nothing (RFC 5508, REQ-6).
            Body::Icmp(icmp) => {
                let slot = self.table.by_external(icmp.quote.src).ok_or(DropReason::NatIcmpNoMapping)?;
                Ok(Rewrite::Destination(self.table.get(slot).view.internal))
            }
        }
    }

    fn plan_ipv6(&self) -> Result<Rewrite, DropReason> {
        match self.config.ipv6 {
            Ipv6Policy::Routed => Ok(Rewrite::Keep),
            Ipv6Policy::Absent => Err(DropReason::NatIpv6Absent),
        }
    }

    /// Finds or makes the mapping by which `internal` reaches `remote`, and notes the contact.
    fn mapping_for(&mut self, now: Ns, internal: SocketAddr, remote: SocketAddr) -> Result<(u32, bool), DropReason> {
        let found = self.existing_for(now, internal, remote);
        let (slot, made) = match found {
            Some(slot) if !self.unsolicited.holds(self.table.get(slot).view.external, remote, now) => (slot, false),
            // The NAT itself holds a session between this external endpoint and the remote: this session has to leave by another port.
            Some(_) => (self.make(now, internal, remote, MappingScope::RemoteEndpoint(remote), false)?, true),
            None => (self.make(now, internal, remote, self.scope(remote), true)?, true),
        };
        self.note_outbound(now, slot, remote)?;
        Ok((slot, made))
    }

    /// The mapping by which `internal` reaches `remote` now.
    fn existing_for(&self, now: Ns, internal: SocketAddr, remote: SocketAddr) -> Option<u32> {
        self.bindings.owner(internal, remote, now).or_else(|| self.table.by_rule(internal, self.scope(remote)))
    }

    fn scope(&self, remote: SocketAddr) -> MappingScope {
        match self.config.mapping {
            MappingBehaviour::EndpointIndependent => MappingScope::AnyRemote,
            MappingBehaviour::AddressDependent => MappingScope::RemoteAddress(remote.ip()),
            MappingBehaviour::AddressAndPortDependent => MappingScope::RemoteEndpoint(remote),
        }
    }

    fn make(&mut self, now: Ns, internal: SocketAddr, remote: SocketAddr, scope: MappingScope, by_rule: bool) -> Result<u32, DropReason> {
        if self.table.len() >= self.config.limits.mappings as usize {
            return Err(DropReason::NatTableFull);
        }
        let (external, unsolicited) = (self.external, &self.unsolicited);
        let blocked = |port| unsolicited.holds(SocketAddr::new(external, port), remote, now);
        let port = self.ports.take(self.config.port_allocation, internal.port(), blocked).ok_or(DropReason::NatPortsExhausted)?;
        let expires = now.saturating_add(self.config.mapping_timer.duration);
        let view = MappingView { internal, external: SocketAddr::new(external, port), scope, made: now, expires };
        let slot = self.table.insert(view, by_rule);
        if !by_rule {
            let key = (internal, remote);
            let grant = Grant { now, expires: Ns::MAX, limit: self.config.limits.bindings_per_mapping, refreshes: true };
            let list = &mut self.table.get_mut(slot).bindings;
            self.bindings.insert(slot, list, key, grant).expect("a new mapping has room for its own binding");
        }
        Ok(slot)
    }

    fn note_outbound(&mut self, now: Ns, slot: u32, remote: SocketAddr) -> Result<(), DropReason> {
        let NatConfig { mapping_timer, filter_timer, limits, .. } = self.config;
        let mapping = self.table.get_mut(slot);
        let (internal, external) = (mapping.view.internal, mapping.view.external);
        if let Some(key) = self.config.filtering.key(remote) {
            let (expires, refreshes) = (now.saturating_add(filter_timer.duration), filter_timer.refresh.by_outbound());
            let grant = Grant { now, expires, limit: limits.filters_per_mapping, refreshes };
            self.filters.insert(slot, &mut mapping.filters, (external, key), grant).map_err(|_| DropReason::NatFilterTableFull)?;
        }
        if mapping_timer.refresh.by_outbound() {
            let expires = now.saturating_add(mapping_timer.duration);
            mapping.view.expires = expires;
            self.bindings.refresh(internal, remote, now, expires);
        }
        Ok(())
    }

    /// The internal endpoint for a datagram from outside, if mapping and filter let it in.
    fn admit(&mut self, now: Ns, remote: SocketAddr, external: SocketAddr) -> Result<SocketAddr, DropReason> {
        let Some(slot) = self.table.by_external(external) else { return Err(self.refuse(now, remote, external, DropReason::NatNoMapping)) };
        let key = self.config.filtering.key(remote);
        if key.is_some_and(|key| self.filters.owner(external, key, now).is_none()) {
            return Err(self.refuse(now, remote, external, DropReason::NatFiltered));
        }
        if self.config.reverse_binding == ReverseBinding::Session {
            self.bind(now, slot, remote)?;
        }
        if self.config.mapping_timer.refresh.by_inbound() {
            self.table.get_mut(slot).view.expires = now.saturating_add(self.config.mapping_timer.duration);
        }
        if let Some(key) = key.filter(|_| self.config.filter_timer.refresh.by_inbound()) {
            self.filters.refresh(external, key, now, now.saturating_add(self.config.filter_timer.duration));
        }
        Ok(self.table.get(slot).view.internal)
    }

    fn refuse(&mut self, now: Ns, remote: SocketAddr, external: SocketAddr, reason: DropReason) -> DropReason {
        if let UnsolicitedInbound::CreatesState { lifetime } = self.config.unsolicited_inbound {
            self.unsolicited.note(external, remote, now, now.saturating_add(lifetime));
        }
        reason
    }

    /// Makes answers to `remote` leave by the mapping that its latest packet came in by, for as long as the mapping timer says.
    fn bind(&mut self, now: Ns, slot: u32, remote: SocketAddr) -> Result<(), DropReason> {
        let internal = self.table.get(slot).view.internal;
        let expires = now.saturating_add(self.config.mapping_timer.duration);
        if self.existing_for(now, internal, remote) == Some(slot) {
            if self.config.mapping_timer.refresh.by_inbound() {
                self.bindings.refresh(internal, remote, now, expires);
            }
            return Ok(());
        }
        let grant = Grant { now, expires, limit: self.config.limits.bindings_per_mapping, refreshes: true };
        let list = &mut self.table.get_mut(slot).bindings;
        self.bindings.insert(slot, list, (internal, remote), grant).map_err(|_| DropReason::NatBindingTableFull)
    }

    /// Removes one mapping that has expired by `now`; call until `None`.
    pub fn expire(&mut self, now: Ns) -> Option<MappingView> {
        let slot = self.table.next_expired(now)?;
        let mapping = self.table.remove(slot);
        self.ports.release(mapping.view.external.port());
        self.filters.remove_all(slot, &mapping.filters, mapping.view.external);
        self.bindings.remove_all(slot, &mapping.bindings, mapping.view.internal);
        Some(mapping.view)
    }

    fn expire_silently(&mut self, now: Ns) {
        while self.expire(now).is_some() {}
    }

    /// When [`Nat::expire`] should be called next: at the next expiry or earlier, never later.
    #[must_use]
    pub fn next_expiry(&self) -> Option<Ns> {
        self.table.next_expiry()
    }

    /// All mappings, ordered by external endpoint. Those that have expired since the last call with a time are among them.
    #[must_use]
    pub fn mappings(&self) -> Vec<MappingView> {
        self.table.views()
    }

    /// One mapping.
    #[must_use]
    pub fn mapping(&self, id: MappingId) -> Option<MappingView> {
        self.table.find(id).map(|mapping| mapping.view)
    }

    /// Whom the filter of the mapping at `external` admits at `now`, and until when, in the order of first contact. A port of 0 stands for every
    /// port of the address. Empty with endpoint-independent filtering, which needs no entries.
    #[must_use]
    pub fn admitted(&self, external: SocketAddr, now: Ns) -> Vec<(SocketAddr, Ns)> {
        let Some(slot) = self.table.by_external(external) else { return Vec::new() };
        let remotes = self.table.get(slot).filters.remotes();
        let entries = remotes.iter().filter_map(|remote| Some((*remote, self.filters.expiry(external, *remote)?)));
        entries.filter(|(_, expires)| *expires > now).collect()
    }

    /// Loses all mappings and sessions, and returns the mappings. Sequential allocation goes on where it was.
    pub fn flush(&mut self) -> Vec<MappingView> {
        let views = self.table.drain();
        for view in &views {
            self.ports.release(view.external.port());
        }
        self.filters.clear();
        self.bindings.clear();
        self.unsolicited.clear();
        views
    }

    /// [`Nat::flush`], and sequential allocation starts anew.
    pub fn reboot(&mut self) -> Vec<MappingView> {
        let views = self.flush();
        self.ports.restart();
        views
    }
}

impl FilteringBehaviour {
    /// What a filter entry remembers of a remote; `None` where every remote may enter.
    fn key(self, remote: SocketAddr) -> Option<SocketAddr> {
        match self {
            Self::EndpointIndependent => None,
            Self::AddressDependent => Some(SocketAddr::new(remote.ip(), 0)),
            Self::AddressAndPortDependent => Some(remote),
        }
    }
}

impl Rewrite {
    /// In an ICMP error the quoted packet went the other way, so its other end is rewritten (RFC 5508, REQ-4 and REQ-5).
    pub(crate) fn apply(self, packet: &mut Packet) {
        match (self, &mut packet.body) {
            (Self::Keep, _) => {}
            (Self::Source(new), body) => {
                packet.src = new.ip();
                match body {
                    Body::Udp { src_port, .. } => *src_port = new.port(),
                    Body::Icmp(icmp) => icmp.quote.set_destination(new),
                }
            }
            (Self::Destination(new), body) => {
                packet.dst = new.ip();
                match body {
                    Body::Udp { dst_port, .. } => *dst_port = new.port(),
                    Body::Icmp(icmp) => icmp.quote.set_source(new),
                }
            }
        }
    }
}
