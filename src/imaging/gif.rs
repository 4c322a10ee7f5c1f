//! Whether a GIF moves. It does not say how many frames it has; that a second one begins is enough.

const EXTENSION: u8 = 0x21;
const FRAME: u8 = 0x2C;
/// Where the flags of the screen lie, and where the first block begins when there is no table of colours.
const FLAGS: usize = 10;
const BLOCKS: usize = 13;

/// Whether a second frame begins. A file that ends before that, with or without a trailer, is a still picture.
pub(super) fn is_animated(bytes: &[u8]) -> bool {
    second_frame(bytes).is_some()
}

/// Where the second frame begins (GIF89a, appendix A).
fn second_frame(bytes: &[u8]) -> Option<usize> {
    let mut at = BLOCKS + table(*bytes.get(FLAGS)?);
    let mut frames = 0;
    loop {
        match *bytes.get(at)? {
            EXTENSION => at = behind_data(bytes, at + 2)?,
            FRAME if frames == 1 => return Some(at),
            FRAME => {
                frames += 1;
                // A descriptor of ten bytes, a table of colours, the size of the first code.
                at = behind_data(bytes, at + 10 + table(*bytes.get(at + 9)?) + 1)?;
            }
            _ => return None,
        }
    }
}

/// Bytes of the table of colours that these flags announce.
fn table(flags: u8) -> usize {
    if flags & 0x80 == 0 { 0 } else { 3 << ((flags & 7) + 1) }
}

/// Where the blocks of data that begin at `at` end; each says its length, the last one is empty.
fn behind_data(bytes: &[u8], mut at: usize) -> Option<usize> {
    loop {
        let length = usize::from(*bytes.get(at)?);
        at += 1 + length;
        if length == 0 {
            return Some(at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_frame_makes_an_animation_and_a_missing_trailer_does_not() {
        let screen = b"GIF89a\x02\0\x02\0\x80\0\0\0\0\0\xff\xff\xff";
        let control = b"!\xf9\x04\0\0\0\0\0";
        let frame = b",\0\0\0\0\x02\0\x02\0\0\x02\x03\x84\x01\x05\0";
        let check = |parts: &[&[u8]], expected| {
            assert_eq!(is_animated(&[screen, &parts.concat()[..]].concat()), expected, "{parts:?}");
        };
        check(&[control, frame, b";"], false);
        check(&[control, frame], false);
        check(&[frame, control, b";"], false);
        check(&[frame, control, frame, b";"], true);
        check(&[control, frame, frame], true);
        check(&[&frame[..6]], false);
        assert!(!is_animated(b"GIF89a"));
    }
}
