//! What passes between clients and peers (RFC 8656 sections 11 and 12).

use super::allocation::FiveTuple;
use super::{F, TurnServer};
use iut::{IcmpError, IcmpKind, Ns};
use std::net::SocketAddr;
use wire::channel_data::ChannelData;
use wire::stun::build::RawBuilder;
use wire::stun::{Attribute, AttributeType as T, Class, Icmp, Message, Method, TransactionId};

impl TurnServer {
    /// RFC 8656 section 11.2.
    pub(super) fn send_indication(&mut self, now: Ns, tuple: FiveTuple, message: &Message<'_>) {
        let known = [T::XOR_PEER_ADDRESS, T::DATA];
        let strange = !message.unknown_comprehension_required(|kind| known.contains(&kind)).is_empty();
        let Ok(Some(peer)) = message.xor_peer_address() else { return };
        let data = match message.data() {
            Ok(Some(data)) => data,
            Ok(None) if self.wrong(F::SendWithoutDataRelayed) => &[],
            _ => return,
        };
        let Some(own) = self.allocations.get(tuple).filter(|_| !strange) else { return };
        let permitted = own.permissions.contains_key(&peer.ip()) || self.wrong(F::PermissionNotNeededOutbound);
        if let Some(relayed) = own.relayed_like(peer.ip()).filter(|_| permitted) {
            self.relay_to_peer(now, tuple, relayed, peer, data);
        }
    }

    /// RFC 8656 section 12.6.
    pub(super) fn channel_data(&mut self, now: Ns, tuple: FiveTuple, bytes: &[u8]) {
        let Ok(message) = ChannelData::parse_lenient(bytes) else { return };
        let short = message.data.len() < usize::from(message.length);
        if short && !self.wrong(F::ShortChannelDataRelayed) || message.data.is_empty() && self.wrong(F::EmptyChannelDataDropped) {
            return;
        }
        let Some(own) = self.allocations.get(tuple) else { return };
        let bound = own.channels.get(&message.number.0);
        let any = own.channels.values().next().filter(|_| self.wrong(F::UnboundChannelRelayed));
        let Some((peer, _)) = bound.or(any).copied() else { return };
        if let Some(relayed) = own.relayed_like(peer.ip()) {
            self.relay_to_peer(now, tuple, relayed, peer, message.data);
        }
    }

    fn relay_to_peer(&mut self, now: Ns, tuple: FiveTuple, relayed: SocketAddr, peer: SocketAddr, data: &[u8]) {
        if self.wrong(F::TrafficExtendsPermission) {
            self.permit(now, tuple, peer);
        }
        let mut data = data.to_vec();
        if self.wrong(F::ToPeerPadded) {
            data.push(0);
        }
        self.send(relayed, peer, data);
    }

    /// RFC 8656 sections 11.3 and 12.5.
    pub(super) fn relay_to_client(&mut self, relayed: SocketAddr, peer: SocketAddr, data: &[u8]) {
        let Some(tuple) = self.allocations.owner(relayed) else { return };
        let Some(own) = self.allocations.get(tuple) else { return };
        let one_port = self.wrong(F::PermissionForOnePort);
        let permitted = own.permissions.get(&peer.ip()).is_some_and(|(port, _)| !one_port || *port == peer.port());
        if !permitted && !self.wrong(F::PermissionNotNeededInbound) {
            return;
        }
        let channel = own.channel_of(peer).filter(|_| !self.wrong(F::ChannelNotUsed));
        let data = if self.wrong(F::ToClientCut) { &data[..data.len().min(4)] } else { data };
        let bytes = match (channel, u16::try_from(data.len())) {
            (Some(number), Ok(length)) => wire::channel_data::build_raw(number, length, data, &[]),
            _ => self.data_indication(peer, &Attribute::Data(data)),
        };
        self.send(tuple.server, tuple.client, bytes);
    }

    fn data_indication(&mut self, peer: SocketAddr, content: &Attribute<'_>) -> Vec<u8> {
        let id = TransactionId(std::array::from_fn(|_| self.rng.below(256) as u8));
        let mut builder = RawBuilder::new(Class::Indication, Method::DATA, id);
        if !self.wrong(F::DataWithoutPeer) {
            builder = builder.attribute(&Attribute::XorPeerAddress(peer));
        }
        if !(self.wrong(F::IcmpAttributeMissing) && matches!(content, Attribute::Icmp(_))) {
            builder = builder.attribute(content);
        }
        builder.build()
    }

    /// RFC 8656 section 11.5: the peer is the one that the error quotes, whoever reports it.
    pub(super) fn relay_icmp(&mut self, error: &IcmpError) {
        let Some(tuple) = self.allocations.owner(error.local) else { return };
        let Some(own) = self.allocations.get(tuple) else { return };
        if !own.permissions.contains_key(&error.remote.ip()) && !self.wrong(F::IcmpWithoutPermission) {
            return;
        }
        let content = Attribute::Icmp(icmp(error));
        let bytes = self.data_indication(error.remote, &content);
        self.send(tuple.server, tuple.client, bytes);
    }
}

/// Type, code and error data as they stand in ICMP or ICMPv6 (RFC 8656 section 18.13).
fn icmp(error: &IcmpError) -> Icmp {
    let (icmp_type, code, error_data) = match (error.kind, error.remote.is_ipv4()) {
        (IcmpKind::PortUnreachable, true) => (3, 3, 0),
        (IcmpKind::PortUnreachable, false) => (1, 4, 0),
        (IcmpKind::HostUnreachable, true) => (3, 1, 0),
        (IcmpKind::HostUnreachable, false) => (1, 3, 0),
        (IcmpKind::AdministrativelyProhibited, true) => (3, 13, 0),
        (IcmpKind::AdministrativelyProhibited, false) => (1, 1, 0),
        (IcmpKind::PacketTooBig { mtu }, true) => (3, 4, u32::from(mtu)),
        (IcmpKind::PacketTooBig { mtu }, false) => (2, 0, u32::from(mtu)),
        (IcmpKind::TimeExceeded, true) => (11, 0, 0),
        (IcmpKind::TimeExceeded, false) => (3, 0, 0),
    };
    Icmp { icmp_type, code, error_data }
}
