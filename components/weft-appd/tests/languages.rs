//! Components made of Rust, JavaScript, Python and C with each language's own tools, through the real relay and runtime.
//!
//! The pipeline builds them; `cargo weft test` runs these tests. `WEFT_TEST_APPS` is the output of its apps stage, `WEFT_TEST_C` the folder of
//! the component in C, `WEFT_TEST_BIN` that of the runtime that their code was compiled for.

mod harness;

use harness::{Appd, COUNTER, Client, program};
use std::path::{Path, PathBuf};
use weft_ipc::appd::{AppState, Request, Response};
use weft_package::Store;
use weft_package::store::Options;

const CONVERTER: &str = "org.weft.demo.converter";
const CALCULATOR: &str = "org.weft.demo.calculator";
const C: &str = "org.weft.test.c";
const DATA: &str = "capabilities = [\"fs:rw:app-data\"]";

/// An app, and what is said to it and by it.
struct Language {
    app: &'static str,
    /// What changes something that is kept, and the answer.
    keep: (&'static str, &'static str),
    /// What asks for it in a later session, and the answer then.
    kept: (&'static str, &'static str),
    /// What the answer to `keep` has in it without the capability.
    denied: &'static str,
}

const LANGUAGES: [Language; 4] = [
    Language {
        app: COUNTER,
        keep: (r#"{"op":"inc"}"#, r#"{"count":1}"#),
        kept: (r#"{"op":"get"}"#, r#"{"count":1}"#),
        denied: r#"{"count":1}"#,
    },
    Language {
        app: CONVERTER,
        keep: (
            r#"{"op":"keep","kind":"length","from":"mi","to":"km"}"#,
            r#"{"kept":[{"kind":"length","from":"mi","to":"km"}]}"#,
        ),
        kept: (r#"{"op":"start"}"#, r#""kept":[{"kind":"length","from":"mi","to":"km"}]"#),
        denied: "no folder is granted",
    },
    Language {
        app: CALCULATOR,
        keep: (r#"{"op":"calculate","text":"0.1+0.2"}"#, r#""result": "0.3""#),
        kept: (r#"{"op":"history"}"#, r#"[{"text": "0.1+0.2", "result": "0.3"}]"#),
        denied: "The history is not kept",
    },
    Language { app: C, keep: ("keep Grüße", "ok "), kept: ("kept", "ok Grüße"), denied: "error " },
];

fn stage(variable: &str) -> PathBuf {
    std::env::var_os(variable)
        .unwrap_or_else(|| panic!("{variable} is not set: run `cargo weft test`"))
        .into()
}

/// Machine code of all of them in one folder, by the names that the runtime looks for.
fn compiled(world: &Path) -> String {
    let folder = world.join("compiled");
    std::fs::create_dir_all(&folder).unwrap();
    for built in ["WEFT_TEST_APPS", "WEFT_TEST_C"] {
        for file in std::fs::read_dir(stage(built).join("compiled")).unwrap().flatten() {
            std::os::unix::fs::symlink(file.path(), folder.join(file.file_name())).unwrap();
        }
    }
    folder.to_str().unwrap().to_owned()
}

/// appd without any app; the second folder lives as long as its sessions.
fn start() -> (Appd, tempfile::TempDir) {
    let code = tempfile::tempdir().unwrap();
    let runtime = program("weft-runtime").to_str().unwrap().to_owned();
    let compiled = compiled(code.path());
    let appd = Appd::start_empty(&[("WEFT_RUNTIME_BIN", &runtime), ("WEFT_COMPILED_DIR", &compiled)]);
    (appd, code)
}

/// Installs an app with its manifest changed: `(what, instead)`.
fn install(appd: &Appd, app: &str, change: (&str, &str)) {
    harness::install(appd.folder.path(), &package(appd, app, change));
}

/// The package of an app with its manifest changed.
fn package(appd: &Appd, app: &str, change: (&str, &str)) -> PathBuf {
    let package = appd.folder.path().join("packages").join(app);
    std::fs::create_dir_all(package.join("ui")).unwrap();
    std::fs::write(package.join("ui/index.html"), "<!doctype html>").unwrap();
    let (module, manifest) = if app == C {
        let manifest = format!(
            "[package]\nid = \"{C}\"\nname = \"C\"\nversion = \"1.0.0\"\n{DATA}\n[runtime]\nmodule = \"app.wasm\"\n[ui]\nentry = \"ui/index.html\"\n"
        );
        (stage("WEFT_TEST_C").join("app.wasm"), manifest)
    } else {
        let built = stage("WEFT_TEST_APPS").join("apps").join(app);
        (built.join("app.wasm"), std::fs::read_to_string(built.join("wapp.toml")).unwrap())
    };
    assert!(manifest.contains(change.0), "{app}: {} is not in the manifest:\n{manifest}", change.0);
    std::fs::write(package.join("wapp.toml"), manifest.replace(change.0, change.1)).unwrap();
    std::fs::copy(module, package.join("app.wasm")).unwrap();
    package
}

fn end(client: &mut Client, session: u64) {
    client.send(&Request::TerminateApp { session_id: session });
    client.expect("the end of the session", |response| {
        (*response == Response::AppState { session_id: session, state: AppState::Stopped }).then_some(())
    });
}

/// Says something to a new session of an app; its answer, and that of a second session to another thing.
fn two_sessions(appd: &Appd, language: &Language) -> (String, String) {
    let mut client = appd.client();
    let answers = [language.keep.0, language.kept.0].map(|question| {
        let session = client.launch(language.app);
        let answer = appd.page(session).ask(question);
        end(&mut client, session);
        answer
    });
    answers.into()
}

#[test]
#[ignore = "needs apps of the pipeline: run `cargo weft test`"]
fn components_of_every_language_answer_and_keep_what_they_were_told() {
    let (appd, _code) = start();
    for language in &LANGUAGES {
        install(&appd, language.app, (DATA, DATA));
        let (first, second) = two_sessions(&appd, language);
        assert!(first.contains(language.keep.1), "{}: {first}", language.app);
        assert!(second.contains(language.kept.1), "{}: {second}", language.app);
    }
}

#[test]
#[ignore = "needs apps of the pipeline: run `cargo weft test`"]
fn without_the_capability_none_of_them_keeps_anything() {
    let (appd, _code) = start();
    for language in &LANGUAGES {
        install(&appd, language.app, (DATA, "capabilities = []"));
        let (first, second) = two_sessions(&appd, language);
        assert!(first.contains(language.denied), "{}: {first}", language.app);
        assert!(!second.contains(language.kept.1), "{}: {second}", language.app);
        let data = appd.folder.path().join("data/weft/app-data").join(language.app);
        let files = std::fs::read_dir(&data).map_or(0, Iterator::count);
        assert_eq!(files, 0, "{}: something was written to {}", language.app, data.display());
    }
}

#[test]
#[ignore = "needs apps of the pipeline: run `cargo weft test`"]
fn an_app_that_needs_what_its_manifest_denies_is_not_installed_whatever_its_language() {
    let (appd, _code) = start();
    let denied = format!("{DATA}\ndenied = [\"wasi:stdio\"]");
    for language in &LANGUAGES {
        let package = package(&appd, language.app, (DATA, &denied));
        let places = harness::places(appd.folder.path());
        let options = Options { development: true, claim_data: true, approve: true, keep_image: false };
        let error = Store::new(&places).install(&package, options).unwrap_err().to_string();
        assert!(error.contains("wasi:cli/") && error.contains("wasi:stdio"), "{}: {error}", language.app);
    }
}
