//! # Alerts: the fixed words, and their id

use std::{fmt, str::FromStr};

use super::{Wall, words};

words! {
    /// How bad it is.
    pub enum Severity { Info = "info", Low = "low", Medium = "medium", High = "high", Critical = "critical" }
}

impl Severity {
    /// 0 info … 4 critical, for conditions in blueprints.
    #[must_use]
    pub const fn rank(self) -> u8 {
        self as u8
    }
}

words! {
    /// What kind of trouble it is; one binary sensor each.
    pub enum Category {
        Spoofing = "spoofing", Dns = "dns", Scan = "scan", Access = "access", Flood = "flood",
        Malware = "malware", Leak = "leak", Exposure = "exposure", Wireless = "wireless", Device = "device",
    }
}
words! {
    /// Where an alert is in its life.
    pub enum AlertState { Observed = "observed", New = "new", Acknowledged = "acknowledged", Muted = "muted", Resolved = "resolved", FalseAlarm = "false_alarm" }
}

impl AlertState {
    /// Still shown as open and counted.
    #[must_use]
    pub const fn is_open(self) -> bool {
        matches!(self, AlertState::New | AlertState::Acknowledged)
    }
}

/// Sortable id in Crockford base 32, like `01JD8Z7A0000000001`: ten digits of wall milliseconds
/// (as in a ULID) and eight of a counter, so that no chance enters the core.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AlertId(String);

impl AlertId {
    #[must_use]
    pub fn mint(at: Wall, counter: u64) -> AlertId {
        const DIGITS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
        let spell = |mut value: u64, width: usize| {
            let mut digits = vec![b'0'; width];
            for digit in digits.iter_mut().rev() {
                *digit = DIGITS[(value & 31) as usize];
                value >>= 5;
            }
            String::from_utf8(digits).unwrap_or_default()
        };
        AlertId(spell(at.0.max(0).unsigned_abs(), 10) + &spell(counter, 8))
    }
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for AlertId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl FromStr for AlertId {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        if text.len() == 18 && text.bytes().all(|b| b.is_ascii_digit() || b.is_ascii_uppercase()) {
            Ok(AlertId(text.to_owned()))
        } else {
            Err(format!("`{text}` is not an alert id such as 01JD8Z7A0000000001"))
        }
    }
}
