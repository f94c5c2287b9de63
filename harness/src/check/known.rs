//! What is known of a subject while its frames go by: its transactions, and the keys that protect its messages.

use super::ice::Description;
use super::{Context, Datagram, Party, Transaction};
use iut::{Ns, SECOND, Signal};
use std::collections::{BTreeMap, VecDeque};
use wire::stun::{
    Attribute, AttributeType, Class, Credential, Digest, Integrity, Key, Message, Method, PasswordHash, TransactionId, userhash,
};

/// Transactions that are remembered at most.
const TRANSACTIONS: usize = 4096;
/// A transaction is over after the 39.5 s of RFC 8489 section 6.2.1; the rest is for responses that travel.
const FORGET_AFTER: Ns = 120 * SECOND;
/// ICE credentials that are remembered at most: of 64 restarts of both sides.
const ICE_CREDENTIALS: usize = 128;

/// What is known of a subject.
#[derive(Clone, Debug, Default)]
pub struct Known {
    transactions: BTreeMap<TransactionId, Vec<Transaction>>,
    order: VecDeque<(Ns, TransactionId)>,
    forgot_early: bool,
    ice: VecDeque<IceCredentials>,
    long_term: Vec<LongTerm>,
}

#[derive(Clone, Debug)]
struct IceCredentials {
    own: bool,
    ufrag: String,
    pwd: String,
}

#[derive(Clone, Debug)]
struct LongTerm {
    username: String,
    password: String,
}

impl Known {
    pub(super) fn new(context: &Context, party: &Party) -> Self {
        let users = context.credentials.iter().map(|user| (&user.username, &user.password));
        let own = party.credentials.iter().map(|user| (&user.username, &user.password));
        let long_term = own.chain(users).map(|(username, password)| LongTerm { username: username.clone(), password: password.clone() });
        Self { long_term: long_term.collect(), ..Self::default() }
    }

    /// Transactions with this id, also those between other addresses.
    pub fn transactions(&self, id: TransactionId) -> &[Transaction] {
        self.transactions.get(&id).map_or(&[], Vec::as_slice)
    }

    /// Whether transactions had to be forgotten while they could still be open, so that a response without request proves nothing.
    pub fn forgot_early(&self) -> bool {
        self.forgot_early
    }

    /// The transaction of a message: the one along the same addresses, or else the latest with its id.
    pub(super) fn transaction_of(&self, sent: bool, message: &Message<'_>, ends: impl Fn(&Transaction) -> bool) -> Option<&Transaction> {
        let response = is_response(message.class());
        let by_subject = sent != response;
        let mut fitting = self.transactions(message.transaction_id()).iter().rev().filter(|found| found.by_subject == by_subject);
        let exact = fitting.clone().find(|found| ends(found));
        if response { exact.or_else(|| fitting.next()) } else { exact }
    }

    /// Whether the integrity attributes of a datagram's message verify.
    pub(super) fn integrity(&self, datagram: &Datagram<'_>) -> Option<bool> {
        let message = datagram.stun()?;
        match is_response(message.class()) {
            false => self.verify(message, datagram.sent, message),
            true => self.response_integrity(datagram.before?, message),
        }
    }

    /// Whether the integrity attributes of the request that opened a transaction verify; `None` where it has none or its key is not known yet.
    pub fn request_integrity(&self, transaction: &Transaction) -> Option<bool> {
        if transaction.verified.get().is_none() {
            let request = transaction.request();
            transaction.verified.set(self.verify(&request, transaction.by_subject, &request));
        }
        transaction.verified.get()
    }

    /// Whether a request is known to be authentic.
    pub fn is_authentic(&self, transaction: &Transaction) -> bool {
        self.request_integrity(transaction) == Some(true)
    }

    fn response_integrity(&self, answered: &Transaction, response: &Message<'_>) -> Option<bool> {
        self.verify(response, answered.by_subject, &answered.request())
    }

    fn verify(&self, message: &Message<'_>, by_subject: bool, request: &Message<'_>) -> Option<bool> {
        let digests = [Digest::Sha1, Digest::Sha256].map(|digest| (digest, message.has(digest.attribute())));
        if digests.iter().all(|(_, present)| !present) {
            return None;
        }
        let keys = self.keys(by_subject, request)?;
        let right = |key: &Key| {
            digests.iter().all(|(digest, present)| !present || matches!(message.verify_integrity(*digest, key), Integrity::Valid))
        };
        Some(keys.iter().any(right))
    }

    /// Keys that a request may be protected with; `None` where nothing is known of its user.
    fn keys(&self, by_subject: bool, request: &Message<'_>) -> Option<Vec<Key>> {
        let keys: Vec<Key> = match request.realm() {
            Ok(Some(realm)) => {
                let of_user = self.long_term.iter().filter(|user| user.is_user_of(request, realm));
                of_user.flat_map(|user| user.keys(realm)).collect()
            }
            _ => {
                // The first fragment is the receiver's. An agent may well meet its own checks, where two hosts have one private address.
                let username = request.username().ok()??;
                let fragment = username.split_once(':').map_or(username, |(fragment, _)| fragment);
                let of_receiver = self.ice.iter().filter(|known| known.own != by_subject && known.ufrag == fragment);
                of_receiver.map(|known| Key::short_term(&known.pwd)).collect()
            }
        };
        (!keys.is_empty()).then_some(keys)
    }

    /// Whether a username fragment was signalled, by either side.
    pub fn has_fragment(&self, fragment: &str) -> bool {
        self.ice.iter().any(|known| known.ufrag == fragment)
    }

    /// Whether anything was signalled.
    pub fn has_ice_credentials(&self) -> bool {
        !self.ice.is_empty()
    }

    pub(super) fn signal(&mut self, own: bool, signal: &Signal) {
        let Signal::Description(description) = signal else { return };
        for credentials in Description::read(&description.sdp).credentials {
            if self.ice.len() == ICE_CREDENTIALS {
                self.ice.pop_front();
            }
            self.ice.push_back(IceCredentials { own, ufrag: credentials.ufrag, pwd: credentials.pwd });
        }
    }

    /// Takes the message of a datagram into account.
    pub(super) fn datagram(&mut self, number: u32, at: Ns, datagram: &Datagram<'_>) {
        let Some(message) = datagram.stun() else { return };
        let bulk = message.class() == Class::Indication && message.method() != Method::BINDING;
        if bulk {
            return;
        }
        let id = message.transaction_id();
        let response = is_response(message.class());
        let by_subject = datagram.sent != response;
        let same = |found: &&mut Transaction| found.by_subject == by_subject && found.is_between(datagram);
        if response {
            let position = self.transactions(id).iter().rposition(|found| found.by_subject == by_subject && found.is_between(datagram));
            if let Some(position) = position
                && self.counts(datagram, message, &self.transactions[&id][position])
            {
                let answered = self.transactions.get_mut(&id).map(|found| &mut found[position]);
                answered.into_iter().for_each(|answered| _ = answered.response.get_or_insert((number, at)));
            }
            return;
        }
        let transactions = self.transactions.entry(id).or_default();
        if let Some(found) = transactions.iter_mut().rev().find(same) {
            found.sends += 1;
            found.interval.get_or_insert(at - found.last.1);
            found.last = (number, at);
            return;
        }
        transactions.push(Transaction {
            by_subject,
            class: message.class(),
            method: message.method(),
            local: datagram.local,
            remote: datagram.remote,
            through: datagram.through,
            bytes: datagram.payload.clone(),
            first: (number, at),
            last: (number, at),
            sends: 1,
            interval: None,
            verified: datagram.verified.get().copied().flatten().into(),
            response: None,
        });
        self.order.push_back((at, id));
        self.forget(at);
    }

    /// Whether a receiver takes a response for the answer: what it has to drop is as if it had never come (RFC 8489 sections 6.3, 9.1.4 and 9.2.5).
    fn counts(&self, datagram: &Datagram<'_>, response: &Message<'_>, transaction: &Transaction) -> bool {
        let request = transaction.request();
        if !response.defects().is_empty() || response.verify_fingerprint() == Integrity::Mismatch {
            return false;
        }
        let protected = request.has(AttributeType::MESSAGE_INTEGRITY) || request.has(AttributeType::MESSAGE_INTEGRITY_SHA256);
        let challenge = matches!(response.error_code(), Ok(Some(error)) if matches!(error.code, 401 | 438));
        let verified = || datagram.verified.get().copied().unwrap_or_else(|| self.response_integrity(transaction, response));
        !protected || challenge || verified() == Some(true)
    }

    fn forget(&mut self, now: Ns) {
        while let Some((at, id)) = self.order.front().copied() {
            let old = now.saturating_sub(at) > FORGET_AFTER;
            if !old && self.order.len() <= TRANSACTIONS {
                return;
            }
            self.forgot_early |= !old;
            self.order.pop_front();
            self.transactions.remove(&id);
        }
    }
}

impl LongTerm {
    fn is_user_of(&self, request: &Message<'_>, realm: &str) -> bool {
        match (request.username(), request.first(AttributeType::USERHASH)) {
            (Ok(Some(username)), _) => username == self.username,
            (_, Ok(Some(Attribute::Userhash(hash)))) => hash == userhash(&self.username, realm),
            _ => false,
        }
    }

    fn keys(&self, realm: &str) -> [Key; 2] {
        let md5 = Credential::long_term(&self.username, realm, &self.password);
        [md5.clone().key(), md5.with_algorithm(PasswordHash::Sha256).key()]
    }
}

impl Transaction {
    /// Whether a datagram travels between the same addresses.
    pub fn is_between(&self, datagram: &Datagram<'_>) -> bool {
        (self.local, self.remote, self.through) == (datagram.local, datagram.remote, datagram.through)
    }
}

fn is_response(class: Class) -> bool {
    matches!(class, Class::SuccessResponse | Class::ErrorResponse)
}
