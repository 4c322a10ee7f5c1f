//! Text from outside on a terminal: a file name, a message of a trainer or a label may hold escape codes, which would
//! move the cursor, colour the line or retitle the window.

use std::borrow::Cow;
use std::fmt::Write as _;

/// The text with every control character but the end of a line and the tab written as its code, `\u001b` for escape, and
/// so are the characters that turn the direction of writing. JSON writes them in the same way, so that a line of JSON
/// stays one.
pub(crate) fn shown(text: &str) -> Cow<'_, str> {
    if !text.contains(is_code) {
        return Cow::Borrowed(text);
    }
    let mut plain = String::with_capacity(text.len() + 8);
    for character in text.chars() {
        if is_code(character) {
            // Writing into a text does not fail.
            let _ = write!(plain, "\\u{:04x}", u32::from(character));
        } else {
            plain.push(character);
        }
    }
    Cow::Owned(plain)
}

fn is_code(character: char) -> bool {
    let turns = matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    turns || (character.is_control() && !matches!(character, '\n' | '\t'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_spelled_out_and_all_else_stays() {
        for (text, expected) in [
            ("street.jpg\n\tÅland 日本\n", "street.jpg\n\tÅland 日本\n"),
            ("\u{1b}[31mred\u{1b}[0m.jpg", "\\u001b[31mred\\u001b[0m.jpg"),
            ("title\u{1b}]0;x\u{7}", "title\\u001b]0;x\\u0007"),
            ("\u{9b}2J back\u{8} \r over", "\\u009b2J back\\u0008 \\u000d over"),
            ("gpj.\u{202e}exe", "gpj.\\u202eexe"),
        ] {
            assert_eq!(shown(text), expected);
        }
        assert!(matches!(shown("plain"), Cow::Borrowed(_)));
    }

    #[test]
    fn a_line_of_json_stays_json() {
        let line = serde_json::json!({ "file": "a\u{9b}\u{1b}[2J\u{202e}.jpg" });
        let plain = shown(&line.to_string()).into_owned();
        assert!(plain.is_ascii(), "{plain}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&plain).unwrap(), line);
    }
}
