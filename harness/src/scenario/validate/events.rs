//! Event expectations: each must be one that the node's role can report.

use super::timeline::Before;
use super::{Validator, player_word};
use crate::scenario::model::{Actor, Node, RoleName};
use crate::scenario::span::Spanned;
use crate::scenario::step::{EventMatch, EventName};

impl<'a> Validator<'a> {
    /// An expectation of an event of a node, or of none.
    pub(super) fn event(&mut self, node: Option<&Node>, name: &Spanned<String>, event: &Spanned<EventMatch>, before: &Before<'a>) {
        if let Some(node) = node {
            let reports = match node.actor.as_ref().map(|actor| &actor.value) {
                None | Some(Actor::Dtls(_) | Actor::Discovery(_)) => true,
                Some(Actor::Script(_) | Actor::StunServer(_) | Actor::TurnServer(_) | Actor::Ice(_) | Actor::Echo(_)) => false,
            };
            if !reports {
                let message = format!("`{}` is {}: it reports no events", name.value, player_word(node));
                self.wrong_with("scenario::never", &name.span, message, "expect its datagrams with `expect`");
            } else if let Some(roles) = reporters(event.name.value).filter(|roles| !roles.contains(&node.role.value)) {
                let roles: Vec<String> = roles.iter().map(|role| format!("`{}`", role.name())).collect();
                let message = format!("the role `{}` never reports this event", node.role.value.name());
                self.wrong_with("scenario::never", &event.name.span, message, format!("it is an event of {}", roles.join(", ")));
            }
        }
        let (channel, data) = match event.name.value {
            EventName::ChannelOpen | EventName::ChannelClosed => (true, false),
            EventName::Data => (true, true),
            EventName::PeerData => (false, true),
            _ => (false, false),
        };
        if event.channel.is_some() && !channel {
            self.wrong("scenario::never", &event.span, "this event is about no channel");
        }
        if (event.text.is_some() || event.size.is_some()) && !data {
            self.wrong("scenario::never", &event.span, "this event carries no data");
        }
        if let Some(label) = event.channel.as_deref().filter(|label| channel && !before.labels.contains(label)) {
            self.unopened(&event.span, label, before);
        }
    }
}

/// The roles that report an event; `None` where all do.
fn reporters(event: EventName) -> Option<&'static [RoleName]> {
    use EventName as E;
    use RoleName as R;
    Some(match event {
        E::GatheringStarted | E::GatheringComplete | E::LocalCandidate | E::SelectedPair | E::PathLost => &[R::Peer, R::IceAgent],
        E::IceConnecting | E::IceConnected | E::IceCompleted | E::IceDisconnected | E::IceFailed => &[R::Peer, R::IceAgent],
        E::DtlsConnecting | E::DtlsConnected | E::DtlsFailed | E::DtlsClosed => &[R::Peer, R::DtlsClient, R::DtlsServer],
        // A TURN client reports the end of its allocation as a connection that is closed.
        E::ConnectionConnecting | E::ConnectionConnected | E::ConnectionDisconnected | E::ConnectionFailed | E::ConnectionClosed => {
            &[R::Peer, R::IceAgent, R::TurnClient]
        }
        E::ChannelOpen | E::ChannelClosed => &[R::Peer],
        E::Data => &[R::Peer, R::IceAgent, R::DtlsClient, R::DtlsServer],
        E::MappedAddress => &[R::StunClient, R::TurnClient],
        E::Allocated | E::PermissionCreated | E::ChannelBound | E::PeerData => &[R::TurnClient],
        E::Error | E::Unsupported => return None,
    })
}
