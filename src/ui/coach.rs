//! Coach mode: the ranking of a new picture stays covered until the user has made a guess of their own.

use std::collections::HashMap;

use crate::geo;
use crate::ranking::{Ranking, Verdict};

use super::words;

/// What the user did about each picture, by the picture's number.
#[derive(Debug, Default)]
pub struct Coach {
    /// Uncovered pictures, with the country that the user said (ISO alpha-2), if any.
    uncovered: HashMap<u64, Option<String>>,
}

impl Coach {
    /// Whether the ranking of this picture is covered.
    #[must_use]
    pub fn covers(&self, picture: u64) -> bool {
        !self.uncovered.contains_key(&picture)
    }

    /// Uncovers a picture without a guess. A guess that was made stays.
    pub fn reveal(&mut self, picture: u64) {
        self.uncovered.entry(picture).or_default();
    }

    /// Uncovers a picture with the user's guess.
    pub fn guess(&mut self, picture: u64, country: &str) {
        self.uncovered.insert(picture, Some(country.to_owned()));
    }

    /// What the user said of a picture.
    #[must_use]
    pub fn said(&self, picture: u64) -> Option<&str> {
        self.uncovered.get(&picture)?.as_deref()
    }

    /// Forgets pictures that are not in the strip any more.
    pub fn keep(&mut self, kept: impl Fn(u64) -> bool) {
        self.uncovered.retain(|picture, _| kept(*picture));
    }

    /// The user's guess against the ranking, as a sentence.
    #[must_use]
    pub fn comparison(&self, picture: u64, ranking: &Ranking) -> Option<String> {
        let said = self.said(picture)?;
        let name = geo::country_name(said).unwrap_or_else(|| said.to_owned());
        let place = ranking.guesses.iter().position(|guess| guess.country == said);
        Some(match place {
            _ if ranking.verdict == Verdict::Outside => {
                format!("You said {name}; what the model says of such a picture means little.")
            }
            Some(0) => {
                format!("You said {name}; so does the model, at {}.", words::percent(ranking.guesses[0].p))
            }
            Some(place) => format!(
                "You said {name}; the model has it {} at {}.",
                words::ordinal(place + 1),
                words::percent(ranking.guesses[place].p)
            ),
            None => format!("You said {name}; this model does not know it."),
        })
    }
}

/// The countries of `codes` that fit what was typed, best first: whole code, then beginning of the name,
/// then beginning of a word, then anywhere. Nothing typed fits all, by name.
#[must_use]
pub fn matches(codes: &[String], typed: &str) -> Vec<(String, String)> {
    let typed = typed.trim().to_lowercase();
    let mut found: Vec<(u8, String, String)> = codes
        .iter()
        .filter_map(|code| {
            let name = geo::country_name(code).unwrap_or_else(|| code.clone());
            let lower = name.to_lowercase();
            let fit = if code.to_lowercase() == typed {
                0
            } else if lower.starts_with(&typed) {
                1
            } else if lower.split_whitespace().any(|word| word.starts_with(&typed)) {
                2
            } else if lower.contains(&typed) {
                3
            } else {
                return None;
            };
            Some((fit, name, code.clone()))
        })
        .collect();
    found.sort();
    found.into_iter().map(|(_, name, code)| (code, name)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ranking::{Outside, UnsureRule};

    fn codes() -> Vec<String> {
        ["AU", "NZ", "ZA", "GB", "US"].map(str::to_owned).to_vec()
    }

    #[test]
    fn a_new_picture_is_covered_until_a_guess_or_a_reveal() {
        let mut coach = Coach::default();
        assert!(coach.covers(1));
        coach.reveal(1);
        assert!(!coach.covers(1));
        assert!(coach.covers(2));
        coach.guess(2, "NZ");
        coach.reveal(2);
        assert_eq!(coach.said(2), Some("NZ"));
        coach.keep(|picture| picture == 2);
        assert!(coach.covers(1));
    }

    #[test]
    fn the_guess_is_set_against_the_model() {
        let ranking =
            Ranking::from_logits(&[2.0, 1.0, 0.0, 0.0, 0.0], 1.0, &codes(), UnsureRule::default()).unwrap();
        let mut coach = Coach::default();
        let mut check = |said: &str, expected: &str| {
            coach.guess(1, said);
            assert_eq!(coach.comparison(1, &ranking).unwrap().replace('\u{a0}', " "), expected);
        };
        check("AU", "You said Australia; so does the model, at 56 %.");
        check("NZ", "You said New Zealand; the model has it 2nd at 21 %.");
        check("JP", "You said Japan; this model does not know it.");
        let outside = ranking.measured(Some(Outside { score: 9.0, bound: 1.5 }));
        let said = coach.comparison(1, &outside).unwrap();
        assert_eq!(said, "You said Japan; what the model says of such a picture means little.");
    }

    #[test]
    fn typing_finds_by_code_beginning_word_and_part() {
        let check = |typed: &str, expected: &[&str]| {
            let found: Vec<String> = matches(&codes(), typed).into_iter().map(|(code, _)| code).collect();
            assert_eq!(found, expected, "{typed}");
        };
        check("us", &["US", "AU"]);
        check("new", &["NZ"]);
        check("k", &["GB"]);
        check("united", &["GB", "US"]);
        check("land", &["NZ"]);
        check("x", &[]);
        check(" ", &["AU", "NZ", "ZA", "GB", "US"]);
    }
}
