//! What a judge sees: one frame after the other, from the subject's point of view.

use super::Known;
use bytes::Bytes;
use iut::{ApiEvent, Ns, Signal};
use std::cell::{Cell, OnceCell};
use std::net::SocketAddr;
use wire::channel_data::ChannelData;
use wire::dtls::Records;
use wire::stun::{Class, HEADER_LENGTH, MAGIC_COOKIE, Message, Method};

/// One frame of a trace.
#[derive(Clone, Copy)]
pub struct Frame<'a> {
    /// Its number in the capture.
    pub number: u32,
    /// When.
    pub at: Ns,
    /// What.
    pub event: FrameEvent<'a>,
    /// What is known of the subject from the frames before this one.
    pub known: &'a Known,
}

/// What a frame shows.
#[derive(Clone, Copy)]
pub enum FrameEvent<'a> {
    /// A UDP datagram at the subject's own interface: one that it sent, lost later or not, or one that reached it.
    Datagram(&'a Datagram<'a>),
    /// An event of the subject's application interface.
    Api(&'a ApiEvent),
    /// The subject sent a message of the signalling room.
    SentSignal(&'a Signal),
    /// The other party sent a message of the signalling room, which did not get lost.
    PeerSignal(&'a Signal),
}

/// A UDP datagram, or what a TURN message carried for an ICE agent.
pub struct Datagram<'a> {
    /// The subject sent it; otherwise it received it.
    pub sent: bool,
    /// The subject's own address; the relayed transport address where it went through a relay and that address is known.
    pub local: SocketAddr,
    /// The other end; behind the relay where it went through one.
    pub remote: SocketAddr,
    /// The TURN server, where this is the payload of a Send or Data indication or of a ChannelData message.
    pub through: Option<SocketAddr>,
    /// The bytes.
    pub payload: &'a Bytes,
    /// What the bytes are.
    pub content: &'a Content<'a>,
    /// The transaction that the message belongs to, as it was before this frame; `None` for its first request, and for a response that matches none.
    pub before: Option<&'a Transaction>,
    /// What verifying came to: many checks ask, and an HMAC costs more than the rest of them together.
    pub(super) verified: OnceCell<Option<bool>>,
}

/// What the bytes of a datagram are (RFC 7983).
pub enum Content<'a> {
    /// A STUN or TURN message, well-formed or not.
    Stun(Message<'a>),
    /// A TURN ChannelData message.
    ChannelData(ChannelData<'a>),
    /// DTLS records.
    Dtls,
    /// Anything else, and everything that a relay carries between a client and a peer.
    Other,
}

/// A transaction, or a Binding indication, that the subject sent or received.
#[derive(Clone, Debug)]
pub struct Transaction {
    /// The subject sent the request.
    pub by_subject: bool,
    /// Request or indication.
    pub class: Class,
    /// The method.
    pub method: Method,
    /// The subject's address.
    pub local: SocketAddr,
    /// The other end.
    pub remote: SocketAddr,
    /// The TURN server in between.
    pub through: Option<SocketAddr>,
    /// The request as it was first sent.
    pub bytes: Bytes,
    /// Frame and time of the first request.
    pub first: (u32, Ns),
    /// Frame and time of the latest request.
    pub last: (u32, Ns),
    /// How often the request was sent so far.
    pub sends: u32,
    /// Time between the first and the second request.
    pub interval: Option<Ns>,
    /// Whether the integrity attributes verify, once that is known.
    pub(super) verified: Cell<Option<bool>>,
    /// Frame and time of the first response that counts: well-formed, and authenticated where the request was.
    pub response: Option<(u32, Ns)>,
}

impl Transaction {
    /// The request.
    pub fn request(&self) -> Message<'_> {
        Message::parse_lenient(&self.bytes).expect("only what parsed became a transaction")
    }
}

impl<'a> Datagram<'a> {
    /// The STUN message, where it is one.
    pub fn stun(&self) -> Option<&Message<'a>> {
        match self.content {
            Content::Stun(message) => Some(message),
            _ => None,
        }
    }

    /// Whether the bytes are DTLS records.
    pub fn is_dtls(&self) -> bool {
        matches!(self.content, Content::Dtls)
    }

    /// The DTLS records; none where it is something else. Connection IDs are taken to be empty.
    pub fn dtls(&self) -> Records<'_> {
        let bytes: &[u8] = if self.is_dtls() { self.payload } else { &[] };
        wire::dtls::records(bytes, 0)
    }

    /// Whether the integrity attributes of the STUN message verify; `None` where it has none, where its key is not known, and for a response without request.
    pub fn integrity(&self, known: &Known) -> Option<bool> {
        *self.verified.get_or_init(|| known.integrity(self))
    }

    /// Whether the subject sent this request.
    pub fn sent_request(&self, method: Method) -> Option<&Message<'a>> {
        self.stun().filter(|message| self.sent && message.class() == Class::Request && message.method() == method)
    }
}

impl<'a> Content<'a> {
    /// What a datagram is. Messages of RFC 3489 have no cookie, so they are recognised by their length and method.
    pub(super) fn of(payload: &'a [u8]) -> Self {
        if let Some(message) = stun(payload) {
            return Content::Stun(message);
        }
        match payload.first() {
            Some(20..=63) => Content::Dtls,
            Some(64..=79) => ChannelData::parse_lenient(payload).map_or(Content::Other, Content::ChannelData),
            _ => Content::Other,
        }
    }
}

/// The STUN message that the sender meant: the cookie is there and either the first bits or the length agree, or all of the rest agrees without it.
fn stun(payload: &[u8]) -> Option<Message<'_>> {
    let leading = *payload.first()? < 4;
    if !leading && payload.get(4..8) != Some(&MAGIC_COOKIE.to_be_bytes()) {
        // Most data is neither, and need not be parsed.
        return None;
    }
    let message = Message::parse_lenient(payload).ok()?;
    let length = usize::from(message.length()) == payload.len() - HEADER_LENGTH && payload.len().is_multiple_of(4);
    let meant = match message.has_cookie() {
        true => leading || length,
        false => leading && length && message.method().name().is_some(),
    };
    meant.then_some(message)
}
