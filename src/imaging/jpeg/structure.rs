//! The markers of a JPEG file (ITU-T T.81, annex B): its frame and its scans.

/// Start of image, end of image, start of scan, tables of Huffman codes, restart interval.
pub(super) const END_OF_IMAGE: u8 = 0xD9;
pub(super) const START_OF_SCAN: u8 = 0xDA;
pub(super) const HUFFMAN_TABLES: u8 = 0xC4;
pub(super) const RESTART_INTERVAL: u8 = 0xDD;
/// The application segment that EXIF uses, and how it begins then.
const APPLICATION: u8 = 0xE1;
const EXIF: &[u8] = b"Exif\0\0";
/// Marker of a frame that is coded progressively, with Huffman codes.
const PROGRESSIVE: u8 = 0xC2;

/// One component of a frame: red, green and blue, or lightness and two of colour, or four inks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Component {
    /// How the scans call it.
    pub(super) id: u8,
    /// Blocks of it in a unit, across and down.
    pub(super) sampling: (usize, usize),
}

/// What a frame header says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Frame {
    /// The marker: how it is coded.
    marker: u8,
    /// Bits of a sample.
    precision: u8,
    /// Width and height, in pixels.
    pub(super) size: (usize, usize),
    /// One to four.
    pub(super) components: Vec<Component>,
}

/// A frame, and how it is spread over scans.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct Structure {
    frame: Frame,
    /// Number of scans.
    scans: usize,
    /// Number of components in the first of them.
    together: usize,
    /// Where the EXIF data lie.
    exif: Option<(usize, usize)>,
}

/// How a JPEG is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Kind {
    /// As nearly all are: by the fast decoder.
    Usual,
    /// Sound, but of a kind that the fast decoder gets wrong: by the other one.
    Unusual,
    /// By none; what it is called.
    NotSupported(&'static str),
}

impl Frame {
    /// Reads the body of a frame header, after its length.
    pub(super) fn read(marker: u8, body: &[u8]) -> Option<Self> {
        let &[precision, h1, h0, w1, w0, count, ref rest @ ..] = body else { return None };
        let side = |high, low| usize::from(u16::from_be_bytes([high, low]));
        let parts = rest.chunks_exact(3).take(usize::from(count));
        let components: Vec<Component> = parts
            .map(|part| Component {
                id: part[0],
                sampling: (usize::from(part[1] >> 4), usize::from(part[1] & 15)),
            })
            .collect();
        let fine = |c: &Component| (1..=4).contains(&c.sampling.0) && (1..=4).contains(&c.sampling.1);
        let is_fine = (1..=4).contains(&count) && components.len() == usize::from(count);
        (is_fine && components.iter().all(fine)).then_some(Self {
            marker,
            precision,
            size: (side(w1, w0), side(h1, h0)),
            components,
        })
    }

    pub(super) fn is_progressive(&self) -> bool {
        self.marker == PROGRESSIVE
    }

    /// The largest sampling of any component, across and down.
    pub(super) fn largest(&self) -> (usize, usize) {
        let largest = |of: fn(&Component) -> usize| self.components.iter().map(of).max().unwrap_or(1);
        (largest(|c| c.sampling.0), largest(|c| c.sampling.1))
    }

    /// Units of all components, across and down.
    pub(super) fn units(&self) -> (usize, usize) {
        let (h, v) = self.largest();
        (self.size.0.div_ceil(8 * h), self.size.1.div_ceil(8 * v))
    }

    /// Samples of all components, counted in whole units.
    fn samples(&self) -> u64 {
        let (across, down) = self.units();
        let blocks: usize = self.components.iter().map(|c| c.sampling.0 * c.sampling.1).sum();
        (across * down) as u64 * blocks as u64 * 64
    }

    /// Grey; or colour with full or halved chroma; or four inks that are alike.
    fn is_sampled_as_usual(&self) -> bool {
        let sampling: Vec<_> = self.components.iter().map(|c| c.sampling).collect();
        match sampling.as_slice() {
            [_] => true,
            [first, (1, 1), (1, 1)] => first.0 <= 2 && first.1 <= 2,
            all => all.iter().all(|&one| one == (1, 1)),
        }
    }
}

impl Structure {
    /// The structure of a file; none where there is no frame before a scan.
    pub(in super::super) fn read(bytes: &[u8]) -> Option<Self> {
        let (mut at, mut frame, mut scans, mut together, mut exif) = (2, None, 0, 0, None);
        while let Some((marker, after)) = next_marker(bytes, at) {
            at = after;
            if marker == END_OF_IMAGE {
                break;
            }
            let Some((body, end)) = segment(bytes, marker, after) else { continue };
            if is_frame(marker) && frame.is_none() {
                frame = Some(Frame::read(marker, body)?);
            } else if marker == START_OF_SCAN {
                frame.as_ref()?;
                together = if scans == 0 { usize::from(*body.first()?) } else { together };
                scans += 1;
            } else if marker == APPLICATION && body.starts_with(EXIF) && exif.is_none() {
                exif = Some((end - body.len(), end));
            }
            at = end;
        }
        Some(Self { frame: frame?, scans, together, exif })
    }

    /// Which decoder reads it.
    pub(in super::super) fn kind(&self) -> Kind {
        match self.frame.marker {
            0xC3 | 0xC7 => return Kind::NotSupported("lossless JPEG"),
            0xC5 | 0xC6 => return Kind::NotSupported("hierarchical JPEG"),
            0xC9.. => return Kind::NotSupported("arithmetic-coded JPEG"),
            _ => {}
        }
        if self.frame.precision != 8 {
            return Kind::NotSupported("12-bit JPEG");
        }
        // A progressive file always has many scans, and the fast decoder is made for that.
        let in_one_scan = self.scans == 1 && self.together == self.frame.components.len();
        match self.frame.is_sampled_as_usual() && (self.frame.is_progressive() || in_one_scan) {
            true => Kind::Usual,
            false => Kind::Unusual,
        }
    }

    /// Width and height in pixels.
    pub(in super::super) fn dimensions(&self) -> (u32, u32) {
        let side = |pixels: usize| u32::try_from(pixels).unwrap_or(u32::MAX);
        (side(self.frame.size.0), side(self.frame.size.1))
    }

    /// The EXIF data of the file that this was read from.
    pub(in super::super) fn exif<'a>(&self, bytes: &'a [u8]) -> Option<&'a [u8]> {
        self.exif.and_then(|(from, to)| bytes.get(from..to))
    }

    /// Bytes of a pixel as it is decoded, with the copy that grey and inks need to become RGB.
    pub(in super::super) fn bytes_per_pixel(&self) -> u64 {
        match (self.frame.components.len(), self.kind()) {
            (1, _) => 4,
            (4, Kind::Unusual) => 7,
            _ => 3,
        }
    }

    /// Bytes that a decoder holds beside the picture: the coefficients of a file whose scans must all be read first.
    pub(in super::super) fn held_beside(&self) -> u64 {
        match self.kind() {
            Kind::Usual if !self.frame.is_progressive() => 0,
            Kind::Usual => 2 * self.frame.samples(),
            // Coefficients, and the planes they become.
            _ => 3 * self.frame.samples(),
        }
    }
}

/// Whether a marker begins a frame. 0xC4 (tables), 0xC8 (reserved) and 0xCC (arithmetic conditioning) do not.
pub(super) fn is_frame(marker: u8) -> bool {
    matches!(marker, 0xC0..=0xCF) && !matches!(marker, HUFFMAN_TABLES | 0xC8 | 0xCC)
}

/// The body of the segment that `marker` begins, and where it ends; `after` is where the marker ended. None for
/// markers that stand alone, and for a segment that the file cuts.
pub(super) fn segment(bytes: &[u8], marker: u8, after: usize) -> Option<(&[u8], usize)> {
    if matches!(marker, 0x01 | 0xD0..=0xD9) {
        return None;
    }
    let length = bytes.get(after..after + 2)?;
    let end = after + usize::from(u16::from_be_bytes([length[0], length[1]]));
    Some((bytes.get(after + 2..end)?, end))
}

/// The next marker at or after `at`, and where it ends. Entropy-coded data are skipped on the way: there, 0xFF is
/// followed by 0 (a stuffed byte) or by a restart marker.
pub(super) fn next_marker(bytes: &[u8], mut at: usize) -> Option<(u8, usize)> {
    loop {
        at += bytes.get(at..)?.iter().position(|&byte| byte == 0xFF)?;
        match *bytes.get(at + 1)? {
            0xFF => at += 1, // fill bytes before a marker
            0x00 => at += 2,
            marker => return Some((marker, at + 2)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file of markers alone: a frame of 16 × 8 pixels and scans of so many components.
    fn file(marker: u8, precision: u8, sampling: &[u8], scans: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0xFF, 0xD8, 0xFF, marker, 0, 8 + 3 * u8::try_from(sampling.len()).unwrap()];
        bytes.extend([precision, 0, 8, 0, 16, u8::try_from(sampling.len()).unwrap()]);
        for (id, factors) in (1..).zip(sampling) {
            bytes.extend([id, *factors, 0]);
        }
        for count in scans {
            bytes.extend([0xFF, 0xDA, 0, 6 + 2 * count, *count]);
            bytes.extend(vec![0; usize::from(2 * count + 3)]);
            bytes.extend([0x12, 0xFF, 0x00]);
        }
        bytes.extend([0xFF, 0xD9]);
        bytes
    }

    #[test]
    fn every_kind_is_told() {
        let check = |marker, precision, sampling: &[u8], scans: &[u8], expected| {
            let structure = Structure::read(&file(marker, precision, sampling, scans)).unwrap();
            assert_eq!(structure.kind(), expected, "{marker:x} {sampling:x?} {scans:?}");
            assert_eq!(structure.dimensions(), (16, 8));
        };
        let (usual, unusual) = (Kind::Usual, Kind::Unusual);
        for sampling in
            [&[0x11][..], &[0x22], &[0x11; 3], &[0x22, 0x11, 0x11], &[0x21, 0x11, 0x11], &[0x11; 4]]
        {
            let all = u8::try_from(sampling.len()).unwrap();
            check(0xC0, 8, sampling, &[all], usual);
            check(0xC2, 8, sampling, &[all, 1, 1], usual);
        }
        check(0xC0, 8, &[0x11; 3], &[1, 1, 1], unusual);
        check(0xC1, 8, &[0x22, 0x11, 0x11], &[2, 1], unusual);
        check(0xC0, 8, &[0x11, 0x22, 0x11], &[3], unusual);
        check(0xC2, 8, &[0x41, 0x11, 0x11], &[3, 1], unusual);
        check(0xC0, 8, &[0x22, 0x11, 0x11, 0x22], &[4], unusual);
        check(0xC9, 8, &[0x11; 3], &[3], Kind::NotSupported("arithmetic-coded JPEG"));
        check(0xCA, 8, &[0x11; 3], &[3], Kind::NotSupported("arithmetic-coded JPEG"));
        check(0xC3, 8, &[0x11; 3], &[3], Kind::NotSupported("lossless JPEG"));
        check(0xC1, 12, &[0x11; 3], &[3], Kind::NotSupported("12-bit JPEG"));
    }

    #[test]
    fn coefficients_are_counted_where_they_must_all_be_held() {
        let held = |marker, sampling: &[u8], scans: &[u8]| {
            Structure::read(&file(marker, 8, sampling, scans)).unwrap().held_beside()
        };
        assert_eq!(held(0xC0, &[0x11; 3], &[3]), 0);
        assert_eq!(held(0xC2, &[0x11; 3], &[3]), 2 * 3 * 16 * 8);
        // A unit is 16 × 16 pixels here.
        assert_eq!(held(0xC2, &[0x22, 0x11, 0x11], &[3]), 2 * (16 * 16 + 2 * 8 * 8));
        assert_eq!(held(0xC0, &[0x11; 3], &[1, 1, 1]), 3 * 3 * 16 * 8);
    }

    #[test]
    fn a_file_without_a_frame_has_no_structure() {
        assert_eq!(Structure::read(&[0xFF, 0xD8, 0xFF, 0xD9]), None);
        assert_eq!(Structure::read(&[0xFF, 0xD8, 0xFF, 0xDA, 0, 3, 1, 0xFF, 0xD9]), None);
        assert_eq!(Structure::read(&[0xFF, 0xD8, 0xFF, 0xC0, 0, 5, 8, 0, 8]), None);
    }
}
