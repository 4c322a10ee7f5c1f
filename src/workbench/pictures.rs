//! Work about one picture: several models look at it, and what guesses rest on.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use image::RgbImage;

use super::{Bencher, Explained, Looked, Maps};
use crate::compare;
use crate::explain::{ExplainError, Grid, Heatmap, Method, attention, occlusion};
use crate::imaging::Picture;
use crate::model::Classifier;

/// How often a map on its way is shown.
const SHOW_EVERY: Duration = Duration::from_millis(250);

impl Bencher {
    pub(super) fn look(&self, models: &[String], name: String, pixels: Arc<RgbImage>) -> Result<(), String> {
        let mut classifiers = self.load(models)?;
        self.begin("looking");
        let picture = Picture::from_rgb(&name, Arc::clone(&pixels));
        let looks = compare::look(&mut classifiers, &picture).map_err(|error| error.to_string())?;
        self.change(|found| found.looked = Some(Arc::new(Looked { name, picture: pixels, looks })));
        Ok(())
    }

    pub(super) fn maps(
        &self,
        models: &[String],
        pixels: Arc<RgbImage>,
        method: Method,
        turn: u64,
    ) -> Result<(), String> {
        let picture = Picture::from_rgb("the picture", Arc::clone(&pixels));
        let mut maps = Maps { picture: pixels, method, models: models.to_vec(), made: Vec::new() };
        self.change(|found| found.maps = Some(Arc::new(maps.clone())));
        for model in models {
            let mut loaded = self.load(std::slice::from_ref(model))?;
            let Some(classifier) = loaded.first_mut() else { continue };
            self.begin(&format!("explaining {model}"));
            match self.map(classifier, &picture, method, turn, &mut |_| ()) {
                Ok(map) => maps.made.push(Ok(Arc::new(map.over(&picture)))),
                Err(ExplainError::Cancelled(_)) => return Ok(()),
                Err(error) => maps.made.push(Err(error.to_string())),
            }
            self.change(|found| found.maps = Some(Arc::new(maps.clone())));
        }
        Ok(())
    }

    pub(super) fn explain(
        &self,
        model: &str,
        look: u64,
        name: &str,
        pixels: &Arc<RgbImage>,
        method: Method,
        turn: u64,
    ) -> Result<(), String> {
        let mut loaded = self.load(&[model.to_owned()])?;
        let Some(classifier) = loaded.first_mut() else { return Ok(()) };
        self.begin("explaining");
        let picture = Picture::from_rgb(name, Arc::clone(pixels));
        let show = |map: &Heatmap, done: bool| {
            let shown = Arc::new(map.over(&picture));
            let map = done.then(|| map.clone());
            let explained = Explained { look, model: model.to_owned(), map, shown };
            self.change(|found| found.explained = Some(Arc::new(explained)));
        };
        let map = self.map(classifier, &picture, method, turn, &mut |partial| show(partial, false));
        show(&map.map_err(|error| error.to_string())?, true);
        Ok(())
    }

    /// The map of one model; `show` is given occlusion's map on its way, now and then.
    fn map(
        &self,
        classifier: &mut Classifier,
        picture: &Picture,
        method: Method,
        turn: u64,
        show: &mut dyn FnMut(&Heatmap),
    ) -> Result<Heatmap, ExplainError> {
        if method == Method::Attention {
            return attention(classifier, picture, None);
        }
        // What is on its way lies where the finished map will.
        let frame = whole(picture, classifier);
        let mut shown = Instant::now();
        occlusion(classifier, picture, None, Grid::default(), &mut |partial| -> ControlFlow<()> {
            // Before the first part of the grid is done there is nothing to show.
            if !partial.values.is_empty() && shown.elapsed() > SHOW_EVERY {
                shown = Instant::now();
                show(&Heatmap { values: partial.values.to_vec(), ..frame.clone() });
            }
            self.step(turn, partial.progress.done, partial.progress.total)
        })
    }
}

/// An empty occlusion map of a picture.
fn whole(picture: &Picture, classifier: &Classifier) -> Heatmap {
    let grid = Grid::default();
    Heatmap {
        model: classifier.manifest().id.clone(),
        method: Method::Occlusion,
        country: String::new(),
        p: 0.0,
        rows: grid.rows,
        columns: grid.columns,
        values: Vec::new(),
        area: crate::explain::area(classifier.manifest(), picture),
    }
}
