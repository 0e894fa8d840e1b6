//! # DNS messages
//!
//! RFC 1035; also the form of multicast DNS and LLMNR (RFC 4795). Names are walked, never copied;
//! a compression pointer must lead strictly backwards, and a name has a limit of jumps and bytes,
//! so that no message makes a reader run in circles.

use std::{
    fmt,
    net::{Ipv4Addr, Ipv6Addr},
};

use crate::wire::reader::Reader;

/// Pointers followed in one name.
const JUMPS_MAX: usize = 64;
/// Bytes of a name, lengths counted (RFC 1035 §2.3.4).
const NAME_MAX: usize = 255;

/// Record types (IANA dns-parameters).
pub mod kind {
    pub const A: u16 = 1;
    pub const NS: u16 = 2;
    pub const CNAME: u16 = 5;
    pub const SOA: u16 = 6;
    pub const NULL: u16 = 10;
    pub const PTR: u16 = 12;
    pub const MX: u16 = 15;
    pub const TXT: u16 = 16;
    pub const AAAA: u16 = 28;
    pub const NETBIOS: u16 = 32;
    pub const SRV: u16 = 33;
    pub const OPT: u16 = 41;
    pub const NSEC: u16 = 47;
    pub const HTTPS: u16 = 65;
    pub const ANY: u16 = 255;
}

/// A message, header read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Message<'a> {
    pub id: u16,
    pub flags: u16,
    /// Questions, answers, authorities, additionals: as claimed.
    pub counts: [u16; 4],
    bytes: &'a [u8],
}

/// Where a record stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Section {
    Answer,
    Authority,
    Additional,
}

impl<'a> Message<'a> {
    /// Bytes of the header.
    const HEADER: usize = 12;

    /// `None` if the header is cut.
    #[must_use]
    pub fn read(bytes: &'a [u8]) -> Option<Message<'a>> {
        let mut reader = Reader::new(bytes);
        let (id, flags) = (reader.u16()?, reader.u16()?);
        let counts = [reader.u16()?, reader.u16()?, reader.u16()?, reader.u16()?];
        Some(Message { id, flags, counts, bytes })
    }

    #[must_use]
    pub const fn is_response(&self) -> bool {
        self.flags & 0x8000 != 0
    }
    /// 0 query, 4 notify, 5 update; NetBIOS: 5 registration.
    #[must_use]
    pub const fn opcode(&self) -> u8 {
        (self.flags >> 11 & 0x0f) as u8
    }
    /// 0 no error, 2 server failure, 3 no such name, 5 refused.
    #[must_use]
    pub const fn code(&self) -> u8 {
        (self.flags & 0x0f) as u8
    }
    #[must_use]
    pub const fn is_authoritative(&self) -> bool {
        self.flags & 0x0400 != 0
    }
    /// The sender had more to say than fits.
    #[must_use]
    pub const fn is_truncated(&self) -> bool {
        self.flags & 0x0200 != 0
    }

    /// Questions, as far as they are whole.
    #[must_use]
    pub const fn questions(&self) -> Questions<'a> {
        let [left, ..] = self.counts;
        Questions { bytes: self.bytes, at: Message::HEADER, left, cut: false }
    }

    /// Records of all three sections, as far as they are whole.
    #[must_use]
    pub fn records(&self) -> Records<'a> {
        let mut questions = self.questions();
        questions.by_ref().for_each(drop);
        let [_, answers, authorities, additionals] = self.counts;
        Records { bytes: self.bytes, at: questions.at, left: [answers, authorities, additionals], cut: questions.cut }
    }

    /// Records of the answer section.
    pub fn answers(&self) -> impl Iterator<Item = Record<'a>> {
        self.records().filter(|record| record.section == Section::Answer)
    }
}

/// A question.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    pub name: Name<'a>,
    pub kind: u16,
    /// In multicast DNS the top bit asks for a unicast answer.
    pub class: u16,
}

/// Ends at the count or at the first that is cut; `cut` then says so.
#[derive(Debug, Clone)]
pub struct Questions<'a> {
    bytes: &'a [u8],
    at: usize,
    left: u16,
    pub cut: bool,
}

impl<'a> Iterator for Questions<'a> {
    type Item = Question<'a>;
    fn next(&mut self) -> Option<Question<'a>> {
        self.left = self.left.checked_sub(1)?;
        let read = || {
            let name = Name { message: self.bytes, at: self.at };
            let at = name.end()?;
            let mut reader = Reader::new(self.bytes.get(at..)?);
            Some((Question { name, kind: reader.u16()?, class: reader.u16()? }, at + 4))
        };
        match read() {
            Some((question, at)) => {
                self.at = at;
                Some(question)
            }
            None => {
                (self.left, self.cut) = (0, true);
                None
            }
        }
    }
}

/// A resource record.
#[derive(Debug, Clone, Copy)]
pub struct Record<'a> {
    pub section: Section,
    pub name: Name<'a>,
    pub kind: u16,
    /// In multicast DNS the top bit says that older records are void.
    pub class: u16,
    pub ttl_s: u32,
    pub bytes: &'a [u8],
    message: &'a [u8],
    data_at: usize,
}

/// What a record says.
#[derive(Debug, Clone, Copy)]
pub enum Data<'a> {
    A(Ipv4Addr),
    Aaaa(Ipv6Addr),
    Name(Name<'a>),
    Srv { priority: u16, weight: u16, port: u16, target: Name<'a> },
    Txt(Strings<'a>),
    Other(&'a [u8]),
}

impl<'a> Record<'a> {
    /// Reads the data; what does not fit its type is `Other`.
    #[must_use]
    pub fn data(&self) -> Data<'a> {
        let name = |skip: usize| Name { message: self.message, at: self.data_at + skip };
        let mut reader = Reader::new(self.bytes);
        let data = match self.kind {
            kind::A => reader.ipv4().map(Data::A),
            kind::AAAA => reader.ipv6().map(Data::Aaaa),
            kind::NS | kind::CNAME | kind::PTR if !reader.is_empty() => Some(Data::Name(name(0))),
            kind::SRV => match (reader.u16(), reader.u16(), reader.u16()) {
                (Some(priority), Some(weight), Some(port)) if !reader.is_empty() => {
                    Some(Data::Srv { priority, weight, port, target: name(6) })
                }
                _ => None,
            },
            kind::TXT => Some(Data::Txt(Strings { rest: reader })),
            _ => None,
        };
        data.unwrap_or(Data::Other(self.bytes))
    }
}

/// Ends at the counts or at the first that is cut; `cut` then says so.
#[derive(Debug, Clone)]
pub struct Records<'a> {
    bytes: &'a [u8],
    at: usize,
    left: [u16; 3],
    pub cut: bool,
}

impl<'a> Records<'a> {
    fn read(&self, section: Section) -> Option<Record<'a>> {
        let name = Name { message: self.bytes, at: self.at };
        let at = name.end()?;
        let mut reader = Reader::new(self.bytes.get(at..)?);
        let (kind, class, ttl_s, len) = (reader.u16()?, reader.u16()?, reader.u32()?, reader.u16()?);
        let bytes = reader.slice(len.into())?;
        Some(Record { section, name, kind, class, ttl_s, bytes, message: self.bytes, data_at: at + 10 })
    }
}

impl<'a> Iterator for Records<'a> {
    type Item = Record<'a>;
    fn next(&mut self) -> Option<Record<'a>> {
        if self.cut {
            return None;
        }
        let sections = [Section::Answer, Section::Authority, Section::Additional];
        let (left, section) = self.left.iter_mut().zip(sections).find(|(left, _)| **left > 0)?;
        *left -= 1;
        match self.read(section) {
            Some(record) => {
                self.at = record.data_at + record.bytes.len();
                Some(record)
            }
            None => {
                self.cut = true;
                None
            }
        }
    }
}

/// Strings of a TXT record (RFC 1035 §3.3.14). Ends at the first that is cut.
#[derive(Debug, Clone, Copy)]
pub struct Strings<'a> {
    rest: Reader<'a>,
}

impl<'a> Iterator for Strings<'a> {
    type Item = &'a [u8];
    fn next(&mut self) -> Option<&'a [u8]> {
        let len = self.rest.u8()?;
        self.rest.slice(len.into())
    }
}

/// A name within a message.
#[derive(Clone, Copy)]
pub struct Name<'a> {
    message: &'a [u8],
    at: usize,
}

impl<'a> Name<'a> {
    /// The name that begins `at` so many bytes into `message`.
    #[must_use]
    pub const fn new(message: &'a [u8], at: usize) -> Name<'a> {
        Name { message, at }
    }

    /// Its labels, first (leftmost) first.
    #[must_use]
    pub const fn labels(&self) -> Labels<'a> {
        Labels { message: self.message, at: self.at, before: self.at, jumps: 0, used: 0, cut: false }
    }

    /// Where it ends in the message, pointers not followed. `None` if it is cut or malformed.
    fn end(&self) -> Option<usize> {
        let mut at = self.at;
        for _ in 0..NAME_MAX {
            match self.message.get(at)? {
                0 => return Some(at + 1),
                len @ 1..=0x3f => at += 1 + usize::from(*len),
                0xc0.. => return self.message.get(at + 1).map(|_| at + 2),
                _ => return None,
            }
        }
        None
    }

    /// Same labels, letters compared without case (RFC 4343).
    #[must_use]
    pub fn is(&self, other: &Name<'_>) -> bool {
        let (mut mine, mut theirs) = (self.labels(), other.labels());
        loop {
            match (mine.next(), theirs.next()) {
                (Some(a), Some(b)) if a.eq_ignore_ascii_case(b) => {}
                (None, None) => return !mine.cut && !theirs.cut,
                _ => return false,
            }
        }
    }

    /// Equals `text`, labels joined by dots, without case.
    #[must_use]
    pub fn is_text(&self, text: &str) -> bool {
        let mut labels = self.labels();
        text.split('.').all(|part| labels.next().is_some_and(|label| label.eq_ignore_ascii_case(part.as_bytes())))
            && labels.next().is_none()
            && !labels.cut
    }
}

/// Labels of a name. Ends at the root, or at the first that is cut or points forward; `cut` says so.
#[derive(Debug, Clone)]
pub struct Labels<'a> {
    message: &'a [u8],
    at: usize,
    /// The next pointer must lead before this.
    before: usize,
    jumps: usize,
    used: usize,
    pub cut: bool,
}

impl<'a> Labels<'a> {
    fn step(&mut self) -> Result<Option<&'a [u8]>, ()> {
        loop {
            let len = *self.message.get(self.at).ok_or(())?;
            match len {
                0 => return Ok(None),
                1..=0x3f => {
                    let start = self.at + 1;
                    let end = start + usize::from(len);
                    self.used += 1 + usize::from(len);
                    if self.used > NAME_MAX {
                        return Err(());
                    }
                    let label = self.message.get(start..end).ok_or(())?;
                    self.at = end;
                    return Ok(Some(label));
                }
                0xc0.. => {
                    let low = *self.message.get(self.at + 1).ok_or(())?;
                    let to = usize::from(u16::from_be_bytes([len & 0x3f, low]));
                    self.jumps += 1;
                    if to >= self.before || self.jumps > JUMPS_MAX {
                        return Err(());
                    }
                    (self.at, self.before) = (to, to);
                }
                _ => return Err(()),
            }
        }
    }
}

impl<'a> Iterator for Labels<'a> {
    type Item = &'a [u8];
    fn next(&mut self) -> Option<&'a [u8]> {
        if self.cut {
            return None;
        }
        match self.step() {
            Ok(label) => label,
            Err(()) => {
                self.cut = true;
                None
            }
        }
    }
}

/// Labels joined by dots; dots and backslashes within a label escaped, bytes that are no text as
/// `\ddd` (RFC 1035 §5.1). The root is a dot. What is cut ends in `…`.
impl fmt::Display for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut labels = self.labels();
        let mut is_first = true;
        for label in labels.by_ref() {
            if !is_first {
                f.write_str(".")?;
            }
            is_first = false;
            write_label(f, label)?;
        }
        match (labels.cut, is_first) {
            (true, _) => f.write_str("…"),
            (false, true) => f.write_str("."),
            (false, false) => Ok(()),
        }
    }
}

fn write_label(f: &mut fmt::Formatter<'_>, label: &[u8]) -> fmt::Result {
    // Nearly all: letters, digits and hyphens.
    if let Ok(text) = str::from_utf8(label)
        && label.iter().all(|byte| matches!(byte, b' '..=b'~') && !matches!(byte, b'.' | b'\\'))
    {
        return f.write_str(text);
    }
    for chunk in label.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '.' | '\\' => write!(f, "\\{c}")?,
                c if c.is_control() => {
                    let mut bytes = [0; 4];
                    c.encode_utf8(&mut bytes).bytes().try_for_each(|byte| write!(f, "\\{byte:03}"))?;
                }
                c => write!(f, "{c}")?,
            }
        }
        chunk.invalid().iter().try_for_each(|byte| write!(f, "\\{byte:03}"))?;
    }
    Ok(())
}

impl fmt::Debug for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}
