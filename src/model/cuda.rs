//! What ONNX Runtime says where CUDA does not start, in the user's words.

use super::first_line;

/// Parts of errors, of which one is enough, and what they mean. The numbers are those of `cudaError_t`, in the words of
/// ONNX Runtime's CUDA provider.
const KNOWN: [([&str; 2], &str); 4] = [
    (["libcuda.so", "nvcuda.dll"], "NVIDIA's driver is not installed"),
    (
        ["driver version is insufficient", "CUDA failure 35:"],
        "NVIDIA's driver is too old for this ONNX Runtime",
    ),
    (["no CUDA-capable device", "CUDA failure 100:"], "there is no NVIDIA GPU that CUDA can use"),
    (["out of memory", "CUDA failure 2:"], "the GPU's memory is full"),
];

/// Why CUDA is not used, from the error of a session that asked for it. An error not known here is given
/// as it is, its first line only.
pub(super) fn why_not(error: &str) -> String {
    let told = |(parts, _): &&([&str; 2], &str)| parts.iter().any(|part| error.contains(part));
    match (KNOWN.iter().find(told), missing_library(error)) {
        (Some((_, why)), _) => (*why).to_owned(),
        (None, Some(name)) => format!("CUDA's {name} is missing"),
        (None, None) => first_line(error),
    }
}

/// The library that the system's loader did not find (glibc's words).
fn missing_library(error: &str) -> Option<&str> {
    let before = error.split_once(": cannot open shared object file")?.0;
    before.rsplit([' ', ':']).next().filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::why_not;

    #[test]
    fn what_the_engine_says_is_told_in_few_words() {
        // The frame of the message is ONNX Runtime 1.31's.
        let loading = |why: &str| {
            format!(
                "/onnxruntime_src/onnxruntime/core/session/provider_bridge_ort.cc:2043 onnxruntime::Provider& \
                 onnxruntime::ProviderLibrary::Get() [ONNXRuntimeError] : 1 : FAIL : Failed to load library \
                 /data/runtimes/cuda/libonnxruntime_providers_cuda.so with error: {why}"
            )
        };
        let check =
            |error: &str, expected: &str| assert!(why_not(error).starts_with(expected), "{}", why_not(error));
        let absent = "cannot open shared object file: No such file or directory";
        check(&loading(&format!("libcuda.so.1: {absent}")), "NVIDIA's driver is not installed");
        check(&loading(&format!("libcudnn.so.9: {absent}")), "CUDA's libcudnn.so.9 is missing");
        let failed =
            |number: u32, why: &str| format!("CUDA failure {number}: {why} ; GPU=0 ; expr=cudaSetDevice(0);");
        let old = "CUDA driver version is insufficient for CUDA runtime version";
        check(&failed(35, old), "NVIDIA's driver is too old");
        check(&failed(100, "no CUDA-capable device is detected"), "there is no NVIDIA GPU");
        check(&failed(2, "out of memory"), "the GPU's memory is full");
        check("something new\nand more", "something new");
    }
}
