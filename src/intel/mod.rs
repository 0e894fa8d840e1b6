//! # What is known of the world outside the home
//!
//! Tables that come with the program: who makes a network card, and whose services what asks for.

pub mod clouds;
pub mod vendors;
