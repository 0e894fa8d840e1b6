//! # The only wiring
