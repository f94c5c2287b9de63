//! Events of the crate in the words of the harness.

use iut::{ApiEvent, ConnectionState, PairView};
use rtc::peer_connection::RTCPeerConnection;
use rtc::peer_connection::state::{RTCIceConnectionState, RTCPeerConnectionState};
use rtc::peer_connection::transport::RTCDtlsTransportState;

pub(crate) fn ice(state: RTCIceConnectionState) -> Option<ConnectionState> {
    match state {
        RTCIceConnectionState::Checking => Some(ConnectionState::Connecting),
        RTCIceConnectionState::Connected => Some(ConnectionState::Connected),
        RTCIceConnectionState::Completed => Some(ConnectionState::Completed),
        RTCIceConnectionState::Disconnected => Some(ConnectionState::Disconnected),
        RTCIceConnectionState::Failed => Some(ConnectionState::Failed),
        RTCIceConnectionState::Closed => Some(ConnectionState::Closed),
        _ => None,
    }
}

pub(crate) fn connection(state: RTCPeerConnectionState) -> Option<ConnectionState> {
    match state {
        RTCPeerConnectionState::Connecting => Some(ConnectionState::Connecting),
        RTCPeerConnectionState::Connected => Some(ConnectionState::Connected),
        RTCPeerConnectionState::Disconnected => Some(ConnectionState::Disconnected),
        RTCPeerConnectionState::Failed => Some(ConnectionState::Failed),
        RTCPeerConnectionState::Closed => Some(ConnectionState::Closed),
        _ => None,
    }
}

fn dtls(state: RTCDtlsTransportState) -> Option<ConnectionState> {
    match state {
        RTCDtlsTransportState::Connecting => Some(ConnectionState::Connecting),
        RTCDtlsTransportState::Connected => Some(ConnectionState::Connected),
        RTCDtlsTransportState::Failed => Some(ConnectionState::Failed),
        RTCDtlsTransportState::Closed => Some(ConnectionState::Closed),
        _ => None,
    }
}

/// What the crate shows only when asked: the state of DTLS and the selected pair.
#[derive(Default)]
pub(crate) struct Observed {
    dtls: Option<ConnectionState>,
    pair: Option<PairView>,
}

impl Observed {
    /// Whether the DTLS handshake is over, so that only its end can follow.
    pub(crate) fn is_secured(&self) -> bool {
        self.dtls == Some(ConnectionState::Connected)
    }

    /// What has changed since the last look.
    pub(crate) fn changes(&mut self, connection: &RTCPeerConnection) -> Vec<ApiEvent> {
        let Some(sctp) = connection.sctp() else { return Vec::new() };
        let transport = sctp.transport();
        let mut events = Vec::new();
        let selected = transport.ice_transport().get_selected_candidate_pair();
        let pair = selected.and_then(|pair| {
            Some(PairView { local: crate::candidate::view(pair.local())?, remote: crate::candidate::view(pair.remote())? })
        });
        if pair != self.pair {
            self.pair.clone_from(&pair);
            events.extend(pair.map(ApiEvent::SelectedPair));
        }
        let dtls = dtls(transport.state());
        if dtls != self.dtls {
            self.dtls = dtls;
            events.extend(dtls.map(ApiEvent::Dtls));
        }
        events
    }
}
