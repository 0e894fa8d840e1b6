//! # What a device says of itself
//!
//! The system group (RFC 3418), and beside it what printers (RFC 2790, RFC 3805) and boxes with parts
//! (RFC 6933) tell of model and serial number. Pure.

use super::talk::Said;
use crate::{
    intel::enterprises,
    model::{Fact, Heard, clean_text},
    wire::snmp::Oid,
};

const NAME_MAX: usize = 63;
const TEXT_MAX: usize = 120;

/// What is asked of everybody, in one question.
const NAMES: &[&[u32]] = &[
    DESCRIPTION,
    OBJECT,
    UPTIME,
    NAME,
    LOCATION,
    SERVICES,
    PRINTER_MODEL,
    PRINTER_SERIAL,
    PART_MODEL,
    PART_SERIAL,
    BRIDGE_PORTS,
    LLDP_SUBTYPE,
];
const DESCRIPTION: &[u32] = &[1, 3, 6, 1, 2, 1, 1, 1, 0];
const OBJECT: &[u32] = &[1, 3, 6, 1, 2, 1, 1, 2, 0];
const UPTIME: &[u32] = &[1, 3, 6, 1, 2, 1, 1, 3, 0];
const NAME: &[u32] = &[1, 3, 6, 1, 2, 1, 1, 5, 0];
const LOCATION: &[u32] = &[1, 3, 6, 1, 2, 1, 1, 6, 0];
const SERVICES: &[u32] = &[1, 3, 6, 1, 2, 1, 1, 7, 0];
/// hrDeviceDescr of the first device, which on printers is the printer.
const PRINTER_MODEL: &[u32] = &[1, 3, 6, 1, 2, 1, 25, 3, 2, 1, 3, 1];
/// prtGeneralSerialNumber.
const PRINTER_SERIAL: &[u32] = &[1, 3, 6, 1, 2, 1, 43, 5, 1, 1, 17, 1];
/// entPhysicalModelName and entPhysicalSerialNum of the first part, the box.
const PART_MODEL: &[u32] = &[1, 3, 6, 1, 2, 1, 47, 1, 1, 1, 1, 13, 1];
const PART_SERIAL: &[u32] = &[1, 3, 6, 1, 2, 1, 47, 1, 1, 1, 1, 11, 1];
/// dot1dBaseNumPorts: it is a bridge.
const BRIDGE_PORTS: &[u32] = &[1, 3, 6, 1, 2, 1, 17, 1, 2, 0];
/// lldpLocChassisIdSubtype: it listens to its neighbours.
const LLDP_SUBTYPE: &[u32] = &[1, 0, 8802, 1, 1, 2, 1, 3, 1, 0];
/// RFC 3418 sysServices: works at layer 2, at layer 3.
const BRIDGES: u64 = 0b10;
const ROUTES: u64 = 0b100;
/// The smallest switches with an agent have five.
const SWITCH_PORTS: u64 = 4;

#[must_use]
pub fn names() -> Vec<Oid> {
    NAMES.iter().map(|arcs| Oid::new(arcs)).collect()
}

/// What it said.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct System {
    pub name: Option<String>,
    pub description: Option<String>,
    pub location: Option<String>,
    pub model: Option<String>,
    pub serial: Option<String>,
    pub maker: Option<&'static str>,
    /// What it can only be, by the tables it has.
    pub role: Option<&'static str>,
    /// Hundredths of a second since the agent started.
    pub uptime: Option<u64>,
    /// Has tables of others.
    pub bridges: bool,
    pub routes: bool,
    pub lldp: bool,
}

impl System {
    /// Of an answer to [`names`], in whatever order.
    #[must_use]
    pub fn read(answer: &[(Oid, Said)]) -> System {
        let said = |arcs: &[u32]| answer.iter().find(|(name, _)| name.arcs() == arcs).map(|(_, said)| said);
        let text = |arcs: &[u32], max| {
            let text = clean_text(&String::from_utf8_lossy(said(arcs)?.bytes()?), max);
            // Makers leave their own place-holders standing.
            let is_said =
                !matches!(text.to_lowercase().as_str(), "" | "unknown" | "none" | "not set" | "n/a" | "(none)");
            is_said.then_some(text)
        };
        let number = |arcs| said(arcs).and_then(Said::number);
        let printer = text(PRINTER_SERIAL, TEXT_MAX);
        // On computers the first device is the processor.
        let model = printer.as_ref().and_then(|_| text(PRINTER_MODEL, TEXT_MAX)).or_else(|| text(PART_MODEL, TEXT_MAX));
        let services = number(SERVICES).unwrap_or(0);
        let maker = match said(OBJECT) {
            Some(Said::Oid(oid)) => enterprises::maker(oid.arcs()),
            _ => None,
        };
        let (ports, is_router) = (number(BRIDGE_PORTS).unwrap_or(0), services & ROUTES != 0);
        let role = match () {
            () if said(PRINTER_SERIAL).is_some() => Some("printer"),
            // A router has a bridge as well, a computer two or three ports for its guests.
            () if ports >= SWITCH_PORTS && !is_router && services & BRIDGES != 0 => Some("switch"),
            () => None,
        };
        System {
            name: text(NAME, NAME_MAX),
            description: text(DESCRIPTION, TEXT_MAX),
            location: text(LOCATION, TEXT_MAX),
            model,
            serial: printer.or_else(|| text(PART_SERIAL, TEXT_MAX)),
            maker,
            role,
            uptime: number(UPTIME),
            bridges: ports > 0 || services & BRIDGES != 0,
            routes: is_router,
            lldp: number(LLDP_SUBTYPE).is_some(),
        }
    }

    /// What is told of it.
    #[must_use]
    pub fn facts(&self) -> Vec<Fact> {
        let label = |key, value: &Option<String>| value.clone().map(|value| Fact::Label { key, value });
        let named = self.name.clone().map(|name| Fact::Named { name: host(&name), by: Heard::Snmp });
        let maker = self.maker.map(|maker| Fact::Label { key: "maker", value: maker.to_owned() });
        [
            named,
            label("snmp_description", &self.description),
            label("model", &self.model),
            label("serial", &self.serial),
            label("location", &self.location),
            maker,
            self.role.map(|role| Fact::Label { key: "snmp_role", value: role.to_owned() }),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

/// Without the home's domain, which is the same for all.
#[must_use]
pub fn host(name: &str) -> String {
    let is_domain = !name.contains(' ') && name.parse::<std::net::IpAddr>().is_err();
    name.split('.').next().filter(|host| is_domain && !host.is_empty()).unwrap_or(name).to_owned()
}

#[cfg(test)]
#[path = "system_tests.rs"]
mod tests;
