//! The value bytes of an attribute, for the raw builder.

use super::{Attribute, AttributeType, ErrorCode, Icmp, PasswordAlgorithm, TransactionId, address};
use crate::padding_length;

impl Attribute<'_> {
    /// Type of the attribute.
    pub fn kind(&self) -> AttributeType {
        use AttributeType as T;
        match self {
            Self::MappedAddress(_) => T::MAPPED_ADDRESS,
            Self::XorMappedAddress(_) => T::XOR_MAPPED_ADDRESS,
            Self::XorPeerAddress(_) => T::XOR_PEER_ADDRESS,
            Self::XorRelayedAddress(_) => T::XOR_RELAYED_ADDRESS,
            Self::AlternateServer(_) => T::ALTERNATE_SERVER,
            Self::ResponseOrigin(_) => T::RESPONSE_ORIGIN,
            Self::OtherAddress(_) => T::OTHER_ADDRESS,
            Self::ResponseAddress(_) => T::RESPONSE_ADDRESS,
            Self::SourceAddress(_) => T::SOURCE_ADDRESS,
            Self::ChangedAddress(_) => T::CHANGED_ADDRESS,
            Self::ReflectedFrom(_) => T::REFLECTED_FROM,
            Self::Username(_) => T::USERNAME,
            Self::Userhash(_) => T::USERHASH,
            Self::Realm(_) => T::REALM,
            Self::Nonce(_) => T::NONCE,
            Self::Software(_) => T::SOFTWARE,
            Self::AlternateDomain(_) => T::ALTERNATE_DOMAIN,
            Self::MessageIntegrity(_) => T::MESSAGE_INTEGRITY,
            Self::MessageIntegritySha256(_) => T::MESSAGE_INTEGRITY_SHA256,
            Self::Fingerprint(_) => T::FINGERPRINT,
            Self::ErrorCode(_) => T::ERROR_CODE,
            Self::AddressErrorCode { .. } => T::ADDRESS_ERROR_CODE,
            Self::UnknownAttributes(_) => T::UNKNOWN_ATTRIBUTES,
            Self::PasswordAlgorithm(_) => T::PASSWORD_ALGORITHM,
            Self::PasswordAlgorithms(_) => T::PASSWORD_ALGORITHMS,
            Self::Priority(_) => T::PRIORITY,
            Self::UseCandidate => T::USE_CANDIDATE,
            Self::IceControlled(_) => T::ICE_CONTROLLED,
            Self::IceControlling(_) => T::ICE_CONTROLLING,
            Self::Lifetime(_) => T::LIFETIME,
            Self::ChannelNumber(_) => T::CHANNEL_NUMBER,
            Self::Data(_) => T::DATA,
            Self::RequestedTransport(_) => T::REQUESTED_TRANSPORT,
            Self::RequestedAddressFamily(_) => T::REQUESTED_ADDRESS_FAMILY,
            Self::AdditionalAddressFamily(_) => T::ADDITIONAL_ADDRESS_FAMILY,
            Self::EvenPort { .. } => T::EVEN_PORT,
            Self::ReservationToken(_) => T::RESERVATION_TOKEN,
            Self::DontFragment => T::DONT_FRAGMENT,
            Self::Icmp(_) => T::ICMP,
            Self::ChangeRequest { .. } => T::CHANGE_REQUEST,
            Self::ResponsePort(_) => T::RESPONSE_PORT,
            Self::Padding(_) => T::PADDING,
            Self::CacheTimeout(_) => T::CACHE_TIMEOUT,
            Self::ConnectionId(_) => T::CONNECTION_ID,
            Self::MobilityTicket(_) => T::MOBILITY_TICKET,
            Self::Other { kind, .. } => *kind,
        }
    }

    /// The value in wire form, without header and padding. Reserved bits are zero.
    pub fn encode_value(&self, transaction_id: TransactionId) -> Vec<u8> {
        let mut out = Vec::new();
        match self {
            Self::MappedAddress(address)
            | Self::AlternateServer(address)
            | Self::ResponseOrigin(address)
            | Self::OtherAddress(address)
            | Self::ResponseAddress(address)
            | Self::SourceAddress(address)
            | Self::ChangedAddress(address)
            | Self::ReflectedFrom(address) => address::encode(*address, &mut out),
            Self::XorMappedAddress(address) | Self::XorPeerAddress(address) | Self::XorRelayedAddress(address) => {
                address::encode(address::xor(*address, transaction_id), &mut out);
            }
            Self::Username(text) | Self::Realm(text) | Self::Nonce(text) | Self::Software(text) | Self::AlternateDomain(text) => {
                out.extend(text.as_bytes());
            }
            Self::Userhash(hash) => out.extend(hash),
            Self::MessageIntegrity(digest) => out.extend(digest),
            Self::ReservationToken(token) => out.extend(token),
            Self::MessageIntegritySha256(bytes) | Self::Data(bytes) | Self::Padding(bytes) | Self::MobilityTicket(bytes) => {
                out.extend(*bytes)
            }
            Self::Other { value, .. } => out.extend(*value),
            Self::Fingerprint(value)
            | Self::Priority(value)
            | Self::Lifetime(value)
            | Self::CacheTimeout(value)
            | Self::ConnectionId(value) => {
                out.extend(value.to_be_bytes());
            }
            Self::IceControlled(tiebreaker) | Self::IceControlling(tiebreaker) => out.extend(tiebreaker.to_be_bytes()),
            Self::ChannelNumber(number) | Self::ResponsePort(number) => out.extend((u32::from(*number) << 16).to_be_bytes()),
            Self::RequestedTransport(protocol) => out.extend([*protocol, 0, 0, 0]),
            Self::RequestedAddressFamily(family) | Self::AdditionalAddressFamily(family) => out.extend([family.0, 0, 0, 0]),
            Self::EvenPort { reserve } => out.push(u8::from(*reserve) << 7),
            Self::UseCandidate | Self::DontFragment => {}
            Self::Icmp(icmp) => encode_icmp(*icmp, &mut out),
            Self::ChangeRequest { ip, port } => out.extend((u32::from(*ip) << 2 | u32::from(*port) << 1).to_be_bytes()),
            Self::ErrorCode(error) => encode_error(0, *error, &mut out),
            Self::AddressErrorCode { family, error } => encode_error(family.0, *error, &mut out),
            Self::UnknownAttributes(types) => types.iter().for_each(|kind| out.extend(kind.0.to_be_bytes())),
            Self::PasswordAlgorithm(algorithm) => encode_algorithm(*algorithm, &mut out),
            Self::PasswordAlgorithms(algorithms) => algorithms.iter().for_each(|algorithm| encode_algorithm(*algorithm, &mut out)),
        }
        out
    }
}

fn encode_icmp(icmp: Icmp, out: &mut Vec<u8>) {
    out.extend([0, 0, icmp.icmp_type, icmp.code]);
    out.extend(icmp.error_data.to_be_bytes());
}

/// The class takes the low three bits of its byte, so codes above 799 cannot be written and lose their high bits.
fn encode_error(first: u8, error: ErrorCode<'_>, out: &mut Vec<u8>) {
    out.extend([first, 0, ((error.code / 100) & 0x07) as u8, (error.code % 100) as u8]);
    out.extend(error.reason.as_bytes());
}

fn encode_algorithm(algorithm: PasswordAlgorithm<'_>, out: &mut Vec<u8>) {
    out.extend(algorithm.algorithm.to_be_bytes());
    out.extend((algorithm.parameters.len() as u16).to_be_bytes());
    out.extend(algorithm.parameters);
    out.extend(std::iter::repeat_n(0, padding_length(algorithm.parameters.len())));
}
