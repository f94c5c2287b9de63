//! dimpl 0.9: DTLS 1.2 and 1.3 client and server.
#![forbid(unsafe_code)]
