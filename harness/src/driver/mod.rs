//! What carries a case: hosts of one conductor, which differ in who owns time and which nodes they can run.

pub mod direct;
mod network_steps;
pub mod paused;
pub mod sim;
pub mod sockets;
pub mod tokio;
pub mod turmoil;
