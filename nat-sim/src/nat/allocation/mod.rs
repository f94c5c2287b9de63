//! Which external address and port a new mapping gets. Everything here runs when mappings come and go, nothing for the packets in between.

mod former;
mod ports;
mod subscribers;

use std::net::{IpAddr, SocketAddr};

use super::config::{AfterExpiry, NatConfig, PortAllocation, PortContiguity, PortOverloading, PortParity};
use super::table::{MappingScope, MappingView};
use crate::drop_reason::DropReason;
use crate::rng::Stream;
use crate::time::Ns;
use former::{FormerEndpoints, Resting};
use ports::{PortPool, Wish, after};
use subscribers::{Seat, Subscribers};

/// The external endpoints of a NAT.
#[derive(Debug)]
pub(super) struct Allocator {
    config: NatConfig,
    externals: Vec<IpAddr>,
    /// One for each external address.
    pools: Vec<PortPool>,
    subscribers: Subscribers,
    resting: Resting,
    former: FormerEndpoints,
    /// Draws the address where pooling is arbitrary.
    stream: Stream,
}

/// The mapping that an external endpoint is for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Request {
    pub(super) now: Ns,
    pub(super) internal: SocketAddr,
    pub(super) scope: MappingScope,
    /// The external endpoint that would be contiguous: RFC 4787, section 4.2.3.
    pub(super) neighbour: Option<SocketAddr>,
}

impl Allocator {
    pub(super) fn new(config: NatConfig, externals: Vec<IpAddr>, seed: u64) -> Self {
        // The first name is older than pools of addresses: a NAT with one address draws what it always drew.
        let stream = |index: usize| Stream::new(seed, &if index == 0 { "ports".to_owned() } else { format!("ports/{index}") });
        Self {
            config,
            pools: (0..externals.len()).map(|index| PortPool::new(config.port_range, stream(index))).collect(),
            subscribers: Subscribers::new(&config, externals.len()),
            resting: Resting::new(),
            former: FormerEndpoints::new(config.limits.mappings),
            stream: Stream::new(seed, "pooling"),
            externals,
        }
    }

    pub(super) fn externals(&self) -> &[IpAddr] {
        &self.externals
    }

    /// Takes an external endpoint that `blocked` does not refuse. Where ports are stolen, it may be that of another mapping.
    pub(super) fn take(&mut self, request: &Request, blocked: impl Fn(SocketAddr) -> bool) -> Result<SocketAddr, DropReason> {
        while let Some(external) = self.resting.rested(request.now) {
            self.free(external);
        }
        let former = match self.config.after_expiry {
            AfterExpiry::AllocateAnew => None,
            AfterExpiry::SameEndpoint => self.former.get(request.internal, request.scope),
        };
        let former_address = former.and_then(|former| self.position(former.ip()));
        let seat = self.subscribers.seat(request.internal.ip(), former_address)?;
        let former = former.filter(|former| self.resting.holds(*former) || !self.is_taken(*former));
        let neighbour = request.neighbour.filter(|neighbour| !self.is_taken(*neighbour));
        let wished = former.into_iter().chain(neighbour).find(|wish| self.suits(*wish, request, seat) && !blocked(*wish));
        let external = match wished {
            Some(external) => external,
            None => self.find(request, seat, &blocked)?,
        };
        self.occupy(external);
        let range = seat.map_or(self.config.port_range, |seat| seat.range);
        self.subscribers.enter(request.internal.ip(), seat, after(external.port(), range));
        Ok(external)
    }

    /// Makes the port of an endpoint unavailable.
    pub(super) fn occupy(&mut self, external: SocketAddr) {
        self.resting.wake(external);
        if self.config.port_overloading == PortOverloading::Off
            && let Some(index) = self.position(external.ip())
        {
            self.pools[index].take(external.port());
        }
    }

    /// A mapping is gone since `at`.
    pub(super) fn release(&mut self, view: &MappingView, at: Ns) {
        self.subscribers.leave(view.internal.ip());
        if self.config.after_expiry == AfterExpiry::SameEndpoint {
            self.former.remember(view.internal, view.scope, view.external);
        }
        if self.config.port_hold_down > 0 {
            self.resting.begin(view.external, at.saturating_add(self.config.port_hold_down));
        } else {
            self.free(view.external);
        }
    }

    /// Releases everything, and forgets what was before; sequences go on where they stood.
    pub(super) fn clear(&mut self) {
        self.pools.iter_mut().for_each(PortPool::release_all);
        self.subscribers.clear();
        self.resting.clear();
        self.former.clear();
    }

    /// Forgets where sequences stood.
    pub(super) fn restart(&mut self) {
        let range = self.config.port_range;
        self.pools.iter_mut().for_each(|pool| pool.restart(range));
    }

    /// The internal address that has an external one to itself.
    pub(super) fn owner_of(&self, external: IpAddr) -> Option<IpAddr> {
        self.subscribers.owner_of(self.position(external)?)
    }

    fn find(&mut self, request: &Request, seat: Option<Seat>, blocked: &impl Fn(SocketAddr) -> bool) -> Result<SocketAddr, DropReason> {
        let count = self.externals.len();
        let (first, tries) = match seat {
            Some(seat) => (seat.address, 1),
            None if count == 1 => (0, 1),
            None => (self.stream.below(count as u64) as usize, count),
        };
        let wish = self.wish(request, seat);
        let wishes = [Some(wish).filter(|wish| wish.room_after), Some(Wish { room_after: false, ..wish })];
        for wish in wishes.into_iter().flatten() {
            for index in (first..first + tries).map(|index| index % count) {
                let address = self.externals[index];
                if let Some(port) = self.pools[index].find(&wish, |port| blocked(SocketAddr::new(address, port))) {
                    return Ok(SocketAddr::new(address, port));
                }
            }
        }
        Err(match self.config.port_allocation {
            PortAllocation::Preserve => DropReason::NatPortTaken,
            _ => DropReason::NatPortsExhausted,
        })
    }

    fn wish(&self, request: &Request, seat: Option<Seat>) -> Wish {
        let (internal, config) = (request.internal, &self.config);
        Wish {
            allocation: config.port_allocation,
            range: seat.map_or(config.port_range, |seat| seat.range),
            range_binds: config.port_blocks.size().is_some(),
            internal: internal.port(),
            same_parity: config.port_parity == PortParity::Preserved,
            room_after: config.port_contiguity == PortContiguity::Attempted && internal.port().is_multiple_of(2),
            continues: self.subscribers.next_port(internal.ip(), seat),
        }
    }

    /// Whether a free endpoint may be given to a mapping from this seat.
    fn suits(&self, external: SocketAddr, request: &Request, seat: Option<Seat>) -> bool {
        let binds = self.config.port_blocks.size().is_some();
        let seated =
            seat.is_none_or(|seat| self.externals[seat.address] == external.ip() && (!binds || seat.range.contains(external.port())));
        let parity = self.config.port_parity == PortParity::Ignored || external.port() % 2 == request.internal.port() % 2;
        seated && parity && external.port() != 0
    }

    fn is_taken(&self, external: SocketAddr) -> bool {
        self.position(external.ip()).is_none_or(|index| self.pools[index].is_taken(external.port()))
    }

    fn free(&mut self, external: SocketAddr) {
        if let Some(index) = self.position(external.ip()) {
            self.pools[index].release(external.port());
        }
    }

    fn position(&self, external: IpAddr) -> Option<usize> {
        self.externals.iter().position(|address| *address == external)
    }
}
