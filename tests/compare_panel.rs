//! What a user does in the comparison panel, with explanations and with the list of commands; the models are small real
//! ones on the embedded engine.
#![allow(clippy::unwrap_used, missing_docs)]

mod common;
#[allow(dead_code)]
#[path = "window/desk.rs"]
mod desk;

use common::{golden_logits, model_folder, onnx, plain};
use desk::Desk;
use egui::{Key, Modifiers};
use egui_kittest::kittest::Queryable as _;

/// A window that lists the models `first` and `second`, both really there.
fn with_models() -> Desk {
    let desk = Desk::ready();
    let models = desk.root().join("models");
    std::fs::create_dir_all(&models).unwrap();
    for id in ["first", "second"] {
        model_folder(&models, id, &onnx("tiny"), &golden_logits("tiny"), |manifest| {
            manifest["id"] = id.into();
        });
    }
    desk
}

fn data(desk: &Desk) -> std::path::PathBuf {
    let folder = desk.root().join("pictures");
    for (country, colour) in [("AU", [255, 0, 0]), ("BR", [0, 255, 0]), ("JP", [0, 0, 255])] {
        std::fs::create_dir_all(folder.join(country)).unwrap();
        for number in 0..3_u8 {
            let [r, g, b] = colour;
            let picture = plain([r, g, b.max(number)]);
            picture.save(folder.join(country).join(format!("{number}.png"))).unwrap();
        }
    }
    folder
}

#[test]
fn two_models_are_compared_on_labelled_pictures() {
    let mut desk = with_models();
    let data = data(&desk);
    desk.harness.key_press_modifiers(Modifiers::COMMAND, Key::Num3);
    desk.sees("Models side by side");
    desk.fill("Path of the labelled pictures", &data.display().to_string());
    desk.press("Compare on these pictures");
    desk.sees("On labelled pictures");
    desk.sees("9\u{a0}pictures of 9\u{a0}places in 3\u{a0}countries that all models know");
    desk.sees("They agree on 9");
    desk.sees("streetwise compare first second --data");
    // Every chart is there to be pointed at, and can be exported.
    for chart in
        ["Figures with 95 %", "F1 by country", "Reliability", "Macro-F1 against", "Confusion of second"]
    {
        desk.sees(&format!("Export {chart}"));
    }
    desk.sees("F1 by country: F1 by 3 groups, 2 series");
    desk.press("Export F1 by country");
    for way in ["Copy as CSV", "Save as SVG…", "Save as PNG…"] {
        desk.sees(way);
    }
    desk.walk("a comparison");
}

#[test]
fn the_pictures_that_excite_a_country_most_are_found_and_opened() {
    let mut desk = with_models();
    let data = data(&desk);
    desk.press("Compare");
    desk.sees("Choose labelled pictures above.");
    desk.fill("Path of the labelled pictures", &data.display().to_string());
    desk.press_any("Find its pictures");
    desk.sees("The pictures that first takes for Australia most");
    desk.walk("exciting pictures");
    desk.press_any("AU/0.png");
    desk.sees("0.png");
    desk.sees("What it rests on");
}

#[test]
fn a_wrong_path_is_said_in_the_panel() {
    let mut desk = with_models();
    desk.press("Compare");
    desk.fill("Path of the labelled pictures", "/no/such/folder");
    desk.press("Compare on these pictures");
    desk.sees("/no/such/folder");
    desk.sees("cannot be read");
}

#[test]
fn models_stand_side_by_side_on_one_picture_and_their_speed_is_measured() {
    let mut desk = with_models();
    let file = desk.picture("street.png", 1);
    desk.drop_files(&[file]);
    desk.sees("1st: New Zealand");
    desk.press("Compare");
    desk.press_any("On the picture in Assist");
    desk.sees("On street.png");
    desk.sees("They agree on the first country.");
    desk.press_any("for all, by hiding parts");
    desk.sees("What the guess of second rests on");
    desk.press_any("for all, by attention");
    desk.sees("so there is nothing to follow; use --method occlusion");
    desk.press_any("How fast here");
    desk.sees("How fast on this machine");
    desk.sees("pictures a second");
    desk.sees("Export Throughput by batch");
    desk.walk("models on one picture");
}

#[test]
fn a_guess_is_explained_by_hiding_parts_and_one_without_attention_says_so() {
    let mut desk = with_models();
    let file = desk.picture("street.png", 1);
    desk.drop_files(&[file]);
    desk.sees("1st: New Zealand");
    desk.press_any("by hiding parts");
    desk.sees("Bright: hiding it makes");
    assert!(!desk.shows("went wrong"), "{:?}", desk.words());
    desk.sees("Opacity of the map");
    desk.press_any("by attention");
    desk.sees("attention");
    desk.walk("an explanation");
}

#[test]
fn a_map_of_one_model_never_lies_over_the_ranking_of_another() {
    let mut desk = with_models();
    let file = desk.picture("street.png", 1);
    desk.drop_files(&[file]);
    desk.sees("1st: New Zealand");
    desk.press_any("by hiding parts");
    desk.sees("Bright: hiding it makes");
    desk.choose_model("Second");
    desk.sees("1st: South Africa");
    assert!(!desk.shows("Bright: hiding it makes") && !desk.shows("Show the map"), "{:?}", desk.words());
    desk.choose_model("First");
    desk.sees("1st: New Zealand");
    desk.sees("Bright: hiding it makes");
}

#[test]
fn a_command_is_found_by_its_name_and_done_by_enter() {
    let mut desk = with_models();
    desk.harness.key_press_modifiers(Modifiers::COMMAND, Key::K);
    desk.sees("Name of a command");
    desk.all_named("the list of commands");
    // Keys stand at the right end of their lines, where the list's scroll bar is.
    let end_of = |label: &str| desk.harness.get_by_label(label).rect().right();
    let bar = desk.harness.ctx.global_style().spacing.scroll.bar_width;
    assert!(end_of("F4") + bar <= end_of("Name of a command"), "the scroll bar covers a key");
    desk.harness.get_by_label("Name of a command").type_text("being made");
    desk.harness.run_ok();
    desk.harness.key_press(Key::Enter);
    desk.sees("New run");
    desk.harness.key_press_modifiers(Modifiers::COMMAND, Key::K);
    desk.sees("Name of a command");
    desk.harness.key_press(Key::Escape);
    desk.gone("Name of a command");
}
