//! # What is known of the world outside the home
//!
//! Tables that come with the program: who makes a network card, and whose services what asks for, and what
//! a port gives away.

pub mod clouds;
pub mod ports;
pub mod vendors;
