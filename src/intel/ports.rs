//! # What a port gives away
//!
//! Protocols that one sort of machine speaks (`ports.tsv`): a printer takes raw jobs, a bulb announces itself in a
//! way of its own. Only what stands in this list is ever noted.

use std::{collections::BTreeMap, fmt, str::FromStr, sync::LazyLock};

use crate::model::Kind;

/// Speaks from its port, or calls another's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Way {
    From,
    To,
}

/// One port and who speaks there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Talk {
    pub way: Way,
    pub tcp: bool,
    pub port: u16,
}

/// One row of the list.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spoken {
    /// Only of this maker's machines it is true.
    pub maker: Option<&'static str>,
    pub kind: Kind,
    pub confidence: f32,
    /// The protocol, for people.
    pub what: &'static str,
}

static PORTS: LazyLock<BTreeMap<Talk, Vec<Spoken>>> = LazyLock::new(|| {
    let mut ports: BTreeMap<Talk, Vec<Spoken>> = BTreeMap::new();
    for (talk, spoken) in include_str!("ports.tsv").lines().filter_map(row) {
        ports.entry(talk).or_default().push(spoken);
    }
    ports
});

/// One bit for each way and protocol: most packets are of no interest, and are told apart by one look.
static LISTED: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let mut bits = vec![0; usize::from(u16::MAX) + 1];
    for talk in PORTS.keys() {
        if let Some(byte) = bits.get_mut(usize::from(talk.port)) {
            *byte |= talk.bit();
        }
    }
    bits
});

fn row(line: &'static str) -> Option<(Talk, Spoken)> {
    let mut columns = line.split('\t');
    let talk = columns.next()?.parse().ok()?;
    let maker = columns.next().filter(|maker| *maker != "-");
    let (kind, confidence) = (columns.next()?.parse().ok()?, columns.next()?.parse().ok()?);
    Some((talk, Spoken { maker, kind, confidence, what: columns.next()? }))
}

impl Talk {
    const fn bit(self) -> u8 {
        match (self.way, self.tcp) {
            (Way::From, true) => 1,
            (Way::From, false) => 2,
            (Way::To, true) => 4,
            (Way::To, false) => 8,
        }
    }

    /// Stands in the list.
    #[must_use]
    pub fn is_listed(self) -> bool {
        LISTED.get(usize::from(self.port)).is_some_and(|bits| bits & self.bit() != 0)
    }

    /// What it says of a device.
    #[must_use]
    pub fn says(self) -> &'static [Spoken] {
        PORTS.get(&self).map_or(&[], Vec::as_slice)
    }
}

impl fmt::Display for Talk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let way = if self.way == Way::From { "from" } else { "to" };
        write!(f, "{way}:{}/{}", if self.tcp { "tcp" } else { "udp" }, self.port)
    }
}

impl FromStr for Talk {
    type Err = ();
    fn from_str(text: &str) -> Result<Talk, ()> {
        let (way, rest) = text.split_once(':').ok_or(())?;
        let (proto, port) = rest.split_once('/').ok_or(())?;
        let way = match way {
            "from" => Way::From,
            "to" => Way::To,
            _ => return Err(()),
        };
        let tcp = match proto {
            "tcp" => true,
            "udp" => false,
            _ => return Err(()),
        };
        Ok(Talk { way, tcp, port: port.parse().map_err(|_| ())? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_reads_and_stands_once() {
        let mut seen = std::collections::BTreeSet::new();
        for line in include_str!("ports.tsv").lines().filter(|line| !line.starts_with('#')) {
            let (talk, spoken) = row(line).unwrap_or_else(|| panic!("{line:?}"));
            assert_eq!(line.split('\t').count(), 5, "{line}");
            assert!(spoken.confidence > 0.1 && spoken.confidence < 1.0, "{line}");
            assert!(seen.insert((talk, spoken.maker, spoken.kind)), "{line} stands twice");
            assert!(talk.is_listed() && talk.says().contains(&spoken), "{line}");
            assert_eq!(talk.to_string().parse(), Ok(talk), "{line}");
        }
    }

    #[test]
    fn directions_and_protocols_are_told_apart() {
        let raw = Talk { way: Way::From, tcp: true, port: 9100 };
        assert!(raw.is_listed());
        assert!(!Talk { tcp: false, ..raw }.is_listed());
        assert!(!Talk { way: Way::To, ..raw }.is_listed());
        for wrong in ["", "from", "from:tcp", "from:tcp/70000", "by:tcp/1", "to:sctp/1"] {
            assert_eq!(wrong.parse::<Talk>(), Err(()), "{wrong}");
        }
    }
}
