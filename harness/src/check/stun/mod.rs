//! STUN messages and transactions (RFC 8489).

mod digest;
mod discovery;
mod format;
mod identity;
mod response;
mod schedule;
mod text;

use super::{Check, Datagram};
use wire::stun::{Class, Message};

/// The checks of this area.
pub(super) const CHECKS: &[&[Check]] =
    &[digest::CHECKS, discovery::CHECKS, format::CHECKS, identity::CHECKS, response::CHECKS, schedule::CHECKS, text::CHECKS];

/// The STUN message of a datagram, where the subject sent it.
fn sent<'d, 'a>(datagram: &'d Datagram<'a>) -> Option<&'d Message<'a>> {
    datagram.stun().filter(|_| datagram.sent)
}

/// The response that the subject sent, where it is one.
fn sent_response<'d, 'a>(datagram: &'d Datagram<'a>) -> Option<&'d Message<'a>> {
    sent(datagram).filter(|message| is_response(message))
}

fn is_response(message: &Message<'_>) -> bool {
    matches!(message.class(), Class::SuccessResponse | Class::ErrorResponse)
}

/// Method and class in words: `Binding request`.
pub(super) fn named(message: &Message<'_>) -> String {
    format!("{} {}", message.method(), message.class())
}
