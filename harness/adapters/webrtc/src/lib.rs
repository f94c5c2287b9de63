//! webrtc-rs `webrtc` 0.21: asynchronous WebRTC peer on a simulated runtime.
#![forbid(unsafe_code)]
