//! Renderings of one record. All but [`json`] also take the [`crate::expectation::Gate`] of the record, so that a reader sees what is
//! unexpected before what is known. None reads a clock or a file; [`json::write_atomic`] puts their text on disk.

pub mod html;
pub mod json;
pub mod junit;
pub mod markdown;
pub mod text;

mod summary;
