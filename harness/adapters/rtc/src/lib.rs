//! webrtc-rs `rtc` 0.21: sans-I/O WebRTC peer.
#![forbid(unsafe_code)]
