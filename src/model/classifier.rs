//! A model loaded into the engine: tensor in, logits out, picture in, ranking out.

use std::time::{Duration, Instant};

use image::RgbImage;
use ndarray::{Array3, Array4, Axis, Ix4};
use ort::session::Session;
use ort::value::{TensorRef, ValueType};

use super::trial::{self, Again};
use super::{Manifest, Model, ModelError, golden, session};
use crate::base::Device;
use crate::imaging::{Picture, PictureError, preprocess};
use crate::ranking::{Outside, Ranking, RankingError};
use crate::runtime::{self, Engine};

/// Where the time of one guess went.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Timings {
    /// From bytes to pixels.
    pub decode: Duration,
    /// From pixels to the tensor.
    pub preprocess: Duration,
    /// From the tensor to logits.
    pub inference: Duration,
    /// All of it, ranking included.
    pub total: Duration,
}

/// The answer for one picture.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The ranking.
    pub ranking: Ranking,
    /// Exactly what the model saw, before normalisation.
    pub seen: RgbImage,
    /// Where the time went.
    pub timings: Timings,
}

/// What one pass through the graph gave.
struct Pass {
    /// Logits of all pictures, one after the other.
    logits: Vec<f32>,
    /// The first picture's attention `[blocks, tokens, tokens]`, where it was asked for.
    attention: Option<Array3<f32>>,
    /// How unlike the training pictures the first picture is, where the model measures it.
    outside: Option<f32>,
}

/// Why a picture got no answer.
#[derive(Debug, thiserror::Error)]
pub enum AnswerError {
    /// The picture could not be prepared.
    #[error(transparent)]
    Picture(#[from] PictureError),
    /// The engine failed.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// The output is no ranking.
    #[error(transparent)]
    Ranking(#[from] RankingError),
}

/// A model in a session of the engine, golden check passed.
pub struct Classifier {
    manifest: Manifest,
    session: Session,
    engine: String,
    device: &'static str,
    fallback: Option<String>,
    /// Whether the engine was given the graph for one picture at a time.
    one_picture: bool,
}

impl std::fmt::Debug for Classifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Classifier").field("model", &self.manifest.id).field("device", &self.device).finish()
    }
}

impl Classifier {
    /// Checks the files, loads the graph on `device` with `threads` (none: one a core), compares shapes with the
    /// manifest and runs the golden check, which also warms the session up. A model that did not ship has been loaded in
    /// a process of its own before, since an engine may end the process over it.
    ///
    /// # Errors
    /// The first thing that does not hold, by the model's name.
    pub fn load(
        engine: &Engine,
        model: &Model,
        device: Device,
        threads: Option<usize>,
    ) -> Result<Self, ModelError> {
        Self::load_after(engine, model, device, threads, Again::IfUnknown)
    }

    /// As [`Classifier::load`], without regard to what became of an earlier try.
    ///
    /// # Errors
    /// The first thing that does not hold, by the model's name.
    pub fn load_anew(
        engine: &Engine,
        model: &Model,
        device: Device,
        threads: Option<usize>,
    ) -> Result<Self, ModelError> {
        Self::load_after(engine, model, device, threads, Again::Always)
    }

    /// Loads a model that did not ship in a process of its own, as [`Classifier::load`] does the first time; for callers
    /// that time the load.
    ///
    /// # Errors
    /// [`ModelError::Fatal`] where that ended the process or took too long.
    pub fn try_first(engine: &Engine, model: &Model, device: Device) -> Result<(), ModelError> {
        trial::stand(engine, model, device, Again::IfUnknown)
    }

    fn load_after(
        engine: &Engine,
        model: &Model,
        device: Device,
        threads: Option<usize>,
        again: Again,
    ) -> Result<Self, ModelError> {
        let onnx = model.checked_onnx()?;
        trial::stand(engine, model, device, again)?;
        let (session, fallback) = session::open(engine, &model.manifest, &onnx, device, threads)?;
        let ran_on_cuda = !engine.is_embedded() && session::on_cuda(&session);
        if device == Device::Cuda && !ran_on_cuda {
            let why = fallback.unwrap_or_else(|| "the model's graph was not placed on the GPU".into());
            return Err(ModelError::NoCuda { why });
        }
        let mut loaded = Self {
            manifest: model.manifest.clone(),
            session,
            engine: engine.name.clone(),
            device: if ran_on_cuda { "cuda" } else { "cpu" },
            fallback,
            one_picture: engine.is_embedded(),
        };
        loaded.check_shapes()?;
        loaded.check_golden()?;
        runtime::give_back_memory();
        Ok(loaded)
    }

    /// The manifest.
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The engine's name.
    #[must_use]
    pub fn engine(&self) -> &str {
        &self.engine
    }

    /// The device that runs the graph, read back from the session: `cpu` or `cuda`.
    #[must_use]
    pub fn device(&self) -> &'static str {
        self.device
    }

    /// Why CUDA is not used although it was tried.
    #[must_use]
    pub fn fallback(&self) -> Option<&str> {
        self.fallback.as_deref()
    }

    /// Raw logits for one normalised tensor `[1, 3, size, size]`, in the order of the manifest's countries.
    ///
    /// # Errors
    /// [`ModelError::Engine`] when the engine fails, [`ModelError::Shape`] when the width is another.
    pub fn logits(&mut self, tensor: &Array4<f32>) -> Result<Vec<f32>, ModelError> {
        Ok(self.run(tensor, false)?.logits)
    }

    /// Raw logits of a batch `[n, 3, size, size]`, a row a picture. `n` must not be above [`Classifier::max_batch`].
    ///
    /// # Errors
    /// As [`Classifier::logits`].
    pub fn logits_of_batch(&mut self, tensor: &Array4<f32>) -> Result<Vec<Vec<f32>>, ModelError> {
        let flat = self.run(tensor, false)?.logits;
        Ok(flat.chunks(self.manifest.countries.len()).map(<[f32]>::to_vec).collect())
    }

    /// Raw logits of one picture `[1, 3, size, size]`, and its attention `[blocks, tokens, tokens]`, heads averaged.
    ///
    /// # Errors
    /// [`ModelError::Shape`] when the graph has no such output; else as [`Classifier::logits`].
    pub fn attention(&mut self, tensor: &Array4<f32>) -> Result<(Vec<f32>, Array3<f32>), ModelError> {
        let pass = self.run(tensor, true)?;
        let what = "it was exported without the attention of every block".to_owned();
        Ok((pass.logits, pass.attention.ok_or(ModelError::Shape { model: self.manifest.id.clone(), what })?))
    }

    /// Most pictures that go through the graph at once: one on the embedded engine, whose graphs are fixed to it, the
    /// graph's own number where it is fixed, else none.
    #[must_use]
    pub fn max_batch(&self) -> Option<usize> {
        if self.one_picture {
            return Some(1);
        }
        let input = self.session.inputs().iter().find(|outlet| outlet.name() == self.manifest.input.name)?;
        let ValueType::Tensor { shape, .. } = input.dtype() else { return None };
        shape.first().and_then(|batch| usize::try_from(*batch).ok()).filter(|batch| *batch > 0)
    }

    /// Runs the graph; `attention` asks for that output too.
    fn run(&mut self, tensor: &Array4<f32>, attention: bool) -> Result<Pass, ModelError> {
        let (model, engine) = (self.manifest.id.clone(), self.engine.clone());
        let failed = |error: ort::Error| ModelError::Engine {
            model: model.clone(),
            engine: engine.clone(),
            why: error.to_string(),
        };
        let input = TensorRef::from_array_view(tensor.view()).map_err(failed)?;
        let outputs =
            self.session.run(ort::inputs![self.manifest.input.name.as_str() => input]).map_err(failed)?;
        let output = outputs.get(self.manifest.output.name.as_str()).ok_or_else(|| ModelError::Shape {
            model: model.clone(),
            what: format!("there is no output named {}", self.manifest.output.name),
        })?;
        let (_, values) = output.try_extract_tensor::<f32>().map_err(failed)?;
        let (countries, pictures) = (self.manifest.countries.len(), tensor.dim().0);
        if values.len() != countries * pictures {
            let what = format!(
                "the graph gives {} values for {countries} countries",
                values.len() / pictures.max(1)
            );
            return Err(ModelError::Shape { model, what });
        }
        let named = self.manifest.output.attention.as_ref().filter(|_| attention);
        let seen = match named.and_then(|named| outputs.get(named.name.as_str())) {
            Some(output) => {
                let array = output.try_extract_array::<f32>().map_err(failed)?;
                let blocks = array.into_dimensionality::<Ix4>().map_err(|error| ModelError::Shape {
                    model: model.clone(),
                    what: format!(
                        "its attention has another shape than [batch, blocks, tokens, tokens] ({error})"
                    ),
                })?;
                Some(blocks.index_axis(Axis(0), 0).to_owned())
            }
            None => None,
        };
        let named = self.manifest.output.outside.as_ref();
        let outside = match named.and_then(|named| outputs.get(named.name.as_str())) {
            Some(output) => output.try_extract_tensor::<f32>().map_err(failed)?.1.first().copied(),
            None => None,
        };
        Ok(Pass { logits: values.to_vec(), attention: seen, outside })
    }

    /// Prepares a picture as the model wants it, runs the model, and ranks the countries.
    ///
    /// # Errors
    /// When the picture cannot be prepared, the engine fails, or the output is not finite.
    pub fn look(&mut self, picture: &Picture) -> Result<Answer, AnswerError> {
        let started = Instant::now();
        let prepared = preprocess(&picture.pixels, &self.manifest.preprocess, self.manifest.input.size)?;
        let ready = Instant::now();
        let pass = self.run(&prepared.tensor, false)?;
        let inference = ready.elapsed();
        let m = &self.manifest;
        let bound = m.output.outside.as_ref().map(|output| output.bound);
        let outside = pass.outside.zip(bound).map(|(score, bound)| Outside { score, bound });
        let ranking = Ranking::from_logits(&pass.logits, m.output.temperature, &m.countries, m.unsure)?;
        let ranking = ranking.measured(outside);
        let timings = Timings {
            decode: picture.decode,
            preprocess: ready - started,
            inference,
            total: picture.decode + started.elapsed(),
        };
        Ok(Answer { ranking, seen: prepared.seen, timings })
    }

    fn check_shapes(&self) -> Result<(), ModelError> {
        let m = &self.manifest;
        let wrong = |what: String| ModelError::Shape { model: m.id.clone(), what };
        let find = |outlets: &[ort::value::Outlet], name: &str| {
            outlets.iter().find(|outlet| outlet.name() == name).and_then(|outlet| match outlet.dtype() {
                ValueType::Tensor { shape, .. } => Some(shape.to_vec()),
                _ => None,
            })
        };
        let input = find(self.session.inputs(), &m.input.name)
            .ok_or_else(|| wrong(format!("the graph has no input named {}", m.input.name)))?;
        let names: Vec<&str> = self.session.inputs().iter().map(ort::value::Outlet::name).collect();
        if names.len() > 1 {
            return Err(wrong(format!("the graph wants {} inputs ({})", names.len(), names.join(", "))));
        }
        let size = i64::from(m.input.size);
        let fits = input.len() == 4
            && input.iter().zip([1, 3, size, size]).all(|(have, want)| *have < 0 || *have == want);
        if !fits {
            return Err(wrong(format!(
                "the graph's input is {input:?}, the manifest says [1, 3, {size}, {size}]"
            )));
        }
        let output = find(self.session.outputs(), &m.output.name)
            .ok_or_else(|| wrong(format!("the graph has no output named {}", m.output.name)))?;
        // Networks of old give [batch, countries, 1, 1]. An open extent is known only when the graph has run.
        let extents = output.iter().skip(usize::from(output.len() > 1));
        let width = extents.map(|extent| usize::try_from(*extent).ok()).product::<Option<usize>>();
        let countries = m.countries.len();
        if let Some(width) = width.filter(|width| *width != countries) {
            return Err(wrong(format!("the graph gives {width} values for {countries} countries")));
        }
        match &m.output.outside {
            Some(outside) if find(self.session.outputs(), &outside.name).is_none() => {
                Err(wrong(format!("the graph has no output named {}", outside.name)))
            }
            _ => Ok(()),
        }
    }

    /// Compares with the golden answer: every logit, and the score of `outside` relative to its own size, since noise
    /// lies many times farther from the training pictures than any picture.
    fn check_golden(&mut self) -> Result<(), ModelError> {
        let expected = self.manifest.golden.clone();
        let pass = self.run(&golden::input(expected.seed, self.manifest.input.size as usize), false)?;
        let logits = pass.logits.iter().zip(&expected.logits).map(|(a, b)| (a - b).abs());
        let outside =
            expected.outside.map(|b| pass.outside.map_or(f32::NAN, |a| (a - b).abs() / b.abs().max(1.0)));
        let difference = logits.chain(outside).fold(0.0, nan_max);
        // Written so that a NaN fails too.
        if difference <= expected.tolerance {
            return Ok(());
        }
        Err(ModelError::Golden {
            model: self.manifest.id.clone(),
            engine: self.engine.clone(),
            device: self.device.to_owned(),
            difference,
            tolerance: expected.tolerance,
        })
    }
}

/// The larger of two values; NaN wins, so that it cannot hide.
fn nan_max(a: f32, b: f32) -> f32 {
    if a.is_nan() || b.is_nan() { f32::NAN } else { a.max(b) }
}
