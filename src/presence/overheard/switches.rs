//! # What switches and other neighbours announce
//!
//! LLDP and CDP: name, model, port. All of it is the sender's word about itself. An address for
//! management is kept as a label only, because the address lives at another hardware address of the
//! same box, and to hear of it is no proof of who holds it.

use std::net::IpAddr;

use crate::{
    model::{Fact, Heard, MacAddr, Proof, Subject, is_unicast},
    wire::{
        Carries, Frame,
        cdp::{self, Cdp},
        ether_type,
        lldp::{Capabilities, Id, Lldp},
    },
};

use super::{Gleaned, long_text, text};

/// False if it is neither.
pub fn glean(gleaned: &mut Gleaned<'_>, frame: &Frame<'_>, mac: MacAddr) -> bool {
    match frame.carries {
        Carries::Ether(ether_type::LLDP) => {
            let Some(said) = Lldp::read(frame.link_payload) else { return false };
            lldp(gleaned, &said, mac);
        }
        carries if carries == cdp::CARRIED => {
            let Some(said) = Cdp::read(frame.link_payload) else { return false };
            cdp(gleaned, &said, mac);
        }
        _ => return false,
    }
    true
}

fn lldp(gleaned: &mut Gleaned<'_>, said: &Lldp<'_>, mac: MacAddr) {
    let sender = Subject::mac(mac);
    gleaned.alive(sender, Proof::Frame);
    // It says that what it said is void; what it is has not changed.
    if said.time_to_live_s == 0 {
        return;
    }
    let name = named(gleaned, sender, said.system_name);
    let port = said.port_description.map_or_else(|| shown(said.port), text);
    if let Some(description) = said.system_description {
        put(gleaned, sender, "lldp_description", long_text(description));
    }
    put(gleaned, sender, "lldp_chassis", shown(said.chassis));
    put(gleaned, sender, "lldp_port", port.clone());
    put(gleaned, sender, "lldp_capabilities", said.enabled.words().collect::<Vec<_>>().join(", "));
    for (key, raw) in [("manufacturer", said.maker), ("model", said.model), ("serial", said.serial)] {
        gleaned.label(sender, key, raw.unwrap_or_default());
    }
    address(gleaned, sender, said.management);
    if said.enabled.has(Capabilities::BRIDGE | Capabilities::REPEATER) {
        hangs_on(gleaned, &port, name.unwrap_or_else(|| shown(said.chassis)), mac);
    }
}

fn cdp(gleaned: &mut Gleaned<'_>, said: &Cdp<'_>, mac: MacAddr) {
    let sender = Subject::mac(mac);
    gleaned.alive(sender, Proof::Frame);
    if said.time_to_live_s == 0 {
        return;
    }
    let name = named(gleaned, sender, said.device_id);
    gleaned.label(sender, "cdp_platform", said.platform.unwrap_or_default());
    if let Some(software) = said.software {
        put(gleaned, sender, "cdp_software", long_text(software));
    }
    gleaned.label(sender, "cdp_port", said.port.unwrap_or_default());
    put(gleaned, sender, "cdp_capabilities", said.capabilities.words().collect::<Vec<_>>().join(", "));
    address(gleaned, sender, said.address);
    if said.capabilities.has(cdp::Capabilities::SWITCH | cdp::Capabilities::BRIDGE) {
        hangs_on(gleaned, &text(said.port.unwrap_or_default()), name.unwrap_or_else(|| mac.to_string()), mac);
    }
}

/// This host's own interface hangs on the port that the bridge names: the frame came from there.
fn hangs_on(gleaned: &mut Gleaned<'_>, port: &str, switch: String, mac: MacAddr) {
    let own = gleaned.network.interface(gleaned.captured.interface).and_then(|interface| interface.mac);
    if let Some(own) = own.filter(|own| *own != mac && !port.is_empty()) {
        put(gleaned, Subject::mac(own), "hangs_on", format!("port {port} of {switch}"));
    }
}

/// The name that is told, if it is one.
fn named(gleaned: &mut Gleaned<'_>, sender: Subject, raw: Option<&[u8]>) -> Option<String> {
    let whole = text(raw.unwrap_or_default());
    // A host name with its domain, or words as people type them.
    let name = if whole.contains(' ') { whole.as_str() } else { whole.split('.').next().unwrap_or_default() };
    // Some send their address or MAC for want of a name.
    let is_number = whole.parse::<IpAddr>().is_ok() || whole.parse::<MacAddr>().is_ok();
    if name.is_empty() || is_number || name.eq_ignore_ascii_case("localhost") {
        return None;
    }
    gleaned.fact(sender, Fact::Named { name: name.to_owned(), by: Heard::Lldp });
    Some(name.to_owned())
}

fn address(gleaned: &mut Gleaned<'_>, sender: Subject, ip: Option<IpAddr>) {
    if let Some(ip) = ip.filter(|ip| is_unicast(*ip)) {
        put(gleaned, sender, "management_address", ip.to_string());
    }
}

fn put(gleaned: &mut Gleaned<'_>, subject: Subject, key: &'static str, value: String) {
    if !value.is_empty() {
        gleaned.fact(subject, Fact::Label { key, value });
    }
}

fn shown(id: Id<'_>) -> String {
    match id {
        Id::Mac(mac) => mac.to_string(),
        Id::Ip(ip) => ip.to_string(),
        Id::Text(raw) => text(raw),
    }
}
