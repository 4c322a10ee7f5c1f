//! Pieces of HTML: the style, tables, figures with their intervals.

use crate::evaluate::Interval;

/// The style of the page, light or dark as the reader's system is.
pub(super) const STYLE: &str = "\
:root{color-scheme:light dark;--ground:#fff;--ink:#222;--faint:#666;--rule:#ddd}
@media(prefers-color-scheme:dark){:root{--ground:#161616;--ink:#e6e6e6;--faint:#a0a0a0;--rule:#3a3a3a}}
body{background:var(--ground);color:var(--ink);font:15px/1.5 system-ui,sans-serif;max-width:62rem;margin:2rem auto;padding:0 1rem}
table{border-collapse:collapse;margin:1rem 0;font-variant-numeric:tabular-nums}
th,td{border-bottom:1px solid var(--rule);padding:.25rem .7rem;text-align:right}
th:first-child,td:first-child,td.word{text-align:left}
.wide{overflow-x:auto}svg{max-width:100%;height:auto;margin:.5rem 0}
.faint{color:var(--faint)}code{overflow-wrap:anywhere}";

/// A share in per cent with its interval.
pub(super) fn with(share: f64, interval: Option<Interval>) -> String {
    let interval = interval
        .map_or_else(String::new, |[low, high]| format!(" ({:.1} to {:.1})", low * 100.0, high * 100.0));
    format!("{:.1}{interval}", share * 100.0)
}

/// An interval of a difference, in points.
pub(super) fn signed(interval: Option<Interval>) -> String {
    interval.map_or_else(String::new, |[low, high]| format!(" ({:+.1} to {:+.1})", low * 100.0, high * 100.0))
}

/// A table; every word is escaped.
pub(super) fn table(header: &[&str], rows: &[Vec<String>]) -> String {
    let cells = |tag: &str, words: Vec<&str>| -> String {
        words.into_iter().map(|word| format!("<{tag}>{}</{tag}>", escape(word))).collect()
    };
    let mut text = format!(
        "<div class=\"wide\"><table><thead><tr>{}</tr></thead><tbody>\n",
        cells("th", header.to_vec())
    );
    for row in rows {
        text += &format!("<tr>{}</tr>\n", cells("td", row.iter().map(String::as_str).collect()));
    }
    text + "</tbody></table></div>\n"
}

/// Text as it may stand in HTML.
pub(super) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
