//! The client side of TURN over UDP, as far as a load generator needs it: Allocate, ChannelBind and the end of an allocation (RFC 8656), with the
//! long-term credential mechanism where the server asks for it (RFC 8489 section 9.2).
//!
//! Blocking, for the time before and after a trial. Deliberately absent: redirection (300), TCP, TLS and DTLS.

use std::io::{self, ErrorKind};
use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};
use wire::stun::build::WellformedBuilder;
use wire::stun::{Attribute, Class, Credential, Digest, Message, Method, TransactionId};

/// Username and password of the long-term credential mechanism.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// The name.
    pub name: String,
    /// The password.
    pub password: String,
}

/// Why a request did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum RequestError {
    /// The server refused it.
    #[error("{method} was refused with {code} {reason}")]
    Refused {
        /// What was asked for.
        method: &'static str,
        /// The error code of the response.
        code: u16,
        /// Its reason phrase.
        reason: String,
    },
    /// No response within [`PATIENCE`].
    #[error("no response to {0} within {seconds} s", seconds = PATIENCE.as_secs())]
    Silence(&'static str),
    /// The response lacks something or is malformed.
    #[error("the response to {0} is of no use: {1}")]
    Useless(&'static str, String),
    /// A request cannot be built from these credentials.
    #[error("{0} cannot be built: {1}")]
    Unbuildable(&'static str, String),
    /// The socket failed.
    #[error("the socket failed")]
    Socket(#[from] io::Error),
}

/// How long a transaction may take. Shorter than the 39.5 s of RFC 8489 section 6.2.1: a benchmark is no place to wait for a server.
pub const PATIENCE: Duration = Duration::from_secs(5);
/// First retransmission timeout; it doubles (RFC 8489 section 6.2.1).
const RTO: Duration = Duration::from_millis(500);
/// How often a request is sent anew because of 401 or 438: once for the nonce, once for a stale one.
const CHALLENGES: usize = 2;

/// A client's view of its server.
#[derive(Debug)]
pub struct Client<'a> {
    socket: &'a UdpSocket,
    server: SocketAddr,
    user: Option<User>,
    challenge: Option<(Credential, String, String)>,
}

impl<'a> Client<'a> {
    /// A client on `socket`, which must be bound and in blocking mode.
    #[must_use]
    pub fn new(socket: &'a UdpSocket, server: SocketAddr, user: Option<User>) -> Self {
        Self { socket, server, user, challenge: None }
    }

    /// Allocates a relayed transport address and returns it.
    ///
    /// # Errors
    /// When the server refuses, is silent or answers with something else.
    pub fn allocate(&mut self) -> Result<SocketAddr, RequestError> {
        const UDP: u8 = 17;
        let response = self.request("Allocate", Method::ALLOCATE, &[Attribute::RequestedTransport(UDP)])?;
        let message = parsed("Allocate", &response)?;
        let relayed = message.xor_relayed_address().map_err(|defect| RequestError::Useless("Allocate", defect.to_string()))?;
        relayed.ok_or_else(|| RequestError::Useless("Allocate", "no XOR-RELAYED-ADDRESS".into()))
    }

    /// Binds `channel` to `peer`, which installs the permission too. To be repeated at least every five minutes.
    ///
    /// # Errors
    /// When the server refuses, is silent or answers with something else.
    pub fn bind_channel(&mut self, channel: u16, peer: SocketAddr) -> Result<(), RequestError> {
        let attributes = [Attribute::ChannelNumber(channel), Attribute::XorPeerAddress(peer)];
        self.request("ChannelBind", Method::CHANNEL_BIND, &attributes).map(drop)
    }

    /// Ends the allocation.
    ///
    /// # Errors
    /// When the server refuses, is silent or answers with something else.
    pub fn release(&mut self) -> Result<(), RequestError> {
        self.request("Refresh", Method::REFRESH, &[Attribute::Lifetime(0)]).map(drop)
    }

    fn request(&mut self, name: &'static str, method: Method, attributes: &[Attribute<'_>]) -> Result<Vec<u8>, RequestError> {
        for _ in 0..CHALLENGES {
            let response = self.transact(name, method, attributes)?;
            let message = parsed(name, &response)?;
            match message.error_code().ok().flatten() {
                Some(error) if matches!(error.code, 401 | 438) && self.take_challenge(&message) => {}
                Some(error) => return Err(refused(name, error.code, error.reason)),
                None if message.class() == Class::SuccessResponse => return Ok(response),
                None => return Err(RequestError::Useless(name, "an error response without ERROR-CODE".into())),
            }
        }
        let response = self.transact(name, method, attributes)?;
        let message = parsed(name, &response)?;
        match message.error_code().ok().flatten() {
            Some(error) => Err(refused(name, error.code, error.reason)),
            None => Ok(response),
        }
    }

    /// Whether there is a user, a realm and a nonce to try (again) with.
    fn take_challenge(&mut self, message: &Message<'_>) -> bool {
        let (Some(user), Ok(Some(realm)), Ok(Some(nonce))) = (&self.user, message.realm(), message.nonce()) else { return false };
        let credential = Credential::long_term(user.name.clone(), realm, user.password.clone());
        self.challenge = Some((credential, realm.to_owned(), nonce.to_owned()));
        true
    }

    fn transact(&self, name: &'static str, method: Method, attributes: &[Attribute<'_>]) -> Result<Vec<u8>, RequestError> {
        let mut id = [0; 12];
        id.fill_with(|| fastrand::u8(..));
        let mut builder = WellformedBuilder::new(Class::Request, method, TransactionId(id)).attributes(attributes.iter().cloned());
        if let (Some((credential, realm, nonce)), Some(user)) = (&self.challenge, &self.user) {
            let proof = [Attribute::Username(&user.name), Attribute::Realm(realm), Attribute::Nonce(nonce)];
            builder = builder.attributes(proof).integrity(Digest::Sha1, credential);
        }
        let bytes = builder.build().map_err(|error| RequestError::Unbuildable(name, error.to_string()))?;
        let (begin, mut timeout) = (Instant::now(), RTO);
        while begin.elapsed() < PATIENCE {
            self.socket.send_to(&bytes, self.server)?;
            if let Some(response) = self.await_response(TransactionId(id), timeout)? {
                return Ok(response);
            }
            timeout *= 2;
        }
        Err(RequestError::Silence(name))
    }

    fn await_response(&self, id: TransactionId, timeout: Duration) -> io::Result<Option<Vec<u8>>> {
        let (begin, mut buffer) = (Instant::now(), vec![0; 2048]);
        while let Some(left) = timeout.checked_sub(begin.elapsed()).filter(|left| !left.is_zero()) {
            self.socket.set_read_timeout(Some(left))?;
            match self.socket.recv_from(&mut buffer) {
                Ok((length, source)) if source == self.server => {
                    let response = Message::parse_lenient(&buffer[..length])
                        .is_ok_and(|message| message.transaction_id() == id && is_response(&message));
                    if response {
                        buffer.truncate(length);
                        return Ok(Some(buffer));
                    }
                }
                Ok(_) => {}
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted) => {}
                // Refused: an ICMP error for a request that came before the server was up; the retransmission tells.
                Err(error) if error.kind() == ErrorKind::ConnectionRefused => {}
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }
}

fn is_response(message: &Message<'_>) -> bool {
    matches!(message.class(), Class::SuccessResponse | Class::ErrorResponse)
}

fn refused(method: &'static str, code: u16, reason: &str) -> RequestError {
    RequestError::Refused { method, code, reason: reason.to_owned() }
}

fn parsed<'a>(name: &'static str, response: &'a [u8]) -> Result<Message<'a>, RequestError> {
    Message::parse_lenient(response).map_err(|defect| RequestError::Useless(name, defect.to_string()))
}
