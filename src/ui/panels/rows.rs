//! The lines that the settings are made of.

use egui::{Align, Id, Label, Layout, RichText, TextStyle, Ui, vec2};

use crate::ui::theme;

/// Width of the column of names, in text sizes.
pub(super) const LABELS: f32 = 8.0;

/// The heading of a part of the settings.
pub(super) fn section(ui: &mut Ui, title: &str) {
    ui.add_space(theme::GAP);
    ui.separator();
    ui.label(RichText::new(title).heading());
}

/// A note in weak words.
pub(super) fn explain(ui: &mut Ui, text: &str) {
    ui.add(Label::new(RichText::new(text).weak()).wrap());
}

/// A line of the settings: its name in a column, then its controls. They get the label's identifier, so that a
/// screen reader can say the name for a control that has none.
pub(super) fn row(ui: &mut Ui, name: &str, add: impl FnOnce(&mut Ui, Id)) {
    let size = TextStyle::Body.resolve(ui.style()).size;
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing.x = theme::PAD;
        let column = vec2(LABELS * size, ui.spacing().interact_size.y);
        let layout = Layout::left_to_right(Align::Center);
        let label = ui.allocate_ui_with_layout(column, layout, |ui| {
            ui.set_min_width(column.x);
            ui.label(name).id
        });
        // The edge of a box to tick is all there is of it.
        ui.visuals_mut().widgets.inactive.bg_stroke.color = theme::palette(ui.visuals()).weak;
        add(ui, label.inner);
    });
}
