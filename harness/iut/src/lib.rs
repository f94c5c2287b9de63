//! What an implementation under test is to natproof.
//!
//! An adapter is a small crate that depends on this crate and on the implementation it wraps, and on no other member of the workspace. It offers one
//! [`Implementation`], which builds an [`Instance`] for each node of a scenario that asks for it:
//!
//! - a sans-I/O implementation becomes an [`Endpoint`]: inputs and the time go in, outputs and the next deadline come out;
//! - an asynchronous one becomes an `AsyncEndpoint` (feature `async`) that runs on tokio with the sockets which the driver's `Host` gives it.
//!
//! Life cycle of an [`Endpoint`]: it is built, it receives [`Command::Start`] once, then any sequence of inputs with a time that never goes back. After
//! each input the driver drains [`Endpoint::poll_output`] until it returns `None`, and then asks [`Endpoint::poll_timeout`]. When that time has come, the
//! driver passes [`Input::Timeout`]. An endpoint reads no clock and draws no entropy of its own: it may call the standard library for both, which the
//! runner answers deterministically.
//!
//! Deliberately absent: anything about scenarios, checks, networks and verdicts. An implementation never judges itself; what it reports through
//! [`ApiEvent`] is evidence beside the packets, not a verdict.
#![forbid(unsafe_code)]

mod command;
mod endpoint;
mod event;
mod implementation;
mod signal;
mod wake;

#[cfg(feature = "gather")]
pub mod gather;
#[cfg(feature = "async")]
mod host;
#[cfg(feature = "testing")]
pub mod testing;

pub use command::{ChannelOptions, Command, DiscoveryAlgorithm};
pub use endpoint::{Cause, Endpoint, IcmpError, IcmpKind, Input, Ns, Output, StreamAction, StreamEvent, StreamId};
pub use event::{ApiEvent, CandidateType, ConnectionState, GatheringState, PairView};
pub use implementation::{
    BuildError, Capability, CertificateChoice, Credential, DtlsOptions, DtlsVersion, Implementation, Instance, Manifest, NodeConfig, Role,
    ServerKind, ServerUrl, TransportPolicy,
};
pub use signal::{CandidateSignal, Description, DescriptionKind, Signal};
pub use wake::WakeLimit;

#[cfg(feature = "async")]
pub use host::{AsyncEndpoint, BoxFuture, DatagramSocket, Emitter, Host, Network};

/// One millisecond in [`Ns`].
pub const MILLISECOND: Ns = 1_000_000;
/// One second in [`Ns`].
pub const SECOND: Ns = 1_000_000_000;
