//! Which pair a session uses, read from the nominations that succeeded.

use super::{Path, binding, path};
use crate::check::{Context, Datagram, Frame};
use iut::Ns;
use wire::stun::{AttributeType as T, Class};

/// A nomination that succeeded: the controlling agent got the response to its USE-CANDIDATE, the controlled one sent it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Nomination {
    /// The pair.
    pub(super) path: Path,
    /// When.
    pub(super) at: Ns,
    /// The frame of the response.
    pub(super) frame: u32,
}

/// The nomination that this datagram completes.
pub(super) fn nomination(context: &Context, frame: &Frame<'_>, datagram: &Datagram<'_>) -> Option<Nomination> {
    binding(context, datagram, datagram.sent, Class::SuccessResponse)?;
    let answered = datagram.before?;
    let nominates = answered.request().has(T::USE_CANDIDATE) && answered.is_between(datagram);
    (nominates && frame.known.is_authentic(answered) && datagram.integrity(frame.known) == Some(true)).then(|| Nomination {
        path: path(datagram),
        at: frame.at,
        frame: frame.number,
    })
}

/// Whether this datagram is a valid response to a check of the subject, which gives consent to send on its path (RFC 7675 section 5.1).
pub(super) fn gives_consent(context: &Context, frame: &Frame<'_>, datagram: &Datagram<'_>) -> bool {
    let response = binding(context, datagram, false, Class::SuccessResponse).is_some();
    response && datagram.before.is_some_and(|answered| answered.is_between(datagram)) && datagram.integrity(frame.known) == Some(true)
}
