//! Files that people write: settings, and lists of their devices. Read, or refused with a place and no secret.
#![no_main]

use std::{collections::BTreeSet, fs, path::PathBuf, sync::LazyLock};

use libfuzzer_sys::fuzz_target;
use porchlight::{
    cli::import::rows,
    settings::{
        self, Places, Sources,
        tree::{self, Value},
    },
};

const SECRET: &str = "hunter2xyz";
static FILE: LazyLock<PathBuf> =
    LazyLock::new(|| std::env::temp_dir().join(format!("porchlight-papers-{}.yaml", std::process::id())));

fuzz_target!(|bytes: &[u8]| {
    let text = String::from_utf8_lossy(bytes);
    list(&text);
    // Who writes it elsewhere as well, in the name of a setting, has told it already.
    if text.contains(SECRET) {
        return;
    }
    // A password in the file, whatever else stands there.
    let text = format!("{text}\nmqtt:\n  password: {SECRET}\n");
    match tree::read(&text) {
        Ok(document) => {
            assert!(document.place.line <= breaks(&text));
            // The rest takes a hundred times as long.
            if matches!(document.value, Value::Map(_)) {
                load(&text);
            }
        }
        Err(broken) => assert!(!broken.what.contains(SECRET) && broken.place.line <= breaks(&text), "{broken:?}"),
    }
});

fn list(text: &str) {
    match rows::read(text) {
        Ok(rows) => {
            assert!(!rows.is_empty() && rows.len() <= rows::ROWS_MAX);
            let macs: BTreeSet<_> = rows.iter().map(|row| row.mac).collect();
            assert_eq!(macs.len(), rows.len(), "a device stands in it once");
            assert!(rows.iter().all(|row| row.mac.is_station()));
        }
        Err(faults) => {
            // Of lists, the entry is told.
            let entries = text.matches([',', '-', '{', '[']).count() as u64;
            assert!(!faults.is_empty());
            assert!(faults.iter().all(|fault| fault.line <= breaks(text).max(entries + 1)), "{faults:?}");
        }
    }
}

fn load(text: &str) {
    if fs::write(&*FILE, text).is_err() {
        return;
    }
    let places =
        Places { app_config: "/nowhere/a".into(), app_options: "/nowhere/b".into(), system: "/nowhere/c".into() };
    let sources = Sources { config: Some(FILE.clone()), places, ..Sources::default() };
    match settings::load(&sources) {
        Ok(loaded) => assert!(!format!("{:?}", loaded.settings).contains(SECRET)),
        Err(error) => assert!(!format!("{error} {error:?}").contains(SECRET), "{error}"),
    }
}

/// The last line's number, whatever ends a line, and one behind it.
fn breaks(text: &str) -> u64 {
    text.matches(['\n', '\r', '\u{85}', '\u{2028}', '\u{2029}']).count() as u64 + 2
}
