//! The title of a chart, and the menu that it is exported from.

use std::sync::Arc;

use egui::{RichText, Ui};
use egui_phosphor::regular as icon;

use super::named;
use crate::chart::Chart;
use crate::ui::state::{Action, Format, Saved};

/// The title, and the menu that a chart is exported from; the chart is made only when it is wanted.
pub fn heading(
    ui: &mut Ui,
    title: &str,
    name: &str,
    actions: &mut Vec<Action>,
    chart: impl Fn() -> Arc<Chart>,
) {
    ui.horizontal(|ui| {
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            let menu = ui.menu_button(icon::DOTS_THREE, |ui| {
                // A chart in memory can always be written.
                if ui.button("Copy as CSV").clicked()
                    && let Ok(csv) = chart().csv()
                {
                    actions.push(Action::Copy(String::from_utf8_lossy(&csv).into_owned()));
                    ui.close();
                }
                for (format, text, ending) in [
                    (Format::Csv, "Save as CSV…", "csv"),
                    (Format::Svg, "Save as SVG…", "svg"),
                    (Format::Png, "Save as PNG…", "png"),
                ] {
                    if ui.button(text).clicked() {
                        let name = format!("{name}.{ending}");
                        actions.push(Action::Save { name, what: Saved::Chart(chart(), format) });
                        ui.close();
                    }
                }
            });
            named(menu.response, &format!("Export {title}"));
            ui.with_layout(egui::Layout::left_to_right(egui::Align::Center), |ui| {
                ui.add(egui::Label::new(RichText::new(title).strong()).truncate());
            });
        });
    });
}
