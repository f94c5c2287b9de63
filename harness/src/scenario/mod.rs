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
pub use validate::{citations, validate};

/// The JSON Schema of scenario files, from the types.
pub fn schema() -> String {
    let schema = schemars::schema_for!(model::Scenario);
    serde_json::to_string_pretty(&schema).expect("a schema is made of maps with text keys")
}
