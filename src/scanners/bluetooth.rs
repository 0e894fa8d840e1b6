//! # Bluetooth
//!
//! ## What it finds
//! Devices this machine is connected to by Bluetooth, and with `inquiry` those nearby that let themselves be
//! found, with name, class and level.
//! ## What it sends
//! Nothing by default. With `inquiry` the controller calls for ten seconds every round, which slows Wi-Fi on the
//! same chip and headphones on the same controller.
//! ## What it needs
//! A Bluetooth controller, bluetoothd, and the system bus.
//! ## How it decides
//! A connection is a sign of life as old as its supervision time (20 s). A device that answers an inquiry with
//! a level is a sign of life if it is paired with this machine; a stranger's has to answer
//! two rounds in a row, so that cars passing by stay outside.
//! ## What fools it
//! A connection that a repeater holds. Phones answer inquiries only while their Bluetooth settings are open.

#[cfg(feature = "ble")]
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::page::page;
#[cfg(not(feature = "ble"))]
use super::{Desk, ScanError};
use crate::model::{Card, Probe, Source, Span};

pub(super) static CARD: Card = Card { id: "bluetooth", title: "Bluetooth", needs: None, page: page!("bluetooth.rs") };
pub(super) const SOURCE: Source = Source::Bluetooth;
pub(super) const PROBES: &[Probe] = &[];

/// How old a connection's last sign of life may be (Core 5.4 Vol 4 Part E §6.21, supervision timeout, 20 s by
/// default).
#[cfg(feature = "ble")]
const SUPERVISION: Duration = Duration::from_secs(20);
/// An inquiry of 8 times 1.28 s finds all who answer at all (Core 5.4 Vol 2 Part C §7.1).
#[cfg(feature = "ble")]
const INQUIRY: Duration = Duration::from_millis(10_240);

/// `scanners.bluetooth`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    pub enabled: bool,
    /// How often connections are listed and, if wanted, an inquiry is made.
    pub interval: Span,
    /// Controllers to ask, such as `hci0`. Empty: all.
    pub adapters: Vec<String>,
    /// Also call for devices that let themselves be found.
    pub inquiry: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Settings { enabled: true, interval: Span::seconds(60), adapters: Vec::new(), inquiry: false }
    }
}

#[cfg(not(feature = "ble"))]
pub(super) async fn run(_: Settings, desk: Desk) -> Result<(), ScanError> {
    super::ble::without(desk).await
}

#[cfg(feature = "ble")]
pub(super) use asked::run;

#[cfg(feature = "ble")]
mod asked {
    use std::collections::BTreeSet;

    use super::{INQUIRY, SUPERVISION, Settings};
    use crate::{
        model::{Fact, Health, MacAddr, Proof, Subject},
        scanners::{
            Desk, ScanError, Work,
            ble::{bluez, radio},
        },
    };

    pub async fn run(settings: Settings, mut desk: Desk) -> Result<(), ScanError> {
        let (mut strangers, mut rested) = (BTreeSet::new(), false);
        while let Some(work) = desk.next().await? {
            if work != Work::Round {
                continue;
            }
            // A connection a round: whatever broke since then is found out here, not by a feed that fell silent.
            match bluez::adapters(&settings.adapters).await {
                Ok((_session, adapters)) => {
                    desk.health(Health::Up);
                    let mut seen = 0;
                    for adapter in &adapters {
                        seen += round(&settings, adapter, &mut strangers, &mut desk).await?;
                    }
                    rested |= seen > 0;
                    desk.done(seen);
                }
                Err(absence) => {
                    let (why, advice) = (absence.why, Some(absence.advice.to_owned()));
                    desk.health(if rested {
                        Health::Down { why, advice }
                    } else if radio::exists() {
                        Health::Degraded { why, advice }
                    } else {
                        Health::Off
                    });
                    desk.say_again();
                }
            }
        }
        Ok(())
    }

    async fn round(
        settings: &Settings,
        adapter: &bluer::Adapter,
        strangers: &mut BTreeSet<MacAddr>,
        desk: &mut Desk,
    ) -> Result<u64, ScanError> {
        let mut answered = Vec::new();
        if settings.inquiry && !desk.is_single() {
            match bluez::inquire(adapter, INQUIRY).await {
                Ok(found) => answered = found,
                Err(why) => desk.health(Health::Degraded { why, advice: None }),
            }
        }
        let mut addresses = adapter.device_addresses().await.unwrap_or_default();
        addresses.extend(answered.iter().copied());
        addresses.sort_unstable();
        addresses.dedup();
        let (mut seen, mut here) = (0, BTreeSet::new());
        for address in addresses {
            let Ok(device) = adapter.device(address) else { continue };
            let Some(sighting) = bluez::read(&device, address).await else { continue };
            // Of an address that changes nothing lasts; BlueZ shows the real one of whom it knows.
            if !sighting.kind().is_lasting() || !sighting.address().is_station() && !sighting.random {
                continue;
            }
            let connected = device.is_connected().await.unwrap_or(false);
            let answers = answered.contains(&address) && sighting.level().is_some();
            if answers {
                here.insert(sighting.address());
            }
            let age = match (connected, answers) {
                (true, _) => SUPERVISION,
                (false, true) if sighting.paired || strangers.contains(&sighting.address()) => INQUIRY,
                _ => continue,
            };
            seen += 1;
            let subject = Subject::mac(sighting.address());
            desk.report(None, subject, Fact::Alive { proof: Proof::Bluetooth, age }).await?;
            for fact in sighting.facts() {
                desk.report(None, subject, fact).await?;
            }
        }
        if settings.inquiry {
            *strangers = here;
        }
        Ok(seen)
    }
}
