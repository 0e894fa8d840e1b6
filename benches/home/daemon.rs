//! Porchlight itself, as built for this bench, inside the namespace.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use super::{Helper, Home};

pub const PROGRAM: &str = env!("CARGO_BIN_EXE_porchlight");

pub struct Daemon {
    pub helper: Helper,
    folder: tempfile::TempDir,
}

impl Daemon {
    /// `more`: lines of settings besides those of the home.
    pub fn start(home: &Home, more: &str) -> Daemon {
        let folder = tempfile::tempdir().expect("a folder");
        let log = fs::File::create(folder.path().join("log")).expect("a log");
        let mut command = command(home, folder.path(), more);
        command.arg("run").stdout(Stdio::null()).stderr(log);
        Daemon { helper: Helper(command.spawn().expect("porchlight starts")), folder }
    }

    pub fn pid(&self) -> u32 {
        self.helper.0.id()
    }

    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

/// The program with settings for this home, kept in `folder`; a verb is still to be given.
pub fn command(home: &Home, folder: &Path, more: &str) -> Command {
    let config: PathBuf = folder.join("config.yaml");
    let text = format!("network: {{interfaces: [home0]}}\nmqtt: {{url: 'mqtt://127.0.0.1:1883'}}\n{more}");
    fs::write(&config, text).expect("written");
    let mut command = home.near(PROGRAM);
    // As the systemd unit, the container and the app have it.
    command.env("MALLOC_ARENA_MAX", "1");
    command.arg("--config").arg(config).arg("--state-dir").arg(folder.join("state"));
    command
}
