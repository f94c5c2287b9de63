//! The sockets of one asynchronous node: what [`iut::Network`] is under the drivers that have an executor.
//!
//! A [`SocketTable`] knows nothing of the network behind it. What a node sends goes to the callback that the driver gave; what arrives for the node is
//! handed in with [`SocketTable::deliver`]. Life cycle: the driver makes a table for each node, hands [`SocketTable::network`] to it, and calls
//! [`SocketTable::close`] when the node crashes or the case ends; after that the table refuses everything, so a task that survives can do no harm.
//!
//! Deliberately absent: connected sockets, ICMP errors on sockets (an unconnected UDP socket does not report them), dual-stack sockets (`::` receives IPv6
//! only), multicast, TCP.

use bytes::Bytes;
use iut::{DatagramSocket, Network};
use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};

/// Datagrams that wait in one socket until further ones are dropped.
pub const INBOX_CAPACITY: usize = 4096;

/// The first port that a bind to port 0 gets (RFC 6335 section 6, dynamic ports).
pub const FIRST_DYNAMIC_PORT: u16 = 49152;

/// Largest payload of a UDP datagram over IPv4 in bytes.
const MAX_PAYLOAD: usize = 65_507;

/// The sockets of one node. Clones are the same table.
#[derive(Clone)]
pub struct SocketTable(Arc<Shared>);

struct Shared {
    state: Mutex<State>,
    /// Apart from the state, so that the driver may look at the table from within the callback.
    transmit: Mutex<Transmit>,
}

type Transmit = Box<dyn FnMut(SocketAddr, SocketAddr, Bytes) + Send>;

struct State {
    addresses: Vec<IpAddr>,
    sockets: BTreeMap<SocketAddr, Inbox>,
    next_port: u16,
    next_generation: u64,
    dropped: u64,
    closed: bool,
}

struct Inbox {
    /// Tells a socket from an earlier one on the same address.
    generation: u64,
    queue: VecDeque<(SocketAddr, Bytes)>,
    waiting: Vec<Waker>,
}

impl SocketTable {
    /// A table for a node that owns `addresses`. `transmit` takes what the node sends: local address, remote address, payload.
    pub fn new(addresses: Vec<IpAddr>, transmit: impl FnMut(SocketAddr, SocketAddr, Bytes) + Send + 'static) -> Self {
        let state =
            State { addresses, sockets: BTreeMap::new(), next_port: FIRST_DYNAMIC_PORT, next_generation: 0, dropped: 0, closed: false };
        Self(Arc::new(Shared { state: Mutex::new(state), transmit: Mutex::new(Box::new(transmit)) }))
    }

    /// The node's view of the table.
    pub fn network(&self) -> Arc<dyn Network> {
        Arc::new(self.clone())
    }

    /// Hands in a datagram that arrived for the node. False means that nobody listens there, and that the driver may answer with ICMP port unreachable.
    pub fn deliver(&self, local: SocketAddr, remote: SocketAddr, bytes: Bytes) -> bool {
        let mut state = self.0.lock();
        let Some(bound) = state.listener(local) else { return false };
        let inbox = state.sockets.get_mut(&bound).expect("a listener is in the table");
        if inbox.queue.len() >= INBOX_CAPACITY {
            state.dropped += 1;
            return true;
        }
        inbox.queue.push_back((remote, bytes));
        let waiting = std::mem::take(&mut inbox.waiting);
        drop(state);
        waiting.into_iter().for_each(Waker::wake);
        true
    }

    /// Whether somebody listens at this address.
    pub fn listens(&self, local: SocketAddr) -> bool {
        self.0.lock().listener(local).is_some()
    }

    /// Replaces the addresses that the node owns. Sockets bound to a lost address stay open, and can neither send nor receive.
    pub fn set_addresses(&self, addresses: Vec<IpAddr>) {
        self.0.lock().addresses = addresses;
    }

    /// How many datagrams were dropped because an inbox was full.
    pub fn dropped(&self) -> u64 {
        self.0.lock().dropped
    }

    /// Whether no socket is open.
    pub fn is_empty(&self) -> bool {
        self.0.lock().sockets.is_empty()
    }

    /// Closes every socket and refuses new ones.
    pub fn close(&self) {
        let mut state = self.0.lock();
        state.closed = true;
        let sockets = std::mem::take(&mut state.sockets);
        drop(state);
        sockets.into_values().flat_map(|inbox| inbox.waiting).for_each(Waker::wake);
    }
}

impl Network for SocketTable {
    fn bind(&self, local: SocketAddr) -> io::Result<Arc<dyn DatagramSocket>> {
        let (local, generation) = self.0.lock().bind(local)?;
        Ok(Arc::new(Socket { shared: Arc::clone(&self.0), local, generation }))
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // A panic inside a node unwinds through its task only; the table is consistent between statements.
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl State {
    fn bind(&mut self, wanted: SocketAddr) -> io::Result<(SocketAddr, u64)> {
        if self.closed {
            return Err(closed());
        }
        // Scope and flow label of an IPv6 socket address would make two keys of one address.
        let mut local = SocketAddr::new(wanted.ip(), wanted.port());
        if !local.ip().is_unspecified() && !self.addresses.contains(&local.ip()) {
            return Err(io::Error::new(io::ErrorKind::AddrNotAvailable, format!("the node does not own {}", local.ip())));
        }
        if local.port() == 0 {
            local.set_port(self.free_port(local.ip())?);
        } else if self.is_taken(local) {
            return Err(io::Error::new(io::ErrorKind::AddrInUse, format!("{local} is taken")));
        }
        let generation = self.next_generation;
        self.next_generation += 1;
        self.sockets.insert(local, Inbox { generation, queue: VecDeque::new(), waiting: Vec::new() });
        Ok((local, generation))
    }

    fn free_port(&mut self, ip: IpAddr) -> io::Result<u16> {
        for _ in FIRST_DYNAMIC_PORT..=u16::MAX {
            let port = self.next_port;
            self.next_port = port.checked_add(1).unwrap_or(FIRST_DYNAMIC_PORT);
            if !self.is_taken(SocketAddr::new(ip, port)) {
                return Ok(port);
            }
        }
        Err(io::Error::new(io::ErrorKind::AddrInUse, "all dynamic ports are taken"))
    }

    /// An unspecified address takes the port of every address of its family.
    fn is_taken(&self, local: SocketAddr) -> bool {
        if local.ip().is_unspecified() {
            return self.sockets.keys().any(|bound| bound.port() == local.port() && bound.is_ipv4() == local.is_ipv4());
        }
        self.sockets.contains_key(&local) || self.sockets.contains_key(&SocketAddr::new(unspecified(local.ip()), local.port()))
    }

    fn listener(&self, local: SocketAddr) -> Option<SocketAddr> {
        if !self.addresses.contains(&local.ip()) {
            return None;
        }
        let exact = SocketAddr::new(local.ip(), local.port());
        [exact, SocketAddr::new(unspecified(local.ip()), local.port())].into_iter().find(|bound| self.sockets.contains_key(bound))
    }

    /// The address that a datagram from this socket carries: its own, or the node's first of the right family.
    fn source(&self, bound: SocketAddr, remote: SocketAddr) -> io::Result<SocketAddr> {
        if bound.is_ipv4() != remote.is_ipv4() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, format!("{bound} cannot send to {remote}: other address family")));
        }
        let ip = if bound.ip().is_unspecified() {
            self.addresses.iter().find(|ip| ip.is_ipv4() == remote.is_ipv4())
        } else {
            self.addresses.iter().find(|ip| **ip == bound.ip())
        };
        let ip = ip.ok_or_else(|| io::Error::new(io::ErrorKind::AddrNotAvailable, format!("the node has no address for {bound}")))?;
        Ok(SocketAddr::new(*ip, bound.port()))
    }
}

fn unspecified(like: IpAddr) -> IpAddr {
    match like {
        IpAddr::V4(_) => IpAddr::from([0; 4]),
        IpAddr::V6(_) => IpAddr::from([0; 16]),
    }
}

fn closed() -> io::Error {
    io::Error::new(io::ErrorKind::NotConnected, "the socket is closed")
}

struct Socket {
    shared: Arc<Shared>,
    local: SocketAddr,
    generation: u64,
}

impl Socket {
    fn inbox<'a>(&self, state: &'a mut State) -> io::Result<&'a mut Inbox> {
        state.sockets.get_mut(&self.local).filter(|inbox| inbox.generation == self.generation).ok_or_else(closed)
    }
}

impl DatagramSocket for Socket {
    fn local_addr(&self) -> SocketAddr {
        self.local
    }

    fn send_to(&self, bytes: &[u8], remote: SocketAddr) -> io::Result<()> {
        let local = {
            let mut state = self.shared.lock();
            self.inbox(&mut state)?;
            state.source(self.local, remote)?
        };
        if bytes.len() > MAX_PAYLOAD {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, format!("{} bytes do not fit into a datagram", bytes.len())));
        }
        let mut transmit = self.shared.transmit.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        transmit(local, remote, Bytes::copy_from_slice(bytes));
        Ok(())
    }

    fn poll_recv_from(&self, context: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<(usize, SocketAddr)>> {
        let mut state = self.shared.lock();
        let inbox = match self.inbox(&mut state) {
            Ok(inbox) => inbox,
            Err(error) => return Poll::Ready(Err(error)),
        };
        if let Some((remote, bytes)) = inbox.queue.pop_front() {
            let length = bytes.len().min(buffer.len());
            buffer[..length].copy_from_slice(&bytes[..length]);
            return Poll::Ready(Ok((length, remote)));
        }
        if !inbox.waiting.iter().any(|waker| waker.will_wake(context.waker())) {
            inbox.waiting.push(context.waker().clone());
        }
        Poll::Pending
    }

    fn close(&self) {
        let mut state = self.shared.lock();
        if self.inbox(&mut state).is_err() {
            return;
        }
        let inbox = state.sockets.remove(&self.local);
        drop(state);
        inbox.into_iter().flat_map(|inbox| inbox.waiting).for_each(Waker::wake);
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.close();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Wake;

    fn at(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    type Sent = Arc<Mutex<Vec<(SocketAddr, SocketAddr, Bytes)>>>;

    fn table(addresses: &[&str]) -> (SocketTable, Sent) {
        let sent = Sent::default();
        let sink = Arc::clone(&sent);
        let addresses = addresses.iter().map(|a| a.parse().unwrap()).collect();
        (SocketTable::new(addresses, move |local, remote, bytes| sink.lock().unwrap().push((local, remote, bytes))), sent)
    }

    fn kind(result: io::Result<Arc<dyn DatagramSocket>>) -> io::ErrorKind {
        result.err().expect("the bind fails").kind()
    }

    fn poll(socket: &Arc<dyn DatagramSocket>, waker: &Waker, length: usize) -> Poll<io::Result<(Vec<u8>, SocketAddr)>> {
        let mut buffer = vec![0; length];
        socket
            .poll_recv_from(&mut Context::from_waker(waker), &mut buffer)
            .map(|result| result.map(|(n, remote)| (buffer[..n].to_vec(), remote)))
    }

    #[derive(Default)]
    struct Count(AtomicUsize);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn port_zero_counts_up_from_the_first_dynamic_port_and_skips_taken_ones() {
        let (table, _) = table(&["10.0.0.1"]);
        let _taken = table.bind(at("0.0.0.0:49153")).unwrap();
        let first = table.bind(at("10.0.0.1:0")).unwrap();
        let second = table.bind(at("10.0.0.1:0")).unwrap();
        assert_eq!((first.local_addr(), second.local_addr()), (at("10.0.0.1:49152"), at("10.0.0.1:49154")));
    }

    #[test]
    fn a_freed_dynamic_port_is_not_given_out_again_at_once() {
        let (table, _) = table(&["10.0.0.1"]);
        drop(table.bind(at("10.0.0.1:0")).unwrap());
        assert_eq!(table.bind(at("10.0.0.1:0")).unwrap().local_addr().port(), 49153);
    }

    #[test]
    fn all_dynamic_ports_taken_is_an_error_and_not_a_loop() {
        let (table, _) = table(&["10.0.0.1"]);
        let sockets: Vec<_> = (FIRST_DYNAMIC_PORT..=u16::MAX).map(|_| table.0.lock().bind(at("10.0.0.1:0"))).collect();
        assert!(sockets.iter().all(Result::is_ok));
        assert_eq!(kind(table.bind(at("10.0.0.1:0"))), io::ErrorKind::AddrInUse);
    }

    #[test]
    fn an_address_of_another_node_cannot_be_bound() {
        let (table, _) = table(&["10.0.0.1"]);
        assert_eq!(kind(table.bind(at("10.0.0.2:5000"))), io::ErrorKind::AddrNotAvailable);
        assert_eq!(kind(table.bind(at("[2001:db8::1]:5000"))), io::ErrorKind::AddrNotAvailable);
    }

    #[test]
    fn a_port_is_taken_per_address_and_by_the_unspecified_address_of_its_family() {
        let (table, _) = table(&["10.0.0.1", "10.0.0.2", "2001:db8::1"]);
        let _one = table.bind(at("10.0.0.1:5000")).unwrap();
        let _other = table.bind(at("10.0.0.2:5000")).unwrap();
        let _six = table.bind(at("[::]:5000")).unwrap();
        assert_eq!(kind(table.bind(at("10.0.0.1:5000"))), io::ErrorKind::AddrInUse);
        assert_eq!(kind(table.bind(at("0.0.0.0:5000"))), io::ErrorKind::AddrInUse);
        assert_eq!(kind(table.bind(at("[2001:db8::1]:5000"))), io::ErrorKind::AddrInUse);
    }

    #[test]
    fn dropping_or_closing_a_socket_frees_its_port() {
        let (table, _) = table(&["10.0.0.1"]);
        drop(table.bind(at("10.0.0.1:5000")).unwrap());
        let closed = table.bind(at("10.0.0.1:5000")).unwrap();
        closed.close();
        let new = table.bind(at("10.0.0.1:5000")).unwrap();
        drop(closed);
        assert!(
            table.deliver(at("10.0.0.1:5000"), at("10.0.0.9:1"), Bytes::from_static(b"x")),
            "an old handle must not close a new socket"
        );
        assert!(poll(&new, Waker::noop(), 9).is_ready());
    }

    #[test]
    fn what_a_socket_sends_carries_its_address() {
        let (table, sent) = table(&["10.0.0.1", "2001:db8::1", "2001:db8::2"]);
        table.bind(at("10.0.0.1:5000")).unwrap().send_to(b"four", at("192.0.2.1:1")).unwrap();
        table.bind(at("[::]:6000")).unwrap().send_to(b"six", at("[2001:db8::9]:2")).unwrap();
        let sent = sent.lock().unwrap();
        assert_eq!(sent[0], (at("10.0.0.1:5000"), at("192.0.2.1:1"), Bytes::from_static(b"four")));
        assert_eq!(sent[1], (at("[2001:db8::1]:6000"), at("[2001:db8::9]:2"), Bytes::from_static(b"six")));
    }

    #[test]
    fn a_socket_sends_neither_to_another_family_nor_more_than_a_datagram_nor_from_a_lost_address() {
        let (table, sent) = table(&["10.0.0.1"]);
        let socket = table.bind(at("10.0.0.1:5000")).unwrap();
        let send = |bytes: &[u8], remote| socket.send_to(bytes, at(remote)).unwrap_err().kind();
        assert_eq!(send(b"x", "[2001:db8::9]:2"), io::ErrorKind::InvalidInput);
        assert_eq!(send(&[0; 65_508], "192.0.2.1:1"), io::ErrorKind::InvalidInput);
        table.set_addresses(vec!["10.0.0.7".parse().unwrap()]);
        assert_eq!(send(b"x", "192.0.2.1:1"), io::ErrorKind::AddrNotAvailable);
        assert!(!table.deliver(at("10.0.0.1:5000"), at("192.0.2.1:1"), Bytes::new()));
        assert!(sent.lock().unwrap().is_empty());
    }

    #[test]
    fn a_datagram_nobody_listens_for_is_refused() {
        let (table, _) = table(&["10.0.0.1", "10.0.0.2"]);
        let _socket = table.bind(at("10.0.0.1:5000")).unwrap();
        assert!(!table.deliver(at("10.0.0.1:5001"), at("192.0.2.1:1"), Bytes::new()));
        assert!(!table.deliver(at("10.0.0.2:5000"), at("192.0.2.1:1"), Bytes::new()));
        assert!(table.deliver(at("10.0.0.1:5000"), at("192.0.2.1:1"), Bytes::new()));
    }

    #[test]
    fn datagrams_arrive_in_order_and_what_does_not_fit_is_cut_off() {
        let (table, _) = table(&["10.0.0.1"]);
        let socket = table.bind(at("0.0.0.0:5000")).unwrap();
        for text in ["first", "second"] {
            assert!(table.deliver(at("10.0.0.1:5000"), at("192.0.2.1:1"), Bytes::from(text)));
        }
        assert_eq!(poll(&socket, Waker::noop(), 9).map(Result::unwrap), Poll::Ready((b"first".to_vec(), at("192.0.2.1:1"))));
        assert_eq!(poll(&socket, Waker::noop(), 3).map(Result::unwrap), Poll::Ready((b"sec".to_vec(), at("192.0.2.1:1"))));
        assert!(poll(&socket, Waker::noop(), 9).is_pending());
    }

    #[test]
    fn every_waiting_task_is_woken_once() {
        let (table, _) = table(&["10.0.0.1"]);
        let socket = table.bind(at("10.0.0.1:5000")).unwrap();
        let (one, other) = (Arc::new(Count::default()), Arc::new(Count::default()));
        for count in [&one, &other, &one] {
            assert!(poll(&socket, &Waker::from(Arc::clone(count)), 9).is_pending());
        }
        for _ in 0..2 {
            assert!(table.deliver(at("10.0.0.1:5000"), at("192.0.2.1:1"), Bytes::from_static(b"x")));
        }
        assert_eq!((one.0.load(Ordering::Relaxed), other.0.load(Ordering::Relaxed)), (1, 1));
    }

    #[test]
    fn a_full_inbox_drops_and_counts() {
        let (table, _) = table(&["10.0.0.1"]);
        let _socket = table.bind(at("10.0.0.1:5000")).unwrap();
        for _ in 0..INBOX_CAPACITY + 3 {
            assert!(table.deliver(at("10.0.0.1:5000"), at("192.0.2.1:1"), Bytes::from_static(b"x")));
        }
        assert_eq!(table.dropped(), 3);
    }

    #[test]
    fn a_closed_table_wakes_all_and_refuses_everything() {
        let (table, sent) = table(&["10.0.0.1"]);
        let socket = table.bind(at("10.0.0.1:5000")).unwrap();
        let count = Arc::new(Count::default());
        assert!(poll(&socket, &Waker::from(Arc::clone(&count)), 9).is_pending());
        table.close();
        assert_eq!(count.0.load(Ordering::Relaxed), 1);
        assert!(matches!(poll(&socket, Waker::noop(), 9), Poll::Ready(Err(_))));
        assert!(socket.send_to(b"x", at("192.0.2.1:1")).is_err());
        assert!(table.bind(at("10.0.0.1:0")).is_err());
        assert!(!table.deliver(at("10.0.0.1:5000"), at("192.0.2.1:1"), Bytes::new()));
        assert!(sent.lock().unwrap().is_empty());
    }
}
