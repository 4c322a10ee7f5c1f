//! Times of single pictures, folded.

use serde::Serialize;

/// How long one step takes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Latency {
    /// Half of the times are at or below this, in milliseconds.
    pub median_ms: f64,
    /// 95 % of the times are at or below this, in milliseconds.
    pub p95_ms: f64,
    /// Number of times.
    pub n: usize,
}

impl Latency {
    /// Of times in milliseconds, by the nearest rank; zeros for none.
    #[must_use]
    pub fn of(times: &[f64]) -> Self {
        let mut sorted = times.to_vec();
        sorted.sort_by(f64::total_cmp);
        // Nearest rank: the value at position ⌈share · n⌉, counted from one.
        let at = |part: usize| sorted.get((sorted.len() * part).div_ceil(100).max(1) - 1);
        let value = |part| at(part).copied().unwrap_or_default();
        Self { median_ms: value(50), p95_ms: value(95), n: times.len() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_percentiles_are_nearest_ranks() {
        let times: Vec<f64> = (1..=100).rev().map(f64::from).collect();
        assert_eq!(Latency::of(&times), Latency { median_ms: 50.0, p95_ms: 95.0, n: 100 });
        assert_eq!(Latency::of(&[3.0]), Latency { median_ms: 3.0, p95_ms: 3.0, n: 1 });
        assert_eq!(Latency::of(&[]), Latency::default());
    }
}
