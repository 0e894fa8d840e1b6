//! # Words read back
//!
//! A view holds some of its words as `&'static str`. This gives a stored word its constant again.

use std::{
    collections::BTreeSet,
    sync::{Mutex, PoisonError},
};

use crate::model::{Goodbye, Heard, LeaveReason, NameSource, Probe, Proof, Source};

// Words outside the vocabularies below, such as "oui", are leaked once each. Only our own constants
// are ever written, so this many are never reached by a file that we wrote.
const EXTRA_MAX: usize = 256;
// The longest of our own words is shorter by far.
const WORD_BYTES_MAX: usize = 64;

static EXTRA: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());

/// The constant that reads `text`. `None` for text that cannot be a word of ours.
pub(super) fn known(text: &str) -> Option<&'static str> {
    let words = (Proof::ALL.iter().map(|w| w.word()))
        .chain(LeaveReason::ALL.iter().map(|w| w.word()))
        .chain(Goodbye::ALL.iter().map(|w| w.word()))
        .chain(Probe::ALL.iter().map(|w| w.word()))
        .chain(Heard::ALL.iter().map(|w| w.word()))
        .chain(NameSource::ALL.iter().map(|w| w.word()))
        .chain(Source::ALL.iter().map(|w| w.word()));
    if let Some(word) = words.into_iter().find(|word| *word == text) {
        return Some(word);
    }
    if text.len() > WORD_BYTES_MAX || text.chars().any(char::is_control) {
        return None;
    }
    let mut extra = EXTRA.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(word) = extra.get(text) {
        return Some(word);
    }
    if extra.len() >= EXTRA_MAX {
        return None;
    }
    let word: &'static str = Box::leak(text.to_owned().into_boxed_str());
    extra.insert(word);
    Some(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_reads_back_as_the_same_word() {
        for word in ["arp_reply", "no_answer", "oui", ""] {
            assert_eq!(known(word), Some(word));
        }
        let again = (known("a vendor table"), known("a vendor table"));
        assert!(again.0.is_some() && again.0.map(str::as_ptr) == again.1.map(str::as_ptr));
        assert_eq!(known(&"x".repeat(65)), None);
    }
}
