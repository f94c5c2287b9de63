//! Credentials and the keys made from them (RFC 8489, sections 9.1.1 and 9.2.2).

use super::PasswordAlgorithm;
use md5::{Digest as _, Md5};
use sha2::Sha256;

/// A key for the HMAC of MESSAGE-INTEGRITY and MESSAGE-INTEGRITY-SHA256.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key(Vec<u8>);

impl Key {
    /// Any bytes.
    pub fn from_bytes(bytes: impl Into<Vec<u8>>) -> Self {
        Self(bytes.into())
    }

    /// The key of the short-term credential mechanism: the password (RFC 8489, section 9.1.1).
    pub fn short_term(password: &str) -> Self {
        Self(password.as_bytes().to_vec())
    }

    /// The key of the long-term credential mechanism with MD5 (RFC 8489, section 18.5.1.1).
    pub fn long_term_md5(username: &str, realm: &str, password: &str) -> Self {
        Self(Md5::digest(format!("{username}:{realm}:{password}")).to_vec())
    }

    /// The key of the long-term credential mechanism with SHA-256 (RFC 8489, section 18.5.1.2).
    pub fn long_term_sha256(username: &str, realm: &str, password: &str) -> Self {
        Self(Sha256::digest(format!("{username}:{realm}:{password}")).to_vec())
    }

    /// The key itself.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// What an agent knows to prove who it is. Strings are taken as they are: OpaqueString or SASLprep is up to the caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Credential {
    /// RFC 8489, section 9.1; also what ICE uses.
    ShortTerm {
        /// The password.
        password: String,
    },
    /// RFC 8489, section 9.2; what TURN uses.
    LongTerm {
        /// The username.
        username: String,
        /// The realm.
        realm: String,
        /// The password.
        password: String,
        /// How the key is made.
        algorithm: PasswordHash,
    },
}

/// How a long-term password becomes a key (RFC 8489, section 18.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PasswordHash {
    /// Number 1, and what is meant where no PASSWORD-ALGORITHM is sent.
    Md5,
    /// Number 2.
    Sha256,
}

impl PasswordHash {
    /// The registered number.
    pub fn number(self) -> u16 {
        match self {
            Self::Md5 => PasswordAlgorithm::MD5,
            Self::Sha256 => PasswordAlgorithm::SHA256,
        }
    }
}

impl Credential {
    /// A short-term credential.
    pub fn short_term(password: impl Into<String>) -> Self {
        Self::ShortTerm { password: password.into() }
    }

    /// A long-term credential with MD5.
    pub fn long_term(username: impl Into<String>, realm: impl Into<String>, password: impl Into<String>) -> Self {
        Self::LongTerm { username: username.into(), realm: realm.into(), password: password.into(), algorithm: PasswordHash::Md5 }
    }

    /// The same credential with another password algorithm; a short-term one has none and stays as it is.
    pub fn with_algorithm(mut self, chosen: PasswordHash) -> Self {
        if let Self::LongTerm { algorithm, .. } = &mut self {
            *algorithm = chosen;
        }
        self
    }

    /// The key made from the credential.
    pub fn key(&self) -> Key {
        match self {
            Self::ShortTerm { password } => Key::short_term(password),
            Self::LongTerm { username, realm, password, algorithm: PasswordHash::Md5 } => Key::long_term_md5(username, realm, password),
            Self::LongTerm { username, realm, password, algorithm: PasswordHash::Sha256 } => {
                Key::long_term_sha256(username, realm, password)
            }
        }
    }
}

/// The value of USERHASH (RFC 8489, section 14.4).
pub fn userhash(username: &str, realm: &str) -> [u8; 32] {
    Sha256::digest(format!("{username}:{realm}")).into()
}
