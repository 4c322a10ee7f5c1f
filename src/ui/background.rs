//! What may wait has its own thread: the file dialog, the clipboard, the settings file.

use std::path::PathBuf;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;

use egui::Context;

use crate::base::guard;
use crate::imaging::{Note, Picture, picture_extensions};
use crate::store::folders::{self, FolderError};
use crate::store::{Paths, Settings};

use super::folders::Wish;
use super::found::Found;
use super::pasted::pasted;
use super::sample;
use super::state::{Choice, Saved};

/// What is asked of the clipboard.
enum Clip {
    /// A picture or files.
    Paste,
    /// A text for a field.
    PasteText,
    /// Keep this text.
    Copy(String),
}

/// The threads and the way back from them.
pub struct Background {
    ctx: Context,
    report: Sender<Found>,
    found: Receiver<Found>,
    clipboard: Sender<Clip>,
    saver: Option<(Sender<Settings>, JoinHandle<()>)>,
    dialog: Option<JoinHandle<()>>,
}

impl Drop for Background {
    /// Waits until the last settings are on the disk.
    fn drop(&mut self) {
        if let Some((sender, thread)) = self.saver.take() {
            drop(sender);
            // A panic there was reported where it happened.
            let _ = thread.join();
        }
    }
}

impl Background {
    /// Starts the threads; settings are saved to `settings`, or nowhere.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(ctx: &Context, settings: Option<PathBuf>) -> std::io::Result<Self> {
        let (report, found) = channel();
        let (clipboard, wishes) = channel();
        let (back, repaint) = (report.clone(), ctx.clone());
        std::thread::Builder::new().name("clipboard".into()).spawn(move || {
            serve_clipboard(&wishes, &|found| {
                // The window may be gone; then nobody wants to know.
                let _ = back.send(found);
                repaint.request_repaint();
            });
        })?;
        let saver = match settings {
            Some(path) => Some(start_saver(path, report.clone(), ctx.clone())?),
            None => None,
        };
        Ok(Self { ctx: ctx.clone(), report, found, clipboard, saver, dialog: None })
    }

    /// The next thing found, if any.
    pub fn next(&self) -> Option<Found> {
        self.found.try_recv().ok()
    }

    /// Saves the settings, whole, as soon as the disk takes them.
    pub fn save(&self, settings: &Settings) {
        if let Some((saver, _)) = &self.saver {
            // The thread ends only with this value.
            let _ = saver.send(settings.clone());
        }
    }

    /// Asks for the picture, or the files, in the clipboard.
    pub fn paste(&self) {
        self.ask(Clip::Paste);
    }

    /// Asks for the text in the clipboard.
    pub fn paste_text(&self) {
        self.ask(Clip::PasteText);
    }

    /// Puts a text into the clipboard.
    pub fn copy(&self, text: String) {
        self.ask(Clip::Copy(text));
    }

    fn ask(&self, clip: Clip) {
        if self.clipboard.send(clip).is_err() {
            let text = "The clipboard cannot be used here; open or drop the picture instead.";
            // The receiving end is a field of this very value.
            let _ = self.report.send(Found::Tell(text.to_owned()));
        }
    }

    /// Shows the dialog for pictures, unless one is open already.
    pub fn choose_pictures(&mut self) {
        let dialog = rfd::AsyncFileDialog::new()
            .set_title("Open pictures")
            .add_filter("Pictures", &picture_extensions().collect::<Vec<_>>())
            .add_filter("All files", &["*"])
            .pick_files();
        self.show(async move {
            let files = dialog.await?;
            Some(Found::Files(files.into_iter().map(PathBuf::from).collect()))
        });
    }

    /// Shows the dialog for a file or folder, unless one is open already.
    pub fn choose(&mut self, choice: Choice) {
        let dialog = rfd::AsyncFileDialog::new();
        let found = move |path: rfd::FileHandle| Found::Chosen(choice, PathBuf::from(path));
        match choice {
            Choice::DataFolder | Choice::CompareFolder => {
                let asked = dialog.set_title("Choose the folder of labelled pictures").pick_folder();
                self.show(async move { asked.await.map(found) });
            }
            Choice::AppData | Choice::AppCache => {
                let asked = dialog.set_title("Choose the folder").pick_folder();
                self.show(async move {
                    let path = asked.await?;
                    let usable = |error: FolderError| Found::Tell(format!("Not changed: {error}."));
                    Some(folders::make(path.path()).map_or_else(usable, |()| found(path)))
                });
            }
            Choice::Library | Choice::DataIndex | Choice::Weights => {
                let dialog = match choice {
                    Choice::DataIndex => dialog.set_title("Choose the index").add_filter("CSV", &["csv"]),
                    Choice::Weights => {
                        dialog.set_title("Choose the weights").add_filter("safetensors", &["safetensors"])
                    }
                    _ => dialog.set_title("Choose the ONNX Runtime library"),
                };
                let asked = dialog.pick_file();
                self.show(async move { asked.await.map(found) });
            }
        }
    }

    /// Shows the dialog for a file to write, then makes what is written and writes it whole.
    pub fn save_as(&mut self, name: &str, what: Saved) {
        let asked = rfd::AsyncFileDialog::new().set_title("Save as").set_file_name(name).save_file();
        self.show(async move {
            let path = PathBuf::from(asked.await?);
            let write =
                |bytes: Vec<u8>| crate::store::write_whole(&path, &bytes).map_err(|error| error.to_string());
            let said = match what.bytes().and_then(write) {
                Ok(()) => format!("Saved as {}.", path.display()),
                Err(why) => format!("Not saved: {why}."),
            };
            Some(Found::Tell(said))
        });
    }

    fn show(&mut self, dialog: impl Future<Output = Option<Found>> + Send + 'static) {
        if self.dialog.as_ref().is_some_and(|open| !open.is_finished()) {
            return;
        }
        self.dialog = self.spawn("dialog", move || pollster::block_on(dialog));
    }

    /// Does something about the app's folders.
    pub fn grant(&self, paths: &Paths, wish: Wish) {
        let paths = paths.clone();
        self.spawn("folders", move || wish.grant(&paths));
    }

    /// Draws the sample picture.
    pub fn draw_sample(&self) {
        self.spawn("sample", || {
            let drawn = Picture::from_rgb("sample picture", sample::street());
            Some(Found::Picture(Picture { notes: vec![Note::Drawn], ..drawn }))
        });
    }

    /// Does something on a thread of its own and reports what it found.
    fn spawn<F: IntoIterator<Item = Found>>(
        &self,
        name: &str,
        work: impl FnOnce() -> F + Send + 'static,
    ) -> Option<JoinHandle<()>> {
        let (report, ctx) = (self.report.clone(), self.ctx.clone());
        let thread = std::thread::Builder::new().name(name.to_owned()).spawn(move || {
            let tell = |found| {
                // The window may be gone; then nobody wants to know.
                let _ = report.send(found);
                ctx.request_repaint();
            };
            if let Err(why) = guard::attempt(|| work().into_iter().for_each(tell)) {
                tell(Found::Tell(why));
            }
        });
        match thread {
            Ok(thread) => Some(thread),
            Err(error) => {
                let text =
                    format!("The system gives no thread ({error}); close some programs and try again.");
                // The receiving end is a field of this very value.
                let _ = self.report.send(Found::Tell(text));
                None
            }
        }
    }
}

/// Writes what comes; of several that wait only the newest.
fn start_saver(
    path: PathBuf,
    report: Sender<Found>,
    ctx: Context,
) -> std::io::Result<(Sender<Settings>, JoinHandle<()>)> {
    let (sender, wishes) = channel::<Settings>();
    let thread = std::thread::Builder::new().name("settings".into()).spawn(move || {
        while let Ok(first) = wishes.recv() {
            let newest = wishes.try_iter().last().unwrap_or(first);
            let saved = guard::attempt(|| newest.save(&path).map_err(|error| format!("{error}."))).flatten();
            if let Err(why) = saved {
                // The window may be gone; then nobody wants to know.
                let _ = report.send(Found::Tell(format!("The settings were not saved: {why}")));
                ctx.request_repaint();
            }
        }
    })?;
    Ok((sender, thread))
}

/// Holds the clipboard: on X11 a copied text lives only as long as its owner.
fn serve_clipboard(wishes: &Receiver<Clip>, report: &dyn Fn(Found)) {
    let mut clipboard: Option<arboard::Clipboard> = None;
    while let Ok(wish) = wishes.recv() {
        if clipboard.is_none() {
            match arboard::Clipboard::new() {
                Ok(opened) => clipboard = Some(opened),
                Err(error) => {
                    report(Found::Tell(format!("The clipboard cannot be used here ({error}).")));
                    continue;
                }
            }
        }
        let Some(opened) = clipboard.as_mut() else { continue };
        if let Err(why) = guard::attempt(|| grant_clip(opened, wish, report)) {
            clipboard = None;
            report(Found::Tell(why));
        }
    }
}

fn grant_clip(clipboard: &mut arboard::Clipboard, wish: Clip, report: &dyn Fn(Found)) {
    match wish {
        Clip::Paste => report(pasted(clipboard)),
        Clip::PasteText => report(Found::Text(clipboard.get_text().unwrap_or_default())),
        Clip::Copy(text) => {
            if let Err(error) = clipboard.set_text(text) {
                report(Found::Tell(format!("The text could not be copied ({error}).")));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_in_the_folders_is_shown_without_a_move_of_the_mouse() {
        let folder = tempfile::tempdir().unwrap();
        let (asked, frames) = channel();
        let ctx = Context::default();
        ctx.set_request_repaint_callback(move |_| {
            let _ = asked.send(());
        });
        let background = Background::start(&ctx, None).unwrap();
        background.grant(&Paths::under(folder.path().to_owned()), Wish::Measure);
        frames.recv_timeout(std::time::Duration::from_secs(20)).expect("a frame is asked for");
        assert!(matches!(background.next(), Some(Found::Sizes(sizes)) if sizes[0].is_none()));
    }

    #[test]
    fn the_newest_settings_are_on_the_disk_at_the_end() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("settings.json");
        let background = Background::start(&Context::default(), Some(path.clone())).unwrap();
        for step in 0..20_u8 {
            background.save(&Settings { text_scale: 1.0 + f32::from(step) / 20.0, ..Settings::default() });
        }
        drop(background);
        assert!((Settings::load(&path).settings.text_scale - 1.95).abs() < 1e-6);
    }
}
