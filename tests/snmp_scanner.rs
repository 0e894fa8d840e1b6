//! SNMP against the real agent of net-snmp and the real LLDP daemon, and against agents that play a recorded
//! switch or break the rules, in two network namespaces. Needs root, `ip` and the packages snmpd and lldpd;
//! without them each test says why it skips.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "helpers of tests may stop at the first surprise")]

#[path = "snmp_scanner/agent.rs"]
mod agent;
#[allow(dead_code, reason = "shared with the other scanners' tests")]
#[path = "discovery_scanners/home.rs"]
mod home;
#[path = "snmp_scanner/hostile.rs"]
mod hostile;
#[path = "snmp_scanner/lldp.rs"]
mod lldp;
#[path = "snmp_scanner/player.rs"]
mod player;
#[path = "snmp_scanner/switch.rs"]
mod switch;
