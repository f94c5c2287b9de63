//! What travels from child to parent: a kind, a length (four bytes, little-endian), that many bytes.

use std::io::{self, Write};

/// The longest accepted frame: far above any result, and a bound for what a child gone wild can make the parent store.
const MAX_LENGTH: usize = 256 << 20;
const HEADER: usize = 5;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Progress,
    Result,
    /// Location, line feed, message.
    Panic,
    /// The panic before this frame ended the closure.
    Unwound,
    Deadlock,
    /// The child could not be set up; says why.
    Broken,
}

const KINDS: [Kind; 6] = [Kind::Progress, Kind::Result, Kind::Panic, Kind::Unwound, Kind::Deadlock, Kind::Broken];

pub(super) fn write(to: &mut impl Write, kind: Kind, bytes: &[u8]) -> io::Result<()> {
    if bytes.len() > MAX_LENGTH {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            format!("a frame of {} bytes; at most {MAX_LENGTH} are allowed", bytes.len()),
        ));
    }
    let length = (bytes.len() as u32).to_le_bytes();
    to.write_all(&[kind as u8, length[0], length[1], length[2], length[3]])?;
    to.write_all(bytes)
}

/// Puts frames together from pieces.
#[derive(Default)]
pub(super) struct Decoder {
    bytes: Vec<u8>,
    /// Where the next frame starts in `bytes`.
    start: usize,
}

impl Decoder {
    pub(super) fn push(&mut self, piece: &[u8]) {
        self.bytes.drain(..self.start);
        self.start = 0;
        self.bytes.extend_from_slice(piece);
    }

    /// The next complete frame.
    ///
    /// # Errors
    /// When the bytes are no frame; nothing after them can be trusted.
    pub(super) fn next(&mut self) -> Result<Option<(Kind, Vec<u8>)>, String> {
        let Some((header, rest)) = self.bytes[self.start..].split_first_chunk::<HEADER>() else { return Ok(None) };
        let [kind, length @ ..] = *header;
        let length = u32::from_le_bytes(length) as usize;
        let kind = *KINDS.get(usize::from(kind)).ok_or_else(|| format!("a frame of unknown kind {kind}"))?;
        if length > MAX_LENGTH {
            return Err(format!("a frame of {length} bytes; at most {MAX_LENGTH} are allowed"));
        }
        let Some(bytes) = rest.get(..length) else { return Ok(None) };
        let bytes = bytes.to_vec();
        self.start += HEADER + length;
        Ok(Some((kind, bytes)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded() -> Vec<u8> {
        let mut bytes = Vec::new();
        for (kind, payload) in [(Kind::Progress, &b"half"[..]), (Kind::Unwound, b""), (Kind::Result, &[7; 300])] {
            write(&mut bytes, kind, payload).expect("a Vec takes everything");
        }
        bytes
    }

    #[test]
    fn frames_come_out_whole_whatever_the_pieces() {
        for size in [1, 2, 5, 7, 64, 1000] {
            let mut decoder = Decoder::default();
            let mut frames = Vec::new();
            for piece in encoded().chunks(size) {
                decoder.push(piece);
                while let Some(frame) = decoder.next().expect("well-formed") {
                    frames.push(frame);
                }
            }
            assert_eq!(
                frames,
                [(Kind::Progress, b"half".to_vec()), (Kind::Unwound, Vec::new()), (Kind::Result, vec![7; 300])],
                "pieces of {size}"
            );
        }
    }

    #[test]
    fn a_cut_frame_is_not_delivered() {
        let bytes = encoded();
        let mut decoder = Decoder::default();
        decoder.push(&bytes[..bytes.len() - 1]);
        let kinds: Vec<_> = std::iter::from_fn(|| decoder.next().expect("well-formed")).map(|(kind, _)| kind).collect();
        assert_eq!(kinds, [Kind::Progress, Kind::Unwound]);
    }

    #[test]
    fn kinds_are_numbered_as_listed() {
        for (number, kind) in KINDS.into_iter().enumerate() {
            assert_eq!(kind as usize, number);
        }
    }

    #[test]
    fn noise_is_an_error() {
        let mut decoder = Decoder::default();
        decoder.push(b"Hello, world");
        assert_eq!(decoder.next(), Err("a frame of unknown kind 72".into()));
        let mut decoder = Decoder::default();
        decoder.push(&[1, 255, 255, 255, 255]);
        assert!(decoder.next().is_err_and(|e| e.contains("4294967295 bytes")));
    }
}
