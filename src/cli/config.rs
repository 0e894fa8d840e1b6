//! # `config`: the settings, checked and shown

use std::path::PathBuf;

use clap::Subcommand;
use serde_json::json;

use super::{
    context::Context,
    report::{Exit, say, say_json},
};
use crate::settings::{self, Problem, SettingsError, Sources, schema, show};

#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    pub what: What,
}

#[derive(Debug, Subcommand)]
pub enum What {
    /// Tells every problem at once; silent with exit 0 if there is none
    Check(File),
    /// Every value in force, and who said it; secrets are hidden
    Show(File),
    /// Every key, its type and what it does, as JSON schema
    Schema,
}

#[derive(Debug, clap::Args)]
pub struct File {
    /// Instead of the file that would be read
    #[arg(value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    pub file: Option<PathBuf>,
}

pub fn run(args: &Args, context: &Context) -> anyhow::Result<Exit> {
    match &args.what {
        What::Check(file) => check(&sources(file, context), context.json()),
        What::Show(file) => {
            let loaded = settings::load(&sources(file, context))?;
            let lines = show::lines(&loaded);
            if context.json() {
                say_json(&show::json(&loaded, &lines))?;
            } else {
                say(&show::text(&lines))?;
            }
            Ok(Exit::Done)
        }
        What::Schema => {
            say(&format!("{:#}\n", schema::schema()))?;
            Ok(Exit::Done)
        }
    }
}

fn sources(file: &File, context: &Context) -> Sources {
    let config = file.file.clone().or_else(|| context.sources.config.clone());
    Sources { config, ..context.sources.clone() }
}

fn check(sources: &Sources, json: bool) -> anyhow::Result<Exit> {
    let (file, problems, warnings) = match settings::load(sources) {
        Ok(loaded) => (loaded.file, Vec::new(), loaded.warnings),
        Err(SettingsError::Invalid { problems }) if json => (sources.file(), problems, Vec::new()),
        Err(error) => return Err(error.into()),
    };
    if json {
        let told = |problems: &[Problem]| {
            let told = problems.iter().map(|problem| {
                json!({"source": problem.origin.to_string(), "key": problem.key, "what": problem.what, "try": problem.advice})
            });
            told.collect::<Vec<_>>()
        };
        say_json(
            &json!({"file": file, "ok": problems.is_empty(), "problems": told(&problems), "warnings": told(&warnings)}),
        )?;
    } else {
        warnings.iter().for_each(|warning| eprintln!("warning: {warning}"));
    }
    Ok(if problems.is_empty() { Exit::Done } else { Exit::Usage })
}
