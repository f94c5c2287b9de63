//! The long-term credential mechanism (RFC 8489 section 9.2.4), with password algorithms and anonymous users.

use super::allocation::FiveTuple;
use super::reply::Refusal;
use super::{F, TurnServer, V};
use iut::{Ns, SECOND};
use std::collections::BTreeMap;
use wire::stun::{
    AttributeType as T, Credential, Digest, Integrity, Key, Message, PasswordAlgorithm, PasswordHash, SecurityFeatures, userhash,
};

/// A nonce lasts an hour, the longest time that RFC 8656 section 5 recommends.
const NONCE_LIFETIME: Ns = 3_600 * SECOND;
/// Clients whose nonces are remembered; the first one of the order is forgotten when there are more.
const MOST_NONCES: usize = 4_096;
/// RFC 8489 section 14.10.
const LONGEST_NONCE: usize = 127;

/// What is offered in PASSWORD-ALGORITHMS: SHA-256 is preferred.
const OFFERED: [u16; 2] = [PasswordAlgorithm::SHA256, PasswordAlgorithm::MD5];

/// The nonces that clients were given.
#[derive(Default)]
pub(super) struct Nonces {
    issued: BTreeMap<FiveTuple, (String, Ns)>,
    shared: Option<String>,
}

/// Who sent a request, and how its answer is protected.
pub(super) struct User {
    pub(super) username: String,
    pub(super) protection: Option<(Digest, Key)>,
}

impl TurnServer {
    /// The value of PASSWORD-ALGORITHMS: no algorithm has parameters (RFC 8489 section 14.11).
    pub(super) fn offered(&self) -> Vec<PasswordAlgorithm<'static>> {
        let numbers = self.options.algorithms.as_deref().unwrap_or(&OFFERED);
        numbers.iter().map(|number| PasswordAlgorithm::plain(*number)).collect()
    }

    /// RFC 8489 section 9.2.4, in the order of its checks.
    pub(super) fn authenticate(&mut self, now: Ns, tuple: FiveTuple, request: &Message<'_>) -> Result<User, Refusal> {
        if !request.has(T::MESSAGE_INTEGRITY) && !request.has(T::MESSAGE_INTEGRITY_SHA256) {
            if self.wrong(F::AllocatesWithoutCredentials) {
                return Ok(User { username: String::new(), protection: None });
            }
            return Err(self.challenge(now, tuple, 401));
        }
        let named = request.has(T::USERNAME) || request.has(T::USERHASH) && !self.varied(V::Md5Only);
        let (Some(realm), Some(nonce), true) = (request.realm().ok().flatten(), request.nonce().ok().flatten(), named) else {
            let refusal = if self.wrong(F::MissingAttributeGets401) { self.challenge(now, tuple, 401) } else { Refusal::code(400) };
            return Err(refusal);
        };
        let hash = self.password_hash(request, nonce)?;
        let Some((username, password)) = self.find_user(request, realm) else {
            return Err(if self.wrong(F::UnknownUserGets400) { Refusal::code(400) } else { self.challenge(now, tuple, 401) });
        };
        let key = Credential::long_term(&username, &self.config.realm, password).with_algorithm(hash).key();
        let digest = if request.has(T::MESSAGE_INTEGRITY_SHA256) { Digest::Sha256 } else { Digest::Sha1 };
        if !self.verifies(request, digest, &key) {
            return Err(if self.wrong(F::WrongPasswordGets400) { Refusal::code(400) } else { self.challenge(now, tuple, 401) });
        }
        if self.wrong(F::AlwaysGets400) {
            return Err(Refusal::code(400));
        }
        if !self.is_current(now, tuple, nonce) {
            return Err(self.challenge(now, tuple, 438));
        }
        let negotiated = request.has(T::PASSWORD_ALGORITHM);
        let answered = if negotiated || !request.has(T::MESSAGE_INTEGRITY) { Digest::Sha256 } else { Digest::Sha1 };
        Ok(User { username, protection: Some((answered, key)) })
    }

    /// Which algorithm makes the key. What was offered must come back as it was: otherwise somebody bids the client down.
    fn password_hash(&self, request: &Message<'_>, nonce: &str) -> Result<PasswordHash, Refusal> {
        let announced = SecurityFeatures::of_nonce(nonce).is_some_and(|bits| bits.contains(SecurityFeatures::PASSWORD_ALGORITHMS));
        if !announced || !request.has(T::PASSWORD_ALGORITHM) && !request.has(T::PASSWORD_ALGORITHMS) {
            return Ok(PasswordHash::Md5);
        }
        let chosen = request.password_algorithm().ok().flatten().map(|chosen| chosen.algorithm);
        let repeated = request.password_algorithms().ok().flatten().is_some_and(|list| list == self.offered());
        if !repeated && !self.wrong(F::BidDownUndetected) {
            return Err(Refusal::code(400));
        }
        match chosen {
            Some(PasswordAlgorithm::SHA256) => Ok(PasswordHash::Sha256),
            Some(PasswordAlgorithm::MD5) => Ok(PasswordHash::Md5),
            _ if self.wrong(F::BidDownUndetected) => Ok(PasswordHash::Md5),
            _ => Err(Refusal::code(400)),
        }
    }

    fn find_user(&self, request: &Message<'_>, realm: &str) -> Option<(String, String)> {
        let (name, hash) = (request.username().ok().flatten(), request.userhash().ok().flatten());
        let own = |username: &str| match name {
            Some(name) => name == username,
            None => hash == Some(userhash(username, &self.config.realm)),
        };
        let user = self.config.users.iter().find(|user| own(&user.username) && realm == self.config.realm)?;
        Some((user.username.clone(), user.password.clone()))
    }

    fn verifies(&self, request: &Message<'_>, digest: Digest, key: &Key) -> bool {
        match request.verify_integrity(digest, key) {
            // RFC 8489 section 14.6: this usage does not allow truncation.
            Integrity::Valid => {
                let whole = request.attribute(digest.attribute()).is_some_and(|attribute| attribute.value.len() == digest.length());
                whole || self.wrong(F::TruncatedIntegrityAccepted) || self.wrong(F::IntegrityUnchecked)
            }
            _ => self.wrong(F::IntegrityUnchecked),
        }
    }

    fn is_current(&self, now: Ns, tuple: FiveTuple, nonce: &str) -> bool {
        if self.wrong(F::AnyNonceAccepted) || self.nonces.shared.as_deref() == Some(nonce) {
            return true;
        }
        let issued = self.nonces.issued.get(&tuple);
        issued.is_some_and(|(own, until)| own == nonce && (*until > now || self.wrong(F::NonceNeverExpires)))
    }

    /// 401 or 438, with what the next request needs.
    fn challenge(&mut self, now: Ns, tuple: FiveTuple, code: u16) -> Refusal {
        let nonce = self.nonce(now, tuple);
        Refusal::challenge(code, nonce)
    }

    /// The nonce of a client: a new one where the old one is over.
    pub(super) fn nonce(&mut self, now: Ns, tuple: FiveTuple) -> String {
        if self.wrong(F::OneNonceForAll) {
            if self.nonces.shared.is_none() {
                self.nonces.shared = Some(self.new_nonce());
            }
            return self.nonces.shared.clone().unwrap_or_default();
        }
        if let Some((nonce, _)) = self.nonces.issued.get(&tuple).filter(|(_, until)| *until > now) {
            return nonce.clone();
        }
        let nonce = self.new_nonce();
        let lifetime = self.options.nonce_lifetime.map_or(NONCE_LIFETIME, |span| span.0);
        self.nonces.issued.insert(tuple, (nonce.clone(), now + lifetime));
        if self.nonces.issued.len() > MOST_NONCES {
            self.nonces.issued.pop_first();
        }
        nonce
    }

    fn new_nonce(&mut self) -> String {
        let random: String = (0..20).map(|_| char::from(b"0123456789abcdef"[self.rng.below(16) as usize])).collect();
        if self.wrong(F::NonceWithoutCookie) {
            return random;
        }
        let bits = match (self.varied(V::Md5Only), self.wrong(F::AlgorithmsUnannounced)) {
            (true, _) => SecurityFeatures(0),
            (false, true) => SecurityFeatures::USERNAME_ANONYMITY,
            (false, false) => SecurityFeatures::PASSWORD_ALGORITHMS.union(SecurityFeatures::USERNAME_ANONYMITY),
        };
        let nonce = bits.nonce(&random);
        if self.varied(V::LongNonce) { format!("{nonce:0<LONGEST_NONCE$}") } else { nonce }
    }
}
