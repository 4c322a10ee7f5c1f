//! What is in a data set, for the form.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;

use super::board::{CountryFacts, DataFacts, sentence};
use crate::dataset::Dataset;

/// Counts it, or says why it cannot be used.
pub(super) fn facts(path: &Path) -> Result<DataFacts, String> {
    let data = Dataset::open(path).map_err(|error| sentence(&error.to_string()))?;
    let mut countries = BTreeMap::<String, CountryFacts>::new();
    let mut places = HashSet::new();
    for sample in &data.samples {
        let country = countries.entry(sample.country.clone()).or_default();
        country.images += 1;
        country.places += usize::from(places.insert((&sample.country, &sample.place)));
    }
    let left_out = data.notice().map(|told| sentence(&told));
    Ok(DataFacts { images: data.samples.len(), places: data.places(), countries, left_out })
}
