//! Tests that need several decoders, or more room than their file has.

mod dns;
mod laws;
