//! [`Stack`] for `rtc`: one peer connection and its data channels.

use crate::events::{self, Observed};
use crate::{candidate, certificate};
use bytes::{Bytes, BytesMut};
use iut::gather::{Generation, LocalCandidate, Stack, StackOutput, candidate_address};
use iut::{ApiEvent, CandidateSignal, ChannelOptions, NodeConfig, Ns};
use rtc::data_channel::{RTCDataChannelId, RTCDataChannelInit, RTCDataChannelState};
use rtc::peer_connection::configuration::RTCConfigurationBuilder;
use rtc::peer_connection::configuration::setting_engine::SettingEngineBuilder;
use rtc::peer_connection::event::{RTCDataChannelEvent, RTCPeerConnectionEvent};
use rtc::peer_connection::message::RTCMessage;
use rtc::peer_connection::sdp::RTCSessionDescription;
use rtc::peer_connection::transport::RTCIceCandidateInit;
use rtc::peer_connection::{RTCPeerConnection, RTCPeerConnectionBuilder};
use rtc::sansio::Protocol;
use rtc::shared::error::{Error, Result};
use rtc::shared::{TaggedBytesMut, TransportContext, TransportProtocol};
use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// One peer connection.
pub(crate) struct RtcStack {
    connection: RTCPeerConnection,
    base: Instant,
    /// Labels by handle: a closed channel cannot be asked for its label any more.
    labels: BTreeMap<RTCDataChannelId, String>,
    observed: Observed,
    /// Something came that may have changed what is observed; asking copies both candidates, too much for each packet of data.
    look: bool,
    events: VecDeque<ApiEvent>,
}

impl RtcStack {
    pub(crate) fn new(config: &NodeConfig) -> Result<Self> {
        let provider = rtc::crypto::default_provider().map_err(|error| Error::Crypto(error.to_string()))?;
        let certificate = certificate::fixture(config.dtls.certificate, provider.crypto())?;
        // A restart gathers anew, so the candidates of the generation before must not come back with it.
        let settings =
            SettingEngineBuilder::new().with_crypto_provider(provider).with_discard_local_candidates_during_ice_restart(true).build();
        let configuration = RTCConfigurationBuilder::new().with_certificates(vec![certificate]).build();
        let base = Instant::now();
        let connection = RTCPeerConnectionBuilder::new().with_configuration(configuration).with_setting_engine(settings).build(base)?;
        Ok(Self { connection, base, labels: BTreeMap::new(), observed: Observed::default(), look: false, events: VecDeque::new() })
    }

    fn instant(&self, now: Ns) -> Instant {
        self.base + Duration::from_nanos(now)
    }

    /// Takes a description of its own and completes it with the candidates of the generation.
    ///
    /// The crate writes the candidates that it has into a description, also those that it discards the moment it takes the description of a restart. It
    /// insists on taking what it wrote, so they are left out on the way to the peer.
    fn describe(&mut self, now: Ns, description: RTCSessionDescription, generation: Generation<'_>) -> Result<String> {
        self.connection.set_local_description(self.instant(now), description)?;
        for candidate in generation.candidates {
            self.add_candidate(candidate::attribute(candidate)?)?;
        }
        if !generation.trickle {
            self.add_candidate(String::new())?;
        }
        let description = self.connection.local_description().ok_or_else(|| Error::Other("the local description is gone".into()))?;
        let known = |address: SocketAddr| generation.candidates.iter().any(|candidate| candidate.address == address);
        let current = |line: &&str| !line.starts_with("a=candidate:") || candidate_address(line).is_some_and(known);
        Ok(description.sdp.split_inclusive('\n').filter(current).collect())
    }

    /// An empty attribute means that there are no more.
    fn add_candidate(&mut self, candidate: String) -> Result<()> {
        self.connection.add_local_candidate(RTCIceCandidateInit { candidate, ..Default::default() })
    }

    fn try_offer(&mut self, now: Ns, restart: bool, generation: Generation<'_>) -> Result<String> {
        if restart {
            self.connection.restart_ice();
        }
        let offer = self.connection.create_offer(None)?;
        self.describe(now, offer, generation)
    }

    fn try_answer(&mut self, now: Ns, offer: &str, generation: Generation<'_>) -> Result<String> {
        let offer = RTCSessionDescription::offer(offer.to_owned())?;
        self.connection.set_remote_description(self.instant(now), offer)?;
        let answer = self.connection.create_answer(None)?;
        self.describe(now, answer, generation)
    }

    fn try_send(&mut self, now: Ns, label: &str, data: &[u8]) -> Result<()> {
        let now = self.instant(now);
        // The newest channel with the label: an older one may be closed.
        let id = self.labels.iter().rev().find(|(_, own)| *own == label).map(|(id, _)| *id);
        let mut channel = id.and_then(|id| self.connection.data_channel(id)).ok_or(Error::ErrDataChannelNotExisted)?;
        if channel.ready_state() != RTCDataChannelState::Open {
            return Err(Error::ErrDataChannelNotOpen);
        }
        channel.send(now, BytesMut::from(data))
    }

    fn handle_event(&mut self, event: RTCPeerConnectionEvent) {
        match event {
            RTCPeerConnectionEvent::OnIceConnectionStateChangeEvent(state) => self.events.extend(events::ice(state).map(ApiEvent::Ice)),
            RTCPeerConnectionEvent::OnConnectionStateChangeEvent(state) => {
                self.events.extend(events::connection(state).map(ApiEvent::Connection))
            }
            RTCPeerConnectionEvent::OnDataChannel(event) => self.handle_channel_event(&event),
            // Gathering and candidates are the adapter's own, and there are no tracks.
            _ => {}
        }
    }

    fn handle_channel_event(&mut self, event: &RTCDataChannelEvent) {
        match *event {
            RTCDataChannelEvent::OnOpen(id) => {
                let label = self.connection.data_channel(id).map(|channel| channel.label().to_owned()).unwrap_or_default();
                self.labels.insert(id, label.clone());
                self.events.push_back(ApiEvent::ChannelOpen { label });
            }
            RTCDataChannelEvent::OnClose(id) => {
                let label = self.labels.remove(&id).unwrap_or_default();
                self.events.push_back(ApiEvent::ChannelClosed { label });
            }
            RTCDataChannelEvent::OnError(id) => {
                let label = self.labels.get(&id).cloned().unwrap_or_default();
                self.events.push_back(ApiEvent::Error { operation: "data-channel".into(), message: format!("error on channel {label}") });
            }
            _ => {}
        }
    }

    /// Moves what the crate has to say into the queue, in the order state, then data.
    fn collect(&mut self) {
        while let Some(event) = self.connection.poll_event() {
            self.handle_event(event);
        }
        while let Some(message) = self.connection.poll_read() {
            if let RTCMessage::DataChannelMessage(id, message) = message.message {
                let channel = self.labels.get(&id).cloned().unwrap_or_default();
                self.events.push_back(ApiEvent::Data { channel, bytes: message.data.freeze() });
            }
        }
        if std::mem::take(&mut self.look) {
            self.events.extend(self.observed.changes(&self.connection));
        }
    }
}

fn words<T>(result: Result<T>) -> std::result::Result<T, String> {
    result.map_err(|error| error.to_string())
}

impl Stack for RtcStack {
    fn open_channel(&mut self, _: Ns, options: &ChannelOptions) -> std::result::Result<(), String> {
        let init = RTCDataChannelInit { ordered: options.ordered, max_retransmits: options.max_retransmits, ..Default::default() };
        let id = words(self.connection.create_data_channel(&options.label, Some(init)))?.id();
        self.labels.insert(id, options.label.clone());
        Ok(())
    }

    fn offer(&mut self, now: Ns, restart: bool, generation: Generation<'_>) -> std::result::Result<Option<String>, String> {
        words(self.try_offer(now, restart, generation)).map(Some)
    }

    fn answer(&mut self, now: Ns, offer: &str, generation: Generation<'_>) -> std::result::Result<String, String> {
        words(self.try_answer(now, offer, generation))
    }

    fn accept_answer(&mut self, now: Ns, answer: &str) -> std::result::Result<(), String> {
        let answer = words(RTCSessionDescription::answer(answer.to_owned()))?;
        words(self.connection.set_remote_description(self.instant(now), answer))
    }

    fn add_local_candidate(&mut self, _: Ns, candidate: &LocalCandidate, described: bool) -> std::result::Result<Option<String>, String> {
        let attribute = words(candidate::attribute(candidate))?;
        if described {
            words(self.add_candidate(attribute.clone()))?;
        }
        Ok(Some(attribute))
    }

    fn end_of_local_candidates(&mut self, _: Ns, _: &[LocalCandidate]) {
        if let Err(error) = self.add_candidate(String::new()) {
            self.events.push_back(ApiEvent::Error { operation: "end-of-candidates".into(), message: error.to_string() });
        }
    }

    fn add_remote_candidate(&mut self, _: Ns, signal: &CandidateSignal) -> std::result::Result<(), String> {
        let init = RTCIceCandidateInit {
            candidate: signal.candidate.clone(),
            sdp_mid: signal.mid.clone(),
            username_fragment: signal.ufrag.clone(),
            ..Default::default()
        };
        words(self.connection.add_remote_candidate(init))
    }

    fn send_data(&mut self, now: Ns, channel: &str, data: &[u8]) -> std::result::Result<(), String> {
        words(self.try_send(now, channel, data))
    }

    fn close(&mut self, now: Ns) {
        self.look = true;
        // The crate stamps its farewell with the last time that it has seen.
        let now = self.instant(now);
        let result = self.connection.handle_timeout(now).and_then(|()| self.connection.close());
        if let Err(error) = result {
            self.events.push_back(ApiEvent::Error { operation: "close".into(), message: error.to_string() });
        }
    }

    fn handle_datagram(&mut self, now: Ns, local: SocketAddr, remote: SocketAddr, bytes: Bytes) -> std::result::Result<(), String> {
        // RFC 7983: STUN begins with 0 to 3.
        self.look |= bytes.first().is_some_and(|first| *first < 4) || !self.observed.is_secured();
        let transport = TransportContext { local_addr: local, peer_addr: remote, ecn: None, transport_protocol: TransportProtocol::UDP };
        words(self.connection.handle_read(TaggedBytesMut { now: self.instant(now), transport, message: BytesMut::from(&bytes[..]) }))
    }

    fn handle_timeout(&mut self, now: Ns) -> std::result::Result<(), String> {
        self.look = true;
        let now = self.instant(now);
        words(self.connection.handle_timeout(now))
    }

    fn poll(&mut self, _: Ns) -> Option<StackOutput> {
        if let Some(datagram) = self.connection.poll_write() {
            let TransportContext { local_addr: local, peer_addr: remote, .. } = datagram.transport;
            return Some(StackOutput::Transmit { local, remote, bytes: datagram.message.freeze() });
        }
        if self.events.is_empty() {
            self.collect();
        }
        self.events.pop_front().map(StackOutput::Event)
    }

    fn poll_timeout(&mut self) -> Option<Ns> {
        let deadline = self.connection.poll_timeout()?;
        Some(u64::try_from(deadline.saturating_duration_since(self.base).as_nanos()).unwrap_or(u64::MAX))
    }
}
