//! Scenario files: their types, how they are read, and what is said when they are wrong.

mod decode;
mod load;
pub mod matrix;
pub mod model;
pub mod problem;
pub mod span;
pub mod step;
mod tree;
pub mod units;
mod validate;
mod value;

pub use load::{load, load_topology};
pub use tree::LARGEST_FILE;
pub use validate::validate;
