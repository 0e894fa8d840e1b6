//! # Groups that a card must let through
//!
//! A card that is not promiscuous keeps what is sent to groups nobody here joined, however much the
//! filter wants it. These are the groups in which devices announce themselves, without those that
//! carry streams.

use crate::{
    model::MacAddr,
    wire::{cdp, lldp},
};

/// Ethernet addresses of IPv4 groups start with `01:00:5e` (RFC 1112 §6.4), of IPv6 groups with
/// `33:33` (RFC 2464 §7).
pub const GROUPS: [MacAddr; 12] = [
    lldp::GROUP,
    cdp::GROUP,
    // Reports of who listens to what: IGMPv3 and MLDv2 (RFC 3376 §4.2.14, RFC 3810 §5.2.14).
    MacAddr([0x01, 0x00, 0x5e, 0, 0, 0x16]),
    MacAddr([0x33, 0x33, 0, 0, 0, 0x16]),
    // All routers: solicitations of those who join (RFC 4861 §4.1).
    MacAddr([0x33, 0x33, 0, 0, 0, 0x02]),
    // DHCPv6 servers (RFC 8415 §7.1).
    MacAddr([0x33, 0x33, 0, 0x01, 0, 0x02]),
    // mDNS (RFC 6762 §3).
    MacAddr([0x01, 0x00, 0x5e, 0, 0, 0xfb]),
    MacAddr([0x33, 0x33, 0, 0, 0, 0xfb]),
    // LLMNR (RFC 4795 §2).
    MacAddr([0x01, 0x00, 0x5e, 0, 0, 0xfc]),
    MacAddr([0x33, 0x33, 0, 0x01, 0, 0x03]),
    // SSDP and WS-Discovery: 239.255.255.250 and ff02::c.
    MacAddr([0x01, 0x00, 0x5e, 0x7f, 0xff, 0xfa]),
    MacAddr([0x33, 0x33, 0, 0, 0, 0x0c]),
];
