//! Scenario files: their types, how they are read, and what is said when they are wrong.
//!
//! [`read()`] goes the whole way: a file becomes a tree whose parts know their places, the tree becomes the typed [`model`], its [`matrix`] expands into cases,
//! and every case is validated. What is wrong is a list of [`problem`]s, which [`render()`] shows as text.

mod decode;
mod load;
pub mod matrix;
pub mod model;
pub mod problem;
mod read;
mod render;
pub mod span;
pub mod step;
mod tree;
pub mod turn_server;
pub mod units;
mod validate;
mod value;

pub use load::{load, load_topology};
pub use read::{Library, read};
pub use render::render;
pub use tree::LARGEST_FILE;
pub use validate::{MOST_NODES, citations};

/// The JSON Schema of scenario files, from the types.
pub fn schema() -> String {
    let schema = schemars::schema_for!(model::Scenario);
    let mut text = serde_json::to_string_pretty(&schema).expect("a schema is made of maps with text keys");
    text.push('\n');
    text
}
