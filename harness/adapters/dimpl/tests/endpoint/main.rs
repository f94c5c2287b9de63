//! Clients and servers of this adapter, on a wire in virtual time.

mod garbage;
mod handshake;
mod wire;
