//! # Class of device and appearance
//!
//! What a device says that it is: 24 bits in classic Bluetooth (Assigned Numbers §2.8), 16 in LE (§2.6).
//! The words are those that `kinds.tsv` has rules for.

/// The word for a class of device; `None` for classes that say nothing.
#[must_use]
pub const fn class_of_device(class: u32) -> Option<&'static str> {
    let (major, minor) = (class >> 8 & 0x1f, class >> 2 & 0x3f);
    Some(match (major, minor) {
        (1, 3) => "laptop",
        (1, 4 | 5) => "handheld",
        (1, 6) => "wearable",
        (1, 7) => "tablet",
        (1, _) => "computer",
        (2, 4) => "modem",
        (2, _) => "phone",
        (3, _) => "access point",
        (4, 1 | 2 | 4 | 6) => "headset",
        (4, 5 | 7 | 10) => "speaker",
        (4, 8) => "car audio",
        (4, 9 | 15) => "set-top box",
        (4, 12..=14 | 16) => "camera",
        (4, 11) => "speaker",
        (4, 18) => "game console",
        (4, _) => "audio",
        (5, _) => match minor >> 4 {
            1 => "keyboard",
            2 => "mouse",
            3 => "keyboard",
            _ => "peripheral",
        },
        (6, _) if minor & 0x20 != 0 => "printer",
        (6, _) if minor & 0x10 != 0 => "scanner",
        (6, _) if minor & 0x08 != 0 => "camera",
        (6, _) => "display",
        (7, 1) => "watch",
        (7, _) => "wearable",
        (8, _) => "toy",
        (9, _) => "health",
        _ => return None,
    })
}

/// The word for an appearance.
#[must_use]
pub const fn appearance(value: u16) -> Option<&'static str> {
    Some(match (value >> 6, value & 0x3f) {
        (0x01, _) => "phone",
        (0x02, 3) => "laptop",
        (0x02, 7) => "tablet",
        (0x02, _) => "computer",
        (0x03, _) => "watch",
        (0x05, _) => "display",
        (0x06, _) => "remote control",
        (0x08, _) => "tag",
        (0x09, _) => "keyring",
        (0x0a, _) => "media player",
        (0x0b, _) => "barcode scanner",
        (0x0c, _) => "thermometer",
        (0x0d | 0x0e | 0x10 | 0x31 | 0x34, _) => "health",
        (0x0f, 1) => "keyboard",
        (0x0f, 2) => "mouse",
        (0x0f, 3 | 4) => "game controller",
        (0x0f, _) => "peripheral",
        (0x11 | 0x12, _) => "wearable",
        (0x15, _) => "sensor",
        (0x16 | 0x1e | 0x1f, _) => "light",
        (0x17, _) => "fan",
        (0x1a, _) => "heater",
        (0x1c, _) => "access control",
        (0x20, _) => "window covering",
        (0x21, _) => "speaker",
        (0x25, _) => "headset",
        (0x32, _) => "scale",
        _ => return None,
    })
}
