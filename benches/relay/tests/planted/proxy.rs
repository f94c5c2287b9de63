//! A null relay behind a proxy that treats what clients send to it in a planted way and keeps account of it.

use relay_bench::channel::channel_data;
use relay_bench::content::Content;
use relay_bench::flow::{Server, Target};
use relay_bench::indication::{Kind, indication};
use relay_bench::io::{Mode, Port};
use relay_bench::null;
use relay_bench::payload::{self, Received};
use std::collections::{BTreeMap, VecDeque};
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};
use wire::stun::build::WellformedBuilder;
use wire::stun::{Attribute, Class, ErrorCode, Message};

/// What the proxy does to ChannelData messages and Send indications from clients (or to Allocate requests), counted from 0.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Plant {
    /// Holds each for this long.
    Delay(Duration),
    /// Drops one in so many.
    Lose(u64),
    /// Sends one in so many twice.
    Duplicate(u64),
    /// Sends one in so many after its successor.
    Swap(u64),
    /// Changes a byte of one in so many.
    Corrupt(u64),
    /// Stands still for so long before one in so many.
    Stall(u64, Duration),
    /// Drops what exceeds so many a second by the times at which datagrams are due, however late they come; bursts up to [`DEPTH`] pass.
    Cap(u64),
    /// Answers each Allocate request this much later.
    SlowAllocate(Duration),
    /// Grants allocations for so many seconds only, as far as the client can tell.
    Lifetime(u32),
    /// Refuses the allocations of all but the first so many clients (486).
    Quota(usize),
}

/// Datagrams that a rate cap lets through at once.
pub(crate) const DEPTH: u64 = 10;

/// What the proxy did.
#[derive(Clone, Debug, Default)]
pub(crate) struct Account {
    pub(crate) seen: u64,
    pub(crate) dropped: u64,
    pub(crate) duplicated: u64,
    pub(crate) swapped: u64,
    pub(crate) corrupted: u64,
    pub(crate) stalls: u64,
    /// Refresh requests.
    pub(crate) refreshes: u64,
    /// How long each was held, in order.
    pub(crate) held: Vec<Duration>,
}

/// Calls `then` with a target behind the proxy and its account.
pub(crate) fn with(plant: Plant, then: impl FnOnce(&Target, &Mutex<Account>)) {
    let loopback = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let listener = Port::bind(loopback, Mode::Plain).expect("a port");
    let relay = listener.socket.local_addr().expect("bound");
    let front = roomy(loopback);
    let address = front.local_addr().expect("bound");
    let (stop, account) = (AtomicBool::new(false), Mutex::new(Account::default()));
    thread::scope(|scope| {
        let served = scope.spawn(|| null::serve(listener, Mode::Plain, &stop));
        let proxied = scope.spawn(|| Proxy::new(plant, &front, relay, &account).run(&stop));
        let target = Target::Peer(Server::new(address));
        // Whatever happens in `then`, the threads end, or the scope would wait for ever.
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| then(&target, &account)));
        stop.store(true, Ordering::Relaxed);
        proxied.join().expect("no panic");
        served.join().expect("no panic").expect("served");
        outcome.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
    });
}

struct Proxy<'a> {
    plant: Plant,
    front: &'a UdpSocket,
    relay: SocketAddr,
    account: &'a Mutex<Account>,
    /// A socket towards the relay for each client.
    clients: BTreeMap<SocketAddr, UdpSocket>,
    held: VecDeque<(Instant, SocketAddr, Vec<u8>)>,
    swapped: Option<(SocketAddr, Vec<u8>)>,
    /// Rate cap: datagrams that may pass, in billionths, and when that was true.
    bucket: (u64, u64),
}

/// What a client has sent through the relay.
fn data(datagram: &[u8]) -> Option<&[u8]> {
    channel_data(datagram).map(|(_, data)| data).or_else(|| indication(Kind::Send, datagram).map(|(_, data)| data))
}

/// Changes LIFETIME in a response of the null relay, which has no integrity.
fn grant(response: &mut [u8], seconds: u32) {
    if let Some(at) = response.windows(4).position(|bytes| bytes == [0, 0x0d, 0, 4]).filter(|_| response[..1] == [1]) {
        response[at + 4..at + 8].copy_from_slice(&seconds.to_be_bytes());
    }
}

/// Allocation Quota Reached: RFC 8656 section 7.2.
fn refusal(request: &[u8]) -> Vec<u8> {
    let message = Message::parse(request).expect("the generator's own");
    let error = Attribute::ErrorCode(ErrorCode { code: 486, reason: "" });
    let builder = WellformedBuilder::new(Class::ErrorResponse, message.method(), message.transaction_id()).attribute(error);
    builder.build().expect("well-formed")
}

/// A non-blocking socket with room for all that a generator sends at once when it was kept from running.
fn roomy(address: SocketAddr) -> UdpSocket {
    Port::bind(address, Mode::Plain).expect("a port").socket
}

/// How long the proxy waits for a datagram before it looks elsewhere.
const NAP: Duration = Duration::from_millis(1);

impl<'a> Proxy<'a> {
    fn new(plant: Plant, front: &'a UdpSocket, relay: SocketAddr, account: &'a Mutex<Account>) -> Self {
        front.set_nonblocking(false).expect("a socket option");
        front.set_read_timeout(Some(NAP)).expect("a socket option");
        let full = DEPTH * 1_000_000_000;
        Self { plant, front, relay, account, clients: BTreeMap::new(), held: VecDeque::new(), swapped: None, bucket: (full, 0) }
    }

    fn run(mut self, stop: &AtomicBool) {
        let mut buffer = [0; 2048];
        while !stop.load(Ordering::Relaxed) {
            if let Ok((length, client)) = self.front.recv_from(&mut buffer) {
                self.upward(client, &buffer[..length]);
            }
            while self.held.front().is_some_and(|(due, ..)| *due <= Instant::now()) {
                let (_, client, datagram) = self.held.pop_front().expect("seen above");
                self.forward(client, &datagram);
            }
            for (client, socket) in &self.clients {
                while let Ok(length) = socket.recv(&mut buffer) {
                    if let Plant::Lifetime(seconds) = self.plant {
                        grant(&mut buffer[..length], seconds);
                    }
                    let _ = self.front.send_to(&buffer[..length], client);
                }
            }
        }
    }

    fn upward(&mut self, client: SocketAddr, datagram: &[u8]) {
        if data(datagram).is_some() {
            return self.data(client, datagram.to_vec());
        }
        let is_allocate = datagram[..2] == [0, 3];
        if datagram[..2] == [0, 4] {
            self.count(|account| &mut account.refreshes);
        }
        match self.plant {
            Plant::Quota(most) if is_allocate && !self.clients.contains_key(&client) && self.clients.len() >= most => {
                self.count(|account| &mut account.dropped);
                let _ = self.front.send_to(&refusal(datagram), client);
            }
            Plant::SlowAllocate(delay) if is_allocate => self.hold(client, delay, datagram.to_vec()),
            _ => self.forward(client, datagram),
        }
    }

    fn data(&mut self, client: SocketAddr, mut datagram: Vec<u8>) {
        let number = self.count(|account| &mut account.seen) - 1;
        // In the middle, so that no fault meets the first or the last.
        let chosen = |every: u64| number % every == every / 2;
        let plant = self.plant;
        match plant {
            Plant::Delay(delay) => return self.hold(client, delay, datagram),
            Plant::Lose(every) if chosen(every) => {
                self.count(|account| &mut account.dropped);
                return;
            }
            Plant::Duplicate(every) if chosen(every) => {
                self.count(|account| &mut account.duplicated);
                self.forward(client, &datagram);
            }
            Plant::Swap(every) if chosen(every) => {
                self.count(|account| &mut account.swapped);
                self.swapped = Some((client, datagram));
                return;
            }
            Plant::Corrupt(every) if chosen(every) => {
                self.count(|account| &mut account.corrupted);
                *datagram.last_mut().expect("ChannelData has a header") ^= 1;
            }
            Plant::Stall(every, time) if chosen(every) => {
                self.count(|account| &mut account.stalls);
                #[expect(clippy::disallowed_methods, reason = "standing still is what is planted")]
                thread::sleep(time);
            }
            Plant::Cap(per_second) if !self.passes(per_second, &datagram) => {
                self.count(|account| &mut account.dropped);
                return;
            }
            _ => {}
        }
        self.forward(client, &datagram);
        if let Some((client, datagram)) = self.swapped.take() {
            self.forward(client, &datagram);
        }
    }

    /// A token bucket that reads the time from the datagrams themselves.
    fn passes(&mut self, per_second: u64, datagram: &[u8]) -> bool {
        let payload = data(datagram).expect("seen above");
        let Received::Whole(header) = payload::read(payload, Content::Bytes(payload.len()), &payload::template(payload.len())) else {
            panic!("nobody changed it")
        };
        let (tokens, then) = if header.sequence == 0 { (DEPTH * 1_000_000_000, 0) } else { self.bucket };
        let tokens = (tokens + (header.intended - then) * per_second).min(DEPTH * 1_000_000_000);
        let left = tokens.checked_sub(1_000_000_000);
        self.bucket = (left.unwrap_or(tokens), header.intended);
        left.is_some()
    }

    fn hold(&mut self, client: SocketAddr, delay: Duration, datagram: Vec<u8>) {
        self.held.push_back((Instant::now() + delay, client, datagram));
        self.account.lock().expect("nobody panicked").held.push(delay);
    }

    fn forward(&mut self, client: SocketAddr, datagram: &[u8]) {
        let relay = self.relay;
        let socket = self.clients.entry(client).or_insert_with(|| {
            let socket = roomy(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)));
            socket.connect(relay).expect("an address of this host");
            socket
        });
        socket.send(datagram).expect("the relay has room");
    }

    fn count(&self, of: impl FnOnce(&mut Account) -> &mut u64) -> u64 {
        let mut account = self.account.lock().expect("nobody panicked");
        let counter = of(&mut account);
        *counter += 1;
        *counter
    }
}
