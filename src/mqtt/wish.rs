//! # What a message asks for, and whom to answer

use crate::model::Command;

/// What a message asks for.
#[derive(Debug, Clone, PartialEq)]
pub enum Wish {
    /// For the core; its answer comes as `Change::Answered`.
    Command(Command),
    /// Answered at once from the view: the `data` of the response.
    Answer(serde_json::Value),
    Republish,
    Restart,
}

/// What to tell the asker, once.
#[derive(Debug, Clone, PartialEq)]
pub struct Reply {
    pub topic: String,
    pub correlation: Option<Vec<u8>>,
    /// The request's `id`, returned.
    pub id: Option<String>,
    /// `false`: an entity's own command topic, where only refusals are told.
    pub is_request: bool,
    /// The topic the wish came on.
    pub asked_on: String,
    /// For the response's `data`.
    pub data: serde_json::Value,
}
