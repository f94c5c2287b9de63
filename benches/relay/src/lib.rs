//! Load for TURN relays, and what it takes to believe the figures: a null relay to compare with, an account of every datagram, and a verdict on who was the
//! limit.
//!
//! From the bottom: [`io`] moves datagrams, [`content`] and [`payload`] say what is in them, [`carrier`] what is around it, [`account`] what became of them, [`client`] and
//! [`flow`] set up allocations,
//! [`schedule`] says when, [`load`] is one trial, [`storm`] many allocations, [`null`] the floor, [`verdict`] judges a trial, [`mod@bench`] goes round the
//! servers, [`search`] looks for the highest rate, [`stats`] and [`summary`] sum up.
//!
//! The program of this package adds what needs processes: servers to compare with, the command line and the renderings.
//!
//! Deliberately absent: any figure without its limit.
#![forbid(unsafe_code)]
#![cfg(target_os = "linux")]

pub mod account;
pub mod bench;
pub mod carrier;
pub mod channel;
pub mod client;
pub mod content;
pub mod flow;
pub mod indication;
pub mod io;
pub mod load;
pub mod null;
pub mod payload;
pub mod proc;
pub mod schedule;
pub mod search;
mod shard;
pub mod stats;
pub mod storm;
pub mod summary;
mod table;
pub mod verdict;
