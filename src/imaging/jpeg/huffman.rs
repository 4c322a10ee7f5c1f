//! Huffman codes and the bits they are read from (ITU-T T.81, annexes C and F). Values are passed over: to know
//! whether a scan is whole, it is enough to know where every code ends.

/// Codes up to this length are looked up at once.
const QUICK: usize = 9;

/// A table of codes.
pub(super) struct Table {
    /// By the next [`QUICK`] bits: length and symbol; a length of 0 for codes that are longer.
    quick: Vec<(u8, u8)>,
    /// For each length: one more than its last code, and where its first symbol stands less its first code.
    longer: [(i32, i32); 17],
    symbols: Vec<u8>,
}

impl Table {
    /// The table of a definition: 16 counts of codes by length, then the symbols in the order of their codes.
    /// Returns the rest of the bytes as well; none where the counts cannot be.
    pub(super) fn read(bytes: &[u8]) -> Option<(Self, &[u8])> {
        let (counts, rest) = bytes.split_at_checked(16)?;
        let total: usize = counts.iter().map(|&count| usize::from(count)).sum();
        let (symbols, rest) = rest.split_at_checked(total)?;
        let (mut quick, mut longer) = (vec![(0, 0); 1 << QUICK], [(0, 0); 17]);
        let (mut code, mut first) = (0_usize, 0_usize);
        for (length, &count) in (1..=16).zip(counts) {
            let count = usize::from(count);
            if code + count > 1 << length {
                return None;
            }
            if length <= QUICK {
                let spare = QUICK - length;
                for (number, &symbol) in symbols[first..first + count].iter().enumerate() {
                    let at = (code + number) << spare;
                    quick[at..at + (1 << spare)].fill((u8::try_from(length).ok()?, symbol));
                }
            }
            let whole = |value: usize| i32::try_from(value).unwrap_or(i32::MAX);
            longer[length] = (whole(code + count), whole(first) - whole(code));
            code = (code + count) << 1;
            first += count;
        }
        Some((Self { quick, longer, symbols: symbols.to_vec() }, rest))
    }
}

/// Bits of one piece of entropy-coded data: up to the next marker, stuffed zeros taken out.
pub(super) struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
    /// The next bits, from the highest down.
    buffer: u64,
    /// How many of them there are.
    held: u32,
    /// How many of those, the last ones, stand for bits that the data do not have.
    made_up: u32,
}

impl<'a> Bits<'a> {
    /// The bits from `at` on.
    pub(super) fn new(bytes: &'a [u8], at: usize) -> Self {
        Self { bytes, at, buffer: 0, held: 0, made_up: 0 }
    }

    fn fill(&mut self) {
        while self.held <= 56 {
            let byte = match (self.bytes.get(self.at), self.bytes.get(self.at + 1)) {
                (Some(0xFF), Some(0)) => {
                    self.at += 2;
                    0xFF
                }
                (Some(0xFF), _) | (None, _) => {
                    self.made_up += 8;
                    0
                }
                (Some(&byte), _) => {
                    self.at += 1;
                    byte
                }
            };
            self.buffer |= u64::from(byte) << (56 - self.held);
            self.held += 8;
        }
    }

    /// Passes over so many bits, at most 16.
    pub(super) fn skip(&mut self, count: u32) {
        if self.held < count {
            self.fill();
        }
        self.buffer <<= count;
        self.held -= count;
    }

    /// The next bits as a number, at most 16 of them.
    pub(super) fn take(&mut self, count: u32) -> u32 {
        if self.held < count {
            self.fill();
        }
        let value = if count == 0 { 0 } else { self.buffer >> (64 - count) };
        self.skip(count);
        u32::try_from(value).unwrap_or(0)
    }

    /// The next symbol of a table; none where no code begins so.
    pub(super) fn symbol(&mut self, table: &Table) -> Option<u8> {
        if self.held < 16 {
            self.fill();
        }
        let (length, symbol) = table.quick[usize::try_from(self.buffer >> (64 - QUICK)).ok()?];
        if length > 0 {
            self.skip(u32::from(length));
            return Some(symbol);
        }
        for length in QUICK + 1..=16 {
            let code = i32::try_from(self.buffer >> (64 - length)).ok()?;
            let (end, first) = table.longer[length];
            if code < end {
                self.skip(u32::try_from(length).ok()?);
                return table.symbols.get(usize::try_from(code + first).ok()?).copied();
            }
        }
        None
    }

    /// Whether more bits were taken than the data have.
    pub(super) fn is_overdrawn(&self) -> bool {
        self.held < self.made_up
    }

    /// Whole bytes that were not used, and where the data end: at a marker, or at the end of the file.
    pub(super) fn rest(&self) -> (usize, usize) {
        let mut end = self.at;
        while let Some(found) = self.bytes.get(end..).and_then(|rest| rest.iter().position(|&b| b == 0xFF)) {
            end += found;
            match self.bytes.get(end + 1) {
                Some(0) => end += 2,
                _ => return (self.unused() + end - self.at, end),
            }
        }
        (self.unused() + self.bytes.len() - self.at.min(self.bytes.len()), self.bytes.len())
    }

    /// Whole bytes in the buffer that are the data's.
    fn unused(&self) -> usize {
        (self.held.saturating_sub(self.made_up) / 8) as usize
    }
}
