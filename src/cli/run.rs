//! # `run`: the daemon
//!
//! On a terminal it shows what it found, which broker it uses and what to do next; then one line
//! for each device that comes or goes. Elsewhere only the log is written.

use std::{io::IsTerminal as _, os::unix::process::CommandExt as _, path::Path, sync::Arc, time::Duration};

use super::{Context, Exit, Failure, event_log, fit::Fit, table};
use crate::{
    daemon::{self, DaemonError, Ended, Started},
    model::{Change, DeviceView},
    settings::{self, Settings, Sources},
    store::StoreError,
};

// The first sweep and its answers.
const FIRST_LOOK: Duration = Duration::from_secs(8);

#[derive(Debug, Default, clap::Args)]
pub struct Args {}

pub fn run(_args: &Args, context: &Context) -> anyhow::Result<Exit> {
    let credentials = context.credentials();
    let settings = with_credentials(context.settings()?.clone(), credentials.as_deref());
    let state_dir = context.make_state_dir()?;
    super::vendors::take_newer(context);
    // Before any thread: rights are the thread's own (capabilities(7)). Capture opens again when an
    // interface comes back, so its two rights stay.
    if let Err(why) = crate::capture::drop_all_but_needed() {
        tracing::warn!(why, "rights could not be dropped");
    }
    let (log, fit, events_dir) = (settings.log.clone(), Fit(context.redactor()?), state_dir.clone());
    let (sources, logs) = (context.sources.clone(), context.logs().cloned());
    let reload = Box::new(move || {
        let settings = with_credentials(reread(&sources)?, credentials.as_deref());
        if let Some(logs) = &logs {
            logs.set_level(settings.log.level);
        }
        Ok(settings)
    });
    let (terminal, colour) = (std::io::stdout().is_terminal() && !context.json(), context.colour());
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let mut events = None;
    let started = |started: Started| {
        match event_log::start(&log, &events_dir, &started.outlet, fit) {
            Ok(writing) => events = writing,
            Err(error) => tracing::error!(%error, advice = "set log.events", "the event log cannot be written"),
        }
        tracing::info!(broker = started.broker, "running");
        for hint in &started.hints {
            tracing::info!("{hint}");
        }
        if terminal {
            tokio::spawn(show(started, colour));
        }
    };
    let ended = runtime.block_on(daemon::run(settings, state_dir, reload, started));
    // A scanner's blocking look-up must not hold up the end.
    runtime.shutdown_timeout(Duration::from_millis(500));
    if let Some(events) = events {
        events.end();
    }
    match ended {
        Ok(Ended::Done) => Ok(Exit::Done),
        Ok(Ended::Restart) => {
            let error = std::process::Command::new(std::env::current_exe()?).args(std::env::args_os().skip(1)).exec();
            Err(anyhow::Error::new(error).context("could not start again"))
        }
        Err(error) => Err(failure(error).into()),
    }
}

fn failure(error: DaemonError) -> Failure {
    let exit = match &error {
        DaemonError::Store(store) if store.is_not_permitted() => Exit::NotPermitted,
        _ => Exit::Failed,
    };
    let advice = error.advice().map(str::to_owned);
    let failure = Failure::new(exit, daemon::with_source(&error));
    match advice {
        Some(advice) => failure.advise(advice),
        None => failure,
    }
}

/// For other verbs that start the core.
pub fn daemon_failure(error: DaemonError) -> Failure {
    failure(error)
}

/// Secrets that the service manager hands over as credentials.
fn with_credentials(mut settings: Settings, folder: Option<&Path>) -> Settings {
    let Some(folder) = folder else { return settings };
    let given = |name: &str| Some(folder.join(name)).filter(|path| path.is_file());
    if settings.mqtt.password.is_none() && settings.mqtt.password_file.is_none() {
        settings.mqtt.password_file = given(settings::secret::MQTT_PASSWORD);
    }
    if settings.homeassistant.token.is_none() && settings.homeassistant.token_file.is_none() {
        settings.homeassistant.token_file = given(settings::secret::HOMEASSISTANT_TOKEN);
    }
    settings
}

fn reread(sources: &Sources) -> Result<Settings, String> {
    settings::load(sources).map(|loaded| loaded.settings).map_err(|error| error.to_string())
}

/// The page on the terminal.
async fn show(started: Started, colour: bool) {
    println!("Porchlight is running. Looking around …");
    tokio::time::sleep(FIRST_LOOK).await;
    // What came before is in the table.
    let mut changes = started.outlet.changes();
    let view = Arc::clone(&started.outlet.view.borrow());
    let devices: Vec<DeviceView> = view.devices.values().map(|device| (**device).clone()).collect();
    println!("{}", table::devices(&devices, daemon::clock::now().wall, colour));
    println!("Broker: {}", started.broker);
    for hint in &started.hints {
        println!("Next:   {hint}");
    }
    println!("Ctrl-C ends it. `porchlight devices`, `porchlight events --follow` and `porchlight doctor` tell more.\n");
    while let Ok(batch) = changes.recv().await {
        let view = Arc::clone(&started.outlet.view.borrow());
        let name = |id| view.devices.get(&id).map_or_else(|| format!("{id}"), |device| device.name.clone());
        for change in batch.iter() {
            match change {
                Change::DeviceFound { device, at } => println!("{}  found     {}", table::clock(*at), device.name),
                Change::DeviceReturned { device, at, .. } => {
                    println!("{}  returned  {}", table::clock(*at), device.name)
                }
                Change::Presence { device, to: crate::model::Presence::Away, why, at, .. } => {
                    println!("{}  left      {} ({why})", table::clock(*at), name(*device));
                }
                Change::AlertOpened { alert } => {
                    println!("{}  alert     {}", table::clock(alert.first_seen), alert.title)
                }
                _ => {}
            }
        }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Failure {
        super::recorded::failure(error)
    }
}
