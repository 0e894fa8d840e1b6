//! # Text from the network is data

use std::sync::OnceLock;

use base64::{
    Engine as _,
    alphabet::STANDARD,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use memchr::memmem::{self, Finder};

/// `raw` made fit to be kept and shown: control characters become spaces, runs of white space
/// shrink to one, and at most `max` bytes are kept, cut on a character boundary. Escaping happens
/// where text is shown, not here.
#[must_use]
pub fn clean_text(raw: &str, max: usize) -> String {
    if is_clean(raw) {
        // Of ASCII alone each byte is a character.
        return raw.get(..max).unwrap_or(raw).trim_end().to_owned();
    }
    let mut out = String::with_capacity(raw.len().min(max));
    for c in raw.chars() {
        // Bidirectional overrides and zero-width characters let one name pose as another.
        let hidden = c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}');
        let c = if hidden || c.is_whitespace() { ' ' } else { c };
        if c == ' ' && (out.is_empty() || out.ends_with(' ')) {
            continue;
        }
        if out.len() + c.len_utf8() > max {
            break;
        }
        out.push(c);
    }
    out.truncate(out.trim_end().len());
    out
}

/// Nearly all text is: printable ASCII, and no space but one between words.
fn is_clean(raw: &str) -> bool {
    let mut before = b' ';
    let is_plain =
        |byte: u8| (0x20..0x7f).contains(&byte) && (byte, std::mem::replace(&mut before, byte)) != (b' ', b' ');
    raw.bytes().all(is_plain)
}

/// Pads may be missing, and the last letter may hold more bits than count.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// What is in base 64, as far as it is: either alphabet of RFC 4648 (§4, §5).
#[must_use]
pub fn base64(text: &[u8]) -> Vec<u8> {
    let letter = |byte: &u8| match byte {
        b'-' => Some(b'+'),
        b'_' => Some(b'/'),
        b'+' | b'/' => Some(*byte),
        _ => byte.is_ascii_alphanumeric().then_some(*byte),
    };
    let mut letters: Vec<u8> = text.trim_ascii().iter().map_while(letter).collect();
    // One letter alone makes no byte.
    letters.truncate(letters.len() - usize::from(letters.len() % 4 == 1));
    LENIENT.decode(letters).unwrap_or_default()
}

/// Where `part` lies in `bytes` first. In the time it takes to read them, whatever they are.
#[must_use]
pub fn find(bytes: &[u8], part: &[u8]) -> Option<usize> {
    memmem::find(bytes, part)
}

/// Whether `part` lies anywhere in `bytes`.
#[must_use]
pub fn holds(bytes: &[u8], part: &[u8]) -> bool {
    find(bytes, part).is_some()
}

/// Neither text nor UTF-8 of any language: a form is escaped (WHATWG URL §5.2), and one odd byte in one that is not does
/// not make it data.
#[must_use]
pub fn is_binary(bytes: &[u8]) -> bool {
    let head = bytes.get(..bytes.len().min(64)).unwrap_or_default();
    let odd = head.iter().filter(|byte| byte.is_ascii_control() && !byte.is_ascii_whitespace()).count();
    head.len() >= 8 && odd >= 2 && odd * 16 >= head.len()
}

/// A part that is looked for in one payload after another: how to look for it is worked out once, which takes longer than
/// to look through a segment.
#[derive(Debug)]
pub struct Part {
    bytes: &'static [u8],
    finder: OnceLock<Finder<'static>>,
}

impl Part {
    #[must_use]
    pub const fn new(bytes: &'static [u8]) -> Part {
        Part { bytes, finder: OnceLock::new() }
    }

    /// Where it lies in `bytes` first.
    #[must_use]
    pub fn find(&self, bytes: &[u8]) -> Option<usize> {
        self.finder().find(bytes)
    }

    /// Where it lies in `bytes`, wherever it does not overlap itself.
    pub fn all<'a>(&'a self, bytes: &'a [u8]) -> impl Iterator<Item = usize> + 'a {
        self.finder().find_iter(bytes)
    }

    fn finder(&self) -> &Finder<'static> {
        self.finder.get_or_init(|| Finder::new(self.bytes))
    }

    /// Whether it lies anywhere in `bytes`.
    #[must_use]
    pub fn is_in(&self, bytes: &[u8]) -> bool {
        self.find(bytes).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base_64_is_undone_as_far_as_it_is() {
        let cases: &[(&[u8], &[u8])] = &[
            (b"YW5uYTpwdw==", b"anna:pw"),
            (b" YW5uYTpwdw\r\n", b"anna:pw"),
            (b"YW5\xff", b"an"),
            (b"YW5uY", b"ann"),
            (b"-_-_", b"\xfb\xff\xbf"),
            (b"", b""),
            (b"?", b""),
        ];
        for (text, expected) in cases {
            assert_eq!(base64(text), *expected, "{}", String::from_utf8_lossy(text));
        }
    }

    #[test]
    fn what_is_no_text_is_known_by_its_beginning() {
        let cases: &[(&[u8], bool)] = &[
            (b"\x03\x9f\x11\x80\x7a\x02\xee\x19\x04\xd0\xff\x1b", true),
            (b"\x03\x01x=\x02../\x00&\x04b\x00", true),
            (b"a=\x00b&c=12345", false),
            (b"\x01\x02", false),
            ("name=Müller\r\n\tKöln".as_bytes(), false),
            (b"", false),
        ];
        for (bytes, expected) in cases {
            assert_eq!(is_binary(bytes), *expected, "{bytes:?}");
        }
    }

    #[test]
    fn text_is_cleaned_and_cut() {
        let cases = [
            ("  a\tb\n", 9, "a b"),
            ("evil\u{0}\u{202e}name", 20, "evil name"),
            ("ééé", 3, "é"),
            ("", 5, ""),
            ("one two ", 4, "one"),
            (" one", 9, "one"),
            ("one  two", 9, "one two"),
            ("{{ 7*7 }}", 20, "{{ 7*7 }}"),
        ];
        for (raw, max, expected) in cases {
            assert_eq!(clean_text(raw, max), expected, "{raw:?}");
        }
    }
}
