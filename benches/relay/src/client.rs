//! The client side of TURN over UDP, as far as a load generator needs it: Allocate, ChannelBind, CreatePermission, Refresh and the end of an
//! allocation (RFC 8656), with the long-term credential mechanism where the server asks for it (RFC 8489 section 9.2).
//!
//! Blocking, for the time before and after a trial. Deliberately absent: redirection (300), TCP, TLS and DTLS.

use base64::prelude::{BASE64_STANDARD, Engine as _};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha1::Sha1;
use std::io::{self, ErrorKind};
use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};
use wire::stun::build::WellformedBuilder;
use wire::stun::{AddressFamily, Attribute, Class, Credential, Digest, Message, Method, TransactionId};

/// Username and password of the long-term credential mechanism.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// The name.
    pub name: String,
    /// The password.
    pub password: String,
}

impl User {
    /// The user that a server makes of a shared secret (TURN REST API): the name is `expires`, in seconds since 1970, a colon and `name` where that is
    /// not empty; the password is the Base64 of HMAC-SHA1 over it.
    #[must_use]
    pub fn of_secret(secret: &str, name: &str, expires: u64) -> Self {
        let name = if name.is_empty() { expires.to_string() } else { format!("{expires}:{name}") };
        let mut digest = Hmac::<Sha1>::new_from_slice(secret.as_bytes()).expect("a key of any length will do");
        digest.update(name.as_bytes());
        Self { password: BASE64_STANDARD.encode(digest.finalize().into_bytes()), name }
    }
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
pub(crate) const RTO: Duration = Duration::from_millis(500);
/// How often a request is sent anew because of 401 or 438: once for the nonce, once for a stale one.
const CHALLENGES: usize = 2;

/// What a client knows about proving who it is: its user, and what the server has challenged it with.
#[derive(Debug)]
pub(crate) struct Proof {
    user: Option<User>,
    challenge: Option<(Credential, String, String)>,
    challenges: usize,
}

impl Proof {
    pub(crate) fn new(user: Option<User>) -> Self {
        Self { user, challenge: None, challenges: 0 }
    }

    /// A request and its transaction id.
    pub(crate) fn request(&self, request: &Request<'_>) -> Result<(TransactionId, Vec<u8>), RequestError> {
        let mut id = [0; 12];
        id.fill_with(|| fastrand::u8(..));
        let attributes = request.attributes.iter().cloned();
        let mut builder = WellformedBuilder::new(Class::Request, request.method, TransactionId(id)).attributes(attributes);
        if let (Some((credential, realm, nonce)), Some(user)) = (&self.challenge, &self.user) {
            let proof = [Attribute::Username(&user.name), Attribute::Realm(realm), Attribute::Nonce(nonce)];
            builder = builder.attributes(proof).integrity(Digest::Sha1, credential);
        }
        let bytes = builder.build().map_err(|error| RequestError::Unbuildable(request.name, error.to_string()))?;
        Ok((TransactionId(id), bytes))
    }

    /// Whether a response is success, or a challenge after which the request is to be sent anew.
    pub(crate) fn accepts(&mut self, name: &'static str, response: &[u8]) -> Result<bool, RequestError> {
        let message = parsed(name, response)?;
        match message.error_code().ok().flatten() {
            Some(error) if matches!(error.code, 401 | 438) && self.challenges < CHALLENGES && self.take_challenge(&message) => {
                self.challenges += 1;
                Ok(false)
            }
            Some(error) => Err(RequestError::Refused { method: name, code: error.code, reason: error.reason.to_owned() }),
            None if message.class() == Class::SuccessResponse => {
                self.challenges = 0;
                Ok(true)
            }
            None => Err(RequestError::Useless(name, "an error response without ERROR-CODE".into())),
        }
    }

    /// Whether there is a user, a realm and a nonce to try (again) with.
    fn take_challenge(&mut self, message: &Message<'_>) -> bool {
        let (Some(user), Ok(Some(realm)), Ok(Some(nonce))) = (&self.user, message.realm(), message.nonce()) else { return false };
        let credential = Credential::long_term(user.name.clone(), realm, user.password.clone());
        self.challenge = Some((credential, realm.to_owned(), nonce.to_owned()));
        true
    }
}

/// What is asked for.
#[derive(Debug)]
pub(crate) struct Request<'a> {
    pub(crate) name: &'static str,
    pub(crate) method: Method,
    pub(crate) attributes: &'a [Attribute<'a>],
}

impl Request<'_> {
    /// A relayed transport address for UDP of this family. IPv4 is what one gets without asking (RFC 8656 section 7.2).
    pub(crate) fn allocate(family: AddressFamily) -> Self {
        const V4: &[Attribute<'_>] = &[Attribute::RequestedTransport(17)];
        const V6: &[Attribute<'_>] = &[Attribute::RequestedTransport(17), Attribute::RequestedAddressFamily(AddressFamily::IPV6)];
        Self { name: "Allocate", method: Method::ALLOCATE, attributes: if family == AddressFamily::IPV4 { V4 } else { V6 } }
    }

    /// The end of an allocation.
    pub(crate) const RELEASE: Self = Self { name: "Refresh", method: Method::REFRESH, attributes: &[Attribute::Lifetime(0)] };
}

/// A client's view of its server.
#[derive(Debug)]
pub struct Client<'a> {
    socket: &'a UdpSocket,
    server: SocketAddr,
    proof: Proof,
}

impl<'a> Client<'a> {
    /// A client on `socket`, which must be bound and in blocking mode.
    #[must_use]
    pub fn new(socket: &'a UdpSocket, server: SocketAddr, user: Option<User>) -> Self {
        Self { socket, server, proof: Proof::new(user) }
    }

    /// Allocates a relayed transport address of a family and returns it with the time for which it is granted.
    ///
    /// # Errors
    /// When the server refuses, is silent or answers with something else.
    pub fn allocate(&mut self, family: AddressFamily) -> Result<(SocketAddr, Duration), RequestError> {
        let response = self.request(&Request::allocate(family))?;
        let message = parsed("Allocate", &response)?;
        let relayed = message.xor_relayed_address().map_err(|defect| RequestError::Useless("Allocate", defect.to_string()))?;
        let relayed = relayed.ok_or_else(|| RequestError::Useless("Allocate", "no XOR-RELAYED-ADDRESS".into()))?;
        Ok((relayed, granted(&message)))
    }

    /// Refreshes the allocation and returns the time for which it is granted from now on (RFC 8656 section 8).
    ///
    /// # Errors
    /// When the server refuses, is silent or answers with something else.
    pub fn refresh(&mut self) -> Result<Duration, RequestError> {
        let response = self.request(&Request { name: "Refresh", method: Method::REFRESH, attributes: &[] })?;
        Ok(granted(&parsed("Refresh", &response)?))
    }

    /// Binds `channel` to `peer`, which installs the permission too. To be repeated at least every five minutes.
    ///
    /// # Errors
    /// When the server refuses, is silent or answers with something else.
    pub fn bind_channel(&mut self, channel: u16, peer: SocketAddr) -> Result<(), RequestError> {
        let attributes = [Attribute::ChannelNumber(channel), Attribute::XorPeerAddress(peer)];
        self.request(&Request { name: "ChannelBind", method: Method::CHANNEL_BIND, attributes: &attributes }).map(drop)
    }

    /// Installs a permission for the address of `peer`. To be repeated at least every five minutes (RFC 8656 section 9).
    ///
    /// # Errors
    /// When the server refuses, is silent or answers with something else.
    pub fn create_permission(&mut self, peer: SocketAddr) -> Result<(), RequestError> {
        let attributes = [Attribute::XorPeerAddress(peer)];
        self.request(&Request { name: "CreatePermission", method: Method::CREATE_PERMISSION, attributes: &attributes }).map(drop)
    }

    /// Ends the allocation.
    ///
    /// # Errors
    /// When the server refuses, is silent or answers with something else.
    pub fn release(&mut self) -> Result<(), RequestError> {
        self.request(&Request::RELEASE).map(drop)
    }

    fn request(&mut self, request: &Request<'_>) -> Result<Vec<u8>, RequestError> {
        loop {
            let response = self.transact(request)?;
            // The number of challenges is bounded, so this ends.
            if self.proof.accepts(request.name, &response)? {
                return Ok(response);
            }
        }
    }

    fn transact(&self, request: &Request<'_>) -> Result<Vec<u8>, RequestError> {
        let (id, bytes) = self.proof.request(request)?;
        let (begin, mut timeout) = (Instant::now(), RTO);
        while begin.elapsed() < PATIENCE {
            self.socket.send_to(&bytes, self.server)?;
            if let Some(response) = self.await_response(id, timeout)? {
                return Ok(response);
            }
            timeout *= 2;
        }
        Err(RequestError::Silence(request.name))
    }

    fn await_response(&self, id: TransactionId, timeout: Duration) -> io::Result<Option<Vec<u8>>> {
        let (begin, mut buffer) = (Instant::now(), vec![0; 2048]);
        while let Some(left) = timeout.checked_sub(begin.elapsed()).filter(|left| !left.is_zero()) {
            self.socket.set_read_timeout(Some(left))?;
            match self.socket.recv_from(&mut buffer) {
                Ok((length, source)) if source == self.server => {
                    if is_response(&buffer[..length], id) {
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

/// Whether a server answers a Binding request within `timeout`.
///
/// # Errors
/// What the system says about the socket, except that nobody is there.
pub fn answers(socket: &UdpSocket, server: SocketAddr, timeout: Duration) -> io::Result<bool> {
    let client = Client::new(socket, server, None);
    let request = Request { name: "Binding", method: Method::BINDING, attributes: &[] };
    let (id, bytes) = client.proof.request(&request).map_err(io::Error::other)?;
    socket.send_to(&bytes, server)?;
    Ok(client.await_response(id, timeout)?.is_some())
}

/// Whether a datagram answers the request with this transaction id.
pub(crate) fn is_response(datagram: &[u8], id: TransactionId) -> bool {
    let answers =
        |message: Message<'_>| message.transaction_id() == id && matches!(message.class(), Class::SuccessResponse | Class::ErrorResponse);
    Message::parse_lenient(datagram).is_ok_and(answers)
}

/// LIFETIME of a response; a server that names none is taken to mean the default of RFC 8656 section 3.2.
fn granted(message: &Message<'_>) -> Duration {
    Duration::from_secs(message.lifetime().ok().flatten().unwrap_or(600).into())
}

fn parsed<'a>(name: &'static str, response: &'a [u8]) -> Result<Message<'a>, RequestError> {
    Message::parse_lenient(response).map_err(|defect| RequestError::Useless(name, defect.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_user_of_a_secret_is_the_one_that_servers_expect() {
        let user = |name: &str, password: &str| User { name: name.into(), password: password.into() };
        assert_eq!(User::of_secret("north", "alice", 1_700_000_000), user("1700000000:alice", "Cd/49soE35ICqcJF/bCTn8Z4OyE="));
        assert_eq!(User::of_secret("north", "", 1_700_000_000).name, "1700000000");
    }
}
