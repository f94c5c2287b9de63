//! Handshake fragments and alerts in plaintext records (RFC 6347, section 4.2.2; RFC 9147, section 5.2).

use super::{AlertDescription, ClientHello, HandshakeType, HelloVerifyRequest, ServerHello};
use crate::{Malformed, Reason, reader::Reader};

/// A handshake message or a fragment of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HandshakeFragment<'a> {
    /// Offset of its header in the datagram.
    pub offset: usize,
    /// Type of the message.
    pub message_type: HandshakeType,
    /// Length of the whole message in bytes, 24 bits.
    pub length: u32,
    /// Number of the message in the handshake.
    pub message_sequence: u16,
    /// Where in the message this fragment begins, 24 bits.
    pub fragment_offset: u32,
    /// Bytes of the message in this fragment, 24 bits.
    pub fragment_length: u32,
    /// Those bytes.
    pub body: &'a [u8],
}

impl<'a> HandshakeFragment<'a> {
    /// Length of the header in bytes: RFC 6347, section 4.2.2.
    pub const HEADER_LENGTH: usize = 12;

    /// Whether this fragment is the whole message.
    pub fn is_whole(&self) -> bool {
        self.fragment_offset == 0 && self.fragment_length == self.length
    }

    /// Whether the fragment lies within the message.
    pub fn is_within_message(&self) -> bool {
        u64::from(self.fragment_offset) + u64::from(self.fragment_length) <= u64::from(self.length)
    }

    /// The ClientHello, where this is a whole one.
    ///
    /// # Errors
    /// A field of it does not fit.
    pub fn client_hello(&self) -> Result<Option<ClientHello<'a>>, Malformed> {
        self.whole(HandshakeType::CLIENT_HELLO).map(ClientHello::read).transpose()
    }

    /// The ServerHello, where this is a whole one.
    ///
    /// # Errors
    /// A field of it does not fit.
    pub fn server_hello(&self) -> Result<Option<ServerHello<'a>>, Malformed> {
        self.whole(HandshakeType::SERVER_HELLO).map(ServerHello::read).transpose()
    }

    /// The HelloVerifyRequest, where this is a whole one.
    ///
    /// # Errors
    /// A field of it does not fit.
    pub fn hello_verify_request(&self) -> Result<Option<HelloVerifyRequest<'a>>, Malformed> {
        self.whole(HandshakeType::HELLO_VERIFY_REQUEST).map(HelloVerifyRequest::read).transpose()
    }

    fn whole(&self, message_type: HandshakeType) -> Option<Reader<'a>> {
        let wanted = self.message_type == message_type && self.is_whole();
        wanted.then(|| Reader::new(self.body, self.offset + Self::HEADER_LENGTH))
    }
}

/// Iterator over the handshake fragments of a record; it ends behind the first that does not fit.
#[derive(Debug, Clone)]
pub struct Fragments<'a> {
    reader: Reader<'a>,
}

impl<'a> Fragments<'a> {
    pub(super) fn new(fragment: &'a [u8], offset: usize) -> Self {
        Self { reader: Reader::new(fragment, offset) }
    }

    fn read(&mut self) -> Result<HandshakeFragment<'a>, Malformed> {
        let reader = &mut self.reader;
        let offset = reader.offset();
        let message_type = HandshakeType(reader.u8("handshake type")?);
        let length = reader.u24("handshake length")?;
        let message_sequence = reader.u16("message sequence")?;
        let fragment_offset = reader.u24("fragment offset")?;
        let length_at = reader.offset();
        let fragment_length = reader.u24("fragment length")?;
        let (declared, actual) = (fragment_length as usize, reader.remaining());
        if declared > actual {
            return Err(Malformed::at(length_at, Reason::Length { what: "fragment length", declared, actual }));
        }
        let body = reader.take("fragment", declared)?;
        Ok(HandshakeFragment { offset, message_type, length, message_sequence, fragment_offset, fragment_length, body })
    }
}

impl<'a> Iterator for Fragments<'a> {
    type Item = Result<HandshakeFragment<'a>, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.reader.is_empty() {
            return None;
        }
        let fragment = self.read();
        if fragment.is_err() {
            self.reader.rest();
        }
        Some(fragment)
    }
}

/// An alert (RFC 8446, section 6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Alert {
    /// 1 is warning, 2 is fatal.
    pub level: u8,
    /// What happened.
    pub description: AlertDescription,
}

impl Alert {
    /// Whether the level is fatal.
    pub fn is_fatal(&self) -> bool {
        self.level == 2
    }

    pub(super) fn parse(fragment: &[u8], offset: usize) -> Result<Self, Malformed> {
        match *fragment {
            [level, description] => Ok(Self { level, description: AlertDescription(description) }),
            _ => Err(Malformed::at(offset, Reason::Length { what: "alert", declared: 2, actual: fragment.len() })),
        }
    }
}
