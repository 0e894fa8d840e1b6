//! # What else speaks for a departure, or against it
//!
//! How much likelier each sign is of one who left than of one who keeps mute at home. Signs multiply; none decides
//! alone. How often an access point drops a sleeper, keeps one who left, or a door opens beside a silence at home
//! is learned of each device; until then it is as written here.

use crate::{model::Goodbye, presence::priors};

/// Of those who left, so many are dropped by the access point, and beside so many a watched door opened.
const DROPPED: f64 = 0.98;
const WENT_OUT: f64 = 0.97;
/// Where Home Assistant's app has the phone: far and lately, or at home.
const FAR: f64 = 50.0;
const NEAR: f64 = 0.3;
/// Another device of the same person is here; all of them fell silent together.
const OTHER_HERE: f64 = 0.3;
const ALL_SILENT: f64 = 4.0;
/// Another device of the person fell silent with it and is away by now: a silence at home begins within two minutes of
/// such a departure about once in 250 (45 departures a month), and a false away in those four minutes hardly ever.
const OTHER_GONE: f64 = 50.0;
/// Of silences at home of which another device told, so many were told of in each of these ways; of departures, so many
/// times as many. How often they part is learned, and what is learned weighs no more than what is assumed.
const BESIDE_HOME: [f64; 3] = [0.9, 0.0925, 0.0072];
const BESIDE_LEFT: [f64; 3] = [OTHER_HERE, ALL_SILENT, OTHER_GONE];
/// Beyond so many what was counted fades.
const COUNTS_MOST: f64 = 1_000.0;
/// Signs that count, the strongest first, and what they come to together.
const COUNTED: usize = 3;
const MOST: f64 = 1_000.0;
/// What is assumed counts for so many silences.
const PSEUDO: f64 = 10.0;
/// Until it is learned how long lists keep who left: five minutes in the mean, as hostapd (`ap_max_inactivity`) and most
/// controllers do. Worth so many who were dropped.
const KEEPS_S: f64 = 300.0;
const KEEPS_PSEUDO: f64 = 3.0;
/// One that is still listed after so long tells no more of how long others are kept; and so many are remembered.
const KEPT_MOST_S: f64 = 3_600.0;
const KEPT_DROPS: f64 = 200.0;

/// The access points' word on a silent device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Station {
    /// No list speaks of it.
    #[default]
    Unlisted,
    /// Listed, without having sent anything.
    Listed,
    Dropped,
}

/// Where the owner's phone says that it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    Far,
    Near,
}

/// What the person's other devices do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Others {
    Here,
    SilentToo,
    /// Fell silent with it, and is away by now.
    GoneToo,
}

/// All that is known of one silence besides its length.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Evidence {
    pub station: Station,
    /// For how many seconds of this silence a list has it, or had it until it was dropped.
    pub listed_s: f64,
    pub goodbye: Option<Goodbye>,
    /// A door was opened about when it fell silent. None: nobody watches all of them.
    pub door: Option<bool>,
    pub place: Option<Place>,
    pub others: Option<Others>,
    /// Nobody can ask it: what others tell may count for more.
    pub unasked: bool,
}

impl Evidence {
    /// A second witness says that it left: more than the silence alone.
    pub fn is_strong(&self) -> bool {
        self.station == Station::Dropped || self.place == Some(Place::Far)
    }
}

/// How often each sign came with silences at home and with departures.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Signs {
    /// Silences at home of which lists spoke, and in how many of them it was dropped.
    pub home: [f64; 2],
    /// Departures of which lists spoke, and in how many of them it was still listed when it was called away.
    pub left: [f64; 2],
    /// For how many seconds lists kept those who left, and how many of them they dropped.
    pub kept: [f64; 2],
    /// Silences at home with all doors watched, and beside how many of them one opened.
    pub doors: [f64; 2],
    /// Silences at home of which another device of the person told, and departures: it was here, silent too, gone too.
    pub beside_home: [f64; 3],
    pub beside_left: [f64; 3],
}

impl Others {
    /// The place of its count.
    const fn place(self) -> usize {
        match self {
            Others::Here => 0,
            Others::SilentToo => 1,
            Others::GoneToo => 2,
        }
    }
}

impl Default for Signs {
    fn default() -> Signs {
        let assumed = |part: f64| [PSEUDO, PSEUDO * part];
        Signs {
            home: assumed(0.01),
            left: assumed(1.0 - DROPPED),
            kept: [KEEPS_S * KEEPS_PSEUDO, KEEPS_PSEUDO],
            doors: assumed(0.08),
            beside_home: BESIDE_HOME.map(|part| PSEUDO * part),
            beside_left: std::array::from_fn(|at| PSEUDO * BESIDE_HOME[at] * BESIDE_LEFT[at]),
        }
    }
}

fn part([of, some]: [f64; 2]) -> f64 {
    (some / of).clamp(1e-3, 0.999)
}

fn count([of, some]: &mut [f64; 2], weight: f64, is: bool) {
    *of += weight;
    *some += if is { weight } else { 0.0 };
}

impl Signs {
    /// The part of those who left that a list still has so long after.
    fn still_listed(&self, seconds: f64) -> f64 {
        let [kept_s, dropped] = self.kept;
        (-seconds.max(0.0) * dropped / kept_s).exp().max(1.0 - DROPPED)
    }

    /// How much likelier it is of one who left that another device tells this. Of one that speaks by itself alone nothing
    /// else is ever known soon, and it falls silent some thousand times a month: all that was learned counts.
    fn beside(&self, others: Others, unasked: bool) -> f64 {
        let part = |counts: &[f64; 3]| counts[others.place()] / counts.iter().sum::<f64>();
        (part(&self.beside_left) / part(&self.beside_home)).clamp(OTHER_HERE, if unasked { MOST } else { OTHER_GONE })
    }

    /// How much likelier each of `seen` is of one who left; 1 is no sign.
    pub fn each(&self, seen: &Evidence) -> [(&'static str, f64); 5] {
        let (dropped, kept, opened) = (part(self.home), part(self.left), part(self.doors));
        let listed = self.still_listed(seen.listed_s);
        let mut each = [
            match seen.station {
                Station::Unlisted => ("unlisted", 1.0),
                Station::Listed => ("still_listed", listed / (1.0 - dropped)),
                Station::Dropped => ("off_every_list", (1.0 - kept) / dropped),
            },
            match seen.goodbye {
                None | Some(Goodbye::ApLeft) => ("no_goodbye", 1.0),
                Some(goodbye) => (goodbye.word(), priors::ratio(goodbye)),
            },
            match seen.door {
                None => ("no_door", 1.0),
                Some(true) => ("door_opened", WENT_OUT / opened),
                Some(false) => ("doors_stayed_shut", (1.0 - WENT_OUT) / (1.0 - opened)),
            },
            match seen.place {
                None => ("no_position", 1.0),
                Some(Place::Far) => ("app_far_away", FAR),
                Some(Place::Near) => ("app_at_home", NEAR),
            },
            match seen.others {
                None => ("no_other", 1.0),
                Some(others @ Others::Here) => ("other_device_here", self.beside(others, seen.unasked)),
                Some(others @ Others::SilentToo) => ("all_silent", self.beside(others, seen.unasked)),
                Some(others @ Others::GoneToo) => ("other_device_left", self.beside(others, seen.unasked)),
            },
        ];
        // Both tell that the owner went, and neither that this device went along: once that is known, the other adds
        // nothing to it.
        let [_, _, (_, door), _, (_, others)] = &mut each;
        if *door > 1.0 && *others > 1.0 {
            *(if *door < *others { door } else { others }) = 1.0;
        }
        each
    }

    /// How much likelier all of `seen` is of one who left.
    pub fn ratio(&self, seen: &Evidence) -> f64 {
        let mut ratios = self.each(seen).map(|(_, ratio)| ratio);
        ratios.sort_by(|a, b| b.ln().abs().total_cmp(&a.ln().abs()));
        ratios.iter().take(COUNTED).product::<f64>().clamp(1.0 / MOST, MOST)
    }

    /// A silence ended that was one at home with this weight.
    pub fn learn(&mut self, seen: &Evidence, home: f64) {
        if seen.station != Station::Unlisted {
            let dropped = seen.station == Station::Dropped;
            count(&mut self.home, home, dropped);
            count(&mut self.left, 1.0 - home, !dropped);
            let [kept_s, drops] = &mut self.kept;
            *kept_s += (1.0 - home) * seen.listed_s.clamp(0.0, KEPT_MOST_S);
            *drops += if dropped { 1.0 - home } else { 0.0 };
        }
        if let Some(opened) = seen.door {
            count(&mut self.doors, home, opened);
        }
        if let Some(others) = seen.others {
            self.beside_home[others.place()] += home;
            self.beside_left[others.place()] += 1.0 - home;
        }
        for counts in [&mut self.beside_home, &mut self.beside_left] {
            if counts.iter().sum::<f64>() > COUNTS_MOST {
                counts.iter_mut().for_each(|count| *count *= 0.5);
            }
        }
        // Old habits of access points fade with the next thousand silences.
        for pair in [&mut self.home, &mut self.left, &mut self.doors] {
            if pair.first().is_some_and(|of| *of > COUNTS_MOST) {
                pair.iter_mut().for_each(|count| *count *= 0.5);
            }
        }
        let [kept_s, drops] = self.kept;
        if drops > KEPT_DROPS || kept_s > KEPT_DROPS * KEPT_MOST_S {
            self.kept = [kept_s / 2.0, (drops / 2.0).max(1.0)];
        }
    }

    /// Of a silence that was taught, so much more was at home.
    pub fn corrected(&mut self, seen: &Evidence, home: f64) {
        if seen.station != Station::Unlisted {
            let dropped = seen.station == Station::Dropped;
            count(&mut self.home, home, dropped);
        }
        if let Some(opened) = seen.door {
            count(&mut self.doors, home, opened);
        }
        if let Some(others) = seen.others {
            self.beside_home[others.place()] += home;
        }
    }

    pub fn numbers(&self) -> [f64; 14] {
        let ([a, b], [c, d], [e, f], [g, h]) = (self.home, self.left, self.doors, self.kept);
        let ([i, j, k], [l, m, n]) = (self.beside_home, self.beside_left);
        [a, b, c, d, e, f, g, h, i, j, k, l, m, n]
    }

    /// From the store; nothing of it unless all makes sense.
    pub fn restored(numbers: &[f64]) -> Option<Signs> {
        let unknown = Signs::default();
        let (first, more) = numbers.split_first_chunk::<6>()?;
        // How long lists keep who left, and how often devices part, was not learned by earlier versions.
        let (kept, more) = more.split_first_chunk::<2>().map_or((unknown.kept, more), |(kept, more)| (*kept, more));
        let (beside_home, beside_left) = match *more {
            [] => (unknown.beside_home, unknown.beside_left),
            [a, b, c, d, e, f] => ([a, b, c], [d, e, f]),
            _ => return None,
        };
        let sane = |of: f64, some: f64| of >= 1.0 && (0.0..=of).contains(&some);
        let parted = |counts: &[f64; 3]| counts.iter().all(|count| *count >= 0.0) && counts.iter().sum::<f64>() >= 1.0;
        let ([a, b, c, d, e, f], [kept_s, drops]) = (*first, kept);
        let all = sane(a, b) && sane(c, d) && sane(e, f) && kept_s >= 1.0 && drops >= 0.01;
        let all = all && parted(&beside_home) && parted(&beside_left);
        all.then_some(Signs { home: [a, b], left: [c, d], kept, doors: [e, f], beside_home, beside_left })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn near(a: f64, b: f64) -> bool {
        (a - b).abs() <= 0.01 * b
    }

    /// Figures of `docs/PRESENCE.md`, before anything is learned.
    #[test]
    fn each_sign_moves_the_odds_as_written() {
        let nothing = Evidence::default();
        for (seen, ratio) in [
            (nothing, 1.0),
            (Evidence { station: Station::Dropped, ..nothing }, 98.0),
            (Evidence { station: Station::Listed, ..nothing }, 1.010_1),
            (Evidence { station: Station::Listed, listed_s: 300.0, ..nothing }, 0.371_6),
            (Evidence { station: Station::Listed, listed_s: 3_600.0, ..nothing }, 0.020_2),
            (Evidence { goodbye: Some(Goodbye::DhcpRelease), ..nothing }, 20.0),
            (Evidence { goodbye: Some(Goodbye::MdnsGoodbye), ..nothing }, 3.0),
            // One event is not counted twice.
            (Evidence { station: Station::Dropped, goodbye: Some(Goodbye::ApLeft), ..nothing }, 98.0),
            (Evidence { door: Some(true), ..nothing }, 12.125),
            (Evidence { door: Some(false), ..nothing }, 0.032_6),
            (Evidence { place: Some(Place::Far), ..nothing }, 50.0),
            (Evidence { place: Some(Place::Near), ..nothing }, 0.3),
            (Evidence { others: Some(Others::Here), ..nothing }, 0.3),
            (Evidence { others: Some(Others::SilentToo), ..nothing }, 4.0),
            (Evidence { others: Some(Others::GoneToo), ..nothing }, 50.0),
            // Nor is the owner's going, of which the door and the other device tell.
            (Evidence { door: Some(true), others: Some(Others::GoneToo), ..nothing }, 50.0),
            (Evidence { door: Some(true), others: Some(Others::SilentToo), ..nothing }, 12.125),
            (Evidence { door: Some(true), others: Some(Others::Here), ..nothing }, 3.637),
            // However much speaks for it, a silence is needed too.
            (Evidence { station: Station::Dropped, door: Some(true), place: Some(Place::Far), ..nothing }, 1_000.0),
            (
                Evidence {
                    station: Station::Listed,
                    listed_s: 3_600.0,
                    door: Some(false),
                    place: Some(Place::Near),
                    ..nothing
                },
                0.001,
            ),
        ] {
            let got = Signs::default().ratio(&seen);
            assert!(near(got, ratio), "{seen:?}: {got}");
        }
    }

    #[test]
    fn an_access_point_that_keeps_everybody_for_long_or_drops_sleepers_loses_its_say() {
        let listed = Evidence { station: Station::Listed, listed_s: 2_700.0, ..Evidence::default() };
        let dropped = Evidence { station: Station::Dropped, ..Evidence::default() };
        let (mut ghosts, mut nervous) = (Signs::default(), Signs::default());
        for _ in 0..60 {
            ghosts.learn(&listed, 0.0);
            nervous.learn(&dropped, 1.0);
        }
        assert!(ghosts.ratio(&listed) > 0.5 && nervous.ratio(&dropped) < 1.5, "{ghosts:?} {nervous:?}");
        assert_eq!(Signs::restored(&ghosts.numbers()), Some(ghosts));
        for bad in [
            &[1.0; 5][..],
            &[0.0; 6],
            &[10.0, 11.0, 10.0, 1.0, 10.0, 1.0],
            &[10.0, 1.0, 10.0, 1.0, 10.0, 1.0, 0.0, 3.0],
            &[10.0, 1.0, 10.0, 1.0, 10.0, 1.0, 900.0, 3.0, 9.0, 1.0, 0.1, 3.0, -4.0, 4.0],
        ] {
            assert_eq!(Signs::restored(bad), None, "{bad:?}");
        }
        // As an earlier version wrote it.
        for learned in [6, 8] {
            let before = ghosts.numbers();
            let back = Signs::restored(before.get(..learned).unwrap_or_default());
            assert_eq!(back.map(|signs| signs.home), Some(ghosts.home), "{learned}");
        }
        let [before @ .., _, _, _, _, _, _, _, _] = ghosts.numbers();
        assert_eq!(Signs::restored(&before).map(|signs| signs.kept), Some(Signs::default().kept));
    }

    #[test]
    fn how_long_a_list_keeps_who_left_is_learned() {
        let after = |listed_s| Evidence { station: Station::Listed, listed_s, ..Evidence::default() };
        let dropped = |listed_s| Evidence { station: Station::Dropped, listed_s, ..Evidence::default() };
        let (mut quick, mut slow) = (Signs::default(), Signs::default());
        for _ in 0..40 {
            quick.learn(&dropped(60.0), 0.02);
            slow.learn(&dropped(600.0), 0.02);
            // Silences at home say nothing of it.
            quick.learn(&after(900.0), 1.0);
        }
        let (quick, slow) = (quick.ratio(&after(180.0)), slow.ratio(&after(180.0)));
        assert!(quick < 0.15 && slow > 0.6, "{quick} {slow}");
    }

    #[test]
    fn how_often_two_devices_part_is_learned() {
        let told = |others| Evidence { others: Some(others), ..Evidence::default() };
        let (mut beside, mut apart) = (Signs::default(), Signs::default());
        for _ in 0..40 {
            beside.learn(&told(Others::Here), 1.0);
            beside.learn(&told(Others::GoneToo), 0.0);
            // The other stays at home, and leaves on its own as often as this one falls silent.
            apart.learn(&told(Others::Here), 0.0);
            for others in [Others::Here, Others::Here, Others::GoneToo] {
                apart.learn(&told(others), 1.0);
            }
        }
        let ratio = |signs: &Signs, others| signs.ratio(&told(others));
        assert!(near(ratio(&beside, Others::Here), OTHER_HERE) && near(ratio(&beside, Others::GoneToo), OTHER_GONE));
        // Of one that nobody can ask, more is believed.
        let alone = Evidence { unasked: true, ..told(Others::GoneToo) };
        assert!(beside.ratio(&alone) > 10.0 * OTHER_GONE);
        assert!(ratio(&apart, Others::Here) > 0.9 && ratio(&apart, Others::GoneToo) < 1.0, "{apart:?}");
        // What a person says of a silence counts too.
        let before = ratio(&beside, Others::GoneToo);
        for _ in 0..40 {
            beside.corrected(&told(Others::GoneToo), 1.0);
        }
        assert!(ratio(&beside, Others::GoneToo) < before / 10.0, "{beside:?}");
    }

    proptest! {
        #[test]
        fn whatever_it_learns_a_ratio_stays_a_number(lessons in proptest::collection::vec((0u8..12, any::<Option<bool>>(), 0.0f64..1.0, 0.0f64..90_000.0), 0..400)) {
            let mut signs = Signs::default();
            for (station, door, home, listed_s) in lessons {
                let others = [None, Some(Others::Here), Some(Others::SilentToo), Some(Others::GoneToo)];
                let others = others[usize::from(station / 3)];
                let station = [Station::Unlisted, Station::Listed, Station::Dropped][usize::from(station % 3)];
                let seen = Evidence { station, listed_s, door, others, ..Evidence::default() };
                signs.learn(&seen, home);
                let ratio = signs.ratio(&seen);
                prop_assert!((1.0 / MOST..=MOST).contains(&ratio), "{}", ratio);
            }
            prop_assert_eq!(Signs::restored(&signs.numbers()), Some(signs));
        }
    }
}
