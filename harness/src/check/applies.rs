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

/// Servers that answer Binding requests of anybody.
pub(super) fn stun_server(_: &Context, party: &Party) -> bool {
    matches!(party.role, R::StunServer | R::TurnServer)
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

/// Parties that speak DTLS.
pub(super) fn dtls_endpoint(_: &Context, party: &Party) -> bool {
    matches!(party.role, R::DtlsClient | R::DtlsServer | R::Peer)
}

/// Parties that are nothing but a DTLS endpoint: what they deliver are the records' contents.
pub(super) fn plain_dtls_endpoint(_: &Context, party: &Party) -> bool {
    matches!(party.role, R::DtlsClient | R::DtlsServer)
}

/// DTLS servers that are reached without ICE.
pub(super) fn dtls_server(_: &Context, party: &Party) -> bool {
    party.role == R::DtlsServer
}
