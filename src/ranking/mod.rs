//! Logits to a ranking: temperature, softmax, roll-up to regions, and when to say "not sure".

mod outside;

use serde::{Deserialize, Serialize};

use crate::geo;

pub use outside::Outside;

/// One country of a ranking.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Guess {
    /// ISO 3166-1 alpha-2 code.
    pub country: String,
    /// Short English name.
    pub name: String,
    /// Calibrated probability, 0 to 1, among the countries that the model knows.
    pub p: f32,
}

/// The probability of a UN M49 sub-region: the sum over its countries.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RegionShare {
    /// English name of the sub-region.
    pub region: String,
    /// Probability, 0 to 1.
    pub p: f32,
}

/// A model of as many countries ranks the world: a picture hardly lies outside them.
const WORLD: usize = 150;

/// What the evidence allows to say about the first guess.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "verdict", rename_all = "kebab-case")]
pub enum Verdict {
    /// The first guess is probable enough to be said alone.
    Sure,
    /// Two countries share the evidence.
    Between {
        /// Name of the first country.
        first: String,
        /// Name of the second country.
        second: String,
    },
    /// No country stands out; the picture may lie outside what the model knows.
    Scattered,
    /// The picture is unlike all that the model learned from, whatever the countries' probabilities are.
    Outside,
}

/// When a ranking is `unsure`. Part of a model's manifest, fitted on held-out places.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct UnsureRule {
    /// Below this calibrated probability of the first guess the ranking is unsure, 0 to 1. Above 1 nothing is ever
    /// sure: guesses of that model were not right half of the time at any probability.
    pub min_top1: f32,
}

impl Default for UnsureRule {
    /// One half: a calibrated first guess under it is wrong more often than right.
    fn default() -> Self {
        Self { min_top1: 0.5 }
    }
}

/// Countries by falling probability, with their regions and what may be said of them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ranking {
    /// Every country the model knows, most probable first.
    pub guesses: Vec<Guess>,
    /// Every sub-region of those countries, most probable first.
    pub regions: Vec<RegionShare>,
    /// What may be said of the first guess.
    pub verdict: Verdict,
    /// How unlike the pictures that the model learned from this one is, where the model measures it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outside: Option<Outside>,
}

/// A model's output that cannot become a ranking.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum RankingError {
    /// NaN or infinity among the logits.
    #[error("no guess: the model's output is not a number for this picture; try another model or engine")]
    NotFinite,
    /// As many logits as countries are needed.
    #[error(
        "no guess: the model gave {logits} values for {countries} countries; its files do not fit together"
    )]
    Width {
        /// Number of logits received.
        logits: usize,
        /// Number of countries in the manifest.
        countries: usize,
    },
}

impl Ranking {
    /// Ranks `countries` (ISO alpha-2, in output order) by `softmax(logits / temperature)`.
    ///
    /// # Errors
    /// When the logits are not finite or not as many as the countries.
    pub fn from_logits(
        logits: &[f32],
        temperature: f32,
        countries: &[String],
        rule: UnsureRule,
    ) -> Result<Self, RankingError> {
        if logits.len() != countries.len() || logits.is_empty() {
            return Err(RankingError::Width { logits: logits.len(), countries: countries.len() });
        }
        if !logits.iter().all(|value| value.is_finite()) {
            return Err(RankingError::NotFinite);
        }
        let mut guesses: Vec<Guess> = countries
            .iter()
            .zip(softmax(logits, temperature))
            .map(|(code, p)| Guess {
                country: code.clone(),
                name: geo::country_name(code).unwrap_or_else(|| code.clone()),
                p,
            })
            .collect();
        guesses.sort_by(|a, b| b.p.total_cmp(&a.p));
        let verdict = judge(&guesses, rule);
        let regions = roll_up(&guesses);
        Ok(Self { guesses, regions, verdict, outside: None })
    }

    /// The same ranking with what the model measured of how unlike its own pictures this one is; beyond the bound that
    /// outweighs every probability.
    #[must_use]
    pub fn measured(mut self, outside: Option<Outside>) -> Self {
        if outside.is_some_and(|found| found.beyond()) {
            self.verdict = Verdict::Outside;
        }
        self.outside = outside;
        self
    }

    /// Whether the ranking should be read as "not sure".
    #[must_use]
    pub fn unsure(&self) -> bool {
        self.verdict != Verdict::Sure
    }

    /// What may be said of the first guess, as a sentence.
    #[must_use]
    pub fn sentence(&self) -> String {
        let known = self.guesses.len();
        match &self.verdict {
            Verdict::Sure if self.guesses[0].p >= 0.5 => "Sure enough to say one country.".to_owned(),
            Verdict::Sure => {
                let first = &self.guesses[0];
                #[allow(clippy::cast_precision_loss)]
                let lift = first.p * known as f32;
                format!("{} stands out, at {lift:.0} times chance, but is far from certain.", first.name)
            }
            Verdict::Between { first, second } => format!("Not sure: between {first} and {second}."),
            Verdict::Outside => {
                "Not sure: this does not look like the street pictures that this model learned from."
                    .to_owned()
            }
            // Where the bound lies above one half, even a probable guess is no sure one.
            Verdict::Scattered if self.guesses[0].p >= 0.5 => format!(
                "Not sure: {} comes first, but guesses of this model were not right half of the time.",
                self.guesses[0].name
            ),
            Verdict::Scattered if known >= WORLD => "Not sure: no country stands out.".to_owned(),
            Verdict::Scattered => format!(
                "Not sure: no country stands out. It may lie outside the {known} countries this model knows."
            ),
        }
    }
}

/// `exp(x / t)` over its sum, the maximum taken off first so that nothing overflows.
/// A temperature that is not positive counts as 1.
#[must_use]
pub fn softmax(logits: &[f32], temperature: f32) -> Vec<f32> {
    let t = if temperature > 0.0 { temperature } else { 1.0 };
    let top = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let weights: Vec<f32> = logits.iter().map(|x| ((x - top) / t).exp()).collect();
    let sum: f32 = weights.iter().sum();
    weights.into_iter().map(|w| w / sum).collect()
}

/// The rule of [`UnsureRule`]: sure at or over the threshold; "between two" when both together reach
/// it and the second has at least half of the first; else no country stands out.
fn judge(guesses: &[Guess], rule: UnsureRule) -> Verdict {
    let first = &guesses[0];
    if first.p >= rule.min_top1 {
        return Verdict::Sure;
    }
    match guesses.get(1) {
        Some(second) if first.p + second.p >= rule.min_top1 && second.p >= first.p / 2.0 => {
            Verdict::Between { first: first.name.clone(), second: second.name.clone() }
        }
        _ => Verdict::Scattered,
    }
}

fn roll_up(guesses: &[Guess]) -> Vec<RegionShare> {
    let mut regions: Vec<RegionShare> = Vec::new();
    for guess in guesses {
        let region = geo::region_name(&guess.country).unwrap_or_else(|| "Other".to_owned());
        match regions.iter_mut().find(|known| known.region == region) {
            Some(known) => known.p += guess.p,
            None => regions.push(RegionShare { region, p: guess.p }),
        }
    }
    regions.sort_by(|a, b| b.p.total_cmp(&a.p));
    regions
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rank(logits: &[f32], temperature: f32) -> Result<Ranking, RankingError> {
        let countries: Vec<String> = ["AU", "NZ", "BR", "DE"].map(str::to_owned).to_vec();
        Ranking::from_logits(logits, temperature, &countries, UnsureRule::default())
    }

    #[test]
    fn the_largest_logit_comes_first_and_probabilities_sum_to_one() {
        let ranking = rank(&[0.0, 3.0, 1.0, -2.0], 1.0).unwrap();
        let order: Vec<&str> = ranking.guesses.iter().map(|g| g.country.as_str()).collect();
        assert_eq!(order, ["NZ", "BR", "AU", "DE"]);
        assert!((ranking.guesses.iter().map(|g| g.p).sum::<f32>() - 1.0).abs() < 1e-6);
        assert!((ranking.regions.iter().map(|r| r.p).sum::<f32>() - 1.0).abs() < 1e-6);
    }

    #[test]
    fn regions_add_up_their_countries() {
        let ranking = rank(&[2.0, 2.0, 2.5, 0.0], 1.0).unwrap();
        assert_eq!(ranking.guesses[0].country, "BR");
        assert_eq!(ranking.regions[0].region, "Australia and New Zealand");
    }

    #[test]
    fn a_high_temperature_flattens() {
        let sharp = rank(&[0.0, 3.0, 1.0, -2.0], 1.0).unwrap().guesses[0].p;
        let flat = rank(&[0.0, 3.0, 1.0, -2.0], 4.0).unwrap().guesses[0].p;
        assert!(flat < sharp);
    }

    #[test]
    fn the_verdict_follows_the_rule() {
        let between = Verdict::Between { first: "New Zealand".into(), second: "Australia".into() };
        for (logits, expected) in [
            ([0.0, 5.0, 0.0, 0.0], Verdict::Sure),
            ([2.9, 3.0, 2.0, 2.0], between),
            (
                [1.0, 1.01, 1.0, 1.0],
                Verdict::Between { first: "New Zealand".into(), second: "Australia".into() },
            ),
        ] {
            assert_eq!(rank(&logits, 1.0).unwrap().verdict, expected, "{logits:?}");
        }
        assert!(rank(&[0.0, 5.0, 0.0, 0.0], 1.0).unwrap().sentence().contains("Sure enough"));
        let modest = UnsureRule { min_top1: 0.3 };
        let codes: Vec<String> = ["AU", "NZ", "BR", "DE"].map(str::to_owned).to_vec();
        let ranking = Ranking::from_logits(&[0.0, 0.8, 0.0, 0.0], 1.0, &codes, modest).unwrap();
        assert_eq!(ranking.verdict, Verdict::Sure);
        assert!(ranking.sentence().contains("far from certain"), "{}", ranking.sentence());
        let many: Vec<String> = ["AU", "NZ", "BR", "DE", "FR", "JP", "US", "CL"].map(str::to_owned).to_vec();
        let flat = Ranking::from_logits(&[0.1; 8], 1.0, &many, UnsureRule::default()).unwrap();
        assert_eq!(flat.verdict, Verdict::Scattered);
        assert!(flat.sentence().contains("8 countries"));
        let world: Vec<String> = crate::geo::countries().iter().map(|(code, _)| code.clone()).collect();
        let flat = vec![0.0; world.len()];
        let ranking = Ranking::from_logits(&flat, 1.0, &world, UnsureRule::default()).unwrap();
        assert_eq!(ranking.sentence(), "Not sure: no country stands out.");
    }

    #[test]
    fn a_model_that_was_never_right_half_of_the_time_is_never_sure() {
        let codes: Vec<String> = ["AU", "NZ", "BR", "DE"].map(str::to_owned).to_vec();
        let never = UnsureRule { min_top1: 1.01 };
        let ranking = Ranking::from_logits(&[0.0, 99.0, 0.0, 0.0], 1.0, &codes, never).unwrap();
        assert!(ranking.unsure());
        assert!(ranking.sentence().contains("New Zealand comes first, but"), "{}", ranking.sentence());
    }

    #[test]
    fn a_picture_beyond_the_bound_is_outside_however_probable_a_country_is() {
        let measured = |score: f32| {
            let found = Outside { score, bound: 1.5 };
            rank(&[0.0, 99.0, 0.0, 0.0], 1.0).unwrap().measured(Some(found))
        };
        for (score, beyond) in [(0.1, false), (1.5, false), (1.6, true), (f32::NAN, true)] {
            let ranking = measured(score);
            assert_eq!(ranking.verdict == Verdict::Outside, beyond, "{score}");
            assert_eq!(ranking.unsure(), beyond, "{score}");
            assert_eq!(ranking.outside.unwrap().verdict(), if beyond { "outside" } else { "within" });
        }
        assert!(measured(9.0).sentence().contains("does not look like the street pictures"));
        let silent = rank(&[0.0, 99.0, 0.0, 0.0], 1.0).unwrap().measured(None);
        assert_eq!((silent.verdict, silent.outside), (Verdict::Sure, None));
    }

    #[test]
    fn what_is_not_a_number_is_no_guess() {
        for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            assert_eq!(rank(&[0.0, bad, 1.0, 2.0], 1.0), Err(RankingError::NotFinite));
        }
        assert_eq!(rank(&[0.0, 1.0], 1.0), Err(RankingError::Width { logits: 2, countries: 4 }));
    }
}
