//! The allocations of a server, as its own responses make them: relayed addresses, lifetimes, permissions, channels.

use crate::check::Datagram;
use iut::{Ns, SECOND};
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use wire::channel_data::ChannelNumber;
use wire::stun::{AddressFamily, Class, Message, Method};

/// Lifetime of a permission: RFC 8656 section 9.
pub(super) const PERMISSION: Ns = 300 * SECOND;
/// Lifetime of a channel binding: RFC 8656 section 12.
pub(super) const CHANNEL: Ns = 600 * SECOND;
/// Lifetime of an allocation where nothing else is granted: RFC 8656 section 6.
pub(super) const LIFETIME: u32 = 600;
/// Around the end of a lifetime, a server that counts whole seconds may be on either side.
pub(super) const MARGIN: Ns = SECOND;
/// Allocations that are followed at most.
const ALLOCATIONS: usize = 4096;

/// The two ends of the 5-tuple, the server's address first.
pub(super) type Tuple = (SocketAddr, SocketAddr);

/// Whether something that ends lives at a time. Close to the end nobody can tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Life {
    Alive,
    AboutToEnd,
    Over,
}

impl Life {
    /// Of something that began, or was renewed, at `since` and lasts for `span`.
    pub(super) fn of(since: Ns, span: Ns, now: Ns) -> Self {
        if now + MARGIN < since + span {
            Life::Alive
        } else if now > since + span + MARGIN {
            Life::Over
        } else {
            Life::AboutToEnd
        }
    }
}

/// One allocation.
#[derive(Clone, Debug)]
pub(super) struct Allocation {
    /// The relayed transport addresses, one for each family.
    pub(super) relayed: Vec<SocketAddr>,
    /// The user that made it.
    pub(super) username: Option<String>,
    renewed: Ns,
    span: Ns,
    permissions: BTreeMap<IpAddr, Ns>,
    channels: BTreeMap<ChannelNumber, (SocketAddr, Ns)>,
}

impl Allocation {
    /// Whether it lives.
    pub(super) fn life(&self, now: Ns) -> Life {
        Life::of(self.renewed, self.span, now)
    }

    /// Whether a permission for this address lives, and for how long it has stood; `None` where there never was one.
    pub(super) fn permission(&self, peer: IpAddr, now: Ns) -> Option<(Life, Ns)> {
        self.permissions.get(&peer).map(|at| (Life::of(*at, PERMISSION, now), now - at))
    }

    /// Whether data from and to this address may be relayed.
    pub(super) fn permits(&self, peer: IpAddr, now: Ns) -> Life {
        let permission = self.permission(peer, now).map_or(Life::Over, |(life, _)| life);
        match (self.life(now), permission) {
            (Life::Over, _) | (_, Life::Over) => Life::Over,
            (Life::Alive, Life::Alive) => Life::Alive,
            _ => Life::AboutToEnd,
        }
    }

    /// The peer of a channel, and whether the binding lives.
    pub(super) fn channel(&self, number: ChannelNumber, now: Ns) -> Option<(SocketAddr, Life)> {
        self.channels.get(&number).map(|(peer, at)| (*peer, Life::of(*at, CHANNEL, now)))
    }

    /// The channel of a peer, and whether the binding lives. A peer that moved to another channel has the later one.
    pub(super) fn channel_of(&self, peer: SocketAddr, now: Ns) -> Option<(ChannelNumber, Life)> {
        let of_peer = self.channels.iter().filter(|(_, (bound, _))| *bound == peer);
        of_peer.max_by_key(|(_, (_, at))| *at).map(|(number, (_, at))| (*number, Life::of(*at, CHANNEL, now)))
    }

    /// The peer of a channel, and when it was bound last.
    pub(super) fn binding(&self, number: ChannelNumber) -> Option<(SocketAddr, Ns)> {
        self.channels.get(&number).copied()
    }

    /// The channels of a peer, and when each was bound last.
    pub(super) fn bindings_of(&self, peer: SocketAddr) -> impl Iterator<Item = (ChannelNumber, Ns)> {
        self.channels.iter().filter(move |(_, (bound, _))| *bound == peer).map(|(number, (_, at))| (*number, *at))
    }

    /// Whether it relays for addresses of the family of `peer`.
    pub(super) fn has_family_of(&self, peer: IpAddr) -> bool {
        self.relayed.iter().any(|relayed| relayed.is_ipv4() == peer.is_ipv4())
    }
}

/// The allocations of a server.
#[derive(Clone, Debug, Default)]
pub(super) struct Allocations {
    by_client: BTreeMap<Tuple, Allocation>,
}

impl Allocations {
    /// The allocation of a client, also one that is over.
    pub(super) fn of(&self, tuple: Tuple) -> Option<&Allocation> {
        self.by_client.get(&tuple)
    }

    /// The client and allocation that a relayed address belongs to; of several over time the one that lives, or was renewed last.
    pub(super) fn at(&self, relayed: SocketAddr) -> Option<(Tuple, &Allocation)> {
        let here = self.by_client.iter().filter(|(_, allocation)| allocation.relayed.contains(&relayed));
        here.max_by_key(|(_, allocation)| allocation.renewed + allocation.span).map(|(tuple, allocation)| (*tuple, allocation))
    }

    /// All of them.
    pub(super) fn iter(&self) -> impl Iterator<Item = (Tuple, &Allocation)> {
        self.by_client.iter().map(|(tuple, allocation)| (*tuple, allocation))
    }

    /// Takes a success response of the server into account.
    pub(super) fn datagram(&mut self, now: Ns, datagram: &Datagram<'_>) {
        let (Some(response), Some(answered)) = (datagram.stun(), datagram.before) else { return };
        if !datagram.sent || response.class() != Class::SuccessResponse || answered.by_subject {
            return;
        }
        self.success((datagram.local, datagram.remote), now, &answered.request(), response);
    }

    /// Takes a success response into account, on either side of the 5-tuple.
    pub(super) fn success(&mut self, tuple: Tuple, now: Ns, request: &Message<'_>, response: &Message<'_>) {
        if response.method() == Method::ALLOCATE {
            return self.made(tuple, now, request, response);
        }
        let Some(allocation) = self.by_client.get_mut(&tuple) else { return };
        match response.method() {
            Method::REFRESH => {
                let seconds = response.lifetime().ok().flatten().or(request.lifetime().ok().flatten()).unwrap_or(LIFETIME);
                if seconds == 0 {
                    let family = request.requested_address_family().ok().flatten();
                    // Without a family, or with the only one, all of it goes (RFC 8656 section 8.1).
                    allocation.relayed.retain(|relayed| family.is_some_and(|family| AddressFamily::of(relayed.ip()) != family));
                    if allocation.relayed.is_empty() {
                        self.by_client.remove(&tuple);
                    }
                } else {
                    (allocation.renewed, allocation.span) = (now, u64::from(seconds) * SECOND);
                }
            }
            Method::CREATE_PERMISSION => {
                for peer in request.xor_peer_addresses().flatten() {
                    allocation.permissions.insert(peer.ip(), now);
                }
            }
            Method::CHANNEL_BIND => {
                if let (Ok(Some(number)), Ok(Some(peer))) = (request.channel_number(), request.xor_peer_address()) {
                    allocation.channels.insert(ChannelNumber(number), (peer, now));
                    allocation.permissions.insert(peer.ip(), now);
                }
            }
            _ => {}
        }
    }

    fn made(&mut self, tuple: Tuple, now: Ns, request: &Message<'_>, response: &Message<'_>) {
        let relayed: Vec<SocketAddr> = response.xor_relayed_addresses().flatten().collect();
        let known = self.by_client.get(&tuple).filter(|known| known.relayed == relayed && known.life(now) != Life::Over);
        // A repeated response to a retransmitted request changes nothing.
        if known.is_some() || (self.by_client.len() == ALLOCATIONS && !self.by_client.contains_key(&tuple)) {
            return;
        }
        let seconds = response.lifetime().ok().flatten().unwrap_or(LIFETIME);
        self.by_client.insert(
            tuple,
            Allocation {
                relayed,
                username: request.username().ok().flatten().map(str::to_owned),
                renewed: now,
                span: u64::from(seconds) * SECOND,
                permissions: BTreeMap::new(),
                channels: BTreeMap::new(),
            },
        );
    }
}
