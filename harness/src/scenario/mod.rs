//! Scenario files: their types, how they are read, and what is said when they are wrong.

pub mod model;
pub mod problem;
pub mod span;
pub mod step;
pub mod units;
mod value;
