//! The SCTP and DCEP views: no input panics, every defect lies inside, and DCEP messages are written back as they were.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wire::sctp::{Packet, dcep, describe};

fuzz_target!(|bytes: &[u8]| {
    describe(bytes);
    match dcep::Message::parse(bytes) {
        Ok(message) => assert_eq!(message.encode(), bytes),
        Err(defect) => assert!(defect.offset <= bytes.len()),
    }
    let Ok(packet) = Packet::parse_lenient(bytes) else { return };
    packet.verify_checksum();
    for defect in packet.defects().iter().copied().chain(packet.chunks().filter_map(|chunk| chunk.decode().err())) {
        assert!(defect.offset <= bytes.len());
    }
});
