//! What travels between turmoil hosts: an IP packet in a datagram, with the link's own data in front of it.

use bytes::Bytes;
use nat_sim::{DecodeError, Ns, Packet, PacketError, VantageId};

/// The UDP port on which every turmoil host awaits tunnelled packets.
pub(super) const PORT: u16 = 4789;
/// Octets in front of the packet: number, time and vantage.
const HEADER: usize = 8 + 8 + 4;
/// Octets of the longest frame.
pub(super) const LONGEST: usize = HEADER + 65_535 + 40;

/// A packet between two machines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Frame {
    /// Tells frames apart.
    pub(super) number: u64,
    /// When the packet has crossed the sender's link to the segment: turmoil delivers earlier or, where that link takes less than a tick, up to a tick later.
    pub(super) at: Ns,
    /// The side of the receiving machine.
    pub(super) to: VantageId,
    /// The packet.
    pub(super) packet: Packet,
}

/// A datagram that no machine has sent.
#[derive(Debug, thiserror::Error)]
pub(super) enum NoFrame {
    #[error("a frame of {0} octets is shorter than its header")]
    Short(usize),
    #[error(transparent)]
    Packet(#[from] DecodeError),
}

impl Frame {
    /// The frame's bytes, with the packet as it would be on a wire.
    pub(super) fn encode(&self) -> Result<Vec<u8>, PacketError> {
        let mut bytes = Vec::with_capacity(HEADER + 128);
        bytes.extend_from_slice(&self.number.to_be_bytes());
        bytes.extend_from_slice(&self.at.to_be_bytes());
        bytes.extend_from_slice(&self.to.0.to_be_bytes());
        self.packet.encode(&mut bytes)?;
        Ok(bytes)
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Self, NoFrame> {
        let short = || NoFrame::Short(bytes.len());
        let (number, rest) = bytes.split_first_chunk().ok_or_else(short)?;
        let (at, rest) = rest.split_first_chunk().ok_or_else(short)?;
        let (to, packet) = rest.split_first_chunk().ok_or_else(short)?;
        Ok(Self {
            number: u64::from_be_bytes(*number),
            at: u64::from_be_bytes(*at),
            to: VantageId(u32::from_be_bytes(*to)),
            packet: Packet::decode(&Bytes::copy_from_slice(packet))?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nat_sim::IcmpKind;

    fn frame(packet: Packet) -> Frame {
        Frame { number: 7, at: 12_345_678_901, to: VantageId(3), packet }
    }

    fn datagram(from: &str, to: &str, length: usize) -> Packet {
        Packet::udp(from.parse().unwrap(), to.parse().unwrap(), vec![0x5a; length])
    }

    #[test]
    fn what_a_tunnel_carries_comes_out_unchanged() {
        let six = datagram("[2001:db8::1]:9", "[2001:db8::2]:10", 1200);
        let error = six.answer_with(six.dst, IcmpKind::PortUnreachable).unwrap();
        let mut numbered = datagram("10.0.0.2:5000", "203.0.113.10:3478", 0);
        (numbered.id, numbered.ttl, numbered.traffic_class) = (65_535, 1, 0xb8);
        for packet in [numbered, six, error, datagram("10.0.0.2:1", "10.0.0.3:2", nat_sim::MAX_UDP_PAYLOAD_V4)] {
            let bytes = frame(packet.clone()).encode().unwrap();
            assert!(bytes.len() <= LONGEST);
            assert_eq!(Frame::decode(&bytes).unwrap(), frame(packet));
        }
    }

    #[test]
    fn what_no_machine_has_sent_is_refused() {
        let bytes = frame(datagram("10.0.0.2:1", "10.0.0.3:2", 20)).encode().unwrap();
        for length in 0..bytes.len() {
            assert!(Frame::decode(&bytes[..length]).is_err(), "{length} octets");
        }
    }
}
