//! # What is known of the world outside the home
//!
//! Tables that come with the program: who makes a network card and who only its parts, whose services what asks for,
//! what a port gives away, and whose number an agent of SNMP names.
//!
//! And what comes to it: lists of bad addresses and names, which people subscribe to.

pub mod clouds;
pub mod digest;
pub mod enterprises;
pub mod feeds;
pub mod fetch;
pub mod indicators;
pub mod names;
pub mod parts;
pub mod ports;
pub mod refuse;
pub mod vendors;
