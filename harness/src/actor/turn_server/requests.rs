//! Allocate, Refresh, CreatePermission and ChannelBind (RFC 8656 sections 7.2, 8.2, 10.2 and 12.2).

use super::allocation::{Allocation, FiveTuple};
use super::authentication::User;
use super::ports::Parity;
use super::reply::{Answer, Refusal};
use super::{F, TurnServer, V};
use iut::{Ns, SECOND};
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use wire::stun::{AddressFamily, Attribute, AttributeType as T, ErrorCode, Message};

/// Default lifetime of an allocation in seconds (RFC 8656 section 3.2).
const DEFAULT_LIFETIME: u32 = 600;
/// The longest lifetime in seconds that RFC 8656 section 7.2 recommends to grant.
const LONGEST_LIFETIME: u32 = 3_600;
/// RFC 8656 section 9.
const PERMISSION_LIFETIME: Ns = 300 * SECOND;
/// What a server grants that is wrong about it.
const SHORT_PERMISSION: Ns = 60 * SECOND;
/// RFC 8656 section 12.
const CHANNEL_LIFETIME: Ns = 600 * SECOND;
/// RFC 8656 section 7.2: at least 30 s.
const RESERVATION: Ns = 30 * SECOND;
/// Longer than any case.
const FOR_EVER: Ns = Ns::MAX;
/// Allocations of one user (RFC 8656 section 7.2: by user name, not by address).
const QUOTA: usize = 32;
/// The protocol number of UDP.
const UDP: u8 = 17;

/// Relayed transport addresses, whether one of two is missing, and the token of a reservation.
type Choice = (Vec<SocketAddr>, bool, Option<[u8; 8]>);

/// An attribute that has to be readable where it is there.
fn readable<V>(value: Result<Option<V>, wire::Malformed>) -> Result<Option<V>, Refusal> {
    value.map_err(|_| Refusal::code(400))
}

impl TurnServer {
    pub(super) fn allocate(&mut self, now: Ns, tuple: FiveTuple, request: &Message<'_>, user: &User) -> Answer {
        if self.varied(V::TransportBeforeTuple) {
            self.check_transport(request)?;
        }
        if let Some(own) = self.allocations.get(tuple) {
            if own.transaction == request.transaction_id() && !self.wrong(F::RetransmissionRefused) {
                return Ok(self.allocated(now, tuple));
            }
            if !self.wrong(F::SecondAllocationGranted) {
                return Err(Refusal::code(437));
            }
            self.delete(tuple);
        }
        self.check_transport(request)?;
        self.check_combination(request)?;
        if self.allocations.count_of(&user.username) >= QUOTA {
            return Err(Refusal::code(486));
        }
        let (relayed, half, token) = self.choose(now, request)?;
        let lifetime = self.lifetime(readable(request.lifetime())?);
        let allocation = Allocation {
            relayed,
            half,
            username: user.username.clone(),
            transaction: request.transaction_id(),
            token,
            expires: if self.wrong(F::AllocationNeverEnds) { FOR_EVER } else { now + Ns::from(lifetime) * SECOND },
            permissions: BTreeMap::new(),
            channels: BTreeMap::new(),
        };
        self.allocations.insert(tuple, allocation);
        Ok(self.allocated(now, tuple))
    }

    fn check_transport(&self, request: &Message<'_>) -> Result<(), Refusal> {
        match request.requested_transport() {
            Ok(Some(UDP)) => Ok(()),
            Ok(Some(_)) => Err(Refusal::code(if self.wrong(F::OtherTransportGets400) { 400 } else { 442 })),
            _ if self.wrong(F::TransportNotNeeded) => Ok(()),
            _ => Err(Refusal::code(400)),
        }
    }

    /// Attributes that exclude each other, in the order of RFC 8656 section 7.2.
    fn check_combination(&self, request: &Message<'_>) -> Result<(), Refusal> {
        let has = |kind| request.has(kind);
        let token = has(T::RESERVATION_TOKEN) && !self.wrong(F::TokenCombined);
        let additional = has(T::ADDITIONAL_ADDRESS_FAMILY);
        let reserve = readable(request.even_port())? == Some(true);
        let wrong = [
            token && (has(T::EVEN_PORT) || has(T::REQUESTED_ADDRESS_FAMILY) || additional),
            has(T::REQUESTED_ADDRESS_FAMILY) && additional,
            reserve && additional,
            additional && readable(request.additional_address_family())? != Some(AddressFamily::IPV6),
        ];
        if wrong.contains(&true) { Err(Refusal::code(400)) } else { Ok(()) }
    }

    /// The relayed transport addresses, whether one of two is missing, and the token of a reservation.
    fn choose(&mut self, now: Ns, request: &Message<'_>) -> Result<Choice, Refusal> {
        if let Some(token) = readable(request.reservation_token())? {
            if let Some(reserved) = self.ports.claim(token) {
                return Ok((vec![reserved], false, None));
            }
            if !self.wrong(F::TokenUnchecked) && !self.wrong(F::TokenCombined) {
                return Err(Refusal::code(508));
            }
        }
        if request.has(T::ADDITIONAL_ADDRESS_FAMILY) {
            let both: Vec<SocketAddr> = [true, false].into_iter().filter_map(|ipv4| self.take(ipv4, Parity::Any, false).ok()).collect();
            return if both.is_empty() { Err(Refusal::code(508)) } else { Ok((both.clone(), both.len() == 1, None)) };
        }
        let ipv4 = match readable(request.requested_address_family())? {
            _ if self.wrong(F::FamilyIgnored) => true,
            None | Some(AddressFamily::IPV4) => true,
            Some(AddressFamily::IPV6) => false,
            Some(_) => return Err(Refusal::code(440)),
        };
        let even = readable(request.even_port())?;
        let parity = match even {
            Some(_) if self.wrong(F::OddPort) => Parity::Odd,
            Some(_) => Parity::Even,
            None => Parity::Any,
        };
        let relayed = self.take(ipv4, parity, even == Some(true))?;
        let token = (even == Some(true) && !self.wrong(F::ReservationMissing)).then(|| self.reserve(now, relayed));
        Ok((vec![relayed], false, token))
    }

    fn take(&mut self, ipv4: bool, parity: Parity, pair: bool) -> Result<SocketAddr, Refusal> {
        let address = self.ports.address(ipv4).ok_or_else(|| Refusal::code(440))?;
        if self.wrong(F::LowPorts) {
            return Ok(self.ports.take_low(address));
        }
        self.ports.take(&mut self.rng, address, parity, pair).ok_or_else(|| Refusal::code(508))
    }

    fn reserve(&mut self, now: Ns, relayed: SocketAddr) -> [u8; 8] {
        let token = std::array::from_fn(|_| self.rng.below(256) as u8);
        let hold = match (self.wrong(F::ReservationLost), self.varied(V::LongReservation)) {
            (true, _) => SECOND,
            (_, true) => CHANNEL_LIFETIME,
            _ => RESERVATION,
        };
        self.ports.reserve(token, SocketAddr::new(relayed.ip(), relayed.port().wrapping_add(1)), now + hold + SECOND);
        token
    }

    /// RFC 8656 sections 7.2 and 8.2: not below the default, not above the maximum.
    fn lifetime(&self, asked: Option<u32>) -> u32 {
        let longest = if self.varied(V::DefaultLifetimeOnly) { DEFAULT_LIFETIME } else { LONGEST_LIFETIME };
        match asked {
            Some(asked) if self.wrong(F::LifetimeUnbounded) => asked.max(DEFAULT_LIFETIME),
            Some(asked) if self.wrong(F::ShortLifetimeGranted) => asked.min(longest),
            Some(asked) => asked.min(longest).max(DEFAULT_LIFETIME),
            None => DEFAULT_LIFETIME,
        }
    }

    /// What a success response to Allocate says.
    fn allocated(&self, now: Ns, tuple: FiveTuple) -> Vec<Attribute<'static>> {
        let Some(own) = self.allocations.get(tuple) else { return Vec::new() };
        let mut attributes: Vec<_> = own.relayed.iter().map(|relayed| Attribute::XorRelayedAddress(*relayed)).collect();
        if own.half {
            let family = if own.relayed.iter().any(SocketAddr::is_ipv4) { AddressFamily::IPV6 } else { AddressFamily::IPV4 };
            let reason = wire::stun::error_reason(440).unwrap_or_default();
            attributes.push(Attribute::AddressErrorCode { family, error: ErrorCode { code: 440, reason } });
        }
        if !self.wrong(F::AllocatedWithoutLifetime) {
            attributes.push(self.lifetime_left(now, own));
        }
        attributes.extend(own.token.map(Attribute::ReservationToken));
        attributes.push(self.mapped(tuple));
        attributes
    }

    fn lifetime_left(&self, now: Ns, own: &Allocation) -> Attribute<'static> {
        let left = if own.expires == FOR_EVER { u64::from(DEFAULT_LIFETIME) } else { (own.expires - now).div_ceil(SECOND) };
        let more = if self.wrong(F::LifetimeOverstated) { 60 } else { 0 };
        Attribute::Lifetime(u32::try_from(left).unwrap_or(u32::MAX).saturating_add(more))
    }

    pub(super) fn refresh(&mut self, now: Ns, tuple: FiveTuple, request: &Message<'_>, user: &User) -> Answer {
        if !self.owns(tuple, user)? {
            return Ok(vec![Attribute::Lifetime(DEFAULT_LIFETIME)]);
        }
        let family = readable(request.requested_address_family())?.filter(|_| !self.wrong(F::RefreshFamilyIgnored));
        let asked = readable(request.lifetime())?;
        let asked = if self.wrong(F::HeedsWhatFollowsIntegrity) { last_lifetime(request).or(asked) } else { asked };
        let lifetime = if asked == Some(0) { 0 } else { self.lifetime(asked) };
        let ignored = self.wrong(F::DeletionIgnored);
        let Some(own) = self.allocations.get_mut(tuple) else { return Err(Refusal::code(437)) };
        let named = |relayed: &SocketAddr| family.is_none_or(|family| (family == AddressFamily::IPV4) == relayed.is_ipv4());
        if !own.relayed.iter().any(named) {
            return Err(Refusal::code(443));
        }
        if lifetime > 0 {
            own.expires = now + Ns::from(lifetime) * SECOND;
        } else if !ignored {
            let (gone, left): (Vec<_>, Vec<_>) = own.relayed.iter().copied().partition(named);
            own.relayed = left;
            let empty = own.relayed.is_empty();
            gone.into_iter().for_each(|relayed| self.ports.release(relayed));
            if empty {
                self.delete(tuple);
            }
        }
        Ok(vec![Attribute::Lifetime(lifetime)])
    }

    fn delete(&mut self, tuple: FiveTuple) {
        let gone = self.allocations.remove(tuple);
        gone.into_iter().flat_map(|gone| gone.relayed).for_each(|relayed| self.ports.release(relayed));
    }

    /// Whether there is an allocation of this user.
    fn owns(&self, tuple: FiveTuple, user: &User) -> Result<bool, Refusal> {
        match self.allocations.get(tuple) {
            None if self.wrong(F::AllocationNotNeeded) => Ok(false),
            None => Err(Refusal::code(437)),
            Some(own) if own.username != user.username && !self.wrong(F::OtherUserServed) => Err(Refusal::code(441)),
            Some(_) => Ok(true),
        }
    }

    pub(super) fn create_permission(&mut self, now: Ns, tuple: FiveTuple, request: &Message<'_>, user: &User) -> Answer {
        if !self.owns(tuple, user)? {
            return Ok(Vec::new());
        }
        let peers: Result<Vec<SocketAddr>, _> = request.xor_peer_addresses().collect();
        let mut peers = peers.map_err(|_| Refusal::code(400))?;
        if peers.is_empty() && !self.wrong(F::PermissionWithoutPeer) {
            return Err(Refusal::code(400));
        }
        for peer in &peers {
            self.check_peer(tuple, *peer)?;
        }
        if self.wrong(F::OnlyFirstPeerPermitted) {
            peers.truncate(1);
        }
        for peer in peers {
            self.permit(now, tuple, peer);
        }
        Ok(Vec::new())
    }

    /// 443 for a family that is not relayed, 403 for addresses that are no peers (RFC 8656 section 21).
    fn check_peer(&self, tuple: FiveTuple, peer: SocketAddr) -> Result<(), Refusal> {
        let family = self.allocations.get(tuple).and_then(|own| own.relayed_like(peer.ip()));
        if family.is_none() && !self.wrong(F::PeerFamilyUnchecked) {
            return Err(Refusal::code(443));
        }
        if is_no_peer(peer.ip()) && !self.wrong(F::SpecialPeersAccepted) { Err(Refusal::code(403)) } else { Ok(()) }
    }

    pub(super) fn permit(&mut self, now: Ns, tuple: FiveTuple, peer: SocketAddr) {
        let until = match (self.wrong(F::PermissionNeverEnds), self.wrong(F::PermissionTooShort)) {
            (true, _) => FOR_EVER,
            (_, true) => now + SHORT_PERMISSION,
            _ => now + PERMISSION_LIFETIME,
        };
        if let Some(own) = self.allocations.get_mut(tuple) {
            own.permissions.insert(peer.ip(), (peer.port(), until));
        }
    }

    pub(super) fn channel_bind(&mut self, now: Ns, tuple: FiveTuple, request: &Message<'_>, user: &User) -> Answer {
        let owned = self.owns(tuple, user)?;
        let (number, peer) = (readable(request.channel_number())?, readable(request.xor_peer_address())?);
        let (Some(number), Some(peer)) = (number, peer) else { return Err(Refusal::code(400)) };
        if !(0x4000..=0x4fff).contains(&number) && !self.wrong(F::ChannelNumberUnchecked) {
            return Err(Refusal::code(400));
        }
        if !owned {
            return Ok(Vec::new());
        }
        self.check_binding(tuple, number, peer)?;
        self.check_peer(tuple, peer)?;
        let until = if self.wrong(F::ChannelNeverEnds) { FOR_EVER } else { now + CHANNEL_LIFETIME };
        if let Some(own) = self.allocations.get_mut(tuple) {
            own.channels.insert(number, (peer, until));
        }
        if !self.wrong(F::ChannelWithoutPermission) {
            self.permit(now, tuple, peer);
        }
        Ok(Vec::new())
    }

    /// A number has one peer, and a peer one number.
    fn check_binding(&self, tuple: FiveTuple, number: u16, peer: SocketAddr) -> Result<(), Refusal> {
        let Some(own) = self.allocations.get(tuple) else { return Ok(()) };
        let taken = own.channels.get(&number).is_some_and(|(bound, _)| *bound != peer);
        let twice = own.channel_of(peer).is_some_and(|bound| bound != number);
        let wrong = taken && !self.wrong(F::ChannelRebound) || twice && !self.wrong(F::PeerBoundTwice);
        if wrong { Err(Refusal::code(400)) } else { Ok(()) }
    }
}

/// Addresses that no datagram may be relayed to: they mean the server itself, its own network, a group, or a tunnel (RFC 8656 section 21.4).
fn is_no_peer(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.is_loopback() || v4.is_unspecified() || v4.is_multicast() || v4.is_broadcast() || v4.is_link_local(),
        IpAddr::V6(v6) => {
            let link_local = v6.segments()[0] & 0xffc0 == 0xfe80;
            v6.is_loopback() || v6.is_unspecified() || v6.is_multicast() || link_local || is_tunnelled(v6)
        }
    }
}

/// 6to4, Teredo, and IPv4 written as IPv6.
fn is_tunnelled(address: Ipv6Addr) -> bool {
    let [first, second, ..] = address.segments();
    let compatible = address.segments()[..6] == [0; 6];
    first == 0x2002 || first == 0x2001 && second == 0 || address.to_ipv4_mapped().is_some() || compatible
}

/// LIFETIME wherever it stands.
fn last_lifetime(request: &Message<'_>) -> Option<u32> {
    let last = request.attributes().filter(|attribute| attribute.kind == T::LIFETIME).last()?;
    last.value.try_into().ok().map(u32::from_be_bytes)
}
