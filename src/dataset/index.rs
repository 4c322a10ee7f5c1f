//! `index.csv`: a row per picture, as spreadsheets and other programs write it.

use std::borrow::Cow;
use std::path::{Component, Path};

use csv::ByteRecord;

use super::left_out::{At, LeftOut, Reason};
use super::{DatasetError, Found, Sample, stays_inside};
use crate::geo::country_of;

/// What separates cells, in the order tried: the first that gives the columns needed is taken.
const DELIMITERS: [u8; 3] = [b',', b';', b'\t'];
/// Names of the columns, each with those that other programs use; the first of a list that is there is taken.
const FILE: &[&str] = &["file", "file_name", "filename", "image", "path"];
const COUNTRY: &[&str] = &["country", "label", "country_code", "iso2"];
const PLACE: &[&str] = &["place"];
const SOURCE: &[&str] = &["source"];
const CHECK: &[&str] = &["check"];

/// Where the columns are.
struct Columns {
    file: usize,
    country: usize,
    place: Option<usize>,
    source: Option<usize>,
    check: Option<usize>,
    /// Cells of the header.
    width: usize,
}

/// The pictures that the index at `path` lists, and the rows that cannot be read.
pub(super) fn read(path: &Path) -> Result<Found, DatasetError> {
    let beside = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let images = beside.join("images");
    let folder = if images.is_dir() { images } else { beside.to_owned() };
    let unreadable = |source| DatasetError::Read { path: path.to_owned(), source };
    let real = folder.canonicalize().map_err(unreadable)?;
    let wrong = |why: String| DatasetError::Index { path: path.to_owned(), why };
    let bytes = std::fs::read(path).map_err(unreadable)?;
    let text = as_utf8(&bytes).ok_or_else(|| wrong("it is neither UTF-8 nor UTF-16 text".to_owned()))?;
    let (delimiter, columns) = header(&text).map_err(wrong)?;
    let mut found = Found::default();
    for record in reader(&text, delimiter).into_byte_records().skip(1) {
        let record = record.map_err(|error| wrong(error.to_string()))?;
        if record.iter().all(|cell| cell.trim_ascii().is_empty()) {
            continue;
        }
        match columns.row(&record) {
            Ok(row) => found.samples.push(sample(&row, &folder, &real)?),
            Err(why) => {
                let line = record.position().map_or(0, |position| line_of(&text, position));
                found.left_out.push(LeftOut { at: At::Line(line), why });
            }
        }
    }
    Ok(found)
}

/// The text without a byte order mark; UTF-16 turned into UTF-8. Bytes that are neither are left as they are, so that
/// a single row in another encoding costs that row. None for UTF-16 that is damaged.
fn as_utf8(bytes: &[u8]) -> Option<Cow<'_, [u8]>> {
    let (body, little) = match bytes {
        [0xef, 0xbb, 0xbf, rest @ ..] => return Some(Cow::Borrowed(rest)),
        [0xff, 0xfe, rest @ ..] => (rest, true),
        [0xfe, 0xff, rest @ ..] => (rest, false),
        // A header begins with a letter, so a zero byte beside it is UTF-16 without a mark.
        [_, 0, ..] => (bytes, true),
        [0, _, ..] => (bytes, false),
        _ => return Some(Cow::Borrowed(bytes)),
    };
    let (pairs, []) = body.as_chunks::<2>() else { return None };
    let unit = |pair: &[u8; 2]| if little { u16::from_le_bytes(*pair) } else { u16::from_be_bytes(*pair) };
    let text = char::decode_utf16(pairs.iter().map(unit)).collect::<Result<String, _>>();
    text.ok().map(|text| Cow::Owned(text.into_bytes()))
}

/// The line a record begins on. Blank lines before it are part of its position.
fn line_of(text: &[u8], position: &csv::Position) -> u64 {
    let begin = usize::try_from(position.byte()).unwrap_or(usize::MAX);
    let before = text.get(begin..).unwrap_or_default();
    let blank = before.iter().take_while(|byte| matches!(byte, b'\r' | b'\n'));
    position.line() + blank.filter(|byte| **byte == b'\n').count() as u64
}

fn reader(text: &[u8], delimiter: u8) -> csv::Reader<&[u8]> {
    csv::ReaderBuilder::new().delimiter(delimiter).flexible(true).has_headers(false).from_reader(text)
}

/// The delimiter and the columns that the first row names, or what is wrong with it.
fn header(text: &[u8]) -> Result<(u8, Columns), String> {
    let mut widest = Vec::new();
    for delimiter in DELIMITERS {
        let first = reader(text, delimiter).into_byte_records().next();
        let Some(first) = first.transpose().map_err(|error| error.to_string())? else {
            return Err("it is empty".to_owned());
        };
        let names: Option<Vec<String>> =
            first.iter().map(|cell| Some(cell_of(cell)?.to_lowercase())).collect();
        let names = names.ok_or("its first line is not UTF-8 text; save it as CSV UTF-8")?;
        if let Some(columns) = Columns::of(&names) {
            return Ok((delimiter, columns));
        }
        if names.len() > widest.len() {
            widest = names;
        }
    }
    Err(format!(
        "its first line must name the columns file (or file_name, image, path) and country (or label, country_code, \
         iso2), separated by commas, semicolons or tabs; it names {}",
        widest.join(", ")
    ))
}

/// A cell without the space around it; none where it is not UTF-8.
fn cell_of(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok().map(str::trim)
}

/// What a row says; places, sources and checks may be empty.
struct Row<'a> {
    file: &'a str,
    country: &'static str,
    place: &'a str,
    source: &'a str,
    check: &'a str,
}

impl Columns {
    fn of(names: &[String]) -> Option<Self> {
        let find =
            |known: &[&str]| known.iter().find_map(|known| names.iter().position(|name| name == known));
        Some(Self {
            file: find(FILE)?,
            country: find(COUNTRY)?,
            place: find(PLACE),
            source: find(SOURCE),
            check: find(CHECK),
            width: names.len(),
        })
    }

    /// Cells that are not there are empty: spreadsheets leave the last ones out.
    fn row<'a>(&self, record: &'a ByteRecord) -> Result<Row<'a>, Reason> {
        let cell = |column: Option<usize>| {
            let bytes = column.and_then(|column| record.get(column)).unwrap_or_default();
            let text = cell_of(bytes).ok_or(Reason::Encoding)?;
            if text.contains(['\n', '\r']) { Err(Reason::LineBreak) } else { Ok(text) }
        };
        let (file, country) = (cell(Some(self.file))?, cell(Some(self.country))?);
        let (place, source, check) = (cell(self.place)?, cell(self.source)?, cell(self.check)?);
        if record.iter().skip(self.width).any(|more| !more.trim_ascii().is_empty()) {
            return Err(Reason::TooLong);
        }
        match (file, country) {
            ("", _) => Err(Reason::FileMissing),
            (_, "") => Err(Reason::CountryMissing),
            _ => Ok(Row { file, country: country_of(country)?, place, source, check }),
        }
    }
}

/// The picture of a row; refused where it leads out of `folder`, whose resolved path is `real`.
fn sample(row: &Row<'_>, folder: &Path, real: &Path) -> Result<Sample, DatasetError> {
    let relative = Path::new(row.file);
    if !relative.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir)) {
        return Err(DatasetError::Outside { path: relative.to_owned() });
    }
    let file = folder.join(relative);
    stays_inside(real, &file)?;
    Ok(Sample {
        file,
        country: row.country.to_owned(),
        place: if row.place.is_empty() { row.file } else { row.place }.to_owned(),
        source: row.source.to_owned(),
        check: row.check.to_owned(),
    })
}
