//! # Flags that every verb takes

use std::path::PathBuf;

use clap::Args;

use crate::settings::{Format, Level};

/// Flags before or after any verb.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Everywhere")]
pub struct Global {
    /// Settings file; without it the first of $XDG_CONFIG_HOME/porchlight/config.yaml and /etc/porchlight/config.yaml
    #[arg(long, global = true, value_name = "FILE", env = "PORCHLIGHT_CONFIG", value_hint = clap::ValueHint::FilePath)]
    pub config: Option<PathBuf>,
    /// One setting, above file and environment; may be given again
    #[arg(long, global = true, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// Where the store and the control socket live
    #[arg(long, global = true, value_name = "DIR", value_hint = clap::ValueHint::DirPath)]
    pub state_dir: Option<PathBuf>,
    /// JSON on stdout, nothing else
    #[arg(long, global = true)]
    pub json: bool,
    /// How much is said on stderr
    #[arg(long, global = true, value_name = "LEVEL", value_enum)]
    pub log_level: Option<Level>,
    /// In which form
    #[arg(long, global = true, value_name = "FORMAT", value_enum)]
    pub log_format: Option<Format>,
    /// No colours
    #[arg(long, global = true)]
    pub no_color: bool,
    /// Replace MACs, names and domains in logs and exports by short hashes that stay the same
    #[arg(long, global = true)]
    pub redact: bool,
}
