//! webrtc-rs 0.17 family: TURN server and client, DTLS.
#![forbid(unsafe_code)]
