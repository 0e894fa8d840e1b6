//! # Feeds: lists of bad addresses and names, read
//!
//! A list is told by what stands in it, not by what it is called: one entry a line, a hosts file, rules of blockers,
//! CSV with a head (as abuse.ch's), or JSON (MISP, STIX, ThreatFox). What cannot be read is counted, what no list may
//! say (`refuse`) is left out.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use super::{
    indicators::{Builder, Entry, List, Sort, Tag},
    refuse::{Refused, refused},
};
use crate::model::{Wall, clean_text};

mod entry;
mod json;
mod lines;
#[cfg(test)]
mod tests;

pub use entry::entry;

/// Bytes of one list. A million names are some 20 MB.
pub const BYTES_MAX: usize = 64 << 20;

// An address changes its tenant within weeks, a name its owner within months.
const ADDRESS_DAYS: i64 = 30;
const NAME_DAYS: i64 = 90;
const DAY_MS: i64 = 86_400_000;

/// Where a list is, and of which sort: `https://host/list.csv`, `/path/to/list`, `phishing=https://host/list`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct Feed {
    /// `None`: what the list says of each entry, else malware.
    pub sort: Option<Sort>,
    pub place: String,
}

impl FromStr for Feed {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let (sort, place) = match text.split_once('=').map(|(word, place)| (word.parse::<Sort>(), place)) {
            Some((Ok(sort), place)) => (Some(sort), place),
            _ => (None, text),
        };
        let bad = |what: &str| {
            let words: Vec<&str> = Sort::ALL.iter().map(|sort| sort.word()).collect();
            format!(
                "`{}` {what}: expected an https address or a file, after {}= if all are such",
                shown(place),
                words.join("=, ")
            )
        };
        match place.split_once("://") {
            Some(("https" | "http", rest)) if !rest.is_empty() => url::Url::parse(place)
                .map_err(|error| bad(&format!("is no address ({error})")))
                .and_then(|url| if is_safe(&url) { Ok(()) } else { Err(bad("can be altered on its way")) })?,
            Some(_) => return Err(bad("is no place of a list")),
            None if place.is_empty() => return Err(bad("is no place of a list")),
            None => {}
        }
        Ok(Feed { sort, place: place.to_owned() })
    }
}

/// By TLS, or from within one's own network.
fn is_safe(url: &url::Url) -> bool {
    url.scheme() == "https"
        || match url.host() {
            Some(url::Host::Ipv4(ip)) => ip.is_loopback() || crate::model::is_private(ip.into()),
            Some(url::Host::Ipv6(ip)) => ip.is_loopback() || crate::model::is_private(ip.into()),
            Some(url::Host::Domain(name)) => name == "localhost",
            None => false,
        }
}

/// What may be told of a place: keys of accounts stand in paths and questions.
fn shown(place: &str) -> String {
    match url::Url::parse(place) {
        Ok(url) if url.has_host() => {
            let file = url.path_segments().and_then(|mut parts| parts.next_back()).unwrap_or_default();
            clean_text(&format!("{}/{file}", url.host_str().unwrap_or_default()), 80)
        }
        _ => clean_text(place.rsplit('/').next().unwrap_or(place), 80),
    }
}

impl Feed {
    /// It has to be fetched.
    #[must_use]
    pub fn is_remote(&self) -> bool {
        self.place.contains("://")
    }

    /// What it is called in alerts and in the log.
    #[must_use]
    pub fn name(&self) -> String {
        shown(&self.place)
    }
}

impl TryFrom<String> for Feed {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Feed> for String {
    fn from(feed: Feed) -> String {
        feed.sort.map_or_else(|| feed.place.clone(), |sort| format!("{sort}={}", feed.place))
    }
}

impl fmt::Debug for Feed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Feed").field("sort", &self.sort).field("name", &self.name()).finish()
    }
}

/// What became of a list.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Read {
    pub taken: u64,
    /// Lines or values that are no entry.
    pub unread: u64,
    /// Left out, by reason.
    pub refused: [u64; Refused::ALL.len()],
}

impl Read {
    fn refuse(&mut self, why: Refused) {
        if let Some(count) = self.refused.get_mut(why as usize) {
            *count += 1;
        }
    }

    /// `too_wide 2, popular 1`; nothing if nothing was.
    #[must_use]
    pub fn refusals(&self) -> String {
        let some = Refused::ALL.iter().zip(self.refused).filter(|(_, count)| *count > 0);
        some.map(|(why, count)| format!("{why} {count}")).collect::<Vec<_>>().join(", ")
    }
}

/// Where entries of one list go.
struct Taker<'a> {
    builder: &'a mut Builder,
    list: u8,
    feed: &'a Feed,
    now: Wall,
    read: Read,
}

/// What a list says of one of its entries.
#[derive(Debug, Clone, Copy, Default)]
struct Said<'a> {
    /// When it was last seen.
    seen: Option<Wall>,
    /// Its threat, in the words of the list.
    threat: &'a str,
}

impl Taker<'_> {
    fn take(&mut self, entry: &Entry, said: Said<'_>) {
        let days = match entry {
            Entry::Net(..) | Entry::Service(..) => ADDRESS_DAYS,
            Entry::Name(_) | Entry::Url(_) => NAME_DAYS,
            // Programs keep their greeting.
            Entry::Ja4(_) => i64::MAX / DAY_MS,
        };
        let is_old = said.seen.is_some_and(|seen| self.now.0.saturating_sub(seen.0) > days.saturating_mul(DAY_MS));
        match if is_old { Some(Refused::Old) } else { refused(entry) } {
            Some(why) => self.read.refuse(why),
            None => {
                let sort = self.feed.sort.unwrap_or_else(|| sort_of(said.threat));
                self.builder.add(entry, Tag::new(self.list, sort));
                self.read.taken += 1;
            }
        }
    }
}

/// What lists call a threat: `botnet_cc`, `malware_download`, `C&C server`, `phishing` …
fn sort_of(threat: &str) -> Sort {
    let threat = threat.to_ascii_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| threat.contains(word));
    if has(&["botnet_cc", "c2", "c&c", "command and control", "command-and-control", "cc_"]) {
        Sort::C2
    } else if has(&["phish"]) {
        Sort::Phishing
    } else if has(&["scan", "brute", "attack", "ssh", "spam"]) {
        Sort::Weather
    } else {
        Sort::Malware
    }
}

/// Reads `text` of `feed`, as of `dated`, into `builder`.
///
/// # Errors
/// There are more lists than there is room for, or it is no list at all (a page of HTML, another kind of file).
pub fn read(text: &[u8], feed: &Feed, dated: Wall, now: Wall, builder: &mut Builder) -> Result<Read, String> {
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    let start = text.iter().copied().find(|byte| !byte.is_ascii_whitespace());
    if text.contains(&0) || start == Some(b'<') {
        return Err("is no list: lists are text, JSON or CSV, unpacked".into());
    }
    let list = List { name: feed.name(), dated };
    let list = builder.list(list).ok_or_else(|| format!("more than {} lists", super::indicators::LISTS_MAX))?;
    let mut taker = Taker { builder, list, feed, now, read: Read::default() };
    match start {
        Some(b'{' | b'[') => json::read(text, &mut taker)?,
        _ => lines::read(text, &mut taker),
    }
    Ok(taker.read)
}

/// A date as lists write them: `2026-11-25 17:02:11`, `2026-11-25T17:02:11Z`, `2026-11-25`, seconds since 1970.
fn date(text: &str) -> Option<Wall> {
    let text = text.trim().trim_end_matches(" UTC");
    if let Ok(seconds) = text.parse::<i64>() {
        return (1_000_000_000..10_000_000_000).contains(&seconds).then_some(Wall(seconds * 1000));
    }
    if text.len() < 10 || text.as_bytes().get(4) != Some(&b'-') {
        return None;
    }
    if let Ok(stamp) = text.parse::<jiff::Timestamp>() {
        return Some(Wall(stamp.as_millisecond()));
    }
    let at = text.parse::<jiff::civil::DateTime>().ok()?;
    jiff::tz::Offset::UTC.to_timestamp(at).ok().map(|at| Wall(at.as_millisecond()))
}
