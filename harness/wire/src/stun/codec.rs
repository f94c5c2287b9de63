//! Attributes as `stun_codec` knows them, with definitions of our own for those that it lacks or has wrong.
//!
//! Of version 0.4, CHANGE-REQUEST is read with the flags one bit too low, and RESPONSE-PORT is always written as zero, so both are ours.
//! Message types of methods above 0xF are encoded wrongly; the builder refuses them.

use super::{AddressFamily, Attribute, AttributeType, Class, Method, TransactionId};
use bytecodec::bytes::{BytesEncoder, RemainingBytesDecoder};
use bytecodec::{ByteCount, Decode, Encode, EncodeExt, Eos, SizedEncode, TryTaggedDecode};
use stun_codec::rfc5245::attributes::{IceControlled, IceControlling, Priority, UseCandidate};
use stun_codec::rfc5389::attributes::{
    AlternateServer, ErrorCode, Fingerprint, MappedAddress, MessageIntegrity, Nonce, Realm, Software, UnknownAttributes, Username,
    XorMappedAddress,
};
use stun_codec::rfc5766::attributes::{
    ChannelNumber, Data, DontFragment, EvenPort, Lifetime, RequestedTransport, ReservationToken, XorPeerAddress, XorRelayAddress,
};
use stun_codec::rfc5780::attributes::{OtherAddress, ResponseOrigin};
use stun_codec::rfc8016::attributes::MobilityTicket;
use stun_codec::rfc8656::attributes::{AdditionalAddressFamily, AddressFamily as CodecFamily, RequestedAddressFamily};

type ResponseAddress = Own<0x0002>;
type ChangeRequest = Own<0x0003>;
type SourceAddress = Own<0x0004>;
type ChangedAddress = Own<0x0005>;
type ReflectedFrom = Own<0x000B>;
type MessageIntegritySha256 = Own<0x001C>;
type PasswordAlgorithm = Own<0x001D>;
type Userhash = Own<0x001E>;
type Padding = Own<0x0026>;
type ResponsePort = Own<0x0027>;
type ConnectionId = Own<0x002A>;
type AddressErrorCode = Own<0x8001>;
type PasswordAlgorithms = Own<0x8002>;
type AlternateDomain = Own<0x8003>;
type Icmp = Own<0x8004>;
type CacheTimeout = Own<0x8027>;

stun_codec::define_attribute_enums!(
    Known,
    KnownDecoder,
    KnownEncoder,
    [
        MappedAddress,
        XorMappedAddress,
        XorPeerAddress,
        XorRelayAddress,
        AlternateServer,
        ResponseOrigin,
        OtherAddress,
        ResponseAddress,
        SourceAddress,
        ChangedAddress,
        ReflectedFrom,
        Username,
        Userhash,
        Realm,
        Nonce,
        Software,
        AlternateDomain,
        MessageIntegrity,
        MessageIntegritySha256,
        Fingerprint,
        ErrorCode,
        AddressErrorCode,
        UnknownAttributes,
        PasswordAlgorithm,
        PasswordAlgorithms,
        Priority,
        UseCandidate,
        IceControlled,
        IceControlling,
        Lifetime,
        ChannelNumber,
        Data,
        RequestedTransport,
        RequestedAddressFamily,
        AdditionalAddressFamily,
        EvenPort,
        ReservationToken,
        DontFragment,
        Icmp,
        ChangeRequest,
        ResponsePort,
        Padding,
        CacheTimeout,
        ConnectionId,
        MobilityTicket
    ]
);

/// A message of `stun_codec` over these attributes.
pub(super) type CodecMessage = stun_codec::Message<Known>;

/// An attribute of our own definition: a value in wire form, of any length.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Own<const CODEPOINT: u16>(pub(super) Vec<u8>);

impl<const CODEPOINT: u16> Own<CODEPOINT> {
    const CODEPOINT: u16 = CODEPOINT;
}

impl<const CODEPOINT: u16> stun_codec::Attribute for Own<CODEPOINT> {
    type Decoder = OwnDecoder<CODEPOINT>;
    type Encoder = OwnEncoder<CODEPOINT>;

    fn get_type(&self) -> stun_codec::AttributeType {
        stun_codec::AttributeType::new(CODEPOINT)
    }
}

/// Reads an [`Own`].
#[derive(Debug, Default)]
pub(super) struct OwnDecoder<const CODEPOINT: u16>(RemainingBytesDecoder);

impl<const CODEPOINT: u16> Decode for OwnDecoder<CODEPOINT> {
    type Item = Own<CODEPOINT>;

    fn decode(&mut self, buf: &[u8], eos: Eos) -> bytecodec::Result<usize> {
        self.0.decode(buf, eos)
    }

    fn finish_decoding(&mut self) -> bytecodec::Result<Self::Item> {
        self.0.finish_decoding().map(Own)
    }

    fn requiring_bytes(&self) -> ByteCount {
        self.0.requiring_bytes()
    }

    fn is_idle(&self) -> bool {
        self.0.is_idle()
    }
}

impl<const CODEPOINT: u16> TryTaggedDecode for OwnDecoder<CODEPOINT> {
    type Tag = stun_codec::AttributeType;

    fn try_start_decoding(&mut self, tag: Self::Tag) -> bytecodec::Result<bool> {
        Ok(tag.as_u16() == CODEPOINT)
    }
}

/// Writes an [`Own`].
#[derive(Debug, Default)]
pub(super) struct OwnEncoder<const CODEPOINT: u16>(BytesEncoder);

impl<const CODEPOINT: u16> Encode for OwnEncoder<CODEPOINT> {
    type Item = Own<CODEPOINT>;

    fn encode(&mut self, buf: &mut [u8], eos: Eos) -> bytecodec::Result<usize> {
        self.0.encode(buf, eos)
    }

    fn start_encoding(&mut self, item: Self::Item) -> bytecodec::Result<()> {
        self.0.start_encoding(item.0)
    }

    fn requiring_bytes(&self) -> ByteCount {
        self.0.requiring_bytes()
    }

    fn is_idle(&self) -> bool {
        self.0.is_idle()
    }
}

impl<const CODEPOINT: u16> SizedEncode for OwnEncoder<CODEPOINT> {
    fn exact_requiring_bytes(&self) -> u64 {
        self.0.exact_requiring_bytes()
    }
}

/// Why `stun_codec` does not take a message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CodecError {
    /// Methods above 0xF, which it encodes wrongly.
    #[error("method {0} is not one that stun_codec encodes")]
    Method(Method),
    /// An attribute without a definition here.
    #[error("{0} has no definition")]
    Undefined(AttributeType),
    /// A digest given as a value; the builder computes these.
    #[error("{0} is computed, not given")]
    Computed(AttributeType),
    /// A value that the definition rules out.
    #[error("{attribute} has a value out of its range")]
    Value {
        /// The attribute.
        attribute: AttributeType,
    },
    /// HMAC-SHA1 over a key that is not made with MD5.
    #[error("MESSAGE-INTEGRITY with a SHA-256 password hash is not one that stun_codec computes")]
    PasswordHash,
    /// The message is longer than its length field can say.
    #[error("the message is too long")]
    TooLong,
}

pub(super) fn encode(message: CodecMessage) -> Result<Vec<u8>, CodecError> {
    stun_codec::MessageEncoder::new().encode_into_bytes(message).map_err(|_| CodecError::TooLong)
}

pub(super) fn empty_message(class: Class, method: Method, id: TransactionId) -> Result<CodecMessage, CodecError> {
    let class = match class {
        Class::Request => stun_codec::MessageClass::Request,
        Class::Indication => stun_codec::MessageClass::Indication,
        Class::SuccessResponse => stun_codec::MessageClass::SuccessResponse,
        Class::ErrorResponse => stun_codec::MessageClass::ErrorResponse,
    };
    let codec_method = stun_codec::Method::new(method.0).ok().filter(|_| method.0 <= 0xF).ok_or(CodecError::Method(method))?;
    Ok(CodecMessage::new(class, codec_method, stun_codec::TransactionId::new(id.0)))
}

impl Known {
    /// Converts a decoded attribute.
    pub(super) fn from_view(attribute: &Attribute<'_>) -> Result<Self, CodecError> {
        use Attribute as A;
        let kind = attribute.kind();
        let ranged = |_| CodecError::Value { attribute: kind };
        // None of our own definitions depends on the transaction id.
        let own = || attribute.encode_value(TransactionId::default());
        Ok(match attribute {
            A::MappedAddress(address) => MappedAddress::new(*address).into(),
            A::XorMappedAddress(address) => XorMappedAddress::new(*address).into(),
            A::XorPeerAddress(address) => XorPeerAddress::new(*address).into(),
            A::XorRelayedAddress(address) => XorRelayAddress::new(*address).into(),
            A::AlternateServer(address) => AlternateServer::new(*address).into(),
            A::ResponseOrigin(address) => ResponseOrigin::new(*address).into(),
            A::OtherAddress(address) => OtherAddress::new(*address).into(),
            A::Username(name) => Username::new((*name).to_owned()).map_err(ranged)?.into(),
            A::Realm(realm) => Realm::new((*realm).to_owned()).map_err(ranged)?.into(),
            A::Nonce(nonce) => Nonce::new((*nonce).to_owned()).map_err(ranged)?.into(),
            A::Software(software) => Software::new((*software).to_owned()).map_err(ranged)?.into(),
            A::ErrorCode(error) => ErrorCode::new(error.code, error.reason.to_owned()).map_err(ranged)?.into(),
            A::UnknownAttributes(types) => {
                UnknownAttributes::new(types.iter().map(|kind| stun_codec::AttributeType::new(kind.0)).collect()).into()
            }
            A::Priority(priority) => Priority::new(*priority).into(),
            A::UseCandidate => UseCandidate::new().into(),
            A::IceControlled(tiebreaker) => IceControlled::new(*tiebreaker).into(),
            A::IceControlling(tiebreaker) => IceControlling::new(*tiebreaker).into(),
            A::Lifetime(seconds) => Lifetime::from_u32(*seconds).into(),
            A::ChannelNumber(number) => ChannelNumber::new(*number).map_err(ranged)?.into(),
            A::Data(data) => Data::new(data.to_vec()).map_err(ranged)?.into(),
            A::RequestedTransport(protocol) => RequestedTransport::new(*protocol).into(),
            A::RequestedAddressFamily(family) => RequestedAddressFamily::new(codec_family(*family, kind)?).into(),
            A::AdditionalAddressFamily(family) => AdditionalAddressFamily::new(codec_family(*family, kind)?).into(),
            A::EvenPort { reserve } => EvenPort::new(*reserve).into(),
            A::ReservationToken(token) => ReservationToken::new(u64::from_be_bytes(*token)).into(),
            A::DontFragment => DontFragment.into(),
            A::MobilityTicket(ticket) => MobilityTicket::new(ticket.to_vec()).map_err(ranged)?.into(),
            A::ResponseAddress(_) => Self::ResponseAddress(Own(own())),
            A::SourceAddress(_) => Self::SourceAddress(Own(own())),
            A::ChangedAddress(_) => Self::ChangedAddress(Own(own())),
            A::ReflectedFrom(_) => Self::ReflectedFrom(Own(own())),
            A::Userhash(_) => Self::Userhash(Own(own())),
            A::AlternateDomain(_) => Self::AlternateDomain(Own(own())),
            A::AddressErrorCode { .. } => Self::AddressErrorCode(Own(own())),
            A::PasswordAlgorithm(_) => Self::PasswordAlgorithm(Own(own())),
            A::PasswordAlgorithms(_) => Self::PasswordAlgorithms(Own(own())),
            A::Icmp(_) => Self::Icmp(Own(own())),
            A::ChangeRequest { .. } => Self::ChangeRequest(Own(own())),
            A::ResponsePort(_) => Self::ResponsePort(Own(own())),
            A::Padding(_) => Self::Padding(Own(own())),
            A::CacheTimeout(_) => Self::CacheTimeout(Own(own())),
            A::ConnectionId(_) => Self::ConnectionId(Own(own())),
            A::MessageIntegrity(_) | A::MessageIntegritySha256(_) | A::Fingerprint(_) => return Err(CodecError::Computed(kind)),
            A::Other { kind, .. } => return Err(CodecError::Undefined(*kind)),
        })
    }
}

fn codec_family(family: AddressFamily, attribute: AttributeType) -> Result<CodecFamily, CodecError> {
    match family {
        AddressFamily::IPV4 => Ok(CodecFamily::V4),
        AddressFamily::IPV6 => Ok(CodecFamily::V6),
        AddressFamily(_) => Err(CodecError::Value { attribute }),
    }
}
