//! # `complete`: what a shell's completion asks for
//!
//! Hidden: the completions of the package call it. Without a store, or without the right to read it, there
//! is nothing to complete, and nobody wants to read why while typing.

use super::{
    context::Context,
    recorded::{Recorded, to_stdout},
    report::Exit,
};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Of what
    #[arg(value_enum)]
    pub what: What,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum What {
    /// Ids and names, with a tab between
    Devices,
}

pub fn run(args: &Args, context: &Context) -> anyhow::Result<Exit> {
    let What::Devices = args.what;
    let Ok(recorded) = Recorded::open(context) else { return Ok(Exit::Done) };
    let mut devices = recorded.devices().unwrap_or_default();
    devices.sort_by_key(|device| (device.name.to_lowercase(), device.id));
    to_stdout(|out| {
        for device in &devices {
            writeln!(out, "{}\t{}", device.id, recorded.hidden_name(&device.name))?;
        }
        Ok(())
    })
}
