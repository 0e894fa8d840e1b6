//! # Indicators: what lists of bad addresses and names say
//!
//! Immutable once built, and replaced whole. Addresses are ranges, everything else is kept as a 64-bit hash: a
//! million entries need some 16 MB, and a look-up reads two or three places of memory. Two of a million names and any
//! one that is asked for share a hash once in 10¹³ questions.
//!
//! Holds at most the entries it was told to hold, of at most [`LISTS_MAX`] lists.

use std::net::IpAddr;

use super::{
    digest::digest,
    names::{URL_BYTES_MAX, registered},
};
use crate::model::{Port, Wall, words};

mod ranges;
mod table;

use ranges::Ranges;
use table::Table;

/// Lists at a time.
pub const LISTS_MAX: usize = 64;

words! {
    /// What stands in a list.
    pub enum Sort {
        /// Hosts that command malware.
        C2 = "c2",
        /// Hosts that hand malware out.
        Malware = "malware",
        /// Pages that pose as others.
        Phishing = "phishing",
        /// Hosts that knock everywhere: talking to one proves little.
        Weather = "weather",
    }
}

/// Which list, of which sort, and how many lists besides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Tag {
    pub list: u8,
    pub sort: Sort,
    pub more: u8,
}

impl Tag {
    #[must_use]
    pub const fn new(list: u8, sort: Sort) -> Tag {
        Tag { list, sort, more: 0 }
    }

    /// One entry that stands in several lists: the gravest sort counts.
    const fn join(self, other: Tag) -> Tag {
        let graver = if (other.sort as u8) < self.sort as u8 { other } else { self };
        let more = if self.list == other.list { self.more } else { self.more.saturating_add(1) };
        Tag { more, ..graver }
    }
}

/// One entry of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// An address or a network, with the bits of its prefix.
    Net(IpAddr, u8),
    /// One service of a host that may have others.
    Service(IpAddr, Port),
    /// A domain, with all below it if it is one that somebody registered.
    Name(String),
    /// Host, port if it is not 80, path: `example.net/a.exe`.
    Url(String),
    Ja4(String),
}

/// A list that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct List {
    pub name: String,
    /// When it was fetched or written.
    pub dated: Wall,
}

/// What stands in a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hit<'a> {
    pub list: &'a List,
    pub sort: Sort,
    /// Lists it stands in.
    pub lists: u8,
}

/// All that is known to be bad.
#[derive(Debug, Clone, Default)]
pub struct Indicators {
    lists: Vec<List>,
    v4: Ranges<u32>,
    v6: Ranges<u128>,
    services: Table,
    names: Table,
    urls: Table,
    ja4s: Table,
}

impl Indicators {
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    #[must_use]
    pub fn len(&self) -> usize {
        self.v4.len() + self.v6.len() + self.services.len() + self.names.len() + self.urls.len() + self.ja4s.len()
    }

    /// Bytes it takes, without the names of lists.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let tables = [&self.services, &self.names, &self.urls, &self.ja4s];
        self.v4.bytes() + self.v6.bytes() + tables.iter().map(|table| table.bytes()).sum::<usize>()
    }

    #[must_use]
    pub fn lists(&self) -> &[List] {
        &self.lists
    }

    fn hit(&self, tag: Tag) -> Option<Hit<'_>> {
        let list = self.lists.get(usize::from(tag.list))?;
        Some(Hit { list, sort: tag.sort, lists: tag.more.saturating_add(1) })
    }

    /// An address, whatever port.
    #[must_use]
    pub fn address(&self, ip: IpAddr) -> Option<Hit<'_>> {
        let tag = match ip.to_canonical() {
            IpAddr::V4(ip) => self.v4.get(u32::from(ip)),
            IpAddr::V6(ip) => self.v6.get(u128::from(ip)),
        };
        self.hit(tag?)
    }

    /// One service of an address.
    #[must_use]
    pub fn service(&self, ip: IpAddr, port: Port) -> Option<Hit<'_>> {
        self.hit(self.services.get(service(ip, port))?)
    }

    /// A name, and which listed name it is or lies below.
    #[must_use]
    pub fn name<'n>(&self, name: &'n str) -> Option<(Hit<'_>, &'n str)> {
        if self.names.len() == 0 {
            return None;
        }
        let name = name.trim_end_matches('.');
        let of = |name: &'n str| Some((self.hit(self.names.get(text(name))?)?, name));
        of(name).or_else(|| {
            let parent = registered(name);
            if parent == name { None } else { of(parent) }
        })
    }

    /// A page: host as it was asked for (with its port if not 80), and path.
    #[must_use]
    pub fn url(&self, host: &str, path: &str) -> Option<Hit<'_>> {
        if self.urls.len() == 0 || host.len() + path.len() > URL_BYTES_MAX {
            return None;
        }
        let host = host.strip_suffix(":80").unwrap_or(host);
        self.hit(self.urls.get(text(&format!("{}{path}", host.to_ascii_lowercase())))?)
    }

    /// A fingerprint of a greeting.
    #[must_use]
    pub fn ja4(&self, ja4: &str) -> Option<Hit<'_>> {
        self.hit(self.ja4s.get(text(ja4))?)
    }
}

/// Collects entries. What does not fit is counted.
#[derive(Debug)]
pub struct Builder {
    lists: Vec<List>,
    v4: Vec<(u32, u8, Tag)>,
    v6: Vec<(u128, u8, Tag)>,
    hashes: [Vec<(u64, Tag)>; 4],
    room: usize,
    dropped: u64,
}

impl Builder {
    #[must_use]
    pub fn new(entries_max: usize) -> Builder {
        Builder {
            lists: Vec::new(),
            v4: Vec::new(),
            v6: Vec::new(),
            hashes: Default::default(),
            room: entries_max,
            dropped: 0,
        }
    }

    /// The number of a new list; `None` if there are too many.
    pub fn list(&mut self, list: List) -> Option<u8> {
        let number = u8::try_from(self.lists.len()).ok().filter(|_| self.lists.len() < LISTS_MAX)?;
        self.lists.push(list);
        Some(number)
    }

    pub fn add(&mut self, entry: &Entry, tag: Tag) {
        if self.room == 0 {
            self.dropped += 1;
            return;
        }
        self.room -= 1;
        let [services, names, urls, ja4s] = &mut self.hashes;
        match entry {
            Entry::Net(IpAddr::V4(ip), bits) => self.v4.push((u32::from(*ip), *bits, tag)),
            Entry::Net(IpAddr::V6(ip), bits) => self.v6.push((u128::from(*ip), *bits, tag)),
            Entry::Service(ip, port) => services.push((service(*ip, *port), tag)),
            Entry::Name(name) => names.push((text(name), tag)),
            Entry::Url(url) => urls.push((text(url), tag)),
            Entry::Ja4(ja4) => ja4s.push((text(ja4), tag)),
        }
    }

    /// Entries that found no room.
    #[must_use]
    pub const fn dropped(&self) -> u64 {
        self.dropped
    }

    #[must_use]
    pub fn build(self) -> Indicators {
        let [services, names, urls, ja4s] = self.hashes.map(Table::new);
        Indicators {
            lists: self.lists,
            v4: Ranges::new(self.v4),
            v6: Ranges::new(self.v6),
            services,
            names,
            urls,
            ja4s,
        }
    }
}

fn text(text: &str) -> u64 {
    digest(text.bytes())
}

fn service(ip: IpAddr, port: Port) -> u64 {
    let ip = match ip.to_canonical() {
        IpAddr::V4(ip) => ip.to_ipv6_mapped(),
        IpAddr::V6(ip) => ip,
    };
    digest(ip.octets().into_iter().chain(port.to_be_bytes()))
}

#[cfg(test)]
mod tests;
