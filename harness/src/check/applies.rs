//! Which parties a check is about.

use super::{Context, Party};
use crate::scenario::model::RoleName as R;

/// Parties that send STUN messages.
pub(super) fn stun_agent(_: &Context, party: &Party) -> bool {
    !matches!(party.role, R::DtlsClient | R::DtlsServer | R::UdpPeer)
}

/// Parties that answer STUN requests: servers, and ICE agents, which answer connectivity checks.
pub(super) fn stun_responder(_: &Context, party: &Party) -> bool {
    matches!(party.role, R::StunServer | R::TurnServer | R::Peer | R::IceAgent)
}

/// Parties that begin STUN transactions.
pub(super) fn stun_requester(_: &Context, party: &Party) -> bool {
    matches!(party.role, R::StunClient | R::TurnClient | R::Peer | R::IceAgent)
}

/// ICE agents.
pub(super) fn ice_agent(_: &Context, party: &Party) -> bool {
    matches!(party.role, R::Peer | R::IceAgent)
}

/// TURN servers.
pub(super) fn turn_server(_: &Context, party: &Party) -> bool {
    party.role == R::TurnServer
}

/// Parties that may use a TURN server by themselves.
pub(super) fn turn_client(_: &Context, party: &Party) -> bool {
    matches!(party.role, R::TurnClient | R::Peer | R::IceAgent) && !party.gathering_by_adapter
}
