//! # Capture files
//!
//! pcap, pcapng and snoop, in either byte order, plain or gzipped, told by their first bytes and
//! never by their name. Streams: at most one block is held. A file that ends early gives what was
//! whole and says [`FileReader::is_truncated`].

use std::{fs::File, io::Read, path::Path};

use crate::model::{InterfaceId, LinkType, Wall};

use super::CaptureError;

mod pcap;
mod pcapng;
mod snoop;
mod source;
mod timeline;
mod write;

pub use timeline::Timeline;
pub use write::PcapWriter;

use source::Source;

/// Bytes kept of one frame: as libpcap's `MAXIMUM_SNAPLEN`. A record that claims more is garbage,
/// and so is what follows it.
const FRAME_MAX: usize = 256 * 1024;
/// Bytes of one pcapng block; longer ones hold no frame.
const BLOCK_MAX: usize = 16 * 1024 * 1024;
/// Interfaces of one file.
const INTERFACES_MAX: usize = 1024;

/// One frame of a file, borrowed from the reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileFrame<'a> {
    /// Numbered through the whole file.
    pub interface: InterfaceId,
    pub link: LinkType,
    pub wall: Wall,
    /// Nanoseconds since 1970, as the file has it: may go back, and may be absurd.
    pub stamp_ns: i128,
    /// Never less than there are bytes.
    pub wire_len: u32,
    pub bytes: &'a [u8],
}

/// What a format's reader makes of one step.
enum Step {
    /// A frame's data; its bytes lie in the source's buffer.
    Frame {
        interface: u32,
        link: LinkType,
        stamp_ns: i128,
        wire_len: u32,
        from: usize,
        len: usize,
    },
    End,
    /// The file ends within something, or makes no sense from here on.
    Cut,
}

enum Format {
    Pcap(pcap::Pcap),
    Pcapng(pcapng::Pcapng),
    Snoop(snoop::Snoop),
}

/// Reads a capture file, frame by frame.
pub struct FileReader {
    source: Source,
    format: Format,
    link: Option<LinkType>,
    has_mixed_links: bool,
    frames: u64,
    bytes: u64,
    is_done: bool,
    is_truncated: bool,
}

/// Opens a capture file.
///
/// # Errors
/// [`CaptureError::File`] if it cannot be read, [`CaptureError::NotACapture`] if it is none.
pub fn open(path: &Path) -> Result<FileReader, CaptureError> {
    let unread = |source| CaptureError::File { path: path.to_owned(), source };
    let file = File::open(path).map_err(unread)?;
    if file.metadata().map_err(unread)?.is_dir() {
        return Err(unread(std::io::Error::from(std::io::ErrorKind::IsADirectory)));
    }
    read(file, path)
}

/// Reads a capture from anywhere; `path` is for messages.
///
/// # Errors
/// As [`open`].
pub fn read(input: impl Read + Send + 'static, path: &Path) -> Result<FileReader, CaptureError> {
    let unread = |source| CaptureError::File { path: path.to_owned(), source };
    let mut source = Source::new(input).map_err(unread)?;
    let magic = source.magic().map_err(unread)?;
    let format = match magic {
        [0x0a, 0x0d, 0x0d, 0x0a] => Some(Format::Pcapng(pcapng::Pcapng::default())),
        [b's', b'n', b'o', b'o'] => Some(Format::Snoop(snoop::Snoop::default())),
        _ => pcap::Pcap::new(magic).map(Format::Pcap),
    };
    let format = format.ok_or_else(|| CaptureError::NotACapture { path: path.to_owned(), magic })?;
    Ok(FileReader {
        source,
        format,
        link: None,
        has_mixed_links: false,
        frames: 0,
        bytes: 0,
        is_done: false,
        is_truncated: false,
    })
}

impl FileReader {
    /// The next frame. `None` at the end, or where the file makes no sense any more.
    #[allow(clippy::should_implement_trait, reason = "the frame borrows from the reader, which Iterator cannot say")]
    pub fn next(&mut self) -> Option<FileFrame<'_>> {
        if self.is_done {
            return None;
        }
        let step = match &mut self.format {
            Format::Pcap(format) => format.step(&mut self.source),
            Format::Pcapng(format) => format.step(&mut self.source),
            Format::Snoop(format) => format.step(&mut self.source),
        };
        match step {
            Step::Frame { interface, link, stamp_ns, wire_len, from, len } => {
                let bytes = self.source.buffer().get(from..from + len)?;
                self.frames += 1;
                self.bytes += bytes.len() as u64;
                self.has_mixed_links |= self.link.is_some_and(|known| known != link);
                self.link = Some(link);
                Some(FileFrame {
                    interface: InterfaceId(interface),
                    link,
                    wall: timeline::wall(stamp_ns),
                    stamp_ns,
                    wire_len: wire_len.max(u32::try_from(len).unwrap_or(u32::MAX)),
                    bytes,
                })
            }
            Step::End => {
                self.is_done = true;
                None
            }
            Step::Cut => {
                (self.is_done, self.is_truncated) = (true, true);
                None
            }
        }
    }

    /// Frames read so far.
    #[must_use]
    pub const fn frames(&self) -> u64 {
        self.frames
    }
    /// Bytes of frames read so far.
    #[must_use]
    pub const fn bytes(&self) -> u64 {
        self.bytes
    }
    /// Custom blocks passed over, which some tools count as packets.
    #[must_use]
    pub const fn customs(&self) -> u64 {
        match &self.format {
            Format::Pcapng(format) => format.customs,
            Format::Pcap(_) | Format::Snoop(_) => 0,
        }
    }
    /// It ended within a frame or a block, or what followed made no sense.
    #[must_use]
    pub const fn is_truncated(&self) -> bool {
        self.is_truncated
    }
    /// Of the frames read so far; the second value is true if there were several kinds.
    #[must_use]
    pub const fn link(&self) -> (Option<LinkType>, bool) {
        (self.link, self.has_mixed_links)
    }
}

/// Byte order of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Order {
    Big,
    #[default]
    Little,
}

impl Order {
    const fn u16(self, bytes: [u8; 2]) -> u16 {
        match self {
            Order::Big => u16::from_be_bytes(bytes),
            Order::Little => u16::from_le_bytes(bytes),
        }
    }
    const fn u32(self, bytes: [u8; 4]) -> u32 {
        match self {
            Order::Big => u32::from_be_bytes(bytes),
            Order::Little => u32::from_le_bytes(bytes),
        }
    }
    const fn u64(self, bytes: [u8; 8]) -> u64 {
        match self {
            Order::Big => u64::from_be_bytes(bytes),
            Order::Little => u64::from_le_bytes(bytes),
        }
    }
}

#[cfg(test)]
mod tests;
