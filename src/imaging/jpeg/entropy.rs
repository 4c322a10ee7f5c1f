//! Whether a JPEG is whole: every scan holds exactly the blocks that the frame announces, and an end follows.
//!
//! Decoders fill what is missing with grey and go on after what makes no sense, without a word. Here the codes are
//! counted, their values passed over (ITU-T T.81, annexes F and G; the order of decoding is libjpeg's). Damage moves
//! the codes against the blocks, so that some are left over, or missing, at the next marker; or it makes a code that
//! does not exist. What follows the end (a second picture, a camera's trailer) is nobody's concern.

use super::huffman::{Bits, Table};
use super::structure::{
    END_OF_IMAGE, Frame, HUFFMAN_TABLES, RESTART_INTERVAL, START_OF_SCAN, is_frame, next_marker, segment,
};

/// Whole bytes that may be left over at the end of a scan: some encoders pad to a word.
const PADDING: usize = 3;
/// The last coefficient of a block.
const LAST: usize = 63;

/// What is wrong with a scan; the picture shows it somewhere.
struct Damage;

/// Whether the file is whole: nothing is cut, nothing inside is damaged. A file that cannot be judged (no frame, tables
/// that it does not bring along) counts as whole: what is wrong with it is the decoder's to say.
pub(in super::super) fn is_whole(bytes: &[u8]) -> bool {
    let mut walk = Walk::default();
    let mut at = 2; // after the start of image
    while let Some((marker, after)) = next_marker(bytes, at) {
        if marker == END_OF_IMAGE {
            // An end before any scan is damage that the decoder reports.
            return walk.scanned;
        }
        at = match segment(bytes, marker, after) {
            Some((body, end)) => match walk.segment(bytes, marker, body, end) {
                Ok(next) => next,
                Err(Damage) => return false,
            },
            None => after,
        };
    }
    false
}

#[derive(Default)]
struct Walk {
    frame: Option<Frame>,
    /// Tables of the first and of the other coefficients, by number.
    first: [Option<Table>; 4],
    others: [Option<Table>; 4],
    /// Units between two restart markers; 0 for none.
    restart: usize,
    /// Of a progressive frame: for each component and block, which coefficients are known not to be zero.
    known: Vec<Vec<u64>>,
    scanned: bool,
}

/// One component in one scan.
struct Part {
    /// Its place in the frame.
    number: usize,
    /// Which table of [`Walk::first`], and which of [`Walk::others`].
    tables: (usize, usize),
    /// Its blocks in a unit of this scan, across and down.
    blocks: (usize, usize),
    /// Blocks in a row of [`Walk::known`].
    stride: usize,
}

/// What a scan header says.
struct Scan {
    parts: Vec<Part>,
    /// Units across and down.
    units: (usize, usize),
    /// The band of coefficients, and whether an earlier scan brought their higher bits.
    from: usize,
    to: usize,
    refines: bool,
}

impl Walk {
    /// Takes a segment up, for a scan with its data, and returns where to go on.
    fn segment(&mut self, bytes: &[u8], marker: u8, body: &[u8], end: usize) -> Result<usize, Damage> {
        match marker {
            HUFFMAN_TABLES => self.tables(body),
            RESTART_INTERVAL => {
                self.restart = body.first_chunk().map_or(0, |two| usize::from(u16::from_be_bytes(*two)));
            }
            START_OF_SCAN => {
                self.scanned = true;
                if let Some(scan) = self.scan(body) {
                    return self.data(bytes, end, &scan);
                }
            }
            _ if is_frame(marker) && self.frame.is_none() => self.begin(marker, body),
            _ => {}
        }
        Ok(end)
    }

    fn begin(&mut self, marker: u8, body: &[u8]) {
        self.frame = Frame::read(marker, body);
        if let Some(frame) = self.frame.as_ref().filter(|frame| frame.is_progressive()) {
            let (across, down) = frame.units();
            let blocks = |c: &super::structure::Component| across * down * c.sampling.0 * c.sampling.1;
            self.known = frame.components.iter().map(|c| vec![0; blocks(c)]).collect();
        }
    }

    fn tables(&mut self, mut body: &[u8]) {
        while let [class, rest @ ..] = body {
            let Some((table, rest)) = Table::read(rest) else { return };
            let place = match class >> 4 {
                0 => &mut self.first,
                _ => &mut self.others,
            };
            if let Some(slot) = place.get_mut(usize::from(class & 15)) {
                *slot = Some(table);
            }
            body = rest;
        }
    }

    /// The scan of a header; none where it cannot be judged.
    fn scan(&self, body: &[u8]) -> Option<Scan> {
        let frame = self.frame.as_ref()?;
        let (count, rest) = (usize::from(*body.first()?), body.get(1..)?);
        let &[from, to, bits, ..] = rest.get(2 * count..)? else { return None };
        let (across, down) = frame.units();
        let mut parts = Vec::new();
        for pair in rest.get(..2 * count)?.chunks_exact(2) {
            let number = frame.components.iter().position(|component| component.id == pair[0])?;
            let sampling = frame.components[number].sampling;
            parts.push(Part {
                number,
                tables: (usize::from(pair[1] >> 4), usize::from(pair[1] & 15)),
                blocks: if count == 1 { (1, 1) } else { sampling },
                stride: across * sampling.0,
            });
        }
        let units = match parts.as_slice() {
            [] => return None,
            // A component alone has only the blocks that it fills.
            [one] => {
                let (own, all) = (frame.components[one.number].sampling, frame.largest());
                ((frame.size.0 * own.0).div_ceil(8 * all.0), (frame.size.1 * own.1).div_ceil(8 * all.1))
            }
            _ => (across, down),
        };
        let progressive = frame.is_progressive();
        let (from, to) = if progressive { (usize::from(from), usize::from(to)) } else { (0, LAST) };
        let fine = from <= to && to <= LAST && (!progressive || from == 0 || parts.len() == 1);
        let scan = Scan { parts, units, from, to, refines: progressive && bits >> 4 > 0 };
        (fine && self.has_tables(&scan)).then_some(scan)
    }

    fn has_tables(&self, scan: &Scan) -> bool {
        let there = |tables: &[Option<Table>; 4], number| tables.get(number).is_some_and(Option::is_some);
        scan.parts.iter().all(|part| {
            (scan.from > 0 || scan.refines || there(&self.first, part.tables.0))
                && (scan.to == 0 || there(&self.others, part.tables.1))
        })
    }

    /// Walks the data of a scan from `at` on, and returns where they end.
    fn data(&mut self, bytes: &[u8], at: usize, scan: &Scan) -> Result<usize, Damage> {
        let total = scan.units.0 * scan.units.1;
        let interval = if self.restart == 0 { total } else { self.restart };
        let (mut bits, mut run) = (Bits::new(bytes, at), 0);
        for unit in 0..total {
            if unit > 0 && unit % interval == 0 {
                let number = u8::try_from((unit / interval - 1) % 8).unwrap_or(0);
                bits = Bits::new(bytes, restarted(bytes, &bits, number)?);
                run = 0;
            }
            self.unit(&mut bits, scan, unit, &mut run)?;
            if bits.is_overdrawn() {
                return Err(Damage);
            }
        }
        let (left, end) = bits.rest();
        if left > PADDING { Err(Damage) } else { Ok(end) }
    }

    fn unit(&mut self, bits: &mut Bits<'_>, scan: &Scan, unit: usize, run: &mut u32) -> Result<(), Damage> {
        let (x, y) = (unit % scan.units.0, unit / scan.units.0);
        for part in &scan.parts {
            let (first, others) = (self.first.get(part.tables.0), self.others.get(part.tables.1));
            let (first, others) = (first.and_then(Option::as_ref), others.and_then(Option::as_ref));
            for block in 0..part.blocks.0 * part.blocks.1 {
                let Some(planes) = self.known.get_mut(part.number) else {
                    sequential(bits, first.ok_or(Damage)?, others.ok_or(Damage)?)?;
                    continue;
                };
                if scan.from == 0 {
                    let count = if scan.refines { 1 } else { bits_of_first(bits, first.ok_or(Damage)?)? };
                    bits.skip(count);
                    continue;
                }
                let column = x * part.blocks.0 + block % part.blocks.0;
                let row = y * part.blocks.1 + block / part.blocks.0;
                let known = planes.get_mut(row * part.stride + column).ok_or(Damage)?;
                band(bits, others.ok_or(Damage)?, scan, known, run)?;
            }
        }
        Ok(())
    }
}

/// Where the data go on after the restart marker of that number.
fn restarted(bytes: &[u8], bits: &Bits<'_>, number: u8) -> Result<usize, Damage> {
    let (left, end) = bits.rest();
    match next_marker(bytes, end) {
        Some((marker, after)) if left <= PADDING && marker == 0xD0 + number => Ok(after),
        _ => Err(Damage),
    }
}

fn bits_of_first(bits: &mut Bits<'_>, table: &Table) -> Result<u32, Damage> {
    bits.symbol(table).filter(|&count| count <= 15).map(u32::from).ok_or(Damage)
}

/// A whole block of a sequential frame (annex F.2.2).
fn sequential(bits: &mut Bits<'_>, first: &Table, others: &Table) -> Result<(), Damage> {
    let count = bits_of_first(bits, first)?;
    bits.skip(count);
    let mut at = 1;
    while at <= LAST {
        let symbol = bits.symbol(others).ok_or(Damage)?;
        let (zeros, count) = (usize::from(symbol >> 4), u32::from(symbol & 15));
        match (count, zeros) {
            (0, 15) => at += 16,
            (0, _) => return Ok(()),
            _ => at += zeros + 1,
        }
        bits.skip(count);
    }
    if at > LAST + 1 { Err(Damage) } else { Ok(()) }
}

/// A band of coefficients of one block of a progressive frame (annex G.1.2); `run` counts the blocks to come that have
/// nothing new.
fn band(
    bits: &mut Bits<'_>,
    table: &Table,
    scan: &Scan,
    known: &mut u64,
    run: &mut u32,
) -> Result<(), Damage> {
    let mut at = scan.from;
    while *run == 0 && at <= scan.to {
        let symbol = bits.symbol(table).ok_or(Damage)?;
        let (mut zeros, count) = (u32::from(symbol >> 4), u32::from(symbol & 15));
        if count == 0 && zeros < 15 {
            *run = (1 << zeros) + bits.take(zeros);
            break;
        }
        if scan.refines && count > 1 {
            return Err(Damage);
        }
        bits.skip(count);
        // Over the zeros that the code counts; what is known already takes one bit and is not counted.
        while at <= scan.to {
            if scan.refines && *known >> at & 1 == 1 {
                bits.skip(1);
            } else if zeros == 0 {
                break;
            } else {
                zeros -= 1;
            }
            at += 1;
        }
        if count > 0 {
            if at > scan.to {
                return Err(Damage);
            }
            *known |= 1 << at;
        }
        at += 1;
    }
    if *run > 0 {
        if scan.refines {
            let band = (at..=scan.to).filter(|at| *known >> at & 1 == 1).count();
            (0..band).for_each(|_| bits.skip(1));
        }
        *run -= 1;
    }
    Ok(())
}
