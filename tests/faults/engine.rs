//! Faults 1 to 3: CUDA that is not there, and ONNX Runtime libraries that are none.

use std::path::Path;
use std::process::Command;

use crate::common::{golden_logits, model_folder, onnx, plain};

struct Ran {
    out: String,
    err: String,
    ok: bool,
}

/// Runs the built program with its own data folder, which holds the model `tiny`, on one red picture.
fn guess(arguments: &[&str], runtime: Option<&Path>) -> Ran {
    let data = tempfile::tempdir().unwrap();
    model_folder(&data.path().join("models"), "tiny", &onnx("tiny"), &golden_logits("tiny"), |_| ());
    let file = data.path().join("red.png");
    plain([255, 0, 0]).save(&file).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_streetwise"));
    command.env("STREETWISE_DATA", data.path()).env_remove("STREETWISE_RUNTIME");
    if let Some(library) = runtime {
        command.arg("--runtime").arg(library);
    }
    let output =
        command.args(["guess", "--json", "--model", "tiny"]).args(arguments).arg(&file).output().unwrap();
    Ran {
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
        ok: output.status.success(),
    }
}

fn doctor(runtime: &Path) -> Ran {
    let data = tempfile::tempdir().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_streetwise"))
        .env("STREETWISE_DATA", data.path())
        .env_remove("STREETWISE_RUNTIME")
        .arg("--runtime")
        .arg(runtime)
        .arg("doctor")
        .output()
        .unwrap();
    Ran {
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
        ok: output.status.success(),
    }
}

#[test]
fn cuda_demanded_and_absent_is_an_error_that_says_why() {
    let ran = guess(&["--device", "cuda"], Some(Path::new("embedded")));
    assert!(!ran.ok);
    assert!(ran.err.contains("CUDA cannot be used") && ran.err.contains("processor only"), "{}", ran.err);
}

#[test]
fn cuda_wished_and_absent_is_the_processor() {
    let ran = guess(&["--device", "auto"], Some(Path::new("embedded")));
    assert!(ran.ok, "{}", ran.err);
    assert!(ran.out.contains(r#""device":"cpu""#), "{}", ran.out);
}

/// A library without the entry point, compiled by the C compiler that building the program needs anyway.
#[cfg(target_os = "linux")]
fn library(folder: &Path, source: &str) -> std::path::PathBuf {
    let (code, made) = (folder.join("code.c"), folder.join("libonnxruntime.so"));
    std::fs::write(&code, source).unwrap();
    let built = Command::new("cc").args(["-shared", "-fPIC", "-o"]).arg(&made).arg(&code).status().unwrap();
    assert!(built.success());
    made
}

#[cfg(target_os = "linux")]
#[test]
fn a_library_that_is_missing_none_too_old_hanging_or_crashing_gives_the_embedded_engine_and_a_line() {
    let old = r#"
        static const char *version(void) { return "1.16.3"; }
        static const void *api(unsigned wanted) { (void)wanted; return 0; }
        struct base { const void *(*get)(unsigned); const char *(*version)(void); };
        static const struct base table = { api, version };
        const struct base *OrtGetApiBase(void) { return &table; }
    "#;
    let hangs = "#include <unistd.h>\n__attribute__((constructor)) static void wait(void) { sleep(600); }";
    let crashes = "#include <stdlib.h>\n__attribute__((constructor)) static void end(void) { abort(); }";
    for (source, expected) in [
        (None, "no such file"),
        (Some("text"), "could not be loaded as a library"),
        (Some("int nothing;"), "not ONNX Runtime"),
        (Some(old), "1.16.3, too old"),
        (Some(hangs), "did not answer in time"),
        (Some(crashes), "ended the process"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("libonnxruntime.so");
        match source {
            Some("text") => std::fs::write(&path, "not a library").unwrap(),
            Some(code) => assert_eq!(library(folder.path(), code), path),
            None => {}
        }
        let ran = guess(&[], Some(&path));
        assert!(ran.ok && ran.out.contains("embedded (tract"), "{expected}: {} {}", ran.out, ran.err);
        let said = doctor(&path).out;
        assert!(said.contains(expected) && said.contains("libonnxruntime.so"), "{expected}: {said}");
    }
}
