//! # What a verb may ask of the frame
//!
//! Settings are loaded when first asked for, so `completions` works with a broken file. Loading
//! also starts the log.

use std::{cell::OnceCell, io::IsTerminal as _, path::PathBuf};

use super::{
    global::Global,
    logs::{self, Logs},
    redact::Redactor,
};
use crate::{
    model::Wall,
    settings::{self, Format, Loaded, Settings, SettingsError, Sources, state_dir},
};

/// The frame's services.
pub struct Context {
    pub global: Global,
    pub sources: Sources,
    loaded: OnceCell<Loaded>,
    logs: OnceCell<Logs>,
}

impl Context {
    /// With the environment of this process.
    #[must_use]
    pub fn of_process(global: Global) -> Context {
        let sources = Sources::of_process(global.config.clone(), Vec::new());
        Context::new(global, sources)
    }

    /// Flags that are settings join `--set`, so that `config show` names them.
    #[must_use]
    pub fn new(global: Global, mut sources: Sources) -> Context {
        sources.config.clone_from(&global.config);
        sources.set.clone_from(&global.set);
        if let Some(level) = global.log_level {
            sources.set.push(format!("log.level={}", level.word()));
        }
        if let Some(format) = global.log_format {
            let word = match format {
                Format::Text => "text",
                Format::Json => "json",
                Format::Journald => "journald",
            };
            sources.set.push(format!("log.format={word}"));
        }
        if global.redact {
            sources.set.push("log.redact=true".into());
        }
        if let Some(folder) = global.state_dir.as_ref().and_then(|path| path.to_str()) {
            sources.set.push(format!("state_dir={folder}"));
        }
        Context { global, sources, loaded: OnceCell::new(), logs: OnceCell::new() }
    }

    /// Settings with who said what.
    pub fn loaded(&self) -> Result<&Loaded, SettingsError> {
        if let Some(loaded) = self.loaded.get() {
            return Ok(loaded);
        }
        let loaded = settings::load(&self.sources)?;
        let loaded = self.loaded.get_or_init(|| loaded);
        let log = &loaded.settings.log;
        self.logs.get_or_init(|| {
            logs::start(log, &self.sources.env, log.redact.then(|| self.redactor_of(loaded)), self.colour())
        });
        for warning in &loaded.warnings {
            tracing::warn!(source = %warning.origin, key = warning.key, advice = warning.advice, "{}", warning.what);
        }
        Ok(loaded)
    }

    pub fn settings(&self) -> Result<&Settings, SettingsError> {
        self.loaded().map(|loaded| &loaded.settings)
    }

    /// Where state lives; whether it is there is another question ([`Context::make_state_dir`]).
    pub fn state_dir(&self) -> anyhow::Result<PathBuf> {
        let settings = self.settings()?;
        let flag = self.global.state_dir.as_deref();
        Ok(state_dir::locate(flag, settings, &self.sources.env, self.sources.is_app())?)
    }

    /// The state folder, made if it is not there.
    pub fn make_state_dir(&self) -> anyhow::Result<PathBuf> {
        let path = self.state_dir()?;
        state_dir::create(&path)?;
        Ok(path)
    }

    /// `$CREDENTIALS_DIRECTORY`, for `settings::secret`.
    #[must_use]
    pub fn credentials(&self) -> Option<PathBuf> {
        self.env("CREDENTIALS_DIRECTORY").map(PathBuf::from)
    }

    /// Wall time, for text.
    #[must_use]
    pub fn wall(&self) -> Wall {
        crate::daemon::clock::now().wall
    }

    /// A variable that is set and not empty.
    #[must_use]
    pub fn env(&self, name: &str) -> Option<&str> {
        self.sources.env.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    #[must_use]
    pub const fn json(&self) -> bool {
        self.global.json
    }

    /// Colours on stderr and stdout: only for a terminal, and not if anybody said no (no-color.org).
    #[must_use]
    pub fn colour(&self) -> bool {
        !self.global.no_color && self.env("NO_COLOR").is_none() && std::io::stderr().is_terminal()
    }

    /// For exports; `None` without `--redact`.
    pub fn redactor(&self) -> Result<Option<Redactor>, SettingsError> {
        let loaded = self.loaded()?;
        Ok(loaded.settings.log.redact.then(|| self.redactor_of(loaded)))
    }

    /// The log's own hand: to change the level of a running daemon.
    #[must_use]
    pub fn logs(&self) -> Option<&Logs> {
        self.logs.get()
    }

    fn redactor_of(&self, loaded: &Loaded) -> Redactor {
        let flag = self.global.state_dir.as_deref();
        let folder = state_dir::locate(flag, &loaded.settings, &self.sources.env, self.sources.is_app()).ok();
        Redactor::open(folder.as_deref())
    }
}
