//! Messages for the tests: from hex, and from generated seeds.

use proptest::prelude::*;
use std::net::{IpAddr, SocketAddr};
use wire::stun::build::{RawBuilder, WellformedBuilder};
use wire::stun::{
    AddressFamily, Attribute, AttributeType, Class, Credential, Digest, ErrorCode, Icmp, Method, PasswordAlgorithm, TransactionId,
};

/// Bytes of a hex dump; white space is skipped.
pub(crate) fn hex(dump: &str) -> Vec<u8> {
    let digits: Vec<_> = dump.chars().filter(|character| !character.is_whitespace()).collect();
    digits.chunks(2).map(|pair| u8::from_str_radix(&pair.iter().collect::<String>(), 16).unwrap()).collect()
}

pub(crate) const ID: TransactionId = TransactionId([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);

pub(crate) fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

pub(crate) fn request(method: Method) -> RawBuilder {
    RawBuilder::new(Class::Request, method, ID)
}

/// What an attribute of any kind is made from; every value is one that both builders take.
#[derive(Debug, Clone)]
pub(crate) struct Seed {
    kind: usize,
    address: SocketAddr,
    number: u64,
    text: String,
    bytes: Vec<u8>,
}

/// How many kinds of attributes [`Seed::attribute`] makes.
pub(crate) const KINDS: usize = 41;

impl Seed {
    pub(crate) fn attribute(&self) -> Attribute<'_> {
        use Attribute as A;
        let number = self.number as u32;
        let family = if self.number.is_multiple_of(2) { AddressFamily::IPV4 } else { AddressFamily::IPV6 };
        let error = ErrorCode { code: 300 + (self.number % 300) as u16, reason: &self.text };
        match self.kind {
            0 => A::MappedAddress(self.address),
            1 => A::XorMappedAddress(self.address),
            2 => A::XorPeerAddress(self.address),
            3 => A::XorRelayedAddress(self.address),
            4 => A::AlternateServer(self.address),
            5 => A::ResponseOrigin(self.address),
            6 => A::OtherAddress(self.address),
            7 => A::ResponseAddress(self.address),
            8 => A::SourceAddress(self.address),
            9 => A::ChangedAddress(self.address),
            10 => A::ReflectedFrom(self.address),
            11 => A::Username(&self.text),
            12 => A::Realm(&self.text),
            13 => A::Nonce(&self.text),
            14 => A::Software(&self.text),
            15 => A::AlternateDomain(&self.text),
            16 => A::Userhash([number as u8; 32]),
            17 => A::ErrorCode(error),
            18 => A::AddressErrorCode { family, error },
            19 => A::UnknownAttributes(self.bytes.iter().map(|byte| AttributeType(u16::from(*byte) << 8)).collect()),
            20 => A::PasswordAlgorithm(self.password_algorithm()),
            21 => A::PasswordAlgorithms(vec![self.password_algorithm(); self.bytes.len() % 4]),
            22 => A::Priority(number),
            23 => A::UseCandidate,
            24 => A::IceControlled(self.number),
            25 => A::IceControlling(self.number),
            26 => A::Lifetime(number),
            27 => A::ChannelNumber(0x4000 + (number % 0x1000) as u16),
            28 => A::Data(&self.bytes),
            29 => A::RequestedTransport(number as u8),
            30 => A::RequestedAddressFamily(family),
            31 => A::AdditionalAddressFamily(family),
            32 => A::EvenPort { reserve: self.number % 2 == 1 },
            33 => A::ReservationToken(self.number.to_be_bytes()),
            34 => A::DontFragment,
            35 => A::Icmp(Icmp { icmp_type: number as u8, code: (number >> 8) as u8, error_data: number }),
            36 => A::ChangeRequest { ip: self.number & 1 == 1, port: self.number & 2 == 2 },
            37 => A::ResponsePort(number as u16),
            38 => A::Padding(&self.bytes),
            39 => A::ConnectionId(number),
            _ => A::MobilityTicket(&self.bytes),
        }
    }

    fn password_algorithm(&self) -> PasswordAlgorithm<'_> {
        PasswordAlgorithm { algorithm: self.number as u16, parameters: &self.bytes[..self.bytes.len() % 7] }
    }
}

pub(crate) fn seed() -> impl Strategy<Value = Seed> {
    let address = (any::<IpAddr>(), any::<u16>()).prop_map(|(ip, port)| SocketAddr::new(ip, port));
    let text = proptest::collection::vec(any::<char>(), 0..40).prop_map(String::from_iter);
    let bytes = proptest::collection::vec(any::<u8>(), 0..40);
    (0..KINDS, address, any::<u64>(), text, bytes).prop_map(|(kind, address, number, text, bytes)| Seed {
        kind,
        address,
        number,
        text,
        bytes,
    })
}

pub(crate) fn class() -> impl Strategy<Value = Class> {
    prop_oneof![Just(Class::Request), Just(Class::Indication), Just(Class::SuccessResponse), Just(Class::ErrorResponse)]
}

pub(crate) fn credential() -> impl Strategy<Value = Credential> {
    let text = || proptest::collection::vec(any::<char>(), 0..20).prop_map(String::from_iter);
    prop_oneof![
        text().prop_map(Credential::short_term),
        (text(), text(), text()).prop_map(|(username, realm, password)| Credential::long_term(username, realm, password)),
    ]
}

/// Content of a message that either builder can write.
#[derive(Debug, Clone)]
pub(crate) struct Content {
    pub(crate) class: Class,
    pub(crate) method: Method,
    pub(crate) id: TransactionId,
    pub(crate) seeds: Vec<Seed>,
    pub(crate) credential: Credential,
    pub(crate) digests: Vec<Digest>,
    pub(crate) fingerprint: bool,
}

pub(crate) fn content() -> impl Strategy<Value = Content> {
    let digests =
        prop_oneof![Just(vec![]), Just(vec![Digest::Sha1]), Just(vec![Digest::Sha256]), Just(vec![Digest::Sha1, Digest::Sha256]),];
    // Methods above 0xF are those that the codec encodes wrongly.
    let header = (class(), (0..=0xF_u16).prop_map(Method), any::<[u8; 12]>().prop_map(TransactionId));
    (header, proptest::collection::vec(seed(), 0..8), credential(), digests, any::<bool>()).prop_map(
        |((class, method, id), seeds, credential, digests, fingerprint)| Content {
            class,
            method,
            id,
            seeds,
            credential,
            digests,
            fingerprint,
        },
    )
}

impl Content {
    pub(crate) fn raw(&self) -> Vec<u8> {
        let mut builder = RawBuilder::new(self.class, self.method, self.id);
        for seed in &self.seeds {
            builder = builder.attribute(&seed.attribute());
        }
        for digest in &self.digests {
            builder = builder.integrity(*digest, &self.credential.key());
        }
        if self.fingerprint { builder.fingerprint().build() } else { builder.build() }
    }

    pub(crate) fn wellformed(&self) -> Vec<u8> {
        let mut builder = WellformedBuilder::new(self.class, self.method, self.id).attributes(self.seeds.iter().map(Seed::attribute));
        for digest in &self.digests {
            builder = builder.integrity(*digest, &self.credential);
        }
        if self.fingerprint { builder.fingerprint() } else { builder }.build().unwrap()
    }
}
