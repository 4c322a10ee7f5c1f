//! Data sets: labelled pictures from an `index.csv`, or from a folder per country.
//!
//! A data set is read as it is and never written. Two layouts are known, the same that the trainer reads:
//!
//! - `DIR/index.csv` with the columns `file, country` and optionally `place, source, check`; pictures lie under
//!   `DIR/images/`, or beside the index where there is no such folder. The index may also be named itself. Commas,
//!   semicolons or tabs, UTF-8 or UTF-16, capitals and other programs' names of the columns are read (`index`).
//! - `DIR/COUNTRY/…`, a folder per country, or such folders below `DIR/images/`, or below `DIR/train/` and `DIR/valid/`;
//!   the place is the sub-folder a picture lies in, or the picture itself.
//!
//! A country is named by its code or by a name ([`crate::geo::country_of`]). Rows and folders that name none are left
//! out and told with their lines ([`Dataset::notice`]).
//!
//! Nothing outside the folder is ever taken for part of it: a path with `..`, an absolute one, and a link that
//! leads out are refused by name.

mod folders;
mod index;
mod left_out;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::imaging::NotRead;

pub use left_out::{At, LeftOut, Reason};

/// The `check` of a picture whose country was inferred rather than recorded: fit to train on, not to report on.
pub const INFERRED: &str = "label inferred";

/// One labelled picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sample {
    /// Where it lies.
    pub file: PathBuf,
    /// ISO 3166-1 alpha-2 code of the country it was taken in.
    pub country: String,
    /// The spot it was taken at; pictures of one place never stand on both sides of a split.
    pub place: String,
    /// Who published it; empty where nothing is said.
    pub source: String,
    /// A doubt about it, such as [`INFERRED`]; empty where there is none.
    pub check: String,
}

impl Sample {
    /// Whether the label was recorded, so that a figure may be reported on the picture.
    #[must_use]
    pub fn is_reportable(&self) -> bool {
        self.check != INFERRED
    }
}

/// The pictures of a data set, in the order of its index or sorted by path.
#[derive(Debug, Clone)]
pub struct Dataset {
    /// The folder, or the index file, that was named.
    pub root: PathBuf,
    /// The pictures.
    pub samples: Vec<Sample>,
    /// Rows and folders that could not be read as pictures of a country.
    pub left_out: Vec<LeftOut>,
    /// Files in the folders of the countries that are no pictures, or of formats that are not read.
    pub not_read: NotRead,
}

/// What a layout gave.
#[derive(Debug, Default)]
struct Found {
    samples: Vec<Sample>,
    left_out: Vec<LeftOut>,
    not_read: NotRead,
}

/// Why a data set cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DatasetError {
    /// A file or folder could not be read.
    #[error("{} cannot be read ({source}); name a folder with index.csv, or one with a folder per country", path.display())]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The index is not a table with the columns needed.
    #[error("{} cannot be used: {why}", path.display())]
    Index {
        /// The index.
        path: PathBuf,
        /// What is wrong, and what to do.
        why: String,
    },
    /// A picture would be taken from outside the folder.
    #[error("{} leads out of the data set's folder; such a file or link is refused, copy the picture in", path.display())]
    Outside {
        /// The path as written, or the link.
        path: PathBuf,
    },
    /// Nothing is left.
    #[error("{} holds no picture{}; {}", root.display(), of_countries(countries), told.as_deref().unwrap_or(LAYOUTS))]
    Empty {
        /// The data set.
        root: PathBuf,
        /// The countries asked for; none for all.
        countries: Vec<String>,
        /// What was left out, in words.
        told: Option<String>,
    },
}

const LAYOUTS: &str = "name a folder with index.csv, or one with a folder per country (AU/, Japan/)";

fn of_countries(countries: &[String]) -> String {
    if countries.is_empty() { String::new() } else { format!(" of {}", countries.join(", ")) }
}

impl Dataset {
    /// Reads a data set: a folder with `index.csv`, an index file, or a folder with a folder per country.
    ///
    /// # Errors
    /// [`DatasetError`], which names the file or the country at fault; also when there is no picture.
    pub fn open(root: &Path) -> Result<Self, DatasetError> {
        let read = |source| DatasetError::Read { path: root.to_owned(), source };
        let is_file = std::fs::metadata(root).map_err(read)?.is_file();
        let index = root.join("index.csv");
        let Found { samples, left_out, not_read } = match is_file {
            true => index::read(root)?,
            false if index.is_file() => index::read(&index)?,
            false => folders::read(root)?,
        };
        if samples.is_empty() {
            let told = left_out::in_words(&left_out);
            return Err(DatasetError::Empty { root: root.to_owned(), countries: Vec::new(), told });
        }
        Ok(Self { root: root.to_owned(), samples, left_out, not_read })
    }

    /// One sentence on what was left out, with line numbers; none where everything was read.
    #[must_use]
    pub fn notice(&self) -> Option<String> {
        left_out::in_words(&self.left_out).map(|told| format!("{}: {told}", self.root.display()))
    }

    /// The same data set with the pictures of `countries` only; all of it when none is named.
    ///
    /// # Errors
    /// [`DatasetError::Empty`] when nothing is left.
    pub fn only(mut self, countries: &[String]) -> Result<Self, DatasetError> {
        if !countries.is_empty() {
            self.samples.retain(|sample| countries.contains(&sample.country));
        }
        if self.samples.is_empty() {
            let told = left_out::in_words(&self.left_out);
            return Err(DatasetError::Empty { root: self.root, countries: countries.to_vec(), told });
        }
        Ok(self)
    }

    /// The countries there are pictures of, sorted by code.
    #[must_use]
    pub fn countries(&self) -> Vec<String> {
        let distinct: BTreeSet<&String> = self.samples.iter().map(|sample| &sample.country).collect();
        distinct.into_iter().cloned().collect()
    }

    /// The number of distinct places.
    #[must_use]
    pub fn places(&self) -> usize {
        self.samples.iter().map(|sample| &sample.place).collect::<BTreeSet<_>>().len()
    }
}

/// Refuses `file` when it is there and is, or leads through a link to, something outside `folder` (both resolved).
fn stays_inside(folder: &Path, file: &Path) -> Result<(), DatasetError> {
    match file.canonicalize() {
        Ok(real) if real.starts_with(folder) => Ok(()),
        Ok(_) => Err(DatasetError::Outside { path: file.to_owned() }),
        // A missing picture is said where it is opened, in its turn; a broken link leads nowhere.
        Err(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(root: &Path, name: &str, text: &str) {
        let path = root.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    #[test]
    fn an_index_gives_every_column_and_may_be_named_itself() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path();
        let table = "file,country,lat,lon,place,source,check\n\
                     AU/1.jpg,AU,-1,2,\"gsv:-1,2\",gsv,\nJP/2.jpg,JP,,,,mly,label inferred\n";
        write(root, "index.csv", table);
        write(root, "images/AU/1.jpg", "");
        for named in [root.to_owned(), root.join("index.csv")] {
            let data = Dataset::open(&named).unwrap();
            assert_eq!(data.countries(), ["AU", "JP"]);
            assert_eq!(data.samples[0].file, root.join("images/AU/1.jpg"));
            assert_eq!(data.samples[0].place, "gsv:-1,2");
            assert!(data.samples[0].is_reportable() && !data.samples[1].is_reportable());
            // Without a place, the picture is its own.
            assert_eq!(data.samples[1].place, "JP/2.jpg");
            assert_eq!(data.places(), 2);
        }
    }

    #[test]
    fn a_folder_per_country_takes_the_sub_folder_as_the_place() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path();
        for name in ["AU/a.jpg", "AU/spot/b.jpg", "AU/spot/c.png", "JP/d.webp", "JP/notes.txt", ".x/e.jpg"] {
            write(root, name, "");
        }
        let data = Dataset::open(root).unwrap();
        let places: Vec<&str> = data.samples.iter().map(|sample| sample.place.as_str()).collect();
        assert_eq!(places, ["AU/a.jpg", "AU/spot", "AU/spot", "JP/d.webp"]);
        assert_eq!(data.not_read.to_string(), "1 left out: 1 file that is no picture");
        assert_eq!(data.only(&["JP".into()]).unwrap().samples.len(), 1);
        let none = Dataset::open(root).unwrap().only(&["BR".into()]).unwrap_err();
        assert!(none.to_string().contains("no picture of BR"), "{none}");
    }

    #[test]
    fn folders_of_a_split_and_an_images_folder_are_looked_into() {
        for (names, expected) in [
            (
                &["train/au/spot/a.jpg", "train/JP/b.jpg", "valid/AU/spot/c.jpg"][..],
                &["JP/b.jpg", "AU/spot", "AU/spot"][..],
            ),
            (&["images/AU/a.jpg", "images/JP/spot/b.jpg"], &["AU/a.jpg", "JP/spot"]),
        ] {
            let root = tempfile::tempdir().unwrap();
            names.iter().for_each(|name| write(root.path(), name, ""));
            let data = Dataset::open(root.path()).unwrap();
            let places: Vec<&str> = data.samples.iter().map(|sample| sample.place.as_str()).collect();
            assert_eq!(places, expected);
            assert_eq!(data.countries(), ["AU", "JP"]);
        }
    }

    #[test]
    fn what_cannot_be_used_is_named() {
        let check = |name: &str, text: &str, expected: &str| {
            let root = tempfile::tempdir().unwrap();
            write(root.path(), name, text);
            let said = Dataset::open(root.path()).unwrap_err().to_string();
            assert!(said.contains(expected), "{said}");
        };
        check("index.csv", "file,place\na.jpg,x\n", "country");
        check("index.csv", "file,country,place\na.jpg,QQ,x\n", "`QQ` is no country (line 2)");
        check("index.csv", "picture,country\na.jpg,AU\n", "it names picture, country");
        check("index.csv", "file,country,place\n../a.jpg,AU,x\n", "leads out");
        check("index.csv", "file,country,place\n/etc/passwd,AU,x\n", "leads out");
        check("index.csv", "file,country,place\n", "holds no picture");
        check("Austrlia/a.jpg", "", "`Austrlia` is no country, did you mean AU? (folder Austrlia)");
        let none = Dataset::open(Path::new("/no/such/folder")).unwrap_err();
        assert!(none.to_string().contains("/no/such/folder"), "{none}");
    }

    #[cfg(unix)]
    #[test]
    fn links_that_lead_out_are_refused_and_links_inside_are_not() {
        let root = tempfile::tempdir().unwrap();
        write(root.path(), "outside.jpg", "");
        write(root.path(), "data/AU/a.jpg", "");
        let data = root.path().join("data");
        std::os::unix::fs::symlink("a.jpg", data.join("AU/b.jpg")).unwrap();
        assert_eq!(Dataset::open(&data).unwrap().samples.len(), 1);
        std::os::unix::fs::symlink(root.path().join("outside.jpg"), data.join("AU/c.jpg")).unwrap();
        let said = Dataset::open(&data).unwrap_err().to_string();
        assert!(said.contains("c.jpg leads out"), "{said}");
        write(&data, "index.csv", "file,country,place\nAU/c.jpg,AU,x\n");
        assert!(matches!(Dataset::open(&data).unwrap_err(), DatasetError::Outside { .. }));
    }
}
