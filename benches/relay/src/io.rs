//! Datagrams in and out of a non-blocking socket, in one of three ways: one system call each, `recvmmsg`/`sendmmsg`, or GRO/GSO.
//!
//! Generator and null relays use the same code, so that they differ in what they do and not in how they talk to the kernel.

use nix::sys::socket::{
    ControlMessage, MsgFlags, MultiHeaders, SockaddrStorage, recvmmsg, sendmmsg, setsockopt,
    sockopt::{RcvBuf, SndBuf},
};
use quinn_udp::{BATCH_SIZE, RecvMeta, Transmit, UdpSockRef, UdpSocketState};
use schemars::JsonSchema;
use serde::Serialize;
use std::io::{self, ErrorKind, IoSlice, IoSliceMut};
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::AsRawFd as _;

/// How datagrams pass between a program and the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// `recvfrom` and `sendto`: one datagram a call.
    Plain,
    /// `recvmmsg` and `sendmmsg`: up to [`BATCH`] datagrams a call.
    Mmsg,
    /// GRO and GSO by way of quinn-udp: up to [`BATCH`] datagrams walk the network stack as one.
    Gso,
}

impl Mode {
    /// Name in commands and reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Mmsg => "mmsg",
            Self::Gso => "gso",
        }
    }
}

/// Most datagrams of one batch.
pub const BATCH: usize = 32;
/// What sockets are asked to buffer, in bytes; the kernel may give less (`net.core.rmem_max`).
pub const BUFFER: usize = 4 << 20;

/// Room for one datagram, or for what GRO makes of many.
const ROOM: usize = 65_535;
/// Room for one datagram of `recvmmsg`; longer ones are cut and then fail their check.
const SMALL_ROOM: usize = 2048;
/// Most bytes that GSO takes at once: an IP packet's worth.
const MOST_BYTES: usize = 60_000;

/// A socket and how it is used.
#[derive(Debug)]
pub struct Port {
    /// The socket, non-blocking.
    pub socket: UdpSocket,
    offload: Option<UdpSocketState>,
    mode: Mode,
}

impl Port {
    /// Binds `address`; port 0 takes a free one.
    ///
    /// # Errors
    /// What the system says: address in use, no such address, out of descriptors.
    pub fn bind(address: SocketAddr, mode: Mode) -> io::Result<Self> {
        let socket = UdpSocket::bind(address)?;
        // Less than asked for is no error: the environment in the report names the limits.
        setsockopt(&socket, RcvBuf, &BUFFER)?;
        setsockopt(&socket, SndBuf, &BUFFER)?;
        Self::new(socket, mode)
    }

    /// Uses a bound socket.
    ///
    /// # Errors
    /// When it cannot be made non-blocking.
    pub fn new(socket: UdpSocket, mode: Mode) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        let offload = if mode == Mode::Gso { Some(UdpSocketState::new(UdpSockRef::from(&socket))?) } else { None };
        Ok(Self { socket, offload, mode })
    }

    /// Receives what is there, at most [`BATCH`] times a full buffer; an empty inbox means that nothing was.
    ///
    /// # Errors
    /// What the system says, except that a refused datagram of ours (ICMP) is ignored.
    pub fn receive(&self, inbox: &mut Inbox) -> io::Result<()> {
        inbox.entries.clear();
        let received = match (&self.offload, self.mode) {
            (Some(offload), _) => inbox.receive_gro(&self.socket, offload),
            (None, Mode::Mmsg) => inbox.receive_mmsg(&self.socket),
            (None, _) => inbox.receive_one(&self.socket),
        };
        match received {
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted | ErrorKind::ConnectionRefused) => Ok(()),
            other => other,
        }
    }

    /// Sends what is gathered and empties the outbox. Returns how many datagrams the kernel refused.
    pub fn send(&self, outbox: &mut Outbox) -> u64 {
        let Some(destination) = outbox.destination.take() else { return 0 };
        let refused = match (&self.offload, self.mode) {
            (Some(offload), _) => outbox.send_gso(&self.socket, offload, destination),
            (None, Mode::Mmsg) => outbox.send_mmsg(&self.socket, destination),
            (None, _) => outbox.send_each(&self.socket, destination),
        };
        outbox.clear();
        refused
    }
}

/// Received datagrams.
#[derive(Debug, Default)]
pub struct Inbox {
    buffers: Vec<Vec<u8>>,
    entries: Vec<Entry>,
    headers: Option<MultiHeaders<SockaddrStorage>>,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    source: SocketAddr,
    buffer: usize,
    length: usize,
    /// Length of each datagram in the buffer but the last.
    stride: usize,
}

impl Inbox {
    /// An empty one for sockets of this mode.
    #[must_use]
    pub fn new(mode: Mode) -> Self {
        let (count, room) = match mode {
            Mode::Plain => (1, ROOM),
            Mode::Mmsg => (BATCH, SMALL_ROOM),
            Mode::Gso => (BATCH_SIZE, ROOM),
        };
        let headers = (mode == Mode::Mmsg).then(|| MultiHeaders::preallocate(BATCH, None));
        Self { buffers: vec![vec![0; room]; count], entries: Vec::with_capacity(count), headers }
    }

    /// Whether nothing was received.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The datagrams and where they come from.
    pub fn datagrams(&self) -> impl Iterator<Item = (SocketAddr, &[u8])> {
        self.entries.iter().flat_map(|entry| {
            let bytes = &self.buffers[entry.buffer][..entry.length];
            bytes.chunks(entry.stride.max(1)).map(|datagram| (entry.source, datagram))
        })
    }

    fn receive_one(&mut self, socket: &UdpSocket) -> io::Result<()> {
        let (length, source) = socket.recv_from(&mut self.buffers[0])?;
        self.entries.push(Entry { source, buffer: 0, length, stride: length });
        Ok(())
    }

    fn receive_mmsg(&mut self, socket: &UdpSocket) -> io::Result<()> {
        let headers = self.headers.get_or_insert_with(|| MultiHeaders::preallocate(BATCH, None));
        let mut slices: Vec<[IoSliceMut<'_>; 1]> = self.buffers.iter_mut().map(|buffer| [IoSliceMut::new(buffer)]).collect();
        let received = recvmmsg(socket.as_raw_fd(), headers, slices.iter_mut(), MsgFlags::MSG_DONTWAIT, None)?;
        for (buffer, message) in received.enumerate() {
            if let Some(source) = message.address.as_ref().and_then(socket_address) {
                self.entries.push(Entry { source, buffer, length: message.bytes, stride: message.bytes });
            }
        }
        Ok(())
    }

    fn receive_gro(&mut self, socket: &UdpSocket, offload: &UdpSocketState) -> io::Result<()> {
        let mut metas = [RecvMeta::default(); BATCH_SIZE];
        let mut slices: Vec<IoSliceMut<'_>> = self.buffers.iter_mut().map(|buffer| IoSliceMut::new(buffer)).collect();
        let count = offload.recv(UdpSockRef::from(socket), &mut slices, &mut metas)?;
        let entry = |(buffer, meta): (usize, &RecvMeta)| Entry { source: meta.addr, buffer, length: meta.len, stride: meta.stride };
        self.entries.extend(metas[..count].iter().enumerate().map(entry));
        Ok(())
    }
}

fn socket_address(address: &SockaddrStorage) -> Option<SocketAddr> {
    let v4 = address.as_sockaddr_in().map(|v4| SocketAddr::from((v4.ip(), v4.port())));
    v4.or_else(|| address.as_sockaddr_in6().map(|v6| SocketAddr::from((v6.ip(), v6.port()))))
}

/// Datagrams for one destination, gathered for one call.
#[derive(Debug, Default)]
pub struct Outbox {
    destination: Option<SocketAddr>,
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Outbox {
    /// Whether a datagram of `length` bytes may join the gathered ones.
    #[must_use]
    pub fn takes(&self, destination: SocketAddr, length: usize, mode: Mode) -> bool {
        match self.destination {
            None => true,
            // GSO cuts the bytes into equal pieces.
            Some(gathered) => {
                gathered == destination
                    && mode != Mode::Plain
                    && self.ends.len() < BATCH
                    && self.bytes.len() + length <= MOST_BYTES
                    && (mode == Mode::Mmsg || self.ends[0] == length)
            }
        }
    }

    /// Adds a datagram in parts; call [`Outbox::takes`] first.
    pub fn push(&mut self, destination: SocketAddr, parts: [&[u8]; 3]) {
        self.destination = Some(destination);
        parts.iter().for_each(|part| self.bytes.extend_from_slice(part));
        self.ends.push(self.bytes.len());
    }

    /// Forgets what is gathered.
    pub fn clear(&mut self) {
        self.destination = None;
        self.bytes.clear();
        self.ends.clear();
    }

    fn datagrams(&self) -> impl Iterator<Item = &[u8]> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, end)| &self.bytes[start..*end])
    }

    fn send_each(&self, socket: &UdpSocket, destination: SocketAddr) -> u64 {
        self.datagrams().map(|datagram| u64::from(socket.send_to(datagram, destination).is_err())).sum()
    }

    fn send_mmsg(&self, socket: &UdpSocket, destination: SocketAddr) -> u64 {
        let slices: Vec<[IoSlice<'_>; 1]> = self.datagrams().map(|datagram| [IoSlice::new(datagram)]).collect();
        let addresses = vec![Some(SockaddrStorage::from(destination)); slices.len()];
        let mut headers = MultiHeaders::preallocate(slices.len(), None);
        let no_control: [ControlMessage<'_>; 0] = [];
        let sent = sendmmsg(socket.as_raw_fd(), &mut headers, slices.iter(), addresses, no_control, MsgFlags::MSG_DONTWAIT);
        slices.len() as u64 - sent.map_or(0, |sent| sent.count() as u64)
    }

    fn send_gso(&self, socket: &UdpSocket, offload: &UdpSocketState, destination: SocketAddr) -> u64 {
        let length = self.ends[0];
        // A kernel without GSO takes one segment at a time.
        let most = offload.max_gso_segments().clamp(1, BATCH) * length;
        let send = |contents: &[u8]| {
            let segment_size = (contents.len() > length).then_some(length);
            let transmit = Transmit { destination, ecn: None, contents, segment_size, src_ip: None };
            if offload.try_send(UdpSockRef::from(socket), &transmit).is_ok() { 0 } else { contents.len().div_ceil(length) as u64 }
        };
        self.bytes.chunks(most.max(1)).map(send).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn carried(mode: Mode) {
        let loopback = SocketAddr::from(([127, 0, 0, 1], 0));
        let (from, to) = (Port::bind(loopback, mode).expect("a port"), Port::bind(loopback, mode).expect("a port"));
        let destination = to.socket.local_addr().expect("bound");
        let mut outbox = Outbox::default();
        for number in 0..8u8 {
            if !outbox.takes(destination, 3, mode) {
                assert_eq!(from.send(&mut outbox), 0);
            }
            outbox.push(destination, [&[number], &[7], &[7]]);
        }
        assert_eq!(from.send(&mut outbox), 0);
        let (mut inbox, mut arrived) = (Inbox::new(mode), Vec::new());
        loop {
            to.receive(&mut inbox).expect("received");
            if inbox.is_empty() {
                break;
            }
            arrived.extend(inbox.datagrams().map(|(source, bytes)| (source, bytes.to_vec())));
        }
        let source = from.socket.local_addr().expect("bound");
        assert_eq!(arrived, (0..8u8).map(|number| (source, vec![number, 7, 7])).collect::<Vec<_>>());
    }

    #[test]
    fn each_mode_carries_whole_datagrams_in_order() {
        carried(Mode::Plain);
        carried(Mode::Mmsg);
        carried(Mode::Gso);
    }
}
