//! The null relay: the least that a TURN server can do between two sockets. Its cost is the floor that other servers are compared with.
//!
//! It answers Allocate, Refresh, CreatePermission and ChannelBind and forwards ChannelData and indications, for any client and without credentials,
//! permissions or expiry.
//! That is no TURN server to run anywhere: it lives for a benchmark on addresses of this host.

use crate::carrier::Frame;
use crate::channel::{self, channel_data};
use crate::indication::{self, Kind, indication};
use crate::io::{BATCH, Inbox, Mode, Outbox, Port};
use crate::table::{Ready, Table};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use wire::stun::AddressFamily;

/// How long an idle relay sleeps before it looks at its stop flag, in ms.
pub(crate) const NAP: u16 = 50;
/// Batches from one socket before the others have their turn.
const TURNS: usize = 8;

/// Relays until `stop` is set.
///
/// # Errors
/// When the system takes no more sockets to wait for, or a socket fails.
pub fn serve(listener: Port, mode: Mode, stop: &AtomicBool) -> io::Result<()> {
    let table = Table::new(&listener, mode)?;
    let turns = TURNS * if mode == Mode::Plain { BATCH } else { 1 };
    let mut relay = Relay { mode, turns, listener, table, inbox: Inbox::new(mode), outbox: Outbox::default(), indications: 0 };
    while !stop.load(Ordering::Relaxed) {
        for ready in relay.table.wait(NAP)? {
            match ready {
                Ready::Listener => relay.serve_clients()?,
                Ready::Allocation(index) => relay.serve_peers(index)?,
            }
        }
    }
    Ok(())
}

/// Where a server of ours on `own` relays from: the same address, or on loopback that of the other family.
#[must_use]
pub fn relay_ip(own: IpAddr, family: AddressFamily) -> Option<IpAddr> {
    match family {
        same if AddressFamily::of(own) == same => Some(own),
        AddressFamily::IPV4 if own.is_loopback() => Some(Ipv4Addr::LOCALHOST.into()),
        AddressFamily::IPV6 if own.is_loopback() => Some(Ipv6Addr::LOCALHOST.into()),
        _ => None,
    }
}

struct Relay {
    mode: Mode,
    turns: usize,
    listener: Port,
    table: Table,
    inbox: Inbox,
    outbox: Outbox,
    /// Data indications so far.
    indications: u64,
}

impl Relay {
    fn serve_clients(&mut self) -> io::Result<()> {
        let mut inbox = std::mem::take(&mut self.inbox);
        // What is gathered always leaves by the socket of one allocation.
        let mut gathered = 0;
        for _ in 0..self.turns {
            self.listener.receive(&mut inbox)?;
            if inbox.is_empty() {
                break;
            }
            for (client, datagram) in inbox.datagrams() {
                if let Some((channel, payload)) = channel_data(datagram) {
                    self.gather(self.table.peer(client, channel), payload, &mut gathered);
                } else if let Some((peer, payload)) = indication(Kind::Send, datagram) {
                    self.gather(self.table.index(client).map(|index| (index, peer)), payload, &mut gathered);
                } else {
                    // A request may end an allocation, and give its number to another: nothing gathered may wait for that.
                    self.flush(gathered);
                    self.answer(client, datagram);
                }
            }
        }
        self.flush(gathered);
        self.inbox = inbox;
        Ok(())
    }

    fn gather(&mut self, way: Option<(usize, SocketAddr)>, payload: &[u8], gathered: &mut usize) {
        let Some((index, peer)) = way else { return };
        if *gathered != index || !self.outbox.takes(peer, payload.len(), self.mode) {
            self.flush(*gathered);
        }
        *gathered = index;
        self.outbox.push(peer, [payload, &[], &[]]);
    }

    fn flush(&mut self, index: usize) {
        match self.table.allocation(index) {
            // Like any router, the relay drops what the kernel does not take.
            Some(allocation) => drop(allocation.port.send(&mut self.outbox)),
            None => self.outbox.clear(),
        }
    }

    fn answer(&mut self, client: SocketAddr, datagram: &[u8]) {
        if let Some(response) = self.table.request(client, datagram) {
            // The client repeats a request whose answer is lost.
            let _ = self.listener.socket.send_to(&response, client);
        }
    }

    fn serve_peers(&mut self, index: usize) -> io::Result<()> {
        let Some(allocation) = self.table.allocation(index) else { return Ok(()) };
        for _ in 0..self.turns {
            allocation.port.receive(&mut self.inbox)?;
            if self.inbox.is_empty() {
                break;
            }
            for (peer, payload) in self.inbox.datagrams() {
                let frame = match allocation.peers.get(&peer) {
                    Some(channel) => channel::frame(*channel, payload.len()),
                    None => Self::data_indication(&mut self.indications, peer, payload.len()),
                };
                let parts = [frame.head(), payload, frame.tail()];
                if !self.outbox.takes(allocation.client, parts.iter().map(|part| part.len()).sum(), self.mode) {
                    self.listener.send(&mut self.outbox);
                }
                self.outbox.push(allocation.client, parts);
            }
        }
        self.listener.send(&mut self.outbox);
        Ok(())
    }

    /// Transaction ids are numbers: nobody answers, and they only have to differ.
    fn data_indication(number: &mut u64, peer: SocketAddr, length: usize) -> Frame {
        *number += 1;
        let mut id = [0; 12];
        id[4..].copy_from_slice(&number.to_be_bytes());
        indication::frame(Kind::Data, id, peer, length)
    }
}
