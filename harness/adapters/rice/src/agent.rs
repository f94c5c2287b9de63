//! The ICE agent: gathering, exchange of candidates, checks, and data over the selected pair.

use crate::description::{IceDescription, MID};
use bytes::Bytes;
use iut::{
    ApiEvent, CandidateSignal, Cause, Command, ConnectionState, Description, DescriptionKind, Endpoint, GatheringState, Input, NodeConfig,
    Ns, Output, PairView, ServerKind, Signal, TransportPolicy, WakeLimit,
};
use rice_proto::agent::{Agent, AgentPoll, AgentSelectedPair};
use rice_proto::candidate::{Candidate, CandidateType, TransportType};
use rice_proto::component::{ComponentConnectionState, RTP};
use rice_proto::stream::{Credentials, GatheredCandidate, StreamMut};
use rice_proto::turn::{TurnConfig, TurnCredentials};
use rice_proto::{AddressFamily, random_string};
use std::collections::VecDeque;
use std::net::SocketAddr;
use stun_proto::Instant;
use stun_proto::agent::{StunError, Transmit};

pub(crate) struct IceAgent {
    config: NodeConfig,
    agent: Agent,
    stream: usize,
    credentials: Credentials,
    /// The local addresses that datagrams are taken on, once gathering has begun.
    sockets: Vec<SocketAddr>,
    exchange: Exchange,
    outputs: VecDeque<Output>,
    deadline: Option<Ns>,
    now: Ns,
    wake: WakeLimit,
}

/// How far the exchange with the other agent is.
#[derive(Default)]
struct Exchange {
    /// The description that this agent owes or has sent; `None` before it has one to send.
    kind: Option<DescriptionKind>,
    sent: bool,
    /// Local candidates that wait for the description which carries them.
    unsent: Vec<String>,
    gathered: bool,
    /// Whether the description of the other agent has come.
    described: bool,
    /// What came before it.
    early: Vec<CandidateSignal>,
    early_end: bool,
    closed: bool,
}

/// How often one input may make the crate want something at once; beyond it the driver's next wake-up continues.
const POLLS: usize = 4096;
/// Candidates that may come before the description they belong to.
const MAX_EARLY: usize = 256;
/// Payload of a UDP datagram over IPv4, less what a TURN channel or Send indication adds.
const MAX_DATA: usize = 65_507 - 64;

impl IceAgent {
    pub(crate) fn new(config: &NodeConfig) -> Self {
        let mut agent = Agent::builder().trickle_ice(config.trickle).controlling(config.offerer).build();
        let stream = agent.add_stream();
        // RFC 8445 section 5.3: at least 24 bits of randomness for the fragment, 128 for the password.
        let credentials = Credentials::new(random_string(4), random_string(22));
        let mut ice = Self {
            config: config.clone(),
            agent,
            stream,
            credentials,
            sockets: Vec::new(),
            exchange: Exchange::default(),
            outputs: VecDeque::new(),
            deadline: None,
            now: 0,
            wake: WakeLimit::default(),
        };
        let credentials = ice.credentials.clone();
        let mut stream = ice.stream();
        stream.add_component().expect("a new stream has room for its first component");
        stream.set_local_credentials(credentials);
        ice
    }

    fn stream(&mut self) -> StreamMut<'_> {
        self.agent.mut_stream(self.stream).expect("the stream was added when the agent was built")
    }

    fn at(&self) -> Instant {
        Instant::from_nanos(i64::try_from(self.now).unwrap_or(i64::MAX))
    }

    fn api(&mut self, event: ApiEvent) {
        self.outputs.push_back(Output::Api(event));
    }

    fn error(&mut self, operation: &str, message: impl ToString) {
        self.api(ApiEvent::Error { operation: operation.into(), message: message.to_string() });
    }

    fn command(&mut self, command: Command) {
        match command {
            Command::Start => {}
            Command::CreateOffer if self.exchange.kind.is_some() => self.error("create-offer", "the exchange has begun already"),
            Command::CreateOffer => self.begin(DescriptionKind::Offer),
            Command::SendData { channel, data } if channel.is_empty() => self.send(&data),
            Command::Close => self.close(),
            // The crate offers no restart.
            other => self.api(ApiEvent::Unsupported { verb: other.verb().into() }),
        }
    }

    /// Begins to gather, and sends the description: at once when candidates trickle, otherwise when all are known.
    fn begin(&mut self, kind: DescriptionKind) {
        self.exchange.kind = Some(kind);
        self.api(ApiEvent::Gathering(GatheringState::Gathering));
        if let Err(reason) = self.gather() {
            self.error("gather", reason);
        }
        if self.config.trickle {
            self.send_description(kind);
        }
    }

    fn gather(&mut self) -> Result<(), String> {
        let sockets: Vec<_> = self.config.addresses.iter().map(|address| SocketAddr::new(*address, self.config.port)).collect();
        let stun: Vec<_> =
            self.config.servers.iter().filter(|url| url.kind == ServerKind::Stun).map(|url| (TransportType::Udp, url.address)).collect();
        let turn = self.turn_configs()?;
        self.sockets = sockets.iter().copied().chain(turn.iter().map(|(local, _)| *local)).collect();
        let with_turn: Vec<_> = turn.iter().map(|(local, config)| (*local, config)).collect();
        let (direct, stun) = match self.config.transport_policy {
            TransportPolicy::All => (sockets, stun),
            TransportPolicy::Relay => (Vec::new(), Vec::new()),
        };
        let direct: Vec<_> = direct.into_iter().map(|socket| (TransportType::Udp, socket)).collect();
        let mut stream = self.stream();
        let mut component = stream.mut_component(RTP).expect("the component was added when the agent was built");
        component.gather_candidates(&direct, &stun, &with_turn).map_err(|reason| reason.to_string())
    }

    /// A socket and a configuration for each TURN server that this node can reach.
    fn turn_configs(&self) -> Result<Vec<(SocketAddr, TurnConfig)>, String> {
        let mut configs = Vec::new();
        for url in self.config.servers.iter().filter(|url| url.kind == ServerKind::Turn) {
            let Some(address) = self.config.addresses.iter().find(|address| address.is_ipv4() == url.address.is_ipv4()) else { continue };
            let credential = url.credential.as_ref().ok_or_else(|| format!("no credential for {}", url.address))?;
            // The crate asks that a TURN client's socket is none of those that host candidates use.
            let offset = u16::try_from(configs.len() + 1).map_err(|_| "too many TURN servers".to_string())?;
            let local = SocketAddr::new(*address, self.config.port.wrapping_add(offset).max(1));
            let mut config =
                TurnConfig::new(TransportType::Udp, url.address, TurnCredentials::new(&credential.username, &credential.password));
            if url.address.is_ipv6() {
                config.set_address_family(AddressFamily::IPV6);
            }
            configs.push((local, config));
        }
        Ok(configs)
    }

    fn send_description(&mut self, kind: DescriptionKind) {
        let candidates = std::mem::take(&mut self.exchange.unsent);
        let Credentials { ufrag, passwd: password } = self.credentials.clone();
        let sdp = IceDescription { ufrag, password, candidates, more_follow: self.config.trickle }.to_sdp();
        self.exchange.sent = true;
        self.outputs.push_back(Output::Signal(Signal::Description(Description { kind, sdp })));
    }

    fn signal(&mut self, signal: Signal) {
        match signal {
            Signal::Description(description) => self.described(&description),
            Signal::Candidate(candidate) if self.exchange.described => self.add_remote(&candidate.candidate),
            Signal::Candidate(candidate) if self.exchange.early.len() < MAX_EARLY => self.exchange.early.push(candidate),
            Signal::Candidate(_) => self.error("add-candidate", "too many candidates without a description"),
            Signal::EndOfCandidates { .. } if self.exchange.described => self.stream().end_of_remote_candidates(),
            Signal::EndOfCandidates { .. } => self.exchange.early_end = true,
        }
    }

    fn described(&mut self, description: &Description) {
        let expected = match self.exchange.kind {
            _ if self.exchange.described => false,
            None => description.kind == DescriptionKind::Offer,
            Some(DescriptionKind::Offer) => description.kind == DescriptionKind::Answer,
            Some(DescriptionKind::Answer) => false,
        };
        if !expected {
            return self.error("set-remote-description", format!("an unexpected {:?}", description.kind));
        }
        let remote = match IceDescription::from_sdp(&description.sdp) {
            Ok(remote) => remote,
            Err(reason) => return self.error("set-remote-description", reason),
        };
        self.exchange.described = true;
        self.stream().set_remote_credentials(Credentials::new(remote.ufrag, remote.password));
        for candidate in
            remote.candidates.into_iter().chain(std::mem::take(&mut self.exchange.early).into_iter().map(|early| early.candidate))
        {
            self.add_remote(&candidate);
        }
        if description.kind == DescriptionKind::Offer {
            self.begin(DescriptionKind::Answer);
        }
        if !remote.more_follow || self.exchange.early_end {
            self.stream().end_of_remote_candidates();
        }
    }

    fn add_remote(&mut self, attribute: &str) {
        let attribute = attribute.strip_prefix("a=").unwrap_or(attribute);
        match format!("a={attribute}").parse::<Candidate>() {
            // RFC 8839 section 5.1: candidates of components that are not in use are ignored.
            Ok(candidate) if candidate.component_id == RTP && candidate.transport_type == TransportType::Udp => {
                self.stream().add_remote_candidate(candidate);
            }
            Ok(_) => self.api(ApiEvent::Log(format!("ignored, not UDP or not component 1: {attribute}"))),
            Err(reason) => self.error("add-candidate", format!("{reason:?}: {attribute}")),
        }
    }

    fn send(&mut self, data: &Bytes) {
        if data.len() > MAX_DATA {
            return self.error("send-data", format!("{} bytes do not fit into a datagram", data.len()));
        }
        let now = self.at();
        let mut stream = self.stream();
        let mut component = stream.mut_component(RTP).expect("the component was added when the agent was built");
        match component.send(data.as_ref(), now) {
            Ok(transmit) => self.transmit(transmit),
            Err(reason) => self.error("send-data", reason),
        }
    }

    fn close(&mut self) {
        if self.exchange.closed {
            return self.error("close", "the agent is closed");
        }
        let now = self.at();
        self.agent.close(now);
    }

    fn transmit(&mut self, transmit: Transmit<Box<[u8]>>) {
        let output = Output::Datagram { local: transmit.from, remote: transmit.to, bytes: Bytes::from(transmit.data) };
        self.outputs.push_back(output);
    }

    fn datagram(&mut self, local: SocketAddr, remote: SocketAddr, bytes: &Bytes) {
        if !self.sockets.contains(&local) || self.exchange.closed {
            return;
        }
        let now = self.at();
        let mut stream = self.stream();
        let reply = stream.handle_incoming_data(RTP, Transmit::new(bytes.as_ref(), TransportType::Udp, remote, local), now);
        let mut delivered: Vec<Bytes> = reply.data.iter().map(|data| Bytes::copy_from_slice(data.as_ref())).collect();
        // The crate panics at the next datagram unless all of this is taken now.
        while let Some(pending) = stream.poll_recv() {
            delivered.push(pending.data.into());
        }
        for bytes in delivered {
            self.api(ApiEvent::Data { channel: String::new(), bytes });
        }
    }

    /// Takes what the agent wants to send and say, until it wants to wait.
    fn poll(&mut self) {
        if self.exchange.closed {
            self.deadline = None;
            return;
        }
        for _ in 0..POLLS {
            let before = self.outputs.len();
            let now = self.at();
            while let Some(transmit) = self.agent.poll_transmit(now) {
                self.transmit(transmit.transmit);
            }
            match self.agent.poll(now) {
                AgentPoll::WaitUntil(wanted) if self.outputs.len() == before => {
                    self.deadline = Some(u64::try_from(wanted.as_nanos()).unwrap_or(0));
                    return;
                }
                AgentPoll::WaitUntil(_) => {}
                AgentPoll::Closed => {
                    self.exchange.closed = true;
                    self.deadline = None;
                    return self.api(ApiEvent::Ice(ConnectionState::Closed));
                }
                AgentPoll::GatheredCandidate(gathered) => self.gathered(gathered.gathered),
                AgentPoll::GatheringComplete(_) => self.gathering_complete(),
                AgentPoll::ComponentStateChange(change) => self.state_changed(change.state),
                AgentPoll::SelectedPair(selected) => self.selected(&selected),
                AgentPoll::AllocateSocket(socket) => {
                    // Only TCP asks for sockets in the middle of a run; see the crate's documentation above.
                    let refused = Err(StunError::ResourceNotFound);
                    self.stream().allocated_socket(socket.component_id, socket.transport, socket.from, socket.to, refused, now);
                }
                // UDP sockets of a node are not closed: a candidate may share its socket with others.
                AgentPoll::RemoveSocket(_) => {}
            }
        }
        self.deadline = Some(self.now);
    }

    fn gathered(&mut self, gathered: GatheredCandidate) {
        let attribute = gathered.candidate.to_sdp_string().trim_start_matches("a=").to_string();
        if !self.stream().add_local_gathered_candidate(gathered) {
            return;
        }
        self.api(ApiEvent::LocalCandidate(attribute.clone()));
        if self.config.trickle {
            let ufrag = Some(self.credentials.ufrag.clone());
            let signal = CandidateSignal { candidate: attribute, mid: Some(MID.into()), ufrag };
            self.outputs.push_back(Output::Signal(Signal::Candidate(signal)));
        } else {
            self.exchange.unsent.push(attribute);
        }
    }

    fn gathering_complete(&mut self) {
        if std::mem::replace(&mut self.exchange.gathered, true) {
            return;
        }
        self.stream().end_of_local_candidates();
        self.api(ApiEvent::Gathering(GatheringState::Complete));
        match self.exchange.kind {
            _ if self.config.trickle => {
                let ufrag = Some(self.credentials.ufrag.clone());
                self.outputs.push_back(Output::Signal(Signal::EndOfCandidates { ufrag }));
            }
            Some(kind) if !self.exchange.sent => self.send_description(kind),
            _ => {}
        }
    }

    fn state_changed(&mut self, state: ComponentConnectionState) {
        match state {
            ComponentConnectionState::New => {}
            ComponentConnectionState::Connecting => self.api(ApiEvent::Ice(ConnectionState::Connecting)),
            ComponentConnectionState::Connected => self.api(ApiEvent::Ice(ConnectionState::Connected)),
            ComponentConnectionState::Failed => self.api(ApiEvent::Ice(ConnectionState::Failed)),
        }
    }

    /// The crate leaves it to the application to use the pair that it selected.
    fn selected(&mut self, selected: &AgentSelectedPair) {
        let pair = selected.selected.candidate_pair().clone();
        let view = PairView { local: view(&pair.local), remote: view(&pair.remote) };
        let mut stream = self.stream();
        let mut component = stream.mut_component(RTP).expect("the component was added when the agent was built");
        match component.set_selected_pair(pair) {
            Ok(()) => self.api(ApiEvent::SelectedPair(view)),
            Err(reason) => self.error("select-pair", reason),
        }
    }
}

fn view(candidate: &Candidate) -> (SocketAddr, iut::CandidateType) {
    let kind = match candidate.candidate_type {
        CandidateType::Host => iut::CandidateType::Host,
        CandidateType::ServerReflexive => iut::CandidateType::ServerReflexive,
        CandidateType::PeerReflexive => iut::CandidateType::PeerReflexive,
        CandidateType::Relayed => iut::CandidateType::Relayed,
    };
    (candidate.address, kind)
}

impl Endpoint for IceAgent {
    fn handle(&mut self, now: Ns, input: Input) {
        self.now = now;
        match input {
            Input::Timeout => self.wake.woken(),
            Input::Datagram { local, remote, bytes } => self.datagram(local, remote, &bytes),
            Input::Signal(signal) => self.signal(signal),
            Input::Command(command) => self.command(command),
            // The crate has no interface for ICMP errors or address changes, and no stream is ever opened.
            _ => return,
        }
        self.poll();
    }

    fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    fn poll_timeout(&mut self) -> Option<(Ns, Cause)> {
        Some((self.wake.deadline(self.now, self.deadline?), "ice"))
    }
}
