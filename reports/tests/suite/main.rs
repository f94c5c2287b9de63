//! Tests of the record, the gate and the renderings through the public interface.

mod bless;
mod coverage;
mod diff;
mod fixture;
mod gate;
mod merge;
mod properties;
mod record;
mod renderings;
