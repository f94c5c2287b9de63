//! Renderings of one record.

pub mod json;
