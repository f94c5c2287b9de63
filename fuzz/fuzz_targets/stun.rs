//! The STUN view against `stun_codec`: both read a datagram equally or refuse it, but for the differences that `wire::stun::oracle` documents.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wire::stun::oracle::{Comparison, compare};
use wire::stun::{Digest, Key, Message};

fuzz_target!(|bytes: &[u8]| {
    if let Comparison::Different(difference) = compare(bytes) {
        panic!("{difference}");
    }
    let line = wire::describe(bytes);
    assert!(!line.contains(char::is_control));
    let Ok(message) = Message::parse_lenient(bytes) else { return };
    for defect in message.defects().iter().copied().chain(message.order_defects()) {
        assert!(defect.offset <= bytes.len());
    }
    let key = Key::short_term("key");
    message.verify_integrity(Digest::Sha1, &key);
    message.verify_integrity(Digest::Sha256, &key);
    message.verify_fingerprint();
});
