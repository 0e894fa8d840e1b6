//! # Who we are: instance and node
//!
//! The instance is drawn once and stored; a lost store takes it back from what the broker still
//! retains, so that Home Assistant keeps its entities. The node comes from the host name.

use crate::{
    model::{DeviceId, DeviceView, Remembered},
    mqtt::{
        MqttError,
        find::{self, Found, How, Surroundings},
        recover::recover,
        topics,
    },
    settings::Settings,
};

/// What outlets build their names from.
pub struct Who {
    /// 24 bits.
    pub instance: u32,
    pub node: String,
    /// Nobody has seen our node yet.
    pub first_start: bool,
    /// What the bridge kept for itself.
    pub mqtt_memo: Option<String>,
    /// The broker that was found, for the first connection.
    pub found: Option<Found>,
    pub how: Option<How>,
    pub line: String,
}

/// Finds the broker and settles instance and node, from the store, the broker, or anew.
pub async fn settle(settings: &Settings, around: &Surroundings, remembered: &mut Remembered) -> Result<Who, MqttError> {
    let found = match find::find(&settings.mqtt, around).await {
        Ok(found) => Ok(found),
        // The Supervisor may still be starting; the bridge asks again and again.
        Err(error @ (MqttError::Supervisor { .. } | MqttError::NothingListens { .. })) => Err(error),
        Err(error) => return Err(error),
    };
    let first_start = remembered.instance.is_none();
    let wanted = settings
        .mqtt
        .node
        .clone()
        .or_else(|| remembered.node.clone())
        .unwrap_or_else(|| topics::node(&std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default()));
    if let (true, Ok(found)) = (first_start && remembered.devices.is_empty(), &found) {
        take_back(settings, found, &wanted, remembered).await;
    }
    let instance = match remembered.instance {
        Some(instance) => instance,
        None => getrandom::u32().unwrap_or(0x70_6f72) & 0xff_ffff,
    };
    remembered.instance = Some(instance);
    let (how, line) = match &found {
        Ok(found) => (Some(found.how), found.line.clone()),
        Err(error) => (None, format!("no broker yet: {error}")),
    };
    let node = settings.mqtt.node.clone().or_else(|| remembered.node.clone()).unwrap_or(wanted);
    let mqtt_memo = remembered.mqtt_memo.clone();
    Ok(Who { instance, node, first_start, mqtt_memo, found: found.ok(), how, line })
}

/// A lost store: devices as the broker last showed them.
async fn take_back(settings: &Settings, found: &Found, node: &str, remembered: &mut Remembered) {
    let mqtt = &settings.mqtt;
    match recover(&found.account, &mqtt.discovery_prefix, &mqtt.base_topic, node).await {
        Ok(Some(old)) => {
            tracing::info!(
                devices = old.devices.len(),
                "the store is new, the broker still knows us: ids, names and who was home are taken from it"
            );
            remembered.instance = Some(old.instance);
            remembered.node = Some(old.node);
            remembered.devices = old.devices;
            remembered.minted = beyond(old.instance, &remembered.devices);
        }
        Ok(None) => {}
        Err(error) => tracing::debug!(%error, "the broker could not be asked what it knows of us"),
    }
}

/// A counter beyond that of every id in `devices`, so that no id is minted twice.
fn beyond(instance: u32, devices: &[DeviceView]) -> u32 {
    // Ids are a permutation of the counter; a home has minted far fewer than this.
    (0..1u32 << 16).rev().find(|n| devices.iter().any(|d| d.id == DeviceId::mint(instance, *n))).map_or(0, |n| n + 1)
}

/// What a person on the terminal should do next.
pub fn hints(settings: &Settings, who: &Who) -> Vec<String> {
    let mut hints = Vec::new();
    for missing in crate::capture::missing() {
        hints.push(format!("{}: without it {}\n    {}", missing.capability, missing.what_is_lost, missing.command));
    }
    #[cfg(feature = "broker")]
    if let Some(own) = who.found.as_ref().and_then(|found| found.own.as_ref()) {
        hints.push(own.hint());
    }
    if who.how.is_none() || settings.homeassistant.url.is_none() && crate::mqtt::find::Supervisor::from_env().is_none()
    {
        hints.push(
            "names and areas come from Home Assistant once homeassistant.url and homeassistant.token_file are set"
                .into(),
        );
    }
    hints
}
