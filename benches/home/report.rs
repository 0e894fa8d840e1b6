//! Tables for people.

/// Numbers of repeated runs.
#[derive(Debug, Clone, Default)]
pub struct Runs(Vec<f64>);

impl Runs {
    pub fn add(&mut self, number: f64) {
        self.0.push(number);
        self.0.sort_by(f64::total_cmp);
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn min(&self) -> f64 {
        self.0.first().copied().unwrap_or(f64::NAN)
    }

    pub fn max(&self) -> f64 {
        self.0.last().copied().unwrap_or(f64::NAN)
    }

    /// The smallest that `percent` of all do not exceed.
    pub fn at(&self, percent: usize) -> f64 {
        let rank = (self.0.len() * percent).div_ceil(100).max(1);
        self.0.get(rank - 1).copied().unwrap_or(f64::NAN)
    }

    pub fn median(&self) -> f64 {
        self.at(50)
    }
}

pub fn title(text: &str) {
    println!("\n{text}\n{}", "-".repeat(text.chars().count()));
}

pub fn row(what: &str, figure: &str) {
    println!("  {what:<58} {figure}");
}

pub fn mib(kib: u64) -> String {
    format!("{:.1} MiB", kib as f64 / 1024.0)
}

/// How ours compares with a peer's.
pub fn ratio(ours: f64, theirs: f64) -> String {
    if theirs > 0.0 { format!("{:.2} of ours to 1 of theirs", ours / theirs) } else { "nothing to divide by".into() }
}
