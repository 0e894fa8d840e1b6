//! What Home Assistant is told, and what is done with what it says.
//!
//! The files in `golden/mqtt` are the contract's examples, less what does not exist yet: byte for
//! byte what the program sends for the example home, but laid out for people.

#![allow(clippy::expect_used, clippy::too_many_lines, reason = "tests may stop at the first surprise; tables are long")]

#[path = "mqtt_golden/changes.rs"]
mod changes;
#[path = "mqtt_golden/commands.rs"]
mod commands;
#[path = "mqtt_golden/home.rs"]
mod home;
#[path = "mqtt_golden/laws.rs"]
mod laws;
#[path = "mqtt_golden/links.rs"]
mod links;
#[path = "mqtt_golden/model.rs"]
mod model;
#[path = "mqtt_golden/moves.rs"]
mod moves;
#[path = "mqtt_golden/names.rs"]
mod names;
#[path = "mqtt_golden/pace.rs"]
mod pace;
#[path = "mqtt_golden/payloads.rs"]
mod payloads;
#[path = "mqtt_golden/rows.rs"]
mod rows;
