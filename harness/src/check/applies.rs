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
