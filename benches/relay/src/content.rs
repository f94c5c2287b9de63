//! What the datagrams of a load are like: how long, and in what company they leave.

use crate::payload::{MAX_SIZE, MIN_SIZE};
use std::fmt;
use std::str::FromStr;

/// Sizes of datagrams, and for video the frames that they leave in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// All of one size, from [`MIN_SIZE`] to [`MAX_SIZE`] bytes of payload.
    Bytes(usize),
    /// [`IMIX`] in turn.
    Imix,
    /// 20 ms of G.711 in RTP.
    Audio,
    /// Full datagrams of a video of thirty frames, of which one is large. At a fixed rate each frame leaves at once, and frames in even time.
    Video,
}

/// Sizes of a mix, in bytes of payload: each as often as the others.
pub const IMIX: [usize; 6] = [64, 128, 256, 512, 1024, 1200];
/// 160 bytes of G.711 and an RTP header.
const AUDIO: usize = 172;
/// What applications leave for a datagram of video, RTP header included.
const VIDEO: usize = 1100;

impl Content {
    /// Bytes of payload of the datagram with this number in its flow and direction.
    #[must_use]
    pub fn size(self, sequence: u64) -> usize {
        match self {
            Self::Bytes(size) => size,
            Self::Imix => IMIX[(sequence % IMIX.len() as u64) as usize],
            Self::Audio => AUDIO,
            Self::Video => VIDEO,
        }
    }

    /// Whether any datagram has this size.
    #[must_use]
    pub fn has(self, size: usize) -> bool {
        if self == Self::Imix { IMIX.contains(&size) } else { self.size(0) == size }
    }

    /// The largest size.
    #[must_use]
    pub fn largest(self) -> usize {
        if self == Self::Imix { IMIX[IMIX.len() - 1] } else { self.size(0) }
    }

    /// The mean size, rounded.
    #[must_use]
    pub fn mean(self) -> usize {
        if self == Self::Imix { (IMIX.iter().sum::<usize>() + IMIX.len() / 2) / IMIX.len() } else { self.size(0) }
    }
}

/// As reports write it: `100 B`, or the name.
impl fmt::Display for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bytes(size) => write!(f, "{size} B"),
            Self::Imix => f.write_str("imix"),
            Self::Audio => f.write_str("audio"),
            Self::Video => f.write_str("video"),
        }
    }
}

impl FromStr for Content {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "imix" => return Ok(Self::Imix),
            "audio" => return Ok(Self::Audio),
            "video" => return Ok(Self::Video),
            _ => {}
        }
        let size = text.parse().ok().filter(|size| (MIN_SIZE..=MAX_SIZE).contains(size));
        size.map(Self::Bytes).ok_or_else(|| format!("imix, audio, video, or a number from {MIN_SIZE} to {MAX_SIZE}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_size_can_carry_the_header_and_fits_a_frame() {
        for content in [Content::Imix, Content::Audio, Content::Video] {
            for sequence in 0..12 {
                let size = content.size(sequence);
                assert!((MIN_SIZE..=MAX_SIZE).contains(&size) && content.has(size) && size <= content.largest(), "{content} {size}");
            }
        }
        assert_eq!((Content::Imix.mean(), Content::Imix.has(100)), (531, false));
    }

    #[test]
    fn contents_are_known_by_name_or_size() {
        assert_eq!(("imix".parse(), "100".parse()), (Ok(Content::Imix), Ok(Content::Bytes(100))));
        for wrong in ["", "43", "1401", "IMIX", "100 B"] {
            assert!(wrong.parse::<Content>().is_err(), "{wrong}");
        }
    }
}
