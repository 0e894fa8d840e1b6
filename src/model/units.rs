//! # Small measured values

/// Received signal strength in dBm: closer to zero is nearer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rssi(i8);

impl Rssi {
    /// `None` for 127, which Bluetooth controllers send for "not measured" (Core 5.4, HCI 7.7.65.2).
    #[must_use]
    pub const fn new(dbm: i8) -> Option<Rssi> {
        if dbm == 127 { None } else { Some(Rssi(dbm)) }
    }
    /// The value in dBm.
    #[must_use]
    pub const fn dbm(self) -> i8 {
        self.0
    }
}

/// A transport port.
pub type Port = u16;
