//! # Reading back what the broker holds
//!
//! After each connect and each birth of Home Assistant: at our seat, and at those we had before.

use std::collections::BTreeMap;

use tokio::time::Instant;

use super::{Bridge, Leave, collect::Collection};
use crate::mqtt::{
    Seat,
    client::{Filter, Link},
    reconcile::{Published, cleanup, moved_from},
};

impl Bridge {
    /// Reads back what the broker holds; subscribes `others` with it.
    pub(super) fn collect(&mut self, link: &Link, mut filters: Vec<Filter>, now: Instant) {
        let collection = Collection::new(&self.parts.site, self.memo.former(&self.parts.site.seat()), now);
        filters.extend(collection.filters(&self.parts.site));
        match link.subscribe(&filters) {
            Ok(()) => self.collection = Some(collection),
            Err(error) => tracing::warn!(%error, "cannot subscribe"),
        }
    }

    /// All was heard: publishing may begin. A reason to leave: somebody else has our node.
    pub(super) fn collected(&mut self, link: &Link) -> Option<Leave> {
        let collection = self.collection.take()?;
        if let Some(other) = collection.other(&self.parts.site) {
            return Some(Leave::Twin(other));
        }
        let broad = collection.filters(&self.parts.site).into_iter().map(|filter| filter.topic).collect::<Vec<_>>();
        let now = Instant::now();
        let read = collection.finish();
        tracing::debug!(own = read.own.len(), macs = read.macs.len(), "retained messages read back");
        self.published = Published::collected(read.own).recalling(&self.published);
        self.parts.site.foreign_macs = read.macs;
        if !self.has_looked_back && self.look_back() {
            self.has_looked_back = true;
            self.collect(link, Vec::new(), now);
            return None;
        }
        if let Err(error) = link.unsubscribe(&broad) {
            tracing::debug!(%error, "still hearing too much");
        }
        self.leave(read.former);
        let was_live = self.is_live;
        self.outbox.begin(was_live);
        self.is_live = true;
        // From here on our node is known to Home Assistant.
        self.parts.first_start = false;
        self.compare_soon(true);
        if was_live {
            self.begin_farewells(now);
        }
        None
    }

    /// Whether what the broker holds tells of a seat we did not know of.
    fn look_back(&mut self) -> bool {
        let told = moved_from(&self.published, &self.parts.site);
        let news = told.iter().filter(|seat| self.memo.sit(seat)).count() > 0;
        if news {
            self.tell_memo();
        }
        news
    }

    /// What is left at former seats will be emptied; an empty one is done with.
    fn leave(&mut self, former: Vec<(Seat, BTreeMap<String, Vec<u8>>)>) {
        self.leftovers.clear();
        let before = self.memo.clone();
        for (seat, held) in former {
            let left = cleanup(&seat, &self.parts.site, &Published::collected(held));
            if left.is_empty() && self.refused == 0 {
                self.memo.leave(&seat);
            }
            if !left.is_empty() {
                tracing::info!(
                    topics = left.len(),
                    base = seat.base,
                    node = seat.node,
                    prefix = seat.prefix,
                    "emptying what an earlier name left"
                );
            }
            self.leftovers.extend(left);
        }
        if self.memo != before {
            self.tell_memo();
        }
    }
}
