//! # The second opinion
//!
//! Active discovery once more, by another library (`btleplug`) on a connection of its own: when neither way
//! of the first hears anything, it may be the library that fell silent, and not the air.

use std::time::Duration;

use btleplug::{
    api::{AddressType, Central, CentralEvent, Manager as _, Peripheral as _, ScanFilter},
    platform::{Adapter, Manager},
};
use futures_util::StreamExt;
use tokio::{sync::mpsc, time::timeout};

use super::{
    Heard, Way,
    sighting::{FIELDS_MAX, Sighting},
};
use crate::wire::ble::uuid16;

const PATIENCE: Duration = Duration::from_secs(5);

/// Listens on the adapter of this name until it cannot; the answer says why.
pub(super) async fn listen(name: String, out: mpsc::Sender<Heard>) -> String {
    match run(&name, &out).await {
        Ok(()) => format!("{name} tells no more"),
        Err(why) => why,
    }
}

async fn run(name: &str, out: &mpsc::Sender<Heard>) -> Result<(), String> {
    let said = |error: btleplug::Error| error.to_string();
    let late = |_| "no answer".to_owned();
    let manager = timeout(PATIENCE, Manager::new()).await.map_err(late)?.map_err(said)?;
    let adapters = timeout(PATIENCE, manager.adapters()).await.map_err(late)?.map_err(said)?;
    let adapter = named(adapters, name).await.ok_or_else(|| format!("{name} is gone"))?;
    let mut events = timeout(PATIENCE, adapter.events()).await.map_err(late)?.map_err(said)?;
    timeout(PATIENCE, adapter.start_scan(ScanFilter::default())).await.map_err(late)?.map_err(said)?;
    drop(out.send(Heard::Way(Way::Second)).await);
    while let Some(event) = events.next().await {
        let id = match event {
            CentralEvent::DeviceDiscovered(id)
            | CentralEvent::DeviceUpdated(id)
            | CentralEvent::ManufacturerDataAdvertisement { id, .. }
            | CentralEvent::ServiceDataAdvertisement { id, .. } => id,
            _ => continue,
        };
        let Ok(Ok(device)) = timeout(PATIENCE, adapter.peripheral(&id)).await else { continue };
        let Ok(Ok(Some(said))) = timeout(PATIENCE, device.properties()).await else { continue };
        let short = said.service_data.into_iter().filter_map(|(uuid, data)| Some((uuid16(uuid.as_bytes())?, data)));
        let sighting = Sighting {
            address: said.address.into_inner(),
            random: said.address_type == Some(AddressType::Random),
            dbm: said.rssi,
            name: said.local_name,
            appearance: said.appearance,
            class: said.class,
            makers: said.manufacturer_data.into_iter().take(FIELDS_MAX).collect(),
            services: short.take(FIELDS_MAX).collect(),
            paired: false,
        };
        if sighting.dbm.is_some() && out.send(Heard::Seen(Box::new(sighting))).await.is_err() {
            return Ok(());
        }
    }
    Ok(())
}

/// Its adapters call themselves `hci0 (usb:…)`.
async fn named(adapters: Vec<Adapter>, name: &str) -> Option<Adapter> {
    for adapter in adapters {
        let info = timeout(PATIENCE, adapter.adapter_info()).await.ok()?.ok()?;
        if info.split_whitespace().next().is_some_and(|first| first.trim_start_matches("/org/bluez/") == name) {
            return Some(adapter);
        }
    }
    None
}
