//! Typed access to the first heeded attribute of each type.

use super::{AddressFamily, Attribute, AttributeType, ErrorCode, Icmp, Message, PasswordAlgorithm};
use crate::Malformed;
use std::net::SocketAddr;

/// Defines one accessor per attribute that carries a single value.
macro_rules! accessors {
    ($($name:ident: $kind:ident, $variant:ident -> $type:ty;)*) => {
        impl<'a> Message<'a> {
            $(
                #[doc = concat!("[`Attribute::", stringify!($variant), "`] of the message, if any.")]
                ///
                /// # Errors
                /// The first attribute of this type has a value that its definition rules out.
                pub fn $name(&self) -> Result<Option<$type>, Malformed> {
                    Ok(match self.first(AttributeType::$kind)? {
                        Some(Attribute::$variant(value)) => Some(value),
                        _ => None,
                    })
                }
            )*
        }
    };
}

accessors! {
    mapped_address: MAPPED_ADDRESS, MappedAddress -> SocketAddr;
    xor_mapped_address: XOR_MAPPED_ADDRESS, XorMappedAddress -> SocketAddr;
    xor_peer_address: XOR_PEER_ADDRESS, XorPeerAddress -> SocketAddr;
    xor_relayed_address: XOR_RELAYED_ADDRESS, XorRelayedAddress -> SocketAddr;
    alternate_server: ALTERNATE_SERVER, AlternateServer -> SocketAddr;
    response_origin: RESPONSE_ORIGIN, ResponseOrigin -> SocketAddr;
    other_address: OTHER_ADDRESS, OtherAddress -> SocketAddr;
    response_address: RESPONSE_ADDRESS, ResponseAddress -> SocketAddr;
    source_address: SOURCE_ADDRESS, SourceAddress -> SocketAddr;
    changed_address: CHANGED_ADDRESS, ChangedAddress -> SocketAddr;
    reflected_from: REFLECTED_FROM, ReflectedFrom -> SocketAddr;
    username: USERNAME, Username -> &'a str;
    userhash: USERHASH, Userhash -> [u8; 32];
    realm: REALM, Realm -> &'a str;
    nonce: NONCE, Nonce -> &'a str;
    software: SOFTWARE, Software -> &'a str;
    alternate_domain: ALTERNATE_DOMAIN, AlternateDomain -> &'a str;
    message_integrity: MESSAGE_INTEGRITY, MessageIntegrity -> [u8; 20];
    message_integrity_sha256: MESSAGE_INTEGRITY_SHA256, MessageIntegritySha256 -> &'a [u8];
    fingerprint: FINGERPRINT, Fingerprint -> u32;
    error_code: ERROR_CODE, ErrorCode -> ErrorCode<'a>;
    unknown_attributes: UNKNOWN_ATTRIBUTES, UnknownAttributes -> Vec<AttributeType>;
    password_algorithm: PASSWORD_ALGORITHM, PasswordAlgorithm -> PasswordAlgorithm<'a>;
    password_algorithms: PASSWORD_ALGORITHMS, PasswordAlgorithms -> Vec<PasswordAlgorithm<'a>>;
    priority: PRIORITY, Priority -> u32;
    ice_controlled: ICE_CONTROLLED, IceControlled -> u64;
    ice_controlling: ICE_CONTROLLING, IceControlling -> u64;
    lifetime: LIFETIME, Lifetime -> u32;
    channel_number: CHANNEL_NUMBER, ChannelNumber -> u16;
    data: DATA, Data -> &'a [u8];
    requested_transport: REQUESTED_TRANSPORT, RequestedTransport -> u8;
    requested_address_family: REQUESTED_ADDRESS_FAMILY, RequestedAddressFamily -> AddressFamily;
    additional_address_family: ADDITIONAL_ADDRESS_FAMILY, AdditionalAddressFamily -> AddressFamily;
    reservation_token: RESERVATION_TOKEN, ReservationToken -> [u8; 8];
    icmp: ICMP, Icmp -> Icmp;
    response_port: RESPONSE_PORT, ResponsePort -> u16;
    padding: PADDING, Padding -> &'a [u8];
    cache_timeout: CACHE_TIMEOUT, CacheTimeout -> u32;
    connection_id: CONNECTION_ID, ConnectionId -> u32;
    mobility_ticket: MOBILITY_TICKET, MobilityTicket -> &'a [u8];
}

impl<'a> Message<'a> {
    /// Decodes the first heeded attribute of a type.
    ///
    /// # Errors
    /// It has a value that its definition rules out.
    pub fn first(&self, kind: AttributeType) -> Result<Option<Attribute<'a>>, Malformed> {
        self.attribute(kind).map(|attribute| attribute.decode(self.transaction_id())).transpose()
    }

    /// Every XOR-PEER-ADDRESS in the order of the wire; CreatePermission carries several (RFC 8656, section 9).
    pub fn xor_peer_addresses(&self) -> impl Iterator<Item = Result<SocketAddr, Malformed>> + use<'a> {
        self.every_address(AttributeType::XOR_PEER_ADDRESS)
    }

    /// Every XOR-RELAYED-ADDRESS in the order of the wire; a dual allocation has two (RFC 8656, section 7.3).
    pub fn xor_relayed_addresses(&self) -> impl Iterator<Item = Result<SocketAddr, Malformed>> + use<'a> {
        self.every_address(AttributeType::XOR_RELAYED_ADDRESS)
    }

    fn every_address(&self, kind: AttributeType) -> impl Iterator<Item = Result<SocketAddr, Malformed>> + use<'a> {
        let transaction_id = self.transaction_id();
        let attributes = self.heeded_attributes().filter(move |attribute| attribute.kind == kind);
        attributes.filter_map(move |attribute| match attribute.decode(transaction_id) {
            Ok(Attribute::XorPeerAddress(address) | Attribute::XorRelayedAddress(address)) => Some(Ok(address)),
            Ok(_) => None,
            Err(defect) => Some(Err(defect)),
        })
    }

    /// ADDRESS-ERROR-CODE of the message, if any: the refused family and why.
    ///
    /// # Errors
    /// Its value is one that the definition rules out.
    pub fn address_error_code(&self) -> Result<Option<(AddressFamily, ErrorCode<'a>)>, Malformed> {
        Ok(match self.first(AttributeType::ADDRESS_ERROR_CODE)? {
            Some(Attribute::AddressErrorCode { family, error }) => Some((family, error)),
            _ => None,
        })
    }

    /// EVEN-PORT of the message, if any: its R bit.
    ///
    /// # Errors
    /// Its value does not have one byte.
    pub fn even_port(&self) -> Result<Option<bool>, Malformed> {
        Ok(match self.first(AttributeType::EVEN_PORT)? {
            Some(Attribute::EvenPort { reserve }) => Some(reserve),
            _ => None,
        })
    }

    /// CHANGE-REQUEST of the message, if any: change the address, change the port.
    ///
    /// # Errors
    /// Its value does not have four bytes.
    pub fn change_request(&self) -> Result<Option<(bool, bool)>, Malformed> {
        Ok(match self.first(AttributeType::CHANGE_REQUEST)? {
            Some(Attribute::ChangeRequest { ip, port }) => Some((ip, port)),
            _ => None,
        })
    }

    /// Whether USE-CANDIDATE is there.
    ///
    /// # Errors
    /// It has a value.
    pub fn use_candidate(&self) -> Result<bool, Malformed> {
        Ok(self.first(AttributeType::USE_CANDIDATE)?.is_some())
    }

    /// Whether DONT-FRAGMENT is there.
    ///
    /// # Errors
    /// It has a value.
    pub fn dont_fragment(&self) -> Result<bool, Malformed> {
        Ok(self.first(AttributeType::DONT_FRAGMENT)?.is_some())
    }
}
