//! Security features in a nonce (RFC 8489, sections 9.2 and 18.1).

/// What a server announces in the first 13 characters of a nonce: "obMatJos2" and four characters of base64 that hold 24 bits.
///
/// Bits are counted from the least significant one, as erratum 6290 (verified) corrects the RFC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SecurityFeatures(pub u32);

impl SecurityFeatures {
    /// Bit 0: password algorithms.
    pub const PASSWORD_ALGORITHMS: Self = Self(1 << 0);
    /// Bit 1: username anonymity.
    pub const USERNAME_ANONYMITY: Self = Self(1 << 1);

    /// Reads the features of a nonce; `None` where it does not begin with the nonce cookie and four characters of base64.
    pub fn of_nonce(nonce: &str) -> Option<Self> {
        let encoded = nonce.as_bytes().strip_prefix(COOKIE.as_bytes())?.get(..4)?;
        encoded.iter().try_fold(0, |bits, character| Some(bits << 6 | sextet(*character)?)).map(Self)
    }

    /// Whether all bits of `other` are set.
    pub fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Both sets of bits.
    pub fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// A nonce that announces these features (the low 24 bits) and goes on with `rest`.
    pub fn nonce(self, rest: &str) -> String {
        let encoded: String = [18, 12, 6, 0].map(|shift| char::from(ALPHABET[(self.0 >> shift & 0x3F) as usize])).iter().collect();
        format!("{COOKIE}{encoded}{rest}")
    }
}

fn sextet(character: u8) -> Option<u32> {
    ALPHABET.iter().position(|letter| *letter == character).map(|position| position as u32)
}

/// The nonce cookie: RFC 8489, section 9.2.
const COOKIE: &str = "obMatJos2";
/// Base64: RFC 4648, section 4.
const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

#[cfg(test)]
mod tests {
    use super::SecurityFeatures as F;

    #[test]
    fn bits_count_from_the_least_significant_one() {
        assert_eq!(F::of_nonce("obMatJos2AAABxyz"), Some(F::PASSWORD_ALGORITHMS));
        assert_eq!(F::of_nonce("obMatJos2AAAC"), Some(F::USERNAME_ANONYMITY));
        assert_eq!(F::of_nonce("obMatJos2AAAD"), Some(F::PASSWORD_ALGORITHMS.union(F::USERNAME_ANONYMITY)));
    }

    #[test]
    fn a_nonce_without_cookie_or_base64_has_no_features() {
        for nonce in ["", "f//499k954d6OL34oL9FSTvy64sA", "obMatJos2", "obMatJos2AAA", "obMatJos2AA*A", "obMatJos2AA\u{e9}A"] {
            assert_eq!(F::of_nonce(nonce), None, "{nonce}");
        }
    }

    #[test]
    fn features_written_are_features_read() {
        for bits in [0, 1, 2, 3, 0x80_0000, 0xFF_FFFF] {
            assert_eq!(F::of_nonce(&F(bits).nonce("rest")), Some(F(bits)));
        }
    }
}
