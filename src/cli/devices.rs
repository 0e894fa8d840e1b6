//! # `devices`: what the store knows of devices

use super::{
    Context, Exit, json,
    recorded::{Recorded, to_stdout},
    table,
};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Only this one: its id, name, MAC or address
    #[arg(value_name = "ID", value_hint = super::completions::DEVICE)]
    pub device: Option<String>,
}

pub fn run(args: &Args, context: &Context) -> anyhow::Result<Exit> {
    let recorded = Recorded::open(context)?;
    let devices = match &args.device {
        Some(named) => vec![recorded.device(named)?],
        None => recorded.devices()?,
    };
    to_stdout(|out| {
        if !recorded.json {
            let shown: Vec<_> = devices.iter().map(|device| recorded.shown(device)).collect();
            let text = recorded.hidden(table::devices(&shown, recorded.now, recorded.colour));
            return Ok(out.write_all(text.as_bytes())?);
        }
        let mut list = json::List::begin(out, "devices")?;
        for device in &devices {
            list.row(&recorded.line(&json::Device::from(&recorded.shown(device)))?)?;
        }
        Ok(list.end()?)
    })
}
