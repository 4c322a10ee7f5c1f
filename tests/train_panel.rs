//! What a user does in the training panel, with a trainer that is a shell script.
#![cfg(unix)]
#![allow(clippy::unwrap_used, missing_docs)]

mod common;
#[path = "window/desk.rs"]
#[allow(dead_code)]
mod desk;

use common::trainer::{made_model, nothing_is_left, trainer};
use desk::Desk;
use streetwise::store::Paths;
use streetwise::training::runs::{RunStore, State};

/// A window with the training panel open, data chosen, and a trainer of that behaviour.
fn panel(behaviour: &'static str) -> Desk {
    let mut desk = Desk::with_trainer(move |root| trainer(root, behaviour));
    let data = common::trainer::data(desk.root());
    made_model(desk.root(), "001-efficientnet-lite0", 0.0);
    desk.press("Train");
    desk.sees("New run");
    desk.fill("Path of the pictures", &data.display().to_string());
    desk.harness.key_press(egui::Key::Enter);
    desk.sees("3\u{a0}pictures of 3\u{a0}places");
    desk
}

fn store(desk: &Desk) -> RunStore {
    RunStore::open(&Paths::under(desk.root().to_owned()))
}

#[test]
fn a_run_is_started_watched_and_its_model_used() {
    let mut desk = panel("good");
    desk.press("Start");
    desk.sees("Run 001-efficientnet-lite0, done, model added, macro-F1 42.0\u{a0}%");
    desk.sees("Macro-F1: macro-F1, held out by epoch, 1 series");
    desk.press_any("Paint them");
    desk.sees("Painted for Australia, 98.0\u{a0}%");
    desk.sees("Paint them again");
    desk.press("Use in assistant");
    desk.sees("ready");
    assert!(store(&desk).get("1").unwrap().summary().registered);
}

#[test]
fn a_run_is_stopped_resumed_and_cloned() {
    let mut desk = panel("waits");
    desk.press("Start");
    desk.sees("running, 1 of 21 epochs");
    desk.press_any("  Stop");
    desk.sees("Run 001-efficientnet-lite0, stopped, 1 of 21 epochs");
    let run = store(&desk).get("1").unwrap();
    assert_eq!(run.summary().state, State::Stopped);
    desk.press_any("  Resume");
    desk.sees("done, model added");
    desk.press_any("  Clone");
    desk.sees("New run");
    // The clone keeps the data, which are looked into again on a thread.
    desk.sees("3\u{a0}pictures of 3\u{a0}places");
    assert!(nothing_is_left(&run));
}

#[test]
fn a_failure_is_told_with_its_way_out_and_a_run_is_deleted_after_a_second_press() {
    let mut desk = panel("fails");
    desk.press("Start");
    desk.sees("no space for the checkpoint; free 150 MB.");
    desk.sees("  Delete");
    desk.press_any("  Delete");
    desk.sees("Delete for good");
    desk.press("Delete for good");
    desk.gone("Run 001-efficientnet-lite0");
    assert!(store(&desk).ids().is_empty());
}

#[test]
fn a_second_run_waits_in_the_queue_and_can_leave_it() {
    let mut desk = panel("waits");
    desk.press("Start");
    desk.sees("running, 1 of 21 epochs");
    desk.press_any("  New run");
    desk.sees("Add to the queue");
    desk.press("Add to the queue");
    desk.sees("Run 002-efficientnet-lite0, 1st in the queue");
    desk.press_any("Leave the queue");
    desk.sees("Run 002-efficientnet-lite0, not started");
}

#[test]
fn a_run_that_the_closed_window_cut_off_goes_on_in_the_next_one() {
    let mut desk = panel("waits");
    desk.press("Start");
    desk.sees("running, 1 of 21 epochs");
    let (root, run) = (desk.root().to_owned(), store(&desk).get("1").unwrap());
    let folder = desk.close_keeping();
    common::trainer::wait_for("the trainer's end", || run.summary().state == State::Stopped);
    let mut desk = Desk::reopen(folder, move |_| trainer(&root, "waits"));
    desk.press("Train");
    desk.sees("Run 001-efficientnet-lite0, stopped");
    desk.press_any("Run 001-efficientnet-lite0");
    desk.harness.run_ok();
    desk.press_any("  Resume");
    desk.sees("done, model added");
    assert!(nothing_is_left(&run));
}

#[test]
fn a_grid_makes_its_runs_and_a_table_with_error_bars() {
    let mut desk = panel("good");
    desk.press("Several runs at once (ablation)");
    desk.harness.run_ok();
    for preset in ["resnet18", "vit-tiny"] {
        desk.press(preset);
    }
    desk.sees("18\u{a0}runs");
    desk.press("Start the runs");
    desk.sees("18 runs on");
    desk.sees("Macro-F1 by pictures a country: macro-F1 by pictures a country, 2 series");
    assert_eq!(store(&desk).ids().len(), 18);
}

#[test]
fn every_control_of_the_panel_has_a_name() {
    let mut desk = panel("good");
    desk.walk("the form");
    desk.press("All fields of the recipe");
    desk.press("When the data have problems");
    desk.harness.run_ok();
    desk.walk("all fields");
    desk.press("Start");
    desk.sees("done, model added");
    desk.walk("a run");
    desk.press_any("  Tables");
    desk.harness.run_ok();
    desk.walk("the tables");
}
