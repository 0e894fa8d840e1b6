//! # `man`: the manual page

use std::path::PathBuf;

use anyhow::Context as _;
use clap::CommandFactory;
use clap_mangen::Man;

use super::{
    Cli,
    context::Context,
    examples,
    report::{Exit, say},
};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Write a page for each verb into this folder instead
    #[arg(long, value_name = "DIR", value_hint = clap::ValueHint::DirPath)]
    pub output: Option<PathBuf>,
}

pub fn run(args: &Args, _context: &Context) -> anyhow::Result<Exit> {
    let mut command = examples::add(Cli::command());
    command.build();
    if let Some(folder) = &args.output {
        std::fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
        clap_mangen::generate_to(command, folder).with_context(|| format!("cannot write to {}", folder.display()))?;
        return Ok(Exit::Done);
    }
    let mut page = Vec::new();
    Man::new(command).render(&mut page)?;
    page.extend_from_slice(CODES.as_bytes());
    say(&String::from_utf8_lossy(&page))?;
    Ok(Exit::Done)
}

const CODES: &str = r#".SH "EXIT CODES"
.TP
0
done
.TP
1
failed while working
.TP
2
the command line or the settings are wrong; nothing was started
.TP
3
what was asked for is not there
.TP
4
not permitted
.TP
130
interrupted; state was saved
.SH FILES
.TP
/etc/porchlight/config.yaml, $XDG_CONFIG_HOME/porchlight/config.yaml
settings; every key has a default
.TP
$STATE_DIRECTORY, ~/.local/state/porchlight
store and control socket
"#;
