//! ChannelData with and without padding, and with wrong numbers and lengths.

use wire::channel_data::{ChannelData, ChannelNumber, build, build_padded, build_raw};
use wire::{Malformed, Reason};

fn defects(bytes: &[u8]) -> Vec<Malformed> {
    ChannelData::parse_lenient(bytes).unwrap().defects
}

#[test]
fn what_was_built_is_read_back() {
    for length in 0..9 {
        let data = vec![7; length];
        let plain = build(ChannelNumber(0x4001), &data).unwrap();
        let padded = build_padded(ChannelNumber(0x4001), &data).unwrap();
        assert_eq!((plain.len(), padded.len() % 4, padded.len() / 4), (4 + length, 0, 1 + length.div_ceil(4)));
        for bytes in [plain, padded] {
            let message = ChannelData::parse(&bytes).unwrap();
            assert_eq!((message.number, message.data), (ChannelNumber(0x4001), &data[..]));
        }
    }
}

#[test]
fn numbers_outside_of_the_range_are_defects() {
    for (number, valid) in [(0x3FFF, false), (0x4000, true), (0x4FFF, true), (0x5000, false), (0xFFFF, false)] {
        assert_eq!(ChannelNumber(number).is_valid(), valid);
        let reason = Reason::Value { what: "channel number", value: u32::from(number) };
        let expected = if valid { vec![] } else { vec![Malformed { offset: 0, reason }] };
        assert_eq!(defects(&build_raw(number, 1, b"x", &[])), expected);
    }
}

#[test]
fn a_length_that_does_not_fit_is_a_defect_and_padding_of_three_bytes_is_not() {
    let wrong = |declared, actual| vec![Malformed { offset: 2, reason: Reason::Length { what: "ChannelData length", declared, actual } }];
    assert_eq!(defects(&build_raw(0x4000, 3, b"ab", &[])), wrong(3, 2));
    assert_eq!(defects(&build_raw(0x4000, 1, b"a", &[0; 3])), []);
    assert_eq!(defects(&build_raw(0x4000, 1, b"a", &[0; 4])), wrong(1, 5));
    let bytes = build_raw(0x4000, 9, b"abc", &[]);
    assert_eq!(ChannelData::parse_lenient(&bytes).unwrap().data, b"abc");
}

#[test]
fn data_that_do_not_fit_the_length_field_are_refused() {
    assert!(build(ChannelNumber::MIN, &vec![0; 65_535]).is_ok());
    assert!(build(ChannelNumber::MIN, &vec![0; 65_536]).is_err());
    assert!(build_padded(ChannelNumber::MIN, &vec![0; 65_536]).is_err());
}
