//! str0m 0.25: sans-I/O WebRTC peer on RustCrypto.
#![forbid(unsafe_code)]
