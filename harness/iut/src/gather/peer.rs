//! A whole peer around a [`Stack`]: the order of offer, answer, candidates and gathering.

use super::candidate::{attribute, candidate_address};
use super::{GatherOutput, Gatherer, Generation, LocalCandidate, Received, Stack, StackOutput};
use crate::{
    ApiEvent, CandidateSignal, Cause, Command, ConnectionState, Description, DescriptionKind, Endpoint, GatheringState, Input, NodeConfig,
    Ns, Output, SECOND, Signal, WakeLimit,
};
use std::collections::VecDeque;
use std::net::SocketAddr;

/// How long a description that carries all candidates waits for them. A server that does not answer fails only after 39.5 s (RFC 8489 section 6.2.1), and
/// no application makes its user wait for that. Candidates that come later are still given to the stack.
const DESCRIPTION_WAIT: Ns = 10 * SECOND;
/// Remote candidates that wait for their description.
const REMOTE_QUEUE_LIMIT: usize = 256;

/// A description that is to be made.
enum Work {
    Offer { restart: bool },
    Answer { offer: String },
}

/// What a description says about its generation.
#[derive(Default)]
struct Marks {
    ufrag: Option<String>,
    mid: Option<String>,
}

impl Marks {
    fn of(sdp: &str) -> Self {
        Self { ufrag: attribute(sdp, "ice-ufrag").map(str::to_owned), mid: attribute(sdp, "mid").map(str::to_owned) }
    }
}

/// An [`Endpoint`] for role [`crate::Role::Peer`].
pub struct Peer<S> {
    stack: S,
    gatherer: Gatherer,
    trickle: bool,
    now: Ns,
    outputs: VecDeque<Output>,
    started: bool,
    closed: bool,
    /// Waits for candidates, at most until the time beside it.
    work: Option<(Work, Ns)>,
    /// Candidates of this generation.
    candidates: Vec<LocalCandidate>,
    gathered: bool,
    /// The description of this generation has been made.
    described: bool,
    awaiting_answer: bool,
    local: Marks,
    remote: Option<Marks>,
    remote_queue: Vec<CandidateSignal>,
    wakes: WakeLimit,
    /// The log already says that the stack had to be held back.
    held_back: bool,
}

impl<S: Stack> Peer<S> {
    /// A peer that has not started yet.
    pub fn new(stack: S, config: &NodeConfig) -> Self {
        Self {
            stack,
            gatherer: Gatherer::new(config),
            trickle: config.trickle,
            now: 0,
            outputs: VecDeque::new(),
            started: false,
            closed: false,
            work: None,
            candidates: Vec::new(),
            gathered: false,
            described: false,
            awaiting_answer: false,
            local: Marks::default(),
            remote: None,
            remote_queue: Vec::new(),
            wakes: WakeLimit::default(),
            held_back: false,
        }
    }

    fn api(&mut self, event: ApiEvent) {
        self.outputs.push_back(Output::Api(event));
    }

    fn error(&mut self, operation: &str, message: impl Into<String>) {
        self.api(ApiEvent::Error { operation: operation.into(), message: message.into() });
    }

    fn handle_command(&mut self, command: Command) {
        let verb = command.verb().to_owned();
        let result = match command {
            Command::Start => {
                self.started = true;
                return;
            }
            Command::OpenChannel(_) | Command::CreateOffer | Command::RestartIce | Command::SendData { .. } | Command::Close
                if !self.started =>
            {
                Err("the node has not been started".into())
            }
            Command::OpenChannel(_) | Command::CreateOffer | Command::RestartIce | Command::SendData { .. } if self.closed => {
                Err("the connection is closed".into())
            }
            Command::OpenChannel(options) => self.stack.open_channel(self.now, &options),
            Command::CreateOffer => self.begin_offer(false),
            Command::RestartIce => self.begin_offer(true),
            Command::SendData { channel, data } => self.stack.send_data(self.now, &channel, &data),
            Command::Close => {
                self.close();
                Ok(())
            }
            _ => {
                self.api(ApiEvent::Unsupported { verb });
                return;
            }
        };
        if let Err(message) = result {
            self.error(&verb, message);
        }
    }

    fn begin_offer(&mut self, restart: bool) -> Result<(), String> {
        if self.awaiting_answer || self.work.is_some() {
            return Err("a negotiation is in progress".into());
        }
        if restart && self.remote.is_none() {
            return Err("there is no session to restart".into());
        }
        // Only the first offer and a restart begin a generation; another offer, say for a channel, keeps the candidates.
        let regather = restart || self.local.ufrag.is_none();
        self.begin(Work::Offer { restart }, regather);
        Ok(())
    }

    fn begin(&mut self, work: Work, regather: bool) {
        if regather {
            self.candidates.clear();
            (self.gathered, self.described) = (false, false);
            self.api(ApiEvent::Gathering(GatheringState::Gathering));
            if self.trickle {
                // The description goes first, so that no candidate overtakes it.
                self.negotiate(work);
                self.gatherer.start(self.now);
            } else {
                self.work = Some((work, self.now + DESCRIPTION_WAIT));
                self.gatherer.start(self.now);
            }
        } else {
            self.negotiate(work);
        }
    }

    fn negotiate(&mut self, work: Work) {
        let generation = Generation { candidates: &self.candidates, trickle: self.trickle && !self.gathered };
        let (kind, operation, result) = match &work {
            Work::Offer { restart } => {
                let operation = if *restart { "restart-ice" } else { "create-offer" };
                (DescriptionKind::Offer, operation, self.stack.offer(self.now, *restart, generation))
            }
            Work::Answer { offer } => (DescriptionKind::Answer, "answer", self.stack.answer(self.now, offer, generation).map(Some)),
        };
        self.described = true;
        match result {
            Ok(Some(sdp)) => {
                self.local = Marks::of(&sdp);
                self.outputs.push_back(Output::Signal(Signal::Description(Description { kind, sdp })));
            }
            Ok(None) => return self.error(operation, "there is nothing to negotiate"),
            Err(message) => return self.error(operation, message),
        }
        match work {
            Work::Offer { .. } => self.awaiting_answer = true,
            Work::Answer { offer } => self.remote_described(&offer),
        }
    }

    fn handle_signal(&mut self, signal: Signal) {
        if self.closed || !self.started {
            return self.error("signal", "the connection is not open");
        }
        match signal {
            Signal::Description(Description { kind: DescriptionKind::Offer, sdp }) => self.handle_offer(sdp),
            Signal::Description(Description { kind: DescriptionKind::Answer, sdp }) => self.handle_answer(&sdp),
            Signal::Candidate(candidate) => self.handle_candidate(candidate),
            // Neither stack acts on it: both go on checking until they time out.
            Signal::EndOfCandidates { .. } => {}
        }
    }

    fn handle_offer(&mut self, sdp: String) {
        if self.awaiting_answer || self.work.is_some() {
            return self.error("answer", "an offer came while a negotiation is in progress");
        }
        let ufrag = attribute(&sdp, "ice-ufrag");
        let restart = self.remote.as_ref().is_none_or(|remote| remote.ufrag.as_deref() != ufrag);
        self.begin(Work::Answer { offer: sdp }, restart);
    }

    fn handle_answer(&mut self, sdp: &str) {
        if !std::mem::take(&mut self.awaiting_answer) {
            return self.error("accept-answer", "there is no offer to answer");
        }
        match self.stack.accept_answer(self.now, sdp) {
            Ok(()) => self.remote_described(sdp),
            Err(message) => self.error("accept-answer", message),
        }
    }

    fn remote_described(&mut self, sdp: &str) {
        self.remote = Some(Marks::of(sdp));
        for peer in sdp.lines().filter_map(candidate_address) {
            self.gatherer.permit(self.now, peer.ip());
        }
        for candidate in std::mem::take(&mut self.remote_queue) {
            self.add_remote_candidate(candidate);
        }
    }

    fn handle_candidate(&mut self, candidate: CandidateSignal) {
        let expects_description = self.remote.is_none() || self.awaiting_answer || self.work.is_some();
        if !expects_description {
            self.add_remote_candidate(candidate);
        } else if self.remote_queue.len() < REMOTE_QUEUE_LIMIT {
            self.remote_queue.push(candidate);
        } else {
            self.error("add-candidate", "too many candidates came before their description");
        }
    }

    fn add_remote_candidate(&mut self, candidate: CandidateSignal) {
        let current = self.remote.as_ref().and_then(|remote| remote.ufrag.as_deref());
        if candidate.ufrag.is_some() && candidate.ufrag.as_deref() != current {
            let line = format!("candidate of another generation ignored: {}", candidate.candidate);
            return self.api(ApiEvent::Log(line));
        }
        if let Some(peer) = candidate_address(&candidate.candidate) {
            self.gatherer.permit(self.now, peer.ip());
        }
        if let Err(message) = self.stack.add_remote_candidate(self.now, &candidate) {
            self.error("add-candidate", message);
        }
    }

    fn handle_datagram(&mut self, local: SocketAddr, remote: SocketAddr, bytes: bytes::Bytes) {
        let (local, remote, bytes) = match self.gatherer.handle_datagram(self.now, local, remote, &bytes) {
            Received::Consumed => return,
            Received::NotMine => (local, remote, bytes),
            Received::Relayed { relayed, peer, bytes } => (relayed, peer, bytes),
        };
        if self.closed {
            return;
        }
        if let Err(message) = self.stack.handle_datagram(self.now, local, remote, bytes) {
            self.api(ApiEvent::Log(format!("datagram from {remote} to {local}: {message}")));
        }
    }

    fn handle_timeout(&mut self) {
        self.gatherer.handle_timeout(self.now);
        if !self.closed
            && let Err(message) = self.stack.handle_timeout(self.now)
        {
            self.error("timeout", message);
        }
    }

    fn close(&mut self) {
        if std::mem::replace(&mut self.closed, true) {
            return;
        }
        self.work = None;
        self.stack.close(self.now);
        // What the stack says in farewell may still go through a relay.
        self.drain_stack();
        self.gatherer.close(self.now);
    }

    /// Carries everything that the stack and the gatherer want to the outputs.
    fn drain(&mut self) {
        loop {
            while let Some(output) = self.gatherer.poll_output() {
                self.handle_gathered(output);
            }
            self.describe_if_due();
            if !self.drain_stack() {
                break;
            }
        }
    }

    fn describe_if_due(&mut self) {
        let due = self.work.as_ref().is_some_and(|(_, limit)| self.gathered || *limit <= self.now);
        if due && let Some((work, _)) = self.work.take() {
            self.negotiate(work);
        }
    }

    fn handle_gathered(&mut self, output: GatherOutput) {
        match output {
            GatherOutput::Datagram { local, remote, bytes } => self.transmit(local, remote, bytes),
            GatherOutput::Candidate(candidate) => self.handle_local_candidate(candidate),
            GatherOutput::Complete => {
                self.gathered = true;
                if self.described {
                    self.stack.end_of_local_candidates(self.now, &self.candidates);
                }
                self.api(ApiEvent::Gathering(GatheringState::Complete));
                if self.trickle {
                    let ufrag = self.local.ufrag.clone();
                    self.outputs.push_back(Output::Signal(Signal::EndOfCandidates { ufrag }));
                }
            }
            GatherOutput::Failed(message) => self.error("gather", message),
            GatherOutput::Log(line) => self.api(ApiEvent::Log(line)),
        }
    }

    fn handle_local_candidate(&mut self, candidate: LocalCandidate) {
        let attribute = match self.stack.add_local_candidate(self.now, &candidate, self.described) {
            Ok(Some(attribute)) => attribute,
            Ok(None) => return,
            Err(message) => return self.error("add-local-candidate", message),
        };
        self.candidates.push(candidate);
        self.api(ApiEvent::LocalCandidate(attribute.clone()));
        if self.trickle {
            let Marks { ufrag, mid } = &self.local;
            let signal = CandidateSignal { candidate: attribute, mid: mid.clone(), ufrag: ufrag.clone() };
            self.outputs.push_back(Output::Signal(Signal::Candidate(signal)));
        }
    }

    /// Whether the stack wanted anything.
    fn drain_stack(&mut self) -> bool {
        let mut busy = false;
        while let Some(output) = self.stack.poll(self.now) {
            busy = true;
            match output {
                StackOutput::Transmit { local, remote, bytes } if self.gatherer.is_relayed(local) => {
                    self.gatherer.send_via_relay(self.now, local, remote, bytes);
                }
                StackOutput::Transmit { local, remote, bytes } => self.transmit(local, remote, bytes),
                StackOutput::Event(event) => {
                    if let ApiEvent::Ice(ConnectionState::Connected | ConnectionState::Completed | ConnectionState::Failed) = event {
                        self.gatherer.conclude();
                    }
                    self.api(event);
                }
            }
        }
        busy
    }

    /// Stacks are not told of lost addresses and allocations; what they send from one goes nowhere.
    fn transmit(&mut self, local: SocketAddr, remote: SocketAddr, bytes: bytes::Bytes) {
        if self.gatherer.owns(local) {
            self.outputs.push_back(Output::Datagram { local, remote, bytes });
        } else {
            self.api(ApiEvent::Log(format!("{} bytes to {remote} dropped: {local} is not an address of this node", bytes.len())));
        }
    }

    /// A stack that returns a time in the past for ever must not stop the clock.
    fn stack_deadline(&mut self) -> Option<Ns> {
        let wanted = self.stack.poll_timeout().filter(|_| !self.closed)?;
        let deadline = self.wakes.deadline(self.now, wanted);
        if deadline > self.now.max(wanted) && !std::mem::replace(&mut self.held_back, true) {
            self.api(ApiEvent::Log("the stack asks again and again to be woken at once; it is woken every millisecond instead".into()));
        }
        Some(deadline)
    }
}

impl<S: Stack> Endpoint for Peer<S> {
    fn handle(&mut self, now: Ns, input: Input) {
        self.now = self.now.max(now);
        match input {
            Input::Timeout => {
                self.wakes.woken();
                self.handle_timeout();
            }
            Input::Datagram { local, remote, bytes } => self.handle_datagram(local, remote, bytes),
            Input::IcmpError(error) => self.gatherer.handle_icmp_error(&error),
            Input::AddressAdded(address) => self.gatherer.address_added(address),
            Input::AddressRemoved(address) => self.gatherer.address_removed(address),
            Input::Signal(signal) => self.handle_signal(signal),
            Input::Command(command) => self.handle_command(command),
            Input::Stream { .. } => self.api(ApiEvent::Log("a stream event came, but this peer opens no streams".into())),
        }
        self.drain();
    }

    fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    fn poll_timeout(&mut self) -> Option<(Ns, Cause)> {
        let gatherer = self.gatherer.poll_timeout();
        let description = self.work.as_ref().map(|(_, limit)| (*limit, "gathering-limit"));
        let stack = self.stack_deadline().map(|deadline| (deadline, "stack"));
        [gatherer, description, stack].into_iter().flatten().min()
    }
}
