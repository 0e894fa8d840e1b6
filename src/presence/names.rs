//! # What a device is called
//!
//! The best source wins: the own name, then Home Assistant's, then what the device calls itself,
//! then maker and kind. A lower rank never replaces a higher; within a rank a new name must hold
//! for ten minutes. Names we publish are never read back.
//!
//! The name shown and the host name are two things: the host name is what the device goes by on the
//! network (DHCP, DNS, the owner of its address records), never what people called a service of it.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use crate::model::{DeviceId, Few, Heard, Kind, MacAddr, Mono, NameSource, Wall, clean_text};

/// How long a new name of the same rank must hold.
const STABLE: Duration = Duration::from_secs(600);
/// Who has several names says all of them when it comes, or when it is first looked at.
const TOGETHER: Duration = Duration::from_secs(120);
/// Names that it has besides, and how long the one that is shown must be silent before one of them takes its place.
const ALSO_MAX: usize = 4;
const SILENT: Duration = Duration::from_secs(86_400);
const CHARS_MAX: usize = 60;
const SLUG_MAX: usize = 40;
/// What resolvers and DHCP servers append.
const TAILS: &[&str] = &[".local", ".lan", ".home", ".home.arpa", ".localdomain", ".fritz.box", ".internal"];
/// Names that say nothing about whose or which device it is.
const GENERIC: &[&str] = &[
    "android",
    "iphone",
    "ipad",
    "macbook",
    "mac",
    "galaxy",
    "linux",
    "ubuntu",
    "debian",
    "raspberrypi",
    "openwrt",
    "espressif",
    "esp32",
    "esp8266",
    "host",
    "device",
    "pc",
    "phone",
    "laptop",
    "desktop",
    "computer",
    "dhcp",
    "dhcpcd",
    "udhcp",
    "lwip",
    "lwip0",
    "watch",
    "tablet",
    "tv",
    "printer",
    "camera",
    "ipcam",
    "ipcamera",
    "localcam",
    "iothub",
    "smartplug",
    "wlan",
];
/// Names of models, which macOS gives to a machine whose owner has none: good to be shown, and many have them.
const MODELS: &[&str] = &["macbook-air", "macbook-pro", "imac", "mac-mini", "mac-pro", "mac-studio"];
/// Of systems, then of modules that others build in (their makers' data sheets).
const GENERIC_STARTS: &[&str] = &[
    "android-", "android_", "esp-", "esp_", "esp32-", "esp8266-", "galaxy-", "iphone-", "ipad-", "dhcp-", "ip-",
    "host-", "unknown-", "gainspan", "hf-lp", "hf-a11", "winc15", "rtl87", "ameba", "wiced", "mxchip", "emw30",
    "bl602", "murata", "tuya-", "tuya_", "wlan-", "wlan_",
];

/// Names of network interfaces, followed by a number or an address: firmware that was never told a
/// name gives that of its interface (systemd's predictable names and the kernel's own).
const NUMBERED: &[&str] = &["eth", "wlan", "ath", "ra", "usb", "sta", "br", "lo"];
const PLACED: &[&str] = &["en", "wl", "ww"];
/// Where host names come from, best first.
const HOSTS: [NameSource; 8] = [
    NameSource::Kernel,
    NameSource::Dhcp,
    NameSource::MdnsHost,
    NameSource::Console,
    NameSource::Dns,
    NameSource::Netbios,
    NameSource::Llmnr,
    NameSource::Snmp,
];
/// Where the spelling that people chose comes from, best first.
const SPELT: [NameSource; 2] = [NameSource::Mdns, NameSource::Ssdp];

/// The names of one device, by where they come from.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Names {
    pub own: Option<String>,
    pub ha: Option<String>,
    heard: Few<NameSource, Name>,
    /// Some name has a next one: asked with each look at a device, and hardly ever true.
    waits: bool,
}

#[derive(Debug, Clone, PartialEq)]
struct Name {
    text: String,
    /// When the first of this rank was heard; nothing if it comes from the store.
    since: Option<Mono>,
    /// When it was heard last.
    heard: Mono,
    /// What it is called as well, by another of its programs.
    also: Vec<String>,
    /// Another name of the same rank, and since when it is heard.
    next: Option<(String, Mono)>,
}

impl Name {
    fn new(text: String, since: Option<Mono>, heard: Mono) -> Name {
        Name { text, since, heard, also: Vec::new(), next: None }
    }

    fn has_also(&mut self, other: String) {
        self.also.retain(|held| *held != other && *held != self.text);
        if self.also.len() == ALSO_MAX {
            self.also.remove(0);
        }
        self.also.push(other);
    }
}

/// The name as shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Title {
    /// Before it is made unique.
    pub base: String,
    pub source: NameSource,
    pub shown: String,
}

impl Names {
    /// Takes a name heard from the network. `true` if the names are different now.
    pub fn hear(&mut self, by: Heard, raw: &str, now: Mono) -> bool {
        let Some(text) = clean(raw) else { return false };
        let source = source(by);
        let Some(name) = self.heard.get_mut(&source) else {
            self.heard.insert(source, Name::new(text, Some(now), now));
            return true;
        };
        if name.text == text {
            name.heard = now;
            if let Some((other, _)) = name.next.take() {
                name.has_also(other);
            }
        } else if name.since.is_some_and(|since| now.since(since) < TOGETHER) {
            // The same one is taken, whichever is said first.
            let is_better = rank(&text) > rank(&name.text);
            let other = if is_better { std::mem::replace(&mut name.text, text) } else { text };
            name.has_also(other);
            name.heard = now;
            return is_better;
        } else if name.also.contains(&text) && now.since(name.heard) < SILENT {
            // Heard in turns: no new name.
        } else if name.next.as_ref().is_none_or(|(next, _)| *next != text) {
            name.next = Some((text, now));
        }
        self.ripen(now)
    }

    /// When a new name will have held long enough.
    pub fn due(&self) -> Option<Mono> {
        if !self.waits {
            return None;
        }
        self.heard.values().filter_map(|name| name.next.as_ref()).map(|(_, since)| *since + STABLE).min()
    }

    /// Takes the names that held long enough. `true` if there were any.
    pub fn ripen(&mut self, now: Mono) -> bool {
        let mut changed = false;
        for name in self.heard.values_mut() {
            if let Some((text, _)) = name.next.take_if(|(_, since)| *since + STABLE <= now) {
                (name.text, name.heard) = (text, now);
                changed = true;
            }
        }
        self.waits = self.heard.values().any(|name| name.next.is_some());
        changed
    }

    /// Puts back a name from the store.
    pub fn restore(&mut self, source: NameSource, text: &str) {
        if let Some(text) = clean(text) {
            self.heard.insert(source, Name::new(text, None, Mono::default()));
        }
    }

    /// Everything heard, worst first.
    pub fn heard(&self) -> impl Iterator<Item = (NameSource, &str)> {
        self.heard.iter().map(|(source, name)| (*source, name.text.as_str()))
    }

    /// What it goes by on the network. A name of its make is better than none. One that says nothing counts only
    /// where the device itself asked for an address by it, or asked by that of its interface and the name server has it
    /// from there: its router lists it so, and people look there.
    pub fn hostname(&self) -> Option<&str> {
        let hosts = || HOSTS.iter().filter_map(|source| self.heard.get(source)).map(|name| name.text.as_str());
        // An SNMP name may be a sentence.
        let fit = |text: &&str| !is_nothing(text) && !text.contains(' ');
        let said = |source| self.heard.get(&source).map(|name| name.text.as_str());
        let asked = said(NameSource::Dhcp).or_else(|| said(NameSource::Dns).filter(|text| is_interface(text)));
        let best = hosts().filter(fit).find(|text| !is_generic(text)).or_else(|| hosts().find(fit));
        best.or(asked.filter(|text| !text.contains(' ') && !is_placeholder(text)))
    }

    /// Its address is another now: what name servers said of the old one was not about it, or will be said anew.
    pub fn moved(&mut self) {
        self.heard.remove(&NameSource::Dns);
    }

    /// The same name as people write it: `Living-Room-TV` is the host of `Living Room TV`.
    fn as_spelt(&self, name: &str) -> Option<&str> {
        let letters =
            |text: &str| text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect::<String>();
        let spelt = SPELT.iter().filter_map(|source| self.heard.get(source)).map(|heard| heard.text.as_str());
        let wanted = letters(name);
        spelt.filter(|text| text.contains(' ')).find(|text| letters(text) == wanted)
    }

    /// The DHCP host name, if it names one device rather than a make or a model.
    pub fn personal(&self) -> Option<&str> {
        let is_model = |text: &str| MODELS.iter().any(|model| text.eq_ignore_ascii_case(model));
        let name = self.heard.get(&NameSource::Dhcp).map(|name| name.text.as_str());
        name.filter(|text| !is_generic(text) && !is_model(text))
    }

    /// Whether anybody calls it so: it itself, or a name server.
    pub fn is_called(&self, host: &str) -> bool {
        let mut hosts = HOSTS.iter().filter_map(|source| self.heard.get(source));
        hosts.any(|name| name.text.eq_ignore_ascii_case(host))
    }

    /// Takes over what `other` knows and this does not.
    pub fn absorb(&mut self, other: Names) {
        self.own = self.own.take().or(other.own);
        self.ha = self.ha.take().or(other.ha);
        for (source, name) in other.heard {
            if self.heard.get(&source).is_none() {
                self.heard.insert(source, name);
            }
        }
        self.waits |= other.waits;
    }

    /// The best name there is, never empty.
    pub fn best(&self, vendor: Option<&str>, kind: Kind, mac: Option<MacAddr>, id: DeviceId) -> (String, NameSource) {
        if let Some(own) = &self.own {
            return (own.clone(), NameSource::Own);
        }
        if let Some(ha) = &self.ha {
            return (ha.clone(), NameSource::HomeAssistant);
        }
        if let Some((source, name)) = self.heard.iter().rev().find(|(_, name)| !is_generic(&name.text)) {
            return (self.as_spelt(&name.text).unwrap_or(&name.text).to_owned(), *source);
        }
        if let Some(vendor) = vendor.filter(|_| kind != Kind::Unknown) {
            return (format!("{vendor} {}", kind.noun()), NameSource::VendorKind);
        }
        if let Some(name) = self.heard.values().rev().find(|name| !is_nothing(&name.text)) {
            return (name.text.clone(), NameSource::Generic);
        }
        match (vendor, mac) {
            (Some(vendor), Some(mac)) => (format!("{vendor} {}", mac.tail()), NameSource::VendorTail),
            (_, Some(mac)) => {
                let [_, _, _, d, e, f] = mac.0;
                (format!("Device {d:02x}:{e:02x}:{f:02x}"), NameSource::Address)
            }
            _ => (format!("Device {}", tail(id, None)), NameSource::Address),
        }
    }
}

/// Of two names of one rank that a device gives itself at once: what says which it is, as people write it rather than with
/// the number of a model, then the longer.
fn rank(name: &str) -> (bool, bool, bool, usize, &str) {
    let is_number = |word: &str| word.contains(|c: char| c.is_ascii_digit()) && word.contains(char::is_alphabetic);
    let is_written = name.contains(' ') && !name.split(' ').any(is_number);
    (!is_nothing(name), !is_generic(name), is_written, name.chars().count(), name)
}

/// What tells two devices of the same name apart: the end of the MAC, else of the id.
pub fn tail(id: DeviceId, mac: Option<MacAddr>) -> String {
    mac.map_or_else(|| id.to_string().chars().skip(4).collect(), |mac| mac.tail().replace(':', ""))
}

fn source(by: Heard) -> NameSource {
    match by {
        // LLDP's and CDP's name is SNMP's sysName (IEEE 802.1AB §8.5.6).
        Heard::Snmp | Heard::Lldp => NameSource::Snmp,
        // What people type into their phone: as good as its name in a service announcement.
        Heard::Bluetooth => NameSource::Ssdp,
        Heard::Netbios => NameSource::Netbios,
        Heard::Dns => NameSource::Dns,
        Heard::Ssdp => NameSource::Ssdp,
        Heard::Llmnr => NameSource::Llmnr,
        Heard::Console => NameSource::Console,
        Heard::MdnsHost => NameSource::MdnsHost,
        Heard::Mdns => NameSource::Mdns,
        Heard::Dhcp => NameSource::Dhcp,
        Heard::Kernel => NameSource::Kernel,
    }
}

/// A name fit to be shown, or nothing.
pub fn clean(raw: &str) -> Option<String> {
    let mut text = clean_text(raw, CHARS_MAX * 4);
    loop {
        let before = text.len();
        text.truncate(text.trim_end_matches(['.', ' ']).len());
        for tail in TAILS {
            let cut = text.len().saturating_sub(tail.len());
            if cut > 0 && text.get(cut..).is_some_and(|end| end.eq_ignore_ascii_case(tail)) {
                text.truncate(cut);
            }
        }
        // "name (2)" is what mDNS makes of a name that is taken (RFC 6762 §9).
        if let Some((name, count)) = text.strip_suffix(')').and_then(|t| t.rsplit_once('('))
            && !count.is_empty()
            && count.bytes().all(|b| b.is_ascii_digit())
            && !name.trim().is_empty()
        {
            text = name.trim_end().to_owned();
        }
        if text.len() == before {
            break;
        }
    }
    let text: String = text.chars().take(CHARS_MAX).collect();
    let text = text.trim_end();
    // Addresses and what resolver tools print are no names.
    let bad = text.is_empty()
        || text.starts_with([';', '*'])
        || text.to_ascii_lowercase().ends_with(".arpa")
        || text.parse::<std::net::IpAddr>().is_ok()
        || text.parse::<MacAddr>().is_ok();
    (!bad).then(|| text.to_owned())
}

/// Says not even what sort of thing it is: an interface, a number drawn at random, the address again.
pub fn is_nothing(name: &str) -> bool {
    let name = name.to_lowercase();
    let digits = name.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'-' | b'.' | b'_'));
    // UUIDs (with their dashes or without), hardware addresses, and the names containers draw.
    let hex = name.len() >= 12 && name.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-');
    digits || hex || is_interface(&name) || is_placeholder(&name)
}

/// `eth0`, `wlan0`, `wlp3s0`, `enx0011223344ff`.
fn is_interface(name: &str) -> bool {
    let name = name.to_lowercase();
    let rest = |starts: &'static [&'static str]| starts.iter().filter_map(|start| name.strip_prefix(start));
    let numbered = rest(NUMBERED).any(|rest| !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_digit()));
    let placed = rest(PLACED).any(|rest| {
        rest.starts_with(['p', 's', 'o', 'x'])
            && rest.bytes().any(|b| b.is_ascii_digit())
            && rest.bytes().all(|b| b.is_ascii_hexdigit() || matches!(b, b'p' | b's' | b'o' | b'x'))
    });
    numbered || placed
}

/// Stands where a name was never set.
fn is_placeholder(name: &str) -> bool {
    ["localhost", "unknown", "none", "null", "(none)"].iter().any(|word| name.eq_ignore_ascii_case(word))
}

/// Says what sort of thing it is at most, not which.
pub fn is_generic(name: &str) -> bool {
    let name = name.to_lowercase();
    is_nothing(&name) || GENERIC.contains(&name.as_str()) || GENERIC_STARTS.iter().any(|start| name.starts_with(start))
}

/// For `default_entity_id`: lower case Latin letters, digits and `_`.
pub fn slug(name: &str, id: DeviceId) -> String {
    let mut slug = String::new();
    for c in deunicode::deunicode(name).chars() {
        if c.is_ascii_alphanumeric() {
            slug.push(c.to_ascii_lowercase());
        } else if !slug.is_empty() && !slug.ends_with('_') {
            slug.push('_');
        }
    }
    slug.truncate(SLUG_MAX);
    slug.truncate(slug.trim_end_matches('_').len());
    if slug.is_empty() { format!("device_{}", tail(id, None)) } else { slug }
}

/// Who has which name, so that each is shown once. The oldest device keeps the bare name.
#[derive(Debug, Default)]
pub struct Titles {
    holders: BTreeMap<String, BTreeSet<(Wall, DeviceId)>>,
    /// Who is shown by which name.
    shown: BTreeMap<String, DeviceId>,
}

impl Titles {
    pub fn join(&mut self, base: &str, since: Wall, id: DeviceId) {
        self.holders.entry(base.to_lowercase()).or_default().insert((since, id));
    }

    pub fn leave(&mut self, base: &str, since: Wall, id: DeviceId) {
        let key = base.to_lowercase();
        if let Some(holders) = self.holders.get_mut(&key) {
            holders.remove(&(since, id));
            if holders.is_empty() {
                self.holders.remove(&key);
            }
        }
    }

    /// `id` is shown as `to`, no longer as `from`.
    pub fn show(&mut self, id: DeviceId, from: &str, to: Option<&str>) {
        let from = from.to_lowercase();
        if self.shown.get(&from) == Some(&id) {
            self.shown.remove(&from);
        }
        if let Some(to) = to {
            self.shown.insert(to.to_lowercase(), id);
        }
    }

    /// Who else is shown as `name`.
    pub fn taken(&self, name: &str, id: DeviceId) -> Option<DeviceId> {
        self.shown.get(&name.to_lowercase()).copied().filter(|other| *other != id)
    }

    /// Entries of each table.
    pub fn sizes(&self) -> [(&'static str, usize); 2] {
        let holders = self.holders.values().map(BTreeSet::len).sum();
        [("titles.holders", holders), ("titles.shown", self.shown.len())]
    }

    /// Whose name goes without a tail.
    pub fn first(&self, base: &str) -> Option<DeviceId> {
        self.holders.get(&base.to_lowercase()).and_then(|holders| holders.first()).map(|(_, id)| *id)
    }

    /// The two oldest holders: the only ones whose shown name can change when one comes or goes.
    pub fn eldest(&self, base: &str) -> Vec<DeviceId> {
        self.holders.get(&base.to_lowercase()).into_iter().flatten().take(2).map(|(_, id)| *id).collect()
    }
}

#[cfg(test)]
mod tests;
