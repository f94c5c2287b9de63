//! ICE agents: connectivity checks, roles, pacing, consent, and what they signal (RFC 8445, 7675, 8838, 8839).
//!
//! A check (in this area: a connectivity check) is a Binding request towards a peer. What goes to STUN and TURN servers belongs to gathering, and where
//! the adapter gathers, the implementation is not judged by it.

mod consent;
mod data;
mod description;
mod nomination;
mod pacing;
mod request;
mod response;
mod role;
mod selected;
mod signalling;

pub(crate) use description::{Candidate, Description};

use super::{Check, Context, Datagram, Frame};
use iut::{ApiEvent, ConnectionState, Signal};
use std::net::SocketAddr;
use wire::stun::{Class, Message, Method};

/// The checks of this area.
pub(super) const CHECKS: &[&[Check]] = &[
    consent::CHECKS,
    data::CHECKS,
    nomination::CHECKS,
    pacing::CHECKS,
    request::CHECKS,
    response::CHECKS,
    role::CHECKS,
    signalling::CHECKS,
];

/// A path between two agents, from the subject's point of view: its own address, the other one, and the relay in between.
type Path = (SocketAddr, SocketAddr, Option<SocketAddr>);

fn path(datagram: &Datagram<'_>) -> Path {
    (datagram.local, datagram.remote, datagram.through)
}

/// A Binding message between the agents, of this class.
fn binding<'d, 'a>(context: &Context, datagram: &'d Datagram<'a>, sent: bool, class: Class) -> Option<&'d Message<'a>> {
    let message =
        datagram.stun().filter(|message| datagram.sent == sent && message.class() == class && message.method() == Method::BINDING)?;
    (datagram.through.is_some() || !context.is_server(datagram.remote)).then_some(message)
}

/// A connectivity check that the subject sent.
fn sent_check<'d, 'a>(context: &Context, datagram: &'d Datagram<'a>) -> Option<&'d Message<'a>> {
    binding(context, datagram, true, Class::Request)
}

/// A connectivity check that reached the subject.
fn received_check<'d, 'a>(context: &Context, datagram: &'d Datagram<'a>) -> Option<&'d Message<'a>> {
    binding(context, datagram, false, Class::Request)
}

/// The username fragments of a check, the receiver's first (RFC 8445 section 7.2.2).
fn fragments<'a>(check: &Message<'a>) -> Option<(&'a str, &'a str)> {
    check.username().ok()??.split_once(':')
}

/// Whether the agent says with this event that it stops.
fn ends(event: &ApiEvent) -> bool {
    use ConnectionState::{Closed, Disconnected, Failed};
    match event {
        ApiEvent::Ice(state) | ApiEvent::Connection(state) | ApiEvent::Dtls(state) => matches!(state, Closed | Disconnected | Failed),
        _ => false,
    }
}

/// Whether a description brings credentials that were not known before, though others were: the first answer, and every restart.
fn restarts(frame: &Frame<'_>, signal: &Signal) -> bool {
    let Signal::Description(description) = signal else { return false };
    let credentials = Description::read(&description.sdp).credentials;
    frame.known.has_ice_credentials() && credentials.iter().any(|new| !frame.known.has_fragment(&new.ufrag))
}

/// What agents exchange beside STUN: DTLS, media, application data.
fn is_data(context: &Context, datagram: &Datagram<'_>) -> bool {
    datagram.stun().is_none() && !datagram.payload.is_empty() && (datagram.through.is_some() || !context.is_server(datagram.remote))
}
