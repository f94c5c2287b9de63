//! Candidates as the application of a stack sees them: an address, where it came from, and how it ranks.

use crate::CandidateType;
use std::net::SocketAddr;

/// A local candidate that gathering found (RFC 8445 section 5.1.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalCandidate {
    /// Its type.
    pub kind: CandidateType,
    /// The transport address that a peer sends to.
    pub address: SocketAddr,
    /// The address that the stack sends from: the host address, or for a relayed candidate the relayed address itself.
    pub base: SocketAddr,
    /// The related address of RFC 8839 section 5.1: the base of a server-reflexive, the mapped address of a relayed candidate.
    pub related: Option<SocketAddr>,
    /// The local preference of RFC 8445 section 5.1.2.1: 65535 for the node's first address, one less for each further one.
    pub local_preference: u16,
}

impl LocalCandidate {
    /// The priority of RFC 8445 section 5.1.2.1 for component 1, with the type preferences that section 5.1.2.2 recommends.
    pub fn priority(&self) -> u32 {
        let type_preference: u32 = match self.kind {
            CandidateType::Host => 126,
            CandidateType::PeerReflexive => 110,
            CandidateType::ServerReflexive => 100,
            CandidateType::Relayed => 0,
        };
        (type_preference << 24) | (u32::from(self.local_preference) << 8) | 255
    }
}

/// The transport address in a candidate attribute (RFC 8839 section 5.1), with or without `a=`. `None` when it is not a UDP candidate with an address
/// literal, or is malformed.
pub fn candidate_address(attribute: &str) -> Option<SocketAddr> {
    let attribute = attribute.trim().trim_start_matches("a=");
    let mut fields = attribute.strip_prefix("candidate:")?.split_ascii_whitespace();
    let (_foundation, _component, transport) = (fields.next()?, fields.next()?, fields.next()?);
    let (_priority, address, port) = (fields.next()?, fields.next()?, fields.next()?);
    let udp = transport.eq_ignore_ascii_case("udp");
    udp.then(|| Some(SocketAddr::new(address.parse().ok()?, port.parse().ok()?)))?
}

/// The value of the first attribute `name` in a session description.
pub(super) fn attribute<'a>(sdp: &'a str, name: &str) -> Option<&'a str> {
    sdp.lines().find_map(|line| line.strip_prefix("a=")?.strip_prefix(name)?.strip_prefix(':')).map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_address_ranks_above_the_second_and_host_above_relayed() {
        let candidate = |kind, local_preference| LocalCandidate {
            kind,
            address: ([10, 0, 0, 1], 1).into(),
            base: ([10, 0, 0, 1], 1).into(),
            related: None,
            local_preference,
        };
        let host = candidate(CandidateType::Host, 65535).priority();
        assert_eq!(host, 2_130_706_431);
        assert!(host > candidate(CandidateType::Host, 65534).priority());
        assert!(candidate(CandidateType::ServerReflexive, 65534).priority() > candidate(CandidateType::Relayed, 65535).priority());
    }

    #[test]
    fn addresses_are_read_from_udp_candidates_only() {
        let v6 = candidate_address("a=candidate:1 1 UDP 1 2001:db8::1 9 typ host");
        assert_eq!(v6, Some("[2001:db8::1]:9".parse().expect("an address")));
        assert_eq!(candidate_address("candidate:1 1 tcp 1 10.0.0.1 9 typ host tcptype active"), None);
        assert_eq!(candidate_address("candidate:1 1 udp 1 x.local 9 typ host"), None);
        assert_eq!(candidate_address("candidate:1 1 udp 1"), None);
    }

    #[test]
    fn an_attribute_is_matched_by_its_whole_name() {
        let sdp = "v=0\r\na=ice-ufrag-like:x\r\na=ice-ufrag:abcd\r\na=mid:0\r\n";
        assert_eq!(attribute(sdp, "ice-ufrag"), Some("abcd"));
        assert_eq!(attribute(sdp, "mid"), Some("0"));
        assert_eq!(attribute(sdp, "ice-pwd"), None);
    }
}
