//! # intel
