//! Replay tokens: suite version, case, seed and build in one word that survives a copy from a terminal.

use sha2::{Digest as _, Sha256};
use std::fmt;
use std::fs::File;
use std::io::Read as _;

/// What a failing line carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) suite: String,
    pub(crate) case: String,
    pub(crate) seed: u64,
    pub(crate) build: String,
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}:{}", self.suite, self.build, self.seed, self.case)
    }
}

impl Token {
    /// Reads a token.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is no replay token: expected SUITE:BUILD:SEED:CASE");
        let parts: Vec<&str> = text.splitn(4, ':').collect();
        let [suite, build, seed, case] = parts.as_slice() else { return Err(wrong()) };
        let seed = seed.parse().map_err(|_| wrong())?;
        Ok(Self { suite: (*suite).into(), case: (*case).into(), seed, build: (*build).into() })
    }
}

/// A fingerprint of the running executable: twelve hexadecimal digits.
pub(crate) fn build_hash() -> String {
    let mut hash = Sha256::new();
    // In pieces: an executable with its symbols has a hundred megabytes.
    let read = std::env::current_exe().and_then(File::open).and_then(|mut file| {
        let mut piece = vec![0; 1 << 16];
        loop {
            match file.read(&mut piece)? {
                0 => return Ok(()),
                octets => hash.update(&piece[..octets]),
            }
        }
    });
    let hash = if read.is_ok() { hash.finalize() } else { Sha256::digest([]) };
    hex::encode(&hash[..6])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_survives_printing_and_reading() {
        let token =
            Token { suite: "0.1.0".into(), case: "ice/nat-pairs/rtc+str0m/open+open/turn".into(), seed: 7, build: "00ff00ff00ff".into() };
        assert_eq!(Token::parse(&token.to_string()), Ok(token));
    }

    #[test]
    fn what_is_no_token_says_what_is_expected() {
        assert!(Token::parse("0.1.0:abc:x:ice").is_err());
        assert!(Token::parse("ice/nat-pairs").unwrap_err().contains("SUITE:BUILD:SEED:CASE"));
    }
}
