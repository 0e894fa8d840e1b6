//! Bytes of a file, unpacked if gzipped, one piece at a time.

use std::io::{self, BufReader, Cursor, Read};

use flate2::read::MultiGzDecoder;

use super::Order;

/// How a read went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Got {
    All,
    /// Not one byte was left.
    Nothing,
    /// Some, not all; or the input failed on the way, as a damaged gzip does.
    Part,
}

/// A stream with one buffer, which holds the piece last read.
pub struct Source {
    input: Box<dyn Read + Send>,
    magic: [u8; 4],
    buffer: Vec<u8>,
}

impl Source {
    /// Looks at the first bytes and puts an unpacker in front if they are gzip's.
    pub fn new(mut input: impl Read + Send + 'static) -> io::Result<Source> {
        let head = up_to(&mut input, 2)?;
        let is_packed = head == [0x1f, 0x8b];
        let whole = Cursor::new(head).chain(input);
        let input: Box<dyn Read + Send> = if is_packed {
            Box::new(BufReader::with_capacity(64 * 1024, MultiGzDecoder::new(whole)))
        } else {
            Box::new(whole)
        };
        Ok(Source { input, magic: [0; 4], buffer: Vec::new() })
    }

    /// The first four bytes, which stay to be read. Zeros if there are fewer.
    pub fn magic(&mut self) -> io::Result<[u8; 4]> {
        let head = up_to(&mut self.input, 4)?;
        for (to, from) in self.magic.iter_mut().zip(&head) {
            *to = *from;
        }
        let rest = std::mem::replace(&mut self.input, Box::new(io::empty()));
        self.input = Box::new(Cursor::new(head).chain(rest));
        Ok(self.magic)
    }

    /// Replaces the buffer by the next `len` bytes. The caller has checked `len`.
    pub fn fill(&mut self, len: usize) -> Got {
        self.buffer.clear();
        self.more(len)
    }

    /// Adds `len` bytes to the buffer.
    pub fn more(&mut self, len: usize) -> Got {
        let before = self.buffer.len();
        // `take` reads as the bytes come, so a length that lies costs no memory.
        let result = self.input.by_ref().take(len as u64).read_to_end(&mut self.buffer);
        let got = self.buffer.len() - before;
        match result {
            Ok(_) | Err(_) if got == len => Got::All,
            Ok(_) if got == 0 => Got::Nothing,
            _ => Got::Part,
        }
    }

    /// Passes over `len` bytes.
    pub fn skip(&mut self, len: u64) -> Got {
        match io::copy(&mut self.input.by_ref().take(len), &mut io::sink()) {
            Ok(got) if got == len => Got::All,
            _ => Got::Part,
        }
    }

    /// The piece last read.
    pub fn buffer(&self) -> &[u8] {
        &self.buffer
    }

    /// A number in the buffer; zero beyond its end, which the caller has excluded.
    pub fn u32(&self, at: usize, order: Order) -> u32 {
        self.buffer.get(at..).and_then(|rest| rest.first_chunk()).map_or(0, |bytes| order.u32(*bytes))
    }
    pub fn u16(&self, at: usize, order: Order) -> u16 {
        self.buffer.get(at..).and_then(|rest| rest.first_chunk()).map_or(0, |bytes| order.u16(*bytes))
    }
    pub fn u64(&self, at: usize, order: Order) -> u64 {
        self.buffer.get(at..).and_then(|rest| rest.first_chunk()).map_or(0, |bytes| order.u64(*bytes))
    }
}

/// `len` bytes, or as many as there are.
fn up_to(input: &mut impl Read, len: u64) -> io::Result<Vec<u8>> {
    let mut head = Vec::new();
    match input.take(len).read_to_end(&mut head) {
        // A gzip that is damaged from the start is no capture, whatever the error says.
        Err(error)
            if head.is_empty()
                && error.kind() != io::ErrorKind::UnexpectedEof
                && error.kind() != io::ErrorKind::InvalidInput
                && error.kind() != io::ErrorKind::InvalidData =>
        {
            Err(error)
        }
        _ => Ok(head),
    }
}
