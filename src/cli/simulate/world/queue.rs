//! # What is to happen, in order of time
//!
//! Who waits lies in a table and stays where it is; only when and where is put in order. There are millions a month.

use std::{cmp::Reverse, collections::BinaryHeap};

use super::Event;

/// In order of time, those of one moment in the order in which they were put in.
#[derive(Debug, Default)]
pub(super) struct Queue {
    /// At which microsecond, after how many others, where.
    order: BinaryHeap<Reverse<(u64, u64, u32)>>,
    events: Vec<Option<Event>>,
    free: Vec<u32>,
    serial: u64,
}

impl Queue {
    pub fn push(&mut self, at: u64, event: Event) {
        self.serial += 1;
        let place = self.free.pop().unwrap_or_else(|| {
            self.events.push(None);
            u32::try_from(self.events.len() - 1).unwrap_or_default()
        });
        if let Some(cell) = self.events.get_mut(place as usize) {
            *cell = Some(event);
        }
        self.order.push(Reverse((at, self.serial, place)));
    }

    /// When the first is due.
    pub fn first(&self) -> Option<u64> {
        self.order.peek().map(|Reverse((at, ..))| *at)
    }

    pub fn pop(&mut self) -> Option<Event> {
        let Reverse((_, _, place)) = self.order.pop()?;
        self.free.push(place);
        self.events.get_mut(place as usize)?.take()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_comes_first_and_of_one_moment_the_one_put_in_first() {
        let mut queue = Queue::default();
        for (at, index) in [(9, 0), (5, 1), (5, 2), (1, 3)] {
            queue.push(at, Event::Go(index));
        }
        let mut came = Vec::new();
        while let Some(at) = queue.first() {
            if let Some(Event::Go(index)) = queue.pop() {
                came.push((at, index));
            }
            // Places are used again.
            if came.len() == 2 {
                queue.push(7, Event::Go(4));
            }
        }
        assert_eq!(came, [(1, 3), (5, 1), (5, 2), (7, 4), (9, 0)]);
        assert!(queue.events.len() == 4 && queue.pop().is_none());
    }
}
