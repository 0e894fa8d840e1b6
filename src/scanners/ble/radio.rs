//! # The radio itself, as the kernel shows it

use std::{fs, path::Path};

/// Who holds it off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Block {
    Soft,
    Hard,
}

/// This machine has a Bluetooth controller, whatever bluetoothd says.
#[must_use]
pub fn exists() -> bool {
    fs::read_dir("/sys/class/bluetooth").is_ok_and(|mut entries| entries.next().is_some())
}

/// Whether rfkill holds Bluetooth off (Documentation/driver-api/rfkill.rst of the kernel).
#[must_use]
pub fn block() -> Option<Block> {
    block_in(Path::new("/sys/class/rfkill"))
}

fn block_in(folder: &Path) -> Option<Block> {
    let mut worst = None;
    for entry in fs::read_dir(folder).ok()?.flatten() {
        let says = |name: &str| fs::read_to_string(entry.path().join(name)).unwrap_or_default();
        if says("type").trim() != "bluetooth" {
            continue;
        }
        if says("hard").trim() == "1" {
            worst = Some(Block::Hard);
        } else if says("soft").trim() == "1" {
            worst = worst.or(Some(Block::Soft));
        }
    }
    worst
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfkill_tells_a_switch_from_a_setting() {
        let folder = tempfile::tempdir().expect("a folder");
        let radio = |name: &str, kind: &str, soft: &str, hard: &str| {
            let path = folder.path().join(name);
            fs::create_dir_all(&path).expect("a folder");
            for (file, text) in [("type", kind), ("soft", soft), ("hard", hard)] {
                fs::write(path.join(file), format!("{text}\n")).expect("a file");
            }
        };
        radio("rfkill0", "wlan", "1", "1");
        assert_eq!(block_in(folder.path()), None);
        radio("rfkill1", "bluetooth", "1", "0");
        assert_eq!(block_in(folder.path()), Some(Block::Soft));
        radio("rfkill2", "bluetooth", "0", "1");
        assert_eq!(block_in(folder.path()), Some(Block::Hard));
        assert_eq!(block_in(Path::new("/nowhere")), None);
    }
}
