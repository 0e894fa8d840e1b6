//! # What is recorded, for the verbs that read
//!
//! Opens the store for reading, understands `--since` and ways to name a device, and writes results.
//! Every failure here names what to do and has its exit code.

use std::io::{self, BufWriter, Write};

use serde::Serialize;

use super::{Context, Exit, Failure, fit::Fit};
use crate::{
    model::{AlertView, DeviceId, DeviceView, MacAddr, Wall, WindowView},
    store::{EventRow, Reader, StoreError},
};

// Rows read at once: enough to be quick, few enough to need no memory.
const PAGE: u32 = 1000;

/// The store, and how to show what it holds.
pub struct Recorded {
    pub reader: Reader,
    pub now: Wall,
    pub json: bool,
    pub colour: bool,
    fit: Fit,
}

impl Recorded {
    pub fn open(context: &Context) -> anyhow::Result<Recorded> {
        Ok(Recorded {
            reader: Reader::open(&context.state_dir()?).map_err(failure)?,
            now: context.wall(),
            json: context.json(),
            colour: context.colour() && io::IsTerminal::is_terminal(&io::stdout()),
            fit: Fit(context.redactor()?),
        })
    }

    /// All devices, in id order.
    pub fn devices(&self) -> anyhow::Result<Vec<DeviceView>> {
        Ok(self.reader.devices().map_err(failure)?)
    }

    /// The device of that id, MAC, address or name.
    pub fn device(&self, named: &str) -> anyhow::Result<DeviceView> {
        Ok(find(self.devices()?, named)?)
    }

    /// Each window, newest first.
    pub fn each_window(
        &self,
        device: Option<DeviceId>,
        since: Option<Wall>,
        mut each: impl FnMut(&WindowView) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let mut after = None;
        loop {
            let page = self.reader.windows(device, since, after, PAGE).map_err(failure)?;
            page.rows.iter().try_for_each(&mut each)?;
            after = page.next;
            if after.is_none() {
                return Ok(());
            }
        }
    }

    /// Each alert, the one seen last first.
    pub fn each_alert(
        &self,
        since: Option<Wall>,
        mut each: impl FnMut(&AlertView) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let mut after = None;
        loop {
            let page = self.reader.alerts(since, after, PAGE).map_err(failure)?;
            page.rows.iter().try_for_each(&mut each)?;
            after = page.next;
            if after.is_none() {
                return Ok(());
            }
        }
    }

    /// One value as JSON in one line, fit to be shown to others if `--redact` was given.
    pub fn line(&self, value: &impl Serialize) -> anyhow::Result<String> {
        Ok(self.hidden(serde_json::to_string(value)?))
    }

    /// `text` as it may be shown.
    #[must_use]
    pub fn hidden(&self, text: String) -> String {
        self.fit.text(text)
    }

    /// A person's word (a name, an owner) as it may be shown.
    #[must_use]
    pub fn hidden_name(&self, name: &str) -> String {
        self.fit.name(name)
    }

    /// A device whose names may be shown.
    #[must_use]
    pub fn shown(&self, device: &DeviceView) -> DeviceView {
        self.fit.device(device)
    }

    /// An alert whose text may be shown.
    #[must_use]
    pub fn shown_alert(&self, alert: &AlertView) -> AlertView {
        self.fit.alert(alert)
    }

    /// An event whose names may be shown.
    #[must_use]
    pub fn shown_event(&self, event: &EventRow) -> EventRow {
        self.fit.event(event)
    }
}

/// What the store says, with its exit code.
#[must_use]
pub fn failure(error: StoreError) -> Failure {
    let failure = match &error {
        StoreError::Nothing { dir } => Failure::missing(format!("nothing recorded yet in {}", dir.display())),
        error if error.is_not_permitted() => Failure::new(Exit::NotPermitted, error.to_string()),
        error => Failure::new(Exit::Failed, error.to_string()),
    };
    match error.advice() {
        Some(advice) => failure.advise(advice),
        None => failure,
    }
}

/// Writes to stdout through `write`. A reader that closed early (`| head`) has all it wants.
pub fn to_stdout(write: impl FnOnce(&mut dyn Write) -> anyhow::Result<()>) -> anyhow::Result<Exit> {
    let mut out = BufWriter::new(io::stdout().lock());
    let done = write(&mut out).and_then(|()| Ok(out.flush()?));
    // What is left in the buffer of a closed pipe would be tried again on drop.
    let _ = out.into_parts();
    match done {
        Err(error) if is_closed(&error) => Ok(Exit::Done),
        other => other.map(|()| Exit::Done),
    }
}

/// The other side of the pipe went away.
#[must_use]
pub fn is_closed(error: &anyhow::Error) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|e| e.kind() == io::ErrorKind::BrokenPipe)
}

/// `--since`: a time, a date, or how long ago.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Since {
    At(Wall),
    Ago(std::time::Duration),
}

impl Since {
    #[must_use]
    pub fn from(self, now: Wall) -> Wall {
        match self {
            Since::At(at) => at,
            Since::Ago(span) => now.back(span),
        }
    }
}

impl std::str::FromStr for Since {
    type Err = String;
    fn from_str(text: &str) -> Result<Since, String> {
        if let Ok(at) = text.parse() {
            return Ok(Since::At(at));
        }
        // Without an offset, a time is meant as on the clock on the wall.
        let local =
            text.parse::<jiff::civil::DateTime>().or_else(|_| text.parse::<jiff::civil::Date>().map(Into::into));
        if let Ok(at) = local.and_then(|at| at.to_zoned_datetime(jiff::tz::TimeZone::system())) {
            return Ok(Since::At(Wall(at.timestamp().as_millisecond())));
        }
        humantime::parse_duration(text).map(Since::Ago).map_err(|_| {
            format!(
                "`{text}` is neither a time such as 2026-11-25T17:02:11Z or 2026-11-25, nor a span such as 2d or 12h"
            )
        })
    }
}

/// By id, MAC, address or name (case aside); a name that several have is refused with their ids.
pub fn find(devices: Vec<DeviceView>, named: &str) -> Result<DeviceView, Failure> {
    let id: Option<DeviceId> = named.parse().ok();
    let mac: Option<MacAddr> = named.parse().ok();
    let ip: Option<std::net::IpAddr> = named.parse().ok();
    let name = named.to_lowercase();
    let is_name = |text: Option<&String>| text.is_some_and(|text| text.to_lowercase() == name);
    let is_it = |device: &DeviceView| {
        id.is_some_and(|id| device.id == id)
            || mac.is_some_and(|mac| device.macs.contains(&mac))
            || ip.is_some_and(|ip| device.addresses.contains(&ip))
            || is_name(Some(&device.name))
            || is_name(device.hostname.as_ref())
    };
    let near = devices.iter().map(|d| (strsim::osa_distance(&d.name.to_lowercase(), &name), d.name.clone())).min();
    let mut found: Vec<DeviceView> = devices.into_iter().filter(is_it).collect();
    // The shown name is unique in the home; a host name need not be.
    if let Some(at) = found.iter().position(|device| is_name(Some(&device.name))) {
        return Ok(found.swap_remove(at));
    }
    match (found.len(), found.pop()) {
        (1, Some(device)) => Ok(device),
        (_, Some(last)) => {
            let ids: Vec<String> = found.iter().chain([&last]).map(|device| device.id.to_string()).collect();
            Err(Failure::missing(format!("several devices are called {named}"))
                .advise(format!("one of {}", ids.join(", "))))
        }
        (_, None) => {
            let failure = Failure::missing(format!("no device {named}"));
            Err(match near {
                Some((distance, name)) if distance <= 3 => failure.advise(format!("did you mean {name:?}?")),
                _ => failure.advise("`porchlight devices` lists them"),
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn device(id: &str, name: &str, host: &str, mac: u8) -> DeviceView {
        DeviceView {
            name: name.into(),
            hostname: Some(host.into()),
            macs: vec![MacAddr([0xb8, 0x27, 0xeb, 0, 0, mac])],
            addresses: vec![[192, 168, 7, mac].into()],
            ..DeviceView::blank(id.parse().unwrap())
        }
    }

    #[test]
    fn a_device_answers_to_id_mac_address_and_name() {
        let home = || {
            vec![
                device("d-aaaaaa", "Kitchen radio", "esp", 1),
                device("d-bbbbbb", "Hall lamp", "esp", 2),
                device("d-cccccc", "esp-c", "Kitchen radio", 3),
            ]
        };
        let cases = [
            ("d-bbbbbb", Ok("d-bbbbbb")),
            ("B8-27-EB-00-00-02", Ok("d-bbbbbb")),
            ("192.168.7.3", Ok("d-cccccc")),
            ("kitchen RADIO", Ok("d-aaaaaa")),
            ("esp", Err("d-aaaaaa, d-bbbbbb")),
            ("Hall lmap", Err("Hall lamp")),
            ("d-zzzzzz", Err("porchlight devices")),
        ];
        for (named, expected) in cases {
            match (find(home(), named), expected) {
                (Ok(found), Ok(id)) => assert_eq!(found.id.to_string(), id, "{named}"),
                (Err(failure), Err(advice)) => {
                    assert_eq!(failure.exit, Exit::Missing, "{named}");
                    assert!(failure.advice.as_deref().is_some_and(|a| a.contains(advice)), "{named}: {failure:?}");
                }
                (found, _) => panic!("{named}: {found:?}"),
            }
        }
    }

    #[test]
    fn since_is_a_time_or_a_span() {
        let now = Wall(1_795_626_131_000);
        let cases = [
            ("2d", Some(now.0 - 2 * 86_400_000)),
            ("1h 30m", Some(now.0 - 5_400_000)),
            ("2026-11-25T17:02:11Z", Some(now.0)),
            ("2026-11-25T18:02:11+01:00", Some(now.0)),
            ("yesterday", None),
            ("-3d", None),
            ("", None),
        ];
        for (text, expected) in cases {
            assert_eq!(text.parse::<Since>().ok().map(|since| since.from(now).0), expected, "{text}");
        }
        // A date alone is local; whatever the zone, it is within a day of UTC's.
        let date = "2026-11-25".parse::<Since>().unwrap().from(now).0;
        assert!((date - 1_795_564_800_000).abs() <= 86_400_000);
    }
}
