//! Walks through the steps of a scenario: one after the other, each beginning when the one before has ended.

use super::NetworkAction;
use super::compose::{self, Memory};
use super::matching::{self, Received, Reported};
use super::program::{StepResult, StepVerdict};
use crate::plan::{CasePlan, Judged, PlannedPlayer};
use crate::scenario::model::Actor;
use crate::scenario::step::{Expect, ExpectDiscovery, ExpectEvent, ExpectNoEvent, ExpectNone, SendData, Step};
use crate::trace::Recorder;
use bytes::Bytes;
use iut::{ApiEvent, ChannelOptions, Command, DiscoveryAlgorithm, Ns};
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;

/// What a step wants done.
pub(super) enum Effect {
    Command(usize, Command),
    Send { node: usize, local: SocketAddr, remote: SocketAddr, bytes: Bytes },
    Network(NetworkAction),
}

pub(super) struct Timeline {
    plan: Arc<CasePlan>,
    cursor: usize,
    /// When the current step began, for steps that last.
    since: Option<Ns>,
    memory: Memory,
    inboxes: Vec<Vec<Received>>,
    events: Vec<Vec<Reported>>,
    unsupported: BTreeSet<usize>,
    results: Vec<StepResult>,
    met: BTreeMap<String, bool>,
    /// A probe found that the subject does not offer what the scenario is about.
    not_offered: bool,
}

/// Whether a step is over.
enum Progress {
    Done,
    Waits,
}

impl Timeline {
    pub(super) fn new(plan: Arc<CasePlan>) -> Self {
        let nodes = plan.nodes.len();
        let memory = Memory::new(&plan);
        Self {
            plan,
            cursor: 0,
            since: None,
            memory,
            inboxes: vec![Vec::new(); nodes],
            events: vec![Vec::new(); nodes],
            unsupported: BTreeSet::new(),
            results: Vec::new(),
            met: BTreeMap::new(),
            not_offered: false,
        }
    }

    pub(super) fn finished(&self) -> bool {
        self.cursor >= self.plan.timeline.len()
    }

    /// When the current step ends by itself.
    pub(super) fn deadline(&self) -> Option<Ns> {
        let (since, step) = (self.since?, self.plan.timeline.get(self.cursor)?);
        lasts(step).map(|duration| since.saturating_add(duration))
    }

    /// A datagram arrived at a node.
    pub(super) fn arrived(&mut self, now: Ns, node: usize, local: SocketAddr, remote: SocketAddr, bytes: Bytes, frame: u32) {
        self.memory.arrived(node, remote, &bytes);
        self.memory.received(node, &bytes);
        if self.plan.nodes[node].implementation().is_none() {
            self.inboxes[node].push(Received { at: now, local, remote, bytes, frame, taken: false });
        }
    }

    /// A node reported an event.
    pub(super) fn reported(&mut self, now: Ns, node: usize, event: ApiEvent, frame: u32) {
        if let ApiEvent::Unsupported { .. } = &event {
            self.unsupported.insert(node);
        }
        if let ApiEvent::Allocated { relayed, .. } = &event {
            self.memory.allocated(node, *relayed);
        }
        self.events[node].push(Reported { at: now, event, frame, taken: false });
    }

    /// Goes on until a step wants something done or has to wait.
    pub(super) fn advance(&mut self, now: Ns, recorder: &mut Recorder) -> Option<Effect> {
        while let Some(step) = Arc::clone(&self.plan).timeline.get(self.cursor) {
            if self.not_offered {
                self.decide(now, step, StepVerdict::Unsupported, "a probe has shown that this is not offered".into(), Vec::new(), recorder);
                self.next();
                continue;
            }
            if let Some(effect) = self.effect(now, step, recorder) {
                self.next();
                return Some(effect);
            }
            match self.progress(now, step, recorder) {
                Progress::Done => self.next(),
                Progress::Waits => return None,
            }
        }
        None
    }

    /// Decides what is left when the case ends.
    pub(super) fn finish(mut self, now: Ns, recorder: &mut Recorder) -> Vec<StepResult> {
        let plan = Arc::clone(&self.plan);
        let current = self.since.map(|_| self.cursor);
        for (index, step) in plan.timeline.iter().enumerate().skip(self.cursor) {
            // The step that was running had its chance as far as the case allowed; those after it never began.
            let verdict =
                if current == Some(index) && matches!(step.value, Step::Expect(_) | Step::ExpectEvent(_) | Step::ExpectDiscovery(_)) {
                    StepVerdict::NotMet
                } else {
                    StepVerdict::Inconclusive
                };
            self.decide(now, step, verdict, "the case ended before this was decided".into(), Vec::new(), recorder);
        }
        // Where something was not met, that says why a fault had no chance to happen.
        if self.results.iter().all(|result| result.verdict != StepVerdict::NotMet) {
            self.faults_that_never_happened(now);
        }
        self.results
    }

    /// A fault that never took effect leaves untested what the scenario is about.
    fn faults_that_never_happened(&mut self, now: Ns) {
        let plan = Arc::clone(&self.plan);
        for (node, party) in plan.nodes.iter().enumerate() {
            let PlannedPlayer::Actor(Actor::Dtls(options)) = &party.player else { continue };
            let happened = |number: usize| {
                let is = |event: &Reported| matches!(event.event, ApiEvent::Fault { number: own, .. } if own as usize == number);
                self.events[node].iter().any(is)
            };
            let missing: Vec<String> = (1..).zip(&options.faults).filter(|(n, _)| !happened(*n)).map(|(_, f)| f.to_string()).collect();
            if missing.is_empty() {
                continue;
            }
            self.results.push(StepResult {
                id: format!("faults-of-{}", party.name),
                subject: plan.judged(None, node),
                clauses: Vec::new(),
                reading: None,
                verdict: StepVerdict::Inconclusive,
                expected: "every fault of the actor takes effect".into(),
                observed: format!("never happened: {}", missing.join(", ")),
                frames: Vec::new(),
                at: now,
            });
        }
    }

    fn next(&mut self) {
        self.cursor += 1;
        self.since = None;
    }

    fn node(&self, name: &str) -> usize {
        self.plan.node(name).expect("node names of steps were checked when the scenario was loaded")
    }

    fn address(&self, name: &str, like: SocketAddr) -> SocketAddr {
        self.plan.address_of(self.node(name), Some(like.ip()))
    }

    fn own(&self, node: usize) -> SocketAddr {
        self.plan.address_of(node, None)
    }

    /// What the steps that end at once want.
    fn effect(&mut self, now: Ns, step: &Step, recorder: &mut Recorder) -> Option<Effect> {
        let effect = match step {
            Step::Send(send) => match compose::compose(&self.plan, &mut self.memory, send) {
                Ok(composed) => {
                    let node = self.node(&send.node);
                    Effect::Send { node, local: composed.local, remote: composed.remote, bytes: composed.bytes }
                }
                Err(reason) => {
                    // The address or nonce that the packet needs was never learned: later expectations will show that nothing came of it.
                    recorder.step(now, format!("not sent: {reason}"));
                    return None;
                }
            },
            Step::RebootNat(step) => Effect::Network(NetworkAction::RebootNat(step.of.value.clone())),
            Step::SetLink(step) => Effect::Network(NetworkAction::SetLink {
                of: step.of.value.clone(),
                link: step.link.clone().map(Box::new),
                down: step.down,
            }),
            Step::Crash(step) => Effect::Network(NetworkAction::Crash(self.node(&step.node))),
            Step::Bounce(step) => Effect::Network(NetworkAction::Bounce(self.node(&step.node))),
            Step::CrashGateway(step) => {
                Effect::Network(NetworkAction::CrashGateway { gateway: step.of.value.clone(), duration: step.duration.0 })
            }
            other => {
                let (node, command) = self.command(other)?;
                Effect::Command(node, command)
            }
        };
        recorder.step(now, describe(step));
        Some(effect)
    }

    fn command(&self, step: &Step) -> Option<(usize, Command)> {
        Some(match step {
            Step::OpenChannel(step) => {
                let options = ChannelOptions { label: step.label.clone(), ordered: !step.unordered, max_retransmits: step.max_retransmits };
                (self.node(&step.node), Command::OpenChannel(options))
            }
            Step::CreateOffer(step) => (self.node(&step.node), Command::CreateOffer),
            Step::RestartIce(step) => (self.node(&step.node), Command::RestartIce),
            Step::SendData(step) => {
                let channel = step.channel.clone().unwrap_or_default();
                (self.node(&step.node), Command::SendData { channel, data: message(step) })
            }
            Step::Connect(step) => {
                let node = self.node(&step.node);
                (node, Command::Connect { remote: self.address(&step.to, self.own(node)) })
            }
            Step::Bind(step) => {
                let node = self.node(&step.node);
                (node, Command::Bind { server: self.address(&step.to, self.own(node)) })
            }
            Step::Allocate(step) => {
                let node = self.node(&step.node);
                (node, Command::Allocate { server: self.address(&step.to, self.own(node)) })
            }
            Step::CreatePermission(step) => {
                let node = self.node(&step.node);
                (node, Command::CreatePermission { peers: vec![self.address(&step.peer, self.own(node))] })
            }
            Step::BindChannel(step) => {
                let node = self.node(&step.node);
                (node, Command::BindChannel { peer: self.address(&step.peer, self.own(node)) })
            }
            Step::SendToPeer(step) => {
                let node = self.node(&step.node);
                let data = Bytes::from(step.text.clone().into_bytes());
                (node, Command::SendToPeer { peer: self.address(&step.peer, self.own(node)), data })
            }
            Step::Refresh(step) => {
                let seconds = u32::try_from(step.lifetime.0 / iut::SECOND).expect("a day fits");
                (self.node(&step.node), Command::Refresh { lifetime: seconds })
            }
            Step::Discover(step) => {
                let node = self.node(&step.node);
                let algorithm = match step.algorithm {
                    crate::scenario::step::Algorithm::Rfc3489 => DiscoveryAlgorithm::Rfc3489,
                    crate::scenario::step::Algorithm::Rfc5780 => DiscoveryAlgorithm::Rfc5780,
                };
                (node, Command::Discover { server: self.address(&step.server, self.own(node)), algorithm })
            }
            Step::Close(step) => (self.node(&step.node), Command::Close),
            Step::Probe(step) => (self.node(&step.node), Command::Probe { verb: "natproof-probe".into() }),
            _ => return None,
        })
    }

    /// Begins or continues a step that lasts.
    fn progress(&mut self, now: Ns, step: &Step, recorder: &mut Recorder) -> Progress {
        let Some(duration) = lasts(step) else { return Progress::Done };
        let begins = self.since.is_none();
        let since = *self.since.get_or_insert(now);
        let until = since.saturating_add(duration);
        if begins {
            recorder.step(now, describe(step));
        }
        let decided = match step {
            Step::Expect(expect) => self.expect(expect),
            Step::ExpectNone(expect) => self.expect_none(expect, since),
            Step::ExpectEvent(expect) => self.expect_event(expect),
            Step::ExpectNoEvent(expect) => self.expect_no_event(expect, since),
            Step::ExpectDiscovery(expect) => self.expect_discovery(expect),
            _ => None,
        };
        match decided {
            Some((verdict, observed, frames)) => self.decide(now, step, verdict, observed, frames, recorder),
            None if now < until => return Progress::Waits,
            None => {
                let (verdict, observed) = self.time_is_over(step, since);
                self.not_offered |= matches!(step, Step::Expect(expect) if expect.probe);
                self.decide(now, step, verdict, observed, Vec::new(), recorder);
            }
        }
        Progress::Done
    }

    fn expect(&mut self, expect: &Expect) -> Option<Decision> {
        let node = self.node(&expect.node);
        let fits = |received: &Received| matching::packet(&self.plan, &self.memory, node, &expect.packet, received);
        let index = self.inboxes[node].iter().position(|received| !received.taken && fits(received))?;
        let received = &mut self.inboxes[node][index];
        received.taken = true;
        self.memory.met(&expect.id, received.remote, &received.bytes);
        Some((StepVerdict::Met, received.summary(), vec![received.frame]))
    }

    fn expect_none(&mut self, expect: &ExpectNone, since: Ns) -> Option<Decision> {
        let node = self.node(&expect.node);
        let fits = |received: &&Received| {
            received.at >= since && !received.taken && matching::packet(&self.plan, &self.memory, node, &expect.packet, received)
        };
        let received = self.inboxes[node].iter().find(fits)?;
        Some((StepVerdict::NotMet, received.summary(), vec![received.frame]))
    }

    fn expect_event(&mut self, expect: &ExpectEvent) -> Option<Decision> {
        let node = self.node(&expect.node);
        let reported = self.events[node].iter_mut().find(|reported| !reported.taken && matching::event(&expect.event, reported))?;
        reported.taken = true;
        Some((StepVerdict::Met, reported.summary(), vec![reported.frame]))
    }

    fn expect_no_event(&mut self, expect: &ExpectNoEvent, since: Ns) -> Option<Decision> {
        let node = self.node(&expect.node);
        let fits = |reported: &&Reported| reported.at >= since && !reported.taken && matching::event(&expect.event, reported);
        let reported = self.events[node].iter().find(fits)?;
        Some((StepVerdict::NotMet, reported.summary(), vec![reported.frame]))
    }

    fn expect_discovery(&mut self, expect: &ExpectDiscovery) -> Option<Decision> {
        let node = self.node(&expect.node);
        let found = self.events[node].iter_mut().find(|reported| !reported.taken && matches!(reported.event, ApiEvent::Discovered(_)))?;
        found.taken = true;
        let ApiEvent::Discovered(words) = &found.event else { return None };
        let wanted = self.plan.network.discoverable(node, words.starts_with("rfc3489="));
        let verdict = if *words == wanted { StepVerdict::Met } else { StepVerdict::NotMet };
        Some((verdict, words.clone(), vec![found.frame]))
    }

    /// The time of a step that lasts is over and nothing has decided it.
    fn time_is_over(&self, step: &Step, since: Ns) -> (StepVerdict, String) {
        match step {
            Step::ExpectNone(expect) => self.silence(&expect.twin),
            Step::ExpectNoEvent(expect) => self.silence(&expect.twin),
            Step::Expect(expect) => {
                let verdict = if expect.probe { StepVerdict::Unsupported } else { StepVerdict::NotMet };
                (verdict, matching::arrivals(&self.inboxes[self.node(&expect.node)], since))
            }
            Step::ExpectEvent(expect) => (StepVerdict::NotMet, matching::reports(&self.events[self.node(&expect.node)], since)),
            Step::ExpectDiscovery(_) => (StepVerdict::NotMet, "the algorithm did not end".into()),
            _ => (StepVerdict::Met, String::new()),
        }
    }

    /// Silence proves something only where the same stimulus, done right, was answered.
    fn silence(&self, twin: &str) -> (StepVerdict, String) {
        match self.met.get(twin) {
            Some(true) => (StepVerdict::Met, "nothing".into()),
            _ => (StepVerdict::Inconclusive, format!("nothing, but its positive twin `{twin}` was not met either")),
        }
    }

    /// Of an implementation that said that it cannot do what a step asked for, only what it was seen to do counts: neither silence nor
    /// what it did instead shows anything.
    fn unless_unsupported(&self, step: &Step, verdict: StepVerdict, node: usize, subject: Judged) -> StepVerdict {
        let waits_for_silence = matches!(step, Step::ExpectNone(_) | Step::ExpectNoEvent(_));
        let judged = if let Judged::Node(judged) = subject { judged } else { node };
        let unsupported = self.unsupported.contains(&node) || self.unsupported.contains(&judged);
        if unsupported && (waits_for_silence || verdict != StepVerdict::Met) { StepVerdict::Unsupported } else { verdict }
    }

    fn decide(&mut self, now: Ns, step: &Step, verdict: StepVerdict, observed: String, frames: Vec<u32>, recorder: &mut Recorder) {
        let Some(about) = step.expectation() else { return };
        let node = self.node(about.node.as_str());
        let expected = match step {
            Step::ExpectDiscovery(_) => {
                format!("as configured: {}", self.plan.network.discoverable(node, observed.starts_with("rfc3489=")))
            }
            _ => expected(step),
        };
        // What a network does is judged where no implementation takes part.
        let network = matches!(step, Step::ExpectDiscovery(_));
        let subject = if network { Judged::Network } else { self.plan.judged(about.subject.map(|subject| subject.as_str()), node) };
        let verdict = self.unless_unsupported(step, verdict, node, subject);
        self.met.insert(about.id.value.clone(), verdict == StepVerdict::Met);
        recorder.step(now, format!("{}: {}", about.id.value, verdict_word(verdict)));
        let clauses = about.clauses.iter().map(|clause| clause.value.clone()).collect();
        let (id, reading) = (about.id.value.clone(), about.reading.map(|reading| reading.value.clone()));
        self.results.push(StepResult { id, subject, clauses, reading, verdict, expected, observed, frames, at: now });
    }
}

type Decision = (StepVerdict, String, Vec<u32>);

/// What a step expects, in words. What a discovery is to find depends on the algorithm that ran.
fn expected(step: &Step) -> String {
    match step {
        Step::Expect(e) => format!("{} within {}", matching::describe_packet(&e.packet), e.within),
        Step::ExpectNone(e) => format!("no {} for {}", matching::describe_packet(&e.packet), e.duration),
        Step::ExpectEvent(e) => format!("{} within {}", matching::describe_event(&e.event), e.within),
        Step::ExpectNoEvent(e) => format!("no {} for {}", matching::describe_event(&e.event), e.duration),
        _ => String::new(),
    }
}

fn verdict_word(verdict: StepVerdict) -> &'static str {
    match verdict {
        StepVerdict::Met => "met",
        StepVerdict::NotMet => "not met",
        StepVerdict::Inconclusive => "inconclusive",
        StepVerdict::Unsupported => "unsupported",
    }
}

/// How long a step lasts; `None` for those that end at once.
pub(crate) fn lasts(step: &Step) -> Option<Ns> {
    match step {
        Step::Wait(wait) => Some(wait.duration.0),
        _ => step.expectation().map(|about| about.lasts.0),
    }
}

fn message(step: &SendData) -> Bytes {
    let text = step.text.as_bytes();
    match step.size {
        Some(size) if !text.is_empty() => text.iter().copied().cycle().take(size as usize).collect(),
        _ => Bytes::copy_from_slice(text),
    }
}

/// One line for the trace.
fn describe(step: &Step) -> String {
    match step {
        Step::OpenChannel(s) => format!("{}: open channel {}", s.node.value, s.label),
        Step::CreateOffer(s) => format!("{}: create offer", s.node.value),
        Step::RestartIce(s) => format!("{}: restart ICE", s.node.value),
        Step::SendData(s) => format!("{}: send data {:?}", s.node.value, s.text),
        Step::Connect(s) => format!("{}: connect to {}", s.node.value, s.to.value),
        Step::Bind(s) => format!("{}: Binding transaction with {}", s.node.value, s.to.value),
        Step::Allocate(s) => format!("{}: allocate at {}", s.node.value, s.to.value),
        Step::CreatePermission(s) => format!("{}: create permission for {}", s.node.value, s.peer.value),
        Step::BindChannel(s) => format!("{}: bind channel to {}", s.node.value, s.peer.value),
        Step::SendToPeer(s) => format!("{}: send {:?} to {} through the relay", s.node.value, s.text, s.peer.value),
        Step::Refresh(s) => format!("{}: refresh with lifetime {}", s.node.value, s.lifetime),
        Step::Discover(s) => format!("{}: discover with {:?}", s.node.value, s.algorithm),
        Step::Close(s) => format!("{}: close", s.node.value),
        Step::Probe(s) => format!("{}: send an unknown verb", s.node.value),
        Step::Send(s) => format!("{}: send to {}", s.node.value, s.to.value),
        Step::Wait(s) => format!("wait {}", s.duration),
        Step::RebootNat(s) => format!("the NAT of {} reboots", s.of.value),
        Step::SetLink(s) => format!("the link of {} changes", s.of.value),
        Step::Crash(s) => format!("the host of {} dies", s.node.value),
        Step::Bounce(s) => format!("the host of {} starts again", s.node.value),
        Step::CrashGateway(s) => format!("the gateway of {} dies for {}", s.of.value, s.duration),
        other => other.expectation().map_or_else(String::new, |about| format!("{}: expect {}", about.id.value, expected(other))),
    }
}
