//! A crate of your own in place of this one: an adapter for your implementation, and the whole natproof command around it.
//!
//! `cargo run --package natproof --example own-adapter -- run --scenarios YOUR-SCENARIOS --out target/own`
//!
//! The implementation here is a STUN server of forty lines. Beside it stand implementations that misbehave in the ways that natproof must survive; its own
//! tests run them.
#![forbid(unsafe_code)]

mod misbehaving;
mod server;

use misbehaving::{Misbehaving, Way};
use server::OwnServer;
use std::process::ExitCode;

fn main() -> ExitCode {
    natproof::main(natproof::registry![
        OwnServer,
        Misbehaving(Way::Panics),
        Misbehaving(Way::Aborts),
        Misbehaving(Way::LoopsForEver),
        Misbehaving(Way::EatsMemory),
        Misbehaving(Way::NeverLetsTimePass),
    ])
}
