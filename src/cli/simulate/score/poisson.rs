//! # How sure a count is
//!
//! Exact limits of a Poisson rate (Garwood 1936), by halving.

/// P(at most `count` | mean).
fn at_most(count: u64, mean: f64) -> f64 {
    let (mut term, mut sum) = (-mean, f64::NEG_INFINITY);
    for k in 0..=count {
        if k > 0 {
            term += (mean / k as f64).ln();
        }
        // Sum of logs, so that large means do not vanish.
        let (high, low) = if sum > term { (sum, term) } else { (term, sum) };
        sum = high + (low - high).exp().ln_1p();
    }
    sum.exp()
}

fn mean_with(wanted: f64, count: u64) -> f64 {
    let (mut low, mut high) = (0.0, 10.0 + 3.0 * count as f64);
    for _ in 0..80 {
        let middle = f64::midpoint(low, high);
        if at_most(count, middle) > wanted { low = middle } else { high = middle }
    }
    low
}

/// Within these limits the rate lies with 95 %, if so many were counted in so much `exposure`.
pub fn interval(count: u64, exposure: f64) -> [f64; 2] {
    if exposure <= 0.0 {
        return [0.0, 0.0];
    }
    let low = count.checked_sub(1).map_or(0.0, |fewer| mean_with(0.975, fewer));
    [low / exposure, mean_with(0.025, count) / exposure]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Against the table of Pearson and Hartley.
    #[test]
    fn limits_are_those_of_the_tables() {
        for (count, low, high) in [(0, 0.0, 3.689), (1, 0.0253, 5.572), (5, 1.623, 11.668), (30, 20.24, 42.83)] {
            let [found_low, found_high] = interval(count, 1.0);
            assert!(
                (found_low - low).abs() < 0.01 && (found_high - high).abs() < 0.01,
                "{count}: {found_low} {found_high}"
            );
        }
        let [low, high] = interval(10_000, 100.0);
        assert!(low > 97.5 && low < 98.5 && high > 101.5 && high < 102.5, "{low} {high}");
    }
}
