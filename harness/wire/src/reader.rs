//! A cursor over borrowed bytes that knows its offset in the datagram.

use crate::{Malformed, Reason};

/// Reads big-endian fields one after the other.
#[derive(Debug, Clone)]
pub(crate) struct Reader<'a> {
    bytes: &'a [u8],
    base: usize,
    position: usize,
}

impl<'a> Reader<'a> {
    /// Reads `bytes`, whose first byte stands at `base` in the datagram.
    pub(crate) fn new(bytes: &'a [u8], base: usize) -> Self {
        Self { bytes, base, position: 0 }
    }

    /// Offset of the next byte in the datagram.
    pub(crate) fn offset(&self) -> usize {
        self.base + self.position
    }

    pub(crate) fn remaining(&self) -> usize {
        self.bytes.len() - self.position
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.remaining() == 0
    }

    /// Takes `need` bytes of the field `what`.
    pub(crate) fn take(&mut self, what: &'static str, need: usize) -> Result<&'a [u8], Malformed> {
        let have = self.remaining();
        if need > have {
            return Err(Malformed::at(self.offset(), Reason::Truncated { what, need, have }));
        }
        let taken = &self.bytes[self.position..self.position + need];
        self.position += need;
        Ok(taken)
    }

    pub(crate) fn rest(&mut self) -> &'a [u8] {
        let rest = &self.bytes[self.position..];
        self.position = self.bytes.len();
        rest
    }

    pub(crate) fn array<const N: usize>(&mut self, what: &'static str) -> Result<[u8; N], Malformed> {
        let taken = self.take(what, N)?;
        Ok(taken.try_into().expect("take returns as many bytes as asked for"))
    }

    pub(crate) fn u8(&mut self, what: &'static str) -> Result<u8, Malformed> {
        Ok(self.array::<1>(what)?[0])
    }

    pub(crate) fn u16(&mut self, what: &'static str) -> Result<u16, Malformed> {
        Ok(u16::from_be_bytes(self.array(what)?))
    }

    pub(crate) fn u24(&mut self, what: &'static str) -> Result<u32, Malformed> {
        let [a, b, c] = self.array(what)?;
        Ok(u32::from_be_bytes([0, a, b, c]))
    }

    pub(crate) fn u48(&mut self, what: &'static str) -> Result<u64, Malformed> {
        let [a, b, c, d, e, f] = self.array(what)?;
        Ok(u64::from_be_bytes([0, 0, a, b, c, d, e, f]))
    }

    /// Takes a vector whose length stands before it in one byte.
    pub(crate) fn vector8(&mut self, what: &'static str) -> Result<Reader<'a>, Malformed> {
        let length = usize::from(self.u8(what)?);
        self.part(what, length)
    }

    /// Takes a vector whose length stands before it in two bytes.
    pub(crate) fn vector16(&mut self, what: &'static str) -> Result<Reader<'a>, Malformed> {
        let length = usize::from(self.u16(what)?);
        self.part(what, length)
    }

    /// Takes `length` bytes to be read on their own.
    pub(crate) fn part(&mut self, what: &'static str, length: usize) -> Result<Reader<'a>, Malformed> {
        let base = self.offset();
        Ok(Reader::new(self.take(what, length)?, base))
    }

    pub(crate) fn u32(&mut self, what: &'static str) -> Result<u32, Malformed> {
        Ok(u32::from_be_bytes(self.array(what)?))
    }
}
