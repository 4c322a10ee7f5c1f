//! Countries by any of their names: what people write in lists and on folders, as ISO 3166-1 codes.
//!
//! The names are `country_names.tsv` of the trainer, which reads labels by the same rule (`country_names.py`), so that
//! app and trainer call the same label the same country.

use std::collections::HashMap;
use std::sync::LazyLock;

use unicode_normalization::UnicodeNormalization as _;

const TABLE: &str = include_str!("../../export/streetwise_train/country_names.tsv");
/// Shorter labels are codes; another code is always near, so nothing is suggested for them.
const SHORTEST: usize = 4;
/// Likeness (1 minus the share of letters to change, by Damerau and Levenshtein) from which a name is suggested.
const NEAR: f64 = 0.75;

/// A label that names no country.
#[derive(Debug, Clone, PartialEq, Eq, Hash, thiserror::Error)]
#[error("`{}` is no country{}", .0.trim(), suggestion(.0))]
pub struct NoCountry(pub String);

/// Codes by the key of every code and name.
static CODES: LazyLock<HashMap<String, &'static str>> = LazyLock::new(|| {
    let lines = TABLE.lines().filter(|line| !line.starts_with('#'));
    let cells = lines.flat_map(|line| {
        let code = line.split('\t').next().unwrap_or_default();
        line.split('\t').map(move |name| (key(name), code))
    });
    cells.collect()
});

/// The ISO 3166-1 alpha-2 code (or `XK`) of the country that a label names.
///
/// Any case and accents, spaces or underscores: alpha-2 and alpha-3 codes, `UK`, English and native names, common other
/// spellings.
///
/// # Errors
/// [`NoCountry`], which says what it is near to.
pub fn country_of(label: &str) -> Result<&'static str, NoCountry> {
    CODES.get(&key(label)).copied().ok_or_else(|| NoCountry(label.to_owned()))
}

/// What two spellings of one name have in common: small letters without accents, signs and spaces.
fn key(label: &str) -> String {
    let text = label.trim().to_lowercase().replace('&', " and ");
    let article = text.strip_prefix("the").filter(|rest| rest.starts_with([' ', '\t', '_', '-']));
    article.unwrap_or(&text).nfkd().filter(|letter| !is_dropped(*letter)).collect()
}

/// Combining accents, spaces, ASCII and General Punctuation, the middle dot.
fn is_dropped(letter: char) -> bool {
    matches!(letter, '\u{300}'..='\u{36f}' | '\u{b7}' | '\u{2000}'..='\u{206f}' | '\u{feff}')
        || letter.is_whitespace()
        || (letter.is_ascii() && !letter.is_ascii_alphanumeric())
}

/// `, did you mean GB?`, or nothing where no name is near.
fn suggestion(label: &str) -> String {
    let wanted = key(label);
    if wanted.chars().count() < SHORTEST {
        return String::new();
    }
    let likeness = |name: &str| strsim::normalized_damerau_levenshtein(&wanted, name);
    let near = CODES.iter().map(|(name, code)| (likeness(name), *code));
    // Of equally near ones the first by code, whatever the order of the map.
    let best = near.filter(|(like, _)| *like >= NEAR).max_by(|a, b| a.0.total_cmp(&b.0).then(b.1.cmp(a.1)));
    best.map_or_else(String::new, |(_, code)| format!(", did you mean {code}?"))
}

#[cfg(test)]
mod tests {
    use keshvar::CountryIterator;

    use super::*;

    /// Labels as people write them; the trainer's tests read the same file.
    #[test]
    fn labels_are_read_as_the_trainer_reads_them() {
        let labels = include_str!("../../tests/golden/labels.tsv");
        for line in labels.lines().filter(|line| !line.starts_with('#')) {
            let (label, expected) = line.split_once('\t').unwrap();
            let found = country_of(label).map(str::to_owned).unwrap_or_else(|why| {
                let said = why.to_string();
                let near =
                    said.split_once("did you mean ").map_or("", |(_, near)| near.trim_end_matches('?'));
                format!("- {near}").trim_end().to_owned()
            });
            assert_eq!(found, expected, "{label}");
        }
    }

    #[test]
    fn every_code_and_name_of_keshvar_is_read_as_its_country() {
        let mut count = 0;
        for country in CountryIterator::new() {
            let code = country.alpha2().to_string();
            let short = country.iso_short_name();
            let underscored = short.to_uppercase().replace(' ', "_");
            for label in [&code, &code.to_lowercase(), &country.alpha3().to_string(), short, &underscored] {
                assert_eq!(country_of(label), Ok(code.as_str()), "{label}");
            }
            count += 1;
        }
        assert_eq!(count, 249);
        let table = TABLE.lines().filter(|line| !line.starts_with('#')).count();
        assert_eq!(table, count + 1, "the trainer's table has these and Kosovo");
    }
}
