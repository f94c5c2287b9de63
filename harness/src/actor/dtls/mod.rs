//! An honest DTLS endpoint whose own flights suffer: an implementation's endpoint with faults between it and the network.
//!
//! Everything that arrives goes to the inner endpoint as it is. What it sends is first cut into smaller fragments where the scenario asks for that
//! ([`fragment`]), and then meets the faults of its number. Numbers count from 1, in order of sending, the datagrams that would leave the node if there
//! were no faults; what faults add or hold back has none.
//!
//! Several faults of one datagram apply in the order of the scenario: a replay after a corruption repeats the corrupted datagram.
//!
//! Deliberately absent: keys. What is encrypted can be lost, late, repeated, out of order and corrupted, but not re-written.

mod fragment;
mod reorder;

use crate::scenario::model::{DtlsActor, DtlsFault};
use bytes::{Bytes, BytesMut};
use fragment::Fragmenter;
use iut::{ApiEvent, Cause, Endpoint, Input, Ns, Output};
use reorder::Reorder;
use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;

/// Datagrams that may wait to be sent; more are lost, and reported as an error.
const MOST_WAITING: usize = 10_000;

/// A datagram of the node.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Datagram {
    local: SocketAddr,
    remote: SocketAddr,
    bytes: Bytes,
}

/// The actor.
pub(super) struct FaultyFlights {
    inner: Box<dyn Endpoint>,
    faults: Vec<DtlsFault>,
    fragmenter: Option<Fragmenter>,
    reorder: Reorder,
    /// The number of the latest datagram.
    number: u32,
    /// The time of the latest input.
    now: Ns,
    outputs: VecDeque<Output>,
    /// Datagrams that go later, by time and then in the order in which they were put off.
    later: BTreeMap<(Ns, u64), Datagram>,
    put_off: u64,
}

impl FaultyFlights {
    /// Wraps an endpoint that plays a DTLS client or server.
    pub(super) fn new(inner: Box<dyn Endpoint>, options: DtlsActor) -> Self {
        let ranges = options.faults.iter().filter_map(|fault| match &fault.value {
            DtlsFault::Reorder { from, to } => Some((*from, *to)),
            _ => None,
        });
        Self {
            inner,
            reorder: Reorder::new(ranges.collect()),
            fragmenter: options.fragment.map(Fragmenter::new),
            faults: options.faults.into_iter().map(|fault| fault.value).collect(),
            number: 0,
            now: 0,
            outputs: VecDeque::new(),
            later: BTreeMap::new(),
            put_off: 0,
        }
    }

    /// The inner endpoint sends a datagram.
    fn sends(&mut self, datagram: Datagram) {
        let pieces = match &mut self.fragmenter {
            Some(fragmenter) => fragmenter.cut(&datagram.bytes),
            None => vec![datagram.bytes.clone()],
        };
        for bytes in pieces {
            self.number = self.number.saturating_add(1);
            let copies = self.suffer(Datagram { bytes, ..datagram });
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

    /// The faults of the current number: what is sent instead of the datagram, and how much later.
    fn suffer(&mut self, datagram: Datagram) -> Vec<(Ns, Datagram)> {
        let faults: Vec<DtlsFault> = self.faults.iter().filter(|fault| number_of(fault) == Some(self.number)).cloned().collect();
        let mut copies = vec![(0, datagram.clone())];
        for fault in faults {
            match fault {
                DtlsFault::Drop { .. } => copies.clear(),
                DtlsFault::Delay { by, .. } => copies.iter_mut().for_each(|(delay, _)| *delay += by.0),
                DtlsFault::Replay { times, after, .. } => {
                    let after = after.map_or(0, |span| span.0);
                    let Some((delay, first)) = copies.first().cloned() else { continue };
                    let more = times.min(MOST_WAITING as u32);
                    copies.extend((1..=more).map(|time| (delay.saturating_add(after.saturating_mul(time.into())), first.clone())));
                }
                DtlsFault::Corrupt { from_end, .. } => {
                    if !copies.iter_mut().all(|(_, copy)| flip(&mut copy.bytes, from_end)) {
                        let length = datagram.bytes.len();
                        self.complain(format!("datagram {} has {length} bytes, none of them {from_end} from its end", self.number));
                    }
                }
                DtlsFault::Stray { bytes, .. } => copies.insert(0, (0, Datagram { bytes: bytes.0.into(), ..datagram.clone() })),
                DtlsFault::Reorder { .. } => {}
            }
        }
        copies
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

/// The datagram that a fault is about; none for those that are about several.
fn number_of(fault: &DtlsFault) -> Option<u32> {
    match fault {
        DtlsFault::Drop { datagram }
        | DtlsFault::Delay { datagram, .. }
        | DtlsFault::Replay { datagram, .. }
        | DtlsFault::Corrupt { datagram, .. } => Some(*datagram),
        DtlsFault::Stray { before, .. } => Some(*before),
        DtlsFault::Reorder { .. } => None,
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
            match self.inner.poll_output()? {
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
