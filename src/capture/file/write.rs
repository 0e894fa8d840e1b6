//! Writes pcap: little-endian, nanoseconds.

use std::io::{self, Write};

use crate::model::LinkType;

/// Writes one file, frame by frame.
pub struct PcapWriter<W: Write> {
    out: W,
}

impl<W: Write> PcapWriter<W> {
    /// Writes the header.
    ///
    /// # Errors
    /// What `out` says.
    pub fn new(mut out: W, link: LinkType) -> io::Result<PcapWriter<W>> {
        let mut header = Vec::with_capacity(24);
        header.extend([0x4d, 0x3c, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        header.extend(u32::try_from(super::FRAME_MAX).unwrap_or(u32::MAX).to_le_bytes());
        header.extend(u32::from(link.0).to_le_bytes());
        out.write_all(&header)?;
        Ok(PcapWriter { out })
    }

    /// Writes one frame. A stamp outside 1970 to 2106 is written as its nearest end; bytes beyond
    /// what a reader takes are cut.
    ///
    /// # Errors
    /// What `out` says.
    pub fn frame(&mut self, stamp_ns: i128, wire_len: u32, bytes: &[u8]) -> io::Result<()> {
        let (seconds, fraction) = (stamp_ns.div_euclid(1_000_000_000), stamp_ns.rem_euclid(1_000_000_000));
        let seconds = u32::try_from(seconds.clamp(0, u32::MAX.into())).unwrap_or(u32::MAX);
        let fraction = u32::try_from(fraction).unwrap_or(0);
        let bytes = bytes.get(..super::FRAME_MAX).unwrap_or(bytes);
        let kept = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        for number in [seconds, fraction, kept, wire_len.max(kept)] {
            self.out.write_all(&number.to_le_bytes())?;
        }
        self.out.write_all(bytes)
    }

    /// Gives back what it wrote to.
    ///
    /// # Errors
    /// What the last flush says.
    pub fn finish(mut self) -> io::Result<W> {
        self.out.flush()?;
        Ok(self.out)
    }
}
