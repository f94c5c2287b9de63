//! Tests of the record, the gate and the renderings through the public interface.

mod bless;
mod fixture;
mod gate;
mod record;
