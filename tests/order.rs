//! The order of the modules: data flows down the table of ARCHITECTURE.md, and a module uses only those above it.
//!
//! Every path of the sources that names another module counts, in tests too: `use` lines with their braces, and paths
//! within code. In an order without upward uses there can be no circle, so that one rule keeps both.

use std::collections::BTreeSet;
use std::path::Path;

use proc_macro2::{Delimiter, TokenStream, TokenTree};

const ARCHITECTURE: &str = include_str!("../ARCHITECTURE.md");
const LIBRARY: &str = include_str!("../src/lib.rs");

/// The modules in the order of the table.
fn table() -> Vec<&'static str> {
    let section = ARCHITECTURE.split("## Where things are").nth(1).expect("the section with the table");
    let rows = section.lines().skip_while(|line| !line.starts_with("|---")).skip(1);
    rows.map_while(|row| row.strip_prefix("| `")?.split('`').next()).collect()
}

/// Words between a start and an end, a line each.
fn words(text: &'static str, start: &[&str], end: char) -> Vec<&'static str> {
    let word =
        |line: &'static str| start.iter().find_map(|start| line.strip_prefix(start))?.split(end).next();
    text.lines().filter_map(word).collect()
}

/// The modules that the code of `path`, a module of the crate, names.
fn named(code: TokenStream, path: &[String]) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let tokens: Vec<TokenTree> = code.into_iter().collect();
    let mut inner = None;
    for (i, token) in tokens.iter().enumerate() {
        match token {
            TokenTree::Ident(word) if word == "crate" || word == "super" => {
                let continued = i > 1 && is_colon(&tokens[i - 1]);
                if !continued {
                    resolve(&tokens[i..], path, &mut found);
                }
            }
            TokenTree::Ident(word) if word == "mod" => inner = tokens.get(i + 1).map(ToString::to_string),
            TokenTree::Group(group) => {
                let name = inner.take().filter(|_| group.delimiter() == Delimiter::Brace);
                found.extend(named(group.stream(), &[path, name.as_slice()].concat()));
            }
            TokenTree::Punct(mark) if mark.as_char() == ';' => inner = None,
            _ => {}
        }
    }
    found
}

fn is_colon(token: &TokenTree) -> bool {
    matches!(token, TokenTree::Punct(mark) if mark.as_char() == ':')
}

/// Follows a path that is written in module `at`, through braces, to the modules of the crate that it names.
fn resolve(tokens: &[TokenTree], at: &[String], found: &mut BTreeSet<String>) {
    match tokens {
        [TokenTree::Ident(word), a, b, rest @ ..] if is_colon(a) && is_colon(b) && word == "crate" => {
            resolve(rest, &[], found);
        }
        [TokenTree::Ident(word), a, b, rest @ ..] if is_colon(a) && is_colon(b) && word == "super" => {
            resolve(rest, &at[..at.len().saturating_sub(1)], found);
        }
        [TokenTree::Ident(word), ..] if word != "crate" && word != "super" => {
            found.insert(at.first().cloned().unwrap_or_else(|| word.to_string()));
        }
        [TokenTree::Group(group), ..] if group.delimiter() == Delimiter::Brace => {
            let inside: Vec<TokenTree> = group.stream().into_iter().collect();
            let comma = |token: &TokenTree| matches!(token, TokenTree::Punct(mark) if mark.as_char() == ',');
            inside.split(comma).for_each(|one| resolve(one, at, found));
        }
        _ => {}
    }
}

/// The path of the module that a file of `src` is.
fn module_of(file: &Path) -> Vec<String> {
    let path = file.with_extension("");
    let parts = path.iter().map(|part| part.to_string_lossy().into_owned());
    parts.filter(|part| part != "mod").collect()
}

#[test]
fn a_module_uses_only_those_above_it() {
    let order = table();
    let place = |name: &str| order.iter().position(|module| *module == name);
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut upward = Vec::new();
    for entry in walkdir::WalkDir::new(&src).sort_by_file_name() {
        let entry = entry.expect("a readable folder");
        let file = entry.path().strip_prefix(&src).expect("a file of src");
        let module = module_of(file);
        // The root has no place: it only declares.
        if file.extension().is_none_or(|ending| ending != "rs") || module == ["lib"] || module == ["main"] {
            continue;
        }
        let own = place(&module[0]).unwrap_or_else(|| panic!("{} is not in the table", module[0]));
        let text = std::fs::read_to_string(entry.path()).expect("a readable file");
        let code = text.parse().unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        for used in named(code, &module) {
            if place(&used).is_none_or(|used| used > own) {
                upward.push(format!("{} uses {used}", file.display()));
            }
        }
    }
    assert!(upward.is_empty(), "not above in ARCHITECTURE.md, Where things are:\n{}", upward.join("\n"));
}

#[test]
fn the_library_lists_the_same_modules_in_the_same_order() {
    let order = table();
    assert_eq!(words(LIBRARY, &["//! - [`mod@", "//! - [`", "//! - `"], '`'), order);
    let mut sorted = order.clone();
    sorted.sort_unstable();
    assert_eq!(words(LIBRARY, &["pub mod "], ';'), sorted);
}

#[test]
fn a_path_names_its_module_however_it_is_written() {
    let check = |code: &str, expected: &[&str]| {
        let at = ["training".to_owned(), "studio".to_owned()];
        let found = named(code.parse().expect("code"), &at);
        assert_eq!(found.iter().map(String::as_str).collect::<Vec<_>>(), expected, "{code}");
    };
    check("use crate::store::Paths;", &["store"]);
    check("use crate::{geo, store::{Paths, atomic}};", &["geo", "store"]);
    check("use {crate::geo, std::fmt};", &["geo"]);
    check("fn f() -> crate::geo::Country { g(&[crate::store::Paths::new()]) }", &["geo", "store"]);
    check("use super::super::ui; use super::super::{cli};", &["cli", "ui"]);
    check("use super::runs; use self::desk; use std::fmt;", &["training"]);
    check("mod tests { use super::super::super::ui; use super::*; }", &["ui"]);
    check("// use crate::ui;\n/// [`crate::ui`]\nfn f() { \"crate::ui\"; }", &[]);
    check("pub(crate) fn f() {} pub(super) fn g() {}", &[]);
    check("macro_rules! say { () => { $crate::cli::say() } }", &["cli"]);
}
