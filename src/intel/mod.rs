//! # What is known of the world outside the home
//!
//! Tables that come with the program. Today: who makes a network card.

pub mod vendors;
