//! # `completions`: for the shell

use clap::CommandFactory;
use clap_complete::Shell;

use super::{
    Cli,
    context::Context,
    report::{Exit, say},
};

/// Write them where the shell looks, e.g. `porchlight completions bash > /etc/bash_completion.d/porchlight`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Whose
    #[arg(value_enum)]
    pub shell: Shell,
}

pub fn run(args: &Args, _context: &Context) -> anyhow::Result<Exit> {
    let mut text = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "porchlight", &mut text);
    say(&String::from_utf8_lossy(&text))?;
    Ok(Exit::Done)
}
