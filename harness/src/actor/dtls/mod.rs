//! An honest DTLS endpoint, or a peer, whose own flights suffer: an implementation's endpoint with faults between it and the network.
//!
//! Everything that arrives goes to the inner endpoint as it is. What it sends is first cut into smaller fragments where the scenario asks for that
//! ([`fragment`]), and then meets the faults of its number. Numbers count from 1, in order of sending, the DTLS datagrams that would leave the node if there
//! were no faults; what faults add or hold back has none. A flight is what one input makes the inner endpoint send. Of a peer, whatever is no DTLS (RFC 7983)
//! passes by.
//!
//! Several faults of one datagram apply in the order of the scenario: a replay after a corruption repeats the corrupted datagram. Each fault reports when it
//! takes effect for the first time, for a fault that never does proves nothing.
//!
//! Deliberately absent: keys. What is encrypted can be lost, late, repeated, out of order and corrupted, but not re-written.

mod fragment;
mod reorder;

use crate::scenario::model::{DtlsActor, DtlsFault, DtlsTarget};
use bytes::{Bytes, BytesMut};
use fragment::Fragmenter;
use iut::{ApiEvent, Cause, Endpoint, Input, Ns, Output};
use reorder::Reorder;
use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::ops::RangeInclusive;

/// Datagrams that may wait to be sent; more are lost, and reported as an error.
const MOST_WAITING: usize = 10_000;

/// A datagram of the node.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Datagram {
    local: SocketAddr,
    remote: SocketAddr,
    bytes: Bytes,
}

/// First bytes of DTLS datagrams where they share a port with others (RFC 7983 section 7).
const DTLS: RangeInclusive<u8> = 20..=63;

/// A fault and whether it took effect.
struct Fault {
    fault: DtlsFault,
    happened: bool,
}

/// The actor.
pub(super) struct FaultyFlights {
    inner: Box<dyn Endpoint>,
    faults: Vec<Fault>,
    fragmenter: Option<Fragmenter>,
    reorder: Reorder,
    /// Not all datagrams are DTLS: the endpoint is a peer.
    multiplexed: bool,
    /// The number of the latest datagram.
    number: u32,
    /// The number of the latest flight.
    flight: u32,
    /// The latest flight is not over: the inner endpoint has more to send.
    in_flight: bool,
    /// The time of the latest input.
    now: Ns,
    outputs: VecDeque<Output>,
    /// Datagrams that go later, by time and then in the order in which they were put off.
    later: BTreeMap<(Ns, u64), Datagram>,
    put_off: u64,
}

impl FaultyFlights {
    /// Wraps an endpoint that plays a DTLS client or server, or a peer, whose other datagrams are `multiplexed` with those of DTLS.
    pub(super) fn new(inner: Box<dyn Endpoint>, options: DtlsActor, multiplexed: bool) -> Self {
        let ranges = options.faults.iter().filter_map(|fault| match &fault.value {
            DtlsFault::Reorder { from, to } => Some((*from, *to)),
            _ => None,
        });
        Self {
            inner,
            reorder: Reorder::new(ranges.collect()),
            fragmenter: options.fragment.map(|size| Fragmenter::new(size, options.overlap.unwrap_or(0))),
            faults: options.faults.into_iter().map(|fault| Fault { fault: fault.value, happened: false }).collect(),
            multiplexed,
            number: 0,
            flight: 0,
            in_flight: false,
            now: 0,
            outputs: VecDeque::new(),
            later: BTreeMap::new(),
            put_off: 0,
        }
    }

    /// The inner endpoint sends a datagram.
    fn sends(&mut self, datagram: Datagram) {
        if self.multiplexed && !datagram.bytes.first().is_some_and(|first| DTLS.contains(first)) {
            return self.outputs.push_back(datagram.into_output());
        }
        let begins = !std::mem::replace(&mut self.in_flight, true);
        self.flight = self.flight.saturating_add(begins.into());
        let pieces = match &mut self.fragmenter {
            Some(fragmenter) => fragmenter.cut(&datagram.bytes),
            None => vec![datagram.bytes.clone()],
        };
        for (index, bytes) in pieces.into_iter().enumerate() {
            self.number = self.number.saturating_add(1);
            let copies = self.suffer(Datagram { bytes, ..datagram }, begins && index == 0);
            let now = copies.into_iter().filter_map(|(delay, copy)| match delay {
                0 => Some(copy),
                delay => {
                    self.put_off(delay, copy);
                    None
                }
            });
            let now: Vec<Datagram> = now.collect();
            let released = self.reorder.pass(self.now, self.number, now);
            self.outputs.extend(released.into_iter().map(Datagram::into_output));
        }
    }

    /// The faults of the current number, those that happen now for the first time told.
    fn current(&mut self) -> Vec<DtlsFault> {
        let mut current = Vec::new();
        for (index, Fault { fault, happened }) in self.faults.iter_mut().enumerate() {
            let concerned = match fault.target() {
                Some(DtlsTarget::Datagram(number)) => number == self.number,
                Some(DtlsTarget::Flight(flight)) => flight == self.flight,
                // A range is reordered when there is something behind its first datagram.
                Some(DtlsTarget::Range(from, to)) => (from + 1..=to).contains(&self.number),
                None => false,
            };
            if concerned {
                if !std::mem::replace(happened, true) {
                    let event = ApiEvent::Fault { number: index as u32 + 1, what: fault.to_string() };
                    self.outputs.push_back(Output::Api(event));
                }
                current.push(fault.clone());
            }
        }
        current
    }

    /// What is sent instead of the datagram, and how much later; `first` of its flight or not.
    fn suffer(&mut self, datagram: Datagram, first: bool) -> Vec<(Ns, Datagram)> {
        let mut strays = Vec::new();
        let mut copies = vec![(0, datagram.clone())];
        for fault in self.current() {
            match fault {
                DtlsFault::Drop { .. } => copies.clear(),
                DtlsFault::Delay { by, .. } => copies.iter_mut().for_each(|(delay, _)| *delay += by.0),
                DtlsFault::Replay { times, after, .. } => {
                    let after = after.map_or(0, |span| span.0);
                    let Some((delay, original)) = copies.first().cloned() else { continue };
                    let more = times.min(MOST_WAITING as u32);
                    let later = |time: u32| delay.saturating_add(after.saturating_mul(time.into()));
                    copies.extend((1..=more).map(|time| (later(time), original.clone())));
                }
                DtlsFault::Corrupt { from_end, .. } => {
                    if !copies.iter_mut().all(|(_, copy)| flip(&mut copy.bytes, from_end)) {
                        let length = datagram.bytes.len();
                        self.complain(format!("datagram {} has {length} bytes, none of them {from_end} from its end", self.number));
                    }
                }
                DtlsFault::Stray { flight: Some(_), .. } if !first => {}
                DtlsFault::Stray { bytes, .. } => strays.push((0, Datagram { bytes: bytes.0.into(), ..datagram.clone() })),
                DtlsFault::Reorder { .. } => {}
            }
        }
        strays.extend(copies);
        strays
    }

    fn put_off(&mut self, delay: Ns, datagram: Datagram) {
        if self.later.len() >= MOST_WAITING {
            return self.complain(format!("datagram {} is lost: {MOST_WAITING} are waiting already", self.number));
        }
        self.later.insert((self.now.saturating_add(delay), self.put_off), datagram);
        self.put_off += 1;
    }

    /// Sends what has waited long enough.
    fn release(&mut self) {
        while let Some(entry) = self.later.first_entry().filter(|entry| entry.key().0 <= self.now) {
            self.outputs.push_back(entry.remove().into_output());
        }
        self.outputs.extend(self.reorder.overdue(self.now).into_iter().map(Datagram::into_output));
    }

    fn complain(&mut self, message: String) {
        self.outputs.push_back(Output::Api(ApiEvent::Error { operation: "faults".into(), message }));
    }
}

impl Datagram {
    fn into_output(self) -> Output {
        Output::Datagram { local: self.local, remote: self.remote, bytes: self.bytes }
    }
}

/// Flips the lowest bit of one byte; false where there is no such byte.
fn flip(bytes: &mut Bytes, from_end: u32) -> bool {
    let mut changed = BytesMut::from(bytes.as_ref());
    let Some(byte) = changed.iter_mut().rev().nth(from_end as usize) else { return false };
    *byte ^= 1;
    *bytes = changed.freeze();
    true
}

impl Endpoint for FaultyFlights {
    fn handle(&mut self, now: Ns, input: Input) {
        self.now = now;
        self.release();
        // The timeout may be one of ours alone.
        let ours = matches!(input, Input::Timeout) && self.inner.poll_timeout().is_none_or(|(at, _)| at > now);
        if !ours {
            self.inner.handle(now, input);
        }
    }

    fn poll_output(&mut self) -> Option<Output> {
        loop {
            if let Some(output) = self.outputs.pop_front() {
                return Some(output);
            }
            let Some(output) = self.inner.poll_output() else {
                self.in_flight = false;
                return None;
            };
            match output {
                Output::Datagram { local, remote, bytes } => self.sends(Datagram { local, remote, bytes }),
                other => return Some(other),
            }
        }
    }

    fn poll_timeout(&mut self) -> Option<(Ns, Cause)> {
        let later = self.later.first_key_value().map(|((at, _), _)| (*at, "late datagram"));
        let held = self.reorder.deadline().map(|at| (at, "reordered datagrams"));
        [self.inner.poll_timeout(), later, held].into_iter().flatten().min_by_key(|(at, _)| *at)
    }
}

#[cfg(test)]
mod tests;
