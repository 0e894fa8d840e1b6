//! # Frames become observations

use crate::{
    model::{Captured, Observation},
    wire::Frame,
};

/// What a frame shows of its sender, pushed to `out`.
pub fn glean(_captured: &Captured<'_>, _frame: &Frame<'_>, _out: &mut Vec<Observation>) {}
