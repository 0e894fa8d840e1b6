//! # BlueZ, and how it listens
//!
//! Two ways: the *monitor* only listens (BlueZ 5.56 and later; the kernel may refuse), *discovery* also asks
//! each device for the rest of its advertisement. In both, what was heard is told by changed properties of
//! device objects. Whatever ends, ends the feed with words for it; the scanner begins anew.

use std::{collections::BTreeMap, time::Duration};

use bluer::{
    Adapter, AdapterEvent, Address, AddressType, Device, DeviceEvent, DeviceProperty, DiscoveryFilter,
    DiscoveryTransport, Session,
    monitor::{Monitor, MonitorEvent, Pattern, RssiSamplingPeriod, Type},
};
use futures_util::{Stream, StreamExt, stream::SelectAll};
use tokio::{
    sync::mpsc,
    time::{Instant, timeout},
};

use super::{
    Heard, Way,
    sighting::{FIELDS_MAX, Sighting},
};
use crate::wire::ble::uuid16;

/// BlueZ answers within milliseconds or hangs for good.
const PATIENCE: Duration = Duration::from_secs(5);
/// Device objects that are followed. BlueZ drops those not heard for 30 s by itself.
const FOLLOWED_MAX: usize = 2048;
/// The monitor groups what it hears of a device into one report so often.
const SAMPLING: Duration = Duration::from_secs(1);

/// Why nothing can be heard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Absence {
    pub why: String,
    pub advice: &'static str,
}

/// Connects to the bus and finds the adapters that are switched on.
pub async fn adapters(wanted: &[String]) -> Result<(Session, Vec<Adapter>), Absence> {
    let opened = timeout(PATIENCE, Session::new()).await;
    let session = opened.map_err(|_| "no answer".to_owned()).and_then(|session| session.map_err(|e| e.to_string()));
    let session = session.map_err(|error| Absence {
        why: format!("no D-Bus system bus ({error})"),
        advice: "start dbus; in a container, mount /run/dbus of the host",
    })?;
    let named = timeout(PATIENCE, session.adapter_names()).await;
    let names = named.map_err(|_| "no answer".to_owned()).and_then(|names| names.map_err(|e| e.to_string()));
    let names = names.map_err(|error| Absence {
        why: format!("bluetoothd does not answer ({error})"),
        advice: "apt install bluez; systemctl enable --now bluetooth",
    })?;
    let mut off = Vec::new();
    let mut adapters = Vec::new();
    for name in names.into_iter().filter(|name| wanted.is_empty() || wanted.contains(name)) {
        let Ok(adapter) = session.adapter(&name) else { continue };
        match timeout(PATIENCE, adapter.is_powered()).await {
            Ok(Ok(true)) => adapters.push(adapter),
            _ => off.push(name),
        }
    }
    match (adapters.is_empty(), off.first()) {
        (false, _) => Ok((session, adapters)),
        (true, Some(name)) => Err(match super::radio::block() {
            Some(super::radio::Block::Hard) => Absence {
                why: format!("{name} is switched off by a switch of the machine"),
                advice: "turn on the wireless switch",
            },
            Some(super::radio::Block::Soft) => {
                Absence { why: format!("{name} is blocked by rfkill"), advice: "rfkill unblock bluetooth" }
            }
            None => Absence { why: format!("{name} is switched off"), advice: "bluetoothctl power on" },
        }),
        (true, None) => Err(Absence {
            why: "no Bluetooth adapter".to_owned(),
            advice: "plug one in, or set scanners.ble.enabled and scanners.bluetooth.enabled to false",
        }),
    }
}

/// The adapter is there and on.
pub async fn is_on(adapter: &Adapter) -> bool {
    matches!(timeout(PATIENCE, adapter.is_powered()).await, Ok(Ok(true)))
}

/// Listens on `adapter` until it cannot; the answer says why.
pub(super) async fn listen(adapter: Adapter, way: Way, out: mpsc::Sender<Heard>) -> String {
    let heard = match way {
        Way::Monitor => listen_by_monitor(&adapter, &out).await,
        _ => listen_by_discovery(&adapter, &out).await,
    };
    heard.err().unwrap_or_else(|| format!("{} is gone", adapter.name()))
}

async fn listen_by_monitor(adapter: &Adapter, out: &mpsc::Sender<Heard>) -> Result<(), String> {
    let refused = |why: String| format!("monitor refused: {why}");
    let manager = timeout(PATIENCE, adapter.monitor()).await.map_err(|_| refused("no answer".into()))?;
    let manager = manager.map_err(|error| refused(error.to_string()))?;
    let monitor = Monitor {
        monitor_type: Type::OrPatterns,
        rssi_sampling_period: Some(RssiSamplingPeriod::Period(SAMPLING)),
        patterns: Some(patterns()),
        ..Monitor::default()
    };
    // Neither accepted nor refused is what old daemons do.
    let found = timeout(PATIENCE, manager.register(monitor)).await.map_err(|_| refused("never activated".into()))?;
    let found = found.map_err(|error| refused(error.to_string()))?;
    drop(out.send(Heard::Way(Way::Monitor)).await);
    let found = found.map(|event| match event {
        MonitorEvent::DeviceFound(id) => Some(id.device),
        _ => None,
    });
    let events = adapter.events().await.map_err(|error| error.to_string())?;
    follow(adapter, events.boxed(), found.boxed(), out).await
}

async fn listen_by_discovery(adapter: &Adapter, out: &mpsc::Sender<Heard>) -> Result<(), String> {
    let filter =
        DiscoveryFilter { transport: DiscoveryTransport::Le, duplicate_data: true, ..DiscoveryFilter::default() };
    adapter.set_discovery_filter(filter).await.map_err(|error| format!("discovery filter refused: {error}"))?;
    let events =
        timeout(PATIENCE, adapter.discover_devices()).await.map_err(|_| "no answer to discovery".to_owned())?;
    let events = events.map_err(|error| format!("discovery refused: {error}"))?;
    drop(out.send(Heard::Way(Way::Discovery)).await);
    follow(adapter, events.boxed(), futures_util::stream::pending().boxed(), out).await
}

/// Advertisements are told only if they match one of these. Nearly all carry flags (in the four values that
/// devices use); the rest are the beacons and tags that carry none.
fn patterns() -> Vec<Pattern> {
    let flags = [0x02u8, 0x04, 0x05, 0x06, 0x1a].map(|flags| Pattern::new(0x01, 0, &[flags]));
    let makers = [[0x4c, 0x00], [0x06, 0x00]].map(|company| Pattern::new(0xff, 0, &company));
    // Eddystone, Fast Pair, SmartTag, the common tracker draft, battery.
    let services =
        [[0xaa, 0xfe], [0x2c, 0xfe], [0x5a, 0xfd], [0xb2, 0xfc], [0x0f, 0x18]].map(|uuid| Pattern::new(0x16, 0, &uuid));
    flags.into_iter().chain(makers).chain(services).collect()
}

type Events<'a> = futures_util::stream::BoxStream<'a, AdapterEvent>;
type Found<'a> = futures_util::stream::BoxStream<'a, Option<Address>>;

/// Device objects come and go; each is read once and then told by its changes.
async fn follow(
    adapter: &Adapter,
    mut events: Events<'_>,
    mut found: Found<'_>,
    out: &mpsc::Sender<Heard>,
) -> Result<(), String> {
    let mut known: BTreeMap<Address, Sighting> = BTreeMap::new();
    let mut changes = SelectAll::new();
    if let Ok(Ok(addresses)) = timeout(PATIENCE, adapter.device_addresses()).await {
        for address in addresses {
            if let Some(stream) = meet(adapter, address, &mut known, out).await {
                changes.push(stream);
            }
        }
    }
    loop {
        let came = tokio::select! {
                    event = events.next() => match event {
                        None => return Ok(()),
                        Some(AdapterEvent::DeviceAdded(address)) => Some(address),
                        Some(AdapterEvent::DeviceRemoved(address)) => {
                            known.remove(&address);
                            None
                        }
                        Some(AdapterEvent::PropertyChanged(bluer::AdapterProperty::Powered(false))) => {
                            return Err(format!("{} was switched off", adapter.name()));
                        }
                        Some(_) => None,
                    },
                    event = found.next() => match event {
                        None => return Err("the monitor was taken back".into()),
                        Some(address) => address,
                    },
                    Some((address, change)) = changes.next(), if !changes.is_empty() => {
                        if let Some(sighting) = known.get_mut(&address)
         && apply(sighting, change)
         && out.send(Heard::Seen(Box::new(sighting.clone()))).await.is_err()
        {
         return Ok(());
        }
                        None
                    }
                };
        if let Some(address) = came
            && let Some(stream) = meet(adapter, address, &mut known, out).await
        {
            changes.push(stream);
        }
    }
}

/// Reads a device object and subscribes to it. `None`: gone again, or followed already.
async fn meet(
    adapter: &Adapter,
    address: Address,
    known: &mut BTreeMap<Address, Sighting>,
    out: &mpsc::Sender<Heard>,
) -> Option<impl Stream<Item = (Address, DeviceProperty)> + use<>> {
    let fresh = !known.contains_key(&address);
    if fresh && known.len() >= FOLLOWED_MAX {
        return None;
    }
    let device = adapter.device(address).ok()?;
    let sighting = read(&device, address).await?;
    // A cached object without a level was not heard now.
    if sighting.dbm.is_some() {
        out.send(Heard::Seen(Box::new(sighting.clone()))).await.ok()?;
    }
    known.insert(address, sighting);
    if !fresh {
        return None;
    }
    let events = device.events().await.ok()?;
    Some(events.map(move |DeviceEvent::PropertyChanged(property)| (address, property)).boxed())
}

/// A device object. Each property is asked for alone: one that is missing or odd must not hide the others.
pub async fn read(device: &Device, address: Address) -> Option<Sighting> {
    let asked = async {
        let kind = device.address_type().await.ok()?;
        Some(Sighting {
            address: address.0,
            random: kind == AddressType::LeRandom,
            dbm: device.rssi().await.ok().flatten(),
            name: device.name().await.ok().flatten(),
            appearance: device.appearance().await.ok().flatten(),
            class: device.class().await.ok().flatten(),
            paired: device.is_paired().await.unwrap_or(false),
            ..Sighting::default()
        })
    };
    let mut sighting = timeout(PATIENCE, asked).await.ok()??;
    let data = async { (device.manufacturer_data().await, device.service_data().await) };
    let (makers, services) = timeout(PATIENCE, data).await.ok()?;
    if let Ok(Some(data)) = makers {
        apply(&mut sighting, DeviceProperty::ManufacturerData(data));
    }
    if let Ok(Some(data)) = services {
        apply(&mut sighting, DeviceProperty::ServiceData(data));
    }
    Some(sighting)
}

/// Takes a property. `true` if only an advertisement changes it.
fn apply(sighting: &mut Sighting, property: DeviceProperty) -> bool {
    match property {
        DeviceProperty::Rssi(dbm) => sighting.dbm = Some(dbm),
        DeviceProperty::ManufacturerData(data) => {
            sighting.makers = data.into_iter().take(FIELDS_MAX).collect();
            sighting.makers.sort();
        }
        DeviceProperty::ServiceData(data) => {
            let short = data.into_iter().filter_map(|(uuid, data)| Some((uuid16(uuid.as_bytes())?, data)));
            sighting.services = short.take(FIELDS_MAX).collect();
            sighting.services.sort();
        }
        DeviceProperty::AddressType(kind) => {
            sighting.random = kind == AddressType::LeRandom;
            return false;
        }
        DeviceProperty::Name(name) => {
            sighting.name = Some(name);
            return false;
        }
        DeviceProperty::Appearance(value) => {
            sighting.appearance = Some(value);
            return false;
        }
        DeviceProperty::Class(class) => {
            sighting.class = Some(class);
            return false;
        }
        DeviceProperty::Paired(paired) => {
            sighting.paired = paired;
            return false;
        }
        _ => return false,
    }
    true
}

/// Calls for classic devices, and lists who is known or answered.
pub async fn inquire(adapter: &Adapter, for_long: Duration) -> Result<Vec<Address>, String> {
    let filter = DiscoveryFilter { transport: DiscoveryTransport::BrEdr, ..DiscoveryFilter::default() };
    adapter.set_discovery_filter(filter).await.map_err(|error| format!("discovery filter refused: {error}"))?;
    let events = timeout(PATIENCE, adapter.discover_devices()).await.map_err(|_| "no answer to inquiry".to_owned())?;
    let events = events.map_err(|error| format!("inquiry refused: {error}"))?;
    tokio::pin!(events);
    let until = Instant::now() + for_long;
    let mut found = Vec::new();
    while let Ok(Some(event)) = tokio::time::timeout_at(until, events.next()).await {
        if let AdapterEvent::DeviceAdded(address) = event
            && found.len() < FOLLOWED_MAX
            && !found.contains(&address)
        {
            found.push(address);
        }
    }
    Ok(found)
}
