//! # Porchlight
//!
//! Tells a home who is here and what is wrong. The list below is the house in floor order, lowest
//! first; a module may use only those above it in this list (`docs/ARCHITECTURE.md`,
//! `tests/architecture.rs`).

pub mod model;

pub mod intel;
pub mod wire;

pub mod capture;
pub mod homeassistant;
pub mod mqtt;
pub mod scanners;
pub mod store;
pub mod traffic;

pub mod alerts;
pub mod detectors;
pub mod presence;

pub mod engine;

pub mod settings;

pub mod daemon;

pub mod cli;
