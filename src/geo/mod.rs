//! Countries by their ISO 3166-1 alpha-2 code: the name a player uses and the UN M49 sub-region; and codes by any name
//! ([`country_of`]).
//!
//! The facts come from the `keshvar` crate; only the choice of the short English name is ours. Kosovo, which ISO has not
//! assigned a code, goes by `XK`, as everywhere in practice.

mod names;

use keshvar::Alpha2;

pub use names::{NoCountry, country_of};

/// The user-assigned code of Kosovo, its name, and the M49 sub-region that it lies in.
const KOSOVO: (&str, &str, &str) = ("XK", "Kosovo", "Southern Europe");

/// The short English name of a country, for example `United Kingdom` for `GB`.
///
/// `None` when `code` is neither an assigned ISO 3166-1 alpha-2 code in capitals nor `XK`.
#[must_use]
pub fn country_name(code: &str) -> Option<String> {
    if code == KOSOVO.0 {
        return Some(KOSOVO.1.to_owned());
    }
    let country = assigned(code)?.to_country();
    let official = country.iso_short_name();
    let ceremonial = ["(", " of ", "Republic", "Federation", "Viet Nam"];
    if !ceremonial.iter().any(|part| official.contains(part)) {
        // "Taiwan, Province of China" is caught above by " of "; the part before the comma is the name.
        return Some(official.to_owned());
    }
    let short = country.unofficial_name_list().first().copied().unwrap_or(official);
    Some(short.split(',').next().unwrap_or(short).to_owned())
}

/// The UN M49 sub-region (or intermediate region) a country lies in, for example `South-eastern Asia`.
///
/// `None` when the code is unknown or the standard assigns no region (Antarctica).
#[must_use]
pub fn region_name(code: &str) -> Option<String> {
    if code == KOSOVO.0 {
        return Some(KOSOVO.2.to_owned());
    }
    let region = assigned(code)?.to_country().maybe_subregion()?;
    let words: Vec<String> = region
        .to_string()
        .replace("south-eastern", "South‑eastern")
        .split('-')
        .map(|word| if word == "and" { word.to_owned() } else { capitalise(word) })
        .collect();
    Some(words.join(" ").replace('\u{2011}', "-"))
}

/// `keshvar` reads small letters too; the manifests' format is capitals only.
fn assigned(code: &str) -> Option<Alpha2> {
    if code.bytes().all(|letter| letter.is_ascii_uppercase()) { Alpha2::try_from(code).ok() } else { None }
}

fn capitalise(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_the_ones_players_use() {
        for (code, expected) in [
            ("AU", Some("Australia")),
            ("GB", Some("United Kingdom")),
            ("US", Some("United States")),
            ("RU", Some("Russia")),
            ("KR", Some("South Korea")),
            ("TW", Some("Taiwan")),
            ("CZ", Some("Czechia")),
            ("VN", Some("Vietnam")),
            ("ZA", Some("South Africa")),
            ("MK", Some("North Macedonia")),
            ("DO", Some("Dominican Republic")),
            ("XK", Some("Kosovo")),
            ("QQ", None),
            ("au", None),
        ] {
            assert_eq!(country_name(code).as_deref(), expected, "{code}");
        }
    }

    #[test]
    fn regions_are_un_m49_sub_regions() {
        for (code, expected) in [
            ("ID", Some("South-eastern Asia")),
            ("NZ", Some("Australia and New Zealand")),
            ("BR", Some("South America")),
            ("GB", Some("Northern Europe")),
            ("US", Some("Northern America")),
            ("XK", Some("Southern Europe")),
            ("QQ", None),
        ] {
            assert_eq!(region_name(code).as_deref(), expected, "{code}");
        }
    }
}
