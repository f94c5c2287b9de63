//! Tests of the views and builders, in one binary.

mod channel_data;
mod describe;
mod dtls;
mod never_panics;
mod oracle;
mod raw_builder;
mod rtp;
mod sctp;
mod support;
mod truncation;
mod values;
mod vectors;
mod view;
