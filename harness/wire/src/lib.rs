//! Views over any bytes and builders that can also build wrong messages: STUN, TURN, ChannelData, DTLS, SCTP.
#![forbid(unsafe_code)]
