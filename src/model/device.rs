//! # Devices
//!
//! The minted id and the fixed words said of a device.

use std::{
    cmp::Ordering,
    fmt,
    hash::{Hash, Hasher},
    str::FromStr,
};

use super::words;

const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
// Bits of a 30-bit id, and the half-width of the permutation below.
const BITS: u32 = 30;

/// `d-7f3k2m`: minted once, never derived from an address, never changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeviceId([u8; 6]);

// Looked up for each frame that says something: compared and hashed as one number.
impl Ord for DeviceId {
    #[inline]
    fn cmp(&self, other: &Self) -> Ordering {
        self.number().cmp(&other.number())
    }
}

impl Hash for DeviceId {
    #[inline]
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.number());
    }
}

impl PartialOrd for DeviceId {
    #[inline]
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl DeviceId {
    #[inline]
    const fn number(self) -> u64 {
        let [a, b, c, d, e, f] = self.0;
        u64::from_be_bytes([0, 0, a, b, c, d, e, f])
    }

    /// The `counter`th id of the installation `instance` (24 bits). No clock, no chance, no
    /// address: a Feistel permutation of the counter, so ids look unlike each other and two
    /// counters never meet (`counter` < 2³⁰).
    #[must_use]
    pub fn mint(instance: u32, counter: u32) -> DeviceId {
        let half = BITS / 2;
        let mask = (1u32 << half) - 1;
        let (mut left, mut right) = ((counter >> half) & mask, counter & mask);
        for round in 0..6u32 {
            let mixed = (right ^ instance.rotate_left(round * 5)).wrapping_mul(0x9E37_79B1).wrapping_add(round) >> 9;
            (left, right) = (right, left ^ (mixed & mask));
        }
        let mut value = (left << half) | right;
        let mut id = [0; 6];
        for digit in &mut id {
            *digit = ALPHABET[(value & 31) as usize];
            value >>= 5;
        }
        DeviceId(id)
    }

    /// Home Assistant reads what a template renders as Python, which warns of a number that runs into a word, as in
    /// `d-7is29k` (Parser/tokenizer, `verify_end_of_number`): one id in a thousand. Such are not given.
    #[must_use]
    pub fn is_stumbled_over(&self) -> bool {
        let digits = self.0.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let rest = self.0.get(digits..).unwrap_or_default();
        digits > 0 && ["in", "is", "if", "and"].iter().any(|word| rest.starts_with(word.as_bytes()))
    }
}

impl fmt::Display for DeviceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("d-{}", String::from_utf8_lossy(&self.0)))
    }
}

impl FromStr for DeviceId {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        text.strip_prefix("d-")
            .and_then(|digits| <[u8; 6]>::try_from(digits.as_bytes()).ok())
            .filter(|id| id.iter().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit()))
            .map(DeviceId)
            .ok_or_else(|| format!("`{text}` is not a device id such as d-7f3k2m"))
    }
}

words! {
    /// What sort of thing a device is.
    pub enum Kind {
        Router = "router", AccessPoint = "access_point", Switch = "switch", Firewall = "firewall", Nas = "nas", Server = "server",
        Computer = "computer", Laptop = "laptop", Phone = "phone", Tablet = "tablet", Watch = "watch", Tv = "tv",
        MediaPlayer = "media_player", Speaker = "speaker", Projector = "projector", GameConsole = "game_console", Printer = "printer",
        Scanner = "scanner", Camera = "camera", Doorbell = "doorbell", Siren = "siren", Lock = "lock", Plug = "plug", Light = "light",
        Thermostat = "thermostat", Sensor = "sensor", Hub = "hub", Scale = "scale", Appliance = "appliance", Vacuum = "vacuum",
        Energy = "energy", Ups = "ups", VoipPhone = "voip_phone", Car = "car", VirtualMachine = "virtual_machine",
        Container = "container", Iot = "iot", Unknown = "unknown",
    }
}

impl Kind {
    /// The group shown beside the kind.
    #[must_use]
    pub const fn group(self) -> KindGroup {
        use Kind as K;
        match self {
            K::Router | K::AccessPoint | K::Switch | K::Firewall => KindGroup::Network,
            K::Nas
            | K::Server
            | K::Computer
            | K::Laptop
            | K::Printer
            | K::Scanner
            | K::Ups
            | K::VirtualMachine
            | K::Container => KindGroup::Computer,
            K::Phone | K::Tablet | K::Watch | K::VoipPhone | K::Car => KindGroup::Mobile,
            K::Tv | K::MediaPlayer | K::Speaker | K::Projector | K::GameConsole => KindGroup::Media,
            K::Plug
            | K::Light
            | K::Thermostat
            | K::Sensor
            | K::Hub
            | K::Scale
            | K::Appliance
            | K::Vacuum
            | K::Energy
            | K::Iot => KindGroup::Home,
            K::Camera | K::Doorbell | K::Siren | K::Lock => KindGroup::Security,
            K::Unknown => KindGroup::Other,
        }
    }

    /// Sleeps with its radio off while it is home, and answers late or not at all.
    #[must_use]
    pub const fn is_sleeper(self) -> bool {
        matches!(self, Kind::Phone | Kind::Tablet | Kind::Watch | Kind::Laptop | Kind::Unknown)
    }

    /// For text: "access point", "light".
    #[must_use]
    pub fn noun(self) -> String {
        match self {
            Kind::Tv => "TV".into(),
            Kind::Nas => "NAS".into(),
            Kind::Ups => "UPS".into(),
            Kind::Iot => "IoT device".into(),
            Kind::Unknown => "device".into(),
            other => other.word().replace('_', " "),
        }
    }
}

words! {
    /// A coarser kind, for counts and pictures.
    pub enum KindGroup { Network = "network", Computer = "computer", Mobile = "mobile", Media = "media", Home = "home", Security = "security", Other = "other" }
}
words! {
    /// What the household thinks of a device.
    pub enum Trust { Trusted = "trusted", Guest = "guest", Unknown = "unknown", Untrusted = "untrusted" }
}
words! {
    /// Where the engine thinks a device is. Only `away` moves a tracker to not_home.
    pub enum Presence { Home = "home", Asleep = "asleep", Leaving = "leaving", Away = "away", Unknown = "unknown" }
}

impl Presence {
    /// Counts as home for people and trackers.
    #[must_use]
    pub const fn is_here(self) -> bool {
        matches!(self, Presence::Home | Presence::Asleep | Presence::Leaving)
    }
}

words! {
    /// What a device does for the network.
    pub enum Role { Gateway = "gateway", Own = "own", Other = "other" }
}
words! {
    /// How the household lives just now.
    pub enum Mode { Auto = "auto", Home = "home", Away = "away", Night = "night", Vacation = "vacation" }
}
words! {
    /// How much of a device Home Assistant gets: nothing, four entities, all.
    pub enum Tier { None = "none", Basic = "basic", Full = "full" }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn numbers_that_run_into_words_are_known() {
        for (id, expected) in [
            ("d-7is29k", true),
            ("d-77in8b", true),
            ("d-5if6bn", true),
            ("d-2andxy", true),
            ("d-h7is2k", false),
            ("d-7k3is2", false),
        ] {
            assert_eq!(id.parse::<DeviceId>().expect("an id").is_stumbled_over(), expected, "{id}");
        }
    }

    #[test]
    fn minted_ids_never_meet_and_read_back() {
        let ids: BTreeSet<DeviceId> = (0..20_000).map(|n| DeviceId::mint(0x7f3a2c, n)).collect();
        assert_eq!(ids.len(), 20_000);
        for id in ids {
            assert_eq!(id.to_string().parse(), Ok(id));
        }
    }
}
