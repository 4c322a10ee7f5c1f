//! The clipboard's keys. Reading the clipboard may take its time and decode a picture, so they come to the window as
//! plain keys: cut and copy go on to the text fields, and a pasted text follows when it is there.

use egui::{Context, Event, Key, Modifiers, OutputCommand, RawInput};

/// Hands the clipboard's keys on, and to the field that has the focus the text that was read for it.
pub fn hand_on(ctx: &Context, input: &mut RawInput, pasted: &mut Option<String>) {
    let pressed = |wanted: Key| {
        input.events.iter().any(|event| {
            matches!(event, Event::Key { key, pressed: true, modifiers, .. }
                if *key == wanted && modifiers.matches_exact(Modifiers::COMMAND))
        })
    };
    let (cut, copy) = (pressed(Key::X), pressed(Key::C));
    if cut {
        input.events.push(Event::Cut);
    }
    if copy {
        input.events.push(Event::Copy);
    }
    if let Some(text) = pasted.take()
        && ctx.text_edit_focused()
        && !text.is_empty()
    {
        input.events.push(Event::Paste(text));
    }
}

/// The texts that parts of the window copied in this frame; the thread that keeps the clipboard takes them.
pub fn copied(ctx: &Context) -> Vec<String> {
    ctx.output_mut(|output| {
        let mut texts: Vec<String> = Vec::new();
        output.commands.retain_mut(|command| match command {
            OutputCommand::CopyText(text) => {
                texts.push(std::mem::take(text));
                false
            }
            _ => true,
        });
        texts
    })
}
