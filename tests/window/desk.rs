//! A window on a desk: a brain that answers from the picture's colour, a desktop that is made up.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use image::{Rgb, RgbImage};
use streetwise::base::Device;
use streetwise::capture::{CaptureError, Fake, FrameSource};
use streetwise::engine::{Brain, EngineState, Look, LookError, ModelSummary};
use streetwise::imaging::Picture;
use streetwise::model::Timings;
use streetwise::ranking::{Outside, Ranking, UnsureRule};
use streetwise::runtime::Choice;
use streetwise::store::{Loaded, Paths, Settings};
use streetwise::training::environment::Trainer;
use streetwise::training::studio::{FindTrainer, Means};
use streetwise::ui::{App, Parts};

/// Long enough for a loaded machine; what is waited for usually takes milliseconds.
const PATIENCE: Duration = Duration::from_secs(60);
const COUNTRIES: [&str; 6] = ["AU", "NZ", "ZA", "BR", "DE", "JP"];

/// A picture of one hue with some pattern; `seed` chooses both.
pub fn pixels(width: u32, height: u32, seed: u8) -> RgbImage {
    RgbImage::from_fn(width, height, |x, y| Rgb([seed * 40, (x % 251) as u8, (y % 241) as u8]))
}

/// Two models, one that does not load, and one that cannot be used; the ranking follows from the picture and the model.
struct FakeBrain {
    model: String,
    takes: Duration,
    note: Option<String>,
}

impl FakeBrain {
    fn state(&self) -> EngineState {
        let note = self.note.clone();
        EngineState { name: "test engine".into(), device: "CPU".into(), threads: 2, note }
    }
}

fn model(id: &str, name: &str, top1: Option<f32>, problem: Option<&str>) -> ModelSummary {
    ModelSummary {
        id: id.into(),
        name: name.into(),
        architecture: "test".into(),
        countries: COUNTRIES.map(str::to_owned).to_vec(),
        top1,
        chance: top1.map(|_| 1.0 / 6.0),
        kinds: Vec::new(),
        card: "# A card\n\nWith a sentence.".into(),
        problem: problem.map(str::to_owned),
    }
}

impl Brain for FakeBrain {
    fn start(&mut self) -> Result<EngineState, LookError> {
        Ok(self.state())
    }

    fn models(&self) -> Vec<ModelSummary> {
        vec![
            model("first", "First", Some(0.3), None),
            model("second", "Second", None, None),
            model("refused", "Refused", None, None),
            model("broken", "broken", None, Some("model broken: model.onnx is empty; export it again")),
        ]
    }

    fn first_models(&self) -> Vec<String> {
        vec!["first".into()]
    }

    fn load(&mut self, id: &str) -> Result<EngineState, LookError> {
        if id == "refused" {
            return Err(LookError::NoModel);
        }
        self.model = id.to_owned();
        Ok(self.state())
    }

    fn look(&mut self, id: u64, picture: &Picture) -> Result<Look, LookError> {
        std::thread::sleep(self.takes);
        let hue = usize::from(picture.pixels.get_pixel(0, 0)[0] / 40);
        let first = if self.model == "first" { hue } else { hue + 1 };
        let logits: Vec<f32> = (0..6_u8).map(|index| -f32::from((index + 12 - first as u8) % 6)).collect();
        // The one before the first comes second.
        let logits: Vec<f32> = (0..6)
            .map(|index| if (index + 1) % 6 == first % 6 { -1.0 } else { 2.0 * logits[index] })
            .collect();
        let countries = COUNTRIES.map(str::to_owned);
        Ok(Look {
            id,
            name: picture.name.clone(),
            picture: Arc::clone(&picture.pixels),
            seen: Arc::new(pixels(224, 224, 1)),
            notes: picture.notes.iter().map(ToString::to_string).collect(),
            outcome: Ranking::from_logits(&logits, 1.0, &countries, UnsureRule::default())
                .map(|ranking| {
                    let score = if picture.name == "wall.png" { 9.0 } else { 1.0 };
                    ranking.measured(Some(Outside { score, bound: 1.5 }))
                })
                .map_err(|e| e.to_string()),
            timings: Timings::default(),
            model: self.model.clone(),
            engine: "test engine".into(),
            device: "CPU".into(),
        })
    }
}

/// The window with its files.
pub struct Desk {
    pub harness: Harness<'static, App>,
    folder: tempfile::TempDir,
}

#[derive(Debug)]
struct Dropped(PathBuf);

impl egui::DroppedFile for Dropped {
    fn path(&self) -> &Path {
        &self.0
    }
    fn bytes(&self) -> Result<Vec<u8>, String> {
        Err("the window must not read dropped files itself".to_owned())
    }
}

impl Desk {
    /// Settings of a user who has read the note on fair play, knows the window and wants no coach.
    pub fn settings_read() -> Settings {
        Settings { fair_play_read: true, tour_done: true, coach: false, ..Settings::default() }
    }

    pub fn ready() -> Self {
        Self::with(Self::settings_read())
    }

    pub fn with(settings: Settings) -> Self {
        Self::on(Fake::new(), settings)
    }

    pub fn on(desktop: Fake, settings: Settings) -> Self {
        Self::start(settings, Duration::ZERO, None, move || {
            Ok(Box::new(desktop.clone()) as Box<dyn FrameSource>)
        })
    }

    pub fn slow(takes: Duration, note: Option<&str>, desktop: Fake) -> Self {
        let eye = move || Ok(Box::new(desktop.clone()) as Box<dyn FrameSource>);
        Self::start(Self::settings_read(), takes, note, eye)
    }

    pub fn without_display(settings: Settings) -> Self {
        Self::start(settings, Duration::ZERO, None, || Err(CaptureError::NoDisplay))
    }

    /// A window that trains with a trainer made by `find`, given the folder of everything.
    pub fn with_trainer(find: impl Fn(&Path) -> Trainer + Send + 'static) -> Self {
        let folder = tempfile::tempdir().expect("the test has a folder, threads and room");
        Self::reopen(folder, find)
    }

    fn start(
        settings: Settings,
        takes: Duration,
        note: Option<&str>,
        eye: impl Fn() -> Result<Box<dyn FrameSource>, CaptureError> + Send + 'static,
    ) -> Self {
        let folder = tempfile::tempdir().expect("the test has a folder, threads and room");
        Self::open(folder, settings, takes, note, eye, Box::new(Trainer::find))
    }

    fn open(
        folder: tempfile::TempDir,
        settings: Settings,
        takes: Duration,
        note: Option<&str>,
        eye: impl Fn() -> Result<Box<dyn FrameSource>, CaptureError> + Send + 'static,
        find: FindTrainer,
    ) -> Self {
        let paths = Paths::under(folder.path().to_owned());
        let choice = Choice { library: None, embedded_only: true, paths: paths.clone(), prober: None };
        let training = Means { paths, find, choice, device: Device::Cpu, threads: Some(1) };
        let brain = Box::new(FakeBrain { model: String::new(), takes, note: note.map(str::to_owned) });
        let loaded = Loaded { settings, notice: None };
        let settings_path = Some(folder.path().join("settings.json"));
        let parts = Parts { brain, eye: Box::new(eye), loaded, settings_path, training };
        let harness = Harness::builder().with_size([1280.0, 800.0]).build_eframe(|cc| {
            App::new(&cc.egui_ctx, parts).expect("the test has a folder, threads and room")
        });
        let mut desk = Self { harness, folder };
        desk.sees("ready");
        desk
    }

    /// Closes the window and keeps its folder.
    pub fn close_keeping(self) -> tempfile::TempDir {
        let Self { harness, folder } = self;
        drop(harness);
        folder
    }

    /// A window over the folder of an earlier one.
    pub fn reopen(folder: tempfile::TempDir, find: impl Fn(&Path) -> Trainer + Send + 'static) -> Self {
        let desktop = Fake::new();
        let eye = move || Ok(Box::new(desktop.clone()) as Box<dyn FrameSource>);
        let root = folder.path().to_owned();
        let find = Box::new(move |_: &Paths| Ok(find(&root)));
        Self::open(folder, Self::settings_read(), Duration::ZERO, None, eye, find)
    }

    /// The folder of everything.
    pub fn root(&self) -> &Path {
        self.folder.path()
    }

    /// Presses what is named exactly so.
    #[track_caller]
    pub fn press(&mut self, name: &str) {
        let node = self.harness.query_all_by_label(name).find(|node| {
            let role = node.accesskit_node().role();
            role != egui::accesskit::Role::Label && role != egui::accesskit::Role::TextRun
        });
        match node {
            // Also what lies below the part that is scrolled to.
            Some(node) => node.click_accesskit(),
            None => panic!("there is no {name:?} to press in\n{}", self.words().join("\n")),
        }
        self.harness.run_ok();
    }

    /// Types into the text field of that name.
    #[track_caller]
    pub fn fill(&mut self, name: &str, text: &str) {
        self.harness.get_by_label(name).focus();
        self.harness.run_ok();
        self.harness.get_by_label(name).type_text(text);
        self.harness.run_ok();
    }

    /// Presses what has these words in its name.
    #[track_caller]
    pub fn press_any(&mut self, words: &str) {
        self.harness.get_by_label_contains(words).click_accesskit();
        self.harness.run_ok();
    }

    /// Types into the coach's field, by its key, and takes what is marked.
    #[track_caller]
    pub fn say_to_coach(&mut self, text: &str) {
        self.sees("Where is this?");
        self.harness.key_press(egui::Key::G);
        self.harness.run_ok();
        self.harness.get_by_label("Your guess").type_text(text);
        self.harness.run_ok();
        self.harness.key_press(egui::Key::Enter);
    }

    /// Chooses a model in the picker, which also offers one that cannot be used.
    #[track_caller]
    pub fn choose_model(&mut self, name: &str) {
        self.harness.get_by_label("Model").click();
        self.sees("broken cannot be used");
        self.harness.get_by_label(name).click();
    }

    /// Writes a generated picture.
    pub fn picture(&self, name: &str, seed: u8) -> PathBuf {
        let path = self.folder.path().join(name);
        pixels(64, 36, seed).save(&path).expect("the test has a folder, threads and room");
        path
    }

    pub fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, bytes).expect("the test has a folder, threads and room");
        path
    }

    pub fn drop_files(&mut self, files: &[PathBuf]) {
        let dropped = files.iter().map(|path| Arc::new(Dropped(path.clone())) as egui::DroppedFileHandle);
        self.harness.input_mut().dropped_files = dropped.collect();
        self.harness.step();
        self.harness.input_mut().dropped_files.clear();
    }

    /// Whether something whose words contain `text` is in the window.
    pub fn shows(&self, text: &str) -> bool {
        self.harness.query_all_by_label_contains(text).next().is_some()
    }

    /// Every name in the window.
    pub fn words(&self) -> Vec<String> {
        let nodes = self.harness.query_all(egui_kittest::kittest::By::new());
        nodes.filter_map(|node| node.accesskit_node().label()).collect()
    }

    /// Waits until the window shows `text`.
    #[track_caller]
    pub fn sees(&mut self, text: &str) {
        self.wait(text, true);
    }

    /// Waits until the window does not show `text` any more.
    #[track_caller]
    pub fn gone(&mut self, text: &str) {
        self.wait(text, false);
    }

    #[track_caller]
    fn wait(&mut self, text: &str, there: bool) {
        let begin = Instant::now();
        while self.shows(text) != there {
            assert!(
                begin.elapsed() < PATIENCE,
                "waited for {text:?} ({there}) in\n{}",
                self.words().join("\n")
            );
            self.harness.step();
            std::thread::sleep(Duration::from_millis(5));
        }
        // What was seen is also laid out and can be clicked.
        self.harness.run_ok();
    }

    /// Steps until every thread has reported and every texture is there.
    pub fn settle(&mut self) {
        for _ in 0..40 {
            self.harness.step();
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    pub fn settings(&self) -> Settings {
        self.harness.state().settings().clone()
    }

    /// Closes the window; the settings as they are on the disk then.
    pub fn closed(self) -> Settings {
        let Self { harness, folder } = self;
        drop(harness);
        Settings::load(&folder.path().join("settings.json")).settings
    }

    /// Makes the window as small as it can be; its rectangle, with room for rounding.
    pub fn smallest(&mut self) -> egui::Rect {
        let size = egui::vec2(960.0, 600.0);
        self.harness.set_size(size);
        self.harness.run_ok();
        egui::Rect::from_min_size(egui::Pos2::ZERO, size).expand(0.5)
    }

    /// The name of what has the focus.
    pub fn focused(&self) -> Option<String> {
        let nodes = self.harness.query_all(egui_kittest::kittest::By::new());
        nodes.filter(|node| node.accesskit_node().is_focused()).find_map(|node| node.accesskit_node().label())
    }

    /// Presses Tab until the focus is on what has this name.
    #[track_caller]
    pub fn tab_to(&mut self, name: &str) {
        for _ in 0..80 {
            if self.focused().as_deref() == Some(name) {
                return;
            }
            self.harness.key_press(egui::Key::Tab);
            self.harness.run_ok();
        }
        panic!("Tab does not lead to {name:?} in\n{}", self.words().join("\n"));
    }

    /// Every control in the tree has a name, and all that can be pressed or filled in now is reached by Tab.
    #[track_caller]
    pub fn walk(&mut self, when: &str) {
        self.all_named(when);
        let mut left = self.focusable();
        // Work that ends meanwhile adds controls.
        let steps = 2 * left.len() + 20;
        assert!(!left.is_empty(), "{when}: nothing takes the focus");
        for _ in 0..steps {
            self.harness.key_press(egui::Key::Tab);
            self.harness.step();
            let nodes = self.harness.query_all(egui_kittest::kittest::By::new());
            let focused = nodes
                .map(|node| node.accesskit_node())
                .find(egui_kittest::kittest::AccessKitNode::is_focused);
            if let Some(id) = focused.map(|node| format!("{:?}", node.id())) {
                left.retain(|(other, _)| *other != id);
            }
        }
        // Keys mean what they meant before.
        self.harness
            .ctx
            .memory_mut(|memory| memory.focused().into_iter().for_each(|id| memory.surrender_focus(id)));
        // And takes some away.
        let there = self.focusable();
        left.retain(|control| there.contains(control));
        let names: Vec<&str> = left.iter().map(|(_, name)| name.as_str()).collect();
        assert!(names.is_empty(), "{when}: Tab does not lead to {names:?}");
    }

    /// What can take the focus now: its identifier, and its role and name.
    fn focusable(&self) -> Vec<(String, String)> {
        use egui::accesskit::Action;
        let nodes = self.harness.query_all(egui_kittest::kittest::By::new());
        let nodes = nodes.map(|node| node.accesskit_node());
        let nodes = nodes.filter(|node| !node.is_disabled() && node.data().supports_action(Action::Focus));
        let words = |role, name: Option<String>| format!("{role:?} {}", name.unwrap_or_default());
        nodes.map(|node| (format!("{:?}", node.id()), words(node.role(), node.label()))).collect()
    }

    /// Every control in the tree can be named by a screen reader.
    #[track_caller]
    pub fn all_named(&self, when: &str) {
        use egui::accesskit::Role;
        let controls = [
            Role::Button,
            Role::CheckBox,
            Role::ComboBox,
            Role::Image,
            Role::Link,
            Role::RadioButton,
            Role::Slider,
            Role::SpinButton,
            Role::TextInput,
        ];
        let mut count = 0;
        for node in self.harness.query_all(egui_kittest::kittest::By::new()) {
            let role = node.accesskit_node().role();
            if controls.contains(&role) {
                count += 1;
                let name = node.accesskit_node().label().unwrap_or_default();
                // An icon's code point is no name.
                let said: String = name.chars().filter(|sign| sign.is_alphanumeric()).collect();
                assert!(!said.is_empty(), "{when}: a {role:?} has no name: {name:?}");
            }
        }
        assert!(count > 5, "{when}: only {count} controls found");
    }
}
