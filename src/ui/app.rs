//! The window's program: `logic` takes in what happened, `ui` draws, and what the parts ask for is done after.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use eframe::Frame;
use egui::{Context, Key, Modifiers, Ui};

use crate::capture::Target;
use crate::engine::{Brain, Command, EyeFactory, Worker};
use crate::store::{Loaded, Settings};
use crate::training::studio::{Means, Order, Studio};

use super::background::Background;
use super::commands::UiCommand;
use super::folders::Wish;
use super::found::Found;
use super::state::{Action, Choice, List, Panel, State};
use super::textures::Textures;
use super::widgets::palette::Palette;
use super::widgets::recent;
use super::widgets::region::Choosing;
use super::widgets::toasts::Toasts;
use super::widgets::tour::{self, Tour};
use super::{clipboard, diagnostics, layout, theme};
use crate::workbench::{self, Workbench};

/// What the window is started with.
pub struct Parts {
    /// Models and inference.
    pub brain: Box<dyn Brain + Send>,
    /// Makes the source of frames, on its own thread.
    pub eye: EyeFactory,
    /// The settings as read.
    pub loaded: Loaded,
    /// Where settings are kept; without one they are not.
    pub settings_path: Option<PathBuf>,
    /// What models are trained with.
    pub training: Means,
}

/// The program behind the window.
pub struct App {
    worker: Worker,
    studio: Studio,
    workbench: Workbench,
    /// Models that the studio added and the worker has listed.
    listed: usize,
    background: Background,
    state: State,
    toasts: Toasts,
    /// The model that the user chose last, until it is in use.
    wanted: Option<String>,
    /// A text on its way from the clipboard to the field that has the focus.
    pasted: Option<String>,
    /// Theme and text scale that the look was made for.
    look: Option<(crate::store::Theme, f32)>,
}

impl App {
    /// Starts the threads and makes the window's state. Nothing here waits for an engine, a model or a screen.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn new(ctx: &Context, parts: Parts) -> std::io::Result<Self> {
        theme::fonts(ctx);
        let window = ctx.clone();
        let repaint: Arc<dyn Fn() + Send + Sync> = Arc::new(move || window.request_repaint());
        let worker = Worker::start(parts.brain, parts.eye, Arc::clone(&repaint))?;
        let bench = workbench::Means {
            choice: parts.training.choice.clone(),
            device: parts.training.device,
            threads: parts.training.threads,
        };
        let workbench = Workbench::start(&bench, &repaint)?;
        let paths = parts.training.paths.clone();
        let studio = Studio::start(parts.training, repaint)?;
        let background = Background::start(ctx, parts.settings_path.clone())?;
        let mut state = State::new(parts.loaded.settings, parts.settings_path, paths, Textures::start(ctx)?);
        state.train.form.cache = state.folders.paths.training_cache();
        let mut toasts = Toasts::default();
        if let Some(notice) = parts.loaded.notice {
            toasts.say(notice);
        }
        let mut app = Self {
            worker,
            studio,
            workbench,
            listed: 0,
            background,
            state,
            toasts,
            wanted: None,
            pasted: None,
            look: None,
        };
        app.dress(ctx);
        Ok(app)
    }

    /// The settings as they are now.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.state.settings
    }

    fn dress(&mut self, ctx: &Context) {
        let wanted = (self.state.settings.theme, self.state.settings.text_scale);
        if self.look != Some(wanted) {
            theme::apply(ctx, wanted.0, wanted.1);
            self.look = Some(wanted);
        }
    }

    fn take_found(&mut self) {
        while let Some(found) = self.background.next() {
            match found {
                Found::Files(files) => self.worker.send(Command::Open(files)),
                Found::Picture(picture) => self.worker.send(Command::Look(picture)),
                Found::Chosen(choice, path) => self.chosen(choice, path),
                Found::Text(text) => self.pasted = Some(text),
                Found::Sizes(sizes) => self.state.folders.sizes = Some(sizes),
                Found::Tell(text) => self.toasts.say(text),
            }
        }
    }

    fn chosen(&mut self, choice: Choice, path: PathBuf) {
        let before = self.state.settings.clone();
        match choice {
            Choice::Library => self.state.settings.runtime = Some(path),
            Choice::DataFolder | Choice::DataIndex => {
                self.state.train.form.data = path.display().to_string();
                self.studio.send(Order::LookAt(path));
            }
            Choice::CompareFolder => self.state.compare.data = path.display().to_string(),
            Choice::Weights => self.state.train.form.use_weights(&path),
            Choice::AppData => self.state.settings.data_folder = Some(path),
            Choice::AppCache => self.state.settings.training_cache = Some(path),
        }
        if self.state.settings != before {
            self.background.save(&self.state.settings);
        }
    }

    /// Keeps a chosen model once it is loaded: one that cannot be must not be what every later start begins with.
    fn keep_choice(&mut self) {
        if self.wanted.is_some() && self.wanted == self.state.snapshot.model {
            self.state.settings.model = self.wanted.take();
            self.background.save(&self.state.settings);
        }
    }

    /// Takes the studio's newest board in, and tells the worker of models that were added.
    fn take_board(&mut self) {
        self.state.board = self.studio.board();
        self.state.findings = self.workbench.findings();
        let added = self.state.board.added.len();
        if added > self.listed {
            self.listed = added;
            self.worker.send(Command::ListModels);
        }
        if let Some(order) = self.state.train.watch(self.state.panel == Panel::Train) {
            self.studio.send(order);
        }
    }

    fn take_drops(&mut self, ctx: &Context) {
        let dropped: Vec<PathBuf> =
            ctx.input(|input| input.raw.dropped_files.iter().map(|file| file.path().to_owned()).collect());
        if !dropped.is_empty() {
            self.state.panel = Panel::Assist;
            self.worker.send(Command::Open(dropped));
        }
    }

    fn take_keys(&mut self, ctx: &Context) {
        let paste = egui::KeyboardShortcut::new(Modifiers::COMMAND, Key::V);
        if ctx.text_edit_focused() && ctx.input_mut(|input| input.consume_shortcut(&paste)) {
            self.background.paste_text();
        }
        for command in UiCommand::pressed(ctx) {
            self.obey(ctx, command);
        }
    }

    /// As soon as the monitors are known, the region is chosen on the main one.
    fn begin_region(&mut self) {
        let monitors = &self.state.snapshot.targets.monitors;
        if self.state.region_wanted && !monitors.is_empty() {
            self.state.region_wanted = false;
            let main = monitors.iter().position(|monitor| monitor.primary).unwrap_or(0);
            self.region_on(main);
        }
    }

    fn region_on(&mut self, index: usize) {
        let Some(monitor) = self.state.snapshot.targets.monitors.get(index).cloned() else { return };
        if monitor.area.is_empty() {
            let text = "This desktop does not say where its monitors lie, so no region can be chosen; \
                        capture the monitor instead.";
            self.toasts.say(text.to_owned());
            return;
        }
        self.worker.send(Command::Preview(Target::Monitor(monitor.id)));
        self.state.region = Some(Choosing::of(monitor));
    }

    fn act(&mut self, ctx: &Context, action: Action) {
        match action {
            Action::Ui(command) => self.obey(ctx, command),
            Action::Engine(command) => self.worker.send(command),
            Action::Capture(target) => self.capture(target),
            Action::UseModel(id) => {
                self.state.panel = Panel::Assist;
                self.wanted = Some(id.clone());
                self.worker.send(Command::UseModel(id));
            }
            Action::Guess(country) => {
                if let Some(picture) = self.state.current() {
                    self.state.coach.guess(picture, &country);
                }
            }
            Action::RegionOn(index) => self.region_on(index),
            Action::Changed => self.background.save(&self.state.settings),
            Action::Choose(choice) => self.background.choose(choice),
            Action::Work(task) => self.workbench.send(task),
            Action::StopWork(lane) => self.workbench.stop(lane),
            Action::Train(order) => self.studio.send(order),
            Action::Folders(wish) => self.background.grant(&self.state.folders.paths, wish),
            Action::Open(path) => {
                self.state.panel = Panel::Assist;
                self.worker.send(Command::Open(vec![path]));
            }
            Action::Copy(text) => self.background.copy(text),
            Action::Save { name, what } => self.background.save_as(&name, what),
        }
    }

    fn capture(&mut self, target: Target) {
        self.state.region = None;
        self.state.last_target = Some(target.clone());
        let watching = self.worker.snapshot().watching.is_some();
        self.worker.send(if watching { Command::Watch(target) } else { Command::Shot(target) });
    }

    fn obey(&mut self, ctx: &Context, command: UiCommand) {
        match command {
            UiCommand::Open => self.background.choose_pictures(),
            UiCommand::Paste => self.background.paste(),
            UiCommand::Sample => self.background.draw_sample(),
            UiCommand::PickWindow => self.list(List::Windows),
            UiCommand::PickMonitor => self.list(List::Monitors),
            UiCommand::PickRegion => {
                self.state.panel = Panel::Assist;
                self.state.region_wanted = true;
                self.worker.send(Command::ListTargets);
            }
            UiCommand::Retake => self.retake(),
            UiCommand::Watch => self.watch(),
            UiCommand::Stop => self.worker.send(Command::Stop),
            UiCommand::Newer | UiCommand::Older => {
                let older = command == UiCommand::Older;
                let next = recent::neighbour(&self.state.snapshot.recent, self.state.current(), older);
                if let Some(id) = next {
                    self.worker.send(Command::Select(id));
                }
            }
            UiCommand::Quit => ctx.send_viewport_cmd(egui::ViewportCommand::Close),
            other => self.change_view(other),
        }
    }

    fn list(&mut self, list: List) {
        self.state.panel = Panel::Assist;
        self.state.open_list = Some(list);
        self.worker.send(Command::ListTargets);
    }

    fn retake(&mut self) {
        match self.state.last_target.clone() {
            Some(target) => self.capture(target),
            None => self
                .toasts
                .say("Nothing was captured yet; choose a window, a monitor or a region first.".to_owned()),
        }
    }

    fn watch(&mut self) {
        match (self.worker.snapshot().watching.is_some(), self.state.last_target.clone()) {
            (true, _) => self.worker.send(Command::StopWatching),
            (false, Some(target)) => self.worker.send(Command::Watch(target)),
            (false, None) => {
                self.toasts
                    .say("Choose a window, a monitor or a region first; then it can be watched.".to_owned());
            }
        }
    }

    /// Commands that change only what is shown, and the settings.
    fn change_view(&mut self, command: UiCommand) {
        let state = &mut self.state;
        match command {
            UiCommand::Guess if state.covered() => state.typing.wants_focus = true,
            UiCommand::Reveal => {
                if let (true, Some(picture)) = (state.covered(), state.current()) {
                    state.coach.reveal(picture);
                }
            }
            UiCommand::More => state.all_rows = !state.all_rows,
            UiCommand::Seen => state.show_seen = !state.show_seen,
            UiCommand::Card => state.show_card = !state.show_card,
            UiCommand::Assist => state.panel = Panel::Assist,
            UiCommand::Compare => state.panel = Panel::Compare,
            UiCommand::Train => state.panel = Panel::Train,
            UiCommand::Palette => {
                state.palette = if state.palette.is_some() { None } else { Some(Palette::default()) };
            }
            UiCommand::Diagnostics => {
                self.background.copy(diagnostics::text(&self.state));
                self.toasts.say("The diagnostics are in the clipboard.".to_owned());
            }
            UiCommand::Frames => {
                state.show_frames = !state.show_frames;
                state.frames.clear();
            }
            UiCommand::Settings => {
                state.panel = Panel::Settings;
                self.background.grant(&state.folders.paths, Wish::Measure);
            }
            UiCommand::Close => self.close_top(),
            UiCommand::Tour => {
                state.panel = Panel::Assist;
                state.tour = Some(Tour::new(state.current()));
            }
            UiCommand::Understood => {
                state.settings.fair_play_read = true;
                self.background.save(&self.state.settings);
            }
            UiCommand::TextLarger => self.scale_text(self.state.settings.text_scale + 0.1),
            UiCommand::TextSmaller => self.scale_text(self.state.settings.text_scale - 0.1),
            UiCommand::TextReset => self.scale_text(1.0),
            _ => {}
        }
    }

    fn scale_text(&mut self, scale: f32) {
        let scale = (scale * 10.0).round() / 10.0;
        self.state.settings.text_scale = scale.clamp(*theme::TEXT_SCALE.start(), *theme::TEXT_SCALE.end());
        self.background.save(&self.state.settings);
    }

    fn close_top(&mut self) {
        let state = &mut self.state;
        if state.palette.take().is_some() {
        } else if state.region.take().is_some() || state.region_wanted {
            state.region_wanted = false;
        } else if state.show_card {
            state.show_card = false;
        } else if tour::end(state) {
            self.background.save(&self.state.settings);
        } else {
            self.toasts.clear();
        }
    }
}

impl eframe::App for App {
    fn logic(&mut self, ctx: &Context, frame: &mut Frame) {
        frame.info().cpu_usage.into_iter().for_each(|s| self.state.frames.add(Duration::from_secs_f32(s)));
        let begun = Instant::now();
        self.state.refresh(self.worker.snapshot());
        self.keep_choice();
        self.take_board();
        self.state.textures.turn();
        self.take_found();
        self.take_drops(ctx);
        self.take_keys(ctx);
        self.begin_region();
        self.dress(ctx);
        self.state.frames.worked(begun.elapsed());
    }

    fn ui(&mut self, ui: &mut Ui, _frame: &mut Frame) {
        let begun = Instant::now();
        let mut actions: Vec<Action> = Vec::new();
        layout::show(ui, &mut self.state, &mut self.toasts, &mut actions);
        for action in actions {
            self.act(ui.ctx(), action);
            // What was done is seen in the next frame.
            ui.ctx().request_repaint();
        }
        for text in clipboard::copied(ui.ctx()) {
            self.background.copy(text);
        }
        self.state.frames.worked(begun.elapsed());
    }

    fn raw_input_hook(&mut self, ctx: &Context, input: &mut egui::RawInput) {
        clipboard::hand_on(ctx, input, &mut self.pasted);
    }
}
