//! # `vendors`: the table of makers, its age, and a newer one
//!
//! The program brings a table of the IEEE registries. `update` builds a newer one from the registries' own files, from
//! the net or from disk, and puts it into the state folder in one move: it is used from the next start on.

use std::{
    fs::{self, File},
    io::{Read as _, Write as _},
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::Context as _;
use clap::Subcommand;
use serde_json::json;

use super::{
    context::Context,
    report::{Exit, Failure, say, say_json},
};
use crate::{
    intel::vendors::{self, build},
    model::Wall,
};

/// The table in the state folder.
const FILE: &str = "vendors.bin";
/// Bytes of one registry; the largest has 4 MB.
const REGISTRY_MAX: usize = 32 << 20;
/// Bytes of a table.
const TABLE_MAX: u64 = 32 << 20;
const PATIENCE: Duration = Duration::from_secs(120);
/// Where the IEEE Registration Authority publishes MA-L, MA-M, MA-S and IAB (https://standards-oui.ieee.org/).
const REGISTRIES: [&str; 4] = [
    "https://standards-oui.ieee.org/oui/oui.csv",
    "https://standards-oui.ieee.org/oui28/mam.csv",
    "https://standards-oui.ieee.org/oui36/oui36.csv",
    "https://standards-oui.ieee.org/iab/iab.csv",
];
/// The same, as files in a folder (Debian's package ieee-data has them in /usr/share/ieee-data).
const NAMES: [&str; 4] = ["iab.csv", "oui36.csv", "mam.csv", "oui.csv"];

#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    pub action: Option<Action>,
}

#[derive(Debug, Subcommand)]
pub enum Action {
    /// Builds a newer table, for the next start
    Update {
        /// A CSV file of the IEEE, a folder of them, or an https address; without it: from ieee.org
        #[arg(long, value_name = "FILE")]
        from: Vec<String>,
    },
}

pub fn run(args: &Args, context: &Context) -> anyhow::Result<Exit> {
    take_newer(context);
    let Some(Action::Update { from }) = &args.action else {
        let (date, prefixes) = (vendors::date(), vendors::prefixes());
        let days = age_days(context.wall());
        if context.json() {
            say_json(&json!({"date": date, "age_days": days, "prefixes": prefixes}))?;
        } else {
            say(&format!("{}\n", found(context.wall())))?;
        }
        return Ok(Exit::Done);
    };
    let mut files = Vec::new();
    if from.is_empty() {
        for url in REGISTRIES {
            files.push(fetch(url)?);
        }
    }
    for from in from {
        if from.starts_with("https://") {
            files.push(fetch(from)?);
        } else {
            files.extend(read(Path::new(from))?);
        }
    }
    let date: String = context.wall().to_string().chars().take(10).collect();
    let slices: Vec<&[u8]> = files.iter().map(Vec::as_slice).collect();
    let table = build::build(&slices, &date).map_err(|error| Failure::new(Exit::Failed, error.to_string()))?;
    let path = context.make_state_dir()?.join(FILE);
    put(&path, &table).with_context(|| format!("cannot write {}", path.display()))?;
    let (bytes, path) = (table.len(), path.display().to_string());
    if context.json() {
        say_json(&json!({"date": date, "bytes": bytes, "path": path}))?;
    } else {
        say(&format!("a table of {date} with {bytes} bytes is in {path}; the next start uses it\n"))?;
    }
    Ok(Exit::Done)
}

/// Uses the table in the state folder, if there is one and it is newer.
pub fn take_newer(context: &Context) {
    let Ok(path) = context.state_dir().map(|folder| folder.join(FILE)) else { return };
    let Ok(file) = File::open(path) else { return };
    let mut bytes = Vec::new();
    let is_read = file.take(TABLE_MAX).read_to_end(&mut bytes).is_ok();
    if is_read && !vendors::install(bytes) {
        tracing::debug!("the table of makers in the state folder is not newer than that of the program");
    }
}

/// `IEEE registries of 2026-06-25, 153 days old, 60000 prefixes`.
#[must_use]
pub fn found(wall: Wall) -> String {
    let age = age_days(wall).map_or_else(String::new, |days| format!(", {days} days old"));
    format!("IEEE registries of {}{age}, {} prefixes", vendors::date(), vendors::prefixes())
}

fn age_days(wall: Wall) -> Option<i64> {
    let then: Wall = format!("{}T00:00:00.000Z", vendors::date()).parse().ok()?;
    Some((wall.0 - then.0).max(0) / 86_400_000)
}

/// One file, or those of a folder.
fn read(path: &Path) -> Result<Vec<Vec<u8>>, Failure> {
    let missing =
        |path: &Path, error: std::io::Error| Failure::missing(format!("cannot read {}: {error}", path.display()));
    let paths: Vec<PathBuf> = if path.is_dir() {
        NAMES.iter().map(|name| path.join(name)).filter(|path| path.exists()).collect()
    } else {
        vec![path.to_owned()]
    };
    paths
        .iter()
        .map(|path| {
            let mut bytes = Vec::new();
            let file = File::open(path).map_err(|error| missing(path, error))?;
            file.take(REGISTRY_MAX as u64 + 1).read_to_end(&mut bytes).map_err(|error| missing(path, error))?;
            if bytes.len() > REGISTRY_MAX {
                return Err(Failure::usage(format!("{} is larger than {} MiB", path.display(), REGISTRY_MAX >> 20)));
            }
            Ok(bytes)
        })
        .collect()
}

fn fetch(url: &str) -> anyhow::Result<Vec<u8>> {
    let failed = |why: String| {
        let failure = Failure::new(Exit::Failed, format!("cannot fetch {url}: {why}"));
        failure.advise("porchlight vendors update --from FILE, with the file fetched by other means")
    };
    // A second install is refused, which is fine.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("cannot start")?;
    runtime.block_on(async {
        let client = reqwest::Client::builder().https_only(true).timeout(PATIENCE).build();
        let client = client.map_err(|error| failed(error.to_string()))?;
        let asked = client.get(url).send().await.and_then(reqwest::Response::error_for_status);
        let mut response = asked.map_err(|error| failed(error.without_url().to_string()))?;
        let mut body = Vec::new();
        while let Some(piece) = response.chunk().await.map_err(|error| failed(error.without_url().to_string()))? {
            if body.len() + piece.len() > REGISTRY_MAX {
                return Err(failed(format!("more than {} MiB", REGISTRY_MAX >> 20)).into());
            }
            body.extend_from_slice(&piece);
        }
        Ok(body)
    })
}

/// Beside it first, then in one move: nobody reads half a table.
fn put(path: &Path, table: &[u8]) -> std::io::Result<()> {
    let beside = path.with_extension("bin.new");
    let mut file = File::create(&beside)?;
    let done = file.write_all(table).and_then(|()| file.sync_all()).and_then(|()| fs::rename(&beside, path));
    if done.is_err() {
        let _ = fs::remove_file(&beside);
    }
    done
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_age_of_the_table_is_told() {
        let day: Wall = format!("{}T12:00:00.000Z", vendors::date()).parse().expect("a time");
        assert!(found(Wall(day.0 + 3 * 86_400_000)).contains(", 3 days old, "), "{}", found(day));
        assert!(found(Wall(0)).contains("0 days old"), "a clock that is not set");
    }

    #[test]
    fn what_is_not_there_or_too_big_is_told() {
        assert_eq!(read(Path::new("/nowhere/oui.csv")).expect_err("missing").exit, Exit::Missing);
        let folder = tempfile::tempdir().expect("a folder");
        assert_eq!(read(folder.path()).expect("none"), Vec::<Vec<u8>>::new());
        let path = folder.path().join("oui.csv");
        File::create(&path).expect("made").set_len(REGISTRY_MAX as u64 + 1).expect("sparse");
        assert_eq!(read(folder.path()).expect_err("too big").exit, Exit::Usage);
        put(&path, b"table").expect("written");
        assert_eq!(fs::read(&path).expect("read"), b"table");
        assert_eq!(fs::read_dir(folder.path()).expect("listed").count(), 1, "nothing beside it");
    }
}
