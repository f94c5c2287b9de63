//! The load: one thread that owns all sockets of its flows, sends on schedule and receives what arrives.
//!
//! Client and peer share a clock, so delays are one-way. An open-loop datagram is due at a time fixed before the trial, whatever became of earlier ones;
//! that is what keeps a stall of the relay visible (coordinated omission). A closed-loop trial finds out what the relay can do, and says nothing about delay.

use crate::account::{Counts, Delays, Sequence};
use crate::flow::Flow;
use crate::io::{BATCH, Inbox, Mode, Outbox};
use crate::payload::{self, Header, Received, Way};
use crate::proc::{self, Cpu};
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// When datagrams are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// As soon as fewer than this many are on their way in a flow and direction: closed loop.
    Window(u64),
    /// This many a second over all flows, in each direction, at fixed times: open loop.
    Rate(u64),
}

/// One trial.
#[derive(Clone, Debug)]
pub struct Load {
    /// The directions that carry load.
    pub ways: Vec<Way>,
    /// Bytes of payload, from [`payload::MIN_SIZE`] to [`payload::MAX_SIZE`].
    pub size: usize,
    /// How the sockets of the flows are used.
    pub mode: Mode,
    /// When datagrams are sent.
    pub pace: Pace,
    /// How long.
    pub duration: Duration,
    /// Number of the trial, in every datagram.
    pub run: u32,
}

/// What came of a trial.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Counts of each flow, in the order of [`Load::ways`].
    pub flows: Vec<Vec<Counts>>,
    /// Delays, in the order of [`Load::ways`].
    pub delays: Vec<Delays>,
    /// Datagrams that were due (open loop) or sent (closed loop).
    pub offered: u64,
    /// Datagrams that the own kernel refused to send.
    pub refused: u64,
    /// Open-loop datagrams that left more than [`LATE`] after they were due.
    pub late: u64,
    /// Times that a closed loop gave up what was on its way, since nothing had arrived for [`STALL`].
    pub stalls: u64,
    /// From the first datagram to the end of sending.
    pub sending: Duration,
    /// CPU time of the generator while it sent.
    pub generator: Option<Cpu>,
    /// Whether the trial was broken off.
    pub interrupted: bool,
}

impl Outcome {
    /// The sum over flows and directions.
    #[must_use]
    pub fn total(&self) -> Counts {
        let mut total = Counts::default();
        self.flows.iter().flatten().for_each(|counts| total.add(counts));
        total
    }
}

/// A datagram that leaves later than this after it was due is late.
pub const LATE: Duration = Duration::from_millis(1);
/// How long a closed loop waits for what is on its way.
pub const STALL: Duration = Duration::from_millis(20);
/// How long nothing may arrive before what is missing counts as lost.
const QUIET: Duration = Duration::from_millis(100);
/// The longest wait for stragglers.
const DRAIN: Duration = Duration::from_secs(2);
/// Open-loop datagrams sent in a row before receiving has its turn.
const CATCH_UP: u64 = 64;
/// Batches from one socket before the others have their turn.
const TURNS: usize = 16;

/// Sends and receives for the duration of a trial, on the calling thread. `stop` breaks it off.
///
/// # Errors
/// When the system refuses to wait for or to read the sockets.
pub fn run(flows: &[Flow], load: &Load, stop: &AtomicBool) -> io::Result<Outcome> {
    let mut shard = Shard::new(flows, load)?;
    shard.discard_leftovers()?;
    let before = proc::own_thread();
    shard.begin = Instant::now();
    while shard.now() < shard.end && !stop.load(Ordering::Relaxed) {
        let sent = shard.send();
        let wait = if sent { EpollTimeout::ZERO } else { shard.nap() };
        shard.receive(wait)?;
    }
    let sending = shard.begin.elapsed();
    let generator = before.zip(proc::own_thread()).map(|(before, after)| after - before);
    let interrupted = shard.now() < shard.end;
    shard.drain(stop)?;
    Ok(shard.outcome(sending, generator, interrupted))
}

struct Shard<'a> {
    flows: &'a [Flow],
    load: &'a Load,
    epoll: Epoll,
    begin: Instant,
    end: u64,
    /// Of each way, of each flow.
    sequences: Vec<Vec<Sequence>>,
    /// Datagrams of each way and flow that the closed loop no longer waits for.
    given_up: Vec<Vec<u64>>,
    delays: Vec<Delays>,
    template: Vec<u8>,
    scratch: Vec<u8>,
    inbox: Inbox,
    outbox: Outbox,
    /// Open loop: datagrams sent so far in each direction.
    scheduled: u64,
    refused: u64,
    late: u64,
    stalls: u64,
    last_arrival: u64,
}

impl<'a> Shard<'a> {
    fn new(flows: &'a [Flow], load: &'a Load) -> io::Result<Self> {
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
        for (index, flow) in flows.iter().enumerate() {
            for (turn, way) in load.ways.iter().enumerate() {
                let data = (index * load.ways.len() + turn) as u64;
                epoll.add(&flow.receiver(*way).socket, EpollEvent::new(EpollFlags::EPOLLIN, data))?;
            }
        }
        let template = payload::template(load.size);
        Ok(Self {
            flows,
            load,
            epoll,
            begin: Instant::now(),
            end: load.duration.as_nanos() as u64,
            sequences: load.ways.iter().map(|_| flows.iter().map(|_| Sequence::default()).collect()).collect(),
            given_up: vec![vec![0; flows.len()]; load.ways.len()],
            delays: load.ways.iter().map(|_| Delays::default()).collect(),
            scratch: template.clone(),
            template,
            inbox: Inbox::new(load.mode),
            outbox: Outbox::default(),
            scheduled: 0,
            refused: 0,
            late: 0,
            stalls: 0,
            last_arrival: 0,
        })
    }

    fn now(&self) -> u64 {
        self.begin.elapsed().as_nanos() as u64
    }

    /// Reads what an earlier trial has left in the sockets.
    fn discard_leftovers(&mut self) -> io::Result<()> {
        for flow in self.flows {
            for way in [Way::Up, Way::Down] {
                // The bound ends this even if somebody floods the port.
                for _ in 0..100_000 {
                    flow.receiver(way).receive(&mut self.inbox)?;
                    if self.inbox.is_empty() {
                        break;
                    }
                }
            }
        }
        Ok(())
    }

    /// Sends what may be sent now; whether that was anything.
    fn send(&mut self) -> bool {
        match self.load.pace {
            Pace::Window(window) => {
                let mut any = false;
                for turn in 0..self.load.ways.len() {
                    for flow in 0..self.flows.len() {
                        any |= self.fill(turn, flow, window);
                    }
                }
                any || self.give_up()
            }
            Pace::Rate(rate) => self.keep_schedule(rate),
        }
    }

    fn fill(&mut self, turn: usize, flow: usize, window: u64) -> bool {
        let counts = &self.sequences[turn][flow].counts;
        let on_the_way = (counts.sent - counts.delivered).saturating_sub(self.given_up[turn][flow]);
        let room = window.saturating_sub(on_the_way).min(BATCH as u64);
        for _ in 0..room {
            let now = self.now();
            self.push(turn, flow, now, now);
        }
        self.flush(turn, flow);
        room > 0
    }

    /// Windows that nothing leaves any more would end the trial early: what was lost is taken for lost.
    fn give_up(&mut self) -> bool {
        let now = self.now();
        if now.saturating_sub(self.last_arrival) < STALL.as_nanos() as u64 {
            return false;
        }
        self.last_arrival = now;
        self.stalls += 1;
        for (given_up, sequences) in self.given_up.iter_mut().zip(&self.sequences) {
            for (given_up, sequence) in given_up.iter_mut().zip(sequences) {
                *given_up = sequence.counts.sent - sequence.counts.delivered;
            }
        }
        true
    }

    fn keep_schedule(&mut self, rate: u64) -> bool {
        let begin = self.scheduled;
        while self.scheduled < due(self.now().min(self.end), rate) && self.scheduled - begin < CATCH_UP {
            let flow = (self.scheduled % self.flows.len() as u64) as usize;
            let intended = intended(self.scheduled, rate);
            for turn in 0..self.load.ways.len() {
                let actual = self.now();
                self.late += u64::from(actual - intended > LATE.as_nanos() as u64);
                self.push(turn, flow, intended, actual);
                // GSO only pays for a burst of one flow; what is due alone leaves alone.
                self.flush(turn, flow);
            }
            self.scheduled += 1;
        }
        self.scheduled > begin
    }

    fn push(&mut self, turn: usize, flow: usize, intended: u64, actual: u64) {
        let way = self.load.ways[turn];
        let counts = &mut self.sequences[turn][flow].counts;
        let header = Header { run: self.load.run, flow: flow as u32, way, sequence: counts.sent, intended, actual };
        counts.sent += 1;
        payload::write(&mut self.scratch, &header);
        let destination = self.flows[flow].destination(way);
        let head = self.flows[flow].head(way, self.scratch.len());
        let head = head.as_ref().map_or(&[][..], |head| &head[..]);
        if !self.outbox.takes(destination, head.len() + self.scratch.len(), self.load.mode) {
            self.refused += self.flows[flow].sender(way).send(&mut self.outbox);
        }
        self.outbox.push(destination, head, &self.scratch);
    }

    fn flush(&mut self, turn: usize, flow: usize) {
        self.refused += self.flows[flow].sender(self.load.ways[turn]).send(&mut self.outbox);
    }

    /// How long to wait for arrivals when there is nothing to send. The last millisecond before the next datagram is spent awake.
    fn nap(&self) -> EpollTimeout {
        match self.load.pace {
            Pace::Window(_) => EpollTimeout::from(1u8),
            Pace::Rate(rate) => {
                let wait = intended(self.scheduled, rate).min(self.end).saturating_sub(self.now()) / 1_000_000;
                EpollTimeout::from(wait.saturating_sub(1).min(50) as u8)
            }
        }
    }

    fn receive(&mut self, wait: EpollTimeout) -> io::Result<()> {
        let mut events = [EpollEvent::empty(); 64];
        let ready = match self.epoll.wait(&mut events, wait) {
            Err(nix::Error::EINTR) => 0,
            other => other?,
        };
        for event in &events[..ready] {
            let (flow, turn) = (event.data() as usize / self.load.ways.len(), event.data() as usize % self.load.ways.len());
            for _ in 0..TURNS {
                self.flows[flow].receiver(self.load.ways[turn]).receive(&mut self.inbox)?;
                if self.inbox.is_empty() {
                    break;
                }
                self.take(turn, flow);
            }
        }
        Ok(())
    }

    /// Takes a received batch into account. One reading of the clock serves it all: what arrived together was there at that time.
    fn take(&mut self, turn: usize, flow: usize) {
        let now = self.begin.elapsed().as_nanos() as u64;
        let way = self.load.ways[turn];
        let sequence = &mut self.sequences[turn][flow];
        for (source, datagram) in self.inbox.datagrams() {
            let Some(payload) = self.flows[flow].payload(way, source, datagram) else { continue };
            match payload::read(payload, &self.template) {
                Received::Whole(header) if header.run != self.load.run => {}
                Received::Whole(header) if header.way == way && header.flow as usize == flow => {
                    self.last_arrival = now;
                    if sequence.arrived(header.sequence, now <= self.end) {
                        self.delays[turn].record(&header, now);
                    }
                }
                // Whole, but of another flow: the relay has mixed them up.
                Received::Whole(_) | Received::Corrupt => sequence.counts.corrupt += 1,
                Received::Foreign => {}
            }
        }
    }

    fn drain(&mut self, stop: &AtomicBool) -> io::Result<()> {
        let (begin, mut last) = (Instant::now(), (Instant::now(), self.last_arrival));
        let complete = |shard: &Self| shard.sequences.iter().flatten().all(|sequence| sequence.counts.lost() == 0);
        while !complete(self) && begin.elapsed() < DRAIN && last.0.elapsed() < QUIET && !stop.load(Ordering::Relaxed) {
            self.receive(EpollTimeout::from(10u8))?;
            if last.1 != self.last_arrival {
                last = (Instant::now(), self.last_arrival);
            }
        }
        Ok(())
    }

    fn outcome(self, sending: Duration, generator: Option<Cpu>, interrupted: bool) -> Outcome {
        let sent = self.sequences.iter().flatten().map(|sequence| sequence.counts.sent).sum();
        let offered = match self.load.pace {
            Pace::Window(_) => sent,
            // Of an interrupted trial only what was due until then.
            Pace::Rate(rate) => due((sending.as_nanos() as u64).min(self.end), rate) * self.load.ways.len() as u64,
        };
        Outcome {
            flows: self.sequences.into_iter().map(|way| way.into_iter().map(|sequence| sequence.counts).collect()).collect(),
            delays: self.delays,
            offered,
            refused: self.refused,
            late: self.late,
            stalls: self.stalls,
            sending,
            generator,
            interrupted,
        }
    }
}

/// When datagram `number` (from 0) is due, in ns after the beginning.
fn intended(number: u64, rate: u64) -> u64 {
    (u128::from(number) * 1_000_000_000 / u128::from(rate.max(1))) as u64
}

/// How many datagrams are due at `now`. The first is due at once: without the one every datagram would leave a slot late.
fn due(now: u64, rate: u64) -> u64 {
    (u128::from(now) * u128::from(rate) / 1_000_000_000) as u64 + 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_first_datagram_is_due_at_once_and_the_next_a_slot_later() {
        assert_eq!((due(0, 1000), due(999_999, 1000), due(1_000_000, 1000)), (1, 1, 2));
        assert_eq!((intended(0, 1000), intended(1, 1000)), (0, 1_000_000));
    }

    proptest! {
        #[test]
        fn no_datagram_is_sent_before_it_is_due(now in 0u64..60_000_000_000, rate in 1u64..5_000_000) {
            prop_assert!(intended(due(now, rate) - 1, rate) <= now);
        }
    }
}
