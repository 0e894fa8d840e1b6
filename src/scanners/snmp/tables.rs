//! # What a router or a switch knows of others
//!
//! Neighbour tables (RFC 4293), forwarding tables (RFC 4188, and by VLAN RFC 4363), names of interfaces
//! (RFC 2863) and LLDP neighbours (IEEE 802.1AB). Columns are walked one by one; the rest is pure. Stations of
//! an access point are in no standard MIB, only in those of makers, and are left out.
//!
//! Holds: [`ROWS_MAX`](super::talk::ROWS_MAX) rows a column.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use super::talk::{Rows, Said, Talk};
use crate::{
    model::{MacAddr, clean_text},
    wire::snmp::Oid,
};

const PORT_NAME_MAX: usize = 24;
const ALIAS_MAX: usize = 40;
const NAME_MAX: usize = 63;

/// ipNetToMediaPhysAddress: by interface and address.
const MEDIA: &[u32] = &[1, 3, 6, 1, 2, 1, 4, 22, 1, 2];
/// ipNetToPhysicalPhysAddress: by interface, kind, length and address.
const PHYSICAL: &[u32] = &[1, 3, 6, 1, 2, 1, 4, 35, 1, 4];
/// ipNetToPhysicalState: likewise.
const STATE: &[u32] = &[1, 3, 6, 1, 2, 1, 4, 35, 1, 7];
/// dot1qTpFdbPort and -Status: by filter database and MAC.
const VLAN_PORT: &[u32] = &[1, 3, 6, 1, 2, 1, 17, 7, 1, 2, 2, 1, 2];
const VLAN_STATUS: &[u32] = &[1, 3, 6, 1, 2, 1, 17, 7, 1, 2, 2, 1, 3];
/// dot1dTpFdbPort and -Status: by MAC.
const FDB_PORT: &[u32] = &[1, 3, 6, 1, 2, 1, 17, 4, 3, 1, 2];
const FDB_STATUS: &[u32] = &[1, 3, 6, 1, 2, 1, 17, 4, 3, 1, 3];
/// dot1dBasePortIfIndex: by port of the bridge.
const PORT_INTERFACE: &[u32] = &[1, 3, 6, 1, 2, 1, 17, 1, 4, 1, 2];
const IF_NAME: &[u32] = &[1, 3, 6, 1, 2, 1, 31, 1, 1, 1, 1];
const IF_ALIAS: &[u32] = &[1, 3, 6, 1, 2, 1, 31, 1, 1, 1, 18];
const IF_DESCRIPTION: &[u32] = &[1, 3, 6, 1, 2, 1, 2, 2, 1, 2];
/// lldpLocPortId and -Desc: by port of LLDP.
const LOCAL_ID: &[u32] = &[1, 0, 8802, 1, 1, 2, 1, 3, 7, 1, 3];
const LOCAL_DESCRIPTION: &[u32] = &[1, 0, 8802, 1, 1, 2, 1, 3, 7, 1, 4];
/// lldpRemChassisIdSubtype, -ChassisId, -SysName, -SysCapEnabled: by time, port of LLDP and number.
const REMOTE_KIND: &[u32] = &[1, 0, 8802, 1, 1, 2, 1, 4, 1, 1, 4];
const REMOTE_CHASSIS: &[u32] = &[1, 0, 8802, 1, 1, 2, 1, 4, 1, 1, 5];
const REMOTE_NAME: &[u32] = &[1, 0, 8802, 1, 1, 2, 1, 4, 1, 1, 9];
const REMOTE_CAN: &[u32] = &[1, 0, 8802, 1, 1, 2, 1, 4, 1, 1, 12];
/// RFC 4293 ipNetToPhysicalState: it answered within the last half minute or so (RFC 4861 §7.3.2).
const REACHABLE: u64 = 1;
/// RFC 4188 dot1dTpFdbStatus: no entry any more, and an address of the bridge itself.
const INVALID: u64 = 2;
const SELF: u64 = 4;
/// IEEE 802.1AB LldpChassisIdSubtype: a MAC.
const CHASSIS_MAC: u64 = 4;
/// LldpSystemCapabilitiesMap, first bit highest: repeater, bridge, access point, router.
const FORWARDS: u8 = 0x78;
/// A telephone, which as a rule is a bridge for the computer behind it.
const TELEPHONE: u8 = 0x04;

/// The columns as they came.
#[derive(Debug, Default)]
pub struct Tables {
    media: Rows,
    physical: Rows,
    states: Rows,
    ports: Rows,
    status: Rows,
    by_vlan: bool,
    interface: Rows,
    names: Rows,
    aliases: Rows,
    local: [Rows; 2],
    remote: [Rows; 4],
}

impl Tables {
    /// Asks for all of them, as far as time allows; what a device has not costs a question.
    pub async fn ask(talk: &mut Talk) -> Tables {
        let mut all = Tables::default();
        all.ports = talk.walk(&Oid::new(VLAN_PORT)).await;
        all.by_vlan = !all.ports.is_empty();
        if all.by_vlan {
            all.status = talk.walk(&Oid::new(VLAN_STATUS)).await;
        } else {
            all.ports = talk.walk(&Oid::new(FDB_PORT)).await;
        }
        if !all.by_vlan && !all.ports.is_empty() {
            all.status = talk.walk(&Oid::new(FDB_STATUS)).await;
        }
        for (rows, column) in all.remote.iter_mut().zip([REMOTE_KIND, REMOTE_CHASSIS, REMOTE_NAME, REMOTE_CAN]) {
            *rows = talk.walk(&Oid::new(column)).await;
            if rows.is_empty() {
                break;
            }
        }
        let [remote, ..] = &all.remote;
        let has_neighbours = !remote.is_empty();
        // Of who hangs on no port the names of ports tell nothing.
        if has_neighbours || !all.ports.is_empty() {
            all.interface = talk.walk(&Oid::new(PORT_INTERFACE)).await;
            all.names = talk.walk(&Oid::new(IF_NAME)).await;
            if all.names.is_empty() {
                all.names = talk.walk(&Oid::new(IF_DESCRIPTION)).await;
            }
            all.aliases = talk.walk(&Oid::new(IF_ALIAS)).await;
        }
        if has_neighbours {
            for (rows, column) in all.local.iter_mut().zip([LOCAL_ID, LOCAL_DESCRIPTION]) {
                *rows = talk.walk(&Oid::new(column)).await;
            }
        }
        all.media = talk.walk(&Oid::new(MEDIA)).await;
        all.physical = talk.walk(&Oid::new(PHYSICAL)).await;
        if !all.physical.is_empty() {
            all.states = talk.walk(&Oid::new(STATE)).await;
        }
        all
    }

    /// Who had which address, as it remembers: stale knowledge, no sign of life.
    #[must_use]
    pub fn neighbours(&self) -> BTreeSet<(MacAddr, IpAddr)> {
        let media = self.media.iter().filter_map(|(index, said)| match index.as_slice() {
            [_, ip @ ..] => Some((mac_of(said)?, address(ip)?)),
            [] => None,
        });
        let physical = self.physical.iter().filter_map(|(index, said)| Some((mac_of(said)?, physical(index)?)));
        media.chain(physical).collect()
    }

    /// Those of them that the router itself holds for reachable now: who was there just now.
    #[must_use]
    pub fn reachable(&self) -> BTreeSet<IpAddr> {
        let is_so = |said: &Said| said.number() == Some(REACHABLE);
        self.states.iter().filter(|(_, said)| is_so(said)).filter_map(|(index, _)| physical(index)).collect()
    }

    /// Its ports, with who was heard on each. `switch` is its name.
    #[must_use]
    pub fn ports(&self, switch: &str) -> Vec<Port> {
        let by_index = |rows: &Rows| -> BTreeMap<u32, String> {
            let text = |said: &Said| Some(clean_text(&String::from_utf8_lossy(said.bytes()?), ALIAS_MAX));
            rows.iter().filter_map(|(index, said)| Some((*index.first()?, text(said)?))).collect()
        };
        let (names, aliases, local) =
            (by_index(&self.names), by_index(&self.aliases), self.local.each_ref().map(by_index));
        let interfaces: BTreeMap<u32, u32> = (self.interface.iter())
            .filter_map(|(index, said)| Some((*index.first()?, u32::try_from(said.number()?).ok()?)))
            .collect();
        let mut ports: BTreeMap<u32, Port> = BTreeMap::new();
        let blank = |number: u32| {
            let interface = interfaces.get(&number).copied().unwrap_or(number);
            let label = label(switch, number, names.get(&interface), aliases.get(&interface));
            Port { label, ..Port::default() }
        };
        for (mac, number) in self.heard() {
            ports.entry(number).or_insert_with(|| blank(number)).macs.insert(mac);
        }
        for (at, neighbour) in self.remote() {
            // LLDP counts ports in a way of its own; what it calls them is the interface's name as a rule.
            let called = local.iter().filter_map(|ids| ids.get(&at));
            let named =
                called.filter_map(|id| names.iter().find(|(_, name)| *name == id)).map(|(index, _)| *index).next();
            let of = |interface: u32| interfaces.iter().find(|(_, to)| **to == interface).map(|(number, _)| *number);
            let number = match named {
                Some(interface) => of(interface).unwrap_or(interface),
                None if interfaces.contains_key(&at) => at,
                None => of(at).unwrap_or(at),
            };
            ports.entry(number).or_insert_with(|| blank(number)).neighbours.push(neighbour);
        }
        ports.into_values().collect()
    }

    fn heard(&self) -> impl Iterator<Item = (MacAddr, u32)> {
        let skip = usize::from(self.by_vlan);
        let mac = move |index: &[u32]| mac_in(index.get(skip..)?);
        let own: BTreeSet<&[u32]> = (self.status.iter())
            .filter(|(_, said)| matches!(said.number(), Some(INVALID | SELF)))
            .map(|(index, _)| index.as_slice())
            .collect();
        self.ports.iter().filter(move |(index, _)| !own.contains(index.as_slice())).filter_map(move |(index, said)| {
            // Port 0: heard, but it is not known where.
            let port = said.number().and_then(|number| u32::try_from(number).ok()).filter(|number| *number > 0)?;
            Some((mac(index)?, port))
        })
    }

    fn remote(&self) -> impl Iterator<Item = (u32, Neighbour)> {
        let [kinds, chassis, names, can] = &self.remote;
        let at = |rows: &'_ Rows, index: &[u32]| {
            rows.iter().find(|(other, _)| other.as_slice() == index).map(|(_, said)| said.clone())
        };
        kinds.iter().filter_map(move |(index, kind)| {
            let [_, port, _] = index.as_slice() else { return None };
            let id = at(chassis, index);
            let name = at(names, index);
            let can = at(can, index).and_then(|said| said.bytes()?.first().copied()).unwrap_or(0);
            let name = name.and_then(|said| Some(clean_text(&String::from_utf8_lossy(said.bytes()?), NAME_MAX)));
            Some((
                *port,
                Neighbour {
                    mac: id.filter(|_| kind.number() == Some(CHASSIS_MAC)).as_ref().and_then(mac_of),
                    name: name.filter(|name| !name.is_empty()),
                    forwards: can & FORWARDS != 0 && can & TELEPHONE == 0,
                },
            ))
        })
    }
}

/// Who says by LLDP that it hangs here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Neighbour {
    pub mac: Option<MacAddr>,
    pub name: Option<String>,
    /// There are others behind it: a switch, an access point, a router.
    pub forwards: bool,
}

/// One port of a switch.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Port {
    /// `attic-switch port 5 (office)`.
    pub label: String,
    pub macs: BTreeSet<MacAddr>,
    pub neighbours: Vec<Neighbour>,
}

fn label(switch: &str, number: u32, name: Option<&String>, alias: Option<&String>) -> String {
    let name = name.map_or("", String::as_str);
    // "port Port 5" says it twice.
    let lower = name.to_ascii_lowercase();
    let short = if lower.starts_with("port") { name.get(4..).unwrap_or_default() } else { name };
    let short = clean_text(short.trim_start_matches([' ', '-', '_', '.', ':', '#']), PORT_NAME_MAX);
    let short = if short.is_empty() { number.to_string() } else { short };
    match alias.filter(|alias| !alias.is_empty() && **alias != name) {
        Some(alias) => format!("{switch} port {short} ({alias})"),
        None => format!("{switch} port {short}"),
    }
}

/// The address in the index of a row of RFC 4293. InetAddressType: ipv4, ipv6 (RFC 4001).
fn physical(index: &[u32]) -> Option<IpAddr> {
    match index {
        [_, 1, 4, ip @ ..] | [_, 2, 16, ip @ ..] => address(ip),
        _ => None,
    }
}

fn mac_of(said: &Said) -> Option<MacAddr> {
    <[u8; 6]>::try_from(said.bytes()?).ok().map(MacAddr).filter(|mac| mac.is_station())
}

/// Six numbers of a row's name.
fn mac_in(index: &[u32]) -> Option<MacAddr> {
    let mut bytes = [0; 6];
    let arcs = <[u32; 6]>::try_from(index).ok()?;
    for (byte, arc) in bytes.iter_mut().zip(arcs) {
        *byte = arc.try_into().ok()?;
    }
    Some(MacAddr(bytes)).filter(|mac| mac.is_station())
}

fn address(index: &[u32]) -> Option<IpAddr> {
    let bytes: Vec<u8> = index.iter().map(|arc| u8::try_from(*arc).ok()).collect::<Option<_>>()?;
    if let Ok(v4) = <[u8; 4]>::try_from(bytes.as_slice()) {
        return Some(Ipv4Addr::from(v4).into());
    }
    <[u8; 16]>::try_from(bytes.as_slice()).ok().map(|v6| Ipv6Addr::from(v6).into())
}

#[cfg(test)]
#[path = "tables_tests.rs"]
mod tests;
