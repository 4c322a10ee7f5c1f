//! What of a data set is left out because it cannot be read as a label, and how that is told.

use std::collections::HashMap;
use std::fmt::{self, Display};

use crate::geo::NoCountry;

/// Reasons told in full, and lines or folders told for each; the rest is counted.
const TOLD: usize = 5;

/// A row of an index, or a folder, whose pictures are not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOut {
    /// Where it is.
    pub at: At,
    /// Why it is left out.
    pub why: Reason,
}

/// Where something is that was left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum At {
    /// A line of an index, the first is 1.
    Line(u64),
    /// A folder, by its path below the data set.
    Folder(String),
}

/// Why a row or folder is left out.
#[derive(Debug, Clone, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Reason {
    /// Its label is none.
    #[error(transparent)]
    Country(#[from] NoCountry),
    /// The country's cell is empty.
    #[error("no country is named")]
    CountryMissing,
    /// The picture's cell is empty.
    #[error("no picture is named")]
    FileMissing,
    /// It has more cells than the header.
    #[error("more cells than the header has, is a quotation mark missing?")]
    TooLong,
    /// A cell goes over several lines.
    #[error("a cell goes on in the next line, is a quotation mark missing?")]
    LineBreak,
    /// It is in another encoding.
    #[error("not UTF-8 text")]
    Encoding,
}

/// One sentence on all of `left_out`, reasons with their lines; none where there is nothing to tell.
#[must_use]
pub fn in_words(left_out: &[LeftOut]) -> Option<String> {
    let (mut order, mut places): (Vec<&Reason>, HashMap<&Reason, Vec<&At>>) = (Vec::new(), HashMap::new());
    for one in left_out {
        let at = places.entry(&one.why).or_default();
        if at.is_empty() {
            order.push(&one.why);
        }
        at.push(&one.at);
    }
    let first = left_out.first()?;
    let what = match (&first.at, left_out.len()) {
        (At::Line(_), 1) => "1 row is left out".to_owned(),
        (At::Line(_), count) => format!("{count} rows are left out"),
        (At::Folder(_), 1) => "1 folder is left out".to_owned(),
        (At::Folder(_), count) => format!("{count} folders are left out"),
    };
    let told: Vec<String> =
        order.iter().take(TOLD).map(|why| format!("{why} ({})", At::list(&places[why]))).collect();
    let more = order.len().saturating_sub(TOLD);
    let rest = if more > 0 { format!("; and {more} other reasons") } else { String::new() };
    Some(format!("{what}: {}{rest}", told.join("; ")))
}

impl At {
    /// `lines 4, 5 and 12 more`, `folder Elbonia`.
    fn list(all: &[&Self]) -> String {
        let plural = if all.len() > 1 { "s" } else { "" };
        let what = if matches!(all.first(), Some(Self::Line(_))) { "line" } else { "folder" };
        let named: Vec<String> = all.iter().take(TOLD).map(ToString::to_string).collect();
        let more = all.len().saturating_sub(TOLD);
        let rest = if more > 0 { format!(" and {more} more") } else { String::new() };
        format!("{what}{plural} {}{rest}", named.join(", "))
    }
}

impl Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line(line) => line.fmt(f),
            Self::Folder(name) => name.fmt(f),
        }
    }
}
