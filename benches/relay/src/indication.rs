//! Send and Data indications (RFC 8656 section 11) without copying: what generator and relays spend on each datagram.

use crate::carrier::Frame;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// Which indication.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// From the client to the server.
    Send,
    /// From the server to the client.
    Data,
}

impl Kind {
    /// Class indication with methods 0x006 and 0x007.
    fn message_type(self) -> [u8; 2] {
        match self {
            Self::Send => [0x00, 0x16],
            Self::Data => [0x00, 0x17],
        }
    }
}

const COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];
const XOR_PEER_ADDRESS: u16 = 0x0012;
const DATA: u16 = 0x0013;
const HEADER: usize = 20;

/// What surrounds `length` bytes of data from or for `peer`. No answer will name `id`, but it must differ between indications (RFC 8489 section 5).
#[must_use]
pub fn frame(kind: Kind, id: [u8; 12], peer: SocketAddr, length: usize) -> Frame {
    let padding = length.next_multiple_of(4) - length;
    let [high, low] = peer.port().to_be_bytes();
    let port = [high ^ COOKIE[0], low ^ COOKIE[1]];
    let (family, address, used): (u8, [u8; 16], usize) = match peer.ip() {
        IpAddr::V4(v4) => (1, mask(&v4.octets(), id), 4),
        IpAddr::V6(v6) => (2, mask(&v6.octets(), id), 16),
    };
    let attribute = |kind: u16, length: usize| {
        let ([first, second], [third, fourth]) = (kind.to_be_bytes(), (length as u16).to_be_bytes());
        [first, second, third, fourth]
    };
    let body = 4 + 4 + used + 4 + length + padding;
    let parts: [&[u8]; 9] = [
        &kind.message_type(),
        &(body as u16).to_be_bytes(),
        &COOKIE,
        &id,
        &attribute(XOR_PEER_ADDRESS, 4 + used),
        &[0, family],
        &port,
        &address[..used],
        &attribute(DATA, length),
    ];
    Frame::new(&parts, padding)
}

/// An address combined with cookie and transaction id (RFC 8489 section 14.2).
fn mask(octets: &[u8], id: [u8; 12]) -> [u8; 16] {
    let mut masked = [0; 16];
    let key = COOKIE.iter().chain(&id);
    masked.iter_mut().zip(octets).zip(key).for_each(|((masked, octet), key)| *masked = octet ^ key);
    masked
}

/// Peer and data of an indication; other attributes are passed over.
#[must_use]
pub fn indication(kind: Kind, datagram: &[u8]) -> Option<(SocketAddr, &[u8])> {
    let (header, mut rest) = datagram.split_at_checked(HEADER)?;
    if header[..2] != kind.message_type() || header[4..8] != COOKIE {
        return None;
    }
    let id: [u8; 12] = header[8..].try_into().ok()?;
    let (mut peer, mut data) = (None, None);
    while let Some((attribute, after)) = rest.split_at_checked(4) {
        let number = |at: usize| u16::from_be_bytes([attribute[at], attribute[at + 1]]);
        let length = usize::from(number(2));
        let value = after.get(..length)?;
        match number(0) {
            XOR_PEER_ADDRESS => peer = peer.or(address(value, id)),
            DATA => data = data.or(Some(value)),
            _ => {}
        }
        rest = after.get(length.next_multiple_of(4)..).unwrap_or_default();
    }
    peer.zip(data)
}

fn address(value: &[u8], id: [u8; 12]) -> Option<SocketAddr> {
    let (head, octets) = value.split_at_checked(4)?;
    let masked = mask(octets, id);
    let ip: IpAddr = match (head[1], octets.len()) {
        (1, 4) => Ipv4Addr::from([masked[0], masked[1], masked[2], masked[3]]).into(),
        (2, 16) => Ipv6Addr::from(masked).into(),
        _ => return None,
    };
    Some(SocketAddr::new(ip, u16::from_be_bytes([head[2] ^ COOKIE[0], head[3] ^ COOKIE[1]])))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use wire::stun::build::WellformedBuilder;
    use wire::stun::{Attribute, Class, Message, Method, TransactionId};

    const ID: [u8; 12] = [7, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11];

    fn built(kind: Kind, peer: SocketAddr, data: &[u8]) -> Vec<u8> {
        let frame = frame(kind, ID, peer, data.len());
        [frame.head(), data, frame.tail()].concat()
    }

    #[test]
    fn an_indication_is_what_wire_builds_and_reads() {
        for (kind, method) in [(Kind::Send, Method::SEND), (Kind::Data, Method::DATA)] {
            for peer in ["192.0.2.1:4711", "[2001:db8::1]:4711"].map(|text| text.parse::<SocketAddr>().expect("an address")) {
                for data in [&b"abcd"[..], b"abcde", b"abcdefg", b""] {
                    let attributes = [Attribute::XorPeerAddress(peer), Attribute::Data(data)];
                    let theirs = WellformedBuilder::new(Class::Indication, method, TransactionId(ID)).attributes(attributes);
                    let ours = built(kind, peer, data);
                    assert_eq!(ours, theirs.build().expect("well-formed"));
                    let message = Message::parse(&ours).expect("without defects");
                    assert_eq!((message.xor_peer_address(), message.data()), (Ok(Some(peer)), Ok(Some(data))));
                    assert_eq!(indication(kind, &ours), Some((peer, data)));
                }
            }
        }
    }

    #[test]
    fn other_messages_and_cut_ones_are_no_indication() {
        let whole = built(Kind::Data, SocketAddr::from(([192, 0, 2, 1], 4711)), b"abcd");
        assert_eq!(indication(Kind::Send, &whole), None);
        for length in 0..whole.len() {
            assert_eq!(indication(Kind::Data, &whole[..length]), None, "{length}");
        }
    }

    proptest! {
        #[test]
        fn no_datagram_is_too_strange_to_read(datagram in proptest::collection::vec(any::<u8>(), 0..100)) {
            let mut strange = built(Kind::Data, SocketAddr::from(([192, 0, 2, 1], 4711)), b"abcd");
            strange.truncate(20);
            strange.extend(datagram);
            let _ = indication(Kind::Data, &strange);
        }
    }
}
