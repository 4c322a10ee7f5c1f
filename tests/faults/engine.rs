//! Faults 1 to 3: CUDA that is not there, and ONNX Runtime libraries that are none, are damaged, or load only once.

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
        // Also where a ranking is all that was asked for.
        let told = ran.err.contains(expected) && ran.err.contains("The library you chose is not used");
        assert!(told && ran.err.lines().count() == 1, "{expected}: {}", ran.err);
        let said = doctor(&path).out;
        assert!(said.contains(expected) && said.contains("libonnxruntime.so"), "{expected}: {said}");
    }
}

/// A library that has ONNX Runtime's interface, and makes an environment where `condition` holds.
#[cfg(target_os = "linux")]
fn interface(condition: &str) -> String {
    // CreateEnv is the fourth function of the table.
    format!(
        r#"
        #include <stdio.h>
        #include <string.h>
        static int asked(void) {{
            char line[4096];
            FILE *file = fopen("/proc/self/cmdline", "r");
            size_t n = fread(line, 1, sizeof line - 1, file), i;
            fclose(file);
            for (i = 0; i + 1 < n; i++) if (line[i] == 0) line[i] = ' ';
            line[n] = 0;
            return strstr(line, "probe-runtime") != 0;
        }}
        static int environment;
        static void *none(void) {{ return 0; }}
        static void *create(int level, const char *name, void **out) {{
            (void)level; (void)name; (void)asked;
            *out = ({condition}) ? &environment : 0;
            return 0;
        }}
        static void *const functions[600] = {{ [0 ... 2] = none, [3] = create, [4 ... 599] = none }};
        static const void *api(unsigned wanted) {{ (void)wanted; return functions; }}
        static const char *version(void) {{ return "1.99.0"; }}
        static const struct {{ const void *(*get)(unsigned); const char *(*version)(void); }} base = {{ api, version }};
        const void *OrtGetApiBase(void) {{ return &base; }}
    "#
    )
}

#[cfg(target_os = "linux")]
#[test]
fn a_library_that_passes_its_probe_and_does_not_start_in_the_app_gives_the_embedded_engine_and_a_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = library(folder.path(), &interface("asked()"));
    let ran = guess(&[], Some(&path));
    assert!(ran.ok && ran.out.contains("embedded (tract"), "{} {}", ran.out, ran.err);
    assert!(ran.err.contains("1.99.0") && ran.err.contains("does not start"), "{}", ran.err);
    let said = doctor(&path).out;
    assert!(said.contains("does not start here"), "{said}");
}

/// A machine whose `uv` hands out a library out of its cache, as a hard link, or anew.
#[cfg(target_os = "linux")]
struct Installing {
    root: tempfile::TempDir,
}

#[cfg(target_os = "linux")]
impl Installing {
    fn new() -> Self {
        use std::os::unix::fs::PermissionsExt as _;
        let root = tempfile::tempdir().unwrap();
        let at = |name: &str| root.path().join(name);
        for folder in ["cache", "index", "tools", "data"] {
            std::fs::create_dir(at(folder)).unwrap();
        }
        library(&at("index"), &interface("1"));
        std::fs::copy(at("index/libonnxruntime.so"), at("cache/libonnxruntime.so")).unwrap();
        let script = format!(
            r#"#!/bin/sh
root={}
echo "$*" >> $root/asked
take="ln $root/cache"
while [ $# -gt 0 ]; do
  case "$1" in --target) target=$2 ;; --no-cache) take="cp $root/index" ;; esac
  shift
done
mkdir -p $target/onnxruntime/capi
$take/libonnxruntime.so $target/onnxruntime/capi/
"#,
            root.path().display()
        );
        std::fs::write(at("tools/uv"), script).unwrap();
        std::fs::set_permissions(at("tools/uv"), std::fs::Permissions::from_mode(0o755)).unwrap();
        Self { root }
    }

    fn file(&self, name: &str) -> std::path::PathBuf {
        self.root.path().join(name)
    }

    /// Installs; what the tool was asked for by then.
    #[track_caller]
    fn install(&self) -> Vec<String> {
        let path = format!("{}:/usr/bin:/bin", self.file("tools").display());
        let output = Command::new(env!("CARGO_BIN_EXE_streetwise"))
            .env("STREETWISE_DATA", self.file("data"))
            .env("PATH", path)
            .args(["runtime", "install", "cpu"])
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let sound = std::fs::read(self.file("index/libonnxruntime.so")).unwrap();
        assert!(
            std::fs::read(self.installed()).unwrap() == sound,
            "the installed library is not the sound one"
        );
        std::fs::read_to_string(self.file("asked")).unwrap().lines().map(str::to_owned).collect()
    }

    fn installed(&self) -> std::path::PathBuf {
        self.file("data/runtimes/cpu/libonnxruntime.so")
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_damaged_library_is_repaired_by_installing_it_again() {
    let machine = Installing::new();
    let asked = machine.install();
    assert!(asked.len() == 1 && !asked[0].contains("--no-cache"), "{asked:?}");
    // Written over in place, as a failing disk or another program would.
    let cut = std::fs::File::options().write(true).open(machine.installed()).unwrap();
    cut.set_len(5000).unwrap();
    let cached = std::fs::metadata(machine.file("cache/libonnxruntime.so")).unwrap().len();
    assert!(cached > 5000, "what is installed is a copy, so that the tool's cache stays whole");
    let asked = machine.install();
    assert!(asked.len() == 2 && asked[1].contains("--no-cache"), "{asked:?}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_library_that_came_damaged_out_of_the_tools_cache_is_fetched_anew() {
    let machine = Installing::new();
    let cut = std::fs::File::options().write(true).open(machine.file("cache/libonnxruntime.so")).unwrap();
    cut.set_len(5000).unwrap();
    let asked = machine.install();
    assert!(asked.len() == 2 && asked[1].contains("--no-cache"), "{asked:?}");
}
