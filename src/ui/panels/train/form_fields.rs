//! The fields of a recipe, the study's defaults and what each does in plain words.

use egui::{CollapsingHeader, ComboBox, DragValue, Grid, Ui};

use super::filled_in::{Extent, Form};
use crate::training::catalogue;
use crate::training::recipe::{MixedPrecision, Recipe};
use crate::ui::state::State;
use crate::ui::widgets::{caret, focus_ring, named, text_field};
use crate::ui::{theme, words};

/// Problems of data that can be allowed, and what becomes of them.
const PROBLEMS: [(&str, &str); 9] = [
    ("bad-label", "leave rows and folders out that name no country"),
    ("missing", "leave pictures out that are not there"),
    ("unreadable", "leave unreadable pictures out"),
    ("truncated", "leave pictures out that were cut short"),
    ("blank", "leave blank pictures out"),
    ("link-outside", "leave links out that lead out of the folder"),
    ("duplicate-across-split", "leave training copies of held-out pictures out"),
    ("place-in-both-sides", "leave training pictures of held-out places out"),
    ("too-few-pictures", "keep countries with fewer than ten pictures"),
];

/// Draws the fields that matter, and the rest folded away.
pub fn show(ui: &mut Ui, state: &mut State) {
    let form = &mut state.train.form;
    extent(ui, form);
    let r = &mut form.recipe;
    Grid::new("recipe").num_columns(2).spacing([theme::SECTION, theme::GAP]).show(ui, |ui| {
        whole(ui, "Epochs", "passes over the pictures; the study took 100", &mut r.epochs, 0..=1000);
        optional(
            ui,
            "Pictures a country",
            "at most; all there are where not marked",
            &mut r.per_label,
            100,
            1..=100_000,
        );
        number(ui, "Seed", "of split, order and augmentation: the same seed gives the same run", &mut r.seed);
    });
    CollapsingHeader::new("All fields of the recipe").show(ui, |ui| {
        rest(ui, r);
        if ui
            .button("The study's defaults")
            .on_hover_text("Everything but architecture and countries")
            .clicked()
        {
            let countries = r.countries.clone();
            *r = Recipe { countries, ..Recipe::new(&r.preset.clone()) };
        }
    });
    CollapsingHeader::new("When the data have problems").show(ui, |ui| {
        ui.weak("Pictures are looked through before the first epoch. A problem ends the run, unless it is allowed:");
        for (kind, what) in PROBLEMS {
            let mut on = form.allow.contains(kind);
            if ui.checkbox(&mut on, what).changed() {
                if on {
                    form.allow.insert(kind.to_owned());
                } else {
                    form.allow.remove(kind);
                }
            }
        }
    });
}

/// How much trains: what decides between minutes and days.
fn extent(ui: &mut Ui, form: &mut Form) {
    let mut extent = form.extent();
    ui.vertical(|ui| {
        for (choice, text) in [
            (Extent::Head, "Only the head, on features computed once: minutes without a GPU"),
            (Extent::Last, "The last blocks too: slower, often better"),
            (Extent::Everything, "Everything, from pixels: the study's way, wants a GPU"),
        ] {
            ui.radio_value(&mut extent, choice, text);
        }
    });
    if extent != form.extent() {
        form.recipe.unfreeze_last = match extent {
            Extent::Head => Some(0),
            Extent::Last => Some(1),
            Extent::Everything => None,
        };
        form.recipe.epochs = if extent == Extent::Everything { Recipe::new("resnet18").epochs } else { 20 };
    }
    if let (Extent::Last, Some(blocks)) = (extent, &mut form.recipe.unfreeze_last) {
        ui.horizontal(|ui| {
            let label = ui.label("Blocks that train").id;
            ui.add(DragValue::new(blocks).range(1..=24)).labelled_by(label);
        });
    }
}

fn rest(ui: &mut Ui, r: &mut Recipe) {
    Grid::new("all fields").num_columns(2).spacing([theme::SECTION, theme::GAP]).show(ui, |ui| {
        whole(ui, "Frozen epochs", "of the head alone, before the rest", &mut r.freeze_epochs, 0..=100);
        optional(ui, "Batch", "pictures a step; the preset's where not marked", &mut r.batch, 32, 1..=4096);
        rate(ui, r);
        whole(
            ui,
            "Finder's steps",
            "batches the learning-rate finder tries",
            &mut r.lr_iterations,
            10..=1000,
        );
        whole(ui, "Crops", "augmented crops a picture that are cached", &mut r.crops, 1..=64);
        fraction(
            ui,
            "Held out",
            "share of the places that is measured on",
            &mut r.valid_fraction,
            0.01..=0.9,
        );
        whole(
            ui,
            "Squish to",
            "side that pictures are squished to once, in pixels",
            &mut r.pre_resize,
            64..=2048,
        );
        optional(ui, "Input side", "pixels; the preset's where not marked", &mut r.size, 224, 28..=1024);
        fraction(
            ui,
            "Smallest crop",
            "share of a picture that a crop shows at least",
            &mut r.min_scale,
            0.01..=1.0,
        );
        fraction(ui, "Brightness", "largest change", &mut r.brightness, 0.0..=1.0);
        fraction(ui, "Contrast", "largest change", &mut r.contrast, 0.0..=1.0);
        fraction(ui, "Weight decay", "of Adam, decoupled", &mut r.weight_decay, 0.0..=1.0);
        precision(ui, r);
        optional(
            ui,
            "Early stopping",
            "epochs without a better macro-F1",
            &mut r.early_stopping,
            10,
            1..=1000,
        );
        average(ui, r);
        fraction(
            ui,
            "Label smoothing",
            "share of the target spread over all countries",
            &mut r.label_smoothing,
            0.0..=0.9,
        );
        fraction(ui, "Mixup", "alpha of the beta distribution; 0 for none", &mut r.mixup, 0.0..=4.0);
        clipping(ui, r);
    });
}

/// Architectures, pictures a country and seeds of a grid.
pub fn grid(ui: &mut Ui, form: &mut Form) {
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing.x = theme::GAP_SMALL;
        for preset in &catalogue::PRESETS {
            let on = form.presets.contains(preset.id);
            if ui.selectable_label(on, preset.id).clicked() {
                if on {
                    form.presets.remove(preset.id);
                } else {
                    form.presets.insert(preset.id.to_owned());
                }
            }
        }
    });
    ui.horizontal_wrapped(|ui| {
        let label = ui.label("Pictures a country").id;
        let field = text_field(ui, &mut form.sizes, "100, 200, all", 160.0);
        let response = named(ui.add(field).labelled_by(label), "Pictures a country of the runs");
        focus_ring(ui, &response);
        let label = ui.label("Seeds").id;
        ui.add(DragValue::new(&mut form.seeds).range(1..=20)).labelled_by(label);
        let sizes = form.sizes.split(',').filter(|part| !part.trim().is_empty()).count() as u64;
        let runs = form.presets.len() as u64 * sizes * form.seeds;
        ui.weak(words::count(usize::try_from(runs).unwrap_or(usize::MAX), "run", "runs"));
    });
}

/// A line: its name, then its control, with what it does on hover and for a screen reader.
fn line(ui: &mut Ui, name: &str, what: &str, add: impl FnOnce(&mut Ui, egui::Id)) {
    let label = ui.label(name).on_hover_text(what).id;
    ui.horizontal(|ui| {
        add(ui, label);
        ui.weak(what);
    });
    ui.end_row();
}

fn whole(ui: &mut Ui, name: &str, what: &str, value: &mut u32, range: std::ops::RangeInclusive<u32>) {
    line(ui, name, what, |ui, label| {
        ui.add(DragValue::new(value).range(range)).labelled_by(label);
    });
}

fn number(ui: &mut Ui, name: &str, what: &str, value: &mut u64) {
    line(ui, name, what, |ui, label| {
        ui.add(DragValue::new(value)).labelled_by(label);
    });
}

fn fraction(ui: &mut Ui, name: &str, what: &str, value: &mut f64, range: std::ops::RangeInclusive<f64>) {
    line(ui, name, what, |ui, label| {
        ui.add(DragValue::new(value).range(range).speed(0.01).max_decimals(4)).labelled_by(label);
    });
}

fn optional(
    ui: &mut Ui,
    name: &str,
    what: &str,
    value: &mut Option<u32>,
    first: u32,
    range: std::ops::RangeInclusive<u32>,
) {
    line(ui, name, what, |ui, label| {
        let mut on = value.is_some();
        let ticked = named(ui.add(egui::Checkbox::without_text(&mut on)), &format!("Limit {name}"));
        if ticked.changed() {
            *value = on.then_some(first);
        }
        if let Some(value) = value {
            ui.add(DragValue::new(value).range(range)).labelled_by(label);
        }
    });
}

fn rate(ui: &mut Ui, r: &mut Recipe) {
    line(ui, "Learning rate", "what the finder suggests where not marked", |ui, label| {
        let mut on = r.lr.is_some();
        if named(ui.add(egui::Checkbox::without_text(&mut on)), "Fix the learning rate").changed() {
            r.lr = on.then_some(1e-3);
        }
        if let Some(lr) = &mut r.lr {
            let speed = *lr * 0.02;
            let field = DragValue::new(lr)
                .range(1e-7..=1.0)
                .speed(speed)
                .custom_formatter(|lr, _| format!("{lr:.1e}"));
            ui.add(field).labelled_by(label);
        }
    });
}

fn average(ui: &mut Ui, r: &mut Recipe) {
    line(ui, "Moving average", "decay of an average of the weights, which is then delivered", |ui, label| {
        let mut on = r.ema.is_some();
        if named(ui.add(egui::Checkbox::without_text(&mut on)), "Keep a moving average").changed() {
            r.ema = on.then_some(0.999);
        }
        if let Some(decay) = &mut r.ema {
            ui.add(DragValue::new(decay).range(0.5..=0.99999).speed(0.0005).max_decimals(5))
                .labelled_by(label);
        }
    });
}

fn clipping(ui: &mut Ui, r: &mut Recipe) {
    line(ui, "Gradient clipping", "longest gradients, against a loss that runs away", |ui, label| {
        let mut on = r.gradient_clip.is_some();
        if named(ui.add(egui::Checkbox::without_text(&mut on)), "Clip the gradients").changed() {
            r.gradient_clip = on.then_some(1.0);
        }
        if let Some(norm) = &mut r.gradient_clip {
            ui.add(DragValue::new(norm).range(0.001..=1000.0).speed(0.01).max_decimals(3)).labelled_by(label);
        }
    });
}

fn precision(ui: &mut Ui, r: &mut Recipe) {
    let name = |precision| match precision {
        MixedPrecision::Auto => "where it measures faster",
        MixedPrecision::Off => "never",
        MixedPrecision::Bf16 => "bfloat16",
        MixedPrecision::Fp16 => "float16",
    };
    line(ui, "Half precision", "", |ui, label| {
        let combo = ComboBox::from_id_salt("precision").selected_text(name(r.mixed_precision)).icon(caret);
        let shown = combo.show_ui(ui, |ui| {
            let all = [MixedPrecision::Auto, MixedPrecision::Off, MixedPrecision::Bf16, MixedPrecision::Fp16];
            for precision in all {
                ui.selectable_value(&mut r.mixed_precision, precision, name(precision));
            }
        });
        shown.response.labelled_by(label);
    });
}
