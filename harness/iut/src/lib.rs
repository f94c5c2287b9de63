//! What an implementation under test is to natproof: the endpoint contract, capabilities and events.
#![forbid(unsafe_code)]
