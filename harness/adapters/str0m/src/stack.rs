//! [`Stack`] for str0m: one [`Rtc`] and its data channels.

use crate::crypto;
use crate::states::States;
use bytes::Bytes;
use iut::gather::{Generation, LocalCandidate, Stack, StackOutput};
use iut::{ApiEvent, BuildError, CandidateSignal, CandidateType, ChannelOptions, ConnectionState, NodeConfig, Ns};
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use str0m::change::{SdpAnswer, SdpOffer, SdpPendingOffer};
use str0m::channel::{ChannelConfig, ChannelId, Reliability};
use str0m::config::DtlsVersion;
use str0m::net::{Protocol, Receive};
use str0m::{Candidate, DATAGRAM_MTU_TARGET_MAX, DATAGRAM_MTU_TARGET_MIN, Event, Input, Output, Rtc, RtcConfig, RtcError};

/// Deadlines beyond this are the crate's way to say "never".
const NEVER: Duration = Duration::from_secs(50 * 365 * 86_400);

/// One peer connection.
pub(crate) struct Str0mStack {
    rtc: Rtc,
    base: Instant,
    states: States,
    pending: Option<SdpPendingOffer>,
    /// The username fragment of the last description of this side.
    ufrag: Option<String>,
    /// Whether a description with an application section is agreed on, so that channels open without an offer.
    agreed: bool,
    /// Channels that wait for an offer or for that agreement.
    wanted: Vec<ChannelConfig>,
    channels: Vec<(ChannelId, String)>,
    /// Local candidates that the crate has.
    local: Vec<(LocalCandidate, Candidate)>,
    outputs: VecDeque<StackOutput>,
    deadline: Option<Ns>,
    dead: bool,
}

impl Str0mStack {
    pub(crate) fn new(config: &NodeConfig) -> Result<Self, BuildError> {
        // The crate draws tie-breakers, fragments and transaction identifiers from this thread's generator.
        fastrand::seed(config.seed);
        let base = Instant::now();
        let mut settings = RtcConfig::new()
            .set_crypto_provider(Arc::new(crypto::provider()))
            .set_dtls_cert(crypto::fixture(config.dtls.certificate))
            .set_dtls_version(match config.dtls.version {
                iut::DtlsVersion::V12 => DtlsVersion::Dtls12,
                iut::DtlsVersion::V13 => DtlsVersion::Dtls13,
                iut::DtlsVersion::Default => RtcConfig::new().dtls_version(),
            });
        if let Some(mtu) = config.dtls.mtu.map(usize::from) {
            if !(DATAGRAM_MTU_TARGET_MIN..=DATAGRAM_MTU_TARGET_MAX).contains(&mtu) {
                let range = format!("{DATAGRAM_MTU_TARGET_MIN} to {DATAGRAM_MTU_TARGET_MAX}");
                return Err(BuildError::Unsupported(format!("a maximum DTLS datagram size of {mtu}, only {range}")));
            }
            settings = settings.set_mtu(mtu..=mtu);
        }
        Ok(Self {
            rtc: settings.build(base),
            base,
            states: States::default(),
            pending: None,
            ufrag: None,
            agreed: false,
            wanted: Vec::new(),
            channels: Vec::new(),
            local: Vec::new(),
            outputs: VecDeque::new(),
            deadline: None,
            dead: false,
        })
    }

    fn instant(&self, now: Ns) -> Instant {
        self.base + Duration::from_nanos(now)
    }

    fn report(&mut self, events: impl IntoIterator<Item = ApiEvent>) {
        self.outputs.extend(events.into_iter().map(StackOutput::Event));
    }

    fn log(&mut self, line: impl Into<String>) {
        self.report([ApiEvent::Log(line.into())]);
    }

    /// The crate takes the time of a negotiation from the last input.
    fn advance(&mut self, now: Ns) -> Result<(), String> {
        if self.dead {
            return Err("the connection has failed".into());
        }
        let now = self.instant(now);
        words(self.rtc.handle_input(Input::Timeout(now)))
    }

    /// An error of `poll_output` or of a timeout comes again and again, so it is the end.
    fn die(&mut self, error: &RtcError) {
        self.dead = true;
        self.deadline = None;
        self.rtc.disconnect();
        self.report([ApiEvent::Error { operation: "str0m".into(), message: error.to_string() }]);
        let dtls = if matches!(error, RtcError::Dtls(_)) { self.states.dtls(ConnectionState::Failed) } else { Vec::new() };
        self.report(dtls);
        let failed = self.states.failed();
        self.report(failed);
    }

    fn handle_event(&mut self, event: Event) {
        let events = match event {
            Event::IceConnectionStateChange(state) => self.states.ice(state),
            Event::Connected => self.states.dtls(ConnectionState::Connected),
            Event::Closed => self.states.closed(),
            Event::ChannelOpen(id, label) => {
                self.channels.push((id, label.clone()));
                vec![ApiEvent::ChannelOpen { label }]
            }
            Event::ChannelClose(id) => {
                let label = self.label(id);
                self.channels.retain(|(own, _)| *own != id);
                vec![ApiEvent::ChannelClosed { label }]
            }
            Event::ChannelData(data) => vec![ApiEvent::Data { channel: self.label(data.id), bytes: data.data.into() }],
            // There is no media, and nobody waits for buffers.
            _ => Vec::new(),
        };
        self.report(events);
    }

    fn label(&self, id: ChannelId) -> String {
        self.channels.iter().find(|(own, _)| *own == id).map(|(_, label)| label.clone()).unwrap_or_default()
    }

    /// Drops candidates that the generation did not find again.
    fn forget_others(&mut self, candidates: &[LocalCandidate]) {
        let (kept, gone) = std::mem::take(&mut self.local).into_iter().partition(|(own, _)| candidates.contains(own));
        self.local = kept;
        let gone: Vec<(LocalCandidate, Candidate)> = gone;
        for (_, candidate) in &gone {
            self.rtc.direct_api().invalidate_candidate(candidate);
        }
    }

    /// Channels that were asked for before there was an application section. None of them needs an offer now.
    fn open_wanted(&mut self) -> Result<(), String> {
        self.agreed = true;
        if self.wanted.is_empty() {
            return Ok(());
        }
        let mut changes = self.rtc.sdp_api();
        for config in self.wanted.drain(..) {
            changes.add_channel_with_config(config);
        }
        if changes.apply().is_some() { Err("the peer agreed to no data channels".into()) } else { Ok(()) }
    }
}

fn words<T>(result: Result<T, RtcError>) -> Result<T, String> {
    result.map_err(|error| error.to_string())
}

fn candidate(candidate: &LocalCandidate) -> Result<Candidate, String> {
    // The local address of a relayed candidate only matters to interface statistics, which are not used.
    let local = if candidate.kind == CandidateType::Relayed { candidate.related.unwrap_or(candidate.address) } else { candidate.base };
    match candidate.kind {
        CandidateType::Host => Candidate::host(candidate.address, Protocol::Udp),
        CandidateType::ServerReflexive => Candidate::server_reflexive(candidate.address, candidate.base, Protocol::Udp),
        CandidateType::Relayed => Candidate::relayed(candidate.address, local, Protocol::Udp),
        CandidateType::PeerReflexive => return Err("peer-reflexive candidates are not gathered".into()),
    }
    .map_err(|error| error.to_string())
}

impl Stack for Str0mStack {
    fn open_channel(&mut self, now: Ns, options: &ChannelOptions) -> Result<(), String> {
        self.advance(now)?;
        let reliability = options.max_retransmits.map_or(Reliability::Reliable, |retransmits| Reliability::MaxRetransmits { retransmits });
        let config = ChannelConfig { label: options.label.clone(), ordered: options.ordered, reliability, ..ChannelConfig::default() };
        self.wanted.push(config);
        if self.agreed { self.open_wanted() } else { Ok(()) }
    }

    fn offer(&mut self, now: Ns, restart: bool, generation: Generation<'_>) -> Result<Option<String>, String> {
        self.advance(now)?;
        if !generation.trickle {
            self.forget_others(generation.candidates);
        }
        let mut changes = self.rtc.sdp_api();
        let credentials = restart.then(|| changes.ice_restart(true));
        for config in self.wanted.drain(..) {
            changes.add_channel_with_config(config);
        }
        let Some((offer, pending)) = changes.apply() else { return Ok(None) };
        self.pending = Some(pending);
        self.ufrag = Some(credentials.unwrap_or_else(|| self.rtc.direct_api().local_ice_credentials()).ufrag);
        Ok(Some(offer.to_sdp_string()))
    }

    fn answer(&mut self, now: Ns, offer: &str, generation: Generation<'_>) -> Result<String, String> {
        self.advance(now)?;
        if !generation.trickle {
            self.forget_others(generation.candidates);
        }
        let offer = SdpOffer::from_sdp_string(offer).map_err(|error| error.to_string())?;
        let answer = words(self.rtc.sdp_api().accept_offer(offer))?;
        self.ufrag = Some(self.rtc.direct_api().local_ice_credentials().ufrag);
        self.open_wanted()?;
        Ok(answer.to_sdp_string())
    }

    fn accept_answer(&mut self, now: Ns, answer: &str) -> Result<(), String> {
        self.advance(now)?;
        let pending = self.pending.take().ok_or("there is no offer to answer")?;
        let answer = SdpAnswer::from_sdp_string(answer).map_err(|error| error.to_string())?;
        words(self.rtc.sdp_api().accept_answer(pending, answer))?;
        self.open_wanted()
    }

    fn add_local_candidate(&mut self, now: Ns, found: &LocalCandidate, _: bool) -> Result<Option<String>, String> {
        self.advance(now)?;
        let own = candidate(found)?;
        let known = self.local.iter().find(|(known, _)| known == found).map(|(_, known)| known.clone());
        // The crate calls a candidate of the generation before redundant, but it has to be announced again.
        let mut added = match known {
            Some(known) => known,
            None => match self.rtc.add_local_candidate(own) {
                Some(added) => {
                    let added = added.clone();
                    self.local.push((found.clone(), added.clone()));
                    added
                }
                None => return Ok(None),
            },
        };
        // During a restart the crate still marks new candidates with the old fragment.
        if let Some(ufrag) = &self.ufrag {
            added.set_ufrag(ufrag);
        }
        Ok(Some(added.to_sdp_string()))
    }

    fn end_of_local_candidates(&mut self, _: Ns, candidates: &[LocalCandidate]) {
        self.forget_others(candidates);
    }

    fn add_remote_candidate(&mut self, now: Ns, signal: &CandidateSignal) -> Result<(), String> {
        self.advance(now)?;
        let candidate = Candidate::from_sdp_string(&signal.candidate).map_err(|error| error.to_string())?;
        self.rtc.add_remote_candidate(candidate);
        Ok(())
    }

    fn send_data(&mut self, now: Ns, channel: &str, data: &[u8]) -> Result<(), String> {
        self.advance(now)?;
        let id = self
            .channels
            .iter()
            .rev()
            .find(|(_, label)| label == channel)
            .map(|(id, _)| *id)
            .ok_or("there is no open channel with this label")?;
        let mut channel = self.rtc.channel(id).ok_or("the channel is not open")?;
        if words(channel.write(true, data))? { Ok(()) } else { Err("the channel is full".into()) }
    }

    fn close(&mut self, now: Ns) {
        let closed = self.advance(now).and_then(|()| words(self.rtc.close()));
        if let Err(error) = closed {
            self.log(format!("closing: {error}"));
        }
    }

    fn handle_datagram(&mut self, now: Ns, local: SocketAddr, remote: SocketAddr, bytes: Bytes) -> Result<(), String> {
        if self.dead {
            return Ok(());
        }
        let receive = Receive::new(Protocol::Udp, remote, local, &bytes).map_err(|error| error.to_string())?;
        let now = self.instant(now);
        words(self.rtc.handle_input(Input::Receive(now, receive)))
    }

    fn handle_timeout(&mut self, now: Ns) -> Result<(), String> {
        if !self.dead {
            let now = self.instant(now);
            if let Err(error) = self.rtc.handle_input(Input::Timeout(now)) {
                self.die(&error);
            }
        }
        Ok(())
    }

    fn poll(&mut self, _: Ns) -> Option<StackOutput> {
        while self.outputs.is_empty() && !self.dead {
            match self.rtc.poll_output() {
                Ok(Output::Timeout(time)) => {
                    let wait = time.saturating_duration_since(self.base);
                    self.deadline = (wait < NEVER).then(|| u64::try_from(wait.as_nanos()).unwrap_or(u64::MAX));
                    if !self.rtc.is_alive() {
                        let events = self.states.closed();
                        self.report(events);
                    }
                    break;
                }
                Ok(Output::Transmit(transmit)) => {
                    let bytes = Bytes::copy_from_slice(&transmit.contents);
                    return Some(StackOutput::Transmit { local: transmit.source, remote: transmit.destination, bytes });
                }
                Ok(Output::Event(event)) => self.handle_event(event),
                Err(error) => self.die(&error),
            }
        }
        self.outputs.pop_front()
    }

    fn poll_timeout(&mut self) -> Option<Ns> {
        self.deadline
    }
}
