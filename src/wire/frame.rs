//! # One frame of views

use crate::model::LinkType;

/// A frame, decoded up to its transport header.
#[derive(Debug, Clone, Copy)]
pub struct Frame<'a> {
    pub link: LinkType,
    pub bytes: &'a [u8],
}
