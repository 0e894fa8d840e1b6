//! # Chance that comes out the same every time
//!
//! Each thing of a home throws its own dice, seeded by the home's seed and the thing's name: one device more
//! changes nothing for the others.

use sha2::{Digest as _, Sha256};

/// The dice of one thing.
#[derive(Debug, Clone)]
pub struct Dice(fastrand::Rng);

impl Dice {
    pub fn of(seed: u64, name: &str) -> Dice {
        let mut hash = Sha256::new();
        hash.update(seed.to_le_bytes());
        hash.update(name.as_bytes());
        let digest = hash.finalize();
        let mut bytes = [0; 8];
        bytes.iter_mut().zip(digest.iter()).for_each(|(to, from)| *to = *from);
        Dice(fastrand::Rng::with_seed(u64::from_le_bytes(bytes)))
    }

    /// In [0, 1).
    pub fn unit(&mut self) -> f64 {
        self.0.f64()
    }

    pub fn chance(&mut self, p: f64) -> bool {
        self.unit() < p
    }

    pub fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }

    /// Exponential.
    pub fn within(&mut self, mean: f64) -> f64 {
        -mean * (1.0 - self.unit()).ln()
    }

    /// Standard normal, by Box and Muller (1958).
    fn bell(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.unit()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.unit()).cos()
    }

    pub fn about(&mut self, mean: f64, deviation: f64) -> f64 {
        mean + deviation * self.bell()
    }

    /// Log-normal.
    pub fn lasts(&mut self, median: f64, sigma: f64) -> f64 {
        median * (sigma * self.bell()).exp()
    }

    pub fn pareto(&mut self, scale: f64, alpha: f64) -> f64 {
        scale * (1.0 - self.unit()).powf(-1.0 / alpha.max(0.01))
    }

    pub fn one_of<T: Copy>(&mut self, all: &[T]) -> Option<T> {
        let index = (self.unit() * all.len() as f64) as usize;
        all.get(index).copied()
    }

    pub fn byte(&mut self) -> u8 {
        self.0.u8(..)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dice_are_fair_and_repeat_themselves() {
        let throw = |seed, name| {
            let mut dice = Dice::of(seed, name);
            (0..20_000).map(|_| dice.lasts(30.0, 0.9)).collect::<Vec<_>>()
        };
        assert_eq!(throw(7, "tv"), throw(7, "tv"));
        assert_ne!(throw(7, "tv"), throw(7, "lamp"));
        let mut all = throw(7, "tv");
        all.sort_by(f64::total_cmp);
        assert!((all[10_000] - 30.0).abs() < 1.0, "median {}", all[10_000]);
        // 84 % lie below the median times e^sigma.
        assert!((all[16_827] / (30.0 * 0.9f64.exp()) - 1.0).abs() < 0.05, "{}", all[16_827]);
        let mut dice = Dice::of(1, "x");
        let mean = (0..20_000).map(|_| dice.within(90.0)).sum::<f64>() / 20_000.0;
        assert!((mean - 90.0).abs() < 3.0, "{mean}");
    }
}
