//! Figures as text, the same everywhere in the window.

use std::time::Duration;

/// A share as per cent: no decimals from 10 up, one below. The space does not break.
#[must_use]
pub fn percent(p: f32) -> String {
    let value = p * 100.0;
    if value >= 9.95 {
        format!("{value:.0}\u{a0}%")
    } else if value >= 0.05 {
        format!("{value:.1}\u{a0}%")
    } else {
        "<\u{a0}0.1\u{a0}%".to_owned()
    }
}

/// 1st, 2nd, 3rd, 4th, 11th, 21st…
#[must_use]
pub fn ordinal(place: usize) -> String {
    let ending = match (place % 10, place % 100) {
        (_, 11..=13) => "th",
        (1, _) => "st",
        (2, _) => "nd",
        (3, _) => "rd",
        _ => "th",
    };
    format!("{place}{ending}")
}

/// Milliseconds: one decimal below 10, none from there up.
#[must_use]
pub fn milliseconds(time: Duration) -> String {
    let ms = time.as_secs_f64() * 1e3;
    if ms < 9.95 { format!("{ms:.1}") } else { format!("{ms:.0}") }
}

/// Whole seconds, with minutes from 60 on: "12 s", "2 min 5 s".
#[must_use]
pub fn seconds(time: Duration) -> String {
    match (time.as_secs() / 60, time.as_secs() % 60) {
        (0, seconds) => format!("{seconds}\u{a0}s"),
        (minutes, seconds) => format!("{minutes}\u{a0}min {seconds}\u{a0}s"),
    }
}

/// "1 thread", "2 threads".
#[must_use]
pub fn count(number: usize, one: &str, many: &str) -> String {
    format!("{number}\u{a0}{}", if number == 1 { one } else { many })
}

/// A share that was measured, as per cent with one decimal; for figures that are compared with one another.
#[must_use]
pub fn share(p: f64) -> String {
    format!("{:.1}\u{a0}%", p * 100.0)
}

/// A country's name, or its code where it has none.
#[must_use]
pub fn country(code: &str) -> String {
    crate::geo::country_name(code).map_or_else(|| code.to_owned(), |name| name.to_string())
}

/// Bytes in kB below one MB, in MB below one GB, in GB from there up.
#[must_use]
#[expect(clippy::cast_precision_loss)]
pub fn bytes(bytes: u64) -> String {
    let mb = bytes as f64 / 1e6;
    match mb {
        mb if mb < 1.0 => format!("{:.0}\u{a0}kB", mb * 1000.0),
        mb if mb < 1000.0 => format!("{mb:.0}\u{a0}MB"),
        mb => format!("{:.1}\u{a0}GB", mb / 1000.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn per_cent_has_decimals_only_below_ten() {
        for (p, expected) in [
            (1.0, "100 %"),
            (0.463, "46 %"),
            (0.1, "10 %"),
            (0.0996, "10 %"),
            (0.0994, "9.9 %"),
            (0.004, "0.4 %"),
            (0.0004, "< 0.1 %"),
            (0.0, "< 0.1 %"),
        ] {
            assert_eq!(percent(p).replace('\u{a0}', " "), expected, "{p}");
        }
    }

    #[test]
    fn places_are_named_as_people_do() {
        let named: Vec<String> = [1, 2, 3, 4, 11, 12, 13, 21, 112].map(ordinal).to_vec();
        assert_eq!(named, ["1st", "2nd", "3rd", "4th", "11th", "12th", "13th", "21st", "112th"]);
    }

    #[test]
    fn times_and_counts() {
        assert_eq!(milliseconds(Duration::from_micros(940)), "0.9");
        assert_eq!(milliseconds(Duration::from_micros(9_960)), "10");
        assert_eq!(seconds(Duration::from_millis(12_900)), "12\u{a0}s");
        assert_eq!(seconds(Duration::from_secs(125)), "2\u{a0}min 5\u{a0}s");
        let shown = [bytes(412_300), bytes(350_400_000), bytes(1_250_000_000)];
        assert_eq!(shown, ["412\u{a0}kB", "350\u{a0}MB", "1.2\u{a0}GB"]);
        assert_eq!(share(0.4567), "45.7\u{a0}%");
        assert_eq!(count(1, "thread", "threads"), "1\u{a0}thread");
        assert_eq!(count(25, "country", "countries"), "25\u{a0}countries");
    }
}
