//! What a subscriber (an internal address) has to itself: its share of the limits, and the external address or block of ports that it sits on.

use std::net::{IpAddr, Ipv4Addr};

use crate::drop_reason::DropReason;
use crate::lookup::Lookup;
use crate::nat::config::{NatConfig, Pooling, PortBlocks, PortRange, Translation};

/// Where the mappings of a subscriber get their external endpoints from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Seat {
    /// Position of the external address.
    pub(super) address: usize,
    pub(super) range: PortRange,
    /// Number of the seat among those that one subscriber alone can have.
    exclusive: Option<usize>,
}

#[derive(Debug)]
struct Subscriber {
    seat: Option<Seat>,
    mappings: u32,
    /// Where the sequence of ports in its block continues.
    next_port: Option<u16>,
}

#[derive(Debug)]
pub(super) struct Subscribers {
    rule: Rule,
    range: PortRange,
    addresses: usize,
    limit: u32,
    table: Lookup<IpAddr, Subscriber>,
    /// Who sits on each seat that one subscriber alone can have.
    occupants: Vec<Option<IpAddr>>,
    /// Which address the next subscriber is paired with.
    turn: usize,
}

#[derive(Debug, Clone, Copy)]
enum Rule {
    /// One address for all: nothing to decide.
    Single,
    /// Decided for each mapping.
    Arbitrary,
    Paired,
    /// Blocks of so many ports (none: whole addresses), the first free one.
    OnDemand(Option<u16>),
    /// The same, by the subscriber's number.
    Numbered(Option<u16>, Ipv4Addr),
}

impl Subscribers {
    pub(super) fn new(config: &NatConfig, addresses: usize) -> Self {
        let rule = match (config.translation, config.port_blocks, config.pooling) {
            (Translation::OneToOne { first_subscriber }, ..) => Rule::Numbered(None, first_subscriber),
            (Translation::DynamicPool, ..) => Rule::OnDemand(None),
            (_, PortBlocks::OnDemand { size }, _) => Rule::OnDemand(Some(size)),
            (_, PortBlocks::Deterministic { size, first_subscriber }, _) => Rule::Numbered(Some(size), first_subscriber),
            _ if addresses == 1 => Rule::Single,
            (.., Pooling::Paired) => Rule::Paired,
            (.., Pooling::Arbitrary) => Rule::Arbitrary,
        };
        let limit =
            if config.limits.mappings_per_subscriber < config.limits.mappings { config.limits.mappings_per_subscriber } else { u32::MAX };
        let mut subscribers =
            Self { rule, range: config.port_range, addresses, limit, table: Lookup::new(), occupants: Vec::new(), turn: 0 };
        if let Rule::OnDemand(size) | Rule::Numbered(size, _) = rule {
            subscribers.occupants = vec![None; addresses * subscribers.seats_per_address(size)];
        }
        subscribers
    }

    /// Whether there is nothing to remember: the common case.
    fn idle(&self) -> bool {
        matches!(self.rule, Rule::Single | Rule::Arbitrary) && self.limit == u32::MAX
    }

    /// Where the next mapping of `internal` gets its endpoint from; `None` where anywhere will do. A new subscriber prefers the address `former`.
    pub(super) fn seat(&self, internal: IpAddr, former: Option<usize>) -> Result<Option<Seat>, DropReason> {
        if self.idle() {
            return Ok(None);
        }
        let known = self.table.get(&internal);
        if known.is_some_and(|subscriber| subscriber.mappings >= self.limit) {
            return Err(DropReason::NatSubscriberLimit);
        }
        if let Some(seat) = known.and_then(|subscriber| subscriber.seat) {
            return Ok(Some(seat));
        }
        match self.rule {
            Rule::Single | Rule::Arbitrary => Ok(None),
            Rule::Paired => Ok(Some(Seat { address: former.unwrap_or(self.turn), range: self.range, exclusive: None })),
            Rule::OnDemand(size) => {
                let free = self.occupants.iter().position(Option::is_none);
                free.map(|number| Some(self.exclusive(number, size))).ok_or(DropReason::NatSubscriberPoolExhausted)
            }
            Rule::Numbered(size, first) => {
                let number = number_of(internal, first).filter(|number| *number < self.occupants.len());
                number.map(|number| Some(self.exclusive(number, size))).ok_or(DropReason::NatNotASubscriber)
            }
        }
    }

    /// A mapping of `internal` was made from `seat`, at `next_port` less one.
    pub(super) fn enter(&mut self, internal: IpAddr, seat: Option<Seat>, next_port: u16) {
        if self.idle() {
            return;
        }
        if let Some(subscriber) = self.table.get_mut(&internal) {
            (subscriber.mappings, subscriber.next_port) = (subscriber.mappings + 1, Some(next_port));
            return;
        }
        if let Some(number) = seat.and_then(|seat| seat.exclusive) {
            self.occupants[number] = Some(internal);
        }
        self.turn = seat.map_or(self.turn, |seat| (seat.address + 1) % self.addresses);
        self.table.insert(internal, Subscriber { seat, mappings: 1, next_port: Some(next_port) });
    }

    /// A mapping of `internal` is gone; with its last one the subscriber gives up its seat.
    pub(super) fn leave(&mut self, internal: IpAddr) {
        let Some(subscriber) = self.table.get_mut(&internal) else { return };
        subscriber.mappings -= 1;
        if subscriber.mappings > 0 {
            return;
        }
        if let Some(number) = subscriber.seat.and_then(|seat| seat.exclusive) {
            self.occupants[number] = None;
        }
        self.table.remove(&internal);
    }

    /// Where the sequence of ports continues in the block of `internal`; `None` where subscribers share the ports.
    pub(super) fn next_port(&self, internal: IpAddr, seat: Option<Seat>) -> Option<u16> {
        let seat = seat.filter(|seat| seat.exclusive.is_some())?;
        Some(self.table.get(&internal).and_then(|subscriber| subscriber.next_port).unwrap_or(seat.range.first))
    }

    /// The subscriber that has the external address of this position to itself.
    pub(super) fn owner_of(&self, address: usize) -> Option<IpAddr> {
        match self.rule {
            Rule::OnDemand(None) => self.occupants[address],
            Rule::Numbered(None, first) => {
                let number = u32::from(first).checked_add(u32::try_from(address).ok()?)?;
                Some(IpAddr::V4(Ipv4Addr::from(number)))
            }
            _ => None,
        }
    }

    /// Forgets everybody.
    pub(super) fn clear(&mut self) {
        self.table.clear();
        self.occupants.fill(None);
        self.turn = 0;
    }

    fn seats_per_address(&self, size: Option<u16>) -> usize {
        size.map_or(1, |size| (self.range.size() / u32::from(size)) as usize)
    }

    fn exclusive(&self, number: usize, size: Option<u16>) -> Seat {
        let per_address = self.seats_per_address(size);
        let range = match size {
            Some(size) => {
                let first = self.range.first + size * (number % per_address) as u16;
                PortRange { first, last: first + (size - 1) }
            }
            None => self.range,
        };
        Seat { address: number / per_address, range, exclusive: Some(number) }
    }
}

/// The number of a subscriber, counted from the first one's address.
fn number_of(internal: IpAddr, first: Ipv4Addr) -> Option<usize> {
    match internal {
        IpAddr::V4(internal) => usize::try_from(u32::from(internal).checked_sub(u32::from(first))?).ok(),
        IpAddr::V6(_) => None,
    }
}
