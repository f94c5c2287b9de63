//! Network address translation: RFC 4787 for UDP, RFC 5508 for ICMP errors. Usable without [`Net`](crate::Net): packets and times come in,
//! rewritten packets or reasons come out.
//!
//! [`Nat::outbound`] and [`Nat::inbound`] first remove what has expired, so that expiry needs no timer; a caller who wants to report it as it
//! happens calls [`Nat::expire`] at [`Nat::next_expiry`]. Deliberately absent: what the crate documentation lists as not modelled.

mod allocation;
mod config;
mod contacts;
mod key;
mod lifecycle;
mod preset;
mod table;
mod unsolicited;

use std::net::{IpAddr, SocketAddr};

pub use config::{
    AfterExpiry, FilteringBehaviour, Hairpinning, Ipv6Policy, LimitReply, MappingBehaviour, NatConfig, NatConfigError, NatLimits, Pooling,
    PortAllocation, PortBlocks, PortContiguity, PortOverloading, PortParity, PortRange, Refresh, ReverseBinding, Timer, Translation,
    UnsolicitedInbound, UnsolicitedReply,
};
pub use preset::{Access, PRESETS, preset};
pub use table::{MappingId, MappingScope, MappingView};

use allocation::Allocator;
use contacts::Contacts;
use table::Table;
use unsolicited::Unsolicited;

use crate::drop_reason::DropReason;
use crate::packet::{Body, Icmp, IcmpKind, Packet};
use crate::tap::NatEvent;
use crate::time::Ns;

/// A NAT between an inside and an outside.
#[derive(Debug)]
pub struct Nat {
    config: NatConfig,
    /// The first external address.
    external: IpAddr,
    has_several_externals: bool,
    table: Table,
    allocator: Allocator,
    /// External endpoint and remote (port 0 where the filter ignores it): whom the filter admits.
    filters: Contacts,
    /// Internal endpoint and remote: sessions that leave by another mapping than the rule names.
    bindings: Contacts,
    unsolicited: Unsolicited,
    /// What the latest packet did to the table beside the mapping that it was told of.
    asides: Vec<NatEvent>,
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
    /// A NAT with the given external addresses: one or more of IPv4; those of IPv6 are the box's own and take no part in translation.
    ///
    /// # Errors
    /// A term out of range, two terms that contradict each other, or no external IPv4 address.
    pub fn new(config: NatConfig, external: &[IpAddr], seed: u64) -> Result<Self, NatConfigError> {
        config.validate()?;
        let externals = external_v4(external)?;
        Ok(Self {
            config,
            external: externals[0],
            has_several_externals: externals.len() > 1,
            table: Table::new(),
            allocator: Allocator::new(config, externals, seed),
            filters: Contacts::new(),
            bindings: Contacts::new(),
            unsolicited: Unsolicited::new(config.limits.unsolicited),
            asides: Vec::new(),
        })
    }

    /// The terms.
    #[must_use]
    pub fn config(&self) -> &NatConfig {
        &self.config
    }

    /// The first external IPv4 address.
    #[must_use]
    pub fn external(&self) -> IpAddr {
        self.external
    }

    /// The external IPv4 addresses, at least one.
    #[must_use]
    pub fn externals(&self) -> &[IpAddr] {
        self.allocator.externals()
    }

    /// What to answer a packet from inside with that was dropped for `reason`: RFC 5508, REQ-8. The answer comes from [`Nat::external`].
    #[must_use]
    pub fn answer_to(&self, reason: DropReason) -> Option<IcmpKind> {
        let answers = self.config.limit_reply == LimitReply::AdministrativelyProhibited && reason.is_lack_of_resources();
        answers.then_some(IcmpKind::AdministrativelyProhibited)
    }

    /// What the latest packet did to the table beside what [`Outbound::made`] says: mappings that lost their port to it, those that it made from
    /// outside, and those that were made for it before it was dropped.
    pub fn take_asides(&mut self) -> Vec<NatEvent> {
        std::mem::take(&mut self.asides)
    }

    pub(crate) fn has_asides(&self) -> bool {
        !self.asides.is_empty()
    }

    /// Translates a packet from inside. On an error the packet is unchanged.
    ///
    /// # Errors
    /// Why the packet is dropped.
    pub fn outbound(&mut self, now: Ns, packet: &mut Packet) -> Result<Outbound, DropReason> {
        self.asides.clear();
        if self.is_own(packet.dst) {
            let (made, outcome) = self.plan_hairpin(now, packet);
            return match outcome {
                Ok(translated) => {
                    *packet = translated;
                    Ok(Outbound { side: Side::Inside, made })
                }
                Err(reason) => {
                    self.asides.extend(made.and_then(|id| self.mapping(id)).map(NatEvent::MappingMade));
                    Err(reason)
                }
            };
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
        self.asides.clear();
        self.plan_inbound(now, packet)?.apply(packet);
        Ok(())
    }

    /// Whether a packet from inside to `destination` stays inside, if it gets anywhere.
    pub(crate) fn is_own(&self, destination: IpAddr) -> bool {
        self.external == destination || self.has_several_externals && self.externals().contains(&destination)
    }

    /// The packet goes out, and comes back as if it had come from outside, filters included (RFC 4787, REQ-9a). A mapping may have been made also where
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
            if let (Hairpinning::InternalSource, Some(internal)) = (self.config.hairpinning, packet.udp_source()) {
                Rewrite::Source(internal).apply(&mut translated);
            }
            translated
        });
        (made, outcome)
    }

    pub(crate) fn plan_outbound(&mut self, now: Ns, packet: &Packet) -> Result<(Rewrite, Option<MappingId>), DropReason> {
        if packet.is_ipv6() {
            return self.plan_ipv6().map(|rewrite| (rewrite, None));
        }
        if packet.src.is_ipv6() {
            return Err(DropReason::Malformed);
        }
        self.expire_silently(now);
        match &packet.body {
            Body::Udp { src_port, dst_port, .. } => {
                let (internal, remote) = (SocketAddr::new(packet.src, *src_port), SocketAddr::new(packet.dst, *dst_port));
                let (slot, made) = self.mapping_for(now, internal, remote)?;
                Ok((Rewrite::Source(self.table.get(slot).view.external), made.then_some(MappingId(slot))))
            }
            Body::Tcp(_) => Err(DropReason::NatTcpUntranslated),
            Body::Icmp(icmp) if icmp.quotes_tcp() => Err(DropReason::NatTcpUntranslated),
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
        if packet.src.is_ipv6() {
            return Err(DropReason::Malformed);
        }
        self.expire_silently(now);
        match &packet.body {
            Body::Udp { src_port, dst_port, .. } => {
                let (remote, external) = (SocketAddr::new(packet.src, *src_port), SocketAddr::new(packet.dst, *dst_port));
                self.admit(now, remote, external).map(Rewrite::Destination)
            }
            Body::Tcp(_) => Err(DropReason::NatTcpUntranslated),
            Body::Icmp(icmp) if icmp.quotes_tcp() => Err(DropReason::NatTcpUntranslated),
            // Errors are not filtered by their source (RFC 4787, REQ-12a) and refresh nothing (RFC 5508, REQ-6).
            Body::Icmp(icmp) => {
                let slot = self.quoted(now, icmp).ok_or(DropReason::NatIcmpNoMapping)?;
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
        let mappings = self.table.iter().filter(|mapping| mapping.view.external == external);
        let remotes = mappings.flat_map(|mapping| mapping.filters.remotes());
        let entries = remotes.filter_map(|remote| Some((*remote, self.filters.expiry(external, *remote)?)));
        entries.filter(|(_, expires)| *expires > now).collect()
    }
}

/// The addresses that take part in translation.
fn external_v4(addresses: &[IpAddr]) -> Result<Vec<IpAddr>, NatConfigError> {
    let v4: Vec<IpAddr> = addresses.iter().copied().filter(IpAddr::is_ipv4).collect();
    if v4.is_empty() {
        return Err(NatConfigError::NoExternalAddress);
    }
    if (1..v4.len()).any(|index| v4[..index].contains(&v4[index])) {
        return Err(NatConfigError::DuplicateExternalAddress);
    }
    Ok(v4)
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
                    Body::Tcp(segment) => segment.src_port = new.port(),
                    Body::Icmp(icmp) => icmp.quote.set_destination(new),
                }
            }
            (Self::Destination(new), body) => {
                packet.dst = new.ip();
                match body {
                    Body::Udp { dst_port, .. } => *dst_port = new.port(),
                    Body::Tcp(segment) => segment.dst_port = new.port(),
                    Body::Icmp(icmp) => icmp.quote.set_source(new),
                }
            }
        }
    }
}
