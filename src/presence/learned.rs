//! # From whom and when each fact was learned
//!
//! A fact is worth what its source is worth and how fresh it is: `explain` shows both. Times move without telling
//! outlets: they are cut with the next view that is due for another reason.

use std::fmt::{self, Write as _};

use crate::model::{Fact, Observation, Source, Wall};

use super::device::Device;

/// Facts of one device of which this is kept; more than it can hold in labels, names and services.
const LEARNED_MAX: usize = 160;

/// The longest key: keys of labels and names are words of this program.
const KEY_MAX: usize = 64;

/// A key that is being looked for: nearly always it is known, and need not be kept.
struct Key {
    bytes: [u8; KEY_MAX],
    len: usize,
}

impl fmt::Write for Key {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let end = self.len + text.len();
        self.bytes.get_mut(self.len..end).ok_or(fmt::Error)?.copy_from_slice(text.as_bytes());
        self.len = end;
        Ok(())
    }
}

impl Key {
    /// The key that a fact has among those of a view.
    fn of(fact: &Fact) -> Option<Key> {
        let mut key = Key { bytes: [0; KEY_MAX], len: 0 };
        match fact {
            Fact::Named { by, .. } => write!(key, "name.{by}"),
            Fact::Dhcp { .. } => key.write_str("dhcp"),
            Fact::Service { tcp, port, .. } => write!(key, "service.{}/{port}", if *tcp { "tcp" } else { "udp" }),
            Fact::Label { key: label, .. } => key.write_str("label.").and_then(|()| key.write_str(label)),
            Fact::Routes => key.write_str("routes"),
            _ => return None,
        }
        .ok()?;
        Some(key)
    }

    fn text(&self) -> &str {
        self.bytes.get(..self.len).and_then(|bytes| str::from_utf8(bytes).ok()).unwrap_or_default()
    }
}

impl Device {
    /// Notes who said a fact, and when.
    pub fn learned_from(&mut self, seen: &Observation) {
        let Some(key) = Key::of(&seen.fact) else { return };
        let fresh = (seen.source, seen.at.wall);
        if let Some(held) = self.learned.get_mut(key.text()) {
            if held.1 <= seen.at.wall {
                *held = fresh;
            }
        } else if self.learned.len() < LEARNED_MAX {
            self.learned.insert(key.text().to_owned(), fresh);
        }
    }

    /// Of every fact that is still held.
    pub fn learned(&self) -> impl Iterator<Item = (&str, Source, Wall)> {
        let holds = |key: &str| key.strip_prefix("label.").is_none_or(|label| self.labels.contains_key(label));
        self.learned.iter().filter(move |(key, _)| holds(key)).map(|(key, (source, at))| (key.as_str(), *source, *at))
    }

    /// `mdns 2026-11-25T17:02:11.000Z` back from the store.
    pub fn restore_learned(&mut self, key: &str, value: &str) {
        if let Some((source, at)) = value.split_once(' ')
            && let (Ok(source), Ok(at)) = (source.parse(), at.parse())
            && self.learned.len() < LEARNED_MAX
        {
            self.learned.insert(key.to_owned(), (source, at));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Moment, Mono, Subject};

    fn seen(key: &'static str, source: Source, at: i64) -> Observation {
        Observation {
            source,
            interface: None,
            at: Moment { mono: Mono::default(), wall: Wall(at) },
            subject: Subject { mac: None, ip: None },
            fact: Fact::Label { key, value: "x".into() },
        }
    }

    #[test]
    fn the_latest_word_counts_and_room_is_bounded() {
        let at = Moment { mono: Mono::default(), wall: Wall(0) };
        let mut device = Device::new("d-7f3k2m".parse().expect("an id"), at);
        device.label("model", "x".into());
        device.learned_from(&seen("model", Source::Mdns, 1_000));
        device.learned_from(&seen("model", Source::Ssdp, 5_000));
        device.learned_from(&seen("model", Source::Capture, 2_000));
        // A label that was not kept is no fact.
        device.learned_from(&seen("maker", Source::Mdns, 1_000));
        let learned: Vec<_> = device.learned().map(|(key, source, at)| (key.to_owned(), source, at)).collect();
        assert_eq!(learned, [("label.model".to_owned(), Source::Ssdp, Wall(5_000))]);
        let mut back = Device::new(device.id, at);
        back.label("model", "x".into());
        back.restore_learned("label.model", &format!("ssdp {}", Wall(5_000)));
        back.restore_learned("label.model.x", "nonsense");
        assert_eq!(back.learned().count(), 1);
        for port in 0..500 {
            let fact = Fact::Service { tcp: true, port, name: "x".into() };
            device.learned_from(&Observation { fact, ..seen("model", Source::Ports, 1) });
        }
        assert_eq!(device.learned().count() + 1, LEARNED_MAX);
    }
}
