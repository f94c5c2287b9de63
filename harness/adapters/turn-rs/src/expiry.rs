//! When the sessions of the library end, in virtual time.
//!
//! The library gives a session 600 seconds when it answers the first request of a client, 600 again when that client has authenticated, and the lifetime
//! of the response at Allocate and Refresh.

use iut::{Ns, SECOND};
use std::collections::BTreeMap;
use turn_server::service::session::{DEFAULT_SESSION_LIFETIME, Identifier, Session};

/// What the library counts from anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    New,
    Authenticated,
    Allocated,
}

/// What a success response grants, in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Grant {
    /// A response to Allocate; to a repeated one it is the same and changes nothing.
    Allocate(u32),
    /// A response to Refresh.
    Refresh(u32),
}

/// The deadlines of all sessions.
#[derive(Default)]
pub(crate) struct Expiry {
    /// By the addresses of server and client: the identifier itself has no order.
    sessions: BTreeMap<(std::net::SocketAddr, std::net::SocketAddr), (Identifier, Stage, Ns)>,
}

impl Expiry {
    /// Notes what a request has made of its client's session.
    pub(crate) fn observe(&mut self, now: Ns, id: Identifier, session: Option<&Session>, grant: Option<Grant>) {
        let key = (id.interface, id.source);
        let stage = match session {
            None => {
                self.sessions.remove(&key);
                return;
            }
            Some(Session::New { .. }) => Stage::New,
            Some(Session::Authenticated { allocated_port: None, .. }) => Stage::Authenticated,
            Some(Session::Authenticated { .. }) => Stage::Allocated,
        };
        let seconds = match grant {
            Some(Grant::Refresh(seconds)) => seconds.into(),
            _ if self.sessions.get(&key).is_some_and(|(_, before, _)| *before == stage) => return,
            Some(Grant::Allocate(seconds)) => seconds.into(),
            None => DEFAULT_SESSION_LIFETIME,
        };
        self.sessions.insert(key, (id, stage, now.saturating_add(SECOND.saturating_mul(seconds))));
    }

    /// Takes the sessions that have ended.
    pub(crate) fn take_due(&mut self, now: Ns) -> Vec<Identifier> {
        let due: Vec<_> = self.sessions.iter().filter(|(_, (_, _, deadline))| *deadline <= now).map(|(key, _)| *key).collect();
        due.into_iter().filter_map(|key| self.sessions.remove(&key)).map(|(id, _, _)| id).collect()
    }

    pub(crate) fn next(&self) -> Option<Ns> {
        self.sessions.values().map(|(_, _, deadline)| *deadline).min()
    }
}
