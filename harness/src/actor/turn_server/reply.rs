//! Responses: built, protected, sent.

use super::allocation::FiveTuple;
use super::authentication::User;
use super::{F, TurnServer, V};
use std::net::SocketAddr;
use wire::stun::build::RawBuilder;
use wire::stun::{Attribute, AttributeType, Class, Digest, ErrorCode, Key, Message};

/// What the server calls itself. Its length needs padding, so that padding can be looked at.
const SOFTWARE: &str = "natproof relay";
/// An attribute that nobody knows and nobody has to (RFC 8489 section 14).
const EXTRA: AttributeType = AttributeType(0xfffe);

/// Why a request is not carried out.
#[derive(Debug)]
pub(super) struct Refusal {
    code: u16,
    unknown: Vec<AttributeType>,
    /// 401 and 438: the nonce to use.
    nonce: Option<String>,
}

impl Refusal {
    pub(super) fn code(code: u16) -> Self {
        Self { code, unknown: Vec::new(), nonce: None }
    }

    pub(super) fn unknown(unknown: Vec<AttributeType>) -> Self {
        Self { code: 420, unknown, nonce: None }
    }

    pub(super) fn challenge(code: u16, nonce: String) -> Self {
        Self { code, unknown: Vec::new(), nonce: Some(nonce) }
    }
}

/// The attributes of a success response, in order, or why there is none.
pub(super) type Answer = Result<Vec<Attribute<'static>>, Refusal>;

impl TurnServer {
    /// The attributes of a Binding success response (RFC 8489 section 6.3.1.1); a client of RFC 3489 gets the address as it is (section 12).
    pub(super) fn bound(&self, tuple: FiveTuple, request: &Message<'_>) -> Vec<Attribute<'static>> {
        if !request.has_cookie() {
            return vec![Attribute::MappedAddress(tuple.client)];
        }
        let mut attributes = vec![self.mapped(tuple)];
        if self.varied(V::MappedAddressToo) {
            attributes.push(Attribute::MappedAddress(tuple.client));
        }
        attributes
    }

    pub(super) fn mapped(&self, tuple: FiveTuple) -> Attribute<'static> {
        let port = if self.wrong(F::MappedAddressWrong) { tuple.client.port() ^ 1 } else { tuple.client.port() };
        Attribute::XorMappedAddress(SocketAddr::new(tuple.client.ip(), port))
    }

    /// Sends the response to a request.
    pub(super) fn answer(&mut self, tuple: FiveTuple, request: &Message<'_>, answer: Answer, user: Option<&User>) {
        let class = if answer.is_ok() { Class::SuccessResponse } else { Class::ErrorResponse };
        let mut id = request.transaction_id_rfc3489();
        if self.wrong(F::TransactionIdWrong) {
            id[15] ^= 0xff;
        }
        let mut builder = RawBuilder::rfc3489(class, request.method(), id);
        builder = match answer {
            Ok(attributes) => self.success(builder, attributes),
            Err(refusal) => self.error(builder, &refusal),
        };
        builder = self.finish(builder, request, user);
        let port = if self.wrong(F::AnswersFromOtherPort) { tuple.server.port().wrapping_add(1) } else { tuple.server.port() };
        self.send(SocketAddr::new(tuple.server.ip(), port), tuple.client, builder.build());
    }

    fn success(&self, builder: RawBuilder, mut attributes: Vec<Attribute<'static>>) -> RawBuilder {
        if self.varied(V::AttributesReversed) {
            attributes.reverse();
        }
        attributes.iter().fold(builder, RawBuilder::attribute)
    }

    fn error(&self, mut builder: RawBuilder, refusal: &Refusal) -> RawBuilder {
        let usual = wire::stun::error_reason(refusal.code).unwrap_or_default();
        let reason = match (self.varied(V::OtherReasons), self.varied(V::NoReasons)) {
            (true, _) => "not like this",
            (_, true) => "",
            _ => usual,
        };
        if !self.wrong(F::ErrorWithoutCode) {
            builder = builder.attribute(&Attribute::ErrorCode(ErrorCode { code: refusal.code, reason }));
        }
        if !refusal.unknown.is_empty() && !self.wrong(F::UnknownAttributesUnlisted) {
            builder = builder.attribute(&Attribute::UnknownAttributes(refusal.unknown.clone()));
        }
        match &refusal.nonce {
            Some(nonce) => self.challenged(builder, refusal.code, nonce),
            None => builder,
        }
    }

    fn challenged(&self, mut builder: RawBuilder, code: u16, nonce: &str) -> RawBuilder {
        if !(self.wrong(F::ChallengeWithoutRealm) && code == 401) {
            builder = builder.attribute(&Attribute::Realm(&self.config.realm));
        }
        if !(self.wrong(F::ChallengeWithoutNonce) && code == 401 || self.wrong(F::StaleWithoutNonce) && code == 438) {
            builder = builder.attribute(&Attribute::Nonce(nonce));
        }
        if !self.varied(V::Md5Only) && !self.wrong(F::AlgorithmsMissing) {
            builder = builder.attribute(&Attribute::PasswordAlgorithms(self.offered()));
        }
        builder
    }

    /// What every response ends with.
    fn finish(&self, mut builder: RawBuilder, request: &Message<'_>, user: Option<&User>) -> RawBuilder {
        if self.varied(V::ExtraAttribute) {
            builder = builder.value(EXTRA, [1, 2, 3, 4]);
        }
        if !self.wrong(F::SoftwareMissing) && request.has_cookie() {
            let padding = if self.wrong(F::PaddingNotZero) { [0xff; 2] } else { [0; 2] };
            builder = builder.tlv(AttributeType::SOFTWARE, SOFTWARE.len() as u16, SOFTWARE, padding);
        }
        match user.and_then(|user| user.protection.as_ref()) {
            Some((digest, key)) if !self.wrong(F::ResponseWithoutIntegrity) => {
                let other = Key::short_term("another password");
                builder = builder.integrity(*digest, if self.wrong(F::ResponseIntegrityWrong) { &other } else { key });
            }
            None if self.wrong(F::ChallengeWithIntegrity) => builder = builder.integrity(Digest::Sha1, &Key::short_term("")),
            _ => {}
        }
        let wanted = request.has(AttributeType::FINGERPRINT) || self.varied(V::FingerprintAlways);
        if wanted && request.has_cookie() { builder.fingerprint() } else { builder }
    }
}
