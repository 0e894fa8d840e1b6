//! # capture
