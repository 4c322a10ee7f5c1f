//! What a user meets on the first start: the tour and the note on fair play.
#![cfg(feature = "gui")]
#![allow(clippy::unwrap_used, missing_docs)]

#[allow(dead_code)]
#[path = "window/desk.rs"]
mod desk;

use desk::Desk;
use egui::{Key, Modifiers};
use egui_kittest::kittest::Queryable as _;
use streetwise::store::Settings;

const FAIR_PLAY: &str = "GeoGuessr's community rules forbid outside help";

#[test]
fn a_first_start_is_led_from_a_picture_to_the_rest_by_keyboard() {
    let mut desk = Desk::with(Settings::default());
    assert!(desk.shows("step 1 of 3") && desk.shows(FAIR_PLAY));
    desk.tab_to("Try the sample picture");
    desk.harness.key_press(Key::Enter);
    // The picture is what the first step asks for.
    desk.sees("step 2 of 3");
    desk.sees("Where is this?");
    desk.tab_to("Guess");
    desk.harness.key_press(Key::Enter);
    desk.harness.run_ok();
    assert_eq!(desk.focused().as_deref(), Some("Your guess"));
    desk.harness.get_by_label("Your guess").type_text("austr");
    desk.harness.run_ok();
    desk.harness.key_press(Key::Enter);
    desk.sees("You said Australia");
    assert!(desk.shows("of a hundred such guesses"), "what the figures mean stays beside the first ranking");
    desk.tab_to("Next");
    desk.harness.key_press(Key::Enter);
    desk.sees("step 3 of 3");
    assert!(desk.shows("Ctrl+K finds any command") || cfg!(target_os = "macos"));
    // The focus stays on the button.
    desk.harness.key_press(Key::Enter);
    desk.gone("step 3 of 3");
    assert!(desk.shows(FAIR_PLAY), "the note is read apart from the tour");
    let saved = desk.closed();
    assert!(saved.tour_done && !saved.fair_play_read);
    let desk = Desk::with(saved);
    assert!(!desk.shows("of 3") && desk.shows(FAIR_PLAY));
}

#[test]
fn the_tour_is_skipped_or_closed_once_and_for_all() {
    for end in ["Skip", "Escape"] {
        let mut desk = Desk::with(Settings { tour_done: false, ..Desk::settings_read() });
        desk.sees("step 1 of 3");
        match end {
            "Skip" => desk.press("Skip"),
            _ => desk.harness.key_press(Key::Escape),
        }
        desk.gone("step 1 of 3");
        let saved = desk.closed();
        assert!(saved.tour_done, "{end}");
        assert!(!Desk::with(saved).shows("step 1 of 3"), "{end}");
    }
}

#[test]
fn the_window_works_while_the_tour_is_shown() {
    let mut desk = Desk::with(Settings { tour_done: false, ..Desk::settings_read() });
    desk.press("Settings");
    desk.sees("Let me guess first");
    assert!(desk.shows("step 1 of 3"));
    let file = desk.picture("street.png", 1);
    desk.drop_files(&[file]);
    desk.sees("1st: New Zealand");
    assert!(desk.shows("step 2 of 3") && desk.shows("Read the ranking"), "there is no coach to guess for");
}

#[test]
fn the_tour_comes_back_by_its_command_and_can_be_gone_through_both_ways() {
    let mut desk = Desk::ready();
    let file = desk.picture("street.png", 1);
    desk.drop_files(&[file]);
    desk.sees("1st: New Zealand");
    desk.harness.key_press_modifiers(Modifiers::COMMAND, Key::K);
    desk.sees("Name of a command");
    desk.harness.get_by_label("Name of a command").type_text("tour");
    desk.harness.run_ok();
    desk.harness.key_press(Key::Enter);
    desk.sees("step 1 of 3");
    desk.settle();
    assert!(desk.shows("step 1 of 3"), "the picture that was there before is not the one it asks for");
    desk.press("Next");
    desk.sees("step 2 of 3");
    desk.press("Back");
    desk.sees("step 1 of 3");
    let another = desk.picture("another.png", 2);
    desk.drop_files(&[another]);
    desk.sees("step 2 of 3");
    desk.press("Skip");
    desk.gone("of 3");
    desk.harness.key_press(Key::F1);
    desk.sees("step 1 of 3");
}

#[test]
fn the_note_the_tour_and_the_controls_fit_into_the_smallest_window_with_large_text() {
    for text_scale in [1.0, 1.5] {
        let mut desk = Desk::with(Settings { text_scale, ..Settings::default() });
        let window = desk.smallest();
        let strip = desk.harness.get_by_label("Skip").rect();
        for step in ["step 1 of 3", "step 2 of 3", "step 3 of 3"] {
            desk.sees(step);
            for name in ["Understood", "Next", "Back", "Skip", "Open", "Retake", "Watch", "Model", "Card"] {
                let name = if name == "Next" && step.contains("3 of") { "Done" } else { name };
                let rect = desk.harness.get_by_label(name).rect();
                assert!(window.contains_rect(rect), "{name} at {rect:?}, {step}, text scale {text_scale}");
            }
            let controls = desk.harness.get_by_label("Open").rect();
            assert!(!controls.intersects(strip), "nothing is covered: {step}, text scale {text_scale}");
            if !step.contains("3 of") {
                desk.press("Next");
            }
        }
    }
}
