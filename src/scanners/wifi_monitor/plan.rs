//! # Which channel next
//!
//! Pure. A radio hears one channel at a time: the home's own are returned to after each of the others, so
//! that little of the home is missed and the neighbourhood is still looked at within a minute.

use std::{collections::BTreeSet, time::Duration};

/// 2.4 GHz and 5 GHz as far as they are used somewhere (IEEE 802.11-2020 annex E). What a country forbids, the
/// kernel refuses and it is not tried again. 6 GHz has numbers of its own and is not listened to.
const ALL: [u16; 38] = [
    1, 6, 11, 36, 40, 44, 48, 2, 3, 4, 5, 7, 8, 9, 10, 12, 13, 149, 153, 157, 161, 165, 52, 56, 60, 64, 100, 104, 108,
    112, 116, 120, 124, 128, 132, 136, 140, 144,
];
/// Stays on the home's channels are longer by so much.
const AT_HOME: u32 = 8;

/// The centre frequency of a channel of [`ALL`] in MHz.
#[must_use]
pub const fn mhz(channel: u16) -> Option<u32> {
    match channel {
        1..=13 => Some(2407 + 5 * channel as u32),
        14 => Some(2484),
        36..=177 => Some(5000 + 5 * channel as u32),
        _ => None,
    }
}

/// The order of channels.
#[derive(Debug, Clone, Default)]
pub struct Plan {
    home: Vec<u16>,
    others: Vec<u16>,
    refused: BTreeSet<u16>,
    next_home: usize,
    next_other: usize,
    was_home: bool,
}

impl Plan {
    /// `wanted`: as set, or all there are. `home`: where the home's networks were heard.
    pub fn adopt(&mut self, wanted: &[u16], home: &[u16]) {
        let all: &[u16] = if wanted.is_empty() { &ALL } else { wanted };
        let usable = |channel: &u16| mhz(*channel).is_some() && !self.refused.contains(channel);
        self.home = all.iter().copied().filter(|channel| home.contains(channel) && usable(channel)).collect();
        self.others = all.iter().copied().filter(|channel| !home.contains(channel) && usable(channel)).collect();
    }

    /// The kernel does not allow this one.
    pub fn refuse(&mut self, channel: u16) {
        self.refused.insert(channel);
        self.home.retain(|known| *known != channel);
        self.others.retain(|known| *known != channel);
    }

    /// How many channels there are to visit.
    #[must_use]
    pub fn len(&self) -> usize {
        self.home.len() + self.others.len()
    }

    /// The next channel and how long to stay. `None`: there is none left.
    pub fn next(&mut self, dwell: Duration) -> Option<(u16, Duration)> {
        let turn = |list: &[u16], at: &mut usize| {
            let channel = list.get(*at % list.len().max(1)).copied();
            *at = at.wrapping_add(1);
            channel
        };
        let go_home = !self.home.is_empty() && (!self.was_home || self.others.is_empty());
        self.was_home = go_home;
        if go_home {
            turn(&self.home, &mut self.next_home).map(|channel| (channel, dwell * AT_HOME))
        } else {
            turn(&self.others, &mut self.next_other).map(|channel| (channel, dwell))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DWELL: Duration = Duration::from_millis(250);

    fn take(plan: &mut Plan, n: usize) -> Vec<u16> {
        (0..n).filter_map(|_| plan.next(DWELL)).map(|(channel, _)| channel).collect()
    }

    #[test]
    fn every_channel_is_visited_and_home_again_after_each() {
        let mut plan = Plan::default();
        plan.adopt(&[], &[]);
        let heard: BTreeSet<u16> = take(&mut plan, ALL.len()).into_iter().collect();
        assert_eq!(heard, BTreeSet::from(ALL));
        plan.adopt(&[], &[6, 44, 233]);
        let walk = take(&mut plan, 80);
        let at_home = walk.iter().filter(|channel| [6, 44].contains(channel)).count();
        assert_eq!(at_home, 40);
        assert!(walk.windows(2).all(|pair| pair.iter().any(|channel| [6, 44].contains(channel))), "{walk:?}");
        assert_eq!(walk.iter().collect::<BTreeSet<_>>().len(), ALL.len());
        plan.adopt(&[1, 6], &[6]);
        assert_eq!(plan.next(DWELL).map(|(_, stay)| stay), Some(DWELL * AT_HOME));
        assert_eq!(plan.next(DWELL), Some((1, DWELL)));
        // All that is set is at home, or nothing is left.
        plan.adopt(&[11, 300], &[11]);
        assert_eq!(take(&mut plan, 3), [11, 11, 11]);
        plan.refuse(11);
        assert_eq!((plan.next(DWELL), plan.len()), (None, 0));
        plan.adopt(&[11, 1], &[]);
        assert_eq!(take(&mut plan, 2), [1, 1], "what was refused is not tried again");
    }

    #[test]
    fn channels_are_where_the_standard_has_them() {
        let cases = [(1, 2412), (13, 2472), (14, 2484), (36, 5180), (165, 5825), (144, 5720)];
        assert!(cases.iter().all(|(channel, expected)| mhz(*channel) == Some(*expected)));
        assert!(ALL.iter().all(|channel| { mhz(*channel).and_then(crate::wire::wifi::channel) == Some(*channel) }));
        assert_eq!((mhz(0), mhz(20), mhz(200)), (None, None, None));
    }
}
