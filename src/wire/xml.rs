//! # XML of small devices
//!
//! UPnP descriptions, SOAP answers and WS-Discovery messages. Only what stands in elements is read, and
//! every size has an end. A document that declares a type of its own (`<!DOCTYPE`) is refused whole: that
//! is where entities that expand to gigabytes, or to files, come from.
//!
//! Unlike other decoders it allocates, so much and no more: names and text have to be put together.

use quick_xml::{
    Reader,
    escape::resolve_predefined_entity,
    events::{BytesStart, Event},
};

/// Bytes of a document.
pub const BYTES_MAX: usize = 64 * 1024;
const DEPTH_MAX: usize = 24;
const ELEMENTS_MAX: usize = 4096;
/// Bytes of one text.
const TEXT_MAX: usize = 1024;
const NAME_MAX: usize = 64;

/// Why a document is not read, or not to its end. What was told before still counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    TooLong,
    TooDeep,
    TooMany,
    /// It brings definitions of its own.
    Definitions,
    Malformed,
}

/// Tells each element that holds text only: the names on the way to it without their prefixes, and its
/// text, trimmed. In the order of the document.
///
/// # Errors
/// The fault at which reading ended.
pub fn leaves(bytes: &[u8], tell: impl FnMut(&[String], &str)) -> Result<(), Fault> {
    leaves_of(bytes, TEXT_MAX, tell)
}

/// As [`leaves`], with texts of up to `text_max` bytes: some hold a document of their own.
///
/// # Errors
/// The fault at which reading ended.
pub fn leaves_of(bytes: &[u8], text_max: usize, mut tell: impl FnMut(&[String], &str)) -> Result<(), Fault> {
    elements(bytes, text_max, |path, text| {
        if let Some(text) = text {
            tell(path, text);
        }
    })
}

/// As [`leaves_of`], and tells without a text where an element ends that holds others.
///
/// # Errors
/// The fault at which reading ended.
pub fn elements(bytes: &[u8], text_max: usize, mut tell: impl FnMut(&[String], Option<&str>)) -> Result<(), Fault> {
    if bytes.len() > BYTES_MAX {
        return Err(Fault::TooLong);
    }
    let text = String::from_utf8_lossy(bytes);
    let mut reader = Reader::from_str(&text);
    let mut path: Vec<String> = Vec::new();
    let mut elements = 0;
    // Text since the last start; `None` once a child has closed within.
    let mut held: Option<String> = None;
    loop {
        match reader.read_event().map_err(|_| Fault::Malformed)? {
            Event::Start(start) => {
                elements += 1;
                if path.len() >= DEPTH_MAX {
                    return Err(Fault::TooDeep);
                }
                if elements > ELEMENTS_MAX {
                    return Err(Fault::TooMany);
                }
                path.push(local(&start));
                held = Some(String::new());
            }
            Event::End(_) => {
                let text = held.take();
                tell(&path, text.as_deref().map(str::trim));
                path.pop();
            }
            Event::Empty(start) => {
                elements += 1;
                if path.len() >= DEPTH_MAX {
                    return Err(Fault::TooDeep);
                }
                if elements > ELEMENTS_MAX {
                    return Err(Fault::TooMany);
                }
                path.push(local(&start));
                tell(&path, Some(""));
                path.pop();
                held = None;
            }
            Event::Text(text) => hold(&mut held, &text.xml10_content(), text_max),
            Event::CData(text) => hold(&mut held, &text.xml10_content(), text_max),
            Event::GeneralRef(reference) => {
                if let Ok(Some(c)) = reference.resolve_char_ref() {
                    hold(&mut held, c.encode_utf8(&mut [0; 4]), text_max);
                } else if let Some(known) = resolve_predefined_entity(&reference) {
                    hold(&mut held, known, text_max);
                }
                // Others cannot be known without definitions, which are refused.
            }
            Event::DocType(_) => return Err(Fault::Definitions),
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) => {}
            Event::Eof => return if path.is_empty() { Ok(()) } else { Err(Fault::Malformed) },
        }
    }
}

fn hold(held: &mut Option<String>, more: &str, most: usize) {
    if let Some(text) = held {
        let room = most.saturating_sub(text.len());
        let end = (0..=room.min(more.len())).rev().find(|at| more.is_char_boundary(*at)).unwrap_or(0);
        text.push_str(more.get(..end).unwrap_or_default());
    }
}

fn local(start: &BytesStart<'_>) -> String {
    start.local_name().as_ref().chars().take(NAME_MAX).collect()
}

/// `text` as it stands inside an element.
#[must_use]
pub fn escaped(text: &str) -> String {
    quick_xml::escape::escape(text).into_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> (Result<(), Fault>, Vec<(String, String)>) {
        let mut found = Vec::new();
        let done = leaves(text.as_bytes(), |path, text| found.push((path.join("/"), text.to_owned())));
        (done, found)
    }

    #[test]
    fn texts_are_told_with_their_path_and_faults_end_it() {
        let deep = "<a>".repeat(100);
        let edge = format!("{}<b/>", "<a>".repeat(DEPTH_MAX));
        let many = format!("<r>{}</r>", "<a/>".repeat(5000));
        let long = format!("<r>{}</r>", "x".repeat(BYTES_MAX));
        let bomb = r#"<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY a "lol"><!ENTITY b "&a;&a;&a;">]><r>&b;</r>"#;
        let file = r#"<!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/passwd">]><r>&x;</r>"#;
        let cases: &[(&str, &str, Result<(), Fault>, &[(&str, &str)])] = &[
            ("plain", "<r><a>1</a><b> 2 </b></r>", Ok(()), &[("r/a", "1"), ("r/b", "2")]),
            ("prefixes", r#"<s:r xmlns:s="x"><s:a>1</s:a></s:r>"#, Ok(()), &[("r/a", "1")]),
            ("entities", "<r>a &amp; b &#33;&lt;</r>", Ok(()), &[("r", "a & b !<")]),
            ("unknown entity", "<r>a&nope;b</r>", Ok(()), &[("r", "ab")]),
            ("cdata", "<r><![CDATA[<x>]]></r>", Ok(()), &[("r", "<x>")]),
            ("empty", "<r><a/></r>", Ok(()), &[("r/a", "")]),
            ("cut", "<r><a>1</a>", Err(Fault::Malformed), &[("r/a", "1")]),
            ("crossed", "<r><a>1</b></r>", Err(Fault::Malformed), &[]),
            ("billion laughs", bomb, Err(Fault::Definitions), &[]),
            ("a file", file, Err(Fault::Definitions), &[]),
            ("deep", &deep, Err(Fault::TooDeep), &[]),
            ("an empty one too deep", &edge, Err(Fault::TooDeep), &[]),
            ("long", &long, Err(Fault::TooLong), &[]),
        ];
        for (name, text, done, told) in cases {
            let (found_done, found) = read(text);
            let found: Vec<(&str, &str)> = found.iter().map(|(p, t)| (p.as_str(), t.as_str())).collect();
            assert_eq!((&found_done, found.as_slice()), (done, *told), "{name}");
        }
        let (done, found) = read(&many);
        assert_eq!((done, found.len()), (Err(Fault::TooMany), ELEMENTS_MAX - 1));
    }

    proptest! {
        #[test]
        fn nothing_told_is_longer_than_allowed(bytes in proptest::collection::vec(any::<u8>(), 0..600), text in ".{0,3000}") {
            for bytes in [bytes, format!("<r><a>{}</a></r>", escaped(&text)).into_bytes()] {
                let _ = leaves(&bytes, |path, text| {
                    assert!(text.len() <= TEXT_MAX && path.len() <= DEPTH_MAX);
                });
            }
        }
    }
}
