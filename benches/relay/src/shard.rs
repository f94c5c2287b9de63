//! The load's engine: one thread that owns all sockets of its flows, sends on schedule and receives what arrives.
//!
//! Both ends of a flow share a clock, so delays are one-way.

use crate::account::{Delays, Sequence};
use crate::flow::Flow;
use crate::io::{BATCH, Inbox, Outbox};
use crate::load::{LATE, Leg, Load, Outcome, SENDING, STALL, Stop, Traffic};
use crate::payload::{self, Header, Received, Way};
use crate::proc::{self, Cpu};
use crate::schedule::{Extent, Pace, Schedule};
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// How long one wait for stragglers takes, in ms.
const DRAIN_NAP: u8 = 10;
/// Stragglers are awaited this many times as long as one of them may be.
const DRAIN_TOTAL: u32 = 10;
/// Open-loop datagrams sent in a row before receiving has its turn.
const CATCH_UP: u64 = 64;
/// Batches from one socket before the others have their turn.
const TURNS: usize = 16;

pub(crate) struct Shard<'a> {
    flows: &'a [Flow],
    load: &'a Load,
    ways: &'static [Way],
    epoll: Epoll,
    begin: Instant,
    /// When the last datagram is due; the far future where that is not known.
    end: u64,
    /// When the second half of an open loop begins.
    half: u64,
    /// Of each way, of each flow.
    tracks: Vec<Vec<Track>>,
    delays: Vec<Delays>,
    template: Vec<u8>,
    /// Of an open loop.
    schedule: Option<Schedule>,
    scratch: Vec<u8>,
    inbox: Inbox,
    outbox: Outbox,
    /// Open loop: datagrams sent so far in each direction.
    scheduled: u64,
    refused: u64,
    late: u64,
    torn: u64,
    /// When the first datagram of the latest burst left.
    burst_begin: u64,
    stalls: u64,
    last_arrival: u64,
}

/// A flow in one direction.
#[derive(Default)]
struct Track {
    sequence: Sequence,
    /// The closed loop no longer waits for datagrams below this number.
    given_up: u64,
}

impl Track {
    /// What is below a number that has arrived has arrived too, or is lost.
    fn on_the_way(&self) -> u64 {
        self.sequence.counts.sent - self.sequence.next().max(self.given_up)
    }
}

impl<'a> Shard<'a> {
    pub(crate) fn new(flows: &'a [Flow], load: &'a Load) -> io::Result<Self> {
        let (epoll, ways) = (Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?, load.traffic.ways());
        for (index, flow) in flows.iter().enumerate() {
            for (turn, way) in ways.iter().enumerate() {
                let data = (index * ways.len() + turn) as u64;
                epoll.add(&flow.receiver(*way).socket, EpollEvent::new(EpollFlags::EPOLLIN, data))?;
            }
        }
        let template = payload::template(load.content.largest());
        let schedule = match load.pace {
            Pace::Rate(rate) => Some(Schedule::new(rate, load.content)),
            Pace::Window(_) => None,
        };
        let end = match load.extent {
            Extent::Time(duration) => duration.as_nanos() as u64,
            // All that arrives counts, and the trial lasts until it has.
            Extent::Count(_) => u64::MAX,
        };
        let half = match (load.extent, schedule) {
            (Extent::Count(count), Some(schedule)) => schedule.intended(count * flows.len() as u64 / 2),
            _ => end / 2,
        };
        Ok(Self {
            flows,
            load,
            ways,
            epoll,
            begin: Instant::now(),
            end,
            half,
            tracks: ways.iter().map(|_| flows.iter().map(|_| Track::default()).collect()).collect(),
            delays: ways.iter().map(|_| Delays::default()).collect(),
            scratch: template.clone(),
            template,
            schedule,
            inbox: Inbox::new(load.mode),
            outbox: Outbox::default(),
            scheduled: 0,
            refused: 0,
            late: 0,
            torn: 0,
            burst_begin: 0,
            stalls: 0,
            last_arrival: 0,
        })
    }

    pub(crate) fn run(mut self, stop: Stop<'_>) -> io::Result<Outcome> {
        self.discard_leftovers()?;
        let before = proc::own_thread();
        self.begin = Instant::now();
        while !self.has_sent_all() && !stop() {
            let sent = self.send();
            let wait = if sent { EpollTimeout::ZERO } else { self.nap() };
            self.receive(wait)?;
        }
        let sending = self.begin.elapsed();
        let generator = before.zip(proc::own_thread()).map(|(before, after)| after - before);
        let interrupted = !self.has_sent_all();
        self.drain(stop)?;
        Ok(self.outcome(sending, generator, interrupted))
    }

    fn now(&self) -> u64 {
        self.begin.elapsed().as_nanos() as u64
    }

    fn has_sent_all(&self) -> bool {
        match (self.load.extent, self.load.pace) {
            (Extent::Time(_), _) => self.now() >= self.end,
            (Extent::Count(count), Pace::Rate(_)) => self.scheduled >= count * self.flows.len() as u64,
            (Extent::Count(count), Pace::Window(_)) => {
                let scheduled = &self.tracks[..self.load.traffic.scheduled()];
                scheduled.iter().flatten().all(|track| track.sequence.counts.sent >= count)
            }
        }
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
        if let Some(schedule) = self.schedule {
            return self.keep_schedule(schedule);
        }
        match self.load.pace {
            Pace::Rate(_) => false,
            Pace::Window(window) => {
                let mut any = false;
                for turn in 0..self.load.traffic.scheduled() {
                    for flow in 0..self.flows.len() {
                        any |= self.fill(turn, flow, window);
                    }
                }
                any || self.give_up()
            }
        }
    }

    fn fill(&mut self, turn: usize, flow: usize, window: u64) -> bool {
        let on_the_way = match self.load.traffic {
            Traffic::Echo => self.tracks.iter().map(|way| way[flow].on_the_way()).sum(),
            _ => self.tracks[turn][flow].on_the_way(),
        };
        let left = match self.load.extent {
            Extent::Count(count) => count - self.tracks[turn][flow].sequence.counts.sent,
            Extent::Time(_) => u64::MAX,
        };
        let room = window.saturating_sub(on_the_way).min(BATCH as u64).min(left);
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
        for track in self.tracks.iter_mut().flatten() {
            track.given_up = track.sequence.counts.sent;
        }
        true
    }

    fn keep_schedule(&mut self, schedule: Schedule) -> bool {
        let last = match self.load.extent {
            Extent::Count(count) => count * self.flows.len() as u64,
            Extent::Time(_) => u64::MAX,
        };
        let (begin, mut flow) = (self.scheduled, 0);
        while self.scheduled < schedule.due(self.now().min(self.end)).min(last) && self.scheduled - begin < CATCH_UP.max(schedule.longest())
        {
            flow = schedule.flow(self.scheduled, self.flows.len());
            let intended = schedule.intended(self.scheduled);
            self.scheduled += 1;
            self.watch_burst(schedule);
            for turn in 0..self.load.traffic.scheduled() {
                let actual = self.now();
                self.late += u64::from(actual - intended > LATE.as_nanos() as u64);
                self.push(turn, flow, intended, actual);
                // Only a burst leaves together; what is due alone leaves alone.
                if schedule.begins(self.scheduled) || self.load.traffic.scheduled() > 1 {
                    self.flush(turn, flow);
                }
            }
        }
        // What is left of a burst that was cut: the next datagram may leave by another socket.
        self.flush(0, flow);
        self.scheduled > begin
    }

    /// Sees whether the burst of the datagram that leaves now stays together.
    fn watch_burst(&mut self, schedule: Schedule) {
        let now = self.now();
        if schedule.begins(self.scheduled - 1) {
            self.burst_begin = now;
        }
        let together = (LATE + SENDING * schedule.longest().min(u32::MAX.into()) as u32).as_nanos() as u64;
        self.torn += u64::from(schedule.begins(self.scheduled) && now - self.burst_begin > together);
    }

    fn push(&mut self, turn: usize, flow: usize, intended: u64, actual: u64) {
        let way = self.ways[turn];
        let counts = &mut self.tracks[turn][flow].sequence.counts;
        let header = Header { run: self.load.run, flow: flow as u32, way, sequence: counts.sent, intended, actual };
        counts.sent += 1;
        let size = self.load.content.size(header.sequence);
        payload::write(&mut self.scratch, &header);
        let payload = &self.scratch[..size];
        let destination = self.flows[flow].destination(way);
        let frame = self.flows[flow].frame(way, size);
        let parts = [frame.head(), payload, frame.tail()];
        if !self.outbox.takes(destination, parts.iter().map(|part| part.len()).sum(), self.load.mode) {
            self.refused += self.flows[flow].sender(way).send(&mut self.outbox);
        }
        self.outbox.push(destination, parts);
    }

    fn flush(&mut self, turn: usize, flow: usize) {
        self.refused += self.flows[flow].sender(self.ways[turn]).send(&mut self.outbox);
    }

    /// How long to wait for arrivals when there is nothing to send. The last millisecond before the next datagram is spent awake.
    fn nap(&self) -> EpollTimeout {
        match self.schedule {
            None => EpollTimeout::from(1u8),
            Some(schedule) => {
                let wait = schedule.intended(self.scheduled).min(self.end).saturating_sub(self.now()) / 1_000_000;
                EpollTimeout::from(wait.saturating_sub(1).min(50) as u8)
            }
        }
    }

    /// Receives what is there within `wait`; whether that was anything.
    fn receive(&mut self, wait: EpollTimeout) -> io::Result<bool> {
        let mut events = [EpollEvent::empty(); 64];
        let ready = match self.epoll.wait(&mut events, wait) {
            Err(nix::Error::EINTR) => 0,
            other => other?,
        };
        for event in &events[..ready] {
            let (flow, turn) = (event.data() as usize / self.ways.len(), event.data() as usize % self.ways.len());
            for _ in 0..TURNS {
                self.flows[flow].receiver(self.ways[turn]).receive(&mut self.inbox)?;
                if self.inbox.is_empty() {
                    break;
                }
                self.take(turn, flow);
            }
        }
        Ok(ready > 0)
    }

    /// Takes a received batch into account. One reading of the clock serves it all: what arrived together was there at that time.
    fn take(&mut self, turn: usize, flow: usize) {
        let (now, inbox) = (self.now(), std::mem::take(&mut self.inbox));
        let echo = self.load.traffic == Traffic::Echo && turn == 0;
        for (source, datagram) in inbox.datagrams() {
            if let Some(header) = self.account(turn, flow, source, datagram, now).filter(|_| echo) {
                self.push(1, flow, header.intended, header.actual);
            }
        }
        if echo {
            self.flush(1, flow);
        }
        self.inbox = inbox;
    }

    /// The header of a datagram that has arrived for the first time.
    fn account(&mut self, turn: usize, flow: usize, source: SocketAddr, datagram: &[u8], now: u64) -> Option<Header> {
        let way = self.ways[turn];
        let payload = self.flows[flow].payload(way, source, datagram)?;
        let sequence = &mut self.tracks[turn][flow].sequence;
        match payload::read(payload, self.load.content, &self.template) {
            Received::Whole(header) if header.run != self.load.run => None,
            Received::Whole(header) if header.way == way && header.flow as usize == flow => {
                self.last_arrival = now;
                let new = sequence.arrived(header.sequence, now <= self.end);
                if new {
                    self.delays[turn].record(&header, now, self.half);
                }
                new.then_some(header)
            }
            // Whole, but of another flow: the relay has mixed them up.
            Received::Whole(_) | Received::Corrupt => {
                sequence.counts.corrupt += 1;
                None
            }
            Received::Foreign => None,
        }
    }

    /// Waits for stragglers. Quiet time is counted in waits that brought nothing, so that time in which this thread did not run is not taken for silence.
    fn drain(&mut self, stop: Stop<'_>) -> io::Result<()> {
        let nap = Duration::from_millis(DRAIN_NAP.into());
        let (begin, mut quiet) = (Instant::now(), Duration::ZERO);
        while !self.is_complete() && quiet < self.load.patience && !stop() {
            if self.receive(EpollTimeout::from(DRAIN_NAP))? {
                quiet = Duration::ZERO;
            } else {
                quiet += nap;
            }
            if begin.elapsed() > self.load.patience * DRAIN_TOTAL {
                break;
            }
        }
        Ok(())
    }

    fn is_complete(&self) -> bool {
        self.tracks.iter().flatten().all(|track| track.sequence.counts.lost() == 0)
    }

    fn outcome(self, sending: Duration, generator: Option<Cpu>, interrupted: bool) -> Outcome {
        let scheduled = self.load.traffic.scheduled();
        let sent = self.tracks[..scheduled].iter().flatten().map(|track| track.sequence.counts.sent).sum();
        let offered = match (self.schedule, self.load.extent) {
            (None, _) => sent,
            (Some(_), Extent::Count(_)) => self.scheduled * scheduled as u64,
            // Of an interrupted trial only what was due until then.
            (Some(schedule), Extent::Time(_)) => schedule.due((sending.as_nanos() as u64).min(self.end)) * scheduled as u64,
        };
        let span = match self.load.extent {
            Extent::Time(_) => sending,
            Extent::Count(_) => sending.max(Duration::from_nanos(self.last_arrival)),
        };
        let leg = |((way, tracks), delays): ((&Way, Vec<Track>), Delays)| Leg {
            way: *way,
            flows: tracks.into_iter().map(|track| track.sequence.counts).collect(),
            delays,
        };
        Outcome {
            legs: self.ways.iter().zip(self.tracks).zip(self.delays).map(leg).collect(),
            offered,
            sent,
            refused: self.refused,
            late: self.late,
            torn: self.torn,
            stalls: self.stalls,
            begin: self.begin,
            sending,
            span,
            generator,
            interrupted,
        }
    }
}
