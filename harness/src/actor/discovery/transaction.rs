//! One Binding transaction over UDP: its request, when it is sent again, and which datagram answers it.

use super::{Reply, Test};
use bytes::Bytes;
use iut::{MILLISECOND, Ns, Output};
use nat_sim::Stream;
use std::net::SocketAddr;
use wire::stun::build::RawBuilder;
use wire::stun::{Attribute, AttributeType, Class, Integrity, MAGIC_COOKIE, Message, Method};
use wire::{Malformed, Reason};

/// Which STUN is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    /// No magic cookie, a transaction id of 128 bits, MAPPED-ADDRESS and CHANGED-ADDRESS.
    Rfc3489,
    /// RFC 8489 with the attributes of RFC 5780.
    Rfc8489,
}

/// When a request is sent again.
struct Schedule {
    /// The wait after the first request; it doubles from one to the next.
    first: Ns,
    /// The longest wait between two requests.
    longest: Ns,
    /// Requests that are sent in all.
    requests: u32,
    /// The wait after the last one.
    last: Ns,
}

impl Dialect {
    /// 9.5 s in all by RFC 3489 section 9.3; 39.5 s by RFC 8489 section 6.2.1 with its RTO of 500 ms, Rc of 7 and Rm of 16.
    const fn schedule(self) -> Schedule {
        match self {
            Self::Rfc3489 => Schedule { first: 100 * MILLISECOND, longest: 1_600 * MILLISECOND, requests: 9, last: 1_600 * MILLISECOND },
            Self::Rfc8489 => Schedule { first: 500 * MILLISECOND, longest: Ns::MAX, requests: 7, last: 16 * 500 * MILLISECOND },
        }
    }
}

/// A transaction that is going on.
pub(super) struct Transaction {
    dialect: Dialect,
    id: [u8; 16],
    request: Bytes,
    local: SocketAddr,
    remote: SocketAddr,
    /// Where the answer has to come from.
    from: SocketAddr,
    sent: u32,
    due: Ns,
}

/// What a datagram means to a transaction.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// Nothing.
    NotOurs,
    /// It answers the request.
    Reply(Reply),
    /// It answers the request in a way that no test can use.
    Unusable(String),
}

impl Transaction {
    /// A transaction whose first request is due at `begins`.
    pub(super) fn new(dialect: Dialect, rng: &mut Stream, local: SocketAddr, test: &Test, begins: Ns) -> Self {
        let id = identifier(dialect, rng);
        let builder = RawBuilder::rfc3489(Class::Request, Method::BINDING, id);
        let request = match test.change {
            (false, false) => builder.build(),
            (ip, port) => builder.attribute(&Attribute::ChangeRequest { ip, port }).build(),
        };
        Self { dialect, id, request: request.into(), local, remote: test.to, from: test.from, sent: 0, due: begins }
    }

    /// When the next request has to go, or the transaction has failed.
    pub(super) fn due(&self) -> Ns {
        self.due
    }

    /// The time of [`Transaction::due`] has come: the request, or `None` when it has been sent often enough.
    pub(super) fn attempt(&mut self, now: Ns) -> Option<Output> {
        let schedule = self.dialect.schedule();
        if self.sent == schedule.requests {
            return None;
        }
        self.sent += 1;
        let wait = if self.sent == schedule.requests { schedule.last } else { (schedule.first << (self.sent - 1)).min(schedule.longest) };
        self.due = now + wait;
        Some(Output::Datagram { local: self.local, remote: self.remote, bytes: self.request.clone() })
    }

    /// Whether the request goes this way.
    pub(super) fn goes(&self, local: SocketAddr, remote: SocketAddr) -> bool {
        self.local == local && self.remote == remote
    }

    /// What a datagram that arrived means.
    pub(super) fn read(&self, local: SocketAddr, remote: SocketAddr, bytes: &[u8]) -> Answer {
        let Ok(message) = Message::parse_lenient(bytes) else { return Answer::NotOurs };
        let framed = message.defects().iter().all(|defect| self.allows(defect));
        let whole = matches!(message.verify_fingerprint(), Integrity::Absent | Integrity::Valid);
        let ours = local == self.local && message.transaction_id_rfc3489() == self.id && message.method() == Method::BINDING;
        if !(framed && whole && ours) {
            return Answer::NotOurs;
        }
        match message.class() {
            Class::SuccessResponse if remote != self.from => {
                Answer::Unusable(format!("the server answered from {remote}, and should have from {}", self.from))
            }
            Class::SuccessResponse => self.success(&message),
            Class::ErrorResponse => {
                let code = message.error_code().ok().flatten().map_or(0, |error| error.code);
                Answer::Unusable(format!("the server answered with error {code}"))
            }
            Class::Request | Class::Indication => Answer::NotOurs,
        }
    }

    fn allows(&self, defect: &Malformed) -> bool {
        self.dialect == Dialect::Rfc3489 && matches!(defect.reason, Reason::Cookie(_))
    }

    fn success(&self, message: &Message<'_>) -> Answer {
        let unknown = message.unknown_comprehension_required(|kind| self.understands(kind));
        if let Some(kind) = unknown.first() {
            return Answer::Unusable(format!("the answer has {kind}, which is not understood and must be"));
        }
        let (mapped, other) = match self.dialect {
            Dialect::Rfc3489 => (message.mapped_address(), message.changed_address()),
            Dialect::Rfc8489 => (message.xor_mapped_address(), message.other_address()),
        };
        match (mapped, other) {
            (Ok(Some(mapped)), Ok(other)) => Answer::Reply(Reply { mapped, other }),
            (Ok(None), _) => Answer::Unusable("the answer does not say where the request came from".into()),
            (Err(defect), _) | (_, Err(defect)) => Answer::Unusable(format!("the answer has a malformed address: {defect}")),
        }
    }

    fn understands(&self, kind: AttributeType) -> bool {
        use AttributeType as T;
        match self.dialect {
            Dialect::Rfc3489 => matches!(kind, T::MAPPED_ADDRESS | T::SOURCE_ADDRESS | T::CHANGED_ADDRESS | T::MESSAGE_INTEGRITY),
            Dialect::Rfc8489 => {
                matches!(kind, T::MAPPED_ADDRESS | T::XOR_MAPPED_ADDRESS | T::MESSAGE_INTEGRITY | T::MESSAGE_INTEGRITY_SHA256)
            }
        }
    }
}

/// A fresh transaction id, with the magic cookie where the dialect has one and without where it has none.
fn identifier(dialect: Dialect, rng: &mut Stream) -> [u8; 16] {
    let mut id: [u8; 16] = std::array::from_fn(|_| rng.below(256) as u8);
    let cookie = MAGIC_COOKIE.to_be_bytes();
    match dialect {
        Dialect::Rfc8489 => id[..4].copy_from_slice(&cookie),
        Dialect::Rfc3489 if id.starts_with(&cookie) => id[0] ^= 0xff,
        Dialect::Rfc3489 => {}
    }
    id
}
