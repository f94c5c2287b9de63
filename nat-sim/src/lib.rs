//! Deterministic network with NATs: links, routers, NATs, firewalls and taps in virtual time.
#![forbid(unsafe_code)]
