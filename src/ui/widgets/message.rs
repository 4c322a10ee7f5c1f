//! One sentence with an icon: what went well, what to know, what failed.

use egui::{Align, Color32, Frame, Label, Layout, Margin, RichText, Role, TextStyle, Ui, UiBuilder};
use egui_phosphor::regular as icon;

use super::{icon_button, theme};
use crate::ui::commands::UiCommand;

/// What kind of sentence it is. The icon and the words say it too, never the colour alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// It went well.
    Success,
    /// Good to know.
    Info,
    /// Take care.
    Warning,
    /// It failed.
    Error,
}

impl Kind {
    /// The icon.
    #[must_use]
    pub fn icon(self) -> &'static str {
        match self {
            Self::Success => icon::CHECK_CIRCLE,
            Self::Info => icon::INFO,
            Self::Warning => icon::WARNING,
            Self::Error => icon::WARNING_CIRCLE,
        }
    }

    /// The colour of the icon.
    #[must_use]
    pub fn colour(self, palette: &theme::Palette) -> Color32 {
        match self {
            Self::Success => palette.success,
            Self::Info => palette.accent,
            Self::Warning => palette.warning,
            Self::Error => palette.error,
        }
    }
}

/// A sentence without a frame, wrapped behind its icon.
pub fn line(ui: &mut Ui, kind: Kind, text: &str) {
    let colour = kind.colour(theme::palette(ui.visuals()));
    ui.horizontal_top(|ui| {
        ui.add(Label::new(RichText::new(kind.icon()).color(colour)).selectable(false));
        ui.add(Label::new(text).wrap());
    });
}

/// A sentence in a frame with a button that takes it away. True when it was pressed.
pub fn framed(ui: &mut Ui, kind: Kind, text: &str) -> bool {
    let palette = theme::palette(ui.visuals());
    let colour = kind.colour(palette);
    let frame = Frame::new()
        .fill(palette.raised)
        .stroke(egui::Stroke::new(1.0, colour))
        .corner_radius(theme::RADIUS)
        .inner_margin(Margin::symmetric(12, 8));
    let mut dismissed = false;
    let button = ui.spacing().interact_size.y;
    let width = ui.available_width() - 2.0 * theme::PAD;
    let icon_width = TextStyle::Body.resolve(ui.style()).size * 1.2;
    // A screen reader says a message when it appears.
    let alert = UiBuilder::new().accessibility_role(Role::Alert);
    ui.scope_builder(alert, |ui| {
        frame.show(ui, |ui| {
            ui.set_width(width);
            ui.horizontal_top(|ui| {
                ui.add(Label::new(RichText::new(kind.icon()).color(colour)).selectable(false));
                ui.vertical(|ui| {
                    ui.set_width((width - icon_width - button - 2.0 * theme::GAP).max(40.0));
                    ui.add(Label::new(text).wrap());
                });
                ui.with_layout(Layout::right_to_left(Align::Min), |ui| {
                    dismissed = icon_button(ui, UiCommand::Close, icon::X, "Dismiss this message").clicked();
                });
            });
        })
    });
    dismissed
}
