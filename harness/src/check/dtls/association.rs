//! State for each association of a subject, and the plaintext handshake messages in it.

use crate::check::finding::Evidence;
use crate::check::{Context, Datagram, Frame, FrameEvent, Judge, Judgement};
use crate::scenario::model::RoleName;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use wire::dtls::{HandshakeFragment, HandshakeType, Version};

/// Associations that are followed at most.
const ASSOCIATIONS: usize = 1024;

/// The handshake messages, or fragments of them, in the plaintext records of a datagram, in order.
pub(super) fn handshake<'d>(datagram: &'d Datagram<'_>) -> impl Iterator<Item = HandshakeFragment<'d>> {
    datagram.dtls().flatten().flat_map(|record| record.handshake().flatten())
}

/// The version that a ServerHello or HelloRetryRequest of this datagram chose.
pub(super) fn chosen_version(datagram: &Datagram<'_>) -> Option<Version> {
    handshake(datagram).find_map(|message| message.server_hello().ok().flatten()?.version().ok())
}

/// The random of a ClientHello that begins a handshake: another one begins another association on the same addresses.
pub(super) fn new_handshake(datagram: &Datagram<'_>) -> Option<[u8; 32]> {
    let begins = |message: &HandshakeFragment<'_>| {
        message.message_type == HandshakeType::CLIENT_HELLO && message.message_sequence == 0 && message.fragment_offset == 0
    };
    // The random stands behind the version, also where the message is cut into fragments.
    handshake(datagram).find(begins).and_then(|message| message.body.get(2..34)?.try_into().ok())
}

/// Looks at one DTLS datagram, with the state of its association.
pub(super) type Look<S> = fn(&mut S, &Frame<'_>, &Datagram<'_>, &mut Evidence);

/// A judge with a state for each association: one for each remote address of a DTLS endpoint, and a single one for a peer, whose path may change.
pub(super) fn following<S: Default + 'static>(context: &Context, subject: usize, look: Look<S>) -> Box<dyn Judge> {
    let single = context.parties[subject].role == RoleName::Peer;
    Box::new(Following { look, single, states: BTreeMap::new(), evidence: Evidence::default() })
}

struct Following<S> {
    look: Look<S>,
    single: bool,
    states: BTreeMap<Option<SocketAddr>, S>,
    evidence: Evidence,
}

impl<S: Default> Judge for Following<S> {
    fn frame(&mut self, _: &Context, frame: Frame<'_>) {
        let FrameEvent::Datagram(datagram) = frame.event else { return };
        if !datagram.is_dtls() {
            return;
        }
        let key = (!self.single).then_some(datagram.remote);
        if self.states.len() < ASSOCIATIONS || self.states.contains_key(&key) {
            let state = self.states.entry(key).or_default();
            (self.look)(state, &frame, datagram, &mut self.evidence);
        }
    }

    fn finish(self: Box<Self>, _: &Context) -> Judgement {
        self.evidence.judgement()
    }
}
