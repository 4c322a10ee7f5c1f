//! Intervals of figures by resampling places.

use serde::Serialize;

use super::metrics::{Figures, Outcome, figures};

/// Low and high end.
pub type Interval = [f64; 2];

/// 95 % intervals of the figures that a model is chosen by.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Intervals {
    /// Of [`Figures::top1`].
    pub top1: Interval,
    /// Of [`Figures::top5`].
    pub top5: Interval,
    /// Of [`Figures::balanced_top1`].
    pub balanced_top1: Interval,
    /// Of [`Figures::macro_f1`].
    pub macro_f1: Interval,
}

/// Percentile intervals of a cluster bootstrap (Field and Welsh 2007): whole places are drawn with replacement,
/// `replicates` times, since pictures of one place are not independent. `None` for fewer than two places.
#[must_use]
pub fn intervals(outcomes: &[Outcome], countries: usize, replicates: usize, seed: u64) -> Option<Intervals> {
    let places = by_place(outcomes);
    if places.len() < 2 || replicates == 0 {
        return None;
    }
    let mut random = SplitMix(seed);
    let drawn: Vec<Figures> = (0..replicates)
        .map(|_| {
            let sample: Vec<Outcome> =
                (0..places.len()).flat_map(|_| places[random.below(places.len())].iter().copied()).collect();
            figures(&sample, countries)
        })
        .collect();
    Some(Intervals {
        top1: middle(&drawn, |f| f.top1),
        top5: middle(&drawn, |f| f.top5),
        balanced_top1: middle(&drawn, |f| f.balanced_top1),
        macro_f1: middle(&drawn, |f| f.macro_f1),
    })
}

fn by_place(outcomes: &[Outcome]) -> Vec<Vec<Outcome>> {
    let mut places = std::collections::BTreeMap::<usize, Vec<Outcome>>::new();
    for outcome in outcomes {
        places.entry(outcome.place).or_default().push(*outcome);
    }
    places.into_values().collect()
}

/// From the 2.5th to the 97.5th percentile.
fn middle(drawn: &[Figures], of: fn(&Figures) -> f64) -> Interval {
    percentiles(drawn.iter().map(of).collect())
}

/// From the 2.5th to the 97.5th percentile of replicates, of which there must be one.
pub(crate) fn percentiles(mut values: Vec<f64>) -> Interval {
    values.sort_by(f64::total_cmp);
    let cut = values.len() / 40;
    [values[cut], values[values.len() - 1 - cut]]
}

/// splitmix64 (Steele et al. 2014): small, seeded, the same on every platform.
pub(crate) struct SplitMix(pub(crate) u64);

impl SplitMix {
    /// A number below `bound`, which must not be 0.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^= z >> 31;
        // The bias of the remainder is below 2⁻⁴⁰ for any number of places that fits in memory.
        usize::try_from(z % bound as u64).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcomes(places: usize, views: usize) -> Vec<Outcome> {
        (0..places * views)
            .map(|i| {
                let place = i / views;
                let right = usize::from(place % 2 == 1);
                Outcome { label: 0, guess: right, rank: right, confidence: 0.5, place }
            })
            .collect()
    }

    #[test]
    fn the_interval_holds_the_figure_and_narrows_with_places_not_with_views() {
        let width = |places, views| {
            let [low, high] = intervals(&outcomes(places, views), 2, 400, 1).unwrap().top1;
            assert!(low <= 0.5 && 0.5 <= high, "{low} {high}");
            high - low
        };
        // A share of one half over n places has a standard error of 0.5/√n: 1.96 of it on both sides.
        assert!((width(100, 1) - 0.196).abs() < 0.04, "{}", width(100, 1));
        assert!((width(100, 4) - width(100, 1)).abs() < 0.03);
        assert!(width(400, 1) < width(100, 1) * 0.65);
    }

    #[test]
    fn the_same_seed_gives_the_same_interval_and_one_place_gives_none() {
        let data = outcomes(20, 2);
        assert_eq!(intervals(&data, 2, 50, 3), intervals(&data, 2, 50, 3));
        assert_ne!(intervals(&data, 2, 50, 3), intervals(&data, 2, 50, 4));
        assert_eq!(intervals(&outcomes(1, 5), 2, 50, 3), None);
    }
}
