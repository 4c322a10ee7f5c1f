//! Whether a JPEG file is whole.
//!
//! Decoders show what they have of a cut JPEG and fill the rest with grey without a word, and
//! a model ranks the grey. So the markers are walked (ITU-T T.81, annex B): a whole file has an
//! end-of-image marker after its last scan. Bytes after it (a second picture, a camera's
//! trailer, padding) are nobody's concern. A file that was cut and then given an end marker by
//! a tool passes: telling it from a picture that ends in a flat colour takes a second decoding.

const START_OF_SCAN: u8 = 0xDA;
const END_OF_IMAGE: u8 = 0xD9;

/// Whether the bytes end before the picture does.
pub(super) fn ends_early(bytes: &[u8]) -> bool {
    let mut at = 2; // after the start-of-image marker
    let mut scanned = false;
    while let Some((marker, after)) = next_marker(bytes, at) {
        at = match marker {
            // An end before any scan is damage that the decoder reports.
            END_OF_IMAGE => return !scanned,
            _ if stands_alone(marker) => after,
            _ => {
                scanned |= marker == START_OF_SCAN;
                match bytes.get(after..after + 2) {
                    Some(length) => after + usize::from(u16::from_be_bytes([length[0], length[1]])),
                    None => return true,
                }
            }
        };
    }
    true
}

/// The next marker at or after `at`, and where it ends. Entropy-coded data is skipped on the
/// way: there, 0xFF is followed by 0 (a stuffed byte) or by a restart marker.
fn next_marker(bytes: &[u8], mut at: usize) -> Option<(u8, usize)> {
    loop {
        at += bytes.get(at..)?.iter().position(|&byte| byte == 0xFF)?;
        match *bytes.get(at + 1)? {
            0xFF => at += 1, // fill bytes before a marker
            0x00 => at += 2,
            marker => return Some((marker, at + 2)),
        }
    }
}

/// Markers without a length: TEM, the restart markers, and a start of image.
fn stands_alone(marker: u8) -> bool {
    matches!(marker, 0x01 | 0xD0..=0xD8)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A picture's skeleton: start, a comment that holds a false end, a scan with a stuffed
    /// byte and a restart marker, end.
    const WHOLE: &[u8] = &[
        0xFF, 0xD8, // start of image
        0xFF, 0xFE, 0x00, 0x04, 0xFF, 0xD9, // comment
        0xFF, 0xDA, 0x00, 0x03, 0x00, // scan header
        0x12, 0xFF, 0x00, 0x34, 0xFF, 0xD3, 0x56, // its data
        0xFF, 0xFF, 0xD9, // fill byte, end of image
    ];

    #[test]
    fn every_cut_is_found() {
        assert!(!ends_early(WHOLE));
        for length in 2..WHOLE.len() {
            assert!(ends_early(&WHOLE[..length]), "cut to {length} bytes");
        }
    }

    #[test]
    fn what_follows_the_end_does_not_count() {
        for tail in [&b"\0\0\0\0"[..], b"\xFF\xD8\xFF\xDA", b"a trailer"] {
            assert!(!ends_early(&[WHOLE, tail].concat()), "{tail:?}");
        }
    }

    #[test]
    fn a_hole_filled_with_zeros_is_a_cut() {
        let mut bytes = WHOLE.to_vec();
        bytes[15..].fill(0);
        assert!(ends_early(&bytes));
    }
}
