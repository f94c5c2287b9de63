//! The application of a peer: commands and signals in, calls and events out.
//!
//! Life cycle: the node waits for [`Command::Start`], builds the connection, and then takes events of the connection before inputs of the scenario, one at a
//! time, until it is closed or dropped. An offer is made on command, on an ICE restart, and when the connection asks for a negotiation after the first one
//! (a channel opened on a connection that had none); an answer is made when an offer arrives.

use crate::certificate;
use crate::handler::{Event, Handler};
use crate::runtime::{NodeRuntime, Tasks};
use bytes::BytesMut;
use iut::{
    ApiEvent, AsyncEndpoint, BoxFuture, BuildError, CandidateSignal, CandidateType, ChannelOptions, Command, ConnectionState, Credential,
    Description, DescriptionKind, Emitter, GatheringState, Host, Input, Network, NodeConfig, PairView, ServerKind, ServerUrl, Signal,
    TransportPolicy,
};
use rtc::ice::mdns::MulticastDnsMode;
use rtc::peer_connection::configuration::RTCOfferOptions;
use rtc::peer_connection::transport::{RTCDtlsTransportState, RTCIceCandidatePair};
use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use webrtc::data_channel::{DataChannel, DataChannelEvent, RTCDataChannelInit};
use webrtc::error::{Error, Result};
use webrtc::peer_connection::{
    PeerConnection, PeerConnectionBuilder, RTCCertificate, RTCConfigurationBuilder, RTCIceCandidate, RTCIceCandidateInit,
    RTCIceCandidateType, RTCIceConnectionState, RTCIceGatheringState, RTCIceServer, RTCIceTransportPolicy, RTCPeerConnectionIceEvent,
    RTCPeerConnectionState, RTCSessionDescription, SettingEngineBuilder,
};

/// A peer that has not started.
pub(crate) struct Node {
    config: NodeConfig,
    certificate: RTCCertificate,
}

impl Node {
    pub(crate) fn new(config: NodeConfig) -> std::result::Result<Self, BuildError> {
        let certificate = certificate::fixture(config.dtls.certificate)?;
        Ok(Self { config, certificate })
    }
}

impl AsyncEndpoint for Node {
    fn run(self: Box<Self>, host: Host) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            let Host { network, mut inputs, emitter } = host;
            let tasks = Tasks::default();
            let _guard = tasks.guard();
            if !started(&mut inputs, &emitter).await {
                return;
            }
            match Peer::connect(*self, network, tasks, emitter.clone()).await {
                Ok((peer, events)) => peer.run(events, inputs).await,
                Err(error) => emitter.api(failed("start", &error)),
            }
        })
    }
}

/// Waits for the start; refuses everything before it.
async fn started(inputs: &mut UnboundedReceiver<Input>, emitter: &Emitter) -> bool {
    while let Some(input) = inputs.recv().await {
        match input {
            Input::Command(Command::Start) => return true,
            Input::Command(command) => {
                emitter.api(ApiEvent::Error { operation: command.verb().into(), message: "the node has not started".into() })
            }
            _ => {}
        }
    }
    false
}

fn failed(operation: &str, error: &Error) -> ApiEvent {
    ApiEvent::Error { operation: operation.into(), message: error.to_string() }
}

struct Peer {
    connection: Box<dyn PeerConnection>,
    trickle: bool,
    emitter: Emitter,
    tasks: Tasks,
    events: UnboundedSender<Event>,
    channels: BTreeMap<String, Arc<dyn DataChannel>>,
    /// Bundled candidates: the description that waits for the end of gathering.
    unsent: Option<DescriptionKind>,
    /// Candidates that came before the description they belong to.
    early: VecDeque<RTCIceCandidateInit>,
    seen: Seen,
}

/// What was reported last, for what the connection lets an application read but does not announce.
#[derive(Default)]
struct Seen {
    pair: Option<PairView>,
    dtls: Option<ConnectionState>,
}

impl Peer {
    async fn connect(node: Node, network: Arc<dyn Network>, tasks: Tasks, emitter: Emitter) -> Result<(Self, UnboundedReceiver<Event>)> {
        let (events, receiver) = mpsc::unbounded_channel();
        let Node { config, certificate } = node;
        let policy = match config.transport_policy {
            TransportPolicy::All => RTCIceTransportPolicy::All,
            TransportPolicy::Relay => RTCIceTransportPolicy::Relay,
        };
        let configuration = RTCConfigurationBuilder::new()
            .with_ice_servers(config.servers.iter().map(ice_server).collect())
            .with_ice_transport_policy(policy)
            .with_certificates(vec![certificate])
            .build();
        let connection = PeerConnectionBuilder::new()
            .with_configuration(configuration)
            .with_setting_engine(SettingEngineBuilder::new().with_multicast_dns_mode(MulticastDnsMode::Disabled).build())
            .with_runtime(Arc::new(NodeRuntime { network, tasks: tasks.clone() }))
            .with_handler(Arc::new(Handler(events.clone())))
            .with_udp_addrs(local_addresses(&config))
            .build()
            .await?;
        let peer = Self {
            connection: Box::new(connection),
            trickle: config.trickle,
            emitter,
            tasks,
            events,
            channels: BTreeMap::new(),
            unsent: None,
            early: VecDeque::new(),
            seen: Seen::default(),
        };
        Ok((peer, receiver))
    }

    async fn run(mut self, mut events: UnboundedReceiver<Event>, mut inputs: UnboundedReceiver<Input>) {
        loop {
            tokio::select! {
                biased;
                Some(event) = events.recv() => self.on_event(event).await,
                input = inputs.recv() => match input {
                    Some(Input::Command(Command::Close)) | None => break,
                    Some(Input::Command(command)) => self.on_command(command).await,
                    Some(Input::Signal(signal)) => self.on_signal(signal).await,
                    // The application of this crate hears of neither ICMP errors nor address changes.
                    Some(_) => {}
                },
            }
            self.observe().await;
        }
        let closed = self.connection.close().await;
        while let Ok(event) = events.try_recv() {
            self.on_event(event).await;
        }
        self.report("close", closed);
    }

    fn report(&self, operation: &str, result: Result<()>) {
        if let Err(error) = result {
            self.emitter.api(failed(operation, &error));
        }
    }

    async fn on_command(&mut self, command: Command) {
        let verb = command.verb().to_owned();
        let result = match command {
            Command::CreateOffer => self.offer(false).await,
            Command::RestartIce => self.offer(true).await,
            Command::OpenChannel(options) => self.open_channel(options).await,
            Command::SendData { channel, data } => self.send(&channel, &data).await,
            Command::Start => Err(Error::Other("the node has started already".into())),
            _ => {
                self.emitter.api(ApiEvent::Unsupported { verb });
                return;
            }
        };
        self.report(&verb, result);
    }

    async fn offer(&mut self, ice_restart: bool) -> Result<()> {
        let offer = self.connection.create_offer(Some(RTCOfferOptions { ice_restart })).await?;
        self.set_local(offer, DescriptionKind::Offer).await
    }

    async fn set_local(&mut self, description: RTCSessionDescription, kind: DescriptionKind) -> Result<()> {
        let sdp = description.sdp.clone();
        self.connection.set_local_description(description).await?;
        if self.trickle {
            self.emitter.signal(Signal::Description(Description { kind, sdp }));
        } else {
            self.unsent = Some(kind);
        }
        Ok(())
    }

    async fn open_channel(&mut self, options: ChannelOptions) -> Result<()> {
        let init = RTCDataChannelInit { ordered: options.ordered, max_retransmits: options.max_retransmits, ..Default::default() };
        let channel = self.connection.create_data_channel(&options.label, Some(init)).await?;
        self.adopt(options.label, channel);
        Ok(())
    }

    /// Keeps a channel and forwards what it reports.
    fn adopt(&mut self, label: String, channel: Arc<dyn DataChannel>) {
        self.channels.insert(label.clone(), Arc::clone(&channel));
        let events = self.events.clone();
        self.tasks.spawn(async move {
            while let Some(event) = channel.poll().await {
                if events.send(Event::OnChannel { label: label.clone(), event }).is_err() {
                    break;
                }
            }
        });
    }

    async fn send(&self, label: &str, data: &[u8]) -> Result<()> {
        let channel = self.channels.get(label).ok_or_else(|| Error::Other(format!("there is no channel `{label}`")))?;
        channel.send(BytesMut::from(data)).await
    }

    async fn on_signal(&mut self, signal: Signal) {
        match signal {
            Signal::Description(description) => {
                let (operation, result) = match description.kind {
                    DescriptionKind::Offer => ("answer", self.answer(description.sdp).await),
                    DescriptionKind::Answer => ("accept-answer", self.accept(description.sdp).await),
                };
                self.report(operation, result);
            }
            Signal::Candidate(signal) => self.add_candidate(remote_candidate(signal)).await,
            // An empty candidate ends a generation (RFC 8838 section 14, W3C addIceCandidate).
            Signal::EndOfCandidates { ufrag } => {
                self.add_candidate(RTCIceCandidateInit { username_fragment: ufrag, ..Default::default() }).await;
            }
        }
    }

    async fn answer(&mut self, offer: String) -> Result<()> {
        self.connection.set_remote_description(RTCSessionDescription::offer(offer)?).await?;
        self.add_early_candidates().await;
        let answer = self.connection.create_answer(None).await?;
        self.set_local(answer, DescriptionKind::Answer).await
    }

    async fn accept(&mut self, answer: String) -> Result<()> {
        self.connection.set_remote_description(RTCSessionDescription::answer(answer)?).await?;
        self.add_early_candidates().await;
        Ok(())
    }

    async fn add_candidate(&mut self, candidate: RTCIceCandidateInit) {
        if self.connection.remote_description().await.is_none() {
            self.early.push_back(candidate);
            return;
        }
        let result = self.connection.add_ice_candidate(candidate).await;
        self.report("add-candidate", result);
    }

    async fn add_early_candidates(&mut self) {
        for candidate in std::mem::take(&mut self.early) {
            let result = self.connection.add_ice_candidate(candidate).await;
            self.report("add-candidate", result);
        }
    }

    async fn on_event(&mut self, event: Event) {
        match event {
            Event::Gathering(state) => self.on_gathering(state).await,
            Event::Candidate(event) => self.on_candidate(event),
            Event::CandidateError(error) => self.emitter.api(ApiEvent::Error {
                operation: "gather".into(),
                message: format!("{} {} from {} at {}:{}", error.error_code, error.error_text, error.url, error.address, error.port),
            }),
            Event::Ice(state) => self.emitter.api(ice_event(state)),
            Event::Connection(state) => self.emitter.api(connection_event(state)),
            Event::NegotiationNeeded => self.renegotiate().await,
            Event::Channel(channel) => match channel.label().await {
                Ok(label) => self.adopt(label, channel),
                Err(error) => self.emitter.api(failed("accept-channel", &error)),
            },
            Event::OnChannel { label, event } => self.on_channel(label, event),
        }
    }

    /// The first negotiation is the scenario's to begin; later needs are met at once, as applications do.
    async fn renegotiate(&mut self) {
        if self.connection.current_remote_description().await.is_some() {
            let result = self.offer(false).await;
            self.report("negotiate", result);
        }
    }

    async fn on_gathering(&mut self, state: RTCIceGatheringState) {
        match state {
            RTCIceGatheringState::Gathering => self.emitter.api(ApiEvent::Gathering(GatheringState::Gathering)),
            RTCIceGatheringState::Complete => {
                self.emitter.api(ApiEvent::Gathering(GatheringState::Complete));
                if self.trickle {
                    self.emitter.signal(Signal::EndOfCandidates { ufrag: None });
                }
                if let Some(kind) = self.unsent.take()
                    && let Some(description) = self.connection.local_description().await
                {
                    self.emitter.signal(Signal::Description(Description { kind, sdp: description.sdp }));
                }
            }
            _ => {}
        }
    }

    fn on_candidate(&mut self, event: RTCPeerConnectionIceEvent) {
        match event.candidate.to_json() {
            Ok(candidate) => {
                self.emitter.api(ApiEvent::LocalCandidate(candidate.candidate.clone()));
                if self.trickle {
                    self.emitter.signal(Signal::Candidate(local_candidate(candidate)));
                }
            }
            Err(error) => self.emitter.api(failed("gather", &error)),
        }
    }

    fn on_channel(&mut self, label: String, event: DataChannelEvent) {
        self.emitter.api(match event {
            DataChannelEvent::OnOpen => ApiEvent::ChannelOpen { label },
            DataChannelEvent::OnMessage(message) => ApiEvent::Data { channel: label, bytes: message.data.freeze() },
            DataChannelEvent::OnClose => ApiEvent::ChannelClosed { label },
            DataChannelEvent::OnError => ApiEvent::Error { operation: "channel".into(), message: format!("error on channel `{label}`") },
            _ => return,
        });
    }

    /// Reports changes that the connection does not announce: the DTLS state and the selected pair.
    async fn observe(&mut self) {
        let Some(sctp) = self.connection.sctp().await else { return };
        let dtls = sctp.transport();
        if let Some(state) = dtls.state().await.ok().and_then(dtls_state)
            && self.seen.dtls.replace(state) != Some(state)
        {
            self.emitter.api(ApiEvent::Dtls(state));
        }
        let selected = dtls.ice_transport().get_selected_candidate_pair().await.ok().flatten();
        if let Some(pair) = selected.and_then(|pair| pair_view(&pair))
            && self.seen.pair.replace(pair.clone()).as_ref() != Some(&pair)
        {
            self.emitter.api(ApiEvent::SelectedPair(pair));
        }
    }
}

/// Each address gets a socket; the ports count up from the configured one.
fn local_addresses(config: &NodeConfig) -> Vec<SocketAddr> {
    (0u16..).zip(&config.addresses).map(|(index, ip)| SocketAddr::new(*ip, config.port.saturating_add(index))).collect()
}

fn ice_server(server: &ServerUrl) -> RTCIceServer {
    let urls = vec![match server.kind {
        ServerKind::Stun => format!("stun:{}", server.address),
        ServerKind::Turn => format!("turn:{}?transport=udp", server.address),
    }];
    let Credential { username, password: credential } =
        server.credential.clone().unwrap_or_else(|| Credential { username: String::new(), password: String::new() });
    RTCIceServer { urls, username, credential }
}

fn remote_candidate(signal: CandidateSignal) -> RTCIceCandidateInit {
    RTCIceCandidateInit { candidate: signal.candidate, sdp_mid: signal.mid, username_fragment: signal.ufrag, ..Default::default() }
}

fn local_candidate(candidate: RTCIceCandidateInit) -> CandidateSignal {
    // The crate reports an empty `mid`; all media descriptions share one transport, so the candidate belongs to the first.
    let mid = candidate.sdp_mid.filter(|mid| !mid.is_empty());
    CandidateSignal { candidate: candidate.candidate, mid, ufrag: candidate.username_fragment }
}

fn pair_view(pair: &RTCIceCandidatePair) -> Option<PairView> {
    Some(PairView { local: candidate_view(pair.local())?, remote: candidate_view(pair.remote())? })
}

fn candidate_view(candidate: &RTCIceCandidate) -> Option<(SocketAddr, CandidateType)> {
    let kind = match candidate.typ {
        RTCIceCandidateType::Host => CandidateType::Host,
        RTCIceCandidateType::Srflx => CandidateType::ServerReflexive,
        RTCIceCandidateType::Prflx => CandidateType::PeerReflexive,
        RTCIceCandidateType::Relay => CandidateType::Relayed,
        _ => return None,
    };
    Some((SocketAddr::new(candidate.address.parse().ok()?, candidate.port), kind))
}

fn ice_event(state: RTCIceConnectionState) -> ApiEvent {
    ApiEvent::Ice(match state {
        RTCIceConnectionState::Checking => ConnectionState::Connecting,
        RTCIceConnectionState::Connected => ConnectionState::Connected,
        RTCIceConnectionState::Completed => ConnectionState::Completed,
        RTCIceConnectionState::Disconnected => ConnectionState::Disconnected,
        RTCIceConnectionState::Failed => ConnectionState::Failed,
        RTCIceConnectionState::Closed => ConnectionState::Closed,
        other => return ApiEvent::Log(format!("ICE state {other}")),
    })
}

fn connection_event(state: RTCPeerConnectionState) -> ApiEvent {
    ApiEvent::Connection(match state {
        RTCPeerConnectionState::Connecting => ConnectionState::Connecting,
        RTCPeerConnectionState::Connected => ConnectionState::Connected,
        RTCPeerConnectionState::Disconnected => ConnectionState::Disconnected,
        RTCPeerConnectionState::Failed => ConnectionState::Failed,
        RTCPeerConnectionState::Closed => ConnectionState::Closed,
        other => return ApiEvent::Log(format!("connection state {other}")),
    })
}

fn dtls_state(state: RTCDtlsTransportState) -> Option<ConnectionState> {
    match state {
        RTCDtlsTransportState::Connecting => Some(ConnectionState::Connecting),
        RTCDtlsTransportState::Connected => Some(ConnectionState::Connected),
        RTCDtlsTransportState::Failed => Some(ConnectionState::Failed),
        RTCDtlsTransportState::Closed => Some(ConnectionState::Closed),
        _ => None,
    }
}
