//! What a user does in the settings with the app's folders, and a walk over every panel by keyboard.
#![cfg(feature = "gui")]
#![allow(clippy::unwrap_used, missing_docs)]

#[allow(dead_code)]
#[path = "window/desk.rs"]
mod desk;

use desk::Desk;
use egui::{Key, Modifiers};
use egui_kittest::kittest::Queryable as _;
use streetwise::store::{Paths, Settings};
use streetwise::training::{queue, runs::RunStore};

/// The settings of a user who trained: 3 MB in the cache, 2 MB in runs.
fn trained(settings: Settings) -> Desk {
    let mut desk = Desk::with(settings);
    for (name, bytes) in [("training-cache/pixels-800.u8", 3_000_000), ("runs/001/checkpoint", 2_000_000)] {
        let path = desk.root().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, vec![0; bytes]).unwrap();
    }
    desk.harness.key_press_modifiers(Modifiers::COMMAND, Key::Comma);
    desk.sees("2\u{a0}MB");
    desk
}

#[test]
fn the_folders_show_how_much_is_in_them_and_the_cache_is_emptied() {
    let mut desk = trained(Desk::settings_read());
    assert!(desk.shows("3\u{a0}MB") && desk.shows(&desk.root().display().to_string()));
    desk.press("Empty the cache");
    desk.sees("The training cache is empty, 3\u{a0}MB were freed.");
    desk.sees("0\u{a0}kB");
    assert!(desk.shows("2\u{a0}MB"), "runs stay");
    assert!(!desk.root().join("training-cache/pixels-800.u8").exists());
}

#[test]
fn the_cache_stays_while_a_run_goes_on() {
    let mut desk = trained(Desk::settings_read());
    let store = RunStore::open(&Paths::under(desk.root().to_owned()));
    let _turn = queue::wait(&store, &mut || false).unwrap().unwrap();
    desk.press("Empty the cache");
    desk.sees("not emptied: a run goes on and uses the training cache; wait for its end");
    assert!(desk.root().join("training-cache/pixels-800.u8").exists());
}

#[test]
fn the_usual_folder_is_used_again_after_the_next_start() {
    let other = tempfile::tempdir().unwrap();
    let settings = Settings { training_cache: Some(other.path().to_owned()), ..Desk::settings_read() };
    let mut desk = trained(settings);
    assert!(!desk.shows("to use the other folder"));
    desk.press("Use the usual folder for the training cache");
    desk.sees("Start Streetwise again to use the other folder.");
    assert_eq!(desk.closed().training_cache, None);
}

#[test]
fn the_folders_fit_with_large_text_in_the_smallest_window() {
    let mut desk = trained(Settings { text_scale: 1.5, ..Desk::settings_read() });
    let window = desk.smallest();
    for name in ["Copy the path of Data", "Use the usual folder for the training cache", "Empty the cache"] {
        let rect = desk.harness.get_by_label(name).rect();
        assert!(
            window.x_range().contains(rect.left()) && window.x_range().contains(rect.right()),
            "{name}: {rect:?}"
        );
    }
}

#[test]
fn every_panel_is_walked_by_keyboard_and_named() {
    let mut desk = Desk::with(Settings { tour_done: false, fair_play_read: false, ..Settings::default() });
    desk.walk("the tour");
    desk.press("Skip");
    for (key, seen) in [
        (Key::Num1, "Try the sample picture"),
        (Key::Num3, "Models side by side"),
        (Key::Num5, "New run"),
        (Key::Comma, "Folders"),
    ] {
        desk.harness.key_press_modifiers(Modifiers::COMMAND, key);
        desk.sees(seen);
        desk.walk(seen);
    }
}
