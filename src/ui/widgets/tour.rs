//! The tour of a first start: three steps in a strip that covers nothing and blocks nothing, with a ring around the
//! part of the window that a step speaks of.

use egui::{
    Align, Frame, Label, Layout, Margin, Panel as Side, Rect, RichText, Role, Stroke, StrokeKind, TextStyle,
    Ui, UiBuilder,
};

use super::{Weight, command_button};
use crate::ui::commands::UiCommand;
use crate::ui::state::{Action, State};
use crate::ui::theme;

/// Width that title and buttons need beside one another, in text sizes.
const ROW: f32 = 37.0;

/// What a step is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Getting a picture.
    Picture,
    /// Guessing, and reading the ranking.
    Guess,
    /// The other panels.
    Rest,
}

impl Step {
    const ALL: [Self; 3] = [Self::Picture, Self::Guess, Self::Rest];

    fn place(self) -> usize {
        Self::ALL.iter().position(|step| *step == self).unwrap_or_default()
    }

    fn next(self) -> Option<Self> {
        Self::ALL.get(self.place() + 1).copied()
    }

    fn before(self) -> Option<Self> {
        self.place().checked_sub(1).and_then(|place| Self::ALL.get(place).copied())
    }
}

/// The tour while it is shown.
#[derive(Debug, Clone, Copy)]
pub struct Tour {
    step: Step,
    /// The picture that was there when the step began: another one is what the first step asks for.
    picture: Option<u64>,
}

impl Tour {
    /// The tour at its first step, while `picture` is shown.
    #[must_use]
    pub fn new(picture: Option<u64>) -> Self {
        Self { step: Step::Picture, picture }
    }

    /// Goes on when the user did what the first step asks: a picture came.
    pub fn watch(&mut self, picture: Option<u64>) {
        if self.step == Step::Picture && picture.is_some() && picture != self.picture {
            self.step = Step::Guess;
        }
    }
}

/// Ends the tour; true when it was shown. It does not come by itself again.
pub fn end(state: &mut State) -> bool {
    let shown = state.tour.take().is_some();
    state.settings.tour_done |= shown;
    shown
}

/// Rings the part of the window that `step` speaks of.
pub fn point(ui: &Ui, state: &State, step: Step, part: Rect) {
    if state.tour.is_some_and(|tour| tour.step == step) {
        let stroke = Stroke::new(2.0, theme::palette(ui.visuals()).accent);
        // The ring lies around the part, so also a little outside of it.
        let mut painter = ui.painter().clone();
        painter.set_clip_rect(part);
        painter.rect_stroke(part, theme::RADIUS, stroke, StrokeKind::Inside);
    }
}

/// Draws the strip above the status bar.
pub fn show(ui: &mut Ui, state: &mut State, actions: &mut Vec<Action>) {
    let Some(tour) = state.tour else { return };
    let palette = theme::palette(ui.visuals());
    let frame = Frame::new()
        .fill(palette.raised)
        .stroke(Stroke::new(1.0, palette.accent))
        .corner_radius(theme::RADIUS)
        .inner_margin(Margin::symmetric(16, 8));
    let around = Frame::new().fill(palette.panel).inner_margin(Margin::symmetric(16, 8));
    let status = UiBuilder::new().accessibility_role(Role::Status);
    Side::bottom("tour").show_separator_line(false).frame(around).show(ui, |ui| {
        frame.show(ui, |ui| {
            ui.set_width(ui.available_width());
            ui.spacing_mut().item_spacing.y = theme::GAP_SMALL;
            let room = ui.available_width() > ROW * TextStyle::Body.resolve(ui.style()).size;
            let (title, sentences) = words(tour.step, state.settings.coach);
            ui.horizontal(|ui| {
                let place = format!("step {} of {}", tour.step.place() + 1, Step::ALL.len());
                ui.label(RichText::new(title).strong());
                ui.label(RichText::new(place).weak().small());
                if room {
                    let right = Layout::right_to_left(Align::Center);
                    ui.with_layout(right, |ui| buttons(ui, state, tour, actions));
                }
            });
            ui.scope_builder(status, |ui| ui.add(Label::new(sentences).wrap()));
            if !room {
                ui.horizontal_wrapped(|ui| buttons(ui, state, tour, actions));
            }
        });
    });
}

/// Title and sentences of a step.
fn words(step: Step, coach: bool) -> (&'static str, String) {
    let keys = |command: UiCommand| command.shortcut_text().unwrap_or_default();
    match step {
        Step::Picture => (
            "Give it a picture",
            format!(
                "Drop one anywhere, open ({}) or paste it ({}), or capture the game: a window ({}), a monitor ({}) \
                 or a region ({}). The sample is quickest.",
                keys(UiCommand::Open),
                keys(UiCommand::Paste),
                keys(UiCommand::PickWindow),
                keys(UiCommand::PickMonitor),
                keys(UiCommand::PickRegion)
            ),
        ),
        Step::Guess => {
            let (title, ask) = if coach {
                let (guess, reveal) = (keys(UiCommand::Guess), keys(UiCommand::Reveal));
                let ask =
                    format!("Say your own guess ({guess}, then Enter) or reveal the ranking ({reveal}). ");
                ("Guess first, then see the ranking", ask)
            } else {
                ("Read the ranking", String::new())
            };
            let read = "60\u{a0}% means: of a hundred such guesses, about sixty are right. Where no country stands \
                        out, it says so below the ranking: read that as “not sure”.";
            (title, ask + read)
        }
        Step::Rest => (
            "The rest of the window",
            format!(
                "On the left: compare models ({}), train one of your own ({}), settings ({}). {} finds any command \
                 by its name, {} brings this tour back.",
                keys(UiCommand::Compare),
                keys(UiCommand::Train),
                keys(UiCommand::Settings),
                keys(UiCommand::Palette),
                keys(UiCommand::Tour)
            ),
        ),
    }
}

/// What can be pressed. The buttons keep their places, so that Enter on one goes through all steps.
fn buttons(ui: &mut Ui, state: &mut State, tour: Tour, actions: &mut Vec<Action>) {
    let step = tour.step;
    let next = if step.next().is_some() { "Next" } else { "Done" };
    if ui.button(next).on_hover_text("Go on with the tour").clicked() {
        go(state, step.next(), actions);
    }
    let back = ui.add_enabled(step.before().is_some(), egui::Button::new("Back"));
    if back.on_hover_text("Go back one step").clicked() {
        go(state, step.before(), actions);
    }
    if ui.button("Skip").on_hover_text("End the tour (Escape)").clicked() {
        go(state, None, actions);
    }
    let deed = match step {
        Step::Picture => Some(UiCommand::Sample),
        Step::Guess if state.covered() => Some(UiCommand::Guess),
        Step::Guess => None,
        Step::Rest => Some(UiCommand::Palette),
    };
    if let Some(command) = deed
        && command_button(ui, command, Weight::Primary, true).clicked()
    {
        actions.push(Action::Ui(command));
    }
}

/// To a step, or to the end.
fn go(state: &mut State, step: Option<Step>, actions: &mut Vec<Action>) {
    match step {
        Some(step) => state.tour = Some(Tour { step, picture: state.current() }),
        None => {
            end(state);
            actions.push(Action::Changed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_another_picture_goes_on() {
        let mut tour = Tour::new(Some(3));
        tour.watch(Some(3));
        assert_eq!(tour.step, Step::Picture, "it was there before");
        tour.watch(None);
        assert_eq!(tour.step, Step::Picture);
        tour.watch(Some(4));
        assert_eq!(tour.step, Step::Guess);
        tour.watch(Some(5));
        assert_eq!(tour.step, Step::Guess);
    }

    #[test]
    fn every_step_names_the_keys_of_what_it_asks_for() {
        use UiCommand as Ui;
        for (step, commands) in [
            (
                Step::Picture,
                [Ui::Open, Ui::Paste, Ui::PickWindow, Ui::PickMonitor, Ui::PickRegion].as_slice(),
            ),
            (Step::Guess, &[Ui::Guess, Ui::Reveal]),
            (Step::Rest, &[Ui::Compare, Ui::Train, Ui::Settings, Ui::Palette, Ui::Tour]),
        ] {
            let (_, said) = words(step, true);
            for command in commands {
                assert!(said.contains(&command.shortcut_text().unwrap()), "{command:?} in {said}");
            }
        }
        assert!(!words(Step::Guess, false).1.contains("your own"), "nothing to guess without the coach");
    }
}
