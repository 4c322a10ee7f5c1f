//! A model's card: the little Markdown that cards use, as text of the window.

use egui::{Align, Grid, Label, Layout, RichText, TextStyle, Ui};

use crate::ui::theme;

/// A piece of a card.
#[derive(Debug, PartialEq, Eq)]
enum Block {
    Heading(u8, String),
    Paragraph(String),
    Item(String),
    Code(String),
    Table(Vec<Vec<String>>),
}

/// Shows the card.
pub fn show(ui: &mut Ui, markdown: &str) {
    for (index, block) in parse(markdown).iter().enumerate() {
        match block {
            Block::Heading(1, text) => {
                ui.add(Label::new(RichText::new(text).text_style(TextStyle::Heading)).wrap());
            }
            Block::Heading(_, text) => {
                ui.add_space(theme::GAP);
                ui.add(Label::new(RichText::new(text).strong().size(theme::TYPE[1] * 1.1)).wrap());
            }
            Block::Paragraph(text) => {
                ui.add(Label::new(text).wrap());
            }
            Block::Item(text) => {
                ui.horizontal_top(|ui| {
                    ui.label("•");
                    ui.add(Label::new(text).wrap());
                });
            }
            Block::Code(text) => {
                ui.add(Label::new(RichText::new(text).monospace()).wrap());
            }
            Block::Table(rows) => table(ui, index, rows),
        }
    }
}

fn table(ui: &mut Ui, index: usize, rows: &[Vec<String>]) {
    let spacing = [theme::GAP_LARGE, theme::GAP_SMALL];
    Grid::new(("card table", index)).striped(true).spacing(spacing).show(ui, |ui| {
        for (at, row) in rows.iter().enumerate() {
            for (column, cell) in row.iter().enumerate() {
                let text = if at == 0 { RichText::new(cell).weak() } else { RichText::new(cell) };
                let figures = column > 0 && rows.iter().skip(1).all(|row| is_figure(row.get(column)));
                if figures {
                    ui.with_layout(Layout::right_to_left(Align::Center), |ui| ui.label(text));
                } else {
                    ui.label(text);
                }
            }
            ui.end_row();
        }
    });
}

/// Whether a cell holds a figure, or nothing.
fn is_figure(cell: Option<&String>) -> bool {
    let text = cell.map_or("", |text| text.trim_end_matches('%').trim());
    text.is_empty() || text == "-" || text.parse::<f64>().is_ok()
}

fn parse(markdown: &str) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut code: Option<String> = None;
    let mut open = false;
    for line in markdown.lines() {
        if line.trim_start().starts_with("```") {
            match code.take() {
                Some(text) => blocks.push(Block::Code(text)),
                None => code = Some(String::new()),
            }
            open = false;
            continue;
        }
        if let Some(text) = &mut code {
            if !text.is_empty() {
                text.push('\n');
            }
            text.push_str(line);
            continue;
        }
        open = take(&mut blocks, line, open);
    }
    blocks.extend(code.map(Block::Code));
    blocks
}

/// Adds a line; true when the next one may continue the same block.
fn take(blocks: &mut Vec<Block>, line: &str, open: bool) -> bool {
    let trimmed = line.trim();
    if trimmed.is_empty() {
        return false;
    }
    let level = trimmed.bytes().take_while(|byte| *byte == b'#').count();
    if (1..=6).contains(&level) && trimmed[level..].starts_with(' ') {
        let level = u8::try_from(level).unwrap_or(6);
        blocks.push(Block::Heading(level, inline(trimmed.trim_start_matches('#'))));
        return false;
    }
    if let Some(row) = trimmed.strip_prefix('|') {
        let cells: Vec<String> = row.trim_end_matches('|').split('|').map(inline).collect();
        let rule = cells.iter().all(|cell| cell.chars().all(|sign| "-: ".contains(sign)));
        match blocks.last_mut() {
            Some(Block::Table(_)) if open && rule => {}
            Some(Block::Table(rows)) if open => rows.push(cells),
            _ => blocks.push(Block::Table(vec![cells])),
        }
        return true;
    }
    if let Some(item) = trimmed.strip_prefix("- ").or_else(|| trimmed.strip_prefix("* ")) {
        blocks.push(Block::Item(inline(item)));
        return true;
    }
    match blocks.last_mut() {
        Some(Block::Paragraph(text) | Block::Item(text)) if open => {
            text.push(' ');
            text.push_str(&inline(trimmed));
        }
        _ => blocks.push(Block::Paragraph(inline(trimmed))),
    }
    true
}

/// Without the signs for bold, code and links; the address of a link stays behind its words.
fn inline(text: &str) -> String {
    let text = text.trim().replace("**", "").replace('`', "");
    text.replace("](", " (").replace('[', "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_markdown_of_cards_is_understood() {
        let card = "# Name\n\nOne `line`\nand **more**.\n\n- first\n  still first\n- second\n\n\
                    | a | b |\n|---|--:|\n| 1 | 2 |\n\n```sh\nrun it\n  now\n```\n## Data\nSee [here](https://x.org).";
        assert_eq!(
            parse(card),
            [
                Block::Heading(1, "Name".into()),
                Block::Paragraph("One line and more.".into()),
                Block::Item("first still first".into()),
                Block::Item("second".into()),
                Block::Table(vec![vec!["a".into(), "b".into()], vec!["1".into(), "2".into()]]),
                Block::Code("run it\n  now".into()),
                Block::Heading(2, "Data".into()),
                Block::Paragraph("See here (https://x.org).".into()),
            ]
        );
    }
}
