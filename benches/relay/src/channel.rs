//! ChannelData messages (RFC 8656 section 12.4) without copying: what generator and relays spend on each datagram.

use crate::carrier::Frame;

/// Channel number and data of a ChannelData message; over UDP what follows the data is padding.
#[must_use]
pub fn channel_data(datagram: &[u8]) -> Option<(u16, &[u8])> {
    let [first, second, high, low, rest @ ..] = datagram else { return None };
    let length = usize::from(u16::from_be_bytes([*high, *low]));
    (0x40..=0x4f).contains(first).then_some(())?;
    Some((u16::from_be_bytes([*first, *second]), rest.get(..length)?))
}

/// What surrounds `length` bytes of data; over UDP nothing needs to follow them.
#[must_use]
pub fn frame(channel: u16, length: usize) -> Frame {
    Frame::new(&[&channel.to_be_bytes(), &(length as u16).to_be_bytes()], 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn channel_data_is_what_wire_builds() {
        let built = wire::channel_data::build(wire::channel_data::ChannelNumber(0x4001), b"abc").expect("a valid number");
        assert_eq!(channel_data(&built), Some((0x4001, &b"abc"[..])));
        let frame = frame(0x4001, 3);
        assert_eq!((&built[..4], frame.tail()), (frame.head(), &[][..]));
    }

    #[test]
    fn neither_stun_nor_a_cut_message_is_channel_data() {
        assert_eq!(channel_data(&[0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42]), None);
        assert_eq!(channel_data(&[0x40, 0, 0, 9, 1]), None);
        assert_eq!(channel_data(&[0x40]), None);
    }
}
