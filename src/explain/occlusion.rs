//! Occlusion (Zeiler and Fergus 2014): a window is hidden, the country's probability drops or not.
//!
//! The input is cut into a grid of cells. A window of twice the cell's width, so that neighbours overlap by half, is
//! centred on a cell and filled with the picture's mean colour; the cell's value is the drop of the logarithm of the
//! country's calibrated probability. Cells are done coarse to fine: one of nine first, then a chessboard, then the rest;
//! until a cell's turn comes, it has the value of the nearest one that is done.

use ndarray::{Array4, s};

use super::ExplainError;
use super::heatmap::{Heatmap, Method, area};
use super::scorer::{self, Scorer, score_of};
use crate::base::progress::{Cancelled, Progress};
use crate::imaging::{Picture, preprocess};
use crate::model::Classifier;

/// Rows and columns of a heatmap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grid {
    /// Rows.
    pub rows: usize,
    /// Columns.
    pub columns: usize,
}

impl Default for Grid {
    /// 14 × 14: cells of 16 pixels and windows of 32 on an input of 224.
    fn default() -> Self {
        Self { rows: 14, columns: 14 }
    }
}

impl Grid {
    /// Number of cells.
    #[must_use]
    pub fn cells(self) -> usize {
        self.rows * self.columns
    }

    /// Refuses grids that a picture of `size` pixels cannot have.
    pub(super) fn check(self, size: usize) -> Result<(), ExplainError> {
        let fits = |side: usize| (2..=size).contains(&side);
        if fits(self.rows) && fits(self.columns) {
            return Ok(());
        }
        Err(ExplainError::Grid { rows: self.rows, columns: self.columns, size })
    }

    /// Pixels of a cell: rows from and to, columns from and to.
    pub(super) fn cell(self, cell: usize, size: usize) -> [usize; 4] {
        let (row, column) = (cell / self.columns, cell % self.columns);
        let from = |i: usize, of: usize| i * size / of;
        [
            from(row, self.rows),
            from(row + 1, self.rows),
            from(column, self.columns),
            from(column + 1, self.columns),
        ]
    }

    /// The cell with half a cell more on each side, within the picture.
    fn window(self, cell: usize, size: usize) -> [usize; 4] {
        let [top, bottom, left, right] = self.cell(cell, size);
        let (down, across) = ((bottom - top) / 2, (right - left) / 2);
        [
            top.saturating_sub(down),
            (bottom + down).min(size),
            left.saturating_sub(across),
            (right + across).min(size),
        ]
    }

    /// All cells, coarse to fine.
    fn order(self) -> Vec<usize> {
        let level = |cell: &usize| {
            let (row, column) = (cell / self.columns, cell % self.columns);
            match (row % 3 == 1 && column % 3 == 1, (row + column) % 2 == 0) {
                (true, _) => 0,
                (false, true) => 1,
                (false, false) => 2,
            }
        };
        let mut cells: Vec<usize> = (0..self.cells()).collect();
        cells.sort_by_key(level);
        cells
    }
}

/// A map on its way: the values so far, and how many cells are done.
#[derive(Debug, Clone, Copy)]
pub struct Partial<'a> {
    /// Row by row; a cell that is not done has the value of the nearest that is. Empty until one in nine is done.
    pub values: &'a [f32],
    /// How far it is, in cells.
    pub progress: Progress<'a>,
}

/// A heatmap of `picture` for `country` (none: the first guess). `each` gets the map so far after every batch, the first
/// time when about one in nine cells is done, and stops the work with `Break`.
///
/// # Errors
/// When the picture cannot be prepared, the model does not know the country or fails, or `each` stops.
pub fn occlusion(
    classifier: &mut Classifier,
    picture: &Picture,
    country: Option<&str>,
    grid: Grid,
    each: &mut dyn FnMut(Partial<'_>) -> std::ops::ControlFlow<()>,
) -> Result<Heatmap, ExplainError> {
    let m = classifier.manifest().clone();
    let tensor = preprocess(&picture.pixels, &m.preprocess, m.input.size)?.tensor;
    let (country, p) = explained(classifier, &tensor, country)?;
    let values = drops(classifier, &tensor, country, grid, each)?;
    Ok(Heatmap {
        area: area(&m, picture),
        model: m.id,
        method: Method::Occlusion,
        country: m.countries[country].clone(),
        p,
        rows: grid.rows,
        columns: grid.columns,
        values,
    })
}

/// The number of the country to explain, and its probability.
pub(super) fn explained(
    classifier: &mut Classifier,
    tensor: &Array4<f32>,
    country: Option<&str>,
) -> Result<(usize, f32), ExplainError> {
    let probabilities = classifier.score(tensor)?.remove(0);
    let m = classifier.manifest();
    let first = scorer::first(&probabilities);
    let country = match country {
        None => first,
        Some(code) => {
            m.countries.iter().position(|known| known == code).ok_or_else(|| ExplainError::Country {
                model: m.id.clone(),
                country: code.to_owned(),
                known: m.countries.join(" "),
            })?
        }
    };
    Ok((country, probabilities[country]))
}

/// The drop of the logarithm of a country's probability for every cell of `grid`, on a prepared picture
/// `[1, 3, size, size]`.
pub(super) fn drops(
    scorer: &mut dyn Scorer,
    tensor: &Array4<f32>,
    country: usize,
    grid: Grid,
    each: &mut dyn FnMut(Partial<'_>) -> std::ops::ControlFlow<()>,
) -> Result<Vec<f32>, ExplainError> {
    let size = tensor.dim().2;
    grid.check(size)?;
    let whole = logarithm(score_of(scorer, std::slice::from_ref(tensor), country)?[0]);
    let (mean, order) = (mean_colour(tensor), grid.order());
    let coarse = order.len().div_ceil(9).min(order.len());
    let mut found: Vec<Option<f32>> = vec![None; order.len()];
    let mut done = 0;
    for cells in order.chunks(scorer.max_batch()) {
        let hidden = |cell: &usize| {
            let mut picture = tensor.clone();
            hide(&mut picture, grid.window(*cell, size), mean);
            picture
        };
        let pictures: Vec<Array4<f32>> = cells.iter().map(hidden).collect();
        for (cell, p) in cells.iter().zip(score_of(scorer, &pictures, country)?) {
            found[*cell] = Some(whole - logarithm(p));
        }
        done += cells.len();
        let values = if done >= coarse { filled(&found, grid) } else { Vec::new() };
        let progress = Progress { what: "occlusion", done, total: order.len() };
        if each(Partial { values: &values, progress }).is_break() {
            return Err(Cancelled.into());
        }
    }
    Ok(filled(&found, grid))
}

/// Natural logarithm, of at least the smallest positive number.
fn logarithm(p: f32) -> f32 {
    p.max(f32::MIN_POSITIVE).ln()
}

/// Mean of each channel.
pub(super) fn mean_colour(tensor: &Array4<f32>) -> [f32; 3] {
    std::array::from_fn(|channel| tensor.slice(s![0, channel, .., ..]).mean().unwrap_or_default())
}

/// Fills rows from and to, columns from and to with a colour.
pub(super) fn hide(picture: &mut Array4<f32>, [top, bottom, left, right]: [usize; 4], colour: [f32; 3]) {
    for (channel, level) in colour.into_iter().enumerate() {
        picture.slice_mut(s![0, channel, top..bottom, left..right]).fill(level);
    }
}

/// Every cell's value, or that of the nearest cell that has one; zeros where none has.
fn filled(found: &[Option<f32>], grid: Grid) -> Vec<f32> {
    let at = |cell: usize| (cell / grid.columns, cell % grid.columns);
    let known: Vec<(usize, f32)> =
        found.iter().enumerate().filter_map(|(cell, value)| value.map(|value| (cell, value))).collect();
    let nearest = |cell: usize| {
        let (row, column) = at(cell);
        let distance = |(other, _): &&(usize, f32)| {
            let (y, x) = at(*other);
            y.abs_diff(row).pow(2) + x.abs_diff(column).pow(2)
        };
        known.iter().min_by_key(distance).map_or(0.0, |(_, value)| *value)
    };
    (0..found.len()).map(|cell| found[cell].unwrap_or_else(|| nearest(cell))).collect()
}

#[cfg(test)]
mod tests {
    use std::ops::ControlFlow;

    use super::super::scorer::tests::{Corner, bright};
    use super::*;

    const PART: [usize; 4] = [0, 14, 42, 56];

    fn corner(batch: usize) -> Corner {
        Corner { part: PART, asked: 0, batch }
    }

    #[test]
    fn a_model_that_looks_at_one_corner_is_marked_there_and_nowhere_else() {
        let grid = Grid { rows: 8, columns: 8 };
        for batch in [1, 5, 64] {
            let mut scorer = corner(batch);
            let map =
                drops(&mut scorer, &bright(56, PART), 0, grid, &mut |_| ControlFlow::Continue(())).unwrap();
            assert_eq!(scorer.asked, 65);
            let highest = scorer::first(&map);
            assert!([6, 7, 14, 15].contains(&highest), "cell {highest}");
            for (cell, value) in map.iter().enumerate() {
                let (row, column) = (cell / 8, cell % 8);
                if row > 2 || column < 5 {
                    assert!(value.abs() < 1e-5, "cell {cell}: {value}");
                }
            }
            assert!(map[7] > 0.1, "{}", map[7]);
        }
    }

    #[test]
    fn a_first_map_is_there_after_an_eighth_of_the_work_and_the_last_one_is_the_answer() {
        let grid = Grid::default();
        let mut first = None;
        let mut last = Vec::new();
        let map = drops(&mut corner(4), &bright(56, PART), 0, grid, &mut |partial| {
            if !partial.values.is_empty() {
                first.get_or_insert((partial.progress.done, partial.values.to_vec()));
                last = partial.values.to_vec();
            }
            ControlFlow::Continue(())
        })
        .unwrap();
        let (done, early) = first.unwrap();
        assert!(done * 8 <= grid.cells() + 8 * 4, "{done}");
        let (row, column) = (scorer::first(&early) / 14, scorer::first(&early) % 14);
        assert!(row < 5 && column > 8, "the first map points at the corner: {row} {column}");
        assert_eq!(last, map);
    }

    #[test]
    fn a_stop_ends_the_work_at_the_next_batch() {
        let mut scorer = corner(4);
        let stopped = drops(&mut scorer, &bright(56, PART), 0, Grid::default(), &mut |partial| {
            if partial.progress.done >= 8 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        assert!(matches!(stopped, Err(ExplainError::Cancelled(_))));
        assert_eq!(scorer.asked, 9);
        let none = drops(&mut scorer, &bright(8, [0, 1, 0, 1]), 0, Grid::default(), &mut |_| {
            ControlFlow::Continue(())
        });
        assert!(matches!(none, Err(ExplainError::Grid { .. })));
    }
}
