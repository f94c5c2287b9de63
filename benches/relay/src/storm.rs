//! Many allocations at once: how many a second, how long each takes, and which error ends them.
//!
//! Each allocation has a socket, hence a port, of its own, which stays open until all are released and is not used again while there are others: an
//! allocation whose port is used anew before the server has forgotten the last one is refused (437), and that would be the generator's fault.

use crate::client::{PATIENCE, Proof, RTO, Request, RequestError, is_response};
use crate::flow::{Server, local_ip};
use crate::load::Stop;
use hdrhistogram::Histogram;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, ErrorKind};
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant};
use wire::stun::{Method, TransactionId};

/// What came of asking for many allocations, or of ending them.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// How many succeeded.
    pub made: u64,
    /// How many did not, by error code or another reason.
    pub errors: BTreeMap<String, u64>,
    /// From the first request until the last was answered or given up.
    pub elapsed: Duration,
    /// From the first request of each to its success in ns, a challenge for credentials included.
    pub latency: Histogram<u64>,
    /// Whether it was broken off.
    pub interrupted: bool,
}

/// Clients of a server, each with a socket.
#[derive(Debug)]
pub struct Storm {
    server: Server,
    epoll: Epoll,
    clients: Vec<Client>,
    until_error: bool,
}

#[derive(Debug)]
struct Client {
    socket: UdpSocket,
    proof: Proof,
    allocated: bool,
}

/// A request on its way.
struct Pending {
    begin: Instant,
    id: TransactionId,
    bytes: Vec<u8>,
    timeout: Duration,
    due: Instant,
}

/// How long to wait before looking at timeouts, in ms.
const NAP: u8 = 10;

impl Storm {
    /// Opens the sockets of `count` clients, on ports that are not among the `used` ones as far as there are others, and adds them to these.
    ///
    /// # Errors
    /// When there are no more sockets or ports.
    pub fn new(server: Server, count: usize, used: &mut BTreeSet<u16>) -> io::Result<Self> {
        let (ip, epoll) = (local_ip(server.address)?, Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?);
        let client = |index: usize| {
            let socket = fresh(ip, used)?;
            socket.set_nonblocking(true)?;
            epoll.add(&socket, EpollEvent::new(EpollFlags::EPOLLIN, index as u64))?;
            Ok(Client { socket, proof: Proof::new(server.user.clone()), allocated: false })
        };
        let clients = (0..count).map(client).collect::<io::Result<_>>()?;
        Ok(Self { server, epoll, clients, until_error: false })
    }

    /// Allocates for each client, with at most `in_flight` requests on their way.
    ///
    /// # Errors
    /// When the system refuses to wait.
    pub fn allocate(&mut self, in_flight: usize, stop: Stop<'_>) -> io::Result<Outcome> {
        self.run(&Request::allocate(self.server.relayed_family()), self.all(), in_flight, stop)
    }

    /// Allocates client by client until the first error; what was on its way by then is awaited.
    ///
    /// # Errors
    /// When the system refuses to wait.
    pub fn allocate_until_error(&mut self, in_flight: usize, stop: Stop<'_>) -> io::Result<Outcome> {
        self.until_error = true;
        let outcome = self.allocate(in_flight, stop);
        self.until_error = false;
        outcome
    }

    fn all(&self) -> Vec<usize> {
        (0..self.clients.len()).collect()
    }

    /// Ends the allocations that there are.
    ///
    /// # Errors
    /// When the system refuses to wait.
    pub fn release(&mut self, in_flight: usize, stop: Stop<'_>) -> io::Result<Outcome> {
        let allocated = (0..self.clients.len()).filter(|index| self.clients[*index].allocated).collect();
        self.run(&Request::RELEASE, allocated, in_flight, stop)
    }

    fn run(&mut self, request: &Request<'_>, waiting: Vec<usize>, in_flight: usize, stop: Stop<'_>) -> io::Result<Outcome> {
        let latency = Histogram::new_with_bounds(1, 60_000_000_000, 3).expect("the bounds are valid");
        let mut outcome = Outcome { made: 0, errors: BTreeMap::new(), elapsed: Duration::ZERO, latency, interrupted: false };
        let (begin, mut waiting, mut pending) = (Instant::now(), waiting.into_iter(), BTreeMap::new());
        loop {
            while pending.len() < in_flight.max(1)
                && (!self.until_error || outcome.errors.is_empty())
                && let Some(index) = waiting.next()
            {
                let now = Instant::now();
                match self.send(index, request, now) {
                    Ok(sent) => drop(pending.insert(index, sent)),
                    Err(error) => outcome.count_error(&error),
                }
            }
            if pending.is_empty() || stop() {
                break;
            }
            self.receive(request, &mut pending, &mut outcome)?;
            self.repeat(request, &mut pending, &mut outcome);
        }
        outcome.elapsed = begin.elapsed();
        outcome.interrupted = !pending.is_empty();
        Ok(outcome)
    }

    fn send(&self, index: usize, request: &Request<'_>, begin: Instant) -> Result<Pending, RequestError> {
        let client = &self.clients[index];
        let (id, bytes) = client.proof.request(request)?;
        client.socket.send_to(&bytes, self.server.address)?;
        Ok(Pending { begin, id, bytes, timeout: RTO, due: Instant::now() + RTO })
    }

    fn receive(&mut self, request: &Request<'_>, pending: &mut BTreeMap<usize, Pending>, outcome: &mut Outcome) -> io::Result<()> {
        let mut events = [EpollEvent::empty(); 64];
        let ready = match self.epoll.wait(&mut events, EpollTimeout::from(NAP)) {
            Err(nix::Error::EINTR) => 0,
            other => other?,
        };
        for event in &events[..ready] {
            let index = event.data() as usize;
            let Some(response) = self.read(index, pending.get(&index).map(|sent| sent.id)) else { continue };
            let Some(sent) = pending.remove(&index) else { continue };
            match self.clients[index].proof.accepts(request.name, &response) {
                Ok(true) => {
                    outcome.made += 1;
                    outcome.latency.saturating_record(sent.begin.elapsed().as_nanos() as u64);
                    self.clients[index].allocated = request.method == Method::ALLOCATE;
                }
                Ok(false) => match self.send(index, request, sent.begin) {
                    Ok(sent) => drop(pending.insert(index, sent)),
                    Err(error) => outcome.count_error(&error),
                },
                Err(error) => outcome.count_error(&error),
            }
        }
        Ok(())
    }

    /// Reads until the response that is waited for; what else arrives is dropped.
    fn read(&self, index: usize, awaited: Option<TransactionId>) -> Option<Vec<u8>> {
        let mut buffer = [0; 2048];
        loop {
            match self.clients[index].socket.recv_from(&mut buffer) {
                Ok((length, source)) => {
                    let datagram = &buffer[..length];
                    if source == self.server.address && awaited.is_some_and(|id| is_response(datagram, id)) {
                        return Some(datagram.to_vec());
                    }
                }
                // Refused: an ICMP error; the retransmission tells whether somebody is there.
                Err(error) if matches!(error.kind(), ErrorKind::Interrupted | ErrorKind::ConnectionRefused) => {}
                Err(_) => return None,
            }
        }
    }

    /// Repeats what is overdue (RFC 8489 section 6.2.1) and gives up what has been for too long.
    fn repeat(&self, request: &Request<'_>, pending: &mut BTreeMap<usize, Pending>, outcome: &mut Outcome) {
        let now = Instant::now();
        pending.retain(|index, sent| {
            if now < sent.due {
                return true;
            }
            if now > sent.begin + PATIENCE {
                outcome.count_error(&RequestError::Silence(request.name));
                return false;
            }
            sent.timeout *= 2;
            sent.due = now + sent.timeout;
            // A kernel that does not take it now is asked again after the next timeout.
            let _ = self.clients[*index].socket.send_to(&sent.bytes, self.server.address);
            true
        });
    }
}

/// How many used ports are set aside in the search for a fresh one. The system picks at random, so a few draws do unless hardly any is left.
const DRAWS: usize = 50;

/// A socket on a port that has not been used, or on any if there is hardly one.
fn fresh(ip: IpAddr, used: &mut BTreeSet<u16>) -> io::Result<UdpSocket> {
    let mut aside = Vec::new();
    loop {
        let socket = match UdpSocket::bind(SocketAddr::new(ip, 0)) {
            Ok(socket) => socket,
            Err(error) => return aside.pop().ok_or(error),
        };
        if used.insert(socket.local_addr()?.port()) || aside.len() >= DRAWS {
            return Ok(socket);
        }
        aside.push(socket);
    }
}

impl Outcome {
    /// Successes a second.
    #[must_use]
    pub fn per_second(&self) -> f64 {
        let seconds = self.elapsed.as_secs_f64();
        if seconds > 0.0 { self.made as f64 / seconds } else { 0.0 }
    }

    fn count_error(&mut self, error: &RequestError) {
        let name = match error {
            RequestError::Refused { code, .. } => code.to_string(),
            RequestError::Silence(_) => "no response".to_owned(),
            other => other.to_string(),
        };
        *self.errors.entry(name).or_default() += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    #[test]
    fn a_port_is_not_used_twice_while_there_are_others() {
        let (ip, mut used) = (Ipv4Addr::LOCALHOST.into(), BTreeSet::new());
        let port = |used: &mut BTreeSet<u16>| fresh(ip, used).expect("a socket").local_addr().expect("bound").port();
        let ports: BTreeSet<u16> = (0..1000).map(|_| port(&mut used)).collect();
        assert_eq!((ports.len(), &ports), (1000, &used));
        let mut all = (0..=u16::MAX).collect();
        assert!(port(&mut all) > 0);
    }
}
