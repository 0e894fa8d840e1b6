//! # What an alert is known by
//!
//! A detector keys what it found by the addresses it saw. A device has several of them and changes them, and is the same
//! device; so where a key names an address of the one who did it or of the one it was done to, the device counts instead.
//! What was found of somebody who is no known device stays as the detector keyed it.
//!
//! Findings about who owns an address (spoofing) are keyed by the address itself: there only hardware addresses are
//! replaced.

use crate::model::{Category, DeviceId, Party};

/// Detector, and its key as above.
pub(super) type Slot = (String, String);

pub(super) fn slot(detector: &str, key: &str, category: Category, attacker: Party, victim: Party) -> Slot {
    let names = names(category, attacker, victim);
    if names.is_empty() {
        return (detector.to_owned(), key.to_owned());
    }
    let words = key.split(' ').map(|word| names.iter().find_map(|name| name.replace(word)).unwrap_or(word.to_owned()));
    (detector.to_owned(), words.collect::<Vec<_>>().join(" "))
}

/// `slot` once `from` is part of `into`.
pub(super) fn merged(slot: &Slot, from: DeviceId, into: DeviceId) -> Slot {
    let name = Name { address: from.to_string(), device: into };
    let words = slot.1.split(' ').map(|word| name.replace(word).unwrap_or(word.to_owned()));
    (slot.0.clone(), words.collect::<Vec<_>>().join(" "))
}

/// An address, and whose it is.
struct Name {
    address: String,
    device: DeviceId,
}

impl Name {
    /// `word` with the device in place of the address, if it is it; a port may stand behind.
    fn replace(&self, word: &str) -> Option<String> {
        let rest = word.strip_prefix(self.address.as_str())?;
        let is_port = |rest: &str| !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit());
        (rest.is_empty() || rest.strip_prefix(':').is_some_and(is_port)).then(|| format!("{}{rest}", self.device))
    }
}

fn names(category: Category, attacker: Party, victim: Party) -> Vec<Name> {
    let mut names = Vec::new();
    for party in [attacker, victim] {
        let Some(device) = party.device else { continue };
        let mac = party.mac.map(|mac| mac.to_string());
        let ip = party.ip.filter(|_| category != Category::Spoofing).map(|ip| ip.to_string());
        names.extend(mac.into_iter().chain(ip).map(|address| Name { address, device }));
    }
    names
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;
    use crate::model::MacAddr;

    #[test]
    fn the_device_stands_for_its_addresses_and_for_nothing_else() {
        let (one, two) = (DeviceId::mint(1, 1), DeviceId::mint(1, 2));
        let ip = |text: &str| text.parse::<IpAddr>().expect(text);
        let mac = MacAddr([2, 0, 0, 0, 0, 9]);
        let attacker = Party { device: Some(one), mac: Some(mac), ip: Some(ip("192.168.7.9")) };
        let victim = Party { device: Some(two), mac: None, ip: Some(ip("fd00::5")) };
        let key = |category, key: &str| slot("x", key, category, attacker, victim).1;
        for (before, after) in [
            (format!("{mac} fd00::5 ssh"), format!("{one} {two} ssh")),
            ("192.168.7.9 fd00::5:80".into(), format!("{one} {two}:80")),
            ("192.168.7.90 fd00::5e".into(), "192.168.7.90 fd00::5e".into()),
            ("forged 192.168.7.9".into(), format!("forged {one}")),
            (String::new(), String::new()),
        ] {
            assert_eq!(key(Category::Access, &before), after);
        }
        assert_eq!(key(Category::Spoofing, &format!("{mac} 192.168.7.9")), format!("{one} 192.168.7.9"));
        let stranger = Party { device: None, ..attacker };
        assert_eq!(slot("x", "192.168.7.9", Category::Scan, stranger, stranger).1, "192.168.7.9");
        let known = slot("x", "192.168.7.9 9000", Category::Scan, attacker, victim);
        assert_eq!(merged(&known, one, two).1, format!("{two} 9000"));
    }
}
