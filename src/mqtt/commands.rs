//! # From a topic to a wish

use super::{Incoming, Publish, Site};
use crate::model::{Answer, Command, HomeView, Refusal};

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

/// Reads a message on one of our command topics. `None`: not a command topic, or to be dropped (retained).
#[must_use]
pub fn parse(_message: &Incoming, _view: &HomeView, _site: &Site) -> Option<(Reply, Result<Wish, Refusal>)> {
    None
}

/// The one answer to a wish; `None` where nothing is to be said.
#[must_use]
pub fn answer(_reply: &Reply, _result: &Result<Answer, Refusal>, _site: &Site) -> Option<Publish> {
    None
}
