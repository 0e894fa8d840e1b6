//! # Bytes become views

use crate::model::LinkType;

mod frame;
pub use frame::Frame;

impl<'a> Frame<'a> {
    /// Reads one frame. Never fails: what cannot be read is a fault, what was whole is kept.
    #[must_use]
    pub fn decode(link: LinkType, bytes: &'a [u8]) -> Frame<'a> {
        Frame { link, bytes }
    }
}
