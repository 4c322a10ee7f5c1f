//! What came of a run: figures, confusion, confused pairs, the surest mistakes as pictures, F1 by country.

use std::path::Path;

use egui::{Align2, Rect, RichText, Role, Sense, TextStyle, Ui, WidgetInfo, pos2, vec2};

use crate::training::report::{Mistake, Report, located};
use crate::training::studio::RunDetail;
use crate::ui::state::{Action, State};
use crate::ui::widgets::confusion;
use crate::ui::widgets::tile::tile;
use crate::ui::{theme, words};

/// Draws it, once there is a report.
pub fn show(ui: &mut Ui, state: &mut State, detail: &RunDetail, actions: &mut Vec<Action>) {
    let report = match detail.report.clone() {
        None => return,
        Some(Ok(report)) => report,
        Some(Err(why)) => {
            ui.separator();
            ui.label(why.to_string());
            return;
        }
    };
    ui.separator();
    ui.label(RichText::new("What it learned").heading());
    figures(ui, &report, detail);
    ui.add_space(theme::GAP);
    ui.label(RichText::new("Confusion: true country down, first guess across").strong());
    confusion::show(ui, "Confusion matrix", &report.countries, &report.confusion);
    pairs(ui, &report);
    by_country(ui, &report);
    mistakes(ui, state, detail, &report, actions);
}

fn figures(ui: &mut Ui, report: &Report, detail: &RunDetail) {
    let lines = [
        ("Top-1", words::share(report.top1)),
        ("Top-3", words::share(report.top3)),
        ("Top-5", words::share(report.top5)),
        ("Balanced top-1", words::share(report.balanced_top1)),
        ("Macro-F1", words::share(report.macro_f1)),
        ("Chance", words::share(report.chance)),
        ("Calibration error", words::share(report.ece_after)),
    ];
    ui.horizontal_wrapped(|ui| {
        for (name, value) in lines {
            ui.vertical(|ui| {
                ui.label(RichText::new(name).weak());
                ui.label(RichText::new(value).heading());
            });
            ui.add_space(theme::GAP_LARGE);
        }
    });
    let text = format!(
        "{}, {} of {} held out once; balanced top-1 and macro-F1 are means over the countries.",
        words::count(report.countries.len(), "country", "countries"),
        words::count(report.images, "picture", "pictures"),
        words::count(report.places, "place", "places"),
    );
    ui.weak(text);
    if let Some(found) = &detail.verified {
        let how = if found.passed { "agrees with PyTorch" } else { "differs from PyTorch" };
        ui.weak(format!(
            "Checked on {} with {}: on the same pixels it {how}, logits within {:.4} ({:.4} allowed). From the files, with pixels \
             {:.2} levels of 255 apart, {:.0} % of the first guesses are PyTorch's.",
            found.engine,
            words::count(found.pictures, "real picture", "real pictures"),
            found.network.logit_difference,
            found.tolerance.logit,
            found.levels,
            found.from_files.agreement * 100.0
        ));
    }
}

fn pairs(ui: &mut Ui, report: &Report) {
    if report.pairs.is_empty() {
        return;
    }
    ui.add_space(theme::GAP);
    ui.label(RichText::new("Most often confused").strong());
    for pair in report.pairs.iter().take(6) {
        let (a, b) = (words::country(&pair.a), words::country(&pair.b));
        ui.label(format!("{a} and {b}: {}", words::count(pair.count, "picture", "pictures")));
    }
}

/// Bars of F1, the best country first.
fn by_country(ui: &mut Ui, report: &Report) {
    ui.add_space(theme::GAP);
    ui.label(RichText::new("F1 by country").strong());
    let mut rows: Vec<_> = report.per_country.iter().collect();
    rows.sort_by(|a, b| b.1.f1.total_cmp(&a.1.f1));
    for (code, figures) in rows {
        let text =
            format!("{}, {}", words::country(code), words::count(figures.support, "picture", "pictures"));
        bar(ui, &text, figures.f1, &words::share(figures.f1));
    }
}

/// A named bar from 0 to 1 with its figure.
pub fn bar(ui: &mut Ui, name: &str, value: f64, figure: &str) {
    let palette = theme::palette(ui.visuals());
    let font = TextStyle::Body.resolve(ui.style());
    let (rect, response) =
        ui.allocate_exact_size(vec2(ui.available_width(), font.size * 1.5), Sense::hover());
    let label = format!("{name}: {figure}");
    response.widget_info(|| WidgetInfo::labeled(Role::Label, true, &label));
    let names = font.size * 16.0;
    let figures = font.size * 4.5;
    let painter = ui.painter();
    painter.text(rect.left_center(), Align2::LEFT_CENTER, name, font.clone(), palette.text);
    painter.text(rect.right_center(), Align2::RIGHT_CENTER, figure, font.clone(), palette.text);
    let track = Rect::from_min_max(
        pos2(rect.left() + names, rect.center().y - 3.0),
        pos2((rect.right() - figures).max(rect.left() + names + 20.0), rect.center().y + 3.0),
    );
    painter.rect_filled(track, 3.0, palette.line);
    #[expect(clippy::cast_possible_truncation)]
    let share = value.clamp(0.0, 1.0) as f32;
    let filled = Rect::from_min_size(track.min, vec2(track.width() * share, track.height()));
    painter.rect_filled(filled, 3.0, theme::probability(share, ui.visuals().dark_mode));
}

fn mistakes(ui: &mut Ui, state: &mut State, detail: &RunDetail, report: &Report, actions: &mut Vec<Action>) {
    if report.worst.is_empty() {
        return;
    }
    ui.add_space(theme::GAP);
    ui.label(RichText::new("Surest mistakes").strong());
    ui.weak("Press one to look at it in Assist.");
    ui.horizontal_wrapped(|ui| {
        for mistake in &report.worst {
            let path = located(&detail.job.data, Path::new(&mistake.file));
            if picture(ui, state, &path, mistake) {
                actions.push(Action::Open(path));
            }
        }
    });
}

fn picture(ui: &mut Ui, state: &mut State, path: &Path, mistake: &Mistake) -> bool {
    #[expect(clippy::cast_possible_truncation)]
    let p = mistake.p as f32;
    let (truth, guess) = (words::country(&mistake.country), words::country(&mistake.guess));
    let label = format!("{truth} taken for {guess} at {}", words::percent(p));
    let (name, words) =
        (format!("{label}: {}", mistake.file), [truth, format!("not {guess}, {}", words::percent(p))]);
    tile(ui, state, path, &name, &words)
}
