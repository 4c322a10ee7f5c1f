//! The order of the modules: data flows down the table of ARCHITECTURE.md, and a module uses only those above it.
//!
//! Every path of the sources that names another module counts, in tests too: `use` lines with their braces, and paths
//! within code. In an order without upward uses there can be no circle of modules; the files within one have no order that
//! is written down, so circles of them are looked for.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use proc_macro2::{Delimiter, TokenStream, TokenTree};

const ARCHITECTURE: &str = include_str!("../ARCHITECTURE.md");
const LIBRARY: &str = include_str!("../src/lib.rs");

/// The one folder whose entries may use each other both ways, those of its folders not: the window's state holds what each
/// panel and widget remembers, and each draws from the whole state.
const IN_CIRCLES: [&str; 1] = ["ui"];

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

/// The paths that the code of module `at` names, from the root of the crate on.
fn named(code: TokenStream, at: &[String]) -> BTreeSet<Vec<String>> {
    let mut found = BTreeSet::new();
    let tokens: Vec<TokenTree> = code.into_iter().collect();
    let mut inner = None;
    for (i, token) in tokens.iter().enumerate() {
        match token {
            TokenTree::Ident(_) if begins_path(&tokens[..i], &tokens[i..]) => {
                resolve(&tokens[i..], at.to_vec(), &mut found);
            }
            TokenTree::Ident(word) if word == "mod" => inner = tokens.get(i + 1).map(ToString::to_string),
            TokenTree::Group(group) => {
                let name = inner.take().filter(|_| group.delimiter() == Delimiter::Brace);
                found.extend(named(group.stream(), &[at, name.as_slice()].concat()));
            }
            TokenTree::Punct(mark) if mark.as_char() == ';' => inner = None,
            _ => {}
        }
    }
    found
}

/// Whether a path from the root, or from the module at hand, begins after these and with those.
fn begins_path(before: &[TokenTree], after: &[TokenTree]) -> bool {
    let root = |word: &TokenTree| ["crate", "super", "self"].contains(&word.to_string().as_str());
    after.first().is_some_and(root) && are_colons(&after[1..], false) && !are_colons(before, true)
}

/// Whether `::` is at the end, or at the beginning, of these.
fn are_colons(tokens: &[TokenTree], at_end: bool) -> bool {
    let colon = |token: &TokenTree| matches!(token, TokenTree::Punct(mark) if mark.as_char() == ':');
    let two = if at_end { tokens.last_chunk::<2>() } else { tokens.first_chunk::<2>() };
    two.is_some_and(|two| two.iter().all(colon))
}

/// Follows a path that goes on from module `at`, through braces, to all that it names.
fn resolve(tokens: &[TokenTree], mut at: Vec<String>, found: &mut BTreeSet<Vec<String>>) {
    match tokens {
        [TokenTree::Ident(word), rest @ ..] => {
            match word.to_string().as_str() {
                "crate" => at.clear(),
                "super" => drop(at.pop()),
                "self" => {}
                name => at.push(name.to_owned()),
            }
            if are_colons(rest, false) {
                resolve(&rest[2..], at, found);
            } else {
                found.insert(at);
            }
        }
        [TokenTree::Group(group), ..] if group.delimiter() == Delimiter::Brace => {
            let inside: Vec<TokenTree> = group.stream().into_iter().collect();
            let comma = |token: &TokenTree| matches!(token, TokenTree::Punct(mark) if mark.as_char() == ',');
            let each = inside.split(comma).filter(|one| !one.is_empty());
            each.for_each(|one| resolve(one, at.clone(), found));
        }
        _ => drop(found.insert(at)),
    }
}

/// Every module of the crate, by its path, with the paths that its file names. The root only declares, and has no place.
fn modules() -> BTreeMap<Vec<String>, BTreeSet<Vec<String>>> {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = BTreeMap::new();
    for entry in walkdir::WalkDir::new(&src) {
        let entry = entry.expect("a readable folder");
        let file = entry.path().strip_prefix(&src).expect("a file of src");
        let parts = file.with_extension("");
        let parts = parts.iter().map(|part| part.to_string_lossy().into_owned());
        let module: Vec<String> = parts.filter(|part| part != "mod").collect();
        if file.extension().is_none_or(|ending| ending != "rs") || module == ["lib"] || module == ["main"] {
            continue;
        }
        let text = std::fs::read_to_string(entry.path()).expect("a readable file");
        let code = text.parse().unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let named = named(code, &module);
        found.insert(module, named);
    }
    found
}

#[test]
fn a_module_uses_only_those_above_it() {
    let order = table();
    let place = |name: &str| order.iter().position(|module| *module == name);
    let mut upward = BTreeSet::new();
    for (module, paths) in modules() {
        let own = place(&module[0]).unwrap_or_else(|| panic!("{} is not in the table", module[0]));
        for used in paths.iter().filter_map(|path| path.first()) {
            if place(used).is_none_or(|used| used > own) {
                upward.insert(format!("{} uses {used}", module.join("::")));
            }
        }
    }
    let upward: Vec<String> = upward.into_iter().collect();
    assert!(upward.is_empty(), "not above in ARCHITECTURE.md, Where things are:\n{}", upward.join("\n"));
}

/// Modules within a module, by their paths, and those beside them that they use.
type Uses = BTreeMap<Vec<String>, BTreeSet<Vec<String>>>;

/// Takes away what uses none of the others until only circles, and what leads into them, are left.
fn circles(mut uses: Uses) -> Uses {
    loop {
        let left: BTreeSet<Vec<String>> = uses.keys().cloned().collect();
        uses.values_mut().for_each(|used| used.retain(|one| left.contains(one)));
        uses.retain(|_, used| !used.is_empty());
        if uses.len() == left.len() {
            return uses;
        }
    }
}

#[test]
fn the_files_of_a_module_use_each_other_in_one_direction() {
    let modules = modules();
    let mut uses = Uses::new();
    for (module, paths) in &modules {
        for path in paths {
            let depth = (1..=path.len()).rev().find(|depth| modules.contains_key(&path[..*depth]));
            let used = &path[..depth.unwrap_or(0)];
            let shared = module.iter().zip(used).take_while(|(a, b)| a == b).count();
            if shared > 0 && shared < module.len().min(used.len()) && module[..shared] != IN_CIRCLES {
                uses.entry(module[..=shared].to_vec()).or_default().insert(used[..=shared].to_vec());
            }
        }
    }
    let words = |(module, used): (Vec<String>, BTreeSet<Vec<String>>)| {
        let used: Vec<String> = used.iter().map(|one| one.join("::")).collect();
        format!("{} uses {}", module.join("::"), used.join(", "))
    };
    let left: Vec<String> = circles(uses).into_iter().map(words).collect();
    assert!(left.is_empty(), "circles, and what leads into them:\n{}", left.join("\n"));
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
        assert_eq!(found.iter().map(|path| path.join("::")).collect::<Vec<_>>(), expected, "{code}");
    };
    check("use crate::store::Paths;", &["store::Paths"]);
    check("use crate::{geo, store::{Paths, atomic::*}};", &["geo", "store::Paths", "store::atomic"]);
    check("use {crate::geo as g, std::fmt};", &["geo"]);
    check(
        "struct S { device: crate::base::Device, b: [crate::geo::Code<'a>; 2] }",
        &["base::Device", "geo::Code"],
    );
    check("fn f() { crate::store::read::<u8>(|x| crate::geo::name(x)) }", &["geo::name", "store::read"]);
    check("use super::super::ui; use super::super::{cli, geo::names};", &["cli", "geo::names", "ui"]);
    check("use super::runs; use self::desk; use std::fmt;", &["training::runs", "training::studio::desk"]);
    check("mod tests { use super::super::super::ui; use super::*; }", &["training::studio", "ui"]);
    check("// use crate::ui;\n/// [`crate::ui`]\nfn f() { \"crate::ui\"; }", &[]);
    check("pub(crate) fn f(&self) { self.x } pub(super) fn g() {}", &[]);
    check("macro_rules! say { () => { $crate::cli::say() } }", &["cli::say"]);
}

#[test]
fn a_circle_is_found_and_a_chain_is_not() {
    let check = |uses: &[(&str, &str)], expected: &[&str]| {
        let mut all = Uses::new();
        for (from, to) in uses {
            all.entry(vec![(*from).to_owned()]).or_default().insert(vec![(*to).to_owned()]);
        }
        assert_eq!(
            circles(all).keys().map(|module| module.join("::")).collect::<Vec<_>>(),
            expected,
            "{uses:?}"
        );
    };
    check(&[("a", "b"), ("b", "c"), ("a", "c")], &[]);
    check(&[("a", "b"), ("b", "a"), ("b", "c")], &["a", "b"]);
    check(&[("a", "b"), ("b", "c"), ("c", "a"), ("d", "e")], &["a", "b", "c"]);
}
