//! Sessions of the engine: a graph on a device, and which device that is.

use ort::ep::{CUDA, ExecutionProvider as _};
use ort::session::Session;
use ort::session::builder::{GraphOptimizationLevel, SessionBuilder};

use super::widen::widened;
use super::{Input, Manifest, ModelError, cuda, first_line, graph};
use crate::base::Device;
use crate::runtime::Engine;

/// Opens a session, with CUDA first where it is wanted; the second value says why CUDA is not used.
pub(super) fn open(
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
        (Device::Auto | Device::Cuda, false) => match commit_cuda(engine, onnx, threads) {
            Ok(session) => return Ok((session, None)),
            Err(why) => Some(why),
        },
    };
    if let (Device::Cuda, Some(why)) = (device, &fallback) {
        return Err(ModelError::NoCuda { why: why.clone() });
    }
    let session = if engine.is_embedded() {
        commit_embedded(engine, &manifest.input, onnx)
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

/// A session on CUDA, whose provider is loaded only if it is the one that was installed; else why not.
fn commit_cuda(engine: &Engine, onnx: &[u8], threads: Option<usize>) -> Result<Session, String> {
    engine.providers_as_installed()?;
    commit(engine, onnx, threads, true).map_err(|error| cuda::why_not(&error.to_string()))
}

/// The embedded engine optimises a graph only when it is asked to, and only where every shape is a number: with the
/// batch fixed at one picture EfficientNet-Lite0 takes 29 ms instead of 200, ViT-S 160 instead of 370. A graph that
/// cannot be optimised so is run as it is, and one that neither helps with float32 in place of float16.
fn commit_embedded(engine: &Engine, input: &Input, onnx: &[u8]) -> ort::Result<Session> {
    let commit = |graph: &[u8], level: GraphOptimizationLevel| {
        Session::builder(engine.environment())?.with_optimization_level(level)?.commit_from_memory(graph)
    };
    let fixed = graph::for_one_picture(onnx, input).unwrap_or_else(|| onnx.to_owned());
    let first = commit(&fixed, GraphOptimizationLevel::All);
    let as_it_is = first.or_else(|_| commit(&fixed, GraphOptimizationLevel::Disable));
    as_it_is.or_else(|why| match widened(&fixed) {
        Some(wide) if wide != fixed => commit(&wide, GraphOptimizationLevel::All),
        _ => Err(why),
    })
}

/// Whether any part of the session's graph was placed on CUDA, asked of the session itself.
pub(super) fn on_cuda(session: &Session) -> bool {
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
