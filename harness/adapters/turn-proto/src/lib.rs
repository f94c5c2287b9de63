//! turn-client-proto and turn-server-proto: sans-I/O TURN client and server.
#![forbid(unsafe_code)]
