//! The ChannelData view: no input panics, every defect lies inside, and messages are written back as they were.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wire::channel_data::{ChannelData, build_raw};

fuzz_target!(|bytes: &[u8]| {
    wire::describe(bytes);
    let Ok(message) = ChannelData::parse_lenient(bytes) else { return assert!(bytes.len() < 4) };
    assert!(message.defects.iter().all(|defect| defect.offset <= bytes.len()));
    assert_eq!(build_raw(message.number.0, message.length, message.data, message.padding), bytes);
});
