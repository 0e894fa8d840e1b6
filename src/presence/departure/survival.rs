//! # How long a device keeps mute while it is home
//!
//! S(m): the share of mute spells at home that last longer than m. Counts in half-octave bins, old
//! ones fading; beyond the bin with 25 spells above it a log-normal tail, whose spread is shrunk to
//! that of its kind. `docs/decisions/0007-learned-departure.md` says why this and no other.

/// Bins: up to 5 s, then half-octaves up to 8 h, then everything longer.
pub const BINS: usize = 27;
const SHORTEST_S: f64 = 5.0;
/// Spells that the kind's own sleep counts for.
const PSEUDO: f64 = 40.0;
/// So many spells above it, and a bin begins the tail.
const TAIL: f64 = 25.0;
/// The tail's spread is shrunk as if so many more spells had this mean log-excess.
const SHRINK: (f64, f64) = (8.0, 0.53);

/// S of one device in one context.
#[derive(Debug, Clone, PartialEq)]
pub struct Survival {
    counts: [f64; BINS],
    /// When the counts were last faded, in days.
    faded: Option<f64>,
    /// Drawn anew whenever the counts change: they are asked far oftener than they are taught.
    fit: Fit,
}

/// The curve through the counts.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Fit {
    spells: f64,
    /// Where the tail begins, and S there.
    u: f64,
    su: f64,
    z: f64,
    sigma: f64,
    /// Q(z), of which both ways through the tail begin.
    q: f64,
}

/// Upper edges of the bins in seconds; the last bin has none.
fn edges() -> impl DoubleEndedIterator<Item = f64> + ExactSizeIterator {
    (0..BINS as i32 - 1).map(edge)
}

fn edge(index: i32) -> f64 {
    let half = if index % 2 == 0 { 1.0 } else { std::f64::consts::SQRT_2 };
    SHORTEST_S * f64::from(1u32 << (index / 2)) * half
}

fn bin(seconds: f64) -> usize {
    edges().position(|edge| edge >= seconds).unwrap_or(BINS - 1)
}

/// The upper edge of a bin; of the last, where it begins.
fn top(bin: usize) -> f64 {
    edge(bin.min(BINS - 2) as i32)
}

fn middle(bin: usize) -> f64 {
    let half = 2f64.powf(0.25);
    if bin == BINS - 1 { top(bin) * half } else { top(bin) / half }
}

impl Survival {
    /// As the kind sleeps: log-normal, with `median` in seconds and the spread `sigma` of the log.
    pub fn of(median: f64, sigma: f64) -> Survival {
        let above: Vec<f64> =
            std::iter::once(1.0).chain(edges().map(|edge| tail((edge / median).ln() / sigma))).chain([0.0]).collect();
        let mut counts = [0.0; BINS];
        for (count, pair) in counts.iter_mut().zip(above.windows(2)) {
            *count = PSEUDO * pair.iter().rev().copied().reduce(|low, high| high - low).unwrap_or(0.0);
        }
        Survival { counts, faded: None, fit: fit(&counts) }
    }

    /// From the store. `None` unless every count makes sense.
    pub fn restored(counts: &[f64], day: f64) -> Option<Survival> {
        let counts: [f64; BINS] = counts.try_into().ok()?;
        let sane = counts.iter().all(|count| (0.0..1e9).contains(count)) && counts.iter().sum::<f64>() > 1.0;
        // Day zero: nothing was learned yet.
        sane.then(|| Survival { counts, faded: Some(day).filter(|day| *day > 0.0), fit: fit(&counts) })
    }

    /// When the counts were last faded.
    pub fn day(&self) -> f64 {
        self.faded.unwrap_or(0.0)
    }

    pub fn counts(&self) -> &[f64; BINS] {
        &self.counts
    }

    /// A spell of `seconds` that was one at home with this `weight`. Weights halve in `half_life` days.
    pub fn add(&mut self, seconds: f64, weight: f64, day: f64, half_life: f64) {
        let faded = *self.faded.get_or_insert(day);
        let factor = 0.5f64.powf((day - faded).max(0.0) / half_life);
        if factor < 0.99 {
            self.forget(factor);
            self.faded = Some(day);
        }
        if let Some(count) = self.counts.get_mut(bin(seconds)) {
            *count += weight;
        }
        self.fit = fit(&self.counts);
    }

    /// What was learned counts for less.
    pub fn forget(&mut self, factor: f64) {
        self.counts.iter_mut().for_each(|count| *count *= factor);
        self.fit = fit(&self.counts);
    }

    /// S(m).
    pub fn above(&self, seconds: f64) -> f64 {
        let fit = &self.fit;
        if seconds >= fit.u {
            return fit.su * tail(fit.z + (seconds / fit.u).ln() / fit.sigma) / fit.q;
        }
        let longer: f64 = self.counts.iter().skip(bin(seconds)).sum();
        (longer + 1.0) / (fit.spells + 1.0)
    }

    /// The shortest m with S(m) ≤ `p`, in seconds.
    pub fn time_for(&self, p: f64) -> f64 {
        let fit = &self.fit;
        if p < fit.su {
            let z = inverse_tail((p / fit.su * fit.q).max(1e-12));
            return fit.u * (fit.sigma * (z - fit.z)).exp();
        }
        let mut longer = 0.0;
        for (at, count) in self.counts.iter().enumerate().rev() {
            if (longer + count + 1.0) / (fit.spells + 1.0) > p {
                return top(at);
            }
            longer += count;
        }
        SHORTEST_S
    }
}

/// The curve through `counts`.
fn fit(counts: &[f64; BINS]) -> Fit {
    let (mut above, mut index) = (0.0, BINS - 1);
    for count in counts.iter().rev() {
        if index <= 1 || above + count >= TAIL {
            break;
        }
        above += count;
        index -= 1;
    }
    let u = top(index);
    // Log-excess over u, each spell at the middle of its bin.
    let above_u = counts.iter().enumerate().skip(index + 1);
    let excess: f64 = above_u.map(|(at, count)| count * (middle(at) / u).ln()).sum();
    let spells: f64 = counts.iter().sum();
    let su = (above + 1.0) / (spells + 1.0);
    let z = inverse_tail(su).clamp(0.8, 2.5);
    let q = tail(z);
    let hazard = (-z * z / 2.0).exp() / std::f64::consts::TAU.sqrt() / q;
    let (more, spread) = SHRINK;
    Fit { spells, u, su, z, sigma: (excess + more * spread) / (above + more) / (hazard - z), q }
}

/// Q(z): the upper tail of the normal distribution.
pub fn tail(z: f64) -> f64 {
    let x = z.abs() / std::f64::consts::SQRT_2;
    let complement = if x < 2.0 {
        // Maclaurin series of erf (Abramowitz and Stegun 7.1.6).
        let (mut term, mut sum) = (x, x);
        for n in 1..60 {
            term *= 2.0 * x * x / f64::from(2 * n + 1);
            sum += term;
            if term < sum * f64::EPSILON {
                break;
            }
        }
        1.0 - sum * (-x * x).exp() * std::f64::consts::FRAC_2_SQRT_PI
    } else {
        // Continued fraction of erfc (7.1.14), from the inside out.
        let fraction = (1..=60).rev().fold(x, |inner, n| x + f64::from(n) / 2.0 / inner);
        (-x * x).exp() / fraction * std::f64::consts::FRAC_2_SQRT_PI / 2.0
    };
    if z < 0.0 { 1.0 - complement / 2.0 } else { complement / 2.0 }
}

/// z with Q(z) = `p`, within 1e-6: Wichura's algorithm AS 241, PPND7 (Applied Statistics 37, 1988). It is asked for each
/// question to a silent phone.
fn inverse_tail(p: f64) -> f64 {
    // Q(8) and 1 - Q(8): nothing asked here is rarer.
    if p <= 6.3e-16 {
        return 8.0;
    }
    if p >= 1.0 - 6.3e-16 {
        return -8.0;
    }
    let middle = p - 0.5;
    if middle.abs() <= 0.425 {
        let r = 0.180_625 - middle * middle;
        let up = ((59.109_374_72 * r + 159.291_132_02) * r + 50.434_271_938) * r + 3.387_132_717_9;
        let down = ((67.187_563_6 * r + 78.757_757_664) * r + 17.895_169_469) * r + 1.0;
        return -middle * up / down;
    }
    let root = (-p.min(1.0 - p).ln()).sqrt();
    let z = if root <= 5.0 {
        let r = root - 1.6;
        let up = ((0.170_238_211_03 * r + 1.306_728_481_6) * r + 2.756_815_39) * r + 1.423_437_277_7;
        up / ((0.120_211_329_75 * r + 0.737_001_642_5) * r + 1.0)
    } else {
        let r = root - 5.0;
        let up = ((0.017_337_203_997 * r + 0.428_682_943_37) * r + 3.081_226_386) * r + 6.657_905_115;
        up / ((0.012_258_202_635 * r + 0.241_978_942_25) * r + 1.0)
    };
    if p <= 0.5 { z } else { -z }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn near(a: f64, b: f64, part: f64) -> bool {
        (a - b).abs() <= part * b.abs()
    }

    #[test]
    fn the_normal_tail_is_that_of_the_tables() {
        for (z, q) in [(0.0, 0.5), (1.0, 0.158_655_254), (2.5, 6.209_665e-3), (4.0, 3.167_124e-5), (6.0, 9.865_876e-10)]
        {
            assert!(near(tail(z), q, 1e-6), "{z}: {}", tail(z));
            assert!(near(tail(-z), 1.0 - q, 1e-9) && near(inverse_tail(q), z, 1e-6) || z == 0.0, "{z}");
        }
    }

    /// Figures of an independent model in another language, from the same spells.
    #[test]
    fn the_curve_is_that_of_the_reference_model() {
        let mut sleep = Survival::of(40.0, 1.0);
        for seconds in [12.0, 30.0, 30.0, 61.0, 75.0, 100.0, 140.0, 200.0, 333.0, 700.0, 1_200.0] {
            sleep.add(seconds, 1.0, 0.0, 45.0);
        }
        let fit = sleep.fit;
        assert!(near(fit.u, 56.57, 1e-3) && near(fit.su, 0.453_43, 1e-4), "{} {}", fit.u, fit.su);
        assert!(near(fit.z, 0.8, 1e-9) && near(fit.sigma, 1.427_2, 1e-4), "{} {}", fit.z, fit.sigma);
        for (m, s) in [(10.0, 0.968_031), (60.0, 0.428_269), (300.0, 0.052_397), (1e3, 0.005_261), (3e3, 0.000_365)] {
            assert!(near(sleep.above(m), s, 2e-3), "{m}: {}", sleep.above(m));
        }
        for (p, m) in [(0.1, 197.9), (0.01, 737.6), (0.001, 2_032.9), (1e-4, 4_769.2)] {
            assert!(near(sleep.time_for(p), m, 1e-3), "{p}: {}", sleep.time_for(p));
        }
    }

    proptest! {
        #[test]
        fn longer_is_rarer_and_times_answer_shares(
            spells in proptest::collection::vec((0.1f64..40_000.0, 0.0f64..1.0, 0.0f64..400.0), 0..300),
            p in 1e-9f64..0.5,
        ) {
            let mut sleep = Survival::of(40.0, 1.0);
            for (seconds, weight, day) in spells {
                sleep.add(seconds, weight, day, 45.0);
            }
            let mut before = 1.0;
            for seconds in [1.0, 5.0, 9.0, 20.0, 57.0, 99.0, 300.0, 999.0, 5_000.0, 30_000.0, 90_000.0] {
                let share = sleep.above(seconds);
                prop_assert!(share.is_finite() && share <= before + 1e-9, "{} {}", share, before);
                before = share;
            }
            let time = sleep.time_for(p);
            prop_assert!(time.is_finite() && time >= SHORTEST_S);
            prop_assert!(sleep.above(time * 1.0001) <= p.max(1.0 / (sleep.fit.spells + 1.0)) * 1.001 || time <= top(BINS - 1));
        }
    }
}
