//! States of ICE, DTLS and the connection as a whole.
//!
//! str0m reports ICE states, "connected" (DTLS) and "closed"; the state of the connection follows from them as in the W3C state table.

use iut::{ApiEvent, ConnectionState};
use str0m::IceConnectionState;

/// What has been reported so far.
#[derive(Default)]
pub(crate) struct States {
    ice: Option<ConnectionState>,
    dtls: Option<ConnectionState>,
    connection: Option<ConnectionState>,
}

impl States {
    pub(crate) fn ice(&mut self, state: IceConnectionState) -> Vec<ApiEvent> {
        let state = match state {
            IceConnectionState::New => return Vec::new(),
            IceConnectionState::Checking => ConnectionState::Connecting,
            IceConnectionState::Connected => ConnectionState::Connected,
            IceConnectionState::Completed => ConnectionState::Completed,
            IceConnectionState::Disconnected => ConnectionState::Disconnected,
        };
        self.ice = Some(state);
        self.with_connection(ApiEvent::Ice(state))
    }

    /// Not again in a state that has ended.
    pub(crate) fn dtls(&mut self, state: ConnectionState) -> Vec<ApiEvent> {
        if self.is_over() || self.dtls == Some(state) {
            return Vec::new();
        }
        self.dtls = Some(state);
        self.with_connection(ApiEvent::Dtls(state))
    }

    /// Closed by this side or the other, whatever DTLS had come to.
    pub(crate) fn closed(&mut self) -> Vec<ApiEvent> {
        let mut events = if self.dtls == Some(ConnectionState::Connected) { self.dtls(ConnectionState::Closed) } else { Vec::new() };
        if !self.is_over() {
            events.extend(self.enter(ConnectionState::Closed));
        }
        events
    }

    /// An error from which the stack does not recover.
    pub(crate) fn failed(&mut self) -> Option<ApiEvent> {
        if self.is_over() { None } else { self.enter(ConnectionState::Failed) }
    }

    fn is_over(&self) -> bool {
        matches!(self.connection, Some(ConnectionState::Failed | ConnectionState::Closed))
    }

    fn with_connection(&mut self, event: ApiEvent) -> Vec<ApiEvent> {
        let mut events = vec![event];
        if !self.is_over()
            && let Some(state) = self.derived()
        {
            events.extend(self.enter(state));
        }
        events
    }

    fn derived(&self) -> Option<ConnectionState> {
        use ConnectionState::{Closed, Completed, Connected, Connecting, Disconnected, Failed};
        Some(match (self.ice?, self.dtls) {
            (_, Some(Failed)) => Failed,
            (_, Some(Closed)) => Closed,
            (Disconnected, _) => Disconnected,
            (Connected | Completed, Some(Connected)) => Connected,
            _ => Connecting,
        })
    }

    fn enter(&mut self, state: ConnectionState) -> Option<ApiEvent> {
        let changed = self.connection != Some(state);
        self.connection = Some(state);
        changed.then_some(ApiEvent::Connection(state))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(events: Vec<ApiEvent>) -> Vec<String> {
        events.iter().map(ApiEvent::name).collect()
    }

    #[test]
    fn a_connection_is_connected_when_ice_and_dtls_are() {
        let mut states = States::default();
        assert_eq!(names(states.ice(IceConnectionState::Checking)), ["ice:connecting", "connection:connecting"]);
        assert_eq!(names(states.ice(IceConnectionState::Connected)), ["ice:connected"]);
        assert_eq!(names(states.dtls(ConnectionState::Connected)), ["dtls:connected", "connection:connected"]);
        assert_eq!(names(states.ice(IceConnectionState::Disconnected)), ["ice:disconnected", "connection:disconnected"]);
        assert_eq!(names(states.ice(IceConnectionState::Completed)), ["ice:completed", "connection:connected"]);
    }

    #[test]
    fn nothing_follows_the_end() {
        let mut states = States::default();
        states.ice(IceConnectionState::Connected);
        states.dtls(ConnectionState::Connected);
        assert_eq!(names(states.closed()), ["dtls:closed", "connection:closed"]);
        assert!(states.closed().is_empty());
        assert!(states.failed().is_none());
        assert_eq!(names(states.ice(IceConnectionState::Disconnected)), ["ice:disconnected"]);
    }
}
