//! The Internet checksum: RFC 1071, updated in place as RFC 1624 says.

use std::net::{IpAddr, SocketAddr};

/// IP protocol number of UDP.
pub(super) const PROTOCOL_UDP: u8 = 17;

/// IP protocol number of TCP.
pub(super) const PROTOCOL_TCP: u8 = 6;

/// A running one's complement sum of 16-bit words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sum(u64);

impl Sum {
    pub(super) const ZERO: Self = Self(0);

    /// The sum behind a checksum field.
    pub(super) fn of_complement(checksum: u16) -> Self {
        Self(u64::from(!checksum))
    }

    pub(super) fn of_endpoint(endpoint: SocketAddr) -> Self {
        let mut sum = Self::of_address(endpoint.ip());
        sum.add_word(endpoint.port());
        sum
    }

    pub(super) fn of_address(address: IpAddr) -> Self {
        let mut sum = Self::ZERO;
        match address {
            IpAddr::V4(v4) => sum.add_bytes(&v4.octets()),
            IpAddr::V6(v6) => sum.add_bytes(&v6.octets()),
        }
        sum
    }

    /// The pseudo-header of UDP and ICMPv6: RFC 768; RFC 8200, section 8.1.
    pub(super) fn of_pseudo_header(src: IpAddr, dst: IpAddr, protocol: u8, length: usize) -> Self {
        let mut sum = Self::of_address(src);
        sum.add(Self::of_address(dst));
        sum.add_word(u16::from(protocol));
        sum.0 += length as u64;
        sum
    }

    pub(super) fn add_word(&mut self, word: u16) {
        self.0 += u64::from(word);
    }

    /// Adds octets; only the last block may have an odd length.
    pub(super) fn add_bytes(&mut self, bytes: &[u8]) {
        let (pairs, rest) = bytes.as_chunks::<2>();
        // 2^48 words fit before the accumulator could overflow.
        self.0 += pairs.iter().map(|pair| u64::from(u16::from_be_bytes(*pair))).sum::<u64>();
        if let [last] = rest {
            self.0 += u64::from(*last) << 8;
        }
    }

    pub(super) fn add(&mut self, other: Self) {
        self.0 += other.0;
    }

    pub(super) fn subtract(&mut self, other: Self) {
        self.0 += u64::from(!other.folded());
    }

    fn folded(self) -> u16 {
        let mut sum = self.0;
        while sum > 0xffff {
            sum = (sum & 0xffff) + (sum >> 16);
        }
        sum as u16
    }

    pub(super) fn checksum(self) -> u16 {
        !self.folded()
    }

    /// A computed 0 goes out as 0xffff, because 0 means "no checksum": RFC 768.
    pub(super) fn udp_checksum(self) -> u16 {
        match self.checksum() {
            0 => 0xffff,
            checksum => checksum,
        }
    }
}

/// The checksum field of a UDP datagram.
pub(super) fn udp(src: SocketAddr, dst: SocketAddr, payload: &[u8]) -> u16 {
    let length = payload.len() + 8;
    let mut sum = Sum::of_pseudo_header(src.ip(), dst.ip(), PROTOCOL_UDP, length);
    sum.add_word(src.port());
    sum.add_word(dst.port());
    sum.0 += length as u64;
    sum.add_bytes(payload);
    sum.udp_checksum()
}

/// The checksum field of a TCP segment, given its bytes with 0 there. Unlike UDP's, a 0 goes out as it is: RFC 9293, section 3.1.
pub(super) fn tcp(src: IpAddr, dst: IpAddr, segment: &[u8]) -> u16 {
    let mut sum = Sum::of_pseudo_header(src, dst, PROTOCOL_TCP, segment.len());
    sum.add_bytes(segment);
    sum.checksum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_rfc_1071_sums_to_ddf2() {
        let mut sum = Sum::ZERO;
        sum.add_bytes(&[0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7]);
        assert_eq!(sum.folded(), 0xddf2);
        assert_eq!(sum.checksum(), !0xddf2);
    }

    #[test]
    fn an_odd_octet_counts_as_the_upper_half_of_a_word() {
        let mut sum = Sum::ZERO;
        sum.add_bytes(&[0x01]);
        assert_eq!(sum.folded(), 0x0100);
    }

    #[test]
    fn a_udp_checksum_of_zero_is_sent_as_all_ones() {
        // Words that sum to 0xffff have the checksum 0.
        let (src, dst) = ("0.0.0.0:0".parse().unwrap(), "0.0.0.0:0".parse().unwrap());
        let fill = !(u16::from(PROTOCOL_UDP) + 10 + 10);
        assert_eq!(udp(src, dst, &fill.to_be_bytes()), 0xffff);
    }
}
