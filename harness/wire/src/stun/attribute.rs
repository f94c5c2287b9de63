//! Attributes: as they stand in the message, and decoded.

use super::{AttributeType, TransactionId, address};
use crate::{Malformed, Reason, padding_length, reader::Reader};
use std::net::{IpAddr, SocketAddr};

/// An attribute as it stands in the message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RawAttribute<'a> {
    /// Its type.
    pub kind: AttributeType,
    /// Offset of its type field from the start of the message, in bytes.
    pub offset: usize,
    /// Its value, as long as its length field says.
    pub value: &'a [u8],
    /// The bytes that fill the value up to a multiple of four; fewer than needed only where the message ends early.
    pub padding: &'a [u8],
}

impl<'a> RawAttribute<'a> {
    /// Offset of the value from the start of the message, in bytes.
    pub fn value_offset(&self) -> usize {
        self.offset + 4
    }

    /// Offset of the first byte behind the attribute and its padding.
    pub fn end(&self) -> usize {
        self.value_offset() + self.value.len() + self.padding.len()
    }

    /// Decodes the value by the definition of its type. Reserved bits are ignored, as receivers have to; types that this crate does not
    /// know become [`Attribute::Other`].
    ///
    /// # Errors
    /// A value that the definition rules out, with the offset in the message.
    pub fn decode(&self, transaction_id: TransactionId) -> Result<Attribute<'a>, Malformed> {
        let mut reader = Reader::new(self.value, self.value_offset());
        let attribute = self.decode_value(&mut reader, transaction_id)?;
        if reader.is_empty() { Ok(attribute) } else { Err(self.wrong_length()) }
    }

    fn decode_value(&self, reader: &mut Reader<'a>, transaction_id: TransactionId) -> Result<Attribute<'a>, Malformed> {
        use Attribute as A;
        use AttributeType as T;
        let xored = |reader: &mut Reader<'_>| Ok(address::xor(address::decode(reader)?, transaction_id));
        Ok(match self.kind {
            T::MAPPED_ADDRESS => A::MappedAddress(address::decode(reader)?),
            T::RESPONSE_ADDRESS => A::ResponseAddress(address::decode(reader)?),
            T::SOURCE_ADDRESS => A::SourceAddress(address::decode(reader)?),
            T::CHANGED_ADDRESS => A::ChangedAddress(address::decode(reader)?),
            T::REFLECTED_FROM => A::ReflectedFrom(address::decode(reader)?),
            T::ALTERNATE_SERVER => A::AlternateServer(address::decode(reader)?),
            T::RESPONSE_ORIGIN => A::ResponseOrigin(address::decode(reader)?),
            T::OTHER_ADDRESS => A::OtherAddress(address::decode(reader)?),
            T::XOR_MAPPED_ADDRESS => A::XorMappedAddress(xored(reader)?),
            T::XOR_PEER_ADDRESS => A::XorPeerAddress(xored(reader)?),
            T::XOR_RELAYED_ADDRESS => A::XorRelayedAddress(xored(reader)?),
            T::USERNAME => A::Username(text(reader, "USERNAME")?),
            T::REALM => A::Realm(text(reader, "REALM")?),
            T::NONCE => A::Nonce(text(reader, "NONCE")?),
            T::SOFTWARE => A::Software(text(reader, "SOFTWARE")?),
            T::ALTERNATE_DOMAIN => A::AlternateDomain(text(reader, "ALTERNATE-DOMAIN")?),
            T::USERHASH => A::Userhash(self.exactly(reader)?),
            T::MESSAGE_INTEGRITY => A::MessageIntegrity(self.exactly(reader)?),
            T::MESSAGE_INTEGRITY_SHA256 => A::MessageIntegritySha256(self.sha256_digest(reader)?),
            T::FINGERPRINT => A::Fingerprint(u32::from_be_bytes(self.exactly(reader)?)),
            T::PRIORITY => A::Priority(u32::from_be_bytes(self.exactly(reader)?)),
            T::ICE_CONTROLLED => A::IceControlled(u64::from_be_bytes(self.exactly(reader)?)),
            T::ICE_CONTROLLING => A::IceControlling(u64::from_be_bytes(self.exactly(reader)?)),
            T::LIFETIME => A::Lifetime(u32::from_be_bytes(self.exactly(reader)?)),
            T::CACHE_TIMEOUT => A::CacheTimeout(u32::from_be_bytes(self.exactly(reader)?)),
            T::CONNECTION_ID => A::ConnectionId(u32::from_be_bytes(self.exactly(reader)?)),
            T::RESERVATION_TOKEN => A::ReservationToken(self.exactly(reader)?),
            T::CHANNEL_NUMBER => A::ChannelNumber(high_half(self.exactly(reader)?)),
            T::REQUESTED_TRANSPORT => A::RequestedTransport(self.exactly::<4>(reader)?[0]),
            T::REQUESTED_ADDRESS_FAMILY => A::RequestedAddressFamily(AddressFamily(self.exactly::<4>(reader)?[0])),
            T::ADDITIONAL_ADDRESS_FAMILY => A::AdditionalAddressFamily(AddressFamily(self.exactly::<4>(reader)?[0])),
            T::EVEN_PORT => A::EvenPort { reserve: self.exactly::<1>(reader)?[0] & 0x80 != 0 },
            T::RESPONSE_PORT => A::ResponsePort(self.response_port(reader)?),
            T::CHANGE_REQUEST => change_request(u32::from_be_bytes(self.exactly(reader)?)),
            T::USE_CANDIDATE => A::UseCandidate,
            T::DONT_FRAGMENT => A::DontFragment,
            T::DATA => A::Data(reader.rest()),
            T::PADDING => A::Padding(reader.rest()),
            T::MOBILITY_TICKET => A::MobilityTicket(reader.rest()),
            T::ERROR_CODE => A::ErrorCode(ErrorCode::decode(reader)?.1),
            T::ADDRESS_ERROR_CODE => address_error_code(reader)?,
            T::ICMP => A::Icmp(Icmp::decode(reader)?),
            T::UNKNOWN_ATTRIBUTES => A::UnknownAttributes(self.type_list(reader)?),
            T::PASSWORD_ALGORITHM => A::PasswordAlgorithm(PasswordAlgorithm::decode(reader)?),
            T::PASSWORD_ALGORITHMS => A::PasswordAlgorithms(password_algorithms(reader)?),
            kind => A::Other { kind, value: reader.rest() },
        })
    }

    /// Takes the whole value where it has exactly `N` bytes.
    fn exactly<const N: usize>(&self, reader: &mut Reader<'_>) -> Result<[u8; N], Malformed> {
        if self.value.len() == N { reader.array("value") } else { Err(self.wrong_length()) }
    }

    /// RFC 8489, section 14.6: 16 to 32 bytes, a multiple of four.
    fn sha256_digest(&self, reader: &mut Reader<'a>) -> Result<&'a [u8], Malformed> {
        let length = self.value.len();
        if (16..=32).contains(&length) && length.is_multiple_of(4) { Ok(reader.rest()) } else { Err(self.wrong_length()) }
    }

    /// RFC 5780, section 7.5: 16 bits and "2 bytes of padding", which senders count into the length (4) or not (2).
    fn response_port(&self, reader: &mut Reader<'_>) -> Result<u16, Malformed> {
        if !matches!(self.value.len(), 2 | 4) {
            return Err(self.wrong_length());
        }
        let port = reader.u16("port")?;
        reader.rest();
        Ok(port)
    }

    fn type_list(&self, reader: &mut Reader<'_>) -> Result<Vec<AttributeType>, Malformed> {
        if !self.value.len().is_multiple_of(2) {
            return Err(self.wrong_length());
        }
        let types = reader.rest().chunks_exact(2).map(|pair| AttributeType(u16::from_be_bytes([pair[0], pair[1]])));
        Ok(types.collect())
    }

    fn wrong_length(&self) -> Malformed {
        Malformed::at(self.offset + 2, Reason::ValueLength { attribute: self.kind, length: self.value.len() })
    }
}

/// A decoded attribute. Builders take it as well, so that what one side writes is what the other reads.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Attribute<'a> {
    /// MAPPED-ADDRESS: RFC 8489, section 14.1.
    MappedAddress(SocketAddr),
    /// XOR-MAPPED-ADDRESS, the address itself: RFC 8489, section 14.2.
    XorMappedAddress(SocketAddr),
    /// XOR-PEER-ADDRESS, the address itself: RFC 8656, section 18.3.
    XorPeerAddress(SocketAddr),
    /// XOR-RELAYED-ADDRESS, the address itself: RFC 8656, section 18.5.
    XorRelayedAddress(SocketAddr),
    /// ALTERNATE-SERVER: RFC 8489, section 14.15.
    AlternateServer(SocketAddr),
    /// RESPONSE-ORIGIN: RFC 5780, section 7.3.
    ResponseOrigin(SocketAddr),
    /// OTHER-ADDRESS: RFC 5780, section 7.4.
    OtherAddress(SocketAddr),
    /// RESPONSE-ADDRESS: RFC 3489, section 11.2.2.
    ResponseAddress(SocketAddr),
    /// SOURCE-ADDRESS: RFC 3489, section 11.2.5.
    SourceAddress(SocketAddr),
    /// CHANGED-ADDRESS: RFC 3489, section 11.2.3.
    ChangedAddress(SocketAddr),
    /// REFLECTED-FROM: RFC 3489, section 11.2.11.
    ReflectedFrom(SocketAddr),
    /// USERNAME: RFC 8489, section 14.3.
    Username(&'a str),
    /// USERHASH: RFC 8489, section 14.4.
    Userhash([u8; 32]),
    /// REALM, without the quotes: RFC 8489, section 14.9.
    Realm(&'a str),
    /// NONCE, without the quotes: RFC 8489, section 14.10.
    Nonce(&'a str),
    /// SOFTWARE: RFC 8489, section 14.14.
    Software(&'a str),
    /// ALTERNATE-DOMAIN: RFC 8489, section 14.16.
    AlternateDomain(&'a str),
    /// MESSAGE-INTEGRITY, as it stands there: RFC 8489, section 14.5.
    MessageIntegrity([u8; 20]),
    /// MESSAGE-INTEGRITY-SHA256, as it stands there, 16 to 32 bytes: RFC 8489, section 14.6.
    MessageIntegritySha256(&'a [u8]),
    /// FINGERPRINT, as it stands there: RFC 8489, section 14.7.
    Fingerprint(u32),
    /// ERROR-CODE: RFC 8489, section 14.8.
    ErrorCode(ErrorCode<'a>),
    /// ADDRESS-ERROR-CODE: RFC 8656, section 18.12.
    AddressErrorCode {
        /// The family that was refused.
        family: AddressFamily,
        /// Why.
        error: ErrorCode<'a>,
    },
    /// UNKNOWN-ATTRIBUTES: RFC 8489, section 14.13.
    UnknownAttributes(Vec<AttributeType>),
    /// PASSWORD-ALGORITHM: RFC 8489, section 14.12.
    PasswordAlgorithm(PasswordAlgorithm<'a>),
    /// PASSWORD-ALGORITHMS: RFC 8489, section 14.11.
    PasswordAlgorithms(Vec<PasswordAlgorithm<'a>>),
    /// PRIORITY: RFC 8445, section 7.1.1.
    Priority(u32),
    /// USE-CANDIDATE: RFC 8445, section 7.1.2.
    UseCandidate,
    /// ICE-CONTROLLED with the tiebreaker: RFC 8445, section 7.1.3.
    IceControlled(u64),
    /// ICE-CONTROLLING with the tiebreaker: RFC 8445, section 7.1.3.
    IceControlling(u64),
    /// LIFETIME in seconds: RFC 8656, section 18.2.
    Lifetime(u32),
    /// CHANNEL-NUMBER, 0x4000 to 0x4FFF where it is valid: RFC 8656, section 18.1.
    ChannelNumber(u16),
    /// DATA: RFC 8656, section 18.4.
    Data(&'a [u8]),
    /// REQUESTED-TRANSPORT with the protocol number (17 = UDP, 6 = TCP): RFC 8656, section 18.8.
    RequestedTransport(u8),
    /// REQUESTED-ADDRESS-FAMILY: RFC 8656, section 18.6.
    RequestedAddressFamily(AddressFamily),
    /// ADDITIONAL-ADDRESS-FAMILY: RFC 8656, section 18.11.
    AdditionalAddressFamily(AddressFamily),
    /// EVEN-PORT: RFC 8656, section 18.7.
    EvenPort {
        /// The R bit: also reserve the next higher port.
        reserve: bool,
    },
    /// RESERVATION-TOKEN: RFC 8656, section 18.10.
    ReservationToken([u8; 8]),
    /// DONT-FRAGMENT: RFC 8656, section 18.9.
    DontFragment,
    /// ICMP: RFC 8656, section 18.13.
    Icmp(Icmp),
    /// CHANGE-REQUEST: RFC 5780, section 7.2.
    ChangeRequest {
        /// Answer from the other address.
        ip: bool,
        /// Answer from the other port.
        port: bool,
    },
    /// RESPONSE-PORT: RFC 5780, section 7.5.
    ResponsePort(u16),
    /// PADDING: RFC 5780, section 7.6.
    Padding(&'a [u8]),
    /// CACHE-TIMEOUT in seconds.
    CacheTimeout(u32),
    /// CONNECTION-ID: RFC 6062, section 6.2.1.
    ConnectionId(u32),
    /// MOBILITY-TICKET: RFC 8016, section 3.3.
    MobilityTicket(&'a [u8]),
    /// An attribute of another type.
    Other {
        /// Its type.
        kind: AttributeType,
        /// Its value.
        value: &'a [u8],
    },
}

/// An address family as STUN numbers them (RFC 8489, section 14.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AddressFamily(pub u8);

impl AddressFamily {
    /// IPv4.
    pub const IPV4: Self = Self(0x01);
    /// IPv6.
    pub const IPV6: Self = Self(0x02);

    /// The family of an address.
    pub fn of(ip: IpAddr) -> Self {
        if ip.is_ipv4() { Self::IPV4 } else { Self::IPV6 }
    }
}

impl std::fmt::Display for AddressFamily {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match *self {
            Self::IPV4 => f.write_str("IPv4"),
            Self::IPV6 => f.write_str("IPv6"),
            Self(other) => write!(f, "family-0x{other:02x}"),
        }
    }
}

/// An error code with its reason phrase (RFC 8489, section 14.8).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ErrorCode<'a> {
    /// 300 to 699: class times hundred plus number.
    pub code: u16,
    /// The reason phrase, meant for people.
    pub reason: &'a str,
}

impl<'a> ErrorCode<'a> {
    /// Reads the common form of ERROR-CODE and ADDRESS-ERROR-CODE; the first byte is returned, since only the latter uses it.
    fn decode(reader: &mut Reader<'a>) -> Result<(u8, Self), Malformed> {
        let first = reader.u8("first byte of the error code")?;
        reader.u8("reserved byte of the error code")?;
        let class_at = reader.offset();
        let class = reader.u8("class of the error code")? & 0x07;
        if !(3..=6).contains(&class) {
            return Err(Malformed::at(class_at, Reason::Value { what: "class of the error code", value: u32::from(class) }));
        }
        let number_at = reader.offset();
        let number = reader.u8("number of the error code")?;
        if number > 99 {
            return Err(Malformed::at(number_at, Reason::Value { what: "number of the error code", value: u32::from(number) }));
        }
        let reason = text(reader, "reason phrase")?;
        Ok((first, Self { code: u16::from(class) * 100 + u16::from(number), reason }))
    }
}

/// The ICMP attribute. Type and code have 8 bits each, as in ICMP itself and as erratum 8901 reports; the figure of RFC 8656,
/// section 18.13, draws 7 and 9.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Icmp {
    /// ICMP or ICMPv6 type.
    pub icmp_type: u8,
    /// ICMP or ICMPv6 code.
    pub code: u8,
    /// MTU of the next hop where the type says "too big", otherwise zero.
    pub error_data: u32,
}

impl Icmp {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        reader.u16("reserved bytes of ICMP")?;
        Ok(Self { icmp_type: reader.u8("ICMP type")?, code: reader.u8("ICMP code")?, error_data: reader.u32("error data")? })
    }
}

/// A password algorithm with its parameters (RFC 8489, sections 14.11 and 18.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PasswordAlgorithm<'a> {
    /// [`PasswordAlgorithm::MD5`], [`PasswordAlgorithm::SHA256`] or another number.
    pub algorithm: u16,
    /// Parameters; empty for both registered algorithms.
    pub parameters: &'a [u8],
}

impl<'a> PasswordAlgorithm<'a> {
    /// MD5: RFC 8489, section 18.5.1.1.
    pub const MD5: u16 = 0x0001;
    /// SHA-256: RFC 8489, section 18.5.1.2.
    pub const SHA256: u16 = 0x0002;

    /// An algorithm without parameters.
    pub fn plain(algorithm: u16) -> Self {
        Self { algorithm, parameters: &[] }
    }

    fn decode(reader: &mut Reader<'a>) -> Result<Self, Malformed> {
        let algorithm = reader.u16("password algorithm")?;
        let length = usize::from(reader.u16("length of the algorithm's parameters")?);
        let parameters = reader.take("parameters of the algorithm", length)?;
        let padding = padding_length(length).min(reader.remaining());
        reader.take("padding of the parameters", padding)?;
        Ok(Self { algorithm, parameters })
    }
}

fn text<'a>(reader: &mut Reader<'a>, what: &'static str) -> Result<&'a str, Malformed> {
    let at = reader.offset();
    std::str::from_utf8(reader.rest()).map_err(|error| Malformed::at(at + error.valid_up_to(), Reason::NotUtf8(what)))
}

fn high_half(value: [u8; 4]) -> u16 {
    u16::from_be_bytes([value[0], value[1]])
}

fn change_request<'a>(flags: u32) -> Attribute<'a> {
    Attribute::ChangeRequest { ip: flags & 0x4 != 0, port: flags & 0x2 != 0 }
}

fn address_error_code<'a>(reader: &mut Reader<'a>) -> Result<Attribute<'a>, Malformed> {
    let (family, error) = ErrorCode::decode(reader)?;
    Ok(Attribute::AddressErrorCode { family: AddressFamily(family), error })
}

fn password_algorithms<'a>(reader: &mut Reader<'a>) -> Result<Vec<PasswordAlgorithm<'a>>, Malformed> {
    let mut algorithms = Vec::new();
    while !reader.is_empty() {
        algorithms.push(PasswordAlgorithm::decode(reader)?);
    }
    Ok(algorithms)
}
