//! The callbacks of a connection, as one stream of events.
//!
//! Callbacks run on the crate's own driver task. Calling back into the connection from there works for few calls only, so everything is handed to the
//! node's task, which also keeps the order of events.

use std::sync::Arc;
use tokio::sync::mpsc::UnboundedSender;
use webrtc::data_channel::{DataChannel, DataChannelEvent};
use webrtc::peer_connection::{
    PeerConnectionEventHandler, RTCIceConnectionState, RTCIceGatheringState, RTCPeerConnectionIceErrorEvent, RTCPeerConnectionIceEvent,
    RTCPeerConnectionState,
};

/// What the connection tells the application.
pub(crate) enum Event {
    Gathering(RTCIceGatheringState),
    Candidate(RTCPeerConnectionIceEvent),
    CandidateError(RTCPeerConnectionIceErrorEvent),
    Ice(RTCIceConnectionState),
    Connection(RTCPeerConnectionState),
    NegotiationNeeded,
    /// The other peer opened a channel.
    Channel(Arc<dyn DataChannel>),
    OnChannel {
        label: String,
        event: DataChannelEvent,
    },
}

pub(crate) struct Handler(pub(crate) UnboundedSender<Event>);

impl Handler {
    fn tell(&self, event: Event) {
        // The receiver is gone once the node has ended.
        let _ = self.0.send(event);
    }
}

#[async_trait::async_trait]
impl PeerConnectionEventHandler for Handler {
    async fn on_negotiation_needed(&self) {
        self.tell(Event::NegotiationNeeded);
    }

    async fn on_ice_candidate(&self, event: RTCPeerConnectionIceEvent) {
        self.tell(Event::Candidate(event));
    }

    async fn on_ice_candidate_error(&self, event: RTCPeerConnectionIceErrorEvent) {
        self.tell(Event::CandidateError(event));
    }

    async fn on_ice_connection_state_change(&self, state: RTCIceConnectionState) {
        self.tell(Event::Ice(state));
    }

    async fn on_ice_gathering_state_change(&self, state: RTCIceGatheringState) {
        self.tell(Event::Gathering(state));
    }

    async fn on_connection_state_change(&self, state: RTCPeerConnectionState) {
        self.tell(Event::Connection(state));
    }

    async fn on_data_channel(&self, channel: Arc<dyn DataChannel>) {
        self.tell(Event::Channel(channel));
    }
}
