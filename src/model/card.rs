//! # What a plug-in says of itself

/// The card of a scanner or detector: shown by `doctor`, `explain` and in the docs.
#[derive(Debug, Clone, Copy)]
pub struct Card {
    /// Its file name; also its name in settings.
    pub id: &'static str,
    pub title: &'static str,
    /// Linux capability without which it does less or nothing (`CAP_NET_RAW`), if any.
    pub needs: Option<&'static str>,
    /// The whole `//!` page of its file, in Markdown.
    pub page: &'static str,
}
