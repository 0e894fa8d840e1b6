//! SNMP against the real agent of net-snmp, and against agents that are recorded or hostile, in two network
//! namespaces. Needs root, `ip` and the package snmpd; without them each test says why it skips.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "helpers of tests may stop at the first surprise")]

#[path = "snmp_scanner/agent.rs"]
mod agent;
#[allow(dead_code, reason = "shared with the other scanners' tests")]
#[path = "discovery_scanners/home.rs"]
mod home;
