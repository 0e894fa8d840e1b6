//! # Words for each detector
//!
//! Title, detail, what to do. `{one}` is who did it, `{other}` who it was done to; other names in braces are values of
//! the evidence. Who is not known is "somebody".

mod hosts;
mod network;

/// Detector, title, detail, recommendation. Of several for one detector the first that the evidence fills.
pub(super) type Phrase = (&'static str, &'static str, &'static str, &'static str);

/// Those of `detector`.
pub(super) fn of(detector: &str) -> impl Iterator<Item = &'static Phrase> {
    network::PHRASES.iter().chain(hosts::PHRASES).filter(move |(of, ..)| *of == detector)
}
