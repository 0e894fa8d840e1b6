//! # Listening, and looking after the listener
//!
//! One feed a controller, each a task of ours that ends with us. A feed that ends, a controller that is
//! switched off and a silence that is too long all lead to the same place: leave the bus, join it again at
//! the next round, and listen in the next way.

use std::time::Duration;

use tokio::{sync::mpsc, task::JoinSet};

use super::{
    Heard, Settings, Way,
    bluez::{self, Absence},
    nearby::Nearby,
    radio, second,
};
use crate::{
    model::{Fact, Health, Mono, Subject},
    scanners::{Desk, ScanError, Work},
};

/// Sightings that wait for us. A feed waits when it is full; BlueZ then tells the newest state later.
const WAITING_MAX: usize = 256;
/// A single look listens so long: most devices advertise once a second or two.
const LISTEN_ONCE: Duration = Duration::from_secs(4);

/// An open connection and its feeds.
struct Ear {
    session: bluer::Session,
    adapters: Vec<bluer::Adapter>,
    feeds: JoinSet<String>,
    heard: mpsc::Receiver<Heard>,
    way: Way,
    last: Mono,
}

/// The scanner between two rounds.
struct Listener {
    settings: Settings,
    nearby: Nearby,
    ear: Option<Ear>,
    way: Way,
    /// Why the present way is not the first choice.
    less: Option<String>,
    /// Something was heard since the start.
    proven: bool,
    absent: Option<Absence>,
}

pub async fn run(settings: Settings, nearby: Nearby, mut desk: Desk) -> Result<(), ScanError> {
    let mut listener =
        Listener { settings, nearby, ear: None, way: Way::Monitor, less: None, proven: false, absent: None };
    loop {
        tokio::select! {
            biased;
            work = desk.next() => match work? {
                None => return Ok(()),
                Some(Work::Look(_)) => {}
                Some(Work::Round) => {
                    listener.round(&mut desk).await?;
                    if desk.is_single() {
                        listener.listen_for(LISTEN_ONCE, &mut desk).await?;
                    }
                }
            },
            event = listen(listener.ear.as_mut()) => listener.take(event, &mut desk).await?,
        }
    }
}

/// What an ear brings: something heard, or why a feed ended.
type Event = Result<Heard, String>;

/// May be dropped while it waits.
async fn listen(ear: Option<&mut Ear>) -> Event {
    let Some(ear) = ear else { return std::future::pending().await };
    tokio::select! {
        biased;
        Some(heard) = ear.heard.recv() => Ok(heard),
        ended = ear.feeds.join_next() => Err(match ended {
            Some(Ok(why)) => why,
            Some(Err(error)) => error.to_string(),
            None => "nobody listens".into(),
        }),
    }
}

impl Listener {
    async fn take(&mut self, event: Event, desk: &mut Desk) -> Result<(), ScanError> {
        let now = desk.now().mono;
        match (event, self.ear.as_mut()) {
            (Ok(Heard::Way(way)), Some(ear)) => {
                tracing::info!(way = way.word(), "listening for Bluetooth advertisements");
                ear.last = now;
                self.tell(desk);
            }
            (Ok(Heard::Seen(sighting)), Some(ear)) => {
                ear.last = now;
                self.absent = None;
                if !std::mem::replace(&mut self.proven, true)
                    || self.less.as_ref().is_some_and(|_| ear.way == Way::Monitor)
                {
                    if ear.way == Way::Monitor {
                        self.less = None;
                    }
                    self.tell(desk);
                }
                if let Some(odd) = self.nearby.odd(&sighting, now) {
                    desk.report(None, Subject::default(), odd).await?;
                }
                if let Some((mac, facts)) = self.nearby.take(&sighting, now) {
                    for fact in facts {
                        desk.report(None, Subject::mac(mac), fact).await?;
                    }
                }
            }
            (Err(why), _) => {
                self.close(format!("{}: {why}", self.way.word()));
                // Another way at once: a refusal says nothing about it. Round after round would be a loop, so
                // after the last way the next round begins with the first.
                if self.way != Way::Monitor {
                    self.open(desk).await;
                }
                self.tell(desk);
            }
            (Ok(_), None) => {}
        }
        Ok(())
    }

    /// Looks after the listener and counts the crowd.
    async fn round(&mut self, desk: &mut Desk) -> Result<(), ScanError> {
        let now = desk.now().mono;
        if let Some(ear) = &self.ear {
            let mut on = !ear.adapters.is_empty();
            for adapter in &ear.adapters {
                on &= bluez::is_on(adapter).await;
            }
            if !on {
                self.close("a controller is gone or switched off".into());
                self.way = Way::Monitor;
            } else if now.since(ear.last) >= self.settings.quiet_after.0 {
                let silence = now.since(ear.last).as_secs();
                self.close(format!("{} heard nothing for {silence} s", self.way.word()));
            }
        }
        if self.ear.is_none() {
            self.open(desk).await;
        }
        self.tell(desk);
        if self.ear.is_some() {
            desk.report(None, Subject::default(), Fact::Crowd(self.nearby.crowd(now))).await?;
            desk.done(self.nearby.devices(now));
        }
        Ok(())
    }

    async fn listen_for(&mut self, wait: Duration, desk: &mut Desk) -> Result<(), ScanError> {
        let until = tokio::time::Instant::now() + wait;
        while self.ear.is_some() {
            let Ok(event) = tokio::time::timeout_at(until, listen(self.ear.as_mut())).await else { break };
            self.take(event, desk).await?;
        }
        let now = desk.now().mono;
        if self.ear.is_some() {
            desk.report(None, Subject::default(), Fact::Crowd(self.nearby.crowd(now))).await?;
            desk.done(self.nearby.devices(now));
        }
        Ok(())
    }

    /// Joins the bus and starts the feeds.
    async fn open(&mut self, desk: &Desk) {
        match bluez::adapters(&self.settings.adapters).await {
            Ok((session, adapters)) => {
                let (out, heard) = mpsc::channel(WAITING_MAX);
                let mut feeds = JoinSet::new();
                for adapter in &adapters {
                    match self.way {
                        Way::Second => feeds.spawn(second::listen(adapter.name().to_owned(), out.clone())),
                        way => feeds.spawn(bluez::listen(adapter.clone(), way, out.clone())),
                    };
                }
                self.absent = None;
                self.ear = Some(Ear { session, adapters, feeds, heard, way: self.way, last: desk.now().mono });
            }
            Err(absence) => {
                if self.absent.as_ref() != Some(&absence) {
                    tracing::info!(why = absence.why, advice = absence.advice, "no Bluetooth LE");
                }
                self.absent = Some(absence);
                // What was refused or silent before says nothing about what comes back.
                (self.way, self.less) = (Way::Monitor, None);
            }
        }
    }

    /// Leaves the bus. The next opening is by the next way.
    fn close(&mut self, why: String) {
        tracing::debug!(why, "leaving the bus");
        if let Some(Ear { session, feeds, .. }) = self.ear.take() {
            // Feeds first: a task that still holds the session would keep the connection.
            drop(feeds);
            drop(session);
        }
        self.less = Some(why);
        self.way = self.way.next();
    }

    fn tell(&self, desk: &mut Desk) {
        desk.health(match (&self.absent, &self.less) {
            (Some(absence), _) => {
                let (why, advice) = (absence.why.clone(), Some(absence.advice.to_owned()));
                // Devices rest on what is heard here, so that they must not leave while it is deaf.
                if self.proven || self.nearby.is_wanted() {
                    Health::Down { why, advice }
                } else if radio::exists() {
                    Health::Degraded { why, advice }
                } else {
                    Health::Off
                }
            }
            (None, Some(why)) => Health::Degraded {
                why: format!("{why}; now by {}", self.way.word()),
                advice: Some("BlueZ 5.56 or later, started with --experimental, has the monitor".into()),
            },
            (None, None) => Health::Up,
        });
        desk.say_again();
    }
}
