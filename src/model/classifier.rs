//! A model loaded into the engine: tensor in, logits out, picture in, ranking out.

use std::time::{Duration, Instant};

use image::RgbImage;
use ndarray::{Array3, Array4, Axis, Ix4};
use ort::ep::{CUDA, ExecutionProvider as _};
use ort::session::Session;
use ort::session::builder::{GraphOptimizationLevel, SessionBuilder};
use ort::value::{TensorRef, ValueType};

use super::{Manifest, Model, ModelError, cuda, first_line, golden, graph};
use crate::imaging::{Picture, PictureError, preprocess};
use crate::ranking::{Outside, Ranking, RankingError};
use crate::runtime::{self, Device, Engine};

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
    /// manifest and runs the golden check, which also warms the session up.
    ///
    /// # Errors
    /// The first thing that does not hold, by the model's name.
    pub fn load(
        engine: &Engine,
        model: &Model,
        device: Device,
        threads: Option<usize>,
    ) -> Result<Self, ModelError> {
        let onnx = model.checked_onnx()?;
        let (session, fallback) = open(engine, &model.manifest, &onnx, device, threads)?;
        let ran_on_cuda = !engine.is_embedded() && on_cuda(&session);
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
        let width = output.last().copied().unwrap_or(-1);
        let countries = m.countries.len();
        if width >= 0 && usize::try_from(width) != Ok(countries) {
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

/// Opens a session, with CUDA first where it is wanted; the second value says why CUDA is not used.
fn open(
    engine: &Engine,
    manifest: &Manifest,
    onnx: &[u8],
    device: Device,
    threads: Option<usize>,
) -> Result<(Session, Option<String>), ModelError> {
    let fallback = match (device, engine.is_embedded()) {
        (Device::Cpu, _) => None,
        (Device::Auto, true) => None,
        (Device::Cuda, true) => Some("the embedded engine runs on the processor only".to_owned()),
        // A build without CUDA is no failure of CUDA: there is nothing to tell.
        (Device::Auto, false) if !CUDA::is_available().unwrap_or(false) => None,
        (Device::Auto | Device::Cuda, false) => match commit(engine, onnx, threads, true) {
            Ok(session) => return Ok((session, None)),
            Err(error) => Some(cuda::why_not(&error.to_string())),
        },
    };
    if let (Device::Cuda, Some(why)) = (device, &fallback) {
        return Err(ModelError::NoCuda { why: why.clone() });
    }
    let session = if engine.is_embedded() {
        commit_embedded(engine, onnx)
    } else {
        commit(engine, onnx, threads, false)
    };
    let session = session.map_err(|error| ModelError::Engine {
        model: manifest.id.clone(),
        engine: engine.name.clone(),
        why: first_line(&error.to_string()),
    })?;
    Ok((session, fallback))
}

fn commit(engine: &Engine, onnx: &[u8], threads: Option<usize>, cuda: bool) -> ort::Result<Session> {
    let threads = threads.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from));
    let mut builder: SessionBuilder = Session::builder(engine.environment())?;
    builder = builder
        .with_intra_threads(threads)?
        // Threads spin while a run lasts, which is faster, and stop with it: an idle window uses no processor.
        .with_config_entry("session.force_spinning_stop", "1")?
        // Weights kept as int8 are expanded once, at load, instead of at every run.
        .with_quant_qdq(false)?
        .with_config_entry("session.record_ep_graph_assignment_info", "1")?;
    if cuda {
        builder = builder.with_execution_providers([CUDA::default().build().error_on_failure()])?;
    }
    builder.commit_from_memory(onnx)
}

/// The embedded engine optimises a graph only when it is asked to, and only where every shape is a number: with the
/// batch fixed at one picture EfficientNet-Lite0 takes 29 ms instead of 200, ViT-S 160 instead of 370. A graph that
/// cannot be optimised so is run as it is.
fn commit_embedded(engine: &Engine, onnx: &[u8]) -> ort::Result<Session> {
    let builder = || Session::builder(engine.environment());
    let optimised = graph::for_one_picture(onnx).and_then(|fixed| {
        let mut builder = builder().ok()?.with_optimization_level(GraphOptimizationLevel::All).ok()?;
        builder.commit_from_memory(&fixed).ok()
    });
    match optimised {
        Some(session) => Ok(session),
        None => builder()?.commit_from_memory(onnx),
    }
}

/// Whether any part of the session's graph was placed on CUDA, asked of the session itself.
fn on_cuda(session: &Session) -> bool {
    use ort::AsPointer as _;
    let api = ort::api();
    let (mut parts, mut count) = (std::ptr::null(), 0_usize);
    // SAFETY: the session pointer is valid while `session` is borrowed; both out-pointers are locals. The call
    // returns null on success, else a status that is released below.
    let status =
        unsafe { (api.Session_GetEpGraphAssignmentInfo)(session.ptr(), &raw mut parts, &raw mut count) };
    if !status.0.is_null() {
        // SAFETY: a non-null status is owned by the caller and released once.
        unsafe { (api.ReleaseStatus)(status.0) };
        return false;
    }
    if parts.is_null() {
        return false;
    }
    // SAFETY: on success `parts` points to `count` valid pointers that live as long as the session.
    let parts = unsafe { std::slice::from_raw_parts(parts, count) };
    parts.iter().any(|part| {
        let mut name = std::ptr::null();
        // SAFETY: `part` is one of the session's own subgraphs; the name is a static C string.
        let status = unsafe { (api.EpAssignedSubgraph_GetEpName)(*part, &raw mut name) };
        // SAFETY: the name is only read after success, and it ends with a zero.
        status.0.is_null()
            && !name.is_null()
            && unsafe { std::ffi::CStr::from_ptr(name) }.to_bytes().starts_with(b"CUDA")
    })
}
