//! # `windows`: when devices were here

use std::collections::BTreeMap;

use super::{
    Context, Exit, json,
    recorded::{Recorded, Since, to_stdout},
    table,
};
use crate::model::{DeviceId, WindowView};

// Rows that are aligned with each other; a longer history is shown in several tables.
const BLOCK: usize = 1000;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Only of this device: its id, name, MAC or address
    #[arg(value_name = "ID", value_hint = super::completions::DEVICE)]
    pub device: Option<String>,
    /// Only what reaches into the time after: 2026-11-25T17:02:11Z, 2026-11-25, 2d, 12h
    #[arg(long, value_name = "TIME")]
    pub since: Option<Since>,
}

pub fn run(args: &Args, context: &Context) -> anyhow::Result<Exit> {
    let recorded = Recorded::open(context)?;
    let device = args.device.as_deref().map(|named| recorded.device(named)).transpose()?.map(|device| device.id);
    let since = args.since.map(|since| since.from(recorded.now));
    to_stdout(|out| {
        if recorded.json {
            let mut list = json::List::begin(out, "windows")?;
            recorded.each_window(
                device,
                since,
                |window| Ok(list.row(&recorded.line(&json::Window::from(window))?)?),
            )?;
            return Ok(list.end()?);
        }
        let names: BTreeMap<DeviceId, String> =
            recorded.devices()?.iter().map(|d| (d.id, recorded.hidden_name(&d.name))).collect();
        let name =
            |window: &WindowView| names.get(&window.device).cloned().unwrap_or_else(|| window.device.to_string());
        let mut block = Vec::new();
        let mut any = false;
        recorded.each_window(device, since, |window| {
            block.push(window.clone());
            if block.len() >= BLOCK {
                out.write_all(table::windows(&block, name, recorded.now, recorded.colour).as_bytes())?;
                (any, block) = (true, Vec::new());
            }
            Ok(())
        })?;
        if !block.is_empty() || !any {
            out.write_all(table::windows(&block, name, recorded.now, recorded.colour).as_bytes())?;
        }
        Ok(())
    })
}
