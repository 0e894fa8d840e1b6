//! # A hand on one's own data while no daemon runs
//!
//! The same words, checks and core as the running daemon's: the store is opened (which keeps a daemon
//! out meanwhile), one command is obeyed, and what it changed is written. Nothing else in the store is
//! touched: who is at home is for the daemon to say, and the time of its last sign of life stays, so
//! that the next start knows how long nobody watched.

use std::{collections::BTreeMap, path::Path, sync::Arc};

use serde_json::{Map, Value};
use thiserror::Error;

use super::{clock, identity::Who, outlets};
use crate::{
    engine::{Engine, Input},
    model::{Change, Command, DeviceId, DeviceView, HomeView, NetworkFacts, Refusal, RefusalCode, Remembered, Ticket},
    mqtt::{
        Commands, Incoming, Site,
        commands::{self, Wish},
    },
    settings::Settings,
    store::{self, Store, StoreError},
};

/// Why it was not done.
#[derive(Debug, Error)]
pub enum OfflineError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("{}", .0.message)]
    Refused(Refusal),
    /// Only a running daemon can look at the network.
    #[error("only a running porchlight can do that")]
    NeedsDaemon,
}

/// Does what the request `verb` with `fields` asks, in the store of `state_dir`. Gives the answer's `data`.
///
/// # Errors
/// No store, one that is in use or cannot be written; a request that is refused.
pub fn obey(
    settings: &Settings,
    state_dir: &Path,
    verb: &str,
    fields: Map<String, Value>,
) -> Result<Value, OfflineError> {
    // Opening would make one.
    if !state_dir.join(store::FILE).exists() {
        return Err(StoreError::Nothing { dir: state_dir.to_owned() }.into());
    }
    let now = clock::now();
    let (store, remembered) = Store::open(state_dir, now.wall)?;
    let instance = remembered.instance.unwrap_or_default();
    let network = Arc::new(NetworkFacts::default());
    let mut engine = Engine::new(&settings.engine(), network, &remembered, instance, now);
    let before = engine.view();
    let who = Who {
        instance,
        node: remembered.node.clone().unwrap_or_else(|| "porchlight".into()),
        first_start: false,
        mqtt_memo: remembered.mqtt_memo.clone(),
        found: None,
        how: None,
        line: String::new(),
    };
    let site = Site { commands: Commands::All, ..outlets::site(settings, &who, now.wall) };
    let message = Incoming {
        topic: format!("{}/{}/request/{verb}", site.base, site.node),
        payload: Value::Object(fields).to_string().into_bytes(),
        ..Incoming::default()
    };
    let unknown = || Refusal::new(RefusalCode::Unsupported, format!("`{verb}` is not a request"));
    let (reply, wish) = commands::parse(&message, &before, &site).ok_or_else(|| OfflineError::Refused(unknown()))?;
    let command = match wish.map_err(OfflineError::Refused)? {
        Wish::Answer(data) => return Ok(data),
        Wish::Command(Command::Check { .. } | Command::Ports { .. } | Command::ScanNow)
        | Wish::Republish
        | Wish::Restart => {
            return Err(OfflineError::NeedsDaemon);
        }
        Wish::Command(command) => command,
    };
    let changes = engine.handle(Input::Command(Ticket(0), command), now);
    let refused = changes.iter().find_map(|change| match change {
        Change::Answered { result: Err(refusal), .. } => Some(refusal.clone()),
        _ => None,
    });
    if let Some(refusal) = refused {
        return Err(OfflineError::Refused(refusal));
    }
    let after = engine.view();
    let view = HomeView { devices: changed(&remembered, &before, &after), ..(*after).clone() };
    let stopped = remembered.stopped.unwrap_or(now.wall);
    // What goes wrong comes out of `close`.
    let writer = store.writer(&settings.store, clock::now, Box::new(|_| {}))?;
    writer.write(Arc::new(view), changes.into());
    writer.close(stopped)?;
    Ok(reply.data)
}

/// The devices as stored, but for those that the command changed.
fn changed(remembered: &Remembered, before: &HomeView, after: &HomeView) -> BTreeMap<DeviceId, Arc<DeviceView>> {
    let stored: BTreeMap<DeviceId, &DeviceView> = remembered.devices.iter().map(|d| (d.id, d)).collect();
    after
        .devices
        .iter()
        .map(|(id, view)| match (stored.get(id), before.devices.get(id)) {
            (Some(stored), Some(old)) if old == view => (*id, Arc::new((*stored).clone())),
            // Without interfaces nothing is known of segments.
            (Some(stored), _) => {
                let segment = view.segment.clone().or_else(|| stored.segment.clone());
                (*id, Arc::new(DeviceView { segment, ..(**view).clone() }))
            }
            (None, _) => (*id, Arc::clone(view)),
        })
        .collect()
}
