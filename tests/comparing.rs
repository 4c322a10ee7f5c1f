//! Compare, explain and bench on a generated data set: what a user types, and what comes back.
#![allow(clippy::unwrap_used)]

mod common;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

use common::{golden_logits, model_folder, onnx, plain};

/// A desk with two models of the same graph, `one` and `two`, whose second and first country are swapped in name, and
/// six pictures of three places each of AU and BR. Red is the graph's first country, green its second, blue its third.
struct Desk {
    root: tempfile::TempDir,
}

impl Desk {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let models = root.path().join("models");
        model_folder(&models, "one", &onnx("tiny"), &golden_logits("tiny"), |_| ());
        model_folder(&models, "two", &onnx("tiny"), &golden_logits("tiny"), |json| {
            json["countries"] = serde_json::json!(["BR", "AU", "DE"]);
        });
        let mut index = "file,country,place,source,check\n".to_owned();
        for i in 0..12_u8 {
            let (country, colour) = match i {
                0..5 => ("AU", [255 - i, 0, 0]),
                5 => ("AU", [0, 250, 0]),
                6..11 => ("BR", [0, 255 - i, 0]),
                _ => ("JP", [0, 0, 255]),
            };
            let file = root.path().join(format!("data/images/{country}/{i}.png"));
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            plain(colour).save(file).unwrap();
            index += &format!("{country}/{i}.png,{country},place{},made,\n", i / 2);
        }
        std::fs::write(root.path().join("data/index.csv"), index).unwrap();
        Self { root }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    fn run(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_streetwise"));
        command.env("STREETWISE_DATA", self.root.path()).env("STREETWISE_RUNTIME", "embedded");
        command.current_dir(self.root.path()).args(arguments).output().unwrap()
    }

    fn json(&self, arguments: &[&str]) -> Vec<Value> {
        let output = self.run(arguments);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let text = String::from_utf8(output.stdout).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

/// The keys of an object, those of objects in it as `outer.inner`; maps by country are one key.
fn keys(value: &Value, before: &str, found: &mut BTreeSet<String>) {
    for (key, inner) in value.as_object().into_iter().flatten() {
        let name = format!("{before}{key}");
        let by_country = ["per_country", "per_source", "unknown_country", "unknown_to_others"];
        match inner.is_object() && !by_country.contains(&key.as_str()) {
            true => keys(inner, &format!("{name}."), found),
            false => drop(found.insert(name)),
        }
    }
}

/// Keys of `--json` are an interface: a changed set is seen here. `UPDATE_GOLDEN=1` writes the file anew.
fn same_keys(found: &[(&str, &Value)]) {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/json-keys.txt");
    let mut text = String::new();
    for (name, value) in found {
        let mut all = BTreeSet::new();
        keys(value, "", &mut all);
        text += &format!("{name}: {}\n", all.into_iter().collect::<Vec<_>>().join(" "));
    }
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&golden, &text).unwrap();
    }
    assert_eq!(text, std::fs::read_to_string(&golden).unwrap());
}

#[test]
fn the_keys_of_every_line_are_as_they_were() {
    let desk = Desk::new();
    let compared = desk.json(&["compare", "one", "two", "--data", "data", "--json", "--limit", "9"]);
    let looks = desk.json(&["compare", "one", "two", "--picture", "data/images/AU/0.png", "--json"]);
    let map = desk.json(&["explain", "data/images/AU/0.png", "--model", "one", "--cells", "4", "--json"]);
    let check =
        ["explain", "--check", "--data", "data", "--model", "one", "--cells", "4", "--limit", "4", "--json"];
    let checked = desk.json(&check);
    let exciting = desk.json(&["explain", "--exciting", "AU", "--data", "data", "--model", "one", "--json"]);
    let bench = desk.json(&["bench", "one", "--batches", "1,4", "--seconds", "0.01", "--json"]);
    let pair = compared.iter().find(|line| line["pair"].is_object()).unwrap();
    let differ = compared.iter().find(|line| line["disagreement"].is_object()).unwrap();
    same_keys(&[
        ("compare model", &compared[0]),
        ("compare pair", pair),
        ("compare disagreement", differ),
        ("compare said", &differ["disagreement"]["said"][0]),
        ("compare sums", compared.last().unwrap()),
        ("compare picture", &looks[0]),
        ("compare look", &looks[0]["looks"][0]),
        ("explain", &map[0]),
        ("explain check", &checked[0]),
        ("explain check picture", &checked[0]["pictures"][0]),
        ("explain exciting", &exciting[0]),
        ("bench", &bench[0]),
        ("bench row", &bench[0]["rows"][0]),
        ("bench left out", bench[0]["not_run"].as_array().unwrap().last().unwrap()),
    ]);
}

#[test]
fn a_comparison_has_exactly_the_figures_of_evaluate() {
    let desk = Desk::new();
    let compared = desk.json(&["compare", "one", "two", "--data", "data", "--limit", "9", "--json"]);
    let mut equal = 0;
    for (i, (model, other)) in [("one", "two"), ("two", "one")].iter().enumerate() {
        let more = ["--data", "data", "--limit", "9", "--known-to", other, "--json"];
        let alone = desk.json(&[&["evaluate", model], &more[..]].concat()).remove(0);
        for (key, value) in alone.as_object().unwrap().iter().filter(|(key, _)| *key != "seconds") {
            assert_eq!(&compared[i][key], value, "{model}: {key}");
            equal += 1;
        }
    }
    assert!(equal > 40, "{equal}");
    // JP is known to one of them alone, and counted as left out of both.
    assert_eq!(compared[0]["left_out"]["unknown_to_others"]["JP"], 1);
    assert_eq!(compared[1]["left_out"]["unknown_country"]["JP"], 1);
    assert_eq!(compared[0]["limit"], serde_json::json!({ "taken": 9, "of": 11 }));
    let sums = &compared.last().unwrap()["sums"];
    assert_eq!(sums["common"], serde_json::json!(["AU", "BR"]));
    // The names are swapped, so that one is right exactly where the other is wrong.
    assert_eq!((&sums["agreed"], &sums["any_right"]), (&0.into(), &9.into()));
}

#[test]
fn a_comparison_writes_a_report_tables_and_charts() {
    let desk = Desk::new();
    let output = desk.run(&[
        "compare",
        "one",
        "two",
        "--data",
        "data",
        "--html",
        "out/report.html",
        "--csv",
        "out/table.csv",
        "--charts",
        "out/charts",
    ]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let words = String::from_utf8(output.stdout).unwrap();
    // Ten pictures against one would be a difference (McNemar 0.012); five places against none are not (0.0625).
    let noise = "No difference beyond noise: two is right on 1 pictures where one is wrong, 10 the other way";
    for part in ["11 pictures of 6 places", noise, "p = 0.062", "They agree on 0"] {
        assert!(words.contains(part), "{part}: {words}");
    }
    let html = std::fs::read_to_string(desk.file("out/report.html")).unwrap();
    for part in ["<svg", "streetwise compare one two", "90.9", "11 pictures of 6 places"] {
        assert!(html.contains(part), "{part}");
    }
    assert!(!html.contains("http"), "nothing is fetched");
    for file in
        ["table.csv", "table-countries.csv", "table-pairs.csv", "charts/countries.svg", "charts/figures.png"]
    {
        assert!(desk.file(&format!("out/{file}")).is_file(), "{file}");
    }
}

#[test]
fn what_cannot_be_compared_or_explained_is_said() {
    let desk = Desk::new();
    let said = |arguments: &[&str]| {
        let output = desk.run(arguments);
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let check = |arguments: &[&str], code: i32, part: &str| {
        let (status, text) = said(arguments);
        assert!(status == Some(code) && text.contains(part), "{arguments:?}: {status:?} {text}");
    };
    check(&["compare", "one", "--data", "data"], 2, "2");
    check(&["compare", "one", "one", "--data", "data"], 1, "one was named twice");
    check(&["compare", "one", "two", "--data", "data", "--countries", "JP"], 1, "none of the 1 pictures");
    let picture = "data/images/AU/0.png";
    check(&["explain", picture, "--model", "one", "--method", "attention"], 1, "use --method occlusion");
    check(
        &["explain", picture, "--model", "one", "--country", "DE"],
        1,
        "does not know DE; it knows AU BR JP",
    );
    check(&["explain", picture, "--model", "one", "--cells", "99"], 1, "a grid of 99 × 99");
    check(&["explain", "--check", "--model", "one"], 2, "--data");
}

#[test]
fn a_map_is_written_over_the_picture_and_a_bench_says_what_it_leaves_out() {
    let desk = Desk::new();
    let map = desk.json(&[
        "explain",
        "data/images/AU/0.png",
        "--model",
        "one",
        "--cells",
        "4",
        "--out",
        "m.png",
        "--json",
    ]);
    assert_eq!(map[0]["values"].as_array().unwrap().len(), 16);
    assert_eq!(
        (&map[0]["country"], &map[0]["area"]),
        (&"AU".into(), &serde_json::json!([0.0, 0.0, 64.0, 48.0]))
    );
    assert_eq!(image::open(desk.file("m.png")).unwrap().width(), 64);
    let exciting = desk.json(&[
        "explain",
        "--exciting",
        "AU",
        "--data",
        "data",
        "--model",
        "one",
        "--top",
        "2",
        "--json",
    ]);
    let places: Vec<&str> = exciting.iter().map(|line| line["place"].as_str().unwrap()).collect();
    assert_eq!((places.len(), places[0]), (2, "place0"));
    let bench = desk.json(&[
        "bench",
        "one",
        "--batches",
        "1,4",
        "--threads",
        "1",
        "--seconds",
        "0.01",
        "--data",
        "data",
        "--json",
    ]);
    assert_eq!(bench[0]["rows"].as_array().unwrap().len(), 1);
    assert!(bench[0]["not_run"][0]["why"].as_str().unwrap().contains("1 picture at a time"), "{}", bench[0]);
    assert!(bench[0]["rows"][0]["latency"]["median_ms"].as_f64().unwrap() > 0.0);
    assert_eq!(bench[0]["pareto"], true);
}
