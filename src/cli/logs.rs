//! # The log
//!
//! Text for people, JSON for machines, journald with fields; always on stderr or in the journal,
//! never on stdout. The level can be changed while running.

use std::{
    collections::BTreeMap,
    io::{self, Write},
};

use tracing_subscriber::{
    EnvFilter, Registry,
    fmt::{self, MakeWriter},
    layer::{Layer, SubscriberExt as _},
    registry::LookupSpan,
    reload,
    util::SubscriberInitExt as _,
};

use super::redact::Redactor;
use crate::settings::{Format, Level, Log};

/// Changes what is logged.
#[derive(Clone)]
pub struct Logs {
    filter: reload::Handle<EnvFilter, Registry>,
}

impl Logs {
    /// From now on.
    pub fn set_level(&self, level: Level) {
        // Fails only if the log is gone, and then nobody reads it.
        let _ = self.filter.reload(filter(level));
    }
}

/// Starts the log. Does nothing if one was started before (tests).
pub fn start(log: &Log, env: &BTreeMap<String, String>, redactor: Option<Redactor>, colour: bool) -> Logs {
    let (filter, handle) = reload::Layer::new(filter(log.level));
    let format = log.format.unwrap_or_else(|| if under_systemd(env) { Format::Journald } else { Format::Text });
    let layer = layer(format, redactor, colour);
    let _ = tracing_subscriber::registry().with(filter).with(layer).try_init();
    Logs { filter: handle }
}

type Boxed<S> = Box<dyn Layer<S> + Send + Sync>;

fn layer<S>(format: Format, redactor: Option<Redactor>, colour: bool) -> Boxed<S>
where
    S: tracing::Subscriber + for<'a> LookupSpan<'a> + Send + Sync,
{
    // The journal gets fields, not text, so nothing could be replaced in it.
    #[cfg(feature = "journald")]
    if format == Format::Journald
        && redactor.is_none()
        && let Ok(journal) = tracing_journald::layer()
    {
        return journal.with_syslog_identifier("porchlight".into()).boxed();
    }
    let stderr = Stderr { redactor };
    match format {
        Format::Json => fmt::layer().json().flatten_event(true).with_writer(stderr).boxed(),
        // The journal adds time and takes no colour.
        Format::Journald => fmt::layer().without_time().with_ansi(false).with_target(false).with_writer(stderr).boxed(),
        Format::Text => fmt::layer().with_ansi(colour).with_target(false).with_writer(stderr).boxed(),
    }
}

/// Our own level as told; libraries only from WARN up, unless everything is wanted.
fn filter(level: Level) -> EnvFilter {
    EnvFilter::new(match level {
        Level::Error => "error".to_owned(),
        Level::Trace => "debug,porchlight=trace".to_owned(),
        level => format!("warn,porchlight={}", level.word()),
    })
}

/// systemd says in `$JOURNAL_STREAM` which device and inode its stream has; a redirected stderr is another
/// (systemd.exec(5)).
fn under_systemd(env: &BTreeMap<String, String>) -> bool {
    use std::os::{fd::AsFd as _, unix::fs::MetadataExt as _};
    let Some((device, inode)) = env.get("JOURNAL_STREAM").and_then(|stream| stream.split_once(':')) else {
        return false;
    };
    let Ok(file) = io::stderr().as_fd().try_clone_to_owned().map(std::fs::File::from) else { return false };
    file.metadata().is_ok_and(|meta| meta.dev().to_string() == device && meta.ino().to_string() == inode)
}

struct Stderr {
    redactor: Option<Redactor>,
}

impl<'a> MakeWriter<'a> for Stderr {
    type Writer = Line<'a>;
    fn make_writer(&'a self) -> Line<'a> {
        Line { redactor: self.redactor.as_ref() }
    }
}

/// Gets each event as one write.
struct Line<'a> {
    redactor: Option<&'a Redactor>,
}

impl Write for Line<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.redactor {
            None => io::stderr().lock().write_all(bytes)?,
            Some(redactor) => {
                let text = redactor.text(&String::from_utf8_lossy(bytes));
                io::stderr().lock().write_all(text.as_bytes())?;
            }
        }
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        io::stderr().lock().flush()
    }
}
