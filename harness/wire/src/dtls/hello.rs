//! What the hello messages say (RFC 6347, section 4.2.1; RFC 8446, section 4.1; RFC 9147, section 5.3).

use super::{ExtensionType, SrtpProfile, Version};
use crate::{Malformed, Reason, reader::Reader};

/// A ClientHello.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientHello<'a> {
    /// Version in the message; 1.3 keeps it at 1.2 and says the rest in an extension.
    pub legacy_version: Version,
    /// Random.
    pub random: [u8; 32],
    /// Session id.
    pub session_id: &'a [u8],
    /// Cookie of HelloVerifyRequest, sent back.
    pub cookie: &'a [u8],
    /// Cipher suites in order of preference.
    pub cipher_suites: Vec<u16>,
    /// Compression methods.
    pub compression_methods: &'a [u8],
    /// Extensions in their order.
    pub extensions: Vec<Extension<'a>>,
}

/// A ServerHello; in 1.3 also a HelloRetryRequest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerHello<'a> {
    /// Version in the message; 1.3 keeps it at 1.2 and says the rest in an extension.
    pub legacy_version: Version,
    /// Random.
    pub random: [u8; 32],
    /// Session id.
    pub session_id: &'a [u8],
    /// The chosen cipher suite.
    pub cipher_suite: u16,
    /// The chosen compression method.
    pub compression_method: u8,
    /// Extensions in their order.
    pub extensions: Vec<Extension<'a>>,
}

/// A HelloVerifyRequest (RFC 6347, section 4.2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HelloVerifyRequest<'a> {
    /// Version in the message.
    pub version: Version,
    /// The cookie that the client has to send back.
    pub cookie: &'a [u8],
}

/// An extension of a hello message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extension<'a> {
    /// Its type.
    pub kind: ExtensionType,
    /// Offset of its content in the datagram.
    pub offset: usize,
    /// Its content.
    pub data: &'a [u8],
}

/// Content of `use_srtp` (RFC 5764, section 4.1.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UseSrtp<'a> {
    /// Profiles, one in a ServerHello.
    pub profiles: Vec<SrtpProfile>,
    /// Master key identifier.
    pub mki: &'a [u8],
}

impl<'a> ClientHello<'a> {
    pub(super) fn read(mut reader: Reader<'a>) -> Result<Self, Malformed> {
        Ok(Self {
            legacy_version: Version(reader.u16("version")?),
            random: reader.array("random")?,
            session_id: reader.vector8("session id")?.rest(),
            cookie: reader.vector8("cookie")?.rest(),
            cipher_suites: numbers(reader.vector16("cipher suites")?, "cipher suite")?,
            compression_methods: reader.vector8("compression methods")?.rest(),
            extensions: extensions(&mut reader)?,
        })
    }

    /// Versions that the client offers, in order of preference: those of `supported_versions`, otherwise the one in the message.
    ///
    /// # Errors
    /// The extension does not fit.
    pub fn offered_versions(&self) -> Result<Vec<Version>, Malformed> {
        let Some(extension) = find(&self.extensions, ExtensionType::SUPPORTED_VERSIONS) else {
            return Ok(vec![self.legacy_version]);
        };
        let versions = numbers(extension.reader().vector8("supported versions")?, "version")?;
        Ok(versions.into_iter().map(Version).collect())
    }

    /// Whether the client returns a cookie: in the field of 1.2 or in the extension of 1.3 (RFC 9147, section 5.1).
    pub fn has_cookie(&self) -> bool {
        !self.cookie.is_empty() || self.extension(ExtensionType::COOKIE).is_some()
    }

    /// What the client offers for SRTP.
    ///
    /// # Errors
    /// The extension does not fit.
    pub fn use_srtp(&self) -> Result<Option<UseSrtp<'a>>, Malformed> {
        use_srtp(&self.extensions)
    }

    /// The connection id that the client wants to receive.
    ///
    /// # Errors
    /// The extension does not fit.
    pub fn connection_id(&self) -> Result<Option<&'a [u8]>, Malformed> {
        connection_id(&self.extensions)
    }

    /// The first extension of a type.
    pub fn extension(&self, kind: ExtensionType) -> Option<Extension<'a>> {
        find(&self.extensions, kind)
    }
}

impl<'a> ServerHello<'a> {
    pub(super) fn read(mut reader: Reader<'a>) -> Result<Self, Malformed> {
        Ok(Self {
            legacy_version: Version(reader.u16("version")?),
            random: reader.array("random")?,
            session_id: reader.vector8("session id")?.rest(),
            cipher_suite: reader.u16("cipher suite")?,
            compression_method: reader.u8("compression method")?,
            extensions: extensions(&mut reader)?,
        })
    }

    /// The chosen version: that of `supported_versions`, otherwise the one in the message.
    ///
    /// # Errors
    /// The extension does not fit.
    pub fn version(&self) -> Result<Version, Malformed> {
        match find(&self.extensions, ExtensionType::SUPPORTED_VERSIONS) {
            Some(extension) => extension.reader().u16("supported version").map(Version),
            None => Ok(self.legacy_version),
        }
    }

    /// Whether this is a HelloRetryRequest: its random is fixed (RFC 8446, section 4.1.3).
    pub fn is_hello_retry_request(&self) -> bool {
        self.random == HELLO_RETRY_REQUEST
    }

    /// What the server chose for SRTP.
    ///
    /// # Errors
    /// The extension does not fit.
    pub fn use_srtp(&self) -> Result<Option<UseSrtp<'a>>, Malformed> {
        use_srtp(&self.extensions)
    }

    /// The connection id that the server wants to receive.
    ///
    /// # Errors
    /// The extension does not fit.
    pub fn connection_id(&self) -> Result<Option<&'a [u8]>, Malformed> {
        connection_id(&self.extensions)
    }

    /// The first extension of a type.
    pub fn extension(&self, kind: ExtensionType) -> Option<Extension<'a>> {
        find(&self.extensions, kind)
    }
}

impl<'a> HelloVerifyRequest<'a> {
    pub(super) fn read(mut reader: Reader<'a>) -> Result<Self, Malformed> {
        Ok(Self { version: Version(reader.u16("version")?), cookie: reader.vector8("cookie")?.rest() })
    }
}

impl<'a> Extension<'a> {
    fn reader(&self) -> Reader<'a> {
        Reader::new(self.data, self.offset)
    }
}

fn find<'a>(extensions: &[Extension<'a>], kind: ExtensionType) -> Option<Extension<'a>> {
    extensions.iter().find(|extension| extension.kind == kind).copied()
}

/// A hello without extensions ends before their length.
fn extensions<'a>(reader: &mut Reader<'a>) -> Result<Vec<Extension<'a>>, Malformed> {
    let mut extensions = Vec::new();
    if reader.is_empty() {
        return Ok(extensions);
    }
    let mut list = reader.vector16("extensions")?;
    while !list.is_empty() {
        let kind = ExtensionType(list.u16("extension type")?);
        let mut content = list.vector16("extension")?;
        extensions.push(Extension { kind, offset: content.offset(), data: content.rest() });
    }
    if reader.is_empty() { Ok(extensions) } else { Err(surplus(reader)) }
}

fn surplus(reader: &Reader<'_>) -> Malformed {
    Malformed::at(reader.offset(), Reason::Length { what: "hello", declared: 0, actual: reader.remaining() })
}

fn use_srtp<'a>(extensions: &[Extension<'a>]) -> Result<Option<UseSrtp<'a>>, Malformed> {
    let Some(extension) = find(extensions, ExtensionType::USE_SRTP) else {
        return Ok(None);
    };
    let mut reader = extension.reader();
    let profiles = numbers(reader.vector16("SRTP profiles")?, "SRTP profile")?;
    let mki = reader.vector8("SRTP master key identifier")?.rest();
    Ok(Some(UseSrtp { profiles: profiles.into_iter().map(SrtpProfile).collect(), mki }))
}

fn connection_id<'a>(extensions: &[Extension<'a>]) -> Result<Option<&'a [u8]>, Malformed> {
    let extension = find(extensions, ExtensionType::CONNECTION_ID);
    extension.map(|extension| Ok(extension.reader().vector8("connection id")?.rest())).transpose()
}

fn numbers(mut reader: Reader<'_>, what: &'static str) -> Result<Vec<u16>, Malformed> {
    let mut numbers = Vec::new();
    while !reader.is_empty() {
        numbers.push(reader.u16(what)?);
    }
    Ok(numbers)
}

/// Random of a HelloRetryRequest, the SHA-256 of its name: RFC 8446, section 4.1.3.
const HELLO_RETRY_REQUEST: [u8; 32] = [
    0xCF, 0x21, 0xAD, 0x74, 0xE5, 0x9A, 0x61, 0x11, 0xBE, 0x1D, 0x8C, 0x02, 0x1E, 0x65, 0xB8, 0x91, 0xC2, 0xA2, 0x11, 0x16, 0x7A, 0xBB,
    0x8C, 0x5E, 0x07, 0x9E, 0x09, 0xE2, 0xC8, 0xA8, 0x33, 0x9C,
];
