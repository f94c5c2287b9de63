//! The life of mappings: found or made for packets from inside, entered by packets from outside, refreshed, and gone.

use std::net::SocketAddr;

use super::allocation::Request;
use super::config::{
    FilteringBehaviour, MappingBehaviour, NatConfig, PortAllocation, PortContiguity, PortOverloading, ReverseBinding, Translation,
    UnsolicitedInbound,
};
use super::contacts::Grant;
use super::table::{MappingScope, MappingView};
use super::{Icmp, Nat};
use crate::drop_reason::DropReason;
use crate::tap::NatEvent;
use crate::time::Ns;

impl Nat {
    /// Finds or makes the mapping by which `internal` reaches `remote`, and notes the contact.
    pub(super) fn mapping_for(&mut self, now: Ns, internal: SocketAddr, remote: SocketAddr) -> Result<(u32, bool), DropReason> {
        let found = self.existing_for(now, internal, remote);
        let (slot, made) = match found {
            Some(slot) if !self.is_blocked(self.table.get(slot).view.external, remote, now, Some(slot)) => (slot, false),
            // Somebody else has a session between this external endpoint and the remote: this session has to leave by another port.
            Some(_) => (self.make(now, internal, remote, MappingScope::RemoteEndpoint(remote), false)?, true),
            None => (self.make(now, internal, remote, self.scope(remote), true)?, true),
        };
        self.note_outbound(now, slot, remote)?;
        Ok((slot, made))
    }

    /// The mapping by which `internal` reaches `remote` now.
    pub(super) fn existing_for(&self, now: Ns, internal: SocketAddr, remote: SocketAddr) -> Option<u32> {
        let by_rule = || self.table.by_rule(internal, self.scope(remote));
        let found = self.bindings.owner(internal, remote, now).or_else(by_rule);
        if found.is_none() && self.config.mapping == MappingBehaviour::EndpointIndependentUntilConflict {
            return self.table.by_rule(internal, MappingScope::RemoteEndpoint(remote));
        }
        found
    }

    /// The mapping of a packet from outside.
    fn entered(&self, now: Ns, remote: SocketAddr, external: SocketAddr) -> Result<u32, DropReason> {
        match self.config.port_overloading {
            PortOverloading::Off => self.table.by_external(external).ok_or(DropReason::NatNoMapping),
            PortOverloading::DifferentRemotes => self.filters.owner(external, remote, now).ok_or(DropReason::NatNoSession),
        }
    }

    /// The mapping of the packet that an error from outside quotes.
    pub(super) fn quoted(&self, now: Ns, icmp: &Icmp) -> Option<u32> {
        self.entered(now, icmp.quote.dst, icmp.quote.src).ok()
    }

    fn scope(&self, remote: SocketAddr) -> MappingScope {
        match self.config.mapping {
            MappingBehaviour::EndpointIndependent | MappingBehaviour::EndpointIndependentUntilConflict => MappingScope::AnyRemote,
            MappingBehaviour::AddressDependent => MappingScope::RemoteAddress(remote.ip()),
            MappingBehaviour::AddressAndPortDependent => MappingScope::RemoteEndpoint(remote),
        }
    }

    /// Whether somebody else than the mapping `own` has a session between an external endpoint and a remote: the NAT itself, or, where ports are
    /// overloaded, another mapping.
    fn is_blocked(&self, external: SocketAddr, remote: SocketAddr, now: Ns, own: Option<u32>) -> bool {
        if self.unsolicited.holds(external, remote, now) {
            return true;
        }
        self.config.port_overloading == PortOverloading::DifferentRemotes
            && self.filters.owner(external, remote, now).is_some_and(|owner| Some(owner) != own)
    }

    fn make(&mut self, now: Ns, internal: SocketAddr, remote: SocketAddr, scope: MappingScope, by_rule: bool) -> Result<u32, DropReason> {
        let external = self.external_for(now, internal, remote, scope)?;
        // The internal port was taken: the mapping is of the other behaviour.
        let conflict = self.config.mapping == MappingBehaviour::EndpointIndependentUntilConflict && external.port() != internal.port();
        let scope = if conflict { MappingScope::RemoteEndpoint(remote) } else { scope };
        let slot = self.insert(now, internal, external, scope, by_rule);
        if !by_rule {
            let key = (internal, remote);
            let grant = Grant { now, expires: Ns::MAX, limit: self.config.limits.bindings_per_mapping, refreshes: true };
            let list = &mut self.table.get_mut(slot).bindings;
            self.bindings.insert(slot, list, key, grant).expect("a new mapping has room for its own binding");
        }
        Ok(slot)
    }

    fn insert(&mut self, now: Ns, internal: SocketAddr, external: SocketAddr, scope: MappingScope, by_rule: bool) -> u32 {
        let expires = now.saturating_add(self.config.unanswered_timer.unwrap_or(self.config.mapping_timer.duration));
        self.table.insert(MappingView { internal, external, scope, made: now, expires }, by_rule)
    }

    fn external_for(&mut self, now: Ns, internal: SocketAddr, remote: SocketAddr, scope: MappingScope) -> Result<SocketAddr, DropReason> {
        if self.table.len() >= self.config.limits.mappings as usize {
            return Err(DropReason::NatTableFull);
        }
        let neighbour = self.neighbour(internal);
        let (unsolicited, filters) = (&self.unsolicited, &self.filters);
        let overloads = self.config.port_overloading == PortOverloading::DifferentRemotes;
        let blocked = |external| unsolicited.holds(external, remote, now) || overloads && filters.owner(external, remote, now).is_some();
        let external = self.allocator.take(&Request { now, internal, scope, neighbour }, blocked)?;
        if self.config.port_allocation == PortAllocation::PreserveAndSteal
            && let Some(victim) = self.table.by_external(external)
        {
            let view = self.remove(victim, now);
            self.allocator.occupy(external);
            self.asides.push(NatEvent::MappingStolen(view));
        }
        Ok(external)
    }

    /// The external endpoint beside that of the other port of a pair: RFC 4787, section 4.2.3.
    fn neighbour(&self, internal: SocketAddr) -> Option<SocketAddr> {
        if self.config.port_contiguity == PortContiguity::Ignored {
            return None;
        }
        let other = self.table.by_rule(SocketAddr::new(internal.ip(), internal.port() ^ 1), MappingScope::AnyRemote)?;
        let external = self.table.get(other).view.external;
        let port = if internal.port().is_multiple_of(2) { external.port().checked_sub(1) } else { external.port().checked_add(1) };
        port.map(|port| SocketAddr::new(external.ip(), port))
    }

    fn note_outbound(&mut self, now: Ns, slot: u32, remote: SocketAddr) -> Result<(), DropReason> {
        let NatConfig { mapping_timer, filter_timer, unanswered_timer, limits, .. } = self.config;
        let mapping = self.table.get_mut(slot);
        let (internal, external) = (mapping.view.internal, mapping.view.external);
        if let Some(key) = self.config.filtering.key(remote) {
            let (expires, refreshes) = (now.saturating_add(filter_timer.duration), filter_timer.refresh.by_outbound());
            let grant = Grant { now, expires, limit: limits.filters_per_mapping, refreshes };
            self.filters.insert(slot, &mut mapping.filters, (external, key), grant).map_err(|_| DropReason::NatFilterTableFull)?;
        }
        if mapping_timer.refresh.by_outbound() {
            let idle = unanswered_timer.filter(|_| !mapping.answered).unwrap_or(mapping_timer.duration);
            let expires = now.saturating_add(idle);
            mapping.view.expires = expires;
            self.bindings.refresh(internal, remote, now, expires);
        }
        Ok(())
    }

    /// The internal endpoint for a datagram from outside, if mapping and filter let it in.
    pub(super) fn admit(&mut self, now: Ns, remote: SocketAddr, external: SocketAddr) -> Result<SocketAddr, DropReason> {
        let slot = match self.entered(now, remote, external) {
            Ok(slot) => slot,
            Err(reason) => self.enter_anew(now, external).ok_or_else(|| self.refuse(now, remote, external, reason))?,
        };
        let key = self.config.filtering.key(remote);
        if key.is_some_and(|key| self.filters.owner(external, key, now).is_none()) {
            return Err(self.refuse(now, remote, external, DropReason::NatFiltered));
        }
        if self.config.reverse_binding == ReverseBinding::Session {
            self.bind(now, slot, remote)?;
        }
        if self.config.unanswered_timer.is_some() {
            self.table.get_mut(slot).answered = true;
        }
        if self.config.mapping_timer.refresh.by_inbound() {
            self.table.get_mut(slot).view.expires = now.saturating_add(self.config.mapping_timer.duration);
        }
        if let Some(key) = key.filter(|_| self.config.filter_timer.refresh.by_inbound()) {
            self.filters.refresh(external, key, now, now.saturating_add(self.config.filter_timer.duration));
        }
        Ok(self.table.get(slot).view.internal)
    }

    /// An address that is translated alone, for anybody, is open on every port: packets from outside make mappings, too.
    fn enter_anew(&mut self, now: Ns, external: SocketAddr) -> Option<u32> {
        let open =
            self.config.translation != Translation::AddressAndPort && self.config.filtering == FilteringBehaviour::EndpointIndependent;
        let internal = SocketAddr::new(self.allocator.owner_of(external.ip()).filter(|_| open)?, external.port());
        let scope = MappingScope::AnyRemote;
        self.external_for(now, internal, external, scope).ok()?;
        let slot = self.insert(now, internal, external, scope, true);
        self.asides.push(NatEvent::MappingMade(self.table.get(slot).view));
        Some(slot)
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
        let expired = self.table.get(slot).view.expires;
        Some(self.remove(slot, expired))
    }

    pub(super) fn expire_silently(&mut self, now: Ns) {
        while self.expire(now).is_some() {}
    }

    /// When [`Nat::expire`] should be called next: at the next expiry or earlier, never later.
    #[must_use]
    pub fn next_expiry(&self) -> Option<Ns> {
        self.table.next_expiry()
    }

    /// Removes a mapping that is gone since `at`.
    fn remove(&mut self, slot: u32, at: Ns) -> MappingView {
        let mapping = self.table.remove(slot);
        self.allocator.release(&mapping.view, at);
        self.filters.remove_all(slot, &mapping.filters, mapping.view.external);
        self.bindings.remove_all(slot, &mapping.bindings, mapping.view.internal);
        mapping.view
    }

    /// Loses all mappings and sessions, and returns the mappings. Sequential allocation goes on where it was.
    pub fn flush(&mut self) -> Vec<MappingView> {
        let views = self.table.drain();
        self.allocator.clear();
        self.filters.clear();
        self.bindings.clear();
        self.unsolicited.clear();
        views
    }

    /// [`Nat::flush`], and sequential allocation starts anew.
    pub fn reboot(&mut self) -> Vec<MappingView> {
        let views = self.flush();
        self.allocator.restart();
        views
    }
}
