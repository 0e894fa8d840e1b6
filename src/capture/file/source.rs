//! Bytes of a file, unpacked if gzipped, one piece at a time.

use std::{
    io::{self, BufReader, Cursor, Read},
    ops::Range,
};

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

/// Bytes asked of the input at once. A length that lies costs no more memory than this beyond what came.
const CHUNK: usize = 64 * 1024;

/// A stream with one buffer, in which the piece last read lies.
pub struct Source {
    input: Box<dyn Read + Send>,
    buffer: Vec<u8>,
    /// The piece last read.
    piece: Range<usize>,
    /// Bytes of the buffer that were read.
    end: usize,
}

impl Source {
    /// Looks at the first bytes and puts an unpacker in front if they are gzip's.
    pub fn new(mut input: impl Read + Send + 'static) -> io::Result<Source> {
        let head = up_to(&mut input, 2)?;
        let is_packed = head == [0x1f, 0x8b];
        let whole = Cursor::new(head).chain(input);
        let input: Box<dyn Read + Send> = if is_packed {
            Box::new(MultiGzDecoder::new(BufReader::with_capacity(CHUNK, whole)))
        } else {
            Box::new(whole)
        };
        Ok(Source { input, buffer: Vec::new(), piece: 0..0, end: 0 })
    }

    /// The first four bytes, which stay to be read. Zeros if there are fewer.
    pub fn magic(&mut self) -> io::Result<[u8; 4]> {
        self.gather(4).or_else(no_capture)?;
        let mut magic = [0; 4];
        for (to, from) in magic.iter_mut().zip(self.buffer.get(..self.end).unwrap_or_default()) {
            *to = *from;
        }
        Ok(magic)
    }

    /// Replaces the piece by the next `len` bytes. The caller has checked `len`.
    #[inline]
    pub fn fill(&mut self, len: usize) -> Got {
        self.piece.start = self.piece.end;
        self.more(len)
    }

    /// Adds `len` bytes to the piece.
    #[inline]
    pub fn more(&mut self, len: usize) -> Got {
        if self.end - self.piece.end >= len {
            self.piece.end += len;
            return Got::All;
        }
        let result = self.gather(len);
        let got = (self.end - self.piece.end).min(len);
        self.piece.end += got;
        match result {
            _ if got == len => Got::All,
            Ok(()) if got == 0 => Got::Nothing,
            _ => Got::Part,
        }
    }

    /// Passes over `len` bytes.
    pub fn skip(&mut self, len: u64) -> Got {
        let mut left = len;
        while left > 0 {
            let step = usize::try_from(left).unwrap_or(CHUNK).min(CHUNK);
            if self.fill(step) != Got::All {
                return Got::Part;
            }
            left -= step as u64;
        }
        Got::All
    }

    /// Reads until `len` bytes lie behind the piece, or there are no more.
    #[cold]
    fn gather(&mut self, len: usize) -> io::Result<()> {
        self.buffer.copy_within(self.piece.start..self.end, 0);
        self.end -= self.piece.start;
        self.piece = 0..self.piece.end - self.piece.start;
        while self.end - self.piece.end < len {
            if self.buffer.len() - self.end < CHUNK {
                self.buffer.resize(self.end + CHUNK, 0);
            }
            match self.input.read(self.buffer.get_mut(self.end..).unwrap_or_default()) {
                Ok(0) => break,
                Ok(got) => self.end += got,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// The piece last read.
    #[inline]
    pub fn buffer(&self) -> &[u8] {
        self.buffer.get(self.piece.clone()).unwrap_or_default()
    }

    /// A number in the buffer; zero beyond its end, which the caller has excluded.
    pub fn u32(&self, at: usize, order: Order) -> u32 {
        self.buffer().get(at..).and_then(|rest| rest.first_chunk()).map_or(0, |bytes| order.u32(*bytes))
    }
    pub fn u16(&self, at: usize, order: Order) -> u16 {
        self.buffer().get(at..).and_then(|rest| rest.first_chunk()).map_or(0, |bytes| order.u16(*bytes))
    }
    pub fn u64(&self, at: usize, order: Order) -> u64 {
        self.buffer().get(at..).and_then(|rest| rest.first_chunk()).map_or(0, |bytes| order.u64(*bytes))
    }
}

/// A gzip that is damaged from the start is no capture, whatever the error says.
fn no_capture(error: io::Error) -> io::Result<()> {
    match error.kind() {
        io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData => Ok(()),
        _ => Err(error),
    }
}

/// `len` bytes, or as many as there are.
fn up_to(input: &mut impl Read, len: u64) -> io::Result<Vec<u8>> {
    let mut head = Vec::new();
    match input.take(len).read_to_end(&mut head) {
        Err(error) if head.is_empty() => no_capture(error).map(|()| head),
        _ => Ok(head),
    }
}
