//! TURN servers and clients (RFC 8656), and the long-term credential mechanism that they use (RFC 8489 section 9.2).

mod allocate;
mod allocation;
mod challenge;
mod channel;
mod client;
mod client_credentials;
mod client_negotiation;
mod client_state;
mod features;
mod gate;
mod icmp;
mod passage;
mod relay;
mod request;
mod reservation;
mod rule;

use super::Check;

/// The checks of this area.
pub(super) const CHECKS: &[&[Check]] = &[
    allocate::CHECKS,
    challenge::CHECKS,
    channel::CHECKS,
    client::CHECKS,
    client_credentials::CHECKS,
    client_negotiation::CHECKS,
    features::CHECKS,
    icmp::CHECKS,
    relay::CHECKS,
    request::CHECKS,
    reservation::CHECKS,
];
