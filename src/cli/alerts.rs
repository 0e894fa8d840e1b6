//! # `alerts`: what was odd

use crate::capture::evidence;

use super::{
    Context, Exit, json,
    recorded::{Recorded, Since, to_stdout},
    table,
};

// A table is for reading; more than this is for `--json` or `export`.
const TABLE_ROWS_MAX: usize = 500;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Only those last seen after: 2026-11-25T17:02:11Z, 2026-11-25, 2d, 12h
    #[arg(long, value_name = "TIME")]
    pub since: Option<Since>,
}

pub fn run(args: &Args, context: &Context) -> anyhow::Result<Exit> {
    let recorded = Recorded::open(context)?;
    let state_dir = context.state_dir()?;
    let since = args.since.map(|since| since.from(recorded.now));
    to_stdout(|out| {
        if recorded.json {
            let mut list = json::List::begin(out, "alerts")?;
            recorded.each_alert(since, |alert| {
                let mut shown = json::Alert::from(&recorded.shown_alert(alert));
                if let Some(file) = evidence::file_of(&state_dir, &shown.id) {
                    shown.evidence.insert("pcap".into(), file.display().to_string().into());
                }
                Ok(list.row(&recorded.line(&shown)?)?)
            })?;
            return Ok(list.end()?);
        }
        let (mut rows, mut more) = (Vec::new(), 0_usize);
        recorded.each_alert(since, |alert| {
            if rows.len() < TABLE_ROWS_MAX || alert.state.is_open() {
                rows.push(recorded.shown_alert(alert));
            } else {
                more += 1;
            }
            Ok(())
        })?;
        let text = recorded.hidden(table::alerts(&rows, recorded.now, recorded.colour));
        out.write_all(text.as_bytes())?;
        if more > 0 {
            writeln!(out, "{} older not shown; `--json` gives all.", table::count(more, "alert"))?;
        }
        Ok(())
    })
}
