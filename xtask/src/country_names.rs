//! The table of country names that app and trainer read, made anew from its sources.

use std::io::Write as _;
use std::process::{Command, Stdio};

use anyhow::{Context as _, ensure};
use serde_json::json;

use crate::root;

/// The release of Babel, and so of CLDR, that the names come from.
const BABEL: &str = "babel==2.18.0";

/// Hands what `keshvar` knows to `export/make_country_names.py`, which adds CLDR's names and writes the table.
pub(crate) fn run() -> anyhow::Result<()> {
    let mut maker = Command::new("uv")
        .args(["run", "--no-project", "--with", BABEL, "python", "export/make_country_names.py"])
        .env("PYTHONPATH", "export")
        .current_dir(root())
        .stdin(Stdio::piped())
        .spawn()
        .context("uv could not be started; install it to make the table")?;
    let mut input = maker.stdin.take().context("the script has no input")?;
    for country in keshvar::CountryIterator::new() {
        let line = json!({
            "code": country.alpha2().to_string(), "alpha3": country.alpha3().to_string(),
            "short": country.iso_short_name(), "long": country.iso_long_name(),
            "others": country.unofficial_name_list(),
        });
        writeln!(input, "{line}")?;
    }
    drop(input);
    ensure!(maker.wait()?.success(), "the script failed");
    Ok(())
}
