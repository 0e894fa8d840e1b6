//! # Microsoft: Swift Pair and connected devices
//!
//! Manufacturer data of company 0x0006 (learn.microsoft.com: Bluetooth Swift Pair; [MS-CDP] §2.2.2.2.3,
//! Bluetooth advertising beacon).

use crate::wire::reader::Reader;

/// What the data says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Beacon<'a> {
    /// Ready to be paired.
    SwiftPair { name: &'a [u8] },
    /// A computer, console or phone of its network of devices.
    Device { kind: &'static str },
}

/// Reads the data, without the company.
#[must_use]
pub fn read(data: &[u8]) -> Option<Beacon<'_>> {
    let mut reader = Reader::new(data);
    match reader.u8()? {
        0x03 => {
            let scenario = reader.u8()?;
            reader.u8()?; // reserved level, always 0x80
            match scenario {
                // LE only.
                0x00 => {}
                // BR/EDR only: address and class of device.
                0x01 => reader.skip(9)?,
                // Both: class of device.
                0x02 => reader.skip(3)?,
                _ => return None,
            }
            Some(Beacon::SwiftPair { name: reader.rest() })
        }
        0x01 => {
            // Scenario, version and type in five bits.
            let kind = match reader.u8()? & 0x1f {
                1 => "xbox",
                6 => "iphone",
                7 => "ipad",
                8 => "android",
                9 => "windows",
                11 => "linux",
                12 => "iot",
                13 => "surface_hub",
                14 => "laptop",
                15 => "tablet",
                _ => return None,
            };
            Some(Beacon::Device { kind })
        }
        _ => None,
    }
}
