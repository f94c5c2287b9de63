//! Which protocol a datagram belongs to, by its first byte (RFC 7983, section 7; RFC 9443, section 4).

/// The protocols that share a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Protocol {
    /// STUN and TURN messages.
    Stun,
    /// ZRTP.
    Zrtp,
    /// DTLS.
    Dtls,
    /// TURN ChannelData.
    ChannelData,
    /// RTP and RTCP.
    Rtp,
    /// QUIC; only in [`Scheme::Rfc9443`].
    Quic,
    /// A first byte that the scheme gives to no protocol: the datagram is dropped.
    Unassigned,
}

/// The two documents disagree on first bytes 80 to 127 and 192 to 255: RFC 7983 drops them, RFC 9443 gives them to QUIC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scheme {
    /// RFC 7983, section 7.
    Rfc7983,
    /// RFC 9443, section 4.
    Rfc9443,
}

/// Classifies a datagram; an empty one is unassigned.
pub fn classify(bytes: &[u8], scheme: Scheme) -> Protocol {
    match bytes.first() {
        Some(0..=3) => Protocol::Stun,
        Some(16..=19) => Protocol::Zrtp,
        Some(20..=63) => Protocol::Dtls,
        Some(64..=79) => Protocol::ChannelData,
        Some(128..=191) => Protocol::Rtp,
        Some(80..=127 | 192..=255) if scheme == Scheme::Rfc9443 => Protocol::Quic,
        _ => Protocol::Unassigned,
    }
}

#[cfg(test)]
mod tests {
    use super::{Protocol as P, Scheme, classify};

    #[test]
    fn every_first_byte_has_the_class_of_the_documents() {
        let ranges = [
            (0, 3, P::Stun, P::Stun),
            (4, 15, P::Unassigned, P::Unassigned),
            (16, 19, P::Zrtp, P::Zrtp),
            (20, 63, P::Dtls, P::Dtls),
            (64, 79, P::ChannelData, P::ChannelData),
            (80, 127, P::Unassigned, P::Quic),
            (128, 191, P::Rtp, P::Rtp),
            (192, 255, P::Unassigned, P::Quic),
        ];
        let mut seen = 0;
        for (first, last, rfc7983, rfc9443) in ranges {
            for byte in first..=last {
                assert_eq!((classify(&[byte], Scheme::Rfc7983), classify(&[byte], Scheme::Rfc9443)), (rfc7983, rfc9443), "{byte}");
                seen += 1;
            }
        }
        assert_eq!(seen, 256);
    }

    #[test]
    fn an_empty_datagram_is_unassigned() {
        assert_eq!(classify(&[], Scheme::Rfc7983), P::Unassigned);
    }
}
