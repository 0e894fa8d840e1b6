//! # What should be on the broker, less what is

use std::collections::BTreeMap;

use super::{Publish, Site};
use crate::model::{Change, HomeView};

/// What the broker holds of ours, as far as we know.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Published {
    topics: BTreeMap<String, Vec<u8>>,
}

impl Published {
    /// From the retained messages of ours that the broker just showed.
    pub fn collected(retained: impl IntoIterator<Item = (String, Vec<u8>)>) -> Published {
        Published { topics: retained.into_iter().filter(|(_, payload)| !payload.is_empty()).collect() }
    }
    /// A message was handed to the broker.
    pub fn sent(&mut self, message: &Publish) {
        if message.retain {
            self.topics.insert(message.topic.clone(), message.payload.clone());
        }
    }
}

/// The differences, in the order they must be sent. Does not touch `published`: the caller calls
/// [`Published::sent`] for what it really handed over.
#[must_use]
pub fn reconcile(_view: &HomeView, _site: &Site, _published: &Published) -> Vec<Publish> {
    Vec::new()
}

/// The messages that are not retained: events.
#[must_use]
pub fn events(_change: &Change, _view: &HomeView, _site: &Site) -> Vec<Publish> {
    Vec::new()
}
