//! # Eddystone
//!
//! Service data of UUID 0xfeaa (github.com/google/eddystone, protocol specification), and the frames
//! 0x40 and 0x41 of Google's network for lost things in the same place (Find Hub Network accessory
//! specification).

use std::fmt;

use crate::wire::reader::Reader;

/// One frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Frame<'a> {
    Uid {
        /// What is received at no distance, in dBm.
        at_0m: i8,
        namespace: [u8; 10],
        instance: [u8; 6],
    },
    Url {
        at_0m: i8,
        url: Url<'a>,
    },
    Telemetry {
        /// `None`: it has no battery.
        battery_mv: Option<u16>,
        /// In 1/256 °C; `None`: it has no thermometer.
        temperature: Option<i16>,
        adverts: u32,
        /// In tenths of a second since it was switched on.
        uptime: u32,
    },
    /// Changes as a private address does.
    Eid {
        at_0m: i8,
        id: [u8; 8],
    },
    /// A tag of the Find Hub network.
    Lost {
        separated: bool,
    },
}

/// Reads the data of the service, without the UUID. `None`: another frame, or cut short.
#[must_use]
pub fn read(data: &[u8]) -> Option<Frame<'_>> {
    let mut reader = Reader::new(data);
    match reader.u8()? {
        0x00 => Some(Frame::Uid { at_0m: level(&mut reader)?, namespace: reader.take()?, instance: reader.take()? }),
        0x10 => {
            let at_0m = level(&mut reader)?;
            let (scheme, encoded) = (reader.u8()?, reader.rest());
            // "Encoded URL: 0 to 17 bytes."
            (scheme <= 3 && encoded.len() <= 17).then_some(Frame::Url { at_0m, url: Url { scheme, encoded } })
        }
        // Version 1 is encrypted.
        0x20 if reader.u8()? == 0 => {
            let (battery, temperature) = (reader.u16()?, i16::from_be_bytes(reader.take()?));
            Some(Frame::Telemetry {
                battery_mv: (battery != 0).then_some(battery),
                temperature: (temperature != i16::MIN).then_some(temperature),
                adverts: reader.u32()?,
                uptime: reader.u32()?,
            })
        }
        0x30 => Some(Frame::Eid { at_0m: level(&mut reader)?, id: reader.take()? }),
        // The key of 20 or 32 bytes has to be there.
        kind @ (0x40 | 0x41) if reader.len() >= 20 => Some(Frame::Lost { separated: kind == 0x41 }),
        _ => None,
    }
}

fn level(reader: &mut Reader<'_>) -> Option<i8> {
    reader.take().map(i8::from_be_bytes)
}

/// A short address of a page. `Display` writes it out; what is not printable ASCII becomes `?`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Url<'a> {
    scheme: u8,
    encoded: &'a [u8],
}

const ENDS: [&str; 7] = [".com", ".org", ".edu", ".net", ".info", ".biz", ".gov"];

impl fmt::Display for Url<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.scheme {
            0 => "http://www.",
            1 => "https://www.",
            2 => "http://",
            _ => "https://",
        })?;
        for byte in self.encoded {
            let end = ENDS.get(usize::from(byte % 7));
            match (byte, end) {
                (0..7, Some(end)) => write!(f, "{end}/")?,
                (7..14, Some(end)) => f.write_str(end)?,
                (0x21..0x7f, _) => write!(f, "{}", char::from(*byte))?,
                _ => f.write_str("?")?,
            }
        }
        Ok(())
    }
}
