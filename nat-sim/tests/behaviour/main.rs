//! Behaviour of the network and its NATs, seen from outside through the public interface alone.

mod connectivity;
mod determinism;
mod icmp;
mod ipv6;
mod laws;
mod limits;
mod links;
mod pools;
mod ports;
mod probe;
mod sources;
mod support;
mod taps;
mod tcp;
mod timers;
mod topologies;
