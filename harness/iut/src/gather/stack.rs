//! What an adapter has to say about a stack that leaves gathering to the application.

use super::LocalCandidate;
use crate::{ApiEvent, CandidateSignal, ChannelOptions, Ns};
use bytes::Bytes;
use std::net::SocketAddr;

/// What a stack wants.
#[derive(Clone, Debug)]
pub enum StackOutput {
    /// Send a datagram.
    Transmit {
        /// The base of a local candidate: a host address or a relayed address.
        local: SocketAddr,
        /// The peer.
        remote: SocketAddr,
        /// UDP payload.
        bytes: Bytes,
    },
    /// Tell the harness something.
    Event(ApiEvent),
}

/// The local candidates that a description is made with.
#[derive(Clone, Copy, Debug)]
pub struct Generation<'a> {
    /// Those known so far.
    pub candidates: &'a [LocalCandidate],
    /// Whether more may follow one by one (RFC 8838). Otherwise the description says that these are all.
    pub trickle: bool,
}

/// A sans-I/O WebRTC stack. Errors are the stack's own words; each becomes an [`ApiEvent::Error`]. [`Peer`](super::Peer) calls [`Stack::poll`] until it
/// returns `None` after every other call that takes `&mut self`.
pub trait Stack {
    /// Opens a data channel; before the first offer it becomes part of it.
    ///
    /// # Errors
    /// When the stack refuses.
    fn open_channel(&mut self, now: Ns, options: &ChannelOptions) -> Result<(), String>;

    /// Makes an offer and takes it as the local description; `restart` asks for new ICE credentials (RFC 8445 section 9). `Ok(None)` means that there is
    /// nothing to offer.
    ///
    /// # Errors
    /// When the stack refuses.
    fn offer(&mut self, now: Ns, restart: bool, generation: Generation<'_>) -> Result<Option<String>, String>;

    /// Takes an offer, makes the answer and takes that as the local description.
    ///
    /// # Errors
    /// When the stack refuses the offer or cannot answer it.
    fn answer(&mut self, now: Ns, offer: &str, generation: Generation<'_>) -> Result<String, String>;

    /// Takes the answer to the last offer.
    ///
    /// # Errors
    /// When the stack refuses it.
    fn accept_answer(&mut self, now: Ns, answer: &str) -> Result<(), String>;

    /// Takes a candidate that gathering has found. `described` says that the description of this generation has been made, so that the candidate has to
    /// be added now; otherwise it will come again with [`Generation::candidates`]. Returns the candidate attribute without `a=`, as the stack writes it
    /// (RFC 8839 section 5.1), or `None` when the stack finds it redundant.
    ///
    /// # Errors
    /// When the stack refuses it.
    fn add_local_candidate(&mut self, now: Ns, candidate: &LocalCandidate, described: bool) -> Result<Option<String>, String>;

    /// The description has been made and no candidates but these belong to this generation.
    fn end_of_local_candidates(&mut self, now: Ns, candidates: &[LocalCandidate]);

    /// Adds a trickled candidate of the peer.
    ///
    /// # Errors
    /// When the stack refuses it.
    fn add_remote_candidate(&mut self, now: Ns, candidate: &CandidateSignal) -> Result<(), String>;

    /// Sends a message on the data channel with this label.
    ///
    /// # Errors
    /// When there is no such channel, it is not open, or it is full.
    fn send_data(&mut self, now: Ns, channel: &str, data: &[u8]) -> Result<(), String>;

    /// Closes the connection in order.
    fn close(&mut self, now: Ns);

    /// Takes a datagram. `local` is the base of a local candidate.
    ///
    /// # Errors
    /// The stack's complaint, for the log: bad input from the network is no failure of an operation.
    fn handle_datagram(&mut self, now: Ns, local: SocketAddr, remote: SocketAddr, bytes: Bytes) -> Result<(), String>;

    /// Time has come to [`Stack::poll_timeout`].
    ///
    /// # Errors
    /// When the stack reports an error of its own accord.
    fn handle_timeout(&mut self, now: Ns) -> Result<(), String>;

    /// What the stack wants next; `None` until the next input.
    fn poll(&mut self, now: Ns) -> Option<StackOutput>;

    /// When the stack wants to be woken.
    fn poll_timeout(&mut self) -> Option<Ns>;
}
